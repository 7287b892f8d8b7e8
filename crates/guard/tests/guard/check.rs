//! What a guard refuses, and when: each kind of revocation, expiry, keys, and what a cached token
//! does not outlive. Everything holds with a cache and without one.

use std::slice;

use countersign_guard::{Claims, Epochs, Guard, Refused, Revocation, Stats, UnixTime};
use countersign_jose::{Algorithm, KeySet, SigningKey};

use crate::issuer::{API, ISSUER, START, at, claims, event, guard, issue, key, key_set, verifier};

const NO_CACHE: usize = 0;
const CACHE: usize = 100;

fn verdict(guard: &Guard, token: &str, now: UnixTime) -> &'static str {
    match guard.check(token, now) {
        Ok(_) => "ok",
        Err(refused) => refused.code(),
    }
}

/// A guard with the cache and one without, both asked twice about each token.
struct Pair {
    key: SigningKey,
    guards: [Guard; 2],
}

impl Pair {
    fn new() -> Self {
        let key = key("k1");
        let guards = [NO_CACHE, CACHE].map(|capacity| guard(&[&key], capacity));
        Self { key, guards }
    }

    fn issue(&self, claims: &Claims) -> String {
        issue(&self.key, claims)
    }

    #[track_caller]
    fn expect(&self, token: &str, seconds: u64, verdicts: &str) {
        for guard in &self.guards {
            for _ in 0..2 {
                assert_eq!(
                    verdict(guard, token, at(seconds)),
                    verdicts,
                    "{:?}",
                    guard.stats()
                );
            }
        }
    }

    fn apply(&self, kind: Revocation) {
        let event = event(kind);
        self.guards
            .iter()
            .for_each(|guard| guard.apply(slice::from_ref(&event)));
    }
}

#[test]
fn a_good_token_gives_its_claims() {
    let pair = Pair::new();
    let mut issued = claims("t");
    issued
        .extra
        .insert("roles".into(), serde_json::json!(["admin"]));
    let token = pair.issue(&issued);
    for guard in &pair.guards {
        for _ in 0..2 {
            let verified = guard.check(&token, at(0)).unwrap();
            assert_eq!(*verified.claims(), issued);
            assert_eq!(verified.key_id(), Some("k1"));
        }
    }
    assert_eq!(
        pair.guards.each_ref().map(|guard| guard.stats().cached),
        [0, 1]
    );
}

#[test]
fn a_session_that_ended_takes_its_tokens_along_and_no_others() {
    let pair = Pair::new();
    let [of_s, of_other, of_none] = [Some("s"), Some("s2"), None].map(|sid| {
        pair.issue(&Claims {
            sid: sid.map(Into::into),
            ..claims("t")
        })
    });
    pair.expect(&of_s, 0, "ok");
    pair.apply(Revocation::Session { sid: "s".into() });
    pair.expect(&of_s, 0, "session_revoked");
    pair.expect(&of_other, 0, "ok");
    pair.expect(&of_none, 0, "ok");
    // Issued later, in flight, or by a node that has not heard: the same session.
    pair.expect(&pair.issue(&claims("later")), 0, "session_revoked");
}

/// The three epochs work alike: below 7 refuses 6, not 7, and never sinks again.
fn an_epoch(
    code: &str,
    with_epoch: fn(u64) -> Epochs,
    below: impl Fn(u64) -> Revocation,
    of_another: &Claims,
) {
    let pair = Pair::new();
    let token = |epoch| {
        pair.issue(&Claims {
            epochs: with_epoch(epoch),
            ..claims("t")
        })
    };
    let tokens: Vec<_> = (5..=8).map(token).collect();
    let of_another = pair.issue(of_another);
    let expect = |verdicts: [&str; 4]| {
        for (token, verdict) in tokens.iter().zip(verdicts) {
            pair.expect(token, 0, verdict);
        }
        pair.expect(&of_another, 0, "ok");
    };
    expect(["ok"; 4]);
    pair.apply(below(7));
    expect([code, code, "ok", "ok"]);
    pair.apply(below(6));
    pair.apply(below(7));
    expect([code, code, "ok", "ok"]);
    pair.apply(below(8));
    expect([code, code, code, "ok"]);
}

#[test]
fn a_users_epoch() {
    an_epoch(
        "subject_revoked",
        |subject| Epochs {
            subject,
            ..Epochs::default()
        },
        |below| Revocation::Subject {
            sub: "u".into(),
            below,
        },
        &Claims {
            sub: "c".into(),
            ..claims("another")
        },
    );
}

#[test]
fn a_clients_epoch() {
    an_epoch(
        "client_revoked",
        |client| Epochs {
            client,
            ..Epochs::default()
        },
        |below| Revocation::Client {
            client_id: "c".into(),
            below,
        },
        &Claims {
            client_id: "u".into(),
            ..claims("another")
        },
    );
}

