//! What the pages say: every text of a language in one file, and which language somebody reads.

use std::time::Duration;

use minijinja::value::{Serde, Value};
use toml::Table;

/// The languages there are. The first is for whoever asks for none of them.
pub(crate) const LANGUAGES: [Language; 2] = [Language::English, Language::German];

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

impl Language {
    /// Its tag (RFC 5646).
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The same with its region, by which scripts write dates, and voices read.
    pub(crate) const fn locale(self) -> &'static str {
        match self {
            Self::English => "en-GB",
            Self::German => "de",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("en.toml"),
            Self::German => include_str!("de.toml"),
        }
    }

    /// The language of a tag, whatever region or script it names beside.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        LANGUAGES
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The first of a list of tags that the pages speak (`ui_locales`, OpenID Connect Core §3.1.2.1).
    pub(crate) fn of_list(tags: &str) -> Option<Self> {
        tags.split(' ').find_map(Self::of_tag)
    }

    /// What a browser prefers (`Accept-Language`, RFC 9110 §12.5.4). Of two that it likes alike, the one that it names first.
    pub(crate) fn of_browser(accepted: &str) -> Option<Self> {
        let mut best: Option<(Self, u16)> = None;
        for range in accepted.split(',').take(32) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = weight(parameters);
            let Some(language) = Self::of_tag(tag).filter(|_| weight > 0) else {
                continue;
            };
            if best.is_none_or(|(_, highest)| weight > highest) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// A weight in thousandths (RFC 9110 §12.4.2); what cannot be read counts as nothing.
fn weight(parameters: &str) -> u16 {
    let Some(value) = parameters.trim().strip_prefix("q=") else {
        return 1000;
    };
    let (whole, rest) = value.split_once('.').unwrap_or((value, ""));
    let digits: String = rest.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("1", _) => 1000,
        ("0", Ok(thousandths)) => thousandths,
        _ => 0,
    }
}

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    table: Table,
    /// The same, as templates read it.
    pub(crate) value: Value,
}

impl Texts {
    /// Those of this language, which are part of the binary.
    ///
    /// # Panics
    /// If the file is no TOML: a test reads it.
    pub(crate) fn of(language: Language) -> Self {
        let table: Table = language
            .source()
            .parse()
            .expect("the texts are TOML, which a test has seen");
        let value = Value::from(Serde(&table));
        Self { table, value }
    }

    /// The text of a key with dots in it, if there is one.
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        let (parents, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &self.table;
        for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
            table = table.get(parent)?.as_table()?;
        }
        table.get(name)?.as_str()
    }

    /// The text of a key; one that is missing shows itself.
    pub(crate) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).unwrap_or(key)
    }

    /// The text of a key, with something put in.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.get(key), values)
    }

    /// How long ago that was; `None`: so long that the day says more.
    pub(crate) fn ago(&self, time: Duration) -> Option<String> {
        let minutes = time.as_secs() / 60;
        let (number, key) = match minutes {
            0 => (0, "moment"),
            1 => (1, "minute"),
            2..60 => (minutes, "minutes"),
            60..120 => (1, "hour"),
            120..1440 => (minutes / 60, "hours"),
            1440..2880 => (1, "day"),
            2880..10_080 => (minutes / 1440, "days"),
            _ => return None,
        };
        Some(self.fill(&format!("ago.{key}"), &[("n", &number.to_string())]))
    }

    /// How long that is, in the largest unit that says it whole enough for somebody who waits.
    pub(crate) fn wait(&self, seconds: u32) -> String {
        let (number, one, many) = match seconds {
            0..=90 => (seconds.max(1), "wait.second", "wait.seconds"),
            91..=5400 => (seconds.div_ceil(60), "wait.minute", "wait.minutes"),
            _ => (seconds.div_ceil(3600), "wait.hour", "wait.hours"),
        };
        let key = if number == 1 { one } else { many };
        self.fill(key, &[("n", &number.to_string())])
    }
}

/// Puts values in the place of their names in braces. What is put in is not looked at again.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every key, with what it wants put in.
    fn keys(table: &Table, prefix: &str, found: &mut BTreeMap<String, Vec<String>>) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            match value {
                toml::Value::Table(inner) => keys(inner, &format!("{key}."), found),
                toml::Value::String(text) => {
                    let mut names: Vec<String> = text
                        .split('{')
                        .skip(1)
                        .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
                        .collect();
                    names.sort();
                    found.insert(key, names);
                }
                other => panic!("{key} is no text: {other}"),
            }
        }
    }

    #[test]
    fn every_language_says_everything() {
        let said = LANGUAGES.map(|language| {
            let mut found = BTreeMap::new();
            keys(&Texts::of(language).table, "", &mut found);
            found
        });
        for other in &said[1..] {
            assert_eq!(&said[0], other);
        }
    }

    #[test]
    fn the_language_is_what_the_browser_likes_best() {
        for (accepted, language) in [
            ("de", Some(Language::German)),
            ("de-AT,de;q=0.9,en;q=0.8", Some(Language::German)),
            ("en-GB, de", Some(Language::English)),
            ("fr, de;q=0.5, en;q=0.6", Some(Language::English)),
            ("fr, DE-de;q=0.51, en;q=0.5", Some(Language::German)),
            ("de;q=0, en;q=0.1", Some(Language::English)),
            ("de;q=nonsense, en;q=0.001", Some(Language::English)),
            ("fr", None),
            ("*", None),
            ("", None),
            (";;,,;q=", None),
            ("deutsch", None),
        ] {
            assert_eq!(Language::of_browser(accepted), language, "{accepted:?}");
        }
        assert_eq!(Language::of_list("fr-CA de-CH en"), Some(Language::German));
        assert_eq!(Language::of_list("fr"), None);
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let values = [("who", "{what}"), ("what", "x")];
        let filled = fill("{who} and {what}, {nobody}.{", &values);
        assert_eq!(filled, "{what} and x, .");
    }

    #[test]
    fn what_was_lately_is_told_by_how_long_ago() {
        let texts = Texts::of(Language::English);
        for (seconds, told) in [
            (0, Some("just now")),
            (59, Some("just now")),
            (60, Some("1 minute ago")),
            (3599, Some("59 minutes ago")),
            (3600, Some("1 hour ago")),
            (86_399, Some("23 hours ago")),
            (86_400, Some("1 day ago")),
            (604_799, Some("6 days ago")),
            (604_800, None),
        ] {
            let ago = texts.ago(Duration::from_secs(seconds));
            assert_eq!(ago.as_deref(), told, "{seconds}");
        }
    }

    #[test]
    fn a_wait_is_told_in_one_unit() {
        let texts = Texts::of(Language::English);
        for (seconds, told) in [
            (0, "one second"),
            (1, "one second"),
            (30, "30 seconds"),
            (90, "90 seconds"),
            (91, "2 minutes"),
            (3600, "60 minutes"),
            (5401, "2 hours"),
        ] {
            assert_eq!(texts.wait(seconds), told);
        }
        assert_eq!(Texts::of(Language::German).wait(1), "einer Sekunde");
    }
}
