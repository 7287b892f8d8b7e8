//! Claims. The first byte is the leeway, the rest a payload, which is signed here: the verifier must
//! accept exactly what an independent reading of it accepts.

#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::{Object, SECRET, SIGNING};
use countersign_jose::{
    MAX_AUDIENCES, MAX_CLAIMS, MAX_LEEWAY, Refused, UnixTime, Verified, Verifier, jws,
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;

const NOW: u64 = 1_700_000_000;
const MAX: u64 = 1 << 53;

static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new("https://id.example", "orders", "at+jwt", SECRET.clone()));

/// A type that takes any claims.
#[derive(Deserialize)]
struct Anything {}

/// A type such as an application has.
#[derive(Deserialize)]
struct Usual {
    #[serde(default)]
    scope: Option<String>,
    exp: f64,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

fuzz_target!(|data: &[u8]| {
    let Some((&leeway, payload)) = data.split_first() else {
        return;
    };
    let leeway = u64::from(leeway) % 64;
    let header = jws::Header {
        typ: Some("at+jwt"),
        cty: None,
    };
    let Ok(token) = jws::sign(&SIGNING[0], &header, payload) else {
        return; // too long
    };
    let verifier = VERIFIER.clone().with_leeway(leeway);
    let now = UnixTime::from_secs(NOW);
    let anything = verifier.verify::<Anything>(&token, now);
    match expected(payload, leeway.min(MAX_LEEWAY)) {
        Expected::Refused => assert!(anything.is_err()),
        Expected::InDoubt => {}
        Expected::Accepted(times) => {
            assert_eq!(seen(anything.as_ref().expect("good claims")), times);
        }
    }

    // Whatever type is filled, the same claims are accepted; it may only ask for more.
    let value = verifier.verify::<Value>(&token, now);
    if let (Ok(verified), Ok(anything)) = (&value, &anything) {
        let direct: Value = serde_json::from_slice(payload).expect("JSON");
        assert_eq!(**verified, direct);
        assert_eq!(seen(verified), seen(anything));
    }
    assert!(anything.is_ok() || value.is_err());
    if anything.is_ok() && serde_json::from_slice::<Value>(payload).is_ok() {
        assert!(value.is_ok());
    }
    if let Ok(verified) = verifier.verify::<Usual>(&token, now) {
        assert_eq!(seen(&verified), seen(anything.as_ref().expect("accepted")));
        assert!(verified.exp >= 0.0 && !verified.others.contains_key("exp"));
        assert!(verified.scope.is_none() || !verified.others.contains_key("scope"));
    }
    if let Err(why) = anything {
        assert!(!matches!(why, Refused::Signature | Refused::Type { .. }));
    }
});

type Times = (u64, Option<u64>, Option<u64>);

fn seen<C>(verified: &Verified<C>) -> Times {
    (
        verified.expires_at().as_secs(),
        verified.not_before().map(UnixTime::as_secs),
        verified.issued_at().map(UnixTime::as_secs),
    )
}

enum Expected {
    Accepted(Times),
    Refused,
    /// A fraction so close to a whole second that the reading of its digits decides.
    InDoubt,
}

/// RFC 7519 §4.1, and what the library says of numbers.
fn expected(payload: &[u8], leeway: u64) -> Expected {
    let Some(claims) = Object::read(payload) else {
        return Expected::Refused;
    };
    let audience = match claims.value::<String>("aud") {
        Some(audience) => vec![audience],
        None => claims.value::<Vec<String>>("aud").unwrap_or_default(),
    };
    if claims.value("iss") != Some("https://id.example".to_owned())
        || !audience.iter().any(|name| name == "orders")
        || !claims.may_be_text("sub")
        || claims.len() > MAX_CLAIMS
        || audience.len() > MAX_AUDIENCES
    {
        return Expected::Refused;
    }
    let date = |name, up| claims.raw(name).map(|text| seconds(text, up));
    let (Some(exp), nbf, iat) = (date("exp", false), date("nbf", true), date("iat", false)) else {
        return Expected::Refused;
    };
    let all = [Some(exp), nbf, iat];
    if all.contains(&Some(Seconds::None)) {
        return Expected::Refused;
    }
    if all.contains(&Some(Seconds::InDoubt)) {
        return Expected::InDoubt;
    }
    let whole = |date| match date {
        Seconds::Some(secs) => secs,
        _ => unreachable!("looked at above"),
    };
    let (exp, nbf, iat) = (whole(exp), nbf.map(whole), iat.map(whole));
    if NOW >= exp + leeway || nbf.is_some_and(|nbf| nbf > NOW + leeway) {
        return Expected::Refused;
    }
    Expected::Accepted((exp, nbf, iat))
}

#[derive(Copy, Clone, PartialEq)]
enum Seconds {
    Some(u64),
    /// Not a number from 0 to 2^53.
    None,
    InDoubt,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "from 0 to 2^53"
)]
fn seconds(text: &str, up: bool) -> Seconds {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Seconds::None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.parse() {
            Ok(secs) if secs <= MAX => Seconds::Some(secs),
            _ => Seconds::None,
        };
    }
    let Ok(number) = text.parse::<f64>() else {
        return Seconds::None;
    };
    let whole = |number: f64| (if up { number.ceil() } else { number.floor() }) as u64;
    // The library's parser may be off by the last bit.
    let [low, exact, high] = [1.0 - 1e-15, 1.0, 1.0 + 1e-15].map(|by| number * by);
    if low > MAX as f64 {
        Seconds::None
    } else if high > MAX as f64 || whole(low) != whole(high) {
        Seconds::InDoubt
    } else {
        Seconds::Some(whole(exact))
    }
}
