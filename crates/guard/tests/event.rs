//! The JSON form of revocation events, which the feed will carry.

use countersign_guard::{Event, Revocation, UnixTime};
use serde_json::{from_str, to_string};

#[test]
fn each_kind_is_one_flat_object() {
    let until = UnixTime::from_secs(9);
    let sid = || "s1".to_owned();
    let sub = || "u7".to_owned();
    for (kind, text) in [
        (
            Revocation::Session { sid: sid() },
            r#"{"kind":"session","sid":"s1","until":9}"#,
        ),
        (
            Revocation::Subject {
                sub: sub(),
                below: 7,
            },
            r#"{"kind":"subject","sub":"u7","below":7,"until":9}"#,
        ),
        (
            Revocation::Client {
                client_id: "shop".into(),
                below: 2,
            },
            r#"{"kind":"client","client_id":"shop","below":2,"until":9}"#,
        ),
        (
            Revocation::Token {
                jti: "t1".into(),
                from: UnixTime::from_secs(5),
            },
            r#"{"kind":"token","jti":"t1","from":5,"until":9}"#,
        ),
        (
            Revocation::Key { kid: "k1".into() },
            r#"{"kind":"key","kid":"k1","until":9}"#,
        ),
        (
            Revocation::All { below: u64::MAX },
            r#"{"kind":"all","below":18446744073709551615,"until":9}"#,
        ),
        (
            Revocation::Changed { sub: sub() },
            r#"{"kind":"changed","sub":"u7","until":9}"#,
        ),
    ] {
        let event = Event { kind, until };
        assert_eq!(to_string(&event).unwrap(), text);
        assert_eq!(from_str::<Event>(text).unwrap(), event);
    }
}

#[test]
fn what_is_no_event_is_refused() {
    for text in [
        r#"{"kind":"session","until":9}"#,
        r#"{"kind":"session","sid":"s1"}"#,
        r#"{"kind":"sessions","sid":"s1","until":9}"#,
        r#"{"sid":"s1","until":9}"#,
        r#"{"kind":"subject","sub":"u7","below":-1,"until":9}"#,
        r#"{"kind":"subject","sub":"u7","below":7.5,"until":9}"#,
        r#"{"kind":"session","sid":"s1","until":"9"}"#,
    ] {
        assert!(from_str::<Event>(text).is_err(), "{text}");
    }
}
