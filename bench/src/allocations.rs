//! `countersign-allocations`: how often one check asks Rust's allocator for memory. A program of its own, because what
//! counts replaces the allocator, and would be measured with everything else.
//!
//! Prints a line for each: the name, how often, and the most that it may be (or nothing), with tabs between.
#![expect(
    clippy::expect_used,
    reason = "a bench ends at the first thing that is not as it should be"
)]

#[path = "tokens/claims.rs"]
mod claims;

use std::hint::black_box;

use countersign_guard::{Epochs, Guard};
use countersign_jose::{
    AgreementCurve, Algorithm, ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement,
    KeySet, SigningKey, UnixTime, Verifier, jwe,
};

use claims::{AUDIENCE, Claims, EXP, ISSUER, NOW, Nothing, SECRET, TYP, claims};

const AT: UnixTime = UnixTime::from_secs(NOW);

/// Strings of [`Claims`]: each is memory that the caller keeps.
const STRINGS: u64 = 7;

struct Count {
    name: String,
    allocations: u64,
    at_most: Option<u64>,
}

fn main() {
    for Count {
        name,
        allocations,
        at_most,
    } in counts()
    {
        let at_most = at_most.map_or_else(String::new, |most| most.to_string());
        println!("{name}\t{allocations}\t{at_most}");
    }
}

fn counts() -> Vec<Count> {
    let mut counts = Vec::new();
    for alg in [
        Algorithm::HS256,
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::MlDsa44,
    ] {
        signed(alg, &mut counts);
    }
    guarded(&mut counts);
    encrypted(&mut counts);
    counts
}

fn signed(alg: Algorithm, counts: &mut Vec<Count>) {
    let key = match alg {
        Algorithm::HS256 => SigningKey::hmac(alg, SECRET, Some("bench")),
        _ => SigningKey::generate(alg),
    }
    .expect("a key");
    let keys = KeySet::new(vec![key.verifying_key()]).expect("one key");
    let verifier = Verifier::new(ISSUER, AUDIENCE, TYP, keys);
    let token = countersign_jose::sign(&key, TYP, &claims()).expect("a token");
    let mut add = |what: &str, allocations, at_most| {
        counts.push(Count {
            name: format!("{} verify, {what}", alg.name()),
            allocations,
            at_most: Some(at_most),
        });
    };
    // The claims' shared home is the one.
    let allocations = count(|| verifier.verify::<Nothing>(&token, AT).expect("verified"));
    add("no claims kept", allocations, 1);
    let allocations = count(|| verifier.verify::<Claims>(&token, AT).expect("verified"));
    add("seven strings kept", allocations, 1 + STRINGS);
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let length = token.len() - signed.len() - 1;
    let forged = format!("{signed}.{}", "A".repeat(length));
    let allocations = count(|| {
        verifier
            .verify::<Claims>(&forged, AT)
            .err()
            .expect("refused")
    });
    add("forged", allocations, 0);
    let late = UnixTime::from_secs(EXP);
    let allocations = count(|| {
        verifier
            .verify::<Nothing>(&token, late)
            .err()
            .expect("refused")
    });
    add("expired, no claims kept", allocations, 1);
}

fn guarded(counts: &mut Vec<Count>) {
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let plain = claims();
    let claims = countersign_guard::Claims {
        iss: plain.iss,
        sub: plain.sub,
        aud: plain.aud,
        exp: plain.exp,
        iat: plain.iat,
        jti: plain.jti,
        client_id: plain.client_id,
        sid: Some(plain.sid),
        auth_time: Some(plain.auth_time),
        amr: Vec::new(),
        scope: None,
        epochs: Epochs::default(),
        extra: serde_json::Map::new(),
    };
    let token = countersign_jose::sign(&key, TYP, &claims).expect("a token");
    for (what, capacity) in [("not cached", 0), ("cached", 1000)] {
        let keys = KeySet::new(vec![key.verifying_key()]).expect("one key");
        let guard = Guard::new(Verifier::new(ISSUER, AUDIENCE, TYP, keys), capacity);
        let allocations = count(|| guard.check(&token, AT).expect("trusted"));
        counts.push(Count {
            name: format!("a guard's check, {what}"),
            allocations,
            at_most: (capacity > 0).then_some(0),
        });
    }
}

fn encrypted(counts: &mut Vec<Count>) {
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let signed = countersign_jose::sign(&key, TYP, &claims()).expect("a token");
    let enc = ContentEncryption::A256GCM;
    for (name, own) in [
        ("dir", DecryptionKey::generate_direct(enc)),
        ("A256KW", DecryptionKey::generate(KeyManagement::A256KW)),
        (
            "RSA-OAEP-256",
            DecryptionKey::generate(KeyManagement::RsaOaep256),
        ),
        (
            "ECDH-ES+A256KW on P-256",
            DecryptionKey::generate_on(KeyManagement::EcdhEsA256KW, AgreementCurve::P256),
        ),
    ] {
        let own = own.expect("a key");
        let token = countersign_jose::encrypt(&own.encryption_key(), enc, &signed);
        let token = token.expect("encrypted");
        let mut add = |what: &str, allocations| {
            counts.push(Count {
                name: format!("{name}, {what}"),
                allocations,
                at_most: None,
            });
        };
        add(
            "decrypt",
            count(|| jwe::decrypt_with(&token, &own).expect("decrypted")),
        );
        let keys = KeySet::new(vec![key.verifying_key()]).expect("one key");
        let verifier = Verifier::new(ISSUER, AUDIENCE, TYP, keys)
            .encrypted_to(DecryptionKeySet::new(vec![own]).expect("one key"));
        add(
            "decrypt and verify, no claims kept",
            count(|| verifier.verify::<Nothing>(&token, AT).expect("verified")),
        );
        let end = token.rfind('.').expect("five parts") + 1;
        let forged = format!("{}{}", &token[..end], "A".repeat(token.len() - end));
        add(
            "decrypt, forged",
            count(|| {
                verifier
                    .verify::<Nothing>(&forged, AT)
                    .err()
                    .expect("refused")
            }),
        );
    }
}

/// How often memory is asked for, when everything that is made once has been made.
fn count<T>(op: impl Fn() -> T) -> u64 {
    drop(black_box(op()));
    allocation_counter::measure(|| drop(black_box(op()))).count_total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_asks_for_no_more_memory_than_its_caller_keeps() {
        let counts = counts();
        assert_eq!(counts.len(), 5 * 4 + 2 + 4 * 3);
        for Count {
            name,
            allocations,
            at_most,
        } in counts
        {
            assert!(
                at_most.is_none_or(|most| allocations <= most),
                "{name}: {allocations}"
            );
            // The counter counts.
            assert!(
                allocations > 0 || name.contains("forged") || name.contains("cached"),
                "{name}"
            );
        }
    }
}
