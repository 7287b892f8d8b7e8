//! Parts of encrypted tokens that are cut, swapped, changed or huge.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey,
    PublicEncryptingKey,
};
use countersign_jose::{
    AgreementCurve, ContentEncryption, DecryptionKey, EncryptError, KeyManagement, MAX_HEADER,
    MAX_TOKEN, Part, Refused, jwe,
};

use super::forge::*;
use crate::forge::{b64, unb64};

const PARTS: [Part; 5] = [
    Part::Header,
    Part::EncryptedKey,
    Part::Iv,
    Part::Ciphertext,
    Part::Tag,
];

/// RFC 7518 §5.2.2.2, §5.3: the tag has its full length. A shorter one could be guessed.
#[test]
fn a_tag_that_is_cut_or_prolonged() {
    for enc in ContentEncryption::ALL {
        let token = honest(&A256KW, enc, b"x");
        let whole = unb64(&parts(&token)[4]);
        for len in (0..whole.len()).chain([whole.len() + 1, 2 * whole.len(), 64]) {
            let mut parts = parts(&token);
            let tag: Vec<u8> = whole.iter().copied().cycle().take(len).collect();
            parts[4] = b64(tag);
            let why = refused(&A256KW, &parts.join("."));
            assert_eq!(why, Refused::Length(Part::Tag), "{enc} {len}");
        }
    }
}

/// Every part with an octet more, one less, and none: refused by its length, before anything is
/// decrypted.
#[test]
fn parts_of_another_length() {
    for key in every_kind() {
        for enc in ContentEncryption::ALL {
            let enc = key.content_encryption().unwrap_or(enc);
            let token = honest(key, enc, b"sixteen and more");
            for (i, part) in PARTS.into_iter().enumerate().skip(1) {
                let honest = unb64(&parts(&token)[i]);
                let with = |octets: &[u8]| {
                    let mut parts = parts(&token);
                    parts[i] = b64(octets);
                    refused(key, &parts.join("."))
                };
                let gcm = enc.name().ends_with("GCM");
                let expected = if part == Part::Ciphertext && gcm {
                    Refused::Decryption
                } else {
                    Refused::Length(part)
                };
                assert_eq!(
                    with(&[&honest[..], &[0]].concat()),
                    expected,
                    "{enc} {part}"
                );
                if !honest.is_empty() {
                    assert_eq!(with(&honest[1..]), expected, "{enc} {part}");
                    assert_eq!(with(&[]), expected, "{enc} {part}");
                }
            }
        }
    }
}

/// RFC 7518 §4.5, §4.6: with `dir` and `ECDH-ES` there is no encrypted key.
#[test]
fn an_encrypted_key_where_none_belongs() {
    for key in [&*DIRECT, &*DIRECT_CBC, &*ECDH, &*X25519] {
        let token = honest(key, enc_for(key), b"x");
        for octets in [1, 16, 24, 32, 40, 256, 1024] {
            let mut parts = parts(&token);
            parts[1] = b64(vec![1; octets]);
            let why = refused(key, &parts.join("."));
            assert_eq!(why, Refused::Length(Part::EncryptedKey));
        }
    }
}

/// RFC 4648 §3.5: one text for one token, in every part.
#[test]
fn base64url_that_is_not_canonical() {
    for key in every_kind() {
        let token = honest(key, enc_for(key), b"x");
        for (i, part) in PARTS.into_iter().enumerate() {
            let text = parts(&token)[i].clone();
            if text.is_empty() {
                continue;
            }
            let with = |text: &str| {
                let mut parts = parts(&token);
                parts[i] = text.to_owned();
                refused(key, &parts.join("."))
            };
            let foreign = Refused::Base64(part);
            for wrong in ["+", "/", " ", "=", "?", "\n", "\0", "*"] {
                assert_eq!(
                    with(&format!("{wrong}{}", &text[1..])),
                    foreign,
                    "{part} {wrong:?}"
                );
            }
            for longer in [format!("{text}="), format!(" {text}"), format!("{text}\n")] {
                let why = with(&longer);
                let expected = [foreign.clone(), Refused::Length(part)];
                assert!(expected.contains(&why), "{part} {why:?}");
            }
            // The last character's stray bits.
            if !text.len().is_multiple_of(4) {
                let mut stray = text.clone().into_bytes();
                let last = stray.last_mut().unwrap();
                *last = match *last {
                    b'A' => b'B',
                    b'Q' => b'R',
                    b'g' => b'h',
                    b'w' => b'x',
                    other => other + 1,
                };
                let why = with(std::str::from_utf8(&stray).unwrap());
                assert!(matches!(why, Refused::Base64(_)), "{part} {text} {why:?}");
            }
        }
    }
}

