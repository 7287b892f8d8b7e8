//! `token encrypt` and `token decrypt`, and tokens that are signed inside.

use serde_json::{Value, json};

use super::{Desk, HARMFUL, assert_harmless, forged, good};

/// A desk with keys to encrypt to: `enc.jwk`, `enc.pub.jwk`.
fn desk() -> Desk {
    let desk = Desk::with_key();
    desk.generate("enc", &["--alg", "ECDH-ES", "--kid", "theirs"]);
    desk
}

impl Desk {
    fn encrypt(&self, key: &str, args: &[&str], content: impl AsRef<[u8]>) -> String {
        let token = self.done(&[&["encrypt", "--key", key], args].concat(), content);
        token.trim_end().to_owned()
    }

    #[track_caller]
    fn decrypt(&self, args: &[&str], input: &str) -> (Vec<Value>, i32) {
        let output = self.run(&[&["decrypt", "--json"], args].concat(), input);
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (lines.collect(), output.status.code().unwrap())
    }
}

#[test]
fn what_is_encrypted_with_every_algorithm_is_decrypted() {
    let desk = Desk::empty();
    let keys: [(&str, &[&str]); 8] = [
        ("RSA-OAEP-256", &["--bits", "3072"]),
        ("ECDH-ES", &["--curve", "X25519"]),
        ("ECDH-ES+A128KW", &["--curve", "P-384"]),
        ("ECDH-ES+A256KW", &["--curve", "P-521"]),
        ("A128KW", &[]),
        ("A256KW", &[]),
        ("A192GCMKW", &[]),
        ("dir", &["--enc", "A128CBC-HS256"]),
    ];
    for (index, (alg, args)) in keys.into_iter().enumerate() {
        let file = format!("{index}.jwk");
        let generate = ["key", "generate", "--alg", alg, "--out", &file];
        desk.done(&[&generate[..], args].concat(), "");
        let token = desk.encrypt(&file, &[], "a letter");
        let (verdicts, code) = desk.decrypt(&["--key", &file], &token);
        assert_eq!(code, 0, "{verdicts:?}");
        assert_eq!(verdicts[0]["verdict"], "decrypted");
        assert_eq!(verdicts[0]["plaintext"], "a letter");
        assert_eq!(verdicts[0]["alg"], alg);
        let enc = if alg == "dir" {
            "A128CBC-HS256"
        } else {
            "A256GCM"
        };
        assert_eq!(verdicts[0]["enc"], enc);
    }
}

#[test]
fn every_line_gets_its_verdict() {
    let desk = desk();
    let key = ["--key", "enc.jwk"];
    desk.generate("other", &["--alg", "ECDH-ES", "--kid", "other"]);
    desk.generate("impostor", &["--alg", "ECDH-ES", "--kid", "theirs"]);
    desk.generate("rsa", &["--alg", "RSA-OAEP-256", "--kid", "theirs"]);
    let to = |key: &str| desk.encrypt(key, &[], "a letter");
    let rsa15 = forged("{\"alg\":\"RSA1_5\",\"enc\":\"A128GCM\"}", "x", b"x") + ".eA.eA";
    let zip = forged(
        "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"zip\":\"DEF\"}",
        "",
        b"x",
    ) + ".eA.eA";
    let cases = [
        (to("enc.pub.jwk"), "decrypted", ""),
        (String::new(), "token_not_compact", "shape"),
        (desk.sign(&good(), &[]), "token_not_encrypted", "shape"),
        ("x".repeat(100_000), "token_too_long", "shape"),
        (rsa15, "token_rsa1_5", "header"),
        (zip, "token_compressed", "header"),
        (to("other.pub.jwk"), "token_key_unknown", "key"),
        (to("rsa.pub.jwk"), "token_key_management_wrong", "key"),
        (to("impostor.pub.jwk"), "token_decryption", "decryption"),
        (to("enc.pub.jwk"), "decrypted", ""),
    ];
    let input: Vec<&str> = cases.iter().map(|(token, ..)| token.as_str()).collect();
    let (verdicts, code) = desk.decrypt(&key, &input.join("\n"));
    assert_eq!((verdicts.len(), code), (cases.len(), 1));
    for (index, (verdict, (_, code, step))) in verdicts.iter().zip(&cases).enumerate() {
        assert_eq!(verdict["line"], index + 1);
        if verdict["verdict"] == "decrypted" {
            assert_eq!(*code, "decrypted");
        } else {
            assert_eq!(
                (&verdict["code"], &verdict["step"]),
                (&json!(code), &json!(step)),
                "{verdict}"
            );
            assert!(verdict["message"].is_string());
        }
    }
    let unknown = verdicts[6]["needed"].as_str().unwrap();
    assert_eq!(unknown, "the one key there is, \"theirs\" (ECDH-ES)");

    let lines = input.iter().map(|token| Value::from(*token).to_string());
    let lines = lines.collect::<Vec<_>>().join("\n");
    let (of_json, _) = desk.decrypt(&["--key", "enc.jwk", "--input", "json"], &lines);
    let codes = |verdicts: &[Value]| {
        verdicts
            .iter()
            .map(|v| v["code"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(&of_json), codes(&verdicts));
}

#[test]
fn people_are_told_that_it_proves_nothing() {
    let desk = desk();
    let token = desk.encrypt("enc.pub.jwk", &[], "a\nletter");
    let output = desk.run(&["decrypt", "--key", "enc.jwk"], &token);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "decrypted a\\nletter\n"
    );
    let note = String::from_utf8_lossy(&output.stderr);
    assert!(note.contains("does not tell who wrote it"), "{note}");

    let nasty: String = HARMFUL.iter().collect();
    let token = desk.encrypt("enc.pub.jwk", &["--cty", "text/plain"], &nasty);
    for format in [&[][..], &["--json"]] {
        assert_harmless(&desk.run(&[&["decrypt", "--key", "enc.jwk"], format].concat(), &token));
    }
    let (verdicts, _) = desk.decrypt(&["--key", "enc.jwk"], &token);
    assert_eq!(verdicts[0]["plaintext"], nasty);
    assert_eq!(verdicts[0]["cty"], "text/plain");

    let bytes = desk.encrypt("enc.pub.jwk", &[], b"\xff\0");
    let (verdicts, _) = desk.decrypt(&["--key", "enc.jwk"], &bytes);
    assert_eq!(verdicts[0]["plaintext_base64url"], "_wA");
    assert_eq!(verdicts[0].get("plaintext"), None);
}

#[test]
fn a_token_that_is_signed_inside_is_verified_whole() {
    let desk = desk();
    desk.generate("impostor", &["--alg", "ES256", "--kid", "first"]);
    let verify = |args: &[&str], token: &str| {
        let all = [
            "verify",
            "--keys",
            "key.pub.jwk",
            "--issuer",
            "https://id.example",
            "--audience",
            "orders",
            "--at",
            "1700000000",
            "--json",
        ];
        let output = desk.run(&[&all[..], args].concat(), token);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(i32::from(verdict["verdict"] == "refused"))
        );
        verdict
    };
    let decrypting = ["--decrypt-keys", "enc.jwk"];
    let signed = desk.sign(&good(), &[]);
    let nested = desk.encrypt("enc.pub.jwk", &[], format!("{signed}\n"));
    let verdict = verify(&decrypting, &nested);
    assert_eq!(
        (&verdict["verdict"], &verdict["claims"]),
        (&json!("accepted"), &good())
    );
    let any = verify(&["--decrypt-keys", "enc.jwk", "--typ", "any"], &nested);
    assert_eq!(any["typ"], "at+jwt");

    // Whoever has the public key can encrypt; it is the signature inside that counts.
    let forged = desk.sign_with("impostor.jwk", &good(), &[]);
    let forged = verify(&decrypting, &desk.encrypt("enc.pub.jwk", &[], &forged));
    assert_eq!(forged["code"], "token_signature");
    assert_eq!(forged["got"], json!({ "alg": "ES256", "kid": "first" }));
    let mut foreign = good();
    foreign["iss"] = json!("https://evil.example");
    let foreign = desk.encrypt("enc.pub.jwk", &[], desk.sign(&foreign, &[]));
    let foreign = verify(&decrypting, &foreign);
    assert_eq!(
        (&foreign["code"], &foreign["got"]),
        (&json!("token_issuer"), &json!("https://evil.example"))
    );
    let bare = desk.encrypt("enc.pub.jwk", &[], good().to_string());
    assert_eq!(verify(&decrypting, &bare)["code"], "token_not_nested");

    // What must be encrypted is refused if it is only signed, and the other way round.
    assert_eq!(verify(&decrypting, &signed)["code"], "token_not_encrypted");
    assert_eq!(verify(&[], &nested)["code"], "token_encrypted");
}

