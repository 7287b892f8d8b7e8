//! Writes what fuzzing begins with: honest tokens, keys, sets and claims, and some that are nearly
//! so. `scripts/fuzz seeds` runs it; what fuzzing finds beside them, `scripts/fuzz keep` adds.

use std::path::Path;
use std::{fs, io};

use countersign_fuzz::{DECRYPTION, DECRYPTION_KEYS, PUBLIC, SIGNING, SIGNING_KEYS, b64};
use countersign_jose::{Algorithm, ContentEncryption, KeyManagement, encrypt, jwe, sign};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    for (target, seeds) in [
        ("jws", tokens()),
        ("jwe", encrypted_tokens()),
        ("jwk", keys()),
        ("key_set", sets()),
        ("pem", documents()),
        ("claims", claims()),
    ] {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (i, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{i:02}")), seed)?;
        }
    }
    Ok(())
}

fn good() -> Value {
    json!({"iss": "https://id.example", "aud": "orders", "sub": "u1", "exp": 1_700_000_300})
}

fn tokens() -> Vec<Vec<u8>> {
    let honest = SIGNING.iter().map(|key| sign(key, "at+jwt", &good()));
    let honest = honest.map(|token| token.expect("a token").into_bytes());
    let headers = [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":"hs256","typ":"at+jwt"}"#,
        r#"{ "typ" : "JWT", "x5c":["AA=="], "jwk":{"kty":"oct"}, "\u0061lg":"HS256" }"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","enc":"A128GCM"}"#,
        r#"{"alg":"HS256","kid":null,"cty":1e400}"#,
    ];
    let signed_there = headers.map(|header| [header.as_bytes(), b"\0{}"].concat());
    honest.chain(signed_there).collect()
}

fn encrypted_tokens() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (i, key) in DECRYPTION.iter().enumerate() {
        let other = ContentEncryption::ALL[i % ContentEncryption::ALL.len()];
        let enc = key.content_encryption().unwrap_or(other);
        let to = key.encryption_key();
        let plain = jwe::encrypt(&to, enc, &jwe::Header::default(), b"plaintext");
        seeds.push(plain.expect("a token").into_bytes());
        let signed = sign(&SIGNING[3], "at+jwt", &good()).expect("a token");
        let nested = encrypt(&to, enc, &signed).expect("a token");
        seeds.push(nested.into_bytes());
    }
    for header in [
        "",
        r#"{"alg":"dir","enc":"A128GCM"}"#,
        r#"{"alg":"dir","enc":"A128GCM","kid":"dir-gcm","typ":"JWT","cty":"JWT"}"#,
        r#"{"alg":"dir","enc":"A128GCM","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A128GCM","apu":"AA","epk":{"kty":"EC"},"p2c":1000}"#,
    ] {
        seeds.push([header.as_bytes(), b"\0plaintext"].concat());
    }
    let header = r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAAAAAAAAA","p2c":1000}"#;
    let token = [
        &b64(header.as_bytes()),
        &b64(&[0; 24]),
        &b64(&[0; 12]),
        "AA",
        &b64(&[0; 16]),
    ];
    seeds.push(token.join(".").into_bytes());
    seeds
}

/// The keys of a set, one by one.
fn each(set: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(set).expect("JSON");
    set["keys"].as_array().expect("keys").clone()
}

/// A document with the byte in front that chooses its algorithm.
fn chosen<A: PartialEq>(all: &[A], alg: &A, document: &[u8]) -> Vec<u8> {
    let choice = all.iter().position(|one| one == alg).expect("one of all");
    let choice = u8::try_from(choice).expect("there are few");
    [&[choice], document].concat()
}

fn keys() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for key in [each(SIGNING_KEYS), each(DECRYPTION_KEYS)].concat() {
        seeds.push(format!("0{key}").into_bytes());
        let mut public = key.clone();
        for member in ["d", "p", "q", "dp", "dq", "qi", "priv", "alg", "use"] {
            public.as_object_mut().expect("an object").remove(member);
        }
        let family = match key["kty"].as_str() {
            Some("RSA") => Algorithm::PS256,
            Some("OKP") => Algorithm::EdDSA,
            _ => Algorithm::ES256,
        };
        let text = public.to_string();
        seeds.push(chosen(&Algorithm::ALL, &family, text.as_bytes()));
        let agreement = KeyManagement::EcdhEs;
        seeds.push(chosen(&KeyManagement::ALL, &agreement, text.as_bytes()));
    }
    for (name, value) in [
        ("key_ops", json!(["sign", "verify"])),
        ("key_ops", json!(["encrypt"])),
        ("use", json!("enc")),
        ("kid", json!(7)),
        ("oth", json!([])),
    ] {
        let mut key = each(SIGNING_KEYS)[3].clone();
        key[name] = value;
        seeds.push(format!("0{key}").into_bytes());
    }
    seeds
}

