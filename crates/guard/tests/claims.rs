//! The wire form of the claims, and what is not accepted as such.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_guard::{BadScope, Claims, Epochs, Scope};
use serde_json::{Value, from_str, json, to_string, to_value};

fn full() -> Claims {
    Claims {
        iss: "https://id.example".into(),
        sub: "u7".into(),
        aud: "https://api.example".into(),
        exp: 1_790_000_300,
        iat: 1_790_000_000,
        jti: "t1".into(),
        client_id: "shop".into(),
        sid: Some("s1".into()),
        auth_time: Some(1_789_999_000),
        amr: vec!["pwd".into(), "otp".into()],
        scope: Some(Scope::parse("orders:read orders:write").unwrap()),
        epochs: Epochs {
            issuer: 1,
            client: 2,
            subject: 3,
        },
        extra: from_str(r#"{"roles":["admin"],"tenant":{"id":9}}"#).unwrap(),
    }
}

const FULL: &str = concat!(
    r#"{"iss":"https://id.example","sub":"u7","aud":"https://api.example","exp":1790000300,"#,
    r#""iat":1790000000,"jti":"t1","client_id":"shop","sid":"s1","auth_time":1789999000,"#,
    r#""amr":["pwd","otp"],"scope":"orders:read orders:write","epochs":[1,2,3],"#,
    r#""roles":["admin"],"tenant":{"id":9}}"#
);

/// The smallest token there is.
fn least() -> Value {
    json!({"iss": "i", "sub": "s", "aud": "a", "exp": 2, "iat": 1, "jti": "j", "client_id": "c",
           "epochs": [0, 0, 0]})
}

fn read(value: &Value) -> Result<Claims, serde_json::Error> {
    from_str(&value.to_string())
}

#[test]
fn every_claim_is_written_as_the_standards_name_it_and_read_back() {
    assert_eq!(to_string(&full()).unwrap(), FULL);
    assert_eq!(from_str::<Claims>(FULL).unwrap(), full());
}

#[test]
fn what_is_absent_is_not_written() {
    let claims = read(&least()).unwrap();
    assert_eq!(
        (&claims.sid, claims.auth_time, &claims.scope),
        (&None, None, &None)
    );
    assert!(claims.amr.is_empty() && claims.extra.is_empty());
    assert_eq!(to_value(&claims).unwrap(), least());
}

#[test]
fn each_claim_that_a_token_needs_is_missed() {
    for name in [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "jti",
        "client_id",
        "epochs",
    ] {
        let mut without = least();
        without.as_object_mut().unwrap().remove(name);
        let error = read(&without).unwrap_err().to_string();
        assert!(
            error.contains(&format!("missing field `{name}`")),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_wrong_type_is_refused() {
    for (name, value) in [
        ("iss", json!(1)),
        ("sub", json!(null)),
        ("aud", json!({"a": 1})),
        ("exp", json!("2")),
        ("exp", json!(-1)),
        ("iat", json!(1.5)),
        ("jti", json!(["j"])),
        ("client_id", json!(true)),
        ("sid", json!(null)),
        ("auth_time", json!("1")),
        ("amr", json!("pwd")),
        ("scope", json!(["a"])),
        ("scope", json!("")),
        ("epochs", json!(0)),
        ("epochs", json!([0, 0])),
        ("epochs", json!([0, 0, 0, 0])),
        ("epochs", json!([0, -1, 0])),
        ("epochs", json!({"issuer": 0, "client": 0, "subject": 0})),
    ] {
        let mut wrong = least();
        wrong[name] = value.clone();
        assert!(read(&wrong).is_err(), "{name}: {value}");
    }
}

#[test]
fn one_audience_is_read_from_a_string_or_an_array_of_one() {
    let mut token = least();
    token["aud"] = json!(["a"]);
    assert_eq!(read(&token).unwrap().aud, "a");
    for aud in [json!([]), json!(["a", "b"]), json!([1])] {
        token["aud"] = aud;
        assert!(read(&token).is_err(), "{token}");
    }
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    for again in [
        r#""sub":"other""#,
        r#""sid":"x","sid":"x""#,
        r#""role":1,"role":1"#,
    ] {
        let text = least().to_string().replace('}', &format!(",{again}}}"));
        assert!(from_str::<Claims>(&text).is_err(), "{text}");
    }
}

#[test]
fn an_extra_claim_cannot_stand_in_for_one_that_has_a_meaning() {
    let Value::Object(known) = to_value(full()).unwrap() else {
        panic!("not an object")
    };
    let named = known
        .keys()
        .filter(|name| !full().extra.contains_key(*name));
    for name in named.map(String::as_str).chain(["nbf"]) {
        assert!(Claims::is_reserved(name), "{name}");
        let mut claims = full();
        claims.extra.insert(name.into(), json!("x"));
        let error = to_string(&claims).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
    assert!(!Claims::is_reserved("roles"));
}

#[test]
fn not_before_is_the_verifiers_and_no_extra_claim() {
    let mut token = least();
    token["nbf"] = json!(1);
    assert!(read(&token).unwrap().extra.is_empty());
}

#[test]
fn scope_follows_the_grammar() {
    let scope = Scope::parse("openid orders:read").unwrap();
    assert_eq!(scope.words().collect::<Vec<_>>(), ["openid", "orders:read"]);
    assert!(scope.contains("openid"));
    assert!(!scope.contains("orders") && !scope.contains("Openid") && !scope.contains(""));
    assert_eq!(scope.to_string(), "openid orders:read");
    for bad in [
        "", " ", " a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "ä", "a\u{0}", "a\u{7f}",
    ] {
        assert_eq!(Scope::parse(bad), Err(BadScope), "{bad:?}");
    }
    assert!(Scope::parse("!#$~[]").is_ok());
}
