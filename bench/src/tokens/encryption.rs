//! Encrypting and decrypting a signed token, next to Node's `jose` and to josekit.

use std::hint::black_box;

use countersign_jose::AgreementCurve::{P256, X25519};
use countersign_jose::ContentEncryption::{A128CbcHs256, A256GCM};
use countersign_jose::{Algorithm, ContentEncryption, DecryptionKey, KeyManagement, jwe};
use serde_json::{Value, json};

use super::claims::{TYP, claims};
use super::contenders::key;
use super::peer::Peer;
use super::race::{Op, Rival, race, turns};
use crate::plan::Plan;
use crate::report::{Goal, Report};

/// Measures the usual pairs of algorithms.
pub fn measure(plan: &Plan, report: &mut Report) {
    report.section("Encryption");
    report.say(
        "The token above, signed with ES256, encrypted and decrypted as a nested JWT; keys were read once, by everybody. \
         *Node jose* is `jose` on Node's WebCrypto, each operation awaited before the next begins, timed inside Node \
         after a warm-up; *josekit* is a Rust crate on OpenSSL. Both are processes of their own, take turns with ours, \
         and their tokens are decrypted by ours first.",
    );
    let mut peers = Vec::new();
    for peer in [Peer::node(), Peer::josekit()] {
        match peer {
            Ok(peer) => peers.push(peer),
            Err(missing) => report.say(&missing),
        }
    }
    let signed = countersign_jose::sign(&key(Algorithm::ES256), TYP, &claims()).expect("a token");
    for (name, enc, key) in keys() {
        pair(plan, report, &mut peers, &name, enc, &key, &signed);
    }
}

/// Each way that a key can reach its reader, by name.
pub fn keys() -> Vec<(String, ContentEncryption, DecryptionKey)> {
    let on = |curve| DecryptionKey::generate_on(KeyManagement::EcdhEsA256KW, curve);
    let new = DecryptionKey::generate;
    [
        ("", A256GCM, DecryptionKey::generate_direct(A256GCM)),
        ("", A256GCM, new(KeyManagement::A256KW)),
        ("", A256GCM, new(KeyManagement::A256GCMKW)),
        ("", A256GCM, new(KeyManagement::RsaOaep256)),
        (" on P-256", A256GCM, on(P256)),
        (" on X25519", A256GCM, on(X25519)),
        (" on P-256", A128CbcHs256, on(P256)),
    ]
    .into_iter()
    .map(|(curve, enc, key)| {
        let key = key.expect("a key").with_kid("bench");
        let name = format!("{}{curve}, {}", key.algorithm().name(), enc.name());
        (name, enc, key)
    })
    .collect()
}

fn pair(
    plan: &Plan,
    report: &mut Report,
    peers: &mut [Peer],
    name: &str,
    enc: ContentEncryption,
    key: &DecryptionKey,
    signed: &str,
) {
    let to = key.encryption_key();
    let token = countersign_jose::encrypt(&to, enc, signed).expect("encrypted");
    let task = json!({
        "alg": key.algorithm().name(),
        "enc": enc.name(),
        "jwk": bare_jwk(key),
        "plaintext": signed,
        "token": token,
    });
    for peer in &mut *peers {
        let theirs = peer.prepare(&task);
        let opened = jwe::decrypt_with(&theirs, key).expect("a token that we decrypt");
        assert_eq!(opened.plaintext(), signed.as_bytes(), "{}", peer.name);
    }
    let key = key.clone();
    let mut decrypt: Op = Box::new(move || {
        black_box(jwe::decrypt_with(black_box(&token), &key).expect("decrypted"));
    });
    let signed = signed.to_owned();
    let mut encrypt: Op = Box::new(move || {
        black_box(countersign_jose::encrypt(&to, enc, black_box(&signed)).expect("encrypted"));
    });
    for (what, ours) in [("decrypt", &mut decrypt), ("encrypt", &mut encrypt)] {
        let mut rivals: Vec<Rival<'_>> = peers
            .iter_mut()
            .map(|peer| Rival {
                name: peer.name,
                turn: Box::new(|| peer.turn(what)),
                goal: Some(Goal::Below(1.0)),
            })
            .collect();
        race(
            plan,
            report,
            &format!("{name}: {what}"),
            turns(ours),
            &mut rivals,
        );
    }
}

/// The key without what it is for: each library has its own mind about that.
fn bare_jwk(key: &DecryptionKey) -> Value {
    let jwk = key.to_jwk().expect("a JWK");
    let mut jwk: Value = serde_json::from_str(&jwk).expect("JSON");
    let members = jwk.as_object_mut().expect("an object");
    members.retain(|name, _| !["alg", "use", "key_ops"].contains(&name.as_str()));
    jwk
}
