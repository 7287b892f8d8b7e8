//! `/account/activity`: what the audit trail says of an account, to its owner.

use axum::extract::State;
use axum::response::Response;
use countersign_auth::model::audit::{Actor, AuditEntry, Happening};
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::super::Reader;
use super::super::device::device;
use super::super::reader::Refusal;
use super::super::texts::Texts;
use super::{Moment, client_name, page, place};
use crate::http::{App, Problem};

/// How many lines are shown.
const LINES: u32 = 50;

/// A line of the trail, in words.
#[derive(Serialize)]
struct Line {
    what: String,
    /// Whether it may have been somebody else.
    alarms: bool,
    at: Moment,
    about: Vec<String>,
}

impl Line {
    /// `None`: nothing that its owner did, or would want to hear of.
    fn new(app: &App, texts: &Texts, entry: &AuditEntry) -> Option<Self> {
        let now = app.auth().env().now();
        let what = texts.get(key(entry.what)?).to_owned();
        let origin = &entry.origin;
        let mut about = Vec::new();
        match origin.actor {
            Actor::User => about.extend(
                origin
                    .agent
                    .as_deref()
                    .map(|agent| device(texts, Some(agent))),
            ),
            Actor::Operator => about.push(texts.get("activity.operator").to_owned()),
            Actor::Server => about.push(texts.get("activity.server").to_owned()),
        }
        about.extend(origin.address.as_deref().map(|from| place(texts, from)));
        if let Some(client) = &entry.client {
            let client = client_name(app, texts, client);
            about.push(texts.fill("activity.for", &[("client", &client)]));
        }
        Some(Self {
            what,
            alarms: alarms(entry.what),
            at: Moment::new(texts, origin.at, now),
            about,
        })
    }
}

/// Whether it may have been somebody else.
const fn alarms(what: Happening) -> bool {
    matches!(
        what,
        Happening::SignInFailed | Happening::RefreshTokenReused | Happening::RetriedFromElsewhere
    )
}

/// What it is called.
const fn key(what: Happening) -> Option<&'static str> {
    use Happening as H;
    Some(match what {
        H::UserRegistered => "activity.what.user_registered",
        H::UserChanged => "activity.what.user_changed",
        H::UserDisabled => "activity.what.user_disabled",
        H::UserEnabled => "activity.what.user_enabled",
        H::UserExported => "activity.what.user_exported",
        H::PasswordChanged => "activity.what.password_changed",
        H::SignedIn => "activity.what.signed_in",
        H::SignInFailed => "activity.what.sign_in_failed",
        H::SessionEnded => "activity.what.session_ended",
        H::SessionsEnded => "activity.what.sessions_ended",
        H::RefreshTokenReused => "activity.what.refresh_token_reused",
        H::StoreLostWrites => "activity.what.store_lost_writes",
        H::RetriedFromElsewhere => "activity.what.retried_from_elsewhere",
        H::Revoked => "activity.what.revoked",
        // The server's own affair, or nobody's who could look.
        H::PasswordRehashed
        | H::UserDeleted
        | H::ClientAdded
        | H::ClientChanged
        | H::ClientDisabled
        | H::ClientEnabled
        | H::ClientSecretAdded
        | H::ServiceTokenIssued
        | H::ClientNotProved
        | H::KeyAdded
        | H::KeyMoved
        | H::KeyRemoved
        | H::EverybodySignedOut
        | H::StoreRestored => return None,
    })
}

pub(in crate::pages) async fn show(
    State(app): State<App>,
    reader: Reader,
) -> Result<Response, Refusal> {
    let live = reader.owner(&app).await?;
    let texts = app.pages().texts(reader.address.language());
    let trail = app.auth().my_activity(live.claims(), LINES).await;
    let trail = trail.map_err(Problem::from)?;
    let lines: Vec<Line> = trail
        .iter()
        .filter_map(|entry| Line::new(&app, texts, entry))
        .collect();
    let page = page(&app, &reader, &live, "activity", "activity.html")
        .with(context! { lines => Value::from(Serde(&lines)) });
    Ok(page.answer()?)
}
