//! Tokens that are refused before a key is looked at: their shape or their header is wrong.

use countersign_jose::{
    Algorithm, ContentEncryption, DecryptionKey, DecryptionKeySet, KeyManagement, MAX_TOKEN,
    Verifier,
};

use super::super::claims::{Nothing, TYP};
use super::super::contenders::key;
use super::Hostile;
use super::forge::{HEADER, b64, fill, refuse, short_name, values, verifier};

/// All of them, to a verifier of signed and to one of encrypted tokens.
pub fn all() -> Vec<Hostile> {
    let signed = verifier(&key(Algorithm::ES256));
    let own = DecryptionKey::generate(KeyManagement::EcdhEsA256KW).expect("a key");
    let keys = DecryptionKeySet::new(vec![own.with_kid("bench")]).expect("one key");
    let encrypted = signed.clone().encrypted_to(keys);
    let mut all = Vec::new();
    for (kind, verifier) in [("signed", &signed), ("encrypted", &encrypted)] {
        for (name, token) in shapes() {
            all.push(hostile(format!("{kind}: {name}"), verifier, token));
        }
    }
    let enc = ContentEncryption::A256GCM.name();
    let end = [
        (
            "signed",
            format!(r#""typ":"{TYP}","alg":"ES256""#),
            &signed,
            ".e30.AAAA",
        ),
        (
            "encrypted",
            format!(r#""cty":"JWT","enc":"{enc}","alg":"ECDH-ES+A256KW""#),
            &encrypted,
            ".A.A.A.A",
        ),
    ];
    for (kind, names_key, verifier, rest) in end {
        for (name, header) in headers(&names_key) {
            assert!(header.len() <= HEADER, "{name}");
            let mut token = format!("{}{rest}", b64(header));
            // The longest of all: the other parts are not looked at.
            token.push_str(&"A".repeat(MAX_TOKEN - token.len()));
            all.push(hostile(
                format!("{kind}: header with {name}"),
                verifier,
                token,
            ));
        }
    }
    all
}

fn hostile(name: String, verifier: &Verifier, token: String) -> Hostile {
    let refuse = refuse::<Nothing>(&name, verifier, token);
    Hostile {
        name,
        refuse,
        of_key: None,
    }
}

fn shapes() -> Vec<(&'static str, String)> {
    vec![
        ("dots alone", ".".repeat(MAX_TOKEN)),
        ("a dot after every letter", "a.".repeat(MAX_TOKEN / 2)),
        ("no dot", "a".repeat(MAX_TOKEN)),
        ("ten megabytes", "a.".repeat(5_000_000)),
        (
            "a header that is too long",
            format!("{}..", "a".repeat(MAX_TOKEN - 2)),
        ),
        (
            "nothing but a header of base64",
            format!("{}..", b64([b' '; HEADER])),
        ),
        (
            "five parts, the last one long",
            format!("a.a.a.a.{}", "a".repeat(MAX_TOKEN - 8)),
        ),
        (
            "a header with a wrong last letter",
            format!("{}!.a.a.a.a", "a".repeat(HEADER)),
        ),
    ]
}

/// Headers that are refused, though all but one name an algorithm that is known: `names_key`.
fn headers(names_key: &str) -> Vec<(String, String)> {
    let room = HEADER - names_key.len() - 40;
    // A key that nobody has; it is looked for when all has been read.
    let unknown = format!(r#"{{{names_key},"kid":"nobody""#);
    let mut headers = Vec::new();
    for (name, value) in values(room) {
        headers.push((name.into(), format!(r#"{unknown},"x":{value}}}"#)));
        headers.push((format!("nothing but {name}"), value.clone()));
        for member in ["epk", "p2c", "crit", "jwk"] {
            let name = format!("{name} as its {member}");
            headers.push((name, format!(r#"{unknown},"{member}":{value}}}"#)));
        }
    }
    for (what, letters) in [
        ("kid", "k".to_owned()),
        ("kid in escapes", "\\u006b".to_owned()),
    ] {
        let kid = letters.repeat(room / letters.len());
        headers.push((
            format!("a long {what}"),
            format!(r#"{{{names_key},"kid":"{kid}"}}"#),
        ));
    }
    for member in ["typ", "alg", "enc", "cty"] {
        let long = "x".repeat(room);
        headers.push((
            format!("a long {member}"),
            format!(r#"{{"{member}":"{long}"}}"#),
        ));
    }
    let many = |name: &dyn Fn(usize) -> String| {
        let members = fill(room, |i| format!(r#""{}":1"#, name(i)));
        format!("{unknown},{members}}}")
    };
    headers.push(("hundreds of members".into(), many(&short_name)));
    headers.push((
        "hundreds of members in escapes".into(),
        many(&|i| format!("\\u00{:02x}", 0x80 + i % 0x80)),
    ));
    for count in [28, 29] {
        // Names that differ in the middle alone.
        let half = "n".repeat((room / count - 8) / 2);
        let members: Vec<String> = (0..count)
            .map(|i| format!(r#""{half}{i:02}{half}":1"#))
            .collect();
        let mut text = format!("{unknown},{}", members.join(","));
        if count == 29 {
            text = format!("{unknown},{},{}", members[..28].join(","), members[27]);
        }
        headers.push((
            format!("{count} long names that are much alike"),
            format!("{text}}}"),
        ));
    }
    let mut bytes = format!(r#"{unknown},"x":""#);
    bytes.push_str(&"x".repeat(room));
    headers.push(("a string without end".into(), bytes));
    headers
}
