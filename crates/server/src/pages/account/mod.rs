//! `/account`: what people see of their account, and may change.

pub(super) mod activity;
pub(super) mod password;
pub(super) mod profile;
pub(super) mod sessions;

use std::net::IpAddr;

use axum::response::Response;
use countersign_auth::env::Timestamp;
use countersign_auth::live::LiveSession;
use countersign_auth::model::id::ClientId;
use minijinja::context;
use serde::Serialize;

use super::Reader;
use super::reader::go;
use super::render::Page;
use super::texts::Texts;
use crate::calendar;
use crate::http::App;

/// `/`: whoever comes without a wish sees their account, or signs in to it.
pub(super) async fn home(reader: Reader) -> Response {
    go(&format!("/account{}", reader.address.home_query()))
}

/// A page of somebody's account.
fn page<'a>(
    app: &'a App,
    reader: &'a Reader,
    live: &LiveSession,
    section: &'static str,
    template: &'static str,
) -> Page<'a> {
    Page::new(app, reader, template)
        .of(live.user())
        .with(context! { section })
}

/// A moment: as long ago as it was, exactly, and for a script.
#[derive(Serialize)]
struct Moment {
    iso: String,
    text: String,
    exact: String,
}

impl Moment {
    fn new(texts: &Texts, at: Timestamp, now: Timestamp) -> Self {
        let day = || in_words(texts, at, "dates.day");
        Self {
            iso: calendar::time(at),
            text: texts.ago(now.since(at)).unwrap_or_else(day),
            exact: in_words(texts, at, "dates.moment"),
        }
    }
}

/// An address as people know it. The loopback's says nothing of the device: a proxy on the same machine has it, too.
fn place(texts: &Texts, address: &str) -> String {
    let parsed = address.parse::<IpAddr>();
    if parsed.is_ok_and(|address| address.to_canonical().is_loopback()) {
        return texts.get("sessions.local").to_owned();
    }
    address.to_owned()
}

/// A day, or a moment, as the language writes it.
fn in_words(texts: &Texts, at: Timestamp, key: &str) -> String {
    let seconds = at.as_millis() / 1000;
    let (year, month, day) = calendar::date(seconds / 86_400);
    let time = format!("{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60);
    texts.fill(
        key,
        &[
            ("day", &day.to_string()),
            ("month", texts.get(&format!("months.{month}"))),
            ("year", &year.to_string()),
            ("time", &time),
        ],
    )
}

/// What people call an application.
fn client_name(app: &App, texts: &Texts, id: &ClientId) -> String {
    if id.as_str() == ClientId::ACCOUNT {
        return texts.get("sessions.own_pages").to_owned();
    }
    let client = app.auth().client(Some(id.as_str()));
    client.map_or_else(|| id.to_string(), |client| client.name.clone())
}
