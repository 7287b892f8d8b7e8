//! Who somebody says they are: e-mail addresses, user names and display names, checked and brought into the one form in
//! which they are stored and compared.

use unicode_normalization::UnicodeNormalization as _;

use crate::model::user::Identifier;

/// Most bytes of an address (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_EMAIL: usize = 254;
/// Most bytes of the part before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// Most bytes of one label of a domain (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
/// Most bytes of a display name.
const MAX_NAME: usize = 200;

/// A text that cannot be an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Over 254 bytes, or over 64 before the `@`.
    #[error("the email address is too long: at most 254 bytes, and at most 64 before the @")]
    TooLong,
    /// Not of the form `somebody@example.org`.
    #[error("this is not an email address: something like somebody@example.org is expected")]
    Form,
    /// A character that no address needs: a space, a control character, a quotation mark.
    #[error("the email address holds a character that is not accepted: {0:?}")]
    Character(char),
    /// What follows the `@` is no host name.
    #[error("what follows the @ of the email address is not the name of a domain")]
    Domain,
}

/// A text that cannot be a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// Too short or too long.
    #[error("a username has 3 to 64 characters")]
    Length,
    /// A character outside `a-z`, `0-9`, `.`, `_`, `-`.
    #[error("a username has only the characters a-z, 0-9, '.', '_' and '-', not {0:?}")]
    Character(char),
    /// Does not begin with a letter or digit.
    #[error("a username begins with a letter or a digit")]
    Start,
}

/// A text that cannot be a display name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing, or nothing but spaces.
    #[error("the name is empty")]
    Empty,
    /// Over 200 bytes.
    #[error("the name is too long: at most 200 bytes")]
    TooLong,
    /// A control character, or one that turns the direction of the text around it.
    #[error("the name holds a character that is not accepted: {0:?}")]
    Character(char),
}

impl Identifier {
    /// What somebody typed to say who they are, in the form in which it is stored: an address if there is an `@` in
    /// it, otherwise a user name. `None`: nobody can have registered with it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            email(text).ok().map(Self::Email)
        } else {
            username(text).ok().map(Self::Username)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(text) | Self::Username(text) => text,
        }
    }
}

/// An e-mail address, composed (NFC), trimmed and in lower case as a whole: RFC 5321 §2.4 lets a host tell `Ann@` from
/// `ann@`, but none does, and a person must not have two accounts by accident. Quoted local parts and address literals
/// are not accepted; letters of any script are (RFC 6531), and an internationalised domain is kept as typed.
///
/// # Errors
/// Why it cannot be one.
pub fn email(text: &str) -> Result<String, InvalidEmail> {
    let text = text.trim();
    // Composing never takes more than three times the bytes away; longer ones need not be looked at.
    if text.len() > 3 * MAX_EMAIL {
        return Err(InvalidEmail::TooLong);
    }
    let email = folded(text);
    if email.len() > MAX_EMAIL {
        return Err(InvalidEmail::TooLong);
    }
    let (local_part, domain) = email.split_once('@').ok_or(InvalidEmail::Form)?;
    if domain.contains('@') || local_part.is_empty() || domain.is_empty() {
        return Err(InvalidEmail::Form);
    }
    if local_part.len() > MAX_LOCAL_PART {
        return Err(InvalidEmail::TooLong);
    }
    // The atoms of RFC 5322 §3.2.3, with the letters of RFC 6531.
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if let Some(other) = local_part.chars().find(|&c| !atom(c)) {
        return Err(InvalidEmail::Character(other));
    }
    if local_part.split('.').any(str::is_empty) {
        return Err(InvalidEmail::Form);
    }
    if !is_domain(domain) {
        return Err(InvalidEmail::Domain);
    }
    Ok(email)
}

/// A user name, trimmed and in lower case: 3 to 64 characters of `a-z`, `0-9`, `.`, `_`, `-`, a letter or digit first.
/// None of them can be mistaken for another, or for an address.
///
/// # Errors
/// Why it cannot be one.
pub fn username(text: &str) -> Result<String, InvalidUsername> {
    let text = text.trim();
    if !(3..=64).contains(&text.chars().count()) {
        return Err(InvalidUsername::Length);
    }
    let username = text.to_ascii_lowercase();
    let alphabet = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if let Some(other) = username.chars().find(|&c| !alphabet(c)) {
        return Err(InvalidUsername::Character(other));
    }
    if !username.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(InvalidUsername::Start);
    }
    Ok(username)
}

/// What to call somebody: any text of 1 to 200 bytes, composed (NFC) and trimmed.
///
/// # Errors
/// Why it cannot be one.
pub fn name(text: &str) -> Result<String, InvalidName> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > 3 * MAX_NAME {
        return Err(InvalidName::TooLong);
    }
    let name: String = text.nfc().collect();
    if name.len() > MAX_NAME {
        return Err(InvalidName::TooLong);
    }
    // Overrides and isolates of direction (Unicode's Bidi_Control), which let a name rewrite what stands beside it.
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c| matches!(c, '\u{2028}' | '\u{2029}');
    match name
        .chars()
        .find(|&c| c.is_control() || turns(c) || breaks(c))
    {
        Some(other) => Err(InvalidName::Character(other)),
        None => Ok(name),
    }
}

/// Lower case and composed; both again, because either can undo the other.
fn folded(text: &str) -> String {
    let once: String = text
        .nfc()
        .collect::<String>()
        .to_lowercase()
        .nfc()
        .collect();
    once.to_lowercase().nfc().collect()
}

/// Labels of letters, digits and inner hyphens; at least two of them (or `localhost`), the last not a number.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    domain.split('.').all(is_label)
        && match domain.rsplit_once('.') {
            Some((_, last)) => !number(last),
            None => domain == "localhost",
        }
}