/// Parts of two tokens for one key do not make a third.
#[test]
fn swapped_parts() {
    for key in every_kind() {
        let enc = enc_for(key);
        let (one, two) = (honest(key, enc, b"pay 1"), honest(key, enc, b"pay 9"));
        for i in 1..5 {
            let mut mixed = parts(&one);
            if mixed[i].is_empty() {
                continue;
            }
            mixed[i].clone_from(&parts(&two)[i]);
            assert_eq!(refused(key, &mixed.join(".")), Refused::Decryption, "{i}");
        }
        // The other's header, where it says how to find the key.
        let mut mixed = parts(&one);
        mixed[0].clone_from(&parts(&two)[0]);
        if mixed[0] != parts(&one)[0] {
            assert_eq!(refused(key, &mixed.join(".")), Refused::Decryption);
        }
        // The header is covered by the tag, down to its spaces.
        let header = header_of(&one).replacen('{', "{ ", 1);
        assert_eq!(
            refused(key, &with_header(&one, &header)),
            Refused::Decryption
        );
    }
}

/// RFC 7518 §5.2.2.2: the MAC comes first, so that padding tells nobody anything (Vaudenay 2002);
/// and with the right MAC, wrong padding is the same one error.
#[test]
fn padding_is_no_oracle() {
    let token = honest(&DIRECT_CBC, ContentEncryption::A128CbcHs256, &[7; 40]);
    for part in [2, 3] {
        let octets = unb64(&parts(&token)[part]);
        for at in 0..octets.len() {
            for bit in [1, 0x10, 0xff] {
                let mut parts = parts(&token);
                let mut octets = octets.clone();
                octets[at] ^= bit;
                parts[part] = b64(octets);
                assert_eq!(refused(&DIRECT_CBC, &parts.join(".")), Refused::Decryption);
            }
        }
    }
    for last in [0, 17, 32, 255] {
        let block = [&[7; 15][..], &[last]].concat();
        assert_eq!(
            refused(&DIRECT_CBC, &cbc(&block)),
            Refused::Decryption,
            "{last}"
        );
    }
    let uneven = [&[7; 13][..], &[1, 3, 3]].concat();
    assert_eq!(refused(&DIRECT_CBC, &cbc(&uneven)), Refused::Decryption);
    assert!(
        jwe::decrypt_with(&cbc(&[16; 16]), &DIRECT_CBC)
            .unwrap()
            .plaintext()
            .is_empty()
    );
}

fn oaep(key: &DecryptionKey, hash: &'static OaepAlgorithm, cek: &[u8]) -> Vec<u8> {
    let public = key.encryption_key().to_der().unwrap();
    let public = PublicEncryptingKey::from_der(&public).unwrap();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    let mut room = vec![0; public.ciphertext_size()];
    public.encrypt(hash, cek, &mut room, None).unwrap().to_vec()
}

