//! `token key …`

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{Desk, good};

impl Desk {
    fn mode(&self, name: &str) -> u32 {
        let data = std::fs::metadata(self.path(name)).unwrap();
        data.permissions().mode() & 0o777
    }

    fn jwk(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

#[test]
fn every_algorithm_has_keys() {
    let desk = Desk::empty();
    let help = desk.done(&["key", "generate", "--help"], "");
    let names = help.split("[possible values: ").nth(1).unwrap();
    let names = names.split(']').next().unwrap().replace('\n', " ");
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    assert!(
        names.contains(&"ES256") && names.contains(&"ECDH-ES+A256KW"),
        "{names:?}"
    );
    for alg in names.into_iter().filter(|name| *name != "dir") {
        let output = desk.run(&["key", "generate", "--alg", alg], "");
        assert_eq!(output.status.code(), Some(0), "{alg}: {output:?}");
        let jwk: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(jwk["alg"], alg);
        assert!(
            jwk["d"].is_string() || jwk["k"].is_string() || jwk["priv"].is_string(),
            "{alg}"
        );
    }
}

#[test]
fn a_private_key_is_its_owners_alone_and_not_written_over() {
    let desk = Desk::empty();
    let args = [
        "key",
        "generate",
        "--alg",
        "ES256",
        "--kid",
        "k",
        "--out",
        "a",
        "--public-out",
        "b",
    ];
    let told = desk.done(&args, "");
    assert!(
        told.contains("wrote a, a secret, and b, its public half"),
        "{told}"
    );
    assert_eq!(desk.mode("a"), 0o600);
    let (private, public) = (desk.jwk("a"), desk.jwk("b"));
    assert_eq!(
        (&private["kid"], &public["kid"]),
        (&"k".into(), &"k".into())
    );
    assert!(private["d"].is_string() && public.get("d").is_none());
    assert!(!told.contains(private["d"].as_str().unwrap()));

    let before = desk.read("a");
    let (code, message) = desk.fails(&args, "");
    assert_eq!(code, "file");
    assert!(message.contains("exists"), "{message}");
    assert_eq!(desk.read("a"), before);

    // What has no public half leaves nothing behind.
    let secret = [
        "key",
        "generate",
        "--alg",
        "HS256",
        "--out",
        "c",
        "--public-out",
        "d",
    ];
    desk.fails(&secret, "");
    assert!(!desk.path("c").exists() && !desk.path("d").exists());

    let told = desk.done(
        &["key", "generate", "--alg", "EdDSA", "--out", "e", "--json"],
        "",
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["file"], &told["alg"]),
        (&"e".into(), &"EdDSA".into())
    );
    assert_eq!(told["kid"], desk.jwk("e")["kid"]);
}

#[test]
fn a_private_key_is_printed_only_if_it_is_asked_for() {
    let desk = Desk::with_key();
    let secret = desk.jwk("key.jwk")["d"].as_str().unwrap().to_owned();
    for to in ["jwk", "pem", "der"] {
        let convert = ["key", "convert", "key.jwk", "--to", to];
        let output = desk.run(&convert, "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
        assert!(!String::from_utf8_lossy(&output.stderr).contains(&secret));

        let public = desk.run(&[&convert[..], &["--public"]].concat(), "");
        assert_eq!(public.status.code(), Some(0), "{public:?}");
        assert!(!String::from_utf8_lossy(&public.stdout).contains(&secret));

        let file = format!("copy.{to}");
        desk.done(&[&convert[..], &["--out", &file]].concat(), "");
        assert_eq!(desk.mode(&file), 0o600);
    }
    let asked = desk.done(
        &["key", "convert", "key.jwk", "--to", "jwk", "--private"],
        "",
    );
    assert!(asked.contains(&secret));
    assert!(
        !desk
            .done(&["key", "thumbprint", "key.jwk"], "")
            .contains(&secret)
    );
}

#[test]
fn a_key_is_the_same_in_every_form() {
    let desk = Desk::empty();
    let kinds: [(&str, &[&str]); 6] = [
        ("ES256", &[]),
        ("ES512", &[]),
        ("EdDSA", &[]),
        ("PS384", &["--alg", "PS384"]),
        ("ECDH-ES", &["--alg", "ECDH-ES"]),
        ("RSA-OAEP-256", &["--alg", "RSA-OAEP-256"]),
    ];
    for (alg, said) in kinds {
        let name = |form: &str| format!("{alg}.{form}");
        desk.done(
            &["key", "generate", "--alg", alg, "--out", &name("jwk")],
            "",
        );
        let print = desk.done(&["key", "thumbprint", &name("jwk")], "");
        assert_eq!(print.trim(), desk.jwk(&name("jwk"))["kid"]);
        for form in ["pem", "der"] {
            desk.done(
                &[
                    "key",
                    "convert",
                    &name("jwk"),
                    "--to",
                    form,
                    "--out",
                    &name(form),
                ],
                "",
            );
            assert_eq!(
                desk.done(&["key", "thumbprint", &name(form)], ""),
                print,
                "{alg} {form}"
            );
            let back = format!("{alg}.{form}.jwk");
            let convert = ["key", "convert", &name(form), "--to", "jwk", "--out", &back];
            desk.done(&[&convert[..], said].concat(), "");
            assert_eq!(desk.jwk(&back), desk.jwk(&name("jwk")), "{alg} {form}");
            let public = ["key", "convert", &name(form), "--to", "jwk", "--public"];
            let public = desk.done(&[&public[..], said].concat(), "");
            let public: Value = serde_json::from_str(&public).unwrap();
            assert_eq!(public["kid"], desk.jwk(&name("jwk"))["kid"]);
            assert_eq!(public.get("d"), None);
        }
    }
}

#[test]
fn a_set_becomes_what_can_be_published() {
    let desk = Desk::empty();
    desk.generate("a", &["--alg", "ES256", "--kid", "a"]);
    desk.generate(
        "b",
        &["--alg", "ECDH-ES", "--kid", "b", "--curve", "X25519"],
    );
    let set = format!(
        "{{\"keys\":[{},{}]}}",
        desk.read("a.jwk"),
        desk.read("b.jwk")
    );
    desk.write("set.json", set);
    let convert = ["key", "convert", "set.json", "--to", "jwk"];
    desk.fails(&convert, "");
    let published = desk.done(&[&convert[..], &["--public"]].concat(), "");
    desk.write("published.json", &published);
    let published: Value = serde_json::from_str(&published).unwrap();
    assert_eq!(published["keys"][0], desk.jwk("a.pub.jwk"));
    assert_eq!(published["keys"][1], desk.jwk("b.pub.jwk"));
    let table = desk.done(&["key", "thumbprint", "published.json"], "");
    assert_eq!(table.lines().count(), 3, "{table}");
    let token = desk.sign_with("a.jwk", &good(), &[]);
    let verify = [
        "verify",
        "--keys",
        "published.json",
        "--issuer",
        "https://id.example",
        "--audience",
        "orders",
        "--at",
        "1700000000",
    ];
    assert!(desk.done(&verify, &token).starts_with("accepted "));
    let (code, _) = desk.fails(
        &["key", "convert", "set.json", "--to", "pem", "--public"],
        "",
    );
    assert_eq!(code, "key");
}

/// RFC 7638 §3.1.
#[test]
fn the_thumbprint_of_the_standard() {
    let desk = Desk::empty();
    desk.write(
        "key",
        "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
    );
    let print = desk.done(&["key", "thumbprint", "key"], "");
    assert_eq!(print, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs\n");
}

#[test]
fn a_shared_secret_has_no_thumbprint_and_no_public_half() {
    let desk = Desk::empty();
    desk.done(&["key", "generate", "--alg", "HS256", "--out", "s"], "");
    let (_, message) = desk.fails(&["key", "thumbprint", "s"], "");
    assert!(message.contains("RFC 7638"), "{message}");
    desk.fails(&["key", "convert", "s", "--to", "jwk", "--public"], "");
    desk.fails(&["key", "convert", "s", "--to", "pem", "--private"], "");
}

#[test]
fn what_does_not_fit_is_told() {
    let desk = Desk::empty();
    for args in [
        &["--alg", "ES256", "--bits", "2048"][..],
        &["--alg", "ES256", "--curve", "P-256"],
        &["--alg", "RSA-OAEP-256", "--curve", "P-256"],
        &["--alg", "A128KW", "--bits", "2048"],
        &["--alg", "A128KW", "--enc", "A128GCM"],
    ] {
        let (code, message) = desk.fails(&[&["key", "generate"], args].concat(), "");
        assert_eq!(code, "usage");
        assert!(message.contains("--bits is for RSA"), "{message}");
    }
}
