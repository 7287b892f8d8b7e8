//! Why a token was refused, for whoever has to find out: what was there, and what was needed.
//!
//! Of claims and type it tells only what was signed by a key that is trusted, for it asks
//! `countersign-jose` for them, which gives out nothing else. What the header names to find a key
//! is told before.

use countersign_auth::env::Timestamp;
use countersign_jose::{
    Algorithm, Claim, ContentEncryption, DecryptionKeySet, KeyManagement, KeySet, MAX_CLAIMS,
    MAX_LEEWAY, Refused, UnixTime, Unverified, jwe, jws,
};
use serde_json::{Value, json};

use super::verdict::{Refusal, Step};
use crate::cli::print::{from_now, span, time};

/// So many keys of a set are named.
const MAX_NAMED: usize = 8;

/// What a token was asked to be.
pub(super) struct Asked<'a> {
    pub(super) keys: &'a KeySet,
    /// If it must be encrypted.
    pub(super) decrypt_keys: Option<&'a DecryptionKeySet>,
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) leeway: u64,
}

/// What was there, and what was needed.
type GotAndNeeded = (Option<Value>, Option<String>);

impl Asked<'_> {
    /// The refusal in full.
    pub(super) fn explain(&self, token: &str, refused: &Refused) -> Refusal {
        let Some(keys) = self.decrypt_keys else {
            return whole(refused, self.got_and_needed(token, refused));
        };
        // If it can be decrypted, it is what was inside that was refused.
        match jwe::decrypt(token, keys) {
            Ok(content) if *refused != Refused::NotNested => {
                let signed = std::str::from_utf8(content.plaintext()).unwrap_or_default();
                whole(refused, self.got_and_needed(signed, refused))
            }
            _ => of_decryption(token, refused, keys),
        }
    }

    fn got_and_needed(&self, token: &str, refused: &Refused) -> GotAndNeeded {
        let needed = |text: &str| Some(text.to_owned());
        match refused {
            Refused::TooLong => (None, needed(BOUNDS)),
            Refused::NotCompact => (None, Some(shape_hint(token, SIGNED))),
            Refused::Base64(_) => (None, habit(token).map(str::to_owned)),
            Refused::Encrypted => (
                None,
                needed("a signed token, or --decrypt-keys with the private key that it is for"),
            ),
            Refused::UnknownAlgorithm => (None, one_of(&Algorithm::ALL.map(Algorithm::name))),
            Refused::Critical | Refused::Unencoded => (None, needed("a header without it")),
            Refused::Type { needed } => {
                let got = self.signed(token).map(|signed| json!(signed.typ()));
                (
                    got,
                    Some(format!("{needed}, or another --typ if that is meant")),
                )
            }
            Refused::UnknownKey => (named_key(token), Some(self.known_keys())),
            Refused::WrongAlgorithm { key } => (
                named_key(token),
                Some(format!("{key}, which this key is for")),
            ),
            Refused::AmbiguousKey => (
                named_key(token),
                needed("a key id in the header, or a set with one key of this algorithm"),
            ),
            Refused::Signature => (
                named_key(token),
                needed(
                    "the bytes that this key signed: the token was changed, or another key has this id",
                ),
            ),
            Refused::Payload => (None, needed("a JSON object, which is what claims are")),
            Refused::DuplicateClaim => (None, needed("every claim once")),
            Refused::TooManyClaims => {
                let most = format!("{MAX_CLAIMS} claims at most");
                (None, needed(&most))
            }
            Refused::Missing(Claim::Issuer) => (None, Some(format!("iss: {}", json!(self.issuer)))),
            Refused::Missing(Claim::Audience) => {
                (None, Some(format!("aud: {}", json!(self.audience))))
            }
            Refused::Missing(_) => (None, needed("a token that expires")),
            Refused::Malformed(claim) => (self.claim(token, claim.name()), None),
            Refused::Issuer => (
                self.claim(token, "iss"),
                Some(json!(self.issuer).to_string()),
            ),
            Refused::Audience => (
                self.claim(token, "aud"),
                Some(format!("{}, alone or in an array", json!(self.audience))),
            ),
            Refused::Expired { at, now } => (Some(json!(utc(*at))), Some(self.expired(*at, *now))),
            Refused::NotYet { at, now } => (Some(json!(utc(*at))), Some(self.not_yet(*at, *now))),
            // Its message says it all, or it is not said of a signed token.
            Refused::Header
            | Refused::DuplicateHeader
            | Refused::NoAlgorithm
            | Refused::Shape { .. }
            | Refused::NotEncrypted
            | Refused::Rsa15
            | Refused::KeyWrap192
            | Refused::PasswordBased
            | Refused::NoEncryption
            | Refused::UnknownEncryption
            | Refused::Compressed
            | Refused::WrongKeyManagement { .. }
            | Refused::WrongEncryption { .. }
            | Refused::Parameter(_)
            | Refused::EphemeralKey
            | Refused::Length(_)
            | Refused::Decryption
            | Refused::NotNested => (None, None),
        }
    }

    /// What was signed, if the signature holds.
    fn signed(&self, token: &str) -> Option<jws::VerifiedBytes> {
        jws::verify(token, self.keys).ok()
    }

    /// A claim of a token whose signature holds.
    fn claim(&self, token: &str, name: &str) -> Option<Value> {
        let signed = self.signed(token)?;
        let claims: Value = serde_json::from_slice(signed.payload()).ok()?;
        claims.get(name).cloned()
    }

    fn known_keys(&self) -> String {
        let keys = self.keys.iter();
        let mut text = known(keys.map(|key| (key.kid(), key.algorithm().name())));
        for why in self.keys.ignored().iter().take(MAX_NAMED) {
            text = format!("{text}; a key of the set was left out: {why}");
        }
        text
    }

    fn expired(&self, at: UnixTime, now: UnixTime) -> String {
        let late = now.as_secs().saturating_sub(at.as_secs());
        let now = utc(now);
        let leeway = self.leeway_said("less");
        let advice = if late < MAX_LEEWAY {
            format!(". If two clocks disagree, --leeway {} would do", late + 1)
        } else {
            String::new()
        };
        format!("an exp after {now}, which is now{leeway}{advice}")
    }

    fn not_yet(&self, at: UnixTime, now: UnixTime) -> String {
        let early = at.as_secs().saturating_sub(now.as_secs());
        let (now, behind) = (utc(now), span(early));
        let leeway = self.leeway_said("plus");
        let advice = if early <= MAX_LEEWAY {
            format!(": --leeway {early} would do")
        } else {
            String::new()
        };
        format!(
            "an nbf not after {now}, which is now{leeway}. Either it is used too early, or this clock is {behind} or more behind the issuer's{advice}"
        )
    }

    fn leeway_said(&self, sign: &str) -> String {
        match self.leeway {
            0 => String::new(),
            some => format!(", {sign} the leeway of {some} s"),
        }
    }
}

