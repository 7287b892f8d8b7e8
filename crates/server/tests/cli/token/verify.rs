//! `token verify`: a verdict for every line, and why.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Desk, HARMFUL, NOW, assert_harmless, forged, good};
use crate::binary::command;

/// The arguments that everything here has in common.
const VERIFY: [&str; 9] = [
    "verify",
    "--keys",
    "key.pub.jwk",
    "--issuer",
    "https://id.example",
    "--audience",
    "orders",
    "--at",
    "1700000000",
];

impl Desk {
    /// The verdicts of these lines, as programs get them, and the exit code.
    fn verdicts(&self, args: &[&str], input: impl AsRef<[u8]>) -> (Vec<Value>, i32) {
        let output = self.run(&[args, &["--json"]].concat(), input);
        assert_harmless(&output);
        let text = String::from_utf8(output.stdout).unwrap();
        let verdicts = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (verdicts.collect(), output.status.code().unwrap())
    }

    /// The verdict of one token.
    #[track_caller]
    fn verdict(&self, args: &[&str], token: &str) -> Value {
        let (verdicts, code) = self.verdicts(args, format!("{token}\n"));
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        let is_refused = verdicts[0]["verdict"] == "refused";
        assert_eq!(code, i32::from(is_refused), "{verdicts:?}");
        verdicts[0].clone()
    }

    /// The refusal of one token, which must have this code and step.
    #[track_caller]
    fn refused(&self, args: &[&str], token: &str, code: &str, step: &str) -> Value {
        let verdict = self.verdict(args, token);
        assert_eq!(verdict["verdict"], "refused", "{verdict}");
        assert_eq!(
            (&verdict["code"], &verdict["step"]),
            (&json!(code), &json!(step)),
            "{verdict}"
        );
        assert!(!verdict["message"].as_str().unwrap().is_empty());
        assert_eq!(verdict.get("claims"), None, "{verdict}");
        // What people see says the same.
        let line = self.run(args, format!("{token}\n"));
        let line = String::from_utf8(line.stdout).unwrap();
        assert!(
            line.starts_with(&format!("refused {code} ({step}): ")),
            "{line}"
        );
        verdict
    }
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = good();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn a_good_token_is_accepted_with_its_claims() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let verdict = desk.verdict(&VERIFY, &token);
    let expected = json!({
        "line": 1, "verdict": "accepted", "claims": good(), "typ": "at+jwt", "key_id": "first",
    });
    assert_eq!(verdict, expected);
    let line = desk.done(&VERIFY, &token);
    let claims = line.strip_prefix("accepted ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(claims).unwrap(), good());
}

#[test]
fn shape_says_what_is_no_token() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let empty = desk.refused(&VERIFY, "", "token_not_compact", "shape");
    assert_eq!(empty["needed"], "a token: the line is empty");
    let two = desk.refused(&VERIFY, signed, "token_not_compact", "shape");
    assert_eq!(
        two["needed"],
        "three parts with two dots between them: it has 2"
    );
    let bearer = desk.refused(&VERIFY, &format!("Bearer {token}"), "token_base64", "shape");
    assert_eq!(bearer["needed"], "the token alone, without \"Bearer\"");
    let space = desk.refused(&VERIFY, &format!("{token} "), "token_base64", "shape");
    assert_eq!(space["needed"], "the token alone, without white space");
    desk.refused(
        &VERIFY,
        &format!("{signed}.{signature}="),
        "token_base64",
        "shape",
    );
    let encrypted = desk.refused(&VERIFY, "a.b.c.d.e", "token_encrypted", "shape");
    assert!(
        encrypted["needed"]
            .as_str()
            .unwrap()
            .contains("--decrypt-keys")
    );
}