/// RFC 7516 §11.5 (Bleichenbacher, Manger): a key that cannot be decrypted, one of the wrong
/// length, and a tag that does not hold are one and the same error, reached the same way.
#[test]
fn a_wrapped_key_that_is_wrong_looks_like_a_wrong_tag() {
    let header = format!(
        r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{}"}}"#,
        RSA.kid().unwrap()
    );
    let cek = [9; 32];
    let good = oaep(&RSA, &OAEP_SHA256_MGF1SHA256, &cek);
    assert!(jwe::decrypt_with(&gcm(&header, &good, &cek, b"x"), &RSA).is_ok());
    let mut changed = good.clone();
    changed[100] ^= 1;
    for encrypted in [
        changed,
        vec![0; 256],
        vec![0xff; 256],
        [&[0; 255][..], &[1]].concat(),
        oaep(&RSA, &OAEP_SHA1_MGF1SHA1, &cek),
        oaep(&RSA, &OAEP_SHA256_MGF1SHA256, &[9; 31]),
        oaep(&RSA, &OAEP_SHA256_MGF1SHA256, &[9; 33]),
        oaep(&RSA, &OAEP_SHA256_MGF1SHA256, &[9; 16]),
        oaep(&RSA, &OAEP_SHA256_MGF1SHA256, &[]),
        oaep(&RSA, &OAEP_SHA256_MGF1SHA256, &[8; 32]),
    ] {
        assert_eq!(
            refused(&RSA, &gcm(&header, &encrypted, &cek, b"x")),
            Refused::Decryption
        );
        // Nor does a key of zeros, or of what may have been left in memory, open anything.
        assert_eq!(
            refused(&RSA, &gcm(&header, &encrypted, &[0; 32], b"x")),
            Refused::Decryption
        );
    }
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"kw"}"#;
    for encrypted in [vec![0; 40], vec![0xa6; 40], wrapped(&[8; 32])] {
        for cek in [[9; 32], [0; 32]] {
            assert_eq!(
                refused(&A256KW, &gcm(header, &encrypted, &cek, b"x")),
                Refused::Decryption
            );
        }
    }
}

/// RSA-OAEP with SHA-1 is read, since others write it, and never written.
#[test]
fn rsa_oaep_is_for_reading_alone() {
    let key = DecryptionKey::generate(KeyManagement::RsaOaep).unwrap();
    let header = r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#;
    let token = gcm(
        header,
        &oaep(&key, &OAEP_SHA1_MGF1SHA1, &[9; 32]),
        &[9; 32],
        b"x",
    );
    assert_eq!(jwe::decrypt_with(&token, &key).unwrap().plaintext(), b"x");
    let outcome = jwe::encrypt(
        &key.encryption_key(),
        ContentEncryption::A256GCM,
        &jwe::Header::default(),
        b"x",
    );
    assert_eq!(
        outcome,
        Err(EncryptError::ReadingOnly(KeyManagement::RsaOaep))
    );
    // Encrypted with the other hash, under the same name.
    let other = oaep(&key, &OAEP_SHA256_MGF1SHA256, &[9; 32]);
    assert_eq!(
        refused(&key, &gcm(header, &other, &[9; 32], b"x")),
        Refused::Decryption
    );
}

/// CVE-2025-30204, CVE-2025-27144: the length is looked at before anything else.
#[test]
fn a_million_dots_and_megabytes() {
    let huge = "A".repeat(5_000_000);
    for key in every_kind() {
        let token = honest(key, enc_for(key), b"x");
        for text in [
            ".".repeat(1_000_000),
            huge.clone(),
            format!("{token}{huge}"),
        ] {
            assert_eq!(refused(key, &text), Refused::TooLong);
        }
        assert_eq!(refused(key, &".".repeat(MAX_TOKEN)), Refused::NotCompact);
        for i in 0..5 {
            let mut parts = parts(&token);
            parts[i] = "A".repeat(MAX_TOKEN - token.len());
            let why = refused(key, &parts.join("."));
            let expected = [
                &[Refused::TooLong][..],
                &[Refused::Length(Part::EncryptedKey)],
                &[Refused::Length(Part::Iv)],
                &[
                    Refused::Decryption,
                    Refused::Base64(Part::Ciphertext),
                    Refused::Length(Part::Ciphertext),
                ],
                &[Refused::Length(Part::Tag)],
            ];
            assert!(expected[i].contains(&why), "{i} {why:?}");
        }
    }
}