/// What the header names to find the key. Nobody has checked it, and it decides nothing.
fn named_key(token: &str) -> Option<Value> {
    let unverified = Unverified::parse(token).ok()?;
    Some(json!({ "kid": unverified.kid(), "alg": unverified.alg().name() }))
}

/// Why a token was not decrypted.
pub(super) fn of_decryption(token: &str, refused: &Refused, keys: &DecryptionKeySet) -> Refusal {
    let needed = match refused {
        Refused::TooLong => Some(BOUNDS.to_owned()),
        Refused::NotCompact => Some(shape_hint(token, ENCRYPTED)),
        Refused::Base64(_) => habit(token).map(str::to_owned),
        Refused::NotEncrypted => Some(
            "an encrypted token: without keys to decrypt, `token verify` takes this kind"
                .to_owned(),
        ),
        Refused::UnknownAlgorithm => one_of(&KeyManagement::ALL.map(KeyManagement::name)),
        Refused::UnknownEncryption => one_of(&ContentEncryption::ALL.map(ContentEncryption::name)),
        Refused::UnknownKey => Some(known(
            keys.iter().map(|key| (key.kid(), key.algorithm().name())),
        )),
        Refused::WrongKeyManagement { key } => Some(format!("{key}, which this key is for")),
        Refused::WrongEncryption { key } => Some(format!("{key}, which this key is for")),
        Refused::AmbiguousKey => {
            Some("a key id in the header, or a set with one key of this algorithm".to_owned())
        }
        Refused::NotNested => {
            Some("a signed token inside; `token decrypt` opens others".to_owned())
        }
        _ => None,
    };
    whole(refused, (None, needed))
}

fn whole(refused: &Refused, (got, needed): GotAndNeeded) -> Refusal {
    Refusal {
        code: refused.code(),
        step: Step::of(refused),
        message: message(refused),
        got,
        needed,
    }
}

/// The keys that there are, by id and algorithm.
fn known<'k>(keys: impl Iterator<Item = (Option<&'k str>, &'static str)>) -> String {
    let all: Vec<String> = keys
        .map(|(kid, alg)| match kid {
            Some(kid) => format!("{} ({alg})", json!(kid)),
            None => format!("one without a key id ({alg})"),
        })
        .collect();
    match all.as_slice() {
        [] => "a key, but there is none that can be used".to_owned(),
        [one] => format!("the one key there is, {one}"),
        some if some.len() <= MAX_NAMED => format!("one of {}", some.join(", ")),
        some => {
            let more = some.len() - MAX_NAMED;
            format!("one of {} and {more} more", some[..MAX_NAMED].join(", "))
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands among others that are optional"
)]
fn one_of(names: &[&str]) -> Option<String> {
    Some(format!("one of {}", names.join(", ")))
}

fn message(refused: &Refused) -> String {
    match refused {
        Refused::Expired { at, now } => format!("the token expired {}", from_now(*at, *now)),
        Refused::NotYet { at, now } => {
            format!("the token is to be used {}", from_now(*at, *now))
        }
        other => other.to_string(),
    }
}

fn utc(at: UnixTime) -> String {
    time(Timestamp::from_secs(at.as_secs()))
}

const BOUNDS: &str = "at most 16 KiB, of which the header has at most 4";
const SIGNED: &str = "three parts with two dots between them";
const ENCRYPTED: &str = "five parts with four dots between them";

fn shape_hint(token: &str, form: &str) -> String {
    match habit(token) {
        Some(hint) => hint.to_owned(),
        None => format!("{form}: it has {}", token.split('.').count()),
    }
}

/// What people give in place of a token, and what to do about it.
fn habit(token: &str) -> Option<&'static str> {
    let first = token.split([' ', '\t']).next().unwrap_or_default();
    Some(if token.is_empty() {
        "a token: the line is empty"
    } else if first.eq_ignore_ascii_case("bearer") {
        "the token alone, without \"Bearer\""
    } else if first.eq_ignore_ascii_case("authorization:") {
        "the token alone, without the name of its header"
    } else if token.starts_with(['"', '\'']) {
        "the token alone, without quotation marks (or --input json)"
    } else if token.starts_with('{') {
        "the compact form: this looks like JSON"
    } else if token.starts_with("csr1_") {
        "an access token: this looks like a refresh token, which only its server can read"
    } else if token.contains(char::is_whitespace) {
        "the token alone, without white space"
    } else {
        return None;
    })
}