#[test]
fn header_and_key_say_what_does_not_fit() {
    let desk = Desk::with_key();
    let none = forged(
        "{\"alg\":\"none\",\"typ\":\"at+jwt\"}",
        &good().to_string(),
        b"",
    );
    let none = desk.refused(&VERIFY, &none, "token_algorithm_unknown", "header");
    assert!(
        none["needed"]
            .as_str()
            .unwrap()
            .starts_with("one of HS256, "),
        "{none}"
    );
    let critical = forged(
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"crit\":[\"x\"]}",
        "{}",
        b"x",
    );
    desk.refused(&VERIFY, &critical, "token_critical", "header");
    desk.refused(&VERIFY, &forged("[]", "{}", b"x"), "token_header", "header");
    let other = desk.sign(&good(), &["--typ", "JWT"]);
    let other = desk.refused(&VERIFY, &other, "token_type", "header");
    assert_eq!(other["got"], "JWT");
    assert_eq!(other["needed"], "at+jwt, or another --typ if that is meant");

    desk.generate("other", &["--alg", "ES256", "--kid", "second"]);
    let unknown = desk.sign_with("other.jwk", &good(), &[]);
    let unknown = desk.refused(&VERIFY, &unknown, "token_key_unknown", "key");
    assert_eq!(unknown["got"], json!({ "alg": "ES256", "kid": "second" }));
    assert_eq!(unknown["needed"], "the one key there is, \"first\" (ES256)");
    desk.generate("same-id", &["--alg", "ES384", "--kid", "first"]);
    let wrong = desk.sign_with("same-id.jwk", &good(), &[]);
    let wrong = desk.refused(&VERIFY, &wrong, "token_algorithm_wrong", "key");
    assert_eq!(wrong["got"]["alg"], "ES384");
    assert_eq!(wrong["needed"], "ES256, which this key is for");
}

#[test]
fn signature_claims_and_time_say_what_was_signed() {
    let desk = Desk::with_key();
    desk.generate("impostor", &["--alg", "ES256", "--kid", "first"]);
    let forged = desk.sign_with("impostor.jwk", &good(), &[]);
    let forged = desk.refused(&VERIFY, &forged, "token_signature", "signature");
    assert_eq!(forged["got"], json!({ "alg": "ES256", "kid": "first" }));

    let claims =
        |claims: Value, code: &str| desk.refused(&VERIFY, &desk.sign(&claims, &[]), code, "claims");
    let issuer = claims(with("iss", "https://evil.example"), "token_issuer");
    assert_eq!(issuer["got"], "https://evil.example");
    assert_eq!(issuer["needed"], "\"https://id.example\"");
    let audience = claims(with("aud", json!(["bills", "orders "])), "token_audience");
    assert_eq!(audience["got"], json!(["bills", "orders "]));
    assert_eq!(audience["needed"], "\"orders\", alone or in an array");
    let missing = claims(without("exp"), "token_claim_missing");
    assert_eq!(missing["needed"], "a token that expires");
    let missing = claims(without("iss"), "token_claim_missing");
    assert_eq!(missing["needed"], "iss: \"https://id.example\"");
    let malformed = claims(with("exp", "soon"), "token_claim_malformed");
    assert_eq!(malformed["got"], "soon");

    let time =
        |claims: Value, code: &str| desk.refused(&VERIFY, &desk.sign(&claims, &[]), code, "time");
    let expired = time(with("exp", NOW - 7380), "token_expired");
    assert_eq!(expired["message"], "the token expired 2 h ago");
    assert_eq!(expired["got"], "2023-11-14T20:10:20Z");
    assert_eq!(
        expired["needed"],
        "an exp after 2023-11-14T22:13:20Z, which is now"
    );
    let just = time(with("exp", NOW - 4), "token_expired");
    let needed = just["needed"].as_str().unwrap();
    assert!(
        needed.ends_with(". If two clocks disagree, --leeway 5 would do"),
        "{needed}"
    );
    let early = time(with("nbf", NOW + 20), "token_not_yet_valid");
    assert_eq!(early["message"], "the token is to be used in 20 s");
    let needed = early["needed"].as_str().unwrap();
    assert!(
        needed.contains("this clock is 20 s or more behind")
            && needed.ends_with("--leeway 20 would do"),
        "{needed}"
    );
}

/// What it advises, helps.
#[test]
fn the_leeway_that_it_names_would_do() {
    let desk = Desk::with_key();
    for (claims, leeway) in [
        (with("exp", NOW - 4), "5"),
        (with("nbf", NOW + 20), "20"),
        (with("exp", NOW), "1"),
    ] {
        let token = desk.sign(&claims, &[]);
        let advice = desk.verdict(&VERIFY, &token)["needed"].to_string();
        assert!(
            advice.contains(&format!("--leeway {leeway} would do")),
            "{advice}"
        );
        let patient = [&VERIFY[..], &["--leeway", leeway]].concat();
        assert_eq!(desk.verdict(&patient, &token)["verdict"], "accepted");
    }
}