#[test]
fn the_bounds_are_exact() {
    let to = DIRECT.encryption_key();
    let mut longest = 0;
    for len in (11_500..12_500).rev() {
        let plaintext = vec![b'x'; len];
        let header = jwe::Header::default();
        match jwe::encrypt(&to, ContentEncryption::A256GCM, &header, &plaintext) {
            Ok(token) => {
                longest = longest.max(token.len());
                assert!(jwe::decrypt_with(&token, &DIRECT).is_ok());
                break;
            }
            Err(why) => assert_eq!(why, EncryptError::TooLong),
        }
    }
    assert!((MAX_TOKEN - 4..=MAX_TOKEN).contains(&longest), "{longest}");
    for len in [MAX_TOKEN, MAX_TOKEN + 1, 10_000_000] {
        let header = jwe::Header::default();
        let outcome = jwe::encrypt(&to, ContentEncryption::A256GCM, &header, &vec![0; len]);
        assert_eq!(outcome, Err(EncryptError::TooLong));
    }
    let named = DIRECT.clone().with_kid(&"k".repeat(4000)).encryption_key();
    let outcome = jwe::encrypt(
        &named,
        ContentEncryption::A256GCM,
        &jwe::Header::default(),
        b"x",
    );
    assert_eq!(outcome, Err(EncryptError::TooLong));

    let header = |len: usize| {
        direct_with(&format!(
            r#","x":"{}""#,
            "x".repeat(len - direct_with("").len() - 7)
        ))
    };
    let token = direct(header(MAX_HEADER / 4 * 3), b"x");
    assert_eq!(token.find('.'), Some(MAX_HEADER));
    assert!(jwe::decrypt_with(&token, &DIRECT).is_ok());
    let token = direct(header(MAX_HEADER / 4 * 3 + 1), b"x");
    assert_eq!(refused(&DIRECT, &token), Refused::TooLong);
}

/// CVE-2025-22868: deep nesting in the header, as deep as the length allows.
#[test]
fn json_nested_without_end() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = 2800 / (open.len() + 1);
        let deep = format!("{}1{}", open.repeat(deep), close.repeat(deep));
        for name in ["kid", "cty"] {
            let header = format!(r#"{{"alg":"dir","enc":"A256GCM","{name}":{deep}}}"#);
            let why = refused(&DIRECT, &direct(header, b"x"));
            assert_eq!(why, Refused::Header, "{name}");
        }
        let token = honest(&ECDH, ContentEncryption::A256GCM, b"x");
        let header = header_of(&token).replace(r#""kty""#, &format!(r#""x5t":{deep},"kty""#));
        let why = refused(&ECDH, &with_header(&token, &header));
        assert!(
            matches!(why, Refused::Header | Refused::Decryption),
            "{why:?}"
        );
        // What is not read is passed over, however deep it goes.
        let header = direct_with(&format!(r#","x":{deep},"jwk":{{}}"#));
        assert!(jwe::decrypt_with(&direct(header, b"x"), &DIRECT).is_ok());
        // So may be `p2c`, which means nothing to this algorithm; a list is looked into for texts.
        let header = direct_with(&format!(r#","p2c":{deep}"#));
        let passed_over = jwe::decrypt_with(&direct(header, b"x"), &DIRECT).map(drop);
        let expected = if open == "[" {
            Err(Refused::Header)
        } else {
            Ok(())
        };
        assert_eq!(passed_over, expected);
        let unclosed = direct_with(&format!(r#","x":{}"#, open.repeat(2800 / open.len())));
        assert_eq!(refused(&DIRECT, &direct(unclosed, b"x")), Refused::Header);
    }
}

/// The largest keys there are: an encrypted key of 1024 octets.
#[test]
fn a_key_of_8192_bits_fits() {
    let pem = include_str!("rsa8192.pem");
    let key = DecryptionKey::from_pem(KeyManagement::RsaOaep256, pem).unwrap();
    let token = honest(&key, ContentEncryption::A256CbcHs512, b"x");
    assert_eq!(unb64(&parts(&token)[1]).len(), 1024);
    assert!(jwe::decrypt_with(&token, &key).is_ok());
    let curve = AgreementCurve::P521;
    let key = DecryptionKey::generate_on(KeyManagement::EcdhEsA256KW, curve).unwrap();
    let token = honest(&key, ContentEncryption::A256CbcHs512, b"x");
    assert!(jwe::decrypt_with(&token, &key).is_ok());
}