#[test]
fn the_issuers_epoch() {
    an_epoch(
        "all_revoked",
        |issuer| Epochs {
            issuer,
            ..Epochs::default()
        },
        |below| Revocation::All { below },
        &Claims {
            epochs: Epochs {
                issuer: 100,
                ..Epochs::default()
            },
            ..claims("another")
        },
    );
}

#[test]
fn a_single_token_is_refused_from_its_time_on() {
    let pair = Pair::new();
    let (old, other) = (pair.issue(&claims("old")), pair.issue(&claims("other")));
    pair.expect(&old, 0, "ok");
    let from = |seconds| Revocation::Token {
        jti: "old".into(),
        from: at(seconds),
    };
    pair.apply(from(20));
    // Nothing is published in between: the time alone makes the difference.
    pair.expect(&old, 19, "ok");
    pair.expect(&old, 20, "token_revoked");
    pair.expect(&other, 20, "ok");
    // The earliest time holds.
    pair.apply(from(30));
    pair.expect(&old, 20, "token_revoked");
    pair.apply(from(10));
    pair.expect(&old, 10, "token_revoked");
    pair.expect(&old, 9, "ok");
}

#[test]
fn a_key_that_is_not_trusted_any_more_takes_its_tokens_along() {
    let (k1, k2) = (key("k1"), key("k2"));
    for capacity in [NO_CACHE, CACHE] {
        let guard = guard(&[&k1, &k2], capacity);
        let [under_k1, under_k2] = [&k1, &k2].map(|key| issue(key, &claims("t")));
        assert_eq!(verdict(&guard, &under_k1, at(0)), "ok");
        guard.apply(&[event(Revocation::Key { kid: "k1".into() })]);
        assert_eq!(verdict(&guard, &under_k1, at(0)), "key_revoked");
        assert_eq!(verdict(&guard, &under_k2, at(0)), "ok");
        // The tombstone outlasts the key set: an old copy of it brings nothing back.
        guard.replace_keys(key_set(&[&k2]));
        assert_eq!(verdict(&guard, &under_k1, at(0)), "token_key_unknown");
        guard.replace_keys(key_set(&[&k1, &k2]));
        assert_eq!(verdict(&guard, &under_k1, at(0)), "key_revoked");
    }
}

#[test]
fn a_revoked_key_is_known_by_its_id_even_when_the_token_does_not_name_it() {
    let nameless = SigningKey::hmac(Algorithm::HS256, &[7; 32], None).unwrap();
    let named = SigningKey::hmac(Algorithm::HS256, &[7; 32], Some("k1")).unwrap();
    let token = issue(&nameless, &claims("t"));
    let guard = guard(&[&named], CACHE);
    assert_eq!(verdict(&guard, &token, at(0)), "ok");
    guard.apply(&[event(Revocation::Key { kid: "k1".into() })]);
    assert_eq!(verdict(&guard, &token, at(0)), "key_revoked");
}

#[test]
fn a_change_of_profile_refuses_nothing() {
    let pair = Pair::new();
    let token = pair.issue(&claims("t"));
    let changed = Revocation::Changed { sub: "u".into() };
    pair.apply(changed.clone());
    pair.expect(&token, 0, "ok");
    // Nor does it hide what comes along with it.
    let ended = Revocation::Session { sid: "s".into() };
    let events = [changed.clone(), ended, changed].map(event);
    pair.guards.iter().for_each(|guard| guard.apply(&events));
    pair.expect(&token, 0, "session_revoked");
}

#[test]
fn names_of_one_kind_mean_nothing_to_another() {
    let pair = Pair::new();
    let token = pair.issue(&claims("t"));
    for name in ["u", "c", "t", "k1", "", "elsewhere"] {
        pair.apply(Revocation::Session { sid: name.into() });
    }
    for name in ["u", "c", "s", "k1", ""] {
        pair.apply(Revocation::Token {
            jti: name.into(),
            from: at(0),
        });
    }
    for name in ["u", "c", "s", "t", ""] {
        pair.apply(Revocation::Key { kid: name.into() });
    }
    for name in ["c", "s", "t", "k1", ""] {
        pair.apply(Revocation::Subject {
            sub: name.into(),
            below: 9,
        });
    }
    for name in ["u", "s", "t", "k1", ""] {
        pair.apply(Revocation::Client {
            client_id: name.into(),
            below: 9,
        });
    }
    pair.expect(&token, 0, "ok");
}