/// Of a token that no trusted key signed, nothing is told but what finds a key.
#[test]
fn nothing_is_told_of_what_was_not_signed() {
    let desk = Desk::with_key();
    desk.generate("impostor", &["--alg", "ES256", "--kid", "first"]);
    let secret = json!({ "iss": "sesame", "aud": "sesame", "exp": "sesame" });
    for args in [&[][..], &["--typ", "sesame"]] {
        let token = desk.sign_with("impostor.jwk", &secret, args);
        for asked in [&VERIFY[..], &[&VERIFY[..], &["--json"]].concat()] {
            let output = desk.run(asked, &token);
            assert_eq!(output.status.code(), Some(1));
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(!text.contains("sesame"), "{text}");
        }
    }
}

#[test]
fn a_hostile_token_cannot_reach_the_terminal() {
    let desk = Desk::with_key();
    let nasty: String = HARMFUL.iter().collect();
    let nasty = format!("{nasty}\n");
    let mut accepted = good();
    accepted[&nasty] = json!(&nasty);
    let header = json!({ "alg": "ES256", "kid": &nasty, "typ": "at+jwt" });
    for token in [
        desk.sign(&accepted, &[]),
        desk.sign(&with("iss", nasty.as_str()), &[]),
        desk.sign(&with("aud", json!([&nasty])), &[]),
        desk.sign(&with("exp", json!({ &nasty: &nasty })), &[]),
        forged(&header.to_string(), "{}", b"x"),
        nasty.replace('\n', ""),
    ] {
        for format in [&[][..], &["--json"]] {
            let output = desk.run(&[&VERIFY[..], format].concat(), &token);
            assert_harmless(&output);
            let lines = output.stdout.split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(lines, 1, "{output:?}");
        }
    }
    let verdict = desk.verdict(&VERIFY, &desk.sign(&accepted, &[]));
    assert_eq!(verdict["claims"], accepted);
}

/// One verdict a line, whatever is in it; the others are not held up.
#[test]
fn every_line_gets_its_verdict() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let mut input = Vec::new();
    for line in [
        token.as_bytes(),
        b"",
        b"\xff\xfe",
        &b"x".repeat(3_000_000),
        format!("{token}\r").as_bytes(),
        b"a.b.c",
        b"\0",
    ] {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    // The last one has no end.
    input.extend_from_slice(token.as_bytes());
    let (verdicts, code) = desk.verdicts(&VERIFY, &input);
    assert_eq!(code, 1);
    let lines: Vec<(u64, &str)> = verdicts
        .iter()
        .map(|verdict| {
            let code = verdict.get("code").unwrap_or(&verdict["verdict"]);
            (verdict["line"].as_u64().unwrap(), code.as_str().unwrap())
        })
        .collect();
    assert_eq!(
        lines,
        [
            (1, "accepted"),
            (2, "token_not_compact"),
            (3, "token_not_compact"),
            (4, "token_too_long"),
            (5, "accepted"),
            (6, "token_base64"),
            (7, "token_not_compact"),
            (8, "accepted"),
        ]
    );
    assert!(verdicts[2]["message"].as_str().unwrap().contains("UTF-8"));

    let (verdicts, code) = desk.verdicts(&VERIFY, format!("{token}\n{token}\n"));
    assert_eq!((verdicts.len(), code), (2, 0));
}

#[test]
fn a_json_string_can_hold_any_character() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let escaped: Vec<String> = token
        .chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect();
    let escaped = escaped.concat();
    let lines = [
        format!("\"{token}\""),
        format!("\"{escaped}\""),
        format!("\"{token}\\n\""),
        format!("\"\\u0000{token}\""),
        "\"\"".to_owned(),
        "\"\\ud800\"".to_owned(),
        "17".to_owned(),
        token.clone(),
        String::new(),
        format!("[\"{token}\"]"),
        format!("\"{}\"", "x".repeat(200_000)),
    ];
    let json_lines = [&VERIFY[..], &["--input", "json"]].concat();
    let (verdicts, code) = desk.verdicts(&json_lines, lines.join("\n"));
    assert_eq!((verdicts.len(), code), (lines.len(), 1));
    for (verdict, code) in verdicts.iter().zip([
        "accepted",
        "accepted",
        "token_base64",
        "token_base64",
        "token_not_compact",
        "token_not_compact",
        "token_not_compact",
        "token_not_compact",
        "token_not_compact",
        "token_not_compact",
        "token_too_long",
    ]) {
        let got = verdict.get("code").unwrap_or(&verdict["verdict"]);
        assert_eq!(got, code, "{verdict}");
    }
}

