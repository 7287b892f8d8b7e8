//! Which passwords are accepted: long enough, not too long, not one that everybody tries first, not the name itself.
//! No rules about kinds of characters (NIST SP 800-63B-4 §3.1.1.2).

use super::{Password, PasswordSettings, common};

/// Most characters of a password, counted after normalisation (NFC).
pub const MAX_LENGTH: usize = 256;

/// Why a password is not accepted as a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordPolicyError {
    /// Too few characters.
    #[error("the password is too short: use at least {min} characters")]
    TooShort {
        /// Fewest characters.
        min: usize,
    },
    /// Too many characters.
    #[error("the password is too long: use at most {max} characters")]
    TooLong {
        /// Most characters.
        max: usize,
    },
    /// It is on the list of those that attackers try first, or one repeated or counted-up character.
    #[error("the password is one of the first that an attacker would try: choose another")]
    Common,
    /// It is the e-mail address or user name, or the part of the address before the `@`.
    #[error("the password is the same as the e-mail address or user name: choose another")]
    SameAsIdentifier,
}

impl PasswordSettings {
    /// Whether `password` may become the password of an account with these `identifiers` (its e-mail address and
    /// user name). Only for new passwords: an old one that would be refused today still signs in.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(
        &self,
        password: &Password,
        identifiers: &[&str],
    ) -> Result<(), PasswordPolicyError> {
        let text = password
            .text()
            .ok_or(PasswordPolicyError::TooLong { max: MAX_LENGTH })?;
        if text.chars().count() < self.min_length {
            return Err(PasswordPolicyError::TooShort {
                min: self.min_length,
            });
        }
        let folded = zeroize::Zeroizing::new(text.to_lowercase());
        if common::contains(&folded) || is_a_run(&folded) {
            return Err(PasswordPolicyError::Common);
        }
        if identifiers.iter().any(|name| names(name, folded.trim())) {
            return Err(PasswordPolicyError::SameAsIdentifier);
        }
        Ok(())
    }
}

/// One character repeated, or each the next (or each the last) of the one before: `aaaaaaaa`, `23456789`, `hgfedcba`.
fn is_a_run(text: &str) -> bool {
    let steps = || {
        let codes = text.chars().map(u32::from).map(i64::from);
        codes.clone().zip(codes.skip(1)).map(|(a, b)| b - a)
    };
    matches!(steps().next(), Some(-1..=1)) && steps().all(|step| Some(step) == steps().next())
}

fn names(identifier: &str, folded: &str) -> bool {
    let identifier = identifier.to_lowercase();
    let local_part = identifier.split('@').next();
    identifier == folded || local_part == Some(folded)
}

#[cfg(test)]
mod tests {
    use super::is_a_run;

    #[test]
    fn runs() {
        for run in ["aaaaaaaa", "12345678", "hgfedcba", "ßßßßßßßß"] {
            assert!(is_a_run(run), "{run}");
        }
        for other in ["", "a", "aaaaaaab", "12345679", "abcabcab", "13579bdf"] {
            assert!(!is_a_run(other), "{other}");
        }
    }
}
