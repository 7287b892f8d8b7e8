//! Encrypted tokens that name a key and do not open, or open and hold something hostile: with a public key, anybody can
//! encrypt.

use std::hint::black_box;

use aws_lc_rs::pbkdf2;
use countersign_jose::{
    Algorithm, ContentEncryption, DecryptionKey, DecryptionKeySet, MAX_TOKEN, SigningKey, Verifier,
    jwe,
};

use super::super::claims::{Nothing, claims};
use super::super::contenders::{key, raw_verification};
use super::super::encryption::keys;
use super::super::race::Op;
use super::Hostile;
use super::forge::{HEADER, b64, header, refuse, values, verifier};

/// For each way that a key can reach its reader.
pub fn all() -> Vec<Hostile> {
    let signing = key(Algorithm::ES256);
    let mut all = Vec::new();
    for (name, enc, own) in keys() {
        let keys = DecryptionKeySet::new(vec![own.clone()]).expect("one key");
        Victim {
            name,
            enc,
            verifier: verifier(&signing).encrypted_to(keys),
            own,
        }
        .attack(&signing, &mut all);
    }
    all.extend(locked_keys());
    all
}

struct Victim {
    name: String,
    enc: ContentEncryption,
    verifier: Verifier,
    own: DecryptionKey,
}

impl Victim {
    fn attack(&self, signing: &SigningKey, all: &mut Vec<Hostile>) {
        let longest = self.longest(b' ');
        let parts: Vec<&str> = longest.split('.').collect();
        let [header, encrypted_key, iv, ciphertext, tag] = parts[..] else {
            panic!("five parts");
        };
        // An attempt at its key.
        let zeros = |text: &str| "A".repeat(text.len());
        let high = |text: &str| format!("{}{}", "_".repeat(text.len().saturating_sub(1)), "w");
        let mut tampered = vec![
            (
                "a wrong tag",
                [header, encrypted_key, iv, ciphertext, &zeros(tag)].join("."),
            ),
            (
                "a wrong IV",
                [header, encrypted_key, &zeros(iv), ciphertext, tag].join("."),
            ),
        ];
        if !encrypted_key.is_empty() {
            for (what, wrong) in [
                ("zeros for a key", zeros(encrypted_key)),
                ("ones for a key", high(encrypted_key)),
            ] {
                tampered.push((what, [header, &wrong, iv, ciphertext, tag].join(".")));
            }
        }
        for (what, token) in tampered {
            self.add(all, what, token, Some(self.decryption(&longest)));
        }
        self.structure(&parts, all);
        self.headers(&parts, all);
        self.nested(signing, all);
    }

    /// Nothing is decrypted.
    fn structure(&self, parts: &[&str], all: &mut Vec<Hostile>) {
        let room = |rest: usize| MAX_TOKEN - parts[0].len() - 4 - rest;
        for (what, at) in [("key", 1), ("IV", 2), ("tag", 4)] {
            let mut parts = parts.to_vec();
            parts[3] = "AAAA";
            let rest: usize = [1, 2, 3, 4]
                .iter()
                .filter(|i| **i != at)
                .map(|i| parts[*i].len())
                .sum();
            let long = "A".repeat(room(rest));
            parts[at] = &long;
            self.add(
                all,
                &format!("everything in the {what}"),
                parts.join("."),
                None,
            );
        }
        let mut parts = parts.to_vec();
        let no_base64 = format!("{}!", "A".repeat(parts[3].len() - 1));
        parts[3] = &no_base64;
        self.add(all, "a ciphertext that is no base64", parts.join("."), None);
    }

