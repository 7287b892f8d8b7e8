//! How answers look: JSON for programs, tables for people.

use std::cmp::Ordering;
use std::fmt::Display;
use std::io::{self, Write};

pub(super) use crate::calendar::time;
use countersign_jose::UnixTime;
use serde::Serialize;
use serde_json::json;

use super::harmless;
use super::operator::Failure;

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// People.
    Text,
    /// Programs.
    Json,
}

impl Output {
    /// Shows `value`: as JSON, or as `text` makes it.
    pub(super) fn show<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        let shown = match self {
            // A value of ours has string keys and no way to fail.
            Self::Json => harmless::json(&serde_json::to_string_pretty(value).unwrap_or_default())
                .into_owned(),
            Self::Text => text(value),
        };
        if !shown.is_empty() {
            say(&shown);
        }
    }

    /// Shows a failure, on standard error.
    pub(super) fn failure(self, failure: &Failure) {
        match self {
            Self::Text => eprintln!("countersign: {failure}"),
            Self::Json => eprintln!(
                "{}",
                json!({ "error": { "code": failure.code(), "message": failure.to_string() } })
            ),
        }
    }
}

/// Prints a line. A reader who has gone (`| head`) has seen enough.
pub(super) fn say(text: &str) {
    drop(writeln!(io::stdout().lock(), "{}", text.trim_end()));
}

/// Columns, as wide as they must be.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|text| text.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let mut line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{:width$}", harmless::text(cell)))
            .collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    };
    line(head);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    out
}

/// Names and values, one a line; what has no value is left out.
pub(super) fn list(items: &[(&str, Option<String>)]) -> String {
    let lines: Vec<String> = items
        .iter()
        .filter_map(|(name, value)| Some(format!("{name:14} {}", harmless::text(value.as_ref()?))))
        .collect();
    lines.join("\n")
}

/// What there may not be.
pub(super) fn or_dash(value: Option<&impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// How long, in its largest unit: `12 s`, `4 min`, `2 h`, `3 days`, `2 years`.
pub(super) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (2 * 365 * 86_400, "years"),
        (2 * 86_400, "days"),
        (3600, "h"),
        (60, "min"),
    ];
    let unit = UNITS.iter().find(|(from, _)| seconds >= *from);
    match unit {
        None => format!("{seconds} s"),
        Some((_, "years")) => format!("{} years", seconds / (365 * 86_400)),
        Some((_, "days")) => format!("{} days", seconds / 86_400),
        Some((size, name)) => format!("{} {name}", seconds / size),
    }
}

/// When that is, seen from now: `in 4 min`, `2 h ago`, `now`.
pub(super) fn from_now(at: UnixTime, now: UnixTime) -> String {
    let (at, now) = (at.as_secs(), now.as_secs());
    match at.cmp(&now) {
        Ordering::Less => format!("{} ago", span(now - at)),
        Ordering::Equal => "now".to_owned(),
        Ordering::Greater => format!("in {}", span(at - now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_one_unit() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
            (63_072_000, "2 years"),
            (u64::MAX, "584942417355 years"),
        ] {
            assert_eq!(span(seconds), shown);
        }
        let at = UnixTime::from_secs;
        assert_eq!(from_now(at(300), at(60)), "in 4 min");
        assert_eq!(from_now(at(0), at(7200)), "2 h ago");
        assert_eq!(from_now(at(7), at(7)), "now");
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        let shown = table(["NAME"], &[["\u{1b}[2Jada\n".to_owned()]]);
        assert_eq!(shown, "NAME\n\u{fffd}[2Jada\u{fffd}\n");
    }
}
