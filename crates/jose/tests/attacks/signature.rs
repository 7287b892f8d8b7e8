//! Signatures that are almost right.

use countersign_jose::{Refused, SigningKey, sign};
use serde_json::{Value, json};

use crate::forge::*;

/// The order of P-256 (SEC 2 §2.4.2), big-endian.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of Ed25519's group (RFC 8032 §5.1), little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn split(key: &SigningKey, claims: &Value) -> (String, Vec<u8>) {
    let token = sign(key, TYP, claims).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    (signed.to_owned(), unb64(signature))
}

fn good() -> Value {
    serde_json::from_str(GOOD).unwrap()
}

fn must_not_hold(key: &SigningKey, signed: &str, signature: &[u8], what: &str) {
    let token = format!("{signed}.{}", b64(signature));
    assert_eq!(refused(key, &token), Refused::Signature, "{what}");
}

/// Adds two big-endian numbers; the sum may be an octet longer.
fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sum = vec![0; a.len().max(b.len()) + 1];
    let digit =
        |number: &[u8], i: usize| number.len().checked_sub(i + 1).map_or(0, |at| number[at]);
    let mut carry = 0;
    for (i, out) in sum.iter_mut().rev().enumerate() {
        let total = u16::from(digit(a, i)) + u16::from(digit(b, i)) + carry;
        *out = u8::try_from(total & 0xff).unwrap();
        carry = total >> 8;
    }
    sum
}

/// CVE-2022-21449: r or s that are zero, or not below the order (RFC 6979 §2.4, SEC 1 §4.1.4).
#[test]
fn ecdsa_with_zero_or_too_large_numbers() {
    let (signed, honest) = split(&ES256, &good());
    let (r, s) = honest.split_at(32);
    let zero = [0; 32];
    let one = [&[0; 31][..], &[1]].concat();
    let ones = [0xff; 32];
    let mut pairs = vec![
        ("r = 0", [&zero[..], s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("both 0", [0; 64].to_vec()),
        ("r = n", [&N[..], s].concat()),
        ("s = n", [r, &N].concat()),
        ("both n", [N, N].concat()),
        ("r = 1, s = 1", [&one[..], &one].concat()),
        ("r = 0, s = 1", [&zero[..], &one].concat()),
        ("all ones", [ones, ones].concat()),
    ];
    // The same residues, written with n added, where that fits into 32 octets.
    for (name, number, rest) in [("r + n", r, s), ("s + n", s, r)] {
        let sum = add(number, &N);
        if sum[0] == 0 {
            let pair = if name.starts_with('r') {
                [&sum[1..], rest]
            } else {
                [rest, &sum[1..]]
            };
            pairs.push((name, pair.concat()));
        }
        pairs.push(("an octet longer", [&sum[..], rest].concat()));
    }
    for (name, signature) in pairs {
        must_not_hold(&ES256, &signed, &signature, name);
    }
}

/// RFC 7518 §3.4: two numbers of fixed length, and nothing else.
#[test]
fn ecdsa_in_another_form() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let (signed, honest) = split(&ES256, &good());
    let pkcs8 = ES256.to_pkcs8_der().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap();
    let der = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    must_not_hold(&ES256, &signed, der.as_ref(), "DER");
    let (r, s) = honest.split_at(32);
    for (what, signature) in [
        ("padded in front", [&[0], &honest[..]].concat()),
        ("padded behind", [&honest[..], &[0]].concat()),
        ("padded twice", [&[0], r, &[0], s].concat()),
        ("swapped", [s, r].concat()),
        ("r alone", r.to_vec()),
        ("cut", honest[..63].to_vec()),
        ("doubled", [&honest[..], &honest].concat()),
    ] {
        must_not_hold(&ES256, &signed, &signature, what);
    }
}

/// RFC 8032 §5.1.7: S is below the order of the group.
#[test]
fn ed25519_with_the_order_added() {
    let (signed, honest) = split(&ED25519, &good());
    let (r, s) = honest.split_at(32);
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let mut sum = add(&reversed(s), &reversed(&L));
    assert_eq!(sum.remove(0), 0, "S + L fits into 32 octets");
    let malleated = [r, &reversed(&sum)].concat();
    must_not_hold(&ED25519, &signed, &malleated, "S + L");
    must_not_hold(&ED25519, &signed, &[r, &[0; 32]].concat(), "S = 0");
    must_not_hold(&ED25519, &signed, &[&[0; 32], s].concat(), "R = 0");
    must_not_hold(&ED25519, &signed, &[&honest[..], &[0]].concat(), "too long");
}

/// RFC 8017 §8.2.2: as long as the modulus, and below it.
#[test]
fn rsa_with_the_modulus_added_or_a_zero_in_front() {
    let n = serde_json::to_value(RS256.public_jwk()).unwrap();
    let n = unb64(n["n"].as_str().unwrap());
    for i in 0..2000 {
        let (signed, honest) = split(&RS256, &json!({ "exp": 1, "i": i }));
        let sum = add(&honest, &n);
        if i == 0 {
            must_not_hold(
                &RS256,
                &signed,
                &[&[0], &honest[..]].concat(),
                "a zero in front",
            );
            must_not_hold(
                &RS256,
                &signed,
                &[&honest[..], &[0]].concat(),
                "a zero behind",
            );
            must_not_hold(&RS256, &signed, &honest[1..], "cut");
            must_not_hold(&RS256, &signed, &sum, "a longer sum");
            must_not_hold(&RS256, &signed, &n, "the modulus");
            must_not_hold(&RS256, &signed, &[0; 256], "zero");
        }
        if sum[0] == 0 {
            must_not_hold(&RS256, &signed, &sum[1..], "signature + n");
            return;
        }
    }
    panic!("signature + n never had the length of a signature");
}

#[test]
fn a_mac_that_is_cut_or_prolonged() {
    let (signed, honest) = split(&HS256, &good());
    must_not_hold(&HS256, &signed, &honest[..31], "cut");
    must_not_hold(&HS256, &signed, &honest[..16], "half");
    must_not_hold(&HS256, &signed, &[&honest[..], &[0]].concat(), "prolonged");
    must_not_hold(&HS256, &signed, &[0; 32], "zero");
}