    /// Other headers for the same parts: what the algorithm asks for, in bulk.
    fn headers(&self, parts: &[&str], all: &mut Vec<Hostile>) {
        let (alg, enc) = (self.own.algorithm().name(), self.enc.name());
        let names_key = format!(r#"{{"alg":"{alg}","enc":"{enc}","cty":"JWT","kid":"bench""#);
        let room = HEADER - names_key.len() - 20;
        let mut headers: Vec<(String, String)> = Vec::new();
        let own: serde_json::Value =
            serde_json::from_slice(&base64(parts[0])).expect("its own header");
        if let Some(epk) = own.get("epk") {
            let x = epk["x"].as_str().expect("a coordinate");
            let coordinate = |letter: &str| letter.repeat(x.len() - 1) + "A";
            let curve = epk["crv"].as_str().expect("a curve");
            let kty = epk["kty"].as_str().expect("a type");
            let y = |y: &str| format!(r#","y":"{y}""#);
            let has_y = epk.get("y").is_some();
            let point = |x: &str| {
                let y = if has_y {
                    y(&coordinate("B"))
                } else {
                    String::new()
                };
                format!(r#"{{"kty":"{kty}","crv":"{curve}","x":"{x}"{y}}}"#)
            };
            headers.push((
                "an epk of zeros".into(),
                format!(r#","epk":{}"#, point(&coordinate("A"))),
            ));
            headers.push((
                "an epk off its curve".into(),
                format!(r#","epk":{}"#, point(&coordinate("C"))),
            ));
            let long = "A".repeat(room - 150);
            headers.push((
                "an epk of 3 KB".into(),
                format!(r#","epk":{}"#, point(&long)),
            ));
            for party in ["apu", "apv"] {
                let text = b64(vec![0; (room - epk.to_string().len() - 20) / 4 * 3]);
                let members = format!(r#","epk":{epk},"{party}":"{text}""#);
                headers.push((format!("an {party} of 3 KB"), members));
            }
            for (what, value) in values(room - 20) {
                headers.push((format!("{what} as its epk"), format!(r#","epk":{value}"#)));
            }
        }
        if alg.ends_with("GCMKW") {
            for member in ["iv", "tag"] {
                let text = "A".repeat(room - 20);
                headers.push((
                    format!("a long {member}"),
                    format!(r#","{member}":"{text}""#),
                ));
            }
        }
        for (what, members) in headers {
            let header = b64(format!("{names_key}{members}}}"));
            let rest: usize = [1, 2, 4].iter().map(|i| parts[*i].len()).sum();
            let room = (MAX_TOKEN - header.len() - rest - 4).min(parts[3].len()) / 64 * 64;
            let cut = [&header, parts[1], parts[2], &parts[3][..room], parts[4]].join(".");
            let genuine = self.genuine(b' ', cut.len());
            self.add(all, &what, cut, Some(self.decryption(&genuine)));
        }
    }

    /// They open, and hold what was not signed by whom it should be.
    fn nested(&self, signing: &SigningKey, all: &mut Vec<Hostile>) {
        for (what, letter) in [("dots", b'.'), ("letters", b'a'), ("no UTF-8", 0xff)] {
            let token = self.longest(letter);
            let of_key = self.decryption(&token);
            self.add(
                all,
                &format!("nothing but {what} inside"),
                token,
                Some(of_key),
            );
        }
        let alg = Algorithm::ES256;
        let inner = b64(header(alg, signing.kid().expect("a key id"), ""));
        let room = self.room() - inner.len() - 88;
        let message = format!("{inner}.{}", "A".repeat(room / 4 * 4));
        let forged = format!("{message}.{}", "A".repeat(86));
        let token = self.encrypt(forged.as_bytes());
        let mut decryption = self.decryption(&token);
        let mut verification = raw_verification(signing, message.as_bytes());
        let both: Op = Box::new(move || {
            decryption();
            verification();
        });
        self.add(all, "a forged signature inside", token, Some(both));
        let signed = countersign_jose::sign(&key(alg), "other", &claims()).expect("signed");
        let token = self.encrypt(signed.as_bytes());
        let of_key = self.decryption(&token);
        self.add(all, "a token of another type inside", token, Some(of_key));
    }

    fn add(&self, all: &mut Vec<Hostile>, what: &str, token: String, of_key: Option<Op>) {
        let name = format!("{}, {what}", self.name);
        assert!(token.len() <= MAX_TOKEN, "{name}: {}", token.len());
        let refuse = refuse::<Nothing>(&name, &self.verifier, token);
        all.push(Hostile {
            name,
            refuse,
            of_key,
        });
    }

    /// One decryption of this token.
    fn decryption(&self, token: &str) -> Op {
        let (own, token) = (self.own.clone(), token.to_owned());
        Box::new(move || {
            black_box(jwe::decrypt_with(black_box(&token), &own).expect("decrypted"));
        })
    }

    fn encrypt(&self, plaintext: &[u8]) -> String {
        let header = jwe::Header {
            typ: None,
            cty: Some("JWT"),
        };
        jwe::encrypt(&self.own.encryption_key(), self.enc, &header, plaintext).expect("encrypted")
    }

    /// How long a plaintext may be.
    fn room(&self) -> usize {
        let empty = self.encrypt(b"").len();
        (MAX_TOKEN - empty - 32) / 4 * 3
    }

    fn longest(&self, letter: u8) -> String {
        self.encrypt(&vec![letter; self.room()])
    }

    /// About so long.
    fn genuine(&self, letter: u8, length: usize) -> String {
        let empty = self.encrypt(b"").len();
        self.encrypt(&vec![letter; length.saturating_sub(empty) / 4 * 3])
    }
}

/// Keys under a password, whose sender says how often it is hashed.
fn locked_keys() -> Vec<Hostile> {
    const PASSWORD: &[u8] = b"a password";
    let with = |rounds: &str, salt: &[u8]| {
        let salt = b64(salt);
        let header = format!(
            r#"{{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2s":"{salt}","p2c":{rounds}}}"#
        );
        let start = format!("{}.{}.{}.", b64(header), "A".repeat(54), "A".repeat(16));
        let room = MAX_TOKEN - start.len() - 23;
        format!("{start}{}.{}", "A".repeat(room / 4 * 4), "A".repeat(22))
    };
    let salt = [0; 2000];
    let bounds = [
        ("too few", "999"),
        ("too many", "1000001"),
        ("beyond all", "1e999"),
        ("as many as a number holds", "18446744073709551615"),
    ];
    let mut all: Vec<(String, String, Option<Op>)> = bounds
        .into_iter()
        .map(|(what, rounds)| (what.into(), with(rounds, &salt), None))
        .collect();
    let of_key: Op = Box::new(move || {
        let rounds = 1000.try_into().expect("not zero");
        let mut key = [0; 16];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            rounds,
            &salt,
            PASSWORD,
            &mut key,
        );
        black_box(key);
    });
    all.push((
        "the fewest, wrong".into(),
        with("1000", &salt),
        Some(of_key),
    ));
    all.into_iter()
        .map(|(what, token, of_key)| Hostile {
            name: format!("a key under a password, rounds: {what}"),
            refuse: Box::new(move || {
                let refused = SigningKey::from_encrypted_jwk(black_box(&token), PASSWORD);
                black_box(refused.expect_err("refused"));
            }),
            of_key,
        })
        .collect()
}

fn base64(text: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .expect("base64url")
}