#[test]
fn of_several_revocations_the_most_general_is_told() {
    let pair = Pair::new();
    let token = pair.issue(&claims("t"));
    for (kind, code) in [
        (
            Revocation::Token {
                jti: "t".into(),
                from: at(0),
            },
            "token_revoked",
        ),
        (Revocation::Session { sid: "s".into() }, "session_revoked"),
        (
            Revocation::Subject {
                sub: "u".into(),
                below: 1,
            },
            "subject_revoked",
        ),
        (
            Revocation::Client {
                client_id: "c".into(),
                below: 1,
            },
            "client_revoked",
        ),
        (Revocation::Key { kid: "k1".into() }, "key_revoked"),
        (Revocation::All { below: 1 }, "all_revoked"),
    ] {
        pair.apply(kind);
        pair.expect(&token, 0, code);
    }
    // What is no valid token any more is that first.
    pair.expect(&token, 300, "token_expired");
}

#[test]
fn a_cached_token_expires_to_the_second_and_leaves_the_cache() {
    let pair = Pair::new();
    let token = pair.issue(&claims("t"));
    pair.expect(&token, 299, "ok");
    pair.expect(&token, 300, "token_expired");
    assert_eq!(pair.guards[1].stats().cached, 0);
}

#[test]
fn leeway_holds_for_a_cached_token_as_for_a_new_one() {
    let key = key("k1");
    let token = issue(&key, &claims("t"));
    for capacity in [NO_CACHE, CACHE] {
        let guard = Guard::new(verifier(key_set(&[&key])).with_leeway(10), capacity);
        assert_eq!(verdict(&guard, &token, at(0)), "ok");
        assert_eq!(verdict(&guard, &token, at(309)), "ok");
        guard.expire(at(309));
        assert_eq!(guard.stats().cached, capacity.min(1));
        assert_eq!(verdict(&guard, &token, at(310)), "token_expired");
        guard.replace_keys(key_set(&[&key]));
        assert_eq!(verdict(&guard, &token, at(309)), "ok");
    }
}

#[test]
fn a_cached_token_does_not_outlive_its_key() {
    let (k1, k2) = (key("k1"), key("k2"));
    for capacity in [NO_CACHE, CACHE] {
        let guard = guard(&[&k1], capacity);
        let token = issue(&k1, &claims("t"));
        assert_eq!(verdict(&guard, &token, at(0)), "ok");
        guard.replace_keys(key_set(&[&k1, &k2]));
        assert_eq!(verdict(&guard, &token, at(0)), "ok");
        assert_eq!(verdict(&guard, &issue(&k2, &claims("t")), at(0)), "ok");
        guard.replace_keys(key_set(&[&k2]));
        assert_eq!(verdict(&guard, &token, at(0)), "token_key_unknown");
        // Another key under the same id is another key.
        guard.replace_keys(key_set(&[&key("k1")]));
        assert_eq!(verdict(&guard, &token, at(0)), "token_signature");
        guard.replace_keys(KeySet::new(Vec::new()).unwrap());
        assert_eq!(verdict(&guard, &token, at(0)), "token_key_unknown");
    }
}

#[test]
fn a_shared_secret_without_an_id_is_replaced_like_every_key() {
    let [old, new] =
        [1, 2].map(|byte| SigningKey::hmac(Algorithm::HS256, &[byte; 32], None).unwrap());
    let guard = guard(&[&old], CACHE);
    let token = issue(&old, &claims("t"));
    assert_eq!(verdict(&guard, &token, at(0)), "ok");
    guard.replace_keys(key_set(&[&new]));
    assert_eq!(verdict(&guard, &token, at(0)), "token_signature");
    assert_eq!(verdict(&guard, &issue(&new, &claims("t")), at(0)), "ok");
}

#[test]
fn the_cache_answers_for_exactly_its_own_text() {
    let pair = Pair::new();
    let token = pair.issue(&claims("t"));
    pair.expect(&token, 0, "ok");
    for at_byte in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at_byte] = if bytes[at_byte] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        for guard in &pair.guards {
            assert_ne!(verdict(guard, &changed, at(0)), "ok", "byte {at_byte}");
        }
    }
    for longer in [
        format!("{token}A"),
        format!("{token} "),
        format!(" {token}"),
    ] {
        assert_ne!(verdict(&pair.guards[1], &longer, at(0)), "ok");
    }
    assert_eq!(pair.guards[1].stats().cached, 1);
}

#[test]
fn a_token_for_somebody_else_is_refused_and_not_remembered() {
    let pair = Pair::new();
    for (claims, code) in [
        (
            Claims {
                aud: "https://other.example".into(),
                ..claims("t")
            },
            "token_audience",
        ),
        (
            Claims {
                iss: "https://evil.example".into(),
                ..claims("t")
            },
            "token_issuer",
        ),
    ] {
        pair.expect(&pair.issue(&claims), 0, code);
    }
    let without_epochs = serde_json::json!({"iss": ISSUER, "aud": API,
        "exp": START + 300, "iat": START, "sub": "u", "jti": "t", "client_id": "c"});
    let token = countersign_jose::sign(&pair.key, "at+jwt", &without_epochs).unwrap();
    pair.expect(&token, 0, "token_shape");
    let id_token = countersign_jose::sign(&pair.key, "JWT", &claims("t")).unwrap();
    pair.expect(&id_token, 0, "token_type");
    assert_eq!(pair.guards[1].stats().cached, 0);
}