/// A key that came encrypted under a password, made by jose for Node.js.
#[test]
fn a_key_under_a_password_is_opened() {
    let desk = Desk::empty();
    desk.write("locked.jwe", include_str!("locked.jwe"));
    desk.write("password", "under lock and key\n");
    desk.write("wrong", "open sesame\n");
    let with = |password: &'static str| ["--password-file", password];
    let print = desk.done(
        &[&["key", "thumbprint", "locked.jwe"], &with("password")[..]].concat(),
        "",
    );
    assert_eq!(print, "_WvHH9nVkQD0omJirKAzNLOV9RK9pQYuSLpk0TbxwsE\n");
    let sign = [
        "sign",
        "--key",
        "locked.jwe",
        "--issuer",
        "i",
        "--audience",
        "a",
        "--expires-in",
        "5m",
    ];
    let token = desk.done(&[&sign[..], &with("password")].concat(), "");
    assert_eq!(token.matches('.').count(), 2);
    let (code, message) = desk.fails(&[&sign[..], &with("wrong")].concat(), "");
    assert_eq!(code, "key");
    assert!(message.contains("password"), "{message}");
    // Nobody is there who could be asked.
    let output = desk.run(&sign, "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn what_cannot_begin_ends_with_2() {
    let desk = desk();
    let token = desk.encrypt("enc.pub.jwk", &[], "x");
    let (code, _) = desk.fails(&["decrypt", "--key", "absent"], &token);
    assert_eq!(code, "file");
    let (code, message) = desk.fails(&["decrypt", "--key", "enc.pub.jwk"], &token);
    assert_eq!(code, "key");
    assert!(message.contains("a private one is needed"), "{message}");
    // A key to sign with never decrypts, and the other way round.
    let (code, _) = desk.fails(&["decrypt", "--key", "key.jwk"], &token);
    assert_eq!(code, "key");
    let (code, _) = desk.fails(&["encrypt", "--key", "key.pub.jwk"], "x");
    assert_eq!(code, "key");
    let (code, _) = desk.fails(&["sign", "--key", "enc.jwk", "--claims", "-"], "{}");
    assert_eq!(code, "key");
    let (code, _) = desk.fails(&["decrypt", "--key", "enc.jwk"], "");
    assert_eq!(code, "usage");
    let (code, _) = desk.fails(&["encrypt", "--key", "enc.pub.jwk"], &"x".repeat(20_000));
    assert_eq!(code, "encrypt");
    let missing = ["key", "generate", "--alg", "dir", "--out", "new.jwk"];
    let (code, message) = desk.fails(&missing, "");
    assert_eq!(code, "usage");
    assert!(message.contains("--enc"), "{message}");
}
