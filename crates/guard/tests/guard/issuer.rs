//! The other side: keys, sessions and the tokens that a server would issue.

use countersign_guard::{Claims, Epochs, Event, Guard, Revocation, UnixTime};
use countersign_jose::{Algorithm, KeySet, SigningKey, Verifier, sign};

pub const ISSUER: &str = "https://id.example";
pub const API: &str = "https://api.example";

/// When the tests begin.
pub const START: u64 = 1_790_000_000;

/// A key of its own id, of the algorithm that verifies fastest.
pub fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDSA)
        .unwrap()
        .with_kid(kid)
}

pub fn key_set(keys: &[&SigningKey]) -> KeySet {
    KeySet::new(keys.iter().map(|key| key.verifying_key()).collect()).unwrap()
}

pub fn verifier(keys: KeySet) -> Verifier {
    Verifier::new(ISSUER, API, "at+jwt", keys)
}

pub fn guard(keys: &[&SigningKey], cache_capacity: usize) -> Guard {
    Guard::new(verifier(key_set(keys)), cache_capacity)
}

/// Claims of user `u`, at client `c`, in session `s`, epochs 0, good for five minutes from START.
pub fn claims(jti: &str) -> Claims {
    Claims {
        iss: ISSUER.into(),
        sub: "u".into(),
        aud: API.into(),
        exp: START + 300,
        iat: START,
        jti: jti.into(),
        client_id: "c".into(),
        sid: Some("s".into()),
        auth_time: Some(START),
        amr: vec!["pwd".into()],
        scope: None,
        epochs: Epochs::default(),
        extra: serde_json::Map::new(),
    }
}

pub fn issue(key: &SigningKey, claims: &Claims) -> String {
    sign(key, "at+jwt", claims).unwrap()
}

/// An event that matters for an hour.
pub fn event(kind: Revocation) -> Event {
    Event {
        kind,
        until: at(3600),
    }
}

/// Seconds after START.
pub fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(START + seconds)
}
