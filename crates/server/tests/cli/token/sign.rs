//! `token sign`

use serde_json::{Value, json};

use super::{Desk, NOW};

impl Desk {
    /// Header and claims of a token.
    fn read_token(&self, token: &str) -> (Value, Value) {
        let read: Value = serde_json::from_str(&self.done(&["inspect", "--json"], token)).unwrap();
        (read["header"].clone(), read["claims"].clone())
    }
}

#[test]
fn claims_in_token_out() {
    let desk = Desk::with_key();
    desk.write(
        "claims.json",
        "{\"z\": 1, \"a\": 0.5, \"n\": 18446744073709551615}\n",
    );
    let token = desk.done(
        &[
            "sign",
            "--key",
            "key.jwk",
            "--typ",
            "JWT",
            "--claims",
            "claims.json",
        ],
        "",
    );
    let (header, claims) = desk.read_token(&token);
    assert_eq!(
        header,
        json!({ "alg": "ES256", "typ": "JWT", "kid": "first" })
    );
    assert_eq!(claims, json!({ "z": 1, "a": 0.5, "n": u64::MAX }));

    let json = desk.done(
        &["sign", "--key", "key.jwk", "--claims", "-", "--json"],
        "{}",
    );
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        desk.read_token(json["token"].as_str().unwrap()).1,
        json!({})
    );
}

#[test]
fn the_usual_claims_can_be_said() {
    let desk = Desk::with_key();
    let now = NOW.to_string();
    let args = [
        "sign",
        "--key",
        "key.jwk",
        "--issuer",
        "i",
        "--audience",
        "a",
        "--subject",
        "s",
        "--expires-in",
        "5m",
        "--at",
        &now,
    ];
    let output = desk.run(&args, "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let (_, claims) = desk.read_token(&String::from_utf8(output.stdout).unwrap());
    let expected = json!({ "iss": "i", "aud": "a", "sub": "s", "iat": NOW, "exp": NOW + 300 });
    assert_eq!(claims, expected);

    let with_more = [&args[..], &["--claims", "-"]].concat();
    let (_, claims) = desk.read_token(&desk.done(&with_more, "{\"role\":\"admin\"}"));
    assert_eq!(claims["role"], "admin");
    // Nothing is replaced in silence.
    let (code, message) = desk.fails(&with_more, "{\"sub\":\"eve\"}");
    assert_eq!(code, "usage");
    assert!(
        message.contains("\"sub\" would be there twice"),
        "{message}"
    );
}

#[test]
fn what_nobody_would_accept_is_said() {
    let desk = Desk::with_key();
    let sign = ["sign", "--key", "key.jwk", "--claims", "-"];
    let output = desk.run(&sign, "{\"iss\":\"i\"}");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(
        notes.contains("without \"aud\"") && notes.contains("without \"exp\""),
        "{notes}"
    );
    assert!(!notes.contains("\"iss\""), "{notes}");

    for (claims, message) in [
        ("[]", "must be a JSON object"),
        ("", "must be a JSON object"),
        ("{\"a\":1} {}", "must be a JSON object"),
        ("{\"a\":1,\"a\":2}", "\"a\" would be there twice"),
    ] {
        let (code, told) = desk.fails(&sign, claims);
        assert_eq!(code, "usage");
        assert!(told.contains(message), "{told}");
    }
    let (code, _) = desk.fails(&["sign", "--key", "key.jwk", "--claims", "absent"], "");
    assert_eq!(code, "file");
    let (code, message) = desk.fails(&["sign", "--key", "key.pub.jwk", "--claims", "-"], "{}");
    assert_eq!(code, "key");
    assert!(message.contains("a private one is needed"), "{message}");
    let (code, _) = desk.fails(&[&sign[..], &["--typ", "a b"]].concat(), "{}");
    assert_eq!(code, "sign");
    let long = json!({ "a": "x".repeat(20_000) }).to_string();
    let (code, _) = desk.fails(&sign, &long);
    assert_eq!(code, "sign");
}
