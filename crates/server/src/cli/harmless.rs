//! Text from strangers, made safe to look at.
//!
//! A terminal obeys control characters, and whoever reads is deceived by marks that turn writing
//! around or cannot be seen. None of them is printed as it is.

use std::borrow::Cow;

/// JSON in which every such character is escaped: the same value (RFC 8259 §7), safe to look at.
/// Line breaks stay: inside of strings there are none.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    replace(text, |c, out| {
        if c == '\n' {
            return out.push('\n');
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.extend(["\\u", &format!("{unit:04x}")]);
        }
    })
}

/// Text in which every such character is replaced.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    replace(text, |_, out| out.push('\u{fffd}'))
}

fn replace(text: &str, put: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            put(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_harmful(c: char) -> bool {
    matches!(
        c,
        // Cannot be seen: soft hyphen, fillers, zero width, joiners, marks of byte order, tags.
        '\u{ad}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2064}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
            // Turn writing around (Unicode standard annex 9).
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}'
            // End a line.
            | '\u{2028}'..='\u{2029}'
    ) || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\r\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{2028}\u{e0041}é";

    #[test]
    fn nothing_harmful_is_left_in_text() {
        let shown = text(HOSTILE);
        assert_eq!(
            shown,
            "a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}é"
        );
        assert!(matches!(text("é ok"), Cow::Borrowed("é ok")));
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "é", 1] });
        for written in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let shown = json(&written);
            let seen = |c| c != '\n' && is_harmful(c);
            assert!(!shown.contains(seen), "{shown:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
                value
            );
        }
    }
}
