//! `token inspect`: what is in it, in plain words.

use serde_json::{Value, json};

use super::{Desk, HARMFUL, NOW, assert_harmless, forged, good};

fn at(now: u64) -> [String; 2] {
    ["--at".to_owned(), now.to_string()]
}

/// What it says at `NOW`, white space made single.
fn said(desk: &Desk, token: &str) -> String {
    let [flag, now] = at(NOW);
    let text = desk.done(&["inspect", &flag, &now, "--", token], "");
    assert!(text.contains("Nothing was checked"), "{text}");
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn json_of(desk: &Desk, token: &str) -> Value {
    let [flag, now] = at(NOW);
    let text = desk.done(&["inspect", &flag, &now, "--json", "--", token], "");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_signed_token_in_plain_words() {
    let desk = Desk::with_key();
    let mut claims = good();
    claims["iat"] = (NOW - 7200).into();
    claims["exp"] = (NOW + 240).into();
    claims["nbf"] = NOW.into();
    claims["role"] = json!({ "admin": true });
    let text = said(&desk, &desk.sign(&claims, &[]));
    for line in [
        "A signed token (JWS), ",
        "header 44, payload 128, signature 64.",
        "alg algorithm (RFC 7515) \"ES256\", ECDSA on P-256",
        "typ kind of token (RFC 7515) \"at+jwt\", an access token, RFC 9068",
        "kid id of the key (RFC 7515) \"first\"",
        "iss issuer (RFC 7519) \"https://id.example\"",
        "aud audience: whom it is for (RFC 7519) \"orders\"",
        "sub subject: whom it is about (RFC 7519) \"ada\"",
        "exp expires (RFC 7519) 1700000240, 2023-11-14T22:17:20Z, in 4 min",
        "iat issued (RFC 7519) 1699992800, 2023-11-14T20:13:20Z, 2 h ago",
        "nbf not to be used before (RFC 7519) 1700000000, 2023-11-14T22:13:20Z, now",
        "role {\"admin\":true}",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

/// Nobody who reads it may think that it was found to be good.
#[test]
fn it_never_speaks_of_validity() {
    let desk = Desk::with_key();
    desk.generate("enc", &["--alg", "ECDH-ES"]);
    let signed = desk.sign(&good(), &[]);
    let nested = desk.done(&["encrypt", "--key", "enc.pub.jwk"], &signed);
    let broken_json = forged("{\"alg\":\"ES256\"}", "{\"a\":\"\\x\"}", b"");
    let half = &signed[..signed.len() / 2];
    for token in [
        &signed,
        nested.trim_end(),
        &broken_json,
        half,
        "",
        "a.b.c",
        "{}",
        "%%.%%.%%",
    ] {
        for args in [
            &["inspect", "--", token][..],
            &["inspect", "--json", "--", token],
        ] {
            let text = desk.done(args, "").to_lowercase();
            assert!(!text.contains("valid"), "{text}");
            assert!(text.contains("checked"), "{text}");
        }
    }
}

#[test]
fn an_encrypted_token_as_far_as_it_can_be_told() {
    let desk = Desk::with_key();
    desk.generate("enc", &["--alg", "ECDH-ES+A128KW", "--kid", "theirs"]);
    let signed = desk.sign(&good(), &[]);
    let encrypt = ["encrypt", "--key", "enc.pub.jwk", "--enc", "A128GCM"];
    let nested = desk.done(&encrypt, &signed);
    let text = said(&desk, nested.trim_end());
    for line in [
        "An encrypted token (JWE) with a signed one inside, says its header",
        "encrypted key 24, initialization vector 12, ",
        "authentication tag 16.",
        "alg algorithm (RFC 7515) \"ECDH-ES+A128KW\", agreed with the recipient's key, and wrapped",
        "enc encryption of the content (RFC 7516) \"A128GCM\", AES-GCM, 128 bits",
        "cty kind of content (RFC 7515) \"JWT\", a token inside",
        "kid id of the key (RFC 7515) \"theirs\"",
        "cannot be told without the key",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    assert_eq!(json_of(&desk, nested.trim_end())["kind"], "nested");
    let letter = desk.done(&encrypt, "a letter");
    assert_eq!(json_of(&desk, letter.trim_end())["kind"], "encrypted");
}

#[test]
fn programs_get_the_same_and_that_nothing_was_checked() {
    let desk = Desk::with_key();
    let read = json_of(&desk, &desk.sign(&good(), &[]));
    assert_eq!(read["checked"], false);
    assert_eq!(read["kind"], "signed");
    assert_eq!(read["header"]["kid"], "first");
    assert_eq!(read["claims"], good());
    assert_eq!(read["times"]["exp"]["utc"], "2023-11-14T22:18:20Z");
    assert_eq!(read["times"]["exp"]["relative"], "in 5 min");
    assert_eq!(read["sizes"]["signature"], 64);
    assert_eq!(read["problems"], json!([]));
}

/// Terminals obey what they are shown: nothing of a token reaches them as it is.
#[test]
fn a_hostile_token_cannot_reach_the_terminal() {
    let desk = Desk::empty();
    let nasty: String = HARMFUL.iter().collect();
    let nasty = format!("{nasty}\n\u{1b}]0;owned\u{7}");
    let claims = json!({ &nasty: &nasty, "exp": &nasty, "a": [{ &nasty: 1 }] });
    let header = json!({ "alg": &nasty, "typ": &nasty, "kid": &nasty, &nasty: 1 });
    let both = forged(&header.to_string(), &claims.to_string(), nasty.as_bytes());
    let bytes = forged("{\"alg\":\"none\"}", &nasty, b"");
    let twice = forged(
        "{\"alg\":\"none\"}",
        &format!("{{{n}:1,{n}:2}}", n = Value::from(nasty.as_str())),
        b"",
    );
    for token in [
        &both,
        &bytes,
        &twice,
        &nasty,
        &format!("{nasty}.{nasty}.{nasty}"),
    ] {
        let text = desk.run(&["inspect", "--", token], "");
        assert_eq!(text.status.code(), Some(0), "{text:?}");
        assert_harmless(&text);
        let read = desk.run(&["inspect", "--json", "--", token], "");
        assert_harmless(&read);
        let read: Value = serde_json::from_slice(&read.stdout).unwrap();
        if token == &both {
            assert_eq!(read["claims"], claims);
            assert_eq!(read["header"], header);
        }
    }
}

#[test]
fn a_broken_token_as_far_as_it_can_be_read() {
    let desk = Desk::with_key();
    let good = desk.sign(&good(), &[]);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}")
    };
    let cut = |text: &str, len: usize| text[..len].to_owned();
    let cases = [
        // Copied in part: what is there, is shown.
        (
            format!("{header}.{}.{signature}", cut(payload, 40)),
            "aud audience: whom it is for (RFC 7519) \"orders\"",
        ),
        (
            format!("{header}.{}.{signature}", cut(payload, 40)),
            "its payload ends in the middle of its JSON",
        ),
        (
            format!("{header}.{}.{signature}", cut(payload, 41)),
            "its payload is cut off: base64url never has 41 characters",
        ),
        (
            format!("{header}.%{payload}.{signature}"),
            "its payload is no base64url from its character 1 on",
        ),
        (
            format!("{header}.{payload}.{signature}=="),
            "its signature is not as base64url must be written",
        ),
        (format!("{header}.{payload}."), "it has no signature at all"),
        (format!("{header}.{payload}"), "it has 2 parts"),
        ("x".to_owned(), "it has one part, without dots"),
        ("1.2.3.4.5.6.7".to_owned(), "it has more than five parts"),
        (String::new(), "there is nothing"),
        (
            "{\"payload\":\"e30\"}".to_owned(),
            "JSON serialization is not read here",
        ),
        ("csr1_AAAA".to_owned(), "a refresh token of Countersign"),
        (
            forged("[1]", "2", b"x"),
            "its header is JSON, but not an object",
        ),
        (
            forged("{\"alg\":\"none\"}", "{\"exp\":1}", b""),
            "its algorithm is none",
        ),
        (
            forged("{\"typ\":\"JWT\"}", "{\"exp\":1}", b"x"),
            "names no algorithm",
        ),
        (
            forged(
                "{\"alg\":\"RS256\",\"jku\":\"https://evil.example\"}",
                "{}",
                b"x",
            ),
            "it names an address of keys; no verifier may fetch them",
        ),
        (
            forged("{\"alg\":\"RS256\",\"crit\":[\"x\"]}", "{}", b"x"),
            "a verifier of ours knows none",
        ),
        (
            forged("{\"alg\":\"RS256\"}", "{}", b"x"),
            "it would never expire",
        ),
        (
            forged("{\"alg\":\"RS256\"}", "{\"exp\":\"soon\"}", b"x"),
            "its exp is no time",
        ),
        (
            forged("{\"alg\":\"RS256\"}", "{\"exp\":1700000000000}", b"x"),
            "milliseconds, where seconds are needed?",
        ),
        (
            forged("{\"alg\":\"RS256\"}", "{\"a\":1,\"a\":2,\"exp\":1}", b"x"),
            "its payload has \"a\" more than once",
        ),
        (
            forged("{\"alg\":\"RS256\"}", "no claims", b"x"),
            "\"no claims\"",
        ),
        (
            forged("{\"alg\":\"RS256\"}", "{\"a\":1,x}", b"x"),
            "its payload is no JSON from line 1, column 8 on",
        ),
    ];
    for (token, line) in cases {
        let text = said(&desk, &token);
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    // A number that may be cut off is another number.
    let text = said(&desk, &format!("{header}.{}.{signature}", cut(payload, 40)));
    assert!(!text.contains("exp expires"), "{text}");
    let unknown = json_of(&desk, "x");
    assert_eq!(
        (&unknown["kind"], &unknown["checked"]),
        (&json!("unknown"), &json!(false))
    );
}

#[test]
fn a_token_in_a_token_and_no_deeper_than_three() {
    let desk = Desk::empty();
    let header = "{\"alg\":\"HS256\",\"cty\":\"JWT\"}";
    let mut token = forged(header, "{\"exp\":1,\"deep\":true}", b"x");
    for _ in 0..2 {
        token = forged(header, &token, b"x");
    }
    let read = json_of(&desk, &token);
    assert_eq!(read["inside"]["inside"]["claims"]["deep"], true);
    assert!(said(&desk, &token).contains("Inside of it:"));
    let read = json_of(&desk, &forged(header, &token, b"x"));
    let third = &read["inside"]["inside"];
    assert!(third["payload"].is_string(), "{read}");
}

#[test]
fn what_people_copy_around_it_is_left_out() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let (first, rest) = token.split_at(60);
    for input in [
        format!("{token}\n"),
        format!("Bearer {token}"),
        format!("Authorization: Bearer {token}\r\n"),
        format!("\"{token}\""),
        format!("  {first}\n  {rest}\n"),
    ] {
        let text = desk.done(&["inspect", "--json"], &input);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["claims"], good(), "{input}");
        let has_space = input.contains("\n  ");
        assert_eq!(read["problems"] != json!([]), has_space, "{read}");
    }
    // No length, depth or encoding makes it fail.
    let long = format!("{}.{}", "x".repeat(200_000), ".".repeat(1000));
    let deep = forged("{\"alg\":\"x\"}", &"[".repeat(5000), b"");
    for input in [long.as_bytes(), deep.as_bytes(), b"\xff\xfe.\0.\x80"] {
        assert_harmless(&desk.run(&["inspect"], input));
        desk.done(&["inspect"], input);
    }
}
