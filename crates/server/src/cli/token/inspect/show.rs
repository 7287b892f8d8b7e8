//! A reading, laid out for a person. It says nothing for or against the token but that nothing was
//! checked.

use serde_json::Value;

use super::unchecked::{Kind, Reading};
use super::words;
use crate::cli::harmless;
use crate::cli::token::members::Members;

/// More of a name is not shown.
const MAX_NAME: usize = 40;

/// More of a value is not shown; `--json` shows all.
const MAX_VALUE: usize = 1000;

const UNCHECKED: &str =
    "Nothing was checked: anybody can have written this. `countersign token verify` checks.";

pub(super) fn text(reading: &Reading) -> String {
    let mut out = String::new();
    one(reading, &mut out);
    out.push('\n');
    out.push_str(UNCHECKED);
    out
}

fn one(reading: &Reading, out: &mut String) {
    line(out, &title(reading));
    if let Some(header) = &reading.header {
        line(out, "\nHeader");
        table(out, &rows(header, header_row));
    }
    if let Some(claims) = &reading.claims {
        line(out, "\nClaims");
        table(out, &rows(claims, |name, _| claim_row(reading, name)));
    }
    if let Some(payload) = &reading.payload {
        line(out, "\nPayload, which is no claims");
        line(out, &format!("  {}", shown(&Value::from(payload.as_str()))));
    }
    if reading.kind == Kind::Encrypted || reading.kind == Kind::Nested {
        line(out, "\nWhat is in it cannot be told without the key.");
    }
    if !reading.problems.is_empty() {
        line(out, "\nTo be noted");
        for problem in &reading.problems {
            line(out, &format!("  - {}", harmless::json(problem)));
        }
    }
    if let Some(inside) = &reading.inside {
        line(out, "\nInside of it:\n");
        one(inside, out);
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn title(reading: &Reading) -> String {
    let kind = match reading.kind {
        Kind::Signed => "A signed token (JWS)",
        Kind::Encrypted => "An encrypted token (JWE)",
        Kind::Nested => "An encrypted token (JWE) with a signed one inside, says its header",
        Kind::Unknown => return "No token.".to_owned(),
    };
    let sizes: Vec<String> = reading
        .sizes
        .0
        .iter()
        .map(|(name, bytes)| format!("{name} {bytes}"))
        .collect();
    if sizes.is_empty() {
        return format!("{kind}, {} bytes.", reading.bytes);
    }
    format!("{kind}, {} bytes: {}.", reading.bytes, sizes.join(", "))
}

/// Name, meaning, value.
type Row = [String; 3];

/// What a name means, and what is said in place of its bare value.
type Explained = (Option<String>, Option<String>);

fn rows(members: &Members, explain: impl Fn(&str, &Value) -> Explained) -> Vec<Row> {
    let row = |(name, value): &(String, Value)| {
        let (meaning, words) = explain(name, value);
        let bare = shown(value);
        let value = match words {
            Some(words) => format!("{bare}, {words}"),
            None => bare,
        };
        [cut(name, MAX_NAME), meaning.unwrap_or_default(), value]
    };
    members.0.iter().map(row).collect()
}

fn header_row(name: &str, value: &Value) -> Explained {
    let words = value.as_str().and_then(|text| words::of_value(name, text));
    (words::of_header(name), words.map(str::to_owned))
}

fn claim_row(reading: &Reading, name: &str) -> Explained {
    let time = reading.times.get(name);
    let words = time.map(|time| format!("{}, {}", time.utc, time.relative));
    (words::of_claim(name), words)
}

/// A value on one line, as JSON, so that a text can be told from a number.
fn shown(value: &Value) -> String {
    cut(&value.to_string(), MAX_VALUE)
}

/// Safe to look at, and not without end.
fn cut(text: &str, max: usize) -> String {
    let mut start: String = text.chars().take(max).collect();
    let more = text.chars().count().saturating_sub(max);
    start = harmless::json(&start).replace('\n', "\\n");
    if more > 0 {
        start = format!("{start}… ({more} more characters)");
    }
    start
}

fn table(out: &mut String, rows: &[Row]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let (name, meaning) = (width(0), width(1));
    for [a, b, c] in rows {
        line(out, &format!("  {a:name$}  {b:meaning$}  {c}"));
    }
}
