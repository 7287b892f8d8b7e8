//! Every page filled in once, with samples of what it is given and nothing else: an operator's own template that cannot be
//! shown is refused at the start, and not at its first visit.

use axum::http::HeaderMap;
use minijinja::context;
use minijinja::value::Value;

use super::reader::Address;
use super::render::{Pages, TEMPLATES};
use super::texts::LANGUAGES;

/// Fills in every page, in every language.
pub(super) fn rehearse(pages: &Pages) -> Result<(), minijinja::Error> {
    for language in LANGUAGES {
        let query = format!("client_id=sample&ui_locales={}", language.code());
        let address = Address::of_any("/sample", Some(&query), &HeaderMap::new());
        for (template, _) in TEMPLATES {
            for sample in samples(template) {
                pages.fill(template, &address, sample)?;
            }
        }
    }
    Ok(())
}

/// What a page is given: once all that there can be, and once as little. What others are made of is no page.
fn samples(template: &str) -> Vec<Value> {
    let client = "An application";
    let [full, bare] = match template {
        "layout.html" | "card.html" | "account.html" | "form.html" => return Vec::new(),
        "error.html" => return errors(),
        "sign-in.html" => [
            context! { form => tried(), client, registration => true, who => "Somebody" },
            context! { form => fresh(), client => NONE, registration => false },
        ],
        "register.html" => [
            context! { form => tried(), client, min => 8 },
            context! { form => fresh(), client => NONE, min => 8 },
        ],
        "signed-in.html" | "continue.html" => [
            context! { user => named(), client, session => "an id" },
            context! { user => unnamed(), client => NONE, session => "an id" },
        ],
        "sign-out.html" => [context! { user => named() }, context! { user => unnamed() }],
        "profile.html" => [
            context! { form => tried(), user => named(), section => "profile", since => "today" },
            context! { form => fresh(), user => unnamed(), section => "profile", since => "today" },
        ],
        "password.html" => [
            context! { form => tried(), user => named(), section => "password", min => 8 },
            context! { form => fresh(), user => unnamed(), section => "password", min => 8 },
        ],
        "sessions.html" => [
            context! { form => tried(), user => named(), section => "sessions", sessions => [session(true), session(false)], all => true },
            context! { form => fresh(), user => unnamed(), section => "sessions", sessions => NOTHING, all => false },
        ],
        "activity.html" => [
            context! { user => named(), section => "activity", lines => [line(true), line(false)] },
            context! { user => unnamed(), section => "activity", lines => NOTHING },
        ],
        // The others are given nothing of their own.
        _ => [context! {}, context! {}],
    };
    vec![
        context! { done => "It is done", ..full },
        context! { done => NONE, ..bare },
    ]
}

fn errors() -> Vec<Value> {
    let link = context! { text => "There", address => "/account" };
    let (title, text) = ("A title", "A text");
    vec![
        context! { title, text, detail => "a detail", reference => "an id", link },
        context! { title, text, detail => NONE, reference => NONE, link => NONE },
    ]
}

const NONE: Option<&str> = None;
const NOTHING: [&str; 0] = [];
const FIELDS: [&str; 7] = [
    "identifier",
    "name",
    "username",
    "email",
    "password",
    "current_password",
    "new_password",
];

/// A form with everything wrong.
fn tried() -> Value {
    let all = |text: &str| -> Value { FIELDS.map(|field| (field, text)).into_iter().collect() };
    context! { values => all("a value"), wrong => all("is wrong"), alert => "It is wrong", focus => "alert" }
}

fn fresh() -> Value {
    context! { values => context! {}, wrong => context! {}, alert => NONE, focus => NONE }
}

fn named() -> Value {
    context! { who => "Somebody", email => "sample@example.com", roles => ["a role"] }
}

fn unnamed() -> Value {
    context! { who => "sample@example.com", email => "sample@example.com", roles => NOTHING }
}

fn moment() -> Value {
    context! { iso => "2026-11-26T12:00:00Z", text => "a moment ago", exact => "26 November 2026" }
}

fn line(alarms: bool) -> Value {
    context! { what => "Something", alarms, at => moment(), about => ["A browser", "An application"] }
}

fn session(current: bool) -> Value {
    context! {
        id => "an id",
        current,
        device => "A browser",
        used => moment(),
        began => moment(),
        address => current.then_some("192.0.2.1"),
        clients => ["An application"],
    }
}
