//! Claims that are wrong, though the signature holds.

use countersign_jose::{Claim, Refused, UnixTime, sign};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::forge::*;

/// CVE-2026-25537, RFC 7519 §2: what is no finite number in range is refused, and never wraps.
#[test]
fn times_that_are_no_times() {
    let ten_thousand = "9".repeat(10_000);
    let odd = [
        "\"1700000300\"",
        "\"\"",
        "null",
        "true",
        "[1700000300]",
        "{}",
        "-1",
        "-1.5",
        "-0",
        "-0.0",
        "1e400",
        "-1e400",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "9007199254740993",
        "1e17",
        "9007199254740992.5e1",
        &ten_thousand,
        "\"NaN\"",
        "\"Infinity\"",
    ];
    for value in odd {
        for (claim, name) in [
            (Claim::Expires, "exp"),
            (Claim::NotBefore, "nbf"),
            (Claim::IssuedAt, "iat"),
        ] {
            let payload = if name == "exp" {
                with_times(&format!(r#""exp":{value}"#))
            } else {
                with_times(&format!(r#""exp":1700000300,"{name}":{value}"#))
            };
            assert_eq!(
                payload_refused(payload),
                Refused::Malformed(claim),
                "{name} {}",
                &value[..value.len().min(40)]
            );
        }
    }
    for value in [
        "NaN",
        "Infinity",
        "-Infinity",
        "+1700000300",
        "01700000300",
        ".5",
        "1.",
        "0x10",
        "1_000",
        "undefined",
    ] {
        let why = payload_refused(with_times(&format!(r#""exp":{value}"#)));
        assert!(
            matches!(why, Refused::Malformed(Claim::Expires) | Refused::Payload),
            "{value}: {why:?}"
        );
    }
    assert_eq!(
        payload_refused(with_times(r#""x":1"#)),
        Refused::Missing(Claim::Expires)
    );
}

/// RFC 7519 §4.1.4 and §4.1.5: at `exp` plus leeway it has expired; fractions go the strict way.
#[test]
fn the_edges_of_time() {
    let at = |members: &str, now: u64, leeway: u64| {
        let token = hs256(header_with(""), with_times(members));
        let verifier = verifier(&HS256).with_leeway(leeway);
        verifier
            .verify::<Value>(&token, UnixTime::from_secs(now))
            .map(|_| ())
    };
    let expired = |at, now| {
        Err(Refused::Expired {
            at: UnixTime::from_secs(at),
            now: UnixTime::from_secs(now),
        })
    };
    let not_yet = |at, now| {
        Err(Refused::NotYet {
            at: UnixTime::from_secs(at),
            now: UnixTime::from_secs(now),
        })
    };
    let exp = r#""exp":1000"#;
    assert_eq!(at(exp, 999, 0), Ok(()));
    assert_eq!(at(exp, 1000, 0), expired(1000, 1000));
    assert_eq!(at(exp, 1029, 30), Ok(()));
    assert_eq!(at(exp, 1030, 30), expired(1000, 1030));
    assert_eq!(
        at(exp, 1030, 1_000_000),
        expired(1000, 1030),
        "leeway is 30 s at most"
    );
    assert_eq!(at(exp, u64::MAX, 30), expired(1000, u64::MAX));
    assert_eq!(at(r#""exp":1000.999"#, 1000, 0), expired(1000, 1000));
    assert_eq!(at(r#""exp":1e3"#, 999, 0), Ok(()));
    assert_eq!(at(r#""exp":0"#, 0, 0), expired(0, 0));
    assert_eq!(
        at(r#""exp":9007199254740992"#, 9_007_199_254_740_991, 30),
        Ok(())
    );
    let nbf = r#""exp":2000,"nbf":1000"#;
    assert_eq!(at(nbf, 1000, 0), Ok(()));
    assert_eq!(at(nbf, 999, 0), not_yet(1000, 999));
    assert_eq!(at(nbf, 970, 30), Ok(()));
    assert_eq!(at(nbf, 969, 30), not_yet(1000, 969));
    assert_eq!(
        at(r#""exp":2000,"nbf":1000.001"#, 1000, 0),
        not_yet(1001, 1000)
    );
    // Issued in the future: clocks differ, and `iat` refuses nothing by itself.
    assert_eq!(at(r#""exp":2000,"iat":9000000000"#, 1000, 0), Ok(()));
}

/// Neither a verifier nor a cache that asks again gets more leeway than 30 seconds.
#[test]
fn leeway_has_its_bound_wherever_it_is_asked_for() {
    let generous = verifier(&HS256).with_leeway(1_000_000);
    assert_eq!(generous.leeway(), 30);
    let token = hs256(header_with(""), with_times(r#""exp":1000"#));
    let verified = generous
        .verify::<Value>(&token, UnixTime::from_secs(999))
        .unwrap();
    let (at, now) = (UnixTime::from_secs(1000), UnixTime::from_secs(1030));
    let refused = verified.check_time(now, 1_000_000);
    assert_eq!(refused, Err(Refused::Expired { at, now }));
}

/// CVE-2020-26160, CVE-2024-53861: the issuer is one string, and this one.
#[test]
fn an_issuer_that_is_not_ours() {
    let with =
        |iss: &str| payload_refused(format!(r#"{{{iss}"aud":"{AUDIENCE}","exp":1700000300}}"#));
    assert_eq!(with(""), Refused::Missing(Claim::Issuer));
    for other in [
        "",
        "https://id.exampl",
        "https://id.example/",
        "https://id.example.evil",
        "HTTPS://id.example",
        " https://id.example",
        "https://id.example\\u0000",
        "i",
        "https://id.\\u0435xample",
    ] {
        assert_eq!(
            with(&format!(r#""iss":"{other}","#)),
            Refused::Issuer,
            "{other:?}"
        );
    }
    for wrong in [
        "null",
        "1",
        "true",
        "{}",
        "[]",
        r#"["https://id.example"]"#,
        r#"{"0":"https://id.example"}"#,
    ] {
        assert_eq!(
            with(&format!(r#""iss":{wrong},"#)),
            Refused::Malformed(Claim::Issuer),
            "{wrong}"
        );
    }
    // An escaped slash is the same text (RFC 8259 §7).
    let payload =
        format!(r#"{{"iss":"https:\/\/id.example","aud":"{AUDIENCE}","exp":1700000300}}"#);
    assert!(verify(&HS256, &hs256(header_with(""), payload)).is_ok());
}

/// RFC 7519 §4.1.3: ours exactly, alone or among others.
#[test]
fn an_audience_that_is_not_ours() {
    let with = |aud: &str| format!(r#"{{"iss":"{ISSUER}",{aud}"exp":1700000300}}"#);
    assert_eq!(payload_refused(with("")), Refused::Missing(Claim::Audience));
    for other in [
        r#""""#,
        r#""https://api.exampl""#,
        r#""https://api.example/""#,
        r#""https://api.example.evil""#,
        "[]",
        r#"["a","b"]"#,
        r#"["https://api.example "]"#,
        r#"["https://api","example"]"#,
    ] {
        assert_eq!(
            payload_refused(with(&format!(r#""aud":{other},"#))),
            Refused::Audience,
            "{other}"
        );
    }
    for wrong in [
        "null",
        "1",
        "true",
        "{}",
        r#"{"aud":"https://api.example"}"#,
        r#"["https://api.example",1]"#,
        r#"["https://api.example",null]"#,
        r#"[["https://api.example"]]"#,
    ] {
        let why = payload_refused(with(&format!(r#""aud":{wrong},"#)));
        assert_eq!(why, Refused::Malformed(Claim::Audience), "{wrong}");
    }
    for good in [
        r#""https://api.example""#,
        r#"["https://api.example"]"#,
        r#"["x","https://api.example"]"#,
    ] {
        let token = hs256(header_with(""), with(&format!(r#""aud":{good},"#)));
        assert!(verify(&HS256, &token).is_ok(), "{good}");
    }
}

/// An issuer may leave the audience open, by name and for one call, to find out for whom it made a
/// token. Nothing else is left open with it.
#[test]
fn any_audience_for_issuers_who_ask_for_it_by_name() {
    let verifier = verifier(&HS256);
    let any = |token: &str| verifier.verify_for_any_audience::<Value>(token, NOW);
    let claims: Value = serde_json::from_str(GOOD).unwrap();
    for audience in [AUDIENCE, "https://other.example", ""] {
        let mut claims = claims.clone();
        claims["aud"] = audience.into();
        let token = sign(&HS256, TYP, &claims).unwrap();
        assert_eq!(any(&token).unwrap().claims(), &claims);
        let exact = verifier.verify::<Value>(&token, NOW);
        assert_eq!(exact.is_ok(), audience == AUDIENCE, "{audience}");
        let other_kind = sign(&HS256, "JWT", &claims).unwrap();
        let needed = TYP.into();
        assert_eq!(any(&other_kind).err(), Some(Refused::Type { needed }));
    }

    let honest = hs256(header_with(""), GOOD);
    let (signed, _) = honest.rsplit_once('.').unwrap();
    let forged = with_hmac(b"another secret, which nobody has said to trust", signed);
    assert_eq!(any(&forged).err(), Some(Refused::Signature));
    for (from, to, why) in [
        (r#""iss":""#, r#""iss":"x"#, Refused::Issuer),
        (r#""aud""#, r#""au""#, Refused::Missing(Claim::Audience)),
        (
            r#""aud":""#,
            r#""aud":1,"x":""#,
            Refused::Malformed(Claim::Audience),
        ),
        (r#""exp""#, r#""ex""#, Refused::Missing(Claim::Expires)),
    ] {
        let token = hs256(header_with(""), GOOD.replacen(from, to, 1));
        assert_eq!(any(&token).err(), Some(why));
    }
    let expired = verifier.verify_for_any_audience::<Value>(&honest, UnixTime::MAX);
    assert!(matches!(expired, Err(Refused::Expired { .. })));
}

#[test]
fn a_subject_that_is_no_string() {
    for wrong in ["null", "1", "{}", "[\"u1\"]"] {
        let payload = with_times(&format!(r#""exp":1700000300,"sub":{wrong}"#));
        assert_eq!(
            payload_refused(payload),
            Refused::Malformed(Claim::Subject),
            "{wrong}"
        );
    }
}

/// RFC 7519 §4: claims are unique, in whatever spelling and wherever they stand.
#[test]
fn duplicate_claims() {
    for twice in [
        r#""exp":1,"exp":1700000300"#,
        r#""exp":1700000300,"exp":1700000300"#,
        r#""exp":1700000300,"iss":"https://id.example""#,
        r#""exp":1700000300,"aud":["x"]"#,
        r#""exp":1700000300,"sub":"u1","sub":"admin""#,
        r#""exp":1700000300,"nbf":1,"nbf":1"#,
        r#""exp":1700000300,"iat":1,"iat":1"#,
        r#""exp":1700000300,"e\u0078p":1700000300"#,
        r#""exp":1700000300,"role":"user","role":"admin""#,
        r#""exp":1700000300,"role":"user","r\u006fle":"admin""#,
        r#""exp":1700000300,"":1,"":2"#,
    ] {
        assert_eq!(
            payload_refused(with_times(twice)),
            Refused::DuplicateClaim,
            "{twice}"
        );
    }
    // Behind many others.
    let many = (0..200)
        .map(|i| format!(r#""c{i}":0,"#))
        .collect::<Vec<_>>()
        .concat();
    let payload = with_times(&format!(r#"{many}"exp":1700000300,"c7":0"#));
    assert_eq!(payload_refused(payload), Refused::DuplicateClaim);
}

/// A type that reads nothing of the object at all, not even its members.
struct Idle;

struct IdleVisitor;

impl<'de> Deserialize<'de> for Idle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdleVisitor)
    }
}

impl<'de> Visitor<'de> for IdleVisitor {
    type Value = Idle;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Idle, A::Error> {
        Ok(Idle)
    }
}

/// A type without members.
#[derive(Deserialize, Debug)]
struct Nothing {}

/// What the caller's type does not read is read all the same.
#[test]
fn a_type_that_looks_away_does_not_switch_checks_off() {
    let verify = |payload: String| {
        let token = hs256(header_with(""), payload);
        verifier(&HS256).verify::<Nothing>(&token, NOW).map(|_| ())
    };
    assert_eq!(verify(GOOD.to_owned()), Ok(()));
    assert_eq!(
        verify(with_times(r#""exp":"1""#)),
        Err(Refused::Malformed(Claim::Expires))
    );
    assert_eq!(
        verify(with_times(r#""exp":1700000300,"x":1,"x":1"#)),
        Err(Refused::DuplicateClaim)
    );
    assert_eq!(
        verify(r#"{"exp":1700000300}"#.into()),
        Err(Refused::Missing(Claim::Issuer))
    );

    let idle = |payload: &str| {
        let token = hs256(header_with(""), payload);
        verifier(&HS256).verify::<Idle>(&token, NOW).map(|_| ())
    };
    assert_eq!(idle(GOOD), Ok(()));
    assert_eq!(
        idle(&with_times(r#""exp":1"#)),
        Err(Refused::Expired {
            at: UnixTime::from_secs(1),
            now: NOW
        })
    );
    assert_eq!(
        idle(&with_times(r#""exp":1700000300,"x":1,"x":1"#)),
        Err(Refused::DuplicateClaim)
    );
}

/// A payload that is no JSON object is no claims set (RFC 7519 §7.2).
#[test]
fn a_payload_that_is_no_object() {
    for text in [
        "",
        "null",
        "[]",
        "\"x\"",
        "1",
        "{",
        "}",
        "{}}",
        "{} {}",
        "[{}]",
        r#"{"exp":1,}"#,
        r#"{"x" 1}"#,
        "{exp:1}",
        "<xml/>",
    ] {
        let why = payload_refused(text);
        let as_it_should = matches!(why, Refused::Payload);
        assert!(as_it_should, "{text}: {why:?}");
    }
    let trailing = format!("{GOOD}x");
    assert_eq!(payload_refused(trailing), Refused::Payload);
    // White space around it is JSON (RFC 8259 §2).
    assert!(verify(&HS256, &hs256(header_with(""), format!(" \t\r\n{GOOD}\n"))).is_ok());
}

/// Good claims that are not what the caller's type asks for: said without repeating them.
#[test]
fn claims_of_another_shape() {
    #[derive(Deserialize, Debug)]
    struct Strict {
        #[expect(dead_code, reason = "only its type matters")]
        scope: String,
    }
    let at = |members: &str| {
        let token = hs256(header_with(""), with_times(members));
        let refused = verifier(&HS256).verify::<Strict>(&token, NOW).unwrap_err();
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
        assert_eq!(refused.code(), "token_shape");
        match refused {
            Refused::Shape { at } => at,
            other => panic!("{other:?}"),
        }
    };
    let whole = with_times(r#""exp":1700000300"#).len();
    assert_eq!(
        at(r#""exp":1700000300"#),
        whole,
        "missing: noticed at the end"
    );
    let line = with_times("").trim_end_matches('}').len();
    assert_eq!(at("\"scope\":[\"hunter2\"],\"exp\":1700000300"), line + 8);
    assert_eq!(
        at("\n\n\"scope\":[\"hunter2\"],\"exp\":1700000300"),
        line + 10
    );
}
