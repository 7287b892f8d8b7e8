//! Events whose ids were hashed find the tokens that they concern, and nobody else's.

use countersign_guard::{Guard, Revocation};

use crate::issuer::{at, claims, event, guard, issue, key, key_set, verifier};

/// base64url(SHA-256(`countersign-feed:` ‖ claim ‖ `:` ‖ id)), computed elsewhere, for `s`, `u`, `c`,
/// `t` in `sid`, `sub`, `client_id`, `jti`.
const SID: &str = "9BrF7a5u849tbhsiY-6mOczEITOmWBJcnhMows1omYo";
const SUB: &str = "9VBPEOob60mLDxonX-K0SwB-V0Ta-KnEB4Ck78spSTY";
const CLIENT_ID: &str = "x_IwzPX99Pt7f3UwB-1ug_ego0PRO31MqEokt2PF2jI";
const JTI: &str = "5TNpO06YP-EMRQe_3H_A6E47SCjGsbKNC1T0ILGY7og";

#[test]
fn hashed_ids() {
    let key = key("k1");
    let (token, mut other) = (claims("t"), claims("other"));
    other.sub = SUB.into();
    other.sid = Some(SID.into());
    other.client_id = CLIENT_ID.into();
    let (token, other) = (issue(&key, &token), issue(&key, &other));
    let below = 1;
    for (kind, code) in [
        (Revocation::Session { sid: SID.into() }, "session_revoked"),
        (
            Revocation::Subject {
                sub: SUB.into(),
                below,
            },
            "subject_revoked",
        ),
        (
            Revocation::Client {
                client_id: CLIENT_ID.into(),
                below,
            },
            "client_revoked",
        ),
        (
            Revocation::Token {
                jti: JTI.into(),
                from: at(0),
            },
            "token_revoked",
        ),
        (Revocation::Key { kid: "k1".into() }, "key_revoked"),
    ] {
        let hashed = Guard::for_hashed_ids(verifier(key_set(&[&key])), 10);
        hashed.check(&token, at(1)).unwrap();
        hashed.apply(&[event(kind.clone())]);
        assert_eq!(hashed.check(&token, at(1)).unwrap_err().code(), code);
        // An id that looks like a hash is hashed like every other.
        let verdict = hashed.check(&other, at(1));
        assert_eq!(verdict.is_err(), code == "key_revoked", "{code}");
        // A guard that was told plain ids hears nothing in hashes.
        let plain = guard(&[&key], 10);
        plain.apply(&[event(kind)]);
        assert_eq!(
            plain.check(&token, at(1)).is_err(),
            code == "key_revoked",
            "{code}"
        );
    }
}