#[test]
fn the_cache_is_bounded_in_number_and_length() {
    let key = key("k1");
    let guard = guard(&[&key], CACHE);
    let mut long = claims("long");
    long.extra.insert("padding".into(), "x".repeat(8192).into());
    let long = issue(&key, &long);
    assert_eq!(verdict(&guard, &long, at(0)), "ok");
    assert_eq!(guard.stats().cached, 0);
    for n in 0..5 * CACHE {
        assert_eq!(
            verdict(&guard, &issue(&key, &claims(&n.to_string())), at(0)),
            "ok"
        );
    }
    let cached = guard.stats().cached;
    assert!(
        (CACHE / 2..=CACHE + 32).contains(&cached),
        "{cached} of {CACHE}"
    );
}

#[test]
fn what_cannot_matter_any_more_is_forgotten_and_nothing_else() {
    let pair = Pair::new();
    let guard = &pair.guards[1];
    let kinds = [
        Revocation::Session { sid: "s".into() },
        Revocation::Subject {
            sub: "u".into(),
            below: 1,
        },
        Revocation::Client {
            client_id: "c".into(),
            below: 1,
        },
        Revocation::Token {
            jti: "t".into(),
            from: at(0),
        },
        Revocation::Key { kid: "k1".into() },
    ];
    let until = |seconds, kind: &Revocation| countersign_guard::Event {
        kind: kind.clone(),
        until: at(seconds),
    };
    let all = |n| Stats {
        cached: 0,
        sessions: n,
        tokens: n,
        subjects: n,
        clients: n,
        keys: n,
    };
    let events: Vec<_> = kinds.iter().map(|kind| until(300, kind)).collect();
    guard.apply(&events);
    guard.apply(&events);
    assert_eq!(guard.stats(), all(1));
    guard.expire(at(300));
    assert_eq!(guard.stats(), all(1), "the last second still counts");
    // Told again with another end, in either order: the later one holds.
    guard.apply(&kinds.each_ref().map(|kind| until(400, kind)));
    guard.apply(&kinds.each_ref().map(|kind| until(200, kind)));
    guard.expire(at(400));
    assert_eq!(guard.stats(), all(1));
    guard.expire(at(401));
    assert_eq!(guard.stats(), all(0));

    let valid = pair.issue(&Claims {
        exp: at(900).as_secs(),
        ..claims("valid")
    });
    let short = pair.issue(&Claims {
        exp: at(500).as_secs(),
        ..claims("short")
    });
    pair.expect(&valid, 450, "ok");
    pair.expect(&short, 450, "ok");
    guard.expire(at(500));
    assert_eq!(guard.stats().cached, 1);
}

#[test]
fn a_wave_of_revocations_passes() {
    let pair = Pair::new();
    let guard = &pair.guards[1];
    let sid = |n: u64| format!("s{n}");
    let ended = |n| countersign_guard::Event {
        kind: Revocation::Session { sid: sid(n) },
        until: at(n / 100),
    };
    // In no order: 77,777 and 100,000 have no common divisor.
    let events: Vec<_> = (0..100_000).map(|n| ended(n * 77_777 % 100_000)).collect();
    events.chunks(1_000).for_each(|events| guard.apply(events));
    assert_eq!(guard.stats().sessions, 100_000);
    let last = pair.issue(&Claims {
        sid: Some(sid(99_999)),
        exp: at(2_000).as_secs(),
        ..claims("t")
    });
    for seconds in (0..=1_000).step_by(50) {
        guard.expire(at(seconds));
        let left = 100_000 - usize::try_from(seconds).unwrap() * 100;
        assert_eq!(guard.stats().sessions, left);
        let verdicts = if left == 0 { "ok" } else { "session_revoked" };
        assert_eq!(verdict(guard, &last, at(seconds)), verdicts);
    }
}

#[test]
fn a_refusal_says_what_happened() {
    let pair = Pair::new();
    let token = pair.issue(&claims("t"));
    pair.apply(Revocation::Session { sid: "s".into() });
    let refused = pair.guards[0].check(&token, at(0)).unwrap_err();
    assert_eq!(refused, Refused::Revoked(countersign_guard::Cause::Session));
    assert_eq!(refused.to_string(), "the session has ended: sign in again");
    let refused = pair.guards[0].check("", at(0)).unwrap_err();
    assert!(matches!(refused, Refused::Token(_)), "{refused:?}");
}
