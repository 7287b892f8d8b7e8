//! What became of one token: a line for people, or an object for programs.

use countersign_jose::Refused;
use serde::Serialize;
use serde_json::Value;

use super::lines::Unreadable;
use crate::cli::harmless;
use crate::cli::print::Output;

/// What became of a token.
#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is good.
    Accepted(Accepted),
    /// It could be read, whoever wrote it.
    Decrypted(Decrypted),
    /// It is not good, or cannot be read.
    Refused(Refusal),
}

/// A token that was verified.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    pub(super) claims: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) typ: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
}

/// What was encrypted.
#[derive(Debug, Serialize)]
pub(super) struct Decrypted {
    /// If it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plaintext: Option<String>,
    /// If it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plaintext_base64url: Option<String>,
    pub(super) alg: &'static str,
    pub(super) enc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) typ: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
}

/// Why a token was refused, and what would have been needed.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    /// Stable: [`Refused::code`].
    pub(super) code: &'static str,
    pub(super) step: Step,
    /// A sentence.
    pub(super) message: String,
    /// What was there instead. Of a token whose signature does not hold, nothing but what its
    /// header says to find the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) got: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) needed: Option<String>,
}

/// Where a token was refused, in the order of verification: what comes after was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// Length, parts, base64url.
    Shape,
    /// What the header says.
    Header,
    /// Which key it is for.
    Key,
    /// Taking the encryption off.
    Decryption,
    /// Whether the key's owner signed it.
    Signature,
    /// What it says.
    Claims,
    /// When it says so.
    Time,
}

impl Step {
    /// Where this is noticed.
    pub(super) fn of(refused: &Refused) -> Self {
        match refused {
            Refused::TooLong
            | Refused::NotCompact
            | Refused::Encrypted
            | Refused::NotEncrypted
            | Refused::Base64(_)
            | Refused::Length(_) => Self::Shape,
            Refused::Header
            | Refused::DuplicateHeader
            | Refused::NoAlgorithm
            | Refused::UnknownAlgorithm
            | Refused::Rsa15
            | Refused::KeyWrap192
            | Refused::PasswordBased
            | Refused::NoEncryption
            | Refused::UnknownEncryption
            | Refused::Compressed
            | Refused::Critical
            | Refused::Unencoded
            | Refused::Parameter(_)
            | Refused::EphemeralKey
            | Refused::NotNested
            | Refused::Type { .. } => Self::Header,
            Refused::UnknownKey
            | Refused::WrongAlgorithm { .. }
            | Refused::WrongKeyManagement { .. }
            | Refused::WrongEncryption { .. }
            | Refused::AmbiguousKey => Self::Key,
            Refused::Decryption => Self::Decryption,
            Refused::Signature => Self::Signature,
            Refused::Payload
            | Refused::DuplicateClaim
            | Refused::TooManyClaims
            | Refused::Missing(_)
            | Refused::Malformed(_)
            | Refused::Issuer
            | Refused::Audience
            | Refused::Shape { .. } => Self::Claims,
            Refused::Expired { .. } | Refused::NotYet { .. } => Self::Time,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Header => "header",
            Self::Key => "key",
            Self::Decryption => "decryption",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Time => "time",
        }
    }
}

impl Verdict {
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// The verdict of a line that holds no token.
    pub(super) fn of_unreadable(line: Unreadable) -> Self {
        let refused = match line {
            Unreadable::TooLong => Refused::TooLong,
            Unreadable::NotText | Unreadable::NotJson => Refused::NotCompact,
        };
        let (message, needed) = match line {
            Unreadable::TooLong => (refused.to_string(), "a line of at most 16 KiB"),
            Unreadable::NotText => (
                "the line is not UTF-8, so it holds no token".to_owned(),
                "letters, digits, '-', '_' and dots",
            ),
            Unreadable::NotJson => (
                "the line is not a JSON string, so it holds no token".to_owned(),
                "one JSON string a line, such as \"eyJ…\", or --input lines",
            ),
        };
        Self::Refused(Refusal {
            code: refused.code(),
            step: Step::of(&refused),
            message,
            got: None,
            needed: Some(needed.to_owned()),
        })
    }

    /// One line, safe to look at, without its end.
    pub(super) fn line(&self, number: u64, output: Output) -> String {
        #[derive(Serialize)]
        struct Numbered<'v> {
            line: u64,
            #[serde(flatten)]
            verdict: &'v Verdict,
        }
        match output {
            Output::Json => json(&Numbered {
                line: number,
                verdict: self,
            }),
            Output::Text => self.text(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Accepted(accepted) => format!("accepted {}", json(&accepted.claims)),
            Self::Decrypted(decrypted) => decrypted.text(),
            Self::Refused(refusal) => refusal.text(),
        }
    }
}

impl Decrypted {
    fn text(&self) -> String {
        match (&self.plaintext, &self.plaintext_base64url) {
            (Some(text), _) => {
                let shown = harmless::json(text).replace('\n', "\\n");
                format!("decrypted {shown}")
            }
            (None, bytes) => {
                let bytes = bytes.as_deref().unwrap_or_default();
                format!("decrypted (no text, base64url) {bytes}")
            }
        }
    }
}

impl Refusal {
    fn text(&self) -> String {
        let mut text = format!("refused {} ({}): ", self.code, self.step.name());
        text.push_str(&harmless::text(&self.message));
        if let Some(got) = &self.got {
            text.push_str("; got ");
            text.push_str(&json(got));
        }
        if let Some(needed) = &self.needed {
            text.push_str("; needed: ");
            text.push_str(&harmless::text(needed));
        }
        text
    }
}

/// On one line, and safe to look at.
fn json(value: &impl Serialize) -> String {
    // A value of ours has string keys and no way to fail.
    let written = serde_json::to_string(value).unwrap_or_default();
    harmless::json(&written).into_owned()
}
