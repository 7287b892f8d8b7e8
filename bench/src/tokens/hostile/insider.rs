//! Tokens whose signature holds, refused for what they say: their time, their audience, a claim that comes twice.

use std::hint::black_box;

use countersign_jose::{Algorithm, SigningKey};
use serde::de::DeserializeOwned;

use super::super::claims::{AUDIENCE, ISSUER, NOW};
use super::super::contenders::{key, raw_verification};
use super::Hostile;
use super::forge::{fill, payload_room, refuse, short_name, signed, values, verifier};

/// What is taken off the time of a refusal.
#[derive(Clone, Copy)]
pub enum Less {
    /// One operation of the key.
    Key,
    /// That, and reading the payload with nothing checked.
    KeyAndReading,
}

/// All of them, with the fastest of keys and with the usual one, read into this type.
pub fn all<C: DeserializeOwned + 'static>(less: Less) -> Vec<Hostile> {
    let mut all = Vec::new();
    for (alg, signature) in [(Algorithm::HS256, 32), (Algorithm::ES256, 64)] {
        let key = key(alg);
        for (name, payload) in payloads(payload_room(signature)) {
            let name = format!("{}, {name}", alg.name());
            all.push(hostile::<C>(&key, name, payload, less));
        }
    }
    all
}

fn hostile<C: DeserializeOwned + 'static>(
    key: &SigningKey,
    name: String,
    payload: String,
    less: Less,
) -> Hostile {
    let token = signed(key, &payload);
    let (message, _) = token.rsplit_once('.').expect("three parts");
    let mut verification = raw_verification(key, message.as_bytes());
    Hostile {
        of_key: Some(match less {
            Less::Key => verification,
            Less::KeyAndReading => Box::new(move || {
                verification();
                drop(black_box(serde_json::from_str::<C>(black_box(&payload))));
            }),
        }),
        refuse: refuse::<C>(&name, &verifier(key), token),
        name,
    }
}

fn payloads(room: usize) -> Vec<(String, String)> {
    // All that a guard asks for; expired a second ago.
    let good = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{NOW},"iat":1,"sub":"u","jti":"t","client_id":"c","epochs":[0,0,0]"#
    );
    let without = |claim: &str| good.replace(&format!("\"{claim}\""), &format!("\"not_{claim}\""));
    let room = room - good.len() - 40;
    let mut payloads = Vec::new();
    for (what, value) in values(room) {
        payloads.push((
            format!("expired, {what}"),
            format!(r#"{good},"x":{value}}}"#),
        ));
        payloads.push((format!("nothing but {what}"), value.clone()));
        for claim in ["iss", "aud", "exp"] {
            payloads.push((
                format!("{what} as its {claim}"),
                format!(r#"{},"{claim}":{value}}}"#, without(claim)),
            ));
        }
    }
    let names = |name: &dyn Fn(usize) -> String| fill(room, |i| format!(r#""{}":1"#, name(i)));
    let many: [(&str, String); 5] = [
        ("short names", names(&short_name)),
        ("names in order", names(&|i| format!("{i:05}"))),
        ("names in reverse", names(&|i| format!("{:05}", 99_999 - i))),
        (
            "names in escapes",
            names(&|i| format!("\\u{:04x}", 0x1000 + i)),
        ),
        (
            "names that are much alike",
            names(&|i| format!("{}{i:03}", "n".repeat(60))),
        ),
    ];
    for (what, members) in &many {
        payloads.push((format!("expired, {what}"), format!("{good},{members}}}")));
        let (first, _) = members.split_once(':').expect("a member");
        payloads.push((
            format!("{what}, the first one twice"),
            format!("{good},{members},{first}:1}}"),
        ));
    }
    let audiences = fill(room, |i| format!("\"{i}\""));
    payloads.push((
        "thousands of other audiences".into(),
        format!(r#"{},"aud":[{audiences}]}}"#, without("aud")),
    ));
    let empty = fill(room, |_| "\"\"".into());
    payloads.push((
        "thousands of empty audiences".into(),
        format!(r#"{},"aud":[{empty}]}}"#, without("aud")),
    ));
    let escaped = fill(room, |_| "\"\\u0061\"".into());
    payloads.push((
        "thousands of audiences in escapes".into(),
        format!(r#"{},"aud":[{escaped}]}}"#, without("aud")),
    ));
    let long = "i".repeat(room);
    payloads.push((
        "a long issuer".into(),
        format!(r#"{},"iss":"{long}"}}"#, without("iss")),
    ));
    for (what, date) in [
        ("an exp of many digits", "9".repeat(room)),
        (
            "an exp of many places",
            format!("1.{}", "1".repeat(room - 2)),
        ),
    ] {
        payloads.push((what.into(), format!(r#"{},"exp":{date}}}"#, without("exp"))));
    }
    payloads.push((
        "no exp, short names".into(),
        format!("{},{}}}", without("exp"), many[0].1),
    ));
    payloads
}
