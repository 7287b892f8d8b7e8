//! Tokens that are made to be expensive.

use countersign_jose::{
    Claim, MAX_AUDIENCES, MAX_CLAIMS, MAX_HEADER, MAX_TOKEN, Refused, SignError, SigningKey,
    Unverified, jws, sign,
};

use crate::forge::*;

/// CVE-2025-30204, CVE-2025-27144: the length is looked at before anything else.
#[test]
fn a_million_dots_and_megabytes() {
    let texts = [
        ".".repeat(1_000_000),
        "a.".repeat(1_000_000),
        "a".repeat(10_000_000),
        format!("{}.{}.{}", "e".repeat(5_000_000), b64(GOOD), "A"),
        format!("{}.{}.{}", b64(header_with("")), "e".repeat(5_000_000), "A"),
        format!(
            "{}.{}.{}",
            b64(header_with("")),
            b64(GOOD),
            "A".repeat(5_000_000)
        ),
    ];
    for text in &texts {
        assert_eq!(refused(&HS256, text), Refused::TooLong);
        assert_eq!(Unverified::parse(text).err(), Some(Refused::TooLong));
        assert_eq!(
            jws::verify_with(text, &HS256.verifying_key()).err(),
            Some(Refused::TooLong)
        );
    }
    assert_eq!(refused(&HS256, &".".repeat(MAX_TOKEN)), Refused::NotCompact);
}

#[test]
fn the_bounds_are_exact() {
    let room = MAX_TOKEN - hs256(header_with(""), "").len();
    let payload = |len: usize| {
        let start = GOOD.trim_end_matches('}');
        format!(
            r#"{start},"pad":"{}"}}"#,
            "x".repeat(len - start.len() - 10)
        )
    };
    let fits = hs256(header_with(""), payload(room / 4 * 3));
    assert!(fits.len() > MAX_TOKEN - 4 && fits.len() <= MAX_TOKEN);
    assert!(verify(&HS256, &fits).is_ok());
    let longer = hs256(header_with(""), payload(room / 4 * 3 + 3));
    assert_eq!(refused(&HS256, &longer), Refused::TooLong);

    let header = |len: usize| {
        header_with(&format!(
            r#","pad":"{}""#,
            "x".repeat(len - header_with("").len() - 9)
        ))
    };
    let fits = hs256(header(MAX_HEADER / 4 * 3), GOOD);
    assert_eq!(fits.find('.'), Some(MAX_HEADER));
    assert!(verify(&HS256, &fits).is_ok());
    let longer = hs256(header(MAX_HEADER / 4 * 3 + 1), GOOD);
    assert_eq!(refused(&HS256, &longer), Refused::TooLong);

    // The longest signature, that of ML-DSA-87, has 4,627 octets.
    for (octets, why) in [(4_627, Refused::Signature), (4_632, Refused::TooLong)] {
        let long = b64(vec![0; octets]);
        let token = format!("{}.{}.{long}", b64(header_with("")), b64(GOOD));
        assert_eq!(refused(&HS256, &token), why);
    }
}

/// What is signed here is never too long to be verified here.
#[test]
fn nothing_is_signed_that_would_be_refused() {
    let header = jws::Header::default();
    let mut longest = 0;
    for len in (11_000..13_000).step_by(7) {
        match jws::sign(&HS256, &header, &vec![b'x'; len]) {
            Ok(token) => {
                longest = token.len();
                assert!(jws::verify_with(&token, &HS256.verifying_key()).is_ok());
            }
            Err(why) => assert_eq!(why, SignError::TooLong),
        }
    }
    assert!(
        longest > MAX_TOKEN - 16 && longest <= MAX_TOKEN,
        "{longest}"
    );
    let named = SigningKey::clone(&HS256).with_kid(&"k".repeat(4_000));
    let refused = jws::sign(&named, &header, b"x");
    assert_eq!(refused, Err(SignError::TooLong));
}

/// CVE-2025-22868: deep nesting, as deep as the length allows, in the header and in the payload.
#[test]
fn json_nested_without_end() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let header = header_with(&format!(r#","x":{}"#, deep(2900 / (open.len() + 1))));
        let _ = verify(&HS256, &hs256(&header, GOOD));
        let unclosed = header_with(&format!(r#","x":{}"#, open.repeat(2900 / open.len())));
        assert_eq!(refused(&HS256, &hs256(unclosed, GOOD)), Refused::Header);
        let payload = with_times(&format!(
            r#""exp":1700000300,"x":{}"#,
            deep(11_000 / (open.len() + 1))
        ));
        assert!(matches!(payload_refused(payload), Refused::Payload));
        let payload = with_times(&format!(r#""exp":{}"#, deep(1000)));
        assert!(matches!(payload_refused(payload), Refused::Malformed(_)));
        let huge = with_times(&format!(r#""exp":1700000300,"x":{}"#, deep(10_000)));
        let token = hs256(header_with(""), huge);
        assert!(verify(&HS256, &token).is_err());
    }
}

/// A header of hundreds of tiny members would make looking for duplicates slow.
#[test]
fn a_header_with_hundreds_of_members() {
    let members = (0..300)
        .map(|i| format!(r#","{i}":1"#))
        .collect::<Vec<_>>()
        .concat();
    let token = hs256(header_with(&members), GOOD);
    assert_eq!(refused(&HS256, &token), Refused::DuplicateHeader);
    let members = (0..29)
        .map(|i| format!(r#","{i}":1"#))
        .collect::<Vec<_>>()
        .concat();
    assert!(verify(&HS256, &hs256(header_with(&members), GOOD)).is_ok());
}

/// A payload of thousands of tiny claims would take longer to read than its signature to verify.
#[test]
fn thousands_of_claims() {
    let claims = |count: usize, name: fn(usize) -> String| {
        let others = (3..count).map(|i| format!(r#","{}":0"#, name(i)));
        with_times(&format!(
            r#""exp":1700000300{}"#,
            others.collect::<String>()
        ))
    };
    let names: [fn(usize) -> String; 3] = [
        |i| i.to_string(),
        |i| format!("\\u{:04x}", 0x100 + i),
        |i| "n".repeat(i % 30) + &i.to_string(),
    ];
    for name in names {
        let verify = |count| verify(&HS256, &hs256(header_with(""), claims(count, name)));
        assert!(verify(MAX_CLAIMS).is_ok());
        assert_eq!(
            verify(MAX_CLAIMS + 1).map(drop),
            Err(Refused::TooManyClaims)
        );
    }
    let with = |count: usize| {
        // As short as names and values can be.
        let letter = |i: usize| char::from_u32(u32::try_from(i).expect("small") + 0x30);
        let name = |i| letter(i).map_or_else(String::new, String::from);
        let claims: serde_json::Map<_, _> = (0..count).map(|i| (name(i), 0.into())).collect();
        sign(&HS256, "at+jwt", &claims).map(drop)
    };
    assert_eq!(with(MAX_CLAIMS), Ok(()));
    assert_eq!(with(MAX_CLAIMS + 1), Err(SignError::TooManyClaims));
}

#[test]
fn thousands_of_audiences() {
    let verify = |count: usize| {
        let others = r#""other","#.repeat(count - 1);
        let payload =
            format!(r#"{{"iss":"{ISSUER}","exp":1700000300,"aud":[{others}"{AUDIENCE}"]}}"#);
        verify(&HS256, &hs256(header_with(""), payload)).map(drop)
    };
    assert_eq!(verify(MAX_AUDIENCES), Ok(()));
    assert_eq!(
        verify(MAX_AUDIENCES + 1),
        Err(Refused::Malformed(Claim::Audience))
    );
}