/// A verdict comes when its token has come, not when there are enough of them.
#[test]
fn whoever_sends_one_token_at_a_time_is_answered() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let mut child = command(desk.0.path(), &[&["token"], &VERIFY[..]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    for (line, verdict) in [
        (token.as_str(), "accepted "),
        ("x", "refused "),
        (&token, "accepted "),
    ] {
        writeln!(input, "{line}").unwrap();
        let answer = output.next().unwrap().unwrap();
        assert!(answer.starts_with(verdict), "{answer}");
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Many more than any buffer holds, in their order.
#[test]
fn a_long_list_is_answered_in_its_order() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    let count = 20_000;
    let lines: String = (0..count)
        .map(|n| {
            if n % 1000 == 7 {
                format!("{token}\n")
            } else {
                format!("{n}\n")
            }
        })
        .collect();
    let (verdicts, code) = desk.verdicts(&VERIFY, lines);
    assert_eq!((verdicts.len(), code), (count, 1));
    for (n, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict["line"], n + 1);
        assert_eq!(verdict["verdict"] == "accepted", n % 1000 == 7, "{verdict}");
    }
}

#[test]
fn a_kind_must_be_asked_for_and_any_must_be_said() {
    let desk = Desk::with_key();
    let logout = desk.sign(&good(), &["--typ", "logout+jwt"]);
    desk.refused(&VERIFY, &logout, "token_type", "header");
    let exactly = [&VERIFY[..], &["--typ", "logout+jwt"]].concat();
    assert_eq!(desk.verdict(&exactly, &logout)["typ"], "logout+jwt");

    let any = [&VERIFY[..], &["--typ", "any"]].concat();
    assert_eq!(desk.verdict(&any, &logout)["typ"], "logout+jwt");
    // Nothing else is left open.
    let expired = desk.sign(&with("exp", NOW - 60), &["--typ", "JWT"]);
    desk.refused(&any, &expired, "token_expired", "time");
    let foreign = desk.sign(&with("aud", "bills"), &["--typ", "JWT"]);
    desk.refused(&any, &foreign, "token_audience", "claims");
}

#[test]
fn shared_secrets_are_taken_on_purpose_only() {
    let desk = Desk::empty();
    desk.done(
        &[
            "key",
            "generate",
            "--alg",
            "HS256",
            "--kid",
            "ours",
            "--out",
            "secret.jwk",
        ],
        "",
    );
    let token = desk.sign_with("secret.jwk", &good(), &[]);
    let rest = [
        "--issuer",
        "https://id.example",
        "--audience",
        "orders",
        "--at",
        "1700000000",
    ];
    let verify = |keys: [&str; 2]| [&["verify"], &keys[..], &rest[..]].concat().join(" ");
    let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();

    let (code, message) = {
        let line = args(&verify(["--keys", "secret.jwk"]));
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        desk.fails(&line, &token)
    };
    assert_eq!(code, "key");
    assert!(message.contains("--secret-keys"), "{message}");
    assert!(!message.contains("\"k\""), "{message}");

    let set = format!("{{\"keys\":[{}]}}", desk.read("secret.jwk"));
    desk.write("secrets.json", set);
    for file in ["secret.jwk", "secrets.json"] {
        let line = args(&verify(["--secret-keys", file]));
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        assert_eq!(desk.verdict(&line, &token)["key_id"], "ours");
    }
}

#[test]
fn keys_come_in_every_form() {
    let desk = Desk::empty();
    desk.done(
        &["key", "generate", "--alg", "PS256", "--out", "rsa.jwk"],
        "",
    );
    desk.done(
        &["key", "generate", "--alg", "EdDSA", "--out", "ed.jwk"],
        "",
    );
    for (key, alg) in [("rsa", &["--alg", "PS256"][..]), ("ed", &[])] {
        let jwk = format!("{key}.jwk");
        for (to, file) in [("pem", format!("{key}.pem")), ("der", format!("{key}.der"))] {
            desk.done(
                &[
                    "key", "convert", &jwk, "--to", to, "--public", "--out", &file,
                ],
                "",
            );
        }
        let private = format!("{key}.private.pem");
        desk.done(
            &["key", "convert", &jwk, "--to", "pem", "--out", &private],
            "",
        );
        let token = desk.sign_with(&jwk, &good(), &[]);
        for file in [format!("{key}.pem"), format!("{key}.der"), private, jwk] {
            let verify = [
                "verify",
                "--keys",
                &file,
                "--issuer",
                "https://id.example",
                "--audience",
                "orders",
                "--at",
                "1700000000",
            ];
            let verdict = desk.verdict(&[&verify[..], alg].concat(), &token);
            assert_eq!(verdict["verdict"], "accepted", "{file}: {verdict}");
            if !alg.is_empty() && !file.ends_with("jwk") {
                let (code, message) = desk.fails(&verify, &token);
                assert_eq!(code, "key");
                assert!(message.contains("--alg"), "{message}");
            }
        }
    }
}

/// Many a published set leaves `alg` out; what it is, must be said then.
#[test]
fn an_algorithm_that_keys_do_not_name_can_be_said() {
    let desk = Desk::empty();
    let verify = |args: &[&str]| -> Vec<String> {
        let rest = [
            "verify",
            "--issuer",
            "https://id.example",
            "--audience",
            "orders",
            "--at",
            "1700000000",
        ];
        [&rest[..], args]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    for (alg, option) in [("RS256", "--keys"), ("HS256", "--secret-keys")] {
        desk.done(
            &["key", "generate", "--alg", alg, "--kid", "k", "--out", alg],
            "",
        );
        let jwk = desk.read(alg).replace(&format!("\"alg\":\"{alg}\","), "");
        assert!(!jwk.contains("\"alg\""), "{jwk}");
        desk.write("one", &jwk);
        desk.write("set", format!("{{\"keys\":[{jwk}]}}"));
        let token = desk.sign_with(alg, &good(), &[]);
        for file in ["one", "set"] {
            let said = verify(&[option, file, "--alg", alg]);
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            assert_eq!(
                desk.verdict(&said, &token)["verdict"],
                "accepted",
                "{alg} {file}"
            );
            let unsaid = verify(&[option, file]);
            let unsaid: Vec<&str> = unsaid.iter().map(String::as_str).collect();
            let output = desk.run(&unsaid, &token);
            assert_ne!(output.status.code(), Some(0));
            let told = [output.stdout, output.stderr].concat();
            assert!(
                String::from_utf8_lossy(&told).contains("\"alg\""),
                "{alg} {file}"
            );
        }
    }
}

#[test]
fn what_cannot_begin_ends_with_2() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    desk.write("no-key", "{\"keys\": 7}");
    desk.write(
        "metadata",
        "{\"issuer\": \"x\", \"jwks_uri\": \"https://x/keys\"}",
    );
    desk.write(
        "certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let rest = ["--issuer", "a", "--audience", "b"];
    for (file, code, hint) in [
        ("absent", "file", "No such file"),
        ("no-key", "key", "not a JSON Web Key"),
        ("metadata", "key", "jwks_uri"),
        ("certificate", "key", "openssl x509 -pubkey"),
    ] {
        let args = [&["verify", "--keys", file], &rest[..]].concat();
        let (told, message) = desk.fails(&args, &token);
        assert_eq!(told, code, "{message}");
        assert!(
            message.contains(hint) && message.contains(file),
            "{message}"
        );
    }
    // Whoever goes on after "none was refused" should have had one looked at.
    let (code, message) = desk.fails(&VERIFY, "");
    assert_eq!(code, "usage");
    assert!(message.contains("no token"), "{message}");

    for args in [
        "verify --keys k --issuer i",
        "verify --keys k --audience a",
        "verify --issuer i --audience a",
        "verify --keys k --secret-keys s --issuer i --audience a",
        "verify --keys k --issuer i --audience a --leeway 31",
        "verify --keys k --issuer i --audience a --at -1",
        "verify --keys k --issuer i --audience a --input yaml",
        "verify --keys k --issuer i --audience a --alg none",
        "verify --keys http://id.example/keys --issuer i --audience a",
        "verify --keys ftp://id.example/keys --issuer i --audience a",
        "verify --keys https://me:pw@id.example/keys --issuer i --audience a",
        "key generate --alg none",
        "key generate --alg RS256 --bits 1024",
        "key convert k --to jwk --public --private",
        "sign --claims c",
        "sign --key k --expires-in 5",
        "sign --key k --expires-in 5ms",
        "inspect a b",
    ] {
        let output = desk.run(&args.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(output.status.code(), Some(2), "{args}: {output:?}");
        assert!(output.stdout.is_empty(), "{args}: {output:?}");
    }
    assert!(!desk.path("countersign-data").exists());
}

/// Neither a broken configuration nor a data folder of another has a say.
#[test]
fn it_needs_no_configuration() {
    let desk = Desk::with_key();
    let token = desk.sign(&good(), &[]);
    desk.write("countersign.toml", "this is = no configuration");
    desk.write("countersign-data", "nor is this a folder");
    assert_eq!(desk.verdict(&VERIFY, &token)["verdict"], "accepted");
    desk.done(&["inspect"], &token);
}
