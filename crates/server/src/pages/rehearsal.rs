//! Every template filled in once, with samples of what it is given: an operator's own that cannot be shown is refused at the
//! start, and not at its first visit.

use axum::http::HeaderMap;
use minijinja::context;
use minijinja::value::Value;

use super::reader::Address;
use super::render::{Pages, TEMPLATES};
use super::texts::LANGUAGES;

/// Fills in every template, in every language: once with all there can be, and once with nothing that may be missing.
pub(super) fn rehearse(pages: &Pages) -> Result<(), minijinja::Error> {
    for language in LANGUAGES {
        let query = format!("client_id=sample&ui_locales={}", language.code());
        let address = Address::of_any("/sample", Some(&query), &HeaderMap::new());
        for (template, _) in TEMPLATES {
            pages.fill(template, &address, full())?;
            pages.fill(template, &address, bare())?;
        }
    }
    Ok(())
}

const EMAIL: &str = "sample@example.com";
const FIELDS: [&str; 7] = [
    "identifier",
    "name",
    "username",
    "email",
    "password",
    "current_password",
    "new_password",
];

fn full() -> Value {
    let said = |text: &str| -> Value { FIELDS.map(|field| (field, text)).into_iter().collect() };
    let moment = context! { iso => "2026-11-26T12:00:00Z", text => "a moment ago", exact => "26 November 2026" };
    let session = |current: bool| {
        context! {
            id => "sample",
            current,
            device => "A browser",
            used => moment.clone(),
            began => moment.clone(),
            address => "192.0.2.1",
            clients => ["An application"],
        }
    };
    context! {
        client => "An application",
        done => "Done",
        who => "Somebody",
        registration => true,
        form => context! {
            values => said("a value"),
            wrong => said("is wrong"),
            alert => "It is wrong",
            focus => "password",
        },
        lines => [context! { what => "Something", alarms => true, at => moment.clone(), about => ["A browser"] }],
        sessions => [session(true), session(false)],
        session => "sample",
        all => true,
        user => context! { who => "Somebody", email => EMAIL, roles => ["a role"] },
        detail => "a detail",
        reference => "an id",
        link => context! { text => "There", address => "/account" },
        ..always()
    }
}

fn bare() -> Value {
    let none = Value::from(());
    let nothing: [&str; 0] = [];
    context! {
        client => none.clone(),
        done => none.clone(),
        who => none.clone(),
        registration => false,
        form => context! { values => context! {}, wrong => context! {}, alert => none.clone(), focus => none.clone() },
        lines => nothing,
        sessions => nothing,
        session => "sample",
        all => false,
        user => context! { who => EMAIL, email => EMAIL, roles => nothing },
        detail => none.clone(),
        reference => none.clone(),
        link => none,
        ..always()
    }
}

fn always() -> Value {
    context! { title => "A title", text => "A text", since => "26 November 2026", min => 8, section => "profile" }
}
