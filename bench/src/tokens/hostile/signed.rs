//! Tokens that name a trusted key and are not signed by it.

use countersign_jose::{Algorithm, MAX_HEADER, MAX_TOKEN};

use super::super::claims::Nothing;
use super::super::contenders::{key, raw_verification};
use super::Hostile;
use super::forge::{HEADER, b64, fill, header, refuse, short_name, verifier};

const ALGORITHMS: [(Algorithm, usize); 7] = [
    (Algorithm::HS256, 32),
    (Algorithm::RS256, 256),
    (Algorithm::ES256, 64),
    (Algorithm::EdDSA, 64),
    (Algorithm::MlDsa44, 2420),
    (Algorithm::MlDsa65, 3309),
    (Algorithm::MlDsa87, 4627),
];

/// For each algorithm, signatures of zeros and of noise over all that fits, with the usual header and with a long one.
pub fn all() -> Vec<Hostile> {
    let mut all = Vec::new();
    for (alg, length) in ALGORITHMS {
        let key = key(alg);
        let verifier = verifier(&key);
        let kid = key.kid().expect("a key id").to_owned();
        let usual = b64(header(alg, &kid, ""));
        let pad = HEADER - header(alg, &kid, "").len();
        let members = fill(pad.min(28 * 12), |i| format!(r#""x{i:02}":[{i}]"#));
        let long = "y".repeat(pad - members.len() - 9);
        let long = b64(header(alg, &kid, &format!(r#",{members},"y":"{long}""#)));
        assert!(long.len() <= MAX_HEADER, "{}", long.len());
        let nested = "[".repeat(120) + &"]".repeat(120);
        let deep = fill(pad - 10, |_| nested.clone());
        let deep = b64(header(alg, &kid, &format!(r#","y":[{deep}]"#)));
        let names = fill(9000, |i| format!(r#""{}":1"#, short_name(i)));
        for (what, header, signature) in [
            ("zeros for a signature", &usual, vec![0; length]),
            ("noise for a signature", &usual, noise(length)),
            ("noise for a signature, a long header", &long, noise(length)),
            ("noise for a signature, a deep header", &deep, noise(length)),
            ("a signature that is too short", &usual, noise(length - 1)),
            ("a signature that is too long", &usual, noise(length + 1)),
        ] {
            let signature = b64(signature);
            let room = MAX_TOKEN - header.len() - signature.len() - 2;
            for (payload, text) in [
                ("a long payload", b64(vec![b' '; room / 4 * 3])),
                ("no base64", "!".repeat(room)),
                ("many names", b64(format!("{{{names}}}"))),
            ] {
                let text = &text[..room.min(text.len())];
                let message = format!("{header}.{text}");
                let name = format!("{}, {what}, {payload}", alg.name());
                let token = format!("{message}.{signature}");
                all.push(Hostile {
                    refuse: refuse::<Nothing>(&name, &verifier, token),
                    name,
                    of_key: Some(raw_verification(&key, message.as_bytes())),
                });
            }
        }
        let far = format!("{usual}.e30.{}", "A".repeat(MAX_TOKEN - usual.len() - 5));
        let name = format!("{}, a signature of everything that fits", alg.name());
        all.push(Hostile {
            refuse: refuse::<Nothing>(&name, &verifier, far),
            name,
            of_key: None,
        });
    }
    all
}

fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 0x9e37_79b9;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0] >> 1
        })
        .collect()
}