fn sets() -> Vec<Vec<u8>> {
    let strange = json!([{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}, {"kty": 7}, {}]);
    let twice = vec![each(SIGNING_KEYS)[3].clone(); 2];
    let keys = [each(SIGNING_KEYS), each(DECRYPTION_KEYS)].concat();
    let small = keys
        .iter()
        .map(|key| json!([key]))
        .chain([strange, json!(twice), json!([])]);
    let mut seeds: Vec<Vec<u8>> = small
        .map(|keys| json!({ "keys": keys }).to_string().into_bytes())
        .collect();
    let public = PUBLIC.to_json();
    for set in [&public, DECRYPTION_KEYS, SIGNING_KEYS] {
        seeds.push(set.as_bytes().to_vec());
    }
    seeds
}

fn documents() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    // The first one is a shared secret, which has no such form.
    for key in &SIGNING[1..] {
        let public = key.verifying_key();
        for document in [
            &key.to_pkcs8_der().expect("DER")[..],
            key.to_pem().expect("PEM").as_bytes(),
            &public.to_der().expect("DER"),
            public.to_pem().expect("PEM").as_bytes(),
            &with_a_null(&public.to_der().expect("DER")),
        ] {
            seeds.push(chosen(&Algorithm::ALL, &key.algorithm(), document));
        }
    }
    for key in DECRYPTION
        .iter()
        .filter(|key| !key.algorithm().is_symmetric())
    {
        let public = key.encryption_key();
        for document in [
            &key.to_pkcs8_der().expect("DER")[..],
            key.to_pem().expect("PEM").as_bytes(),
            &public.to_der().expect("DER"),
            public.to_pem().expect("PEM").as_bytes(),
        ] {
            seeds.push(chosen(&KeyManagement::ALL, &key.algorithm(), document));
        }
    }
    seeds
}

/// The same public key with a parameter more, which means nothing.
fn with_a_null(der: &[u8]) -> Vec<u8> {
    // The outer length has one octet, or two after 0x82; the inner one is short.
    let inner = if der[1] == 0x82 {
        4
    } else {
        2 + usize::from(der[1] == 0x81)
    };
    let end = inner + 2 + usize::from(der[inner + 1]);
    let mut longer = [&der[..end], &[5, 0], &der[end..]].concat();
    longer[inner - 1] += 2;
    longer[inner + 1] += 2;
    longer
}

fn claims() -> Vec<Vec<u8>> {
    let many: Vec<String> = (0..20).map(|i| format!("\"c{i}\":{i},")).collect();
    let many = many.concat();
    let ours = r#""iss":"https://id.example","aud":"orders""#;
    let texts = [
        good().to_string(),
        r#"{"iss":"https:\/\/id.example","aud":["x","orders"],"exp":1700000300.5,"nbf":1.6e9,"iat":1700000000,"scope":"a b"}"#.to_owned(),
        format!(r#"{{{ours},"exp":9007199254740992,"nested":{{"exp":1,"exp":2}},"list":[[{{}}]]}}"#),
        format!(r#"{{{ours},"exp":1e400}}"#),
        format!(r#"{{{ours},"exp":-0.0,"sub":null}}"#),
        format!(r#"{{{ours},"exp":1700000001,"exp":1700000002}}"#),
        format!(r#"{{{ours},{many}"exp":1700000001}}"#),
        r#"{"iss":"https://id.example","aud":[],"exp":1700000001}"#.to_owned(),
    ];
    // 0x1e: a leeway of 30 seconds. With it, and without, one second makes the difference.
    let edges = [
        ("\0", r#""exp":1700000000"#),
        ("\0", r#""exp":1700000000.999"#),
        ("\0", r#""exp":1700000001"#),
        ("\u{1e}", r#""exp":1699999970"#),
        ("\u{1e}", r#""exp":1699999971"#),
        ("\u{3f}", r#""exp":1699999970"#),
        ("\0", r#""exp":1700000001,"nbf":1700000000"#),
        ("\0", r#""exp":1700000002,"nbf":1700000000.001"#),
        ("\u{1e}", r#""exp":1700000001,"nbf":1700000030"#),
        ("\u{1e}", r#""exp":1700000001,"nbf":1700000031"#),
    ];
    let edges = edges.map(|(leeway, times)| format!("{leeway}{{{ours},{times}}}"));
    let texts = texts.map(|text| format!("\u{1e}{text}"));
    texts
        .into_iter()
        .chain(edges)
        .map(String::into_bytes)
        .collect()
}
