//! Signed bytes, and sets of keys.

use countersign_jose::{Algorithm, KeySet, VerifyingKey, jws};
use serde_json::{Value, json};

use crate::keys::{Exported, Form, Maker};
use crate::library::{Library, are_there};
use crate::tally::{Tally, changed};

const PAYLOAD: &str = "grüße, 署名";

/// What is counted. A key is read by both sides, in the form that one of them exported.
const COLUMNS: [&str; 7] = [
    "keys",
    "made here, read there",
    "changed: refused there",
    "made there, read here",
    "changed: refused here",
    "by our set, there",
    "by their set, here",
];
const KEYS: usize = 0;
const TO_THERE: usize = 1;
const REFUSED_THERE: usize = 2;
const TO_HERE: usize = 3;
const REFUSED_HERE: usize = 4;
const BY_OUR_SET: usize = 5;
const BY_THEIR_SET: usize = 6;

#[test]
fn jose_and_we_read_the_signatures_of_each_other() {
    compare(Library::Jose);
}

#[test]
fn joserfc_and_we_read_the_signatures_of_each_other() {
    compare(Library::Joserfc);
}

#[test]
fn pyjwt_and_we_read_the_signatures_of_each_other() {
    compare(Library::PyJwt);
}

fn compare(library: Library) {
    if !are_there() {
        return;
    }
    let mut tally = Tally::new(format!("signatures, {library}"), &COLUMNS);
    let mut expected = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for alg in Algorithm::ALL {
        if !library.has(alg.name()) {
            println!("{library} has no {alg}: that is compared with others, or with vectors alone");
            continue;
        }
        let forms = Form::of(alg.is_symmetric());
        for maker in Maker::BOTH {
            let key = Exported::signing(library, alg, maker);
            for form in forms {
                both_ways(&mut tally, library, alg, &key, *form);
            }
            match maker {
                Maker::Here => ours.push((alg, key)),
                Maker::There => theirs.push((alg, key)),
            }
        }
        let keys = 2 * forms.len();
        let in_set = usize::from(!alg.is_symmetric());
        let counts = [keys, keys, 3 * keys, keys, 3 * keys, in_set, in_set];
        expected.push((alg.to_string(), String::new(), counts));
    }
    if library.has("Ed25519") {
        by_its_second_name(&mut tally, library);
        expected.push(("Ed25519".into(), String::new(), [1, 0, 0, 1, 3, 0, 0]));
    }
    by_our_set(&mut tally, library, &ours);
    by_their_set(&mut tally, library, &theirs);
    tally.finish(expected);
}

fn both_ways(tally: &mut Tally, library: Library, alg: Algorithm, key: &Exported, form: Form) {
    let name = alg.name();
    let (signing, verifying) = key.read_to_sign(alg, form);
    key.has_thumbprint(library, name, form, verifying.thumbprint());
    tally.count(name, "", KEYS);

    let token = jws::sign(&signing, &jws::Header::default(), PAYLOAD.as_bytes()).unwrap();
    let reading = |token: &str| json!({ "key": key.public(form), "alg": name, "token": token });
    let read = library.made("verify", reading(&token));
    assert_eq!(read["payload"], PAYLOAD);
    tally.count(name, "", TO_THERE);
    for token in changed(&token) {
        assert!(
            library.refuses("verify", reading(&token)),
            "{library}: {token}"
        );
        tally.count(name, "", REFUSED_THERE);
    }

    let token = signed_there(library, name, &key.private(form), &json!({}));
    is_read_here(tally, name, &token, &verifying);
}

fn signed_there(library: Library, alg: &str, key: &Value, header: &Value) -> String {
    let task = json!({ "key": key, "alg": alg, "header": header, "payload": PAYLOAD });
    library.made("sign", task)["token"].as_str().unwrap().into()
}

fn is_read_here(tally: &mut Tally, name: &str, token: &str, key: &VerifyingKey) {
    let read = jws::verify_with(token, key).unwrap();
    assert_eq!(read.payload(), PAYLOAD.as_bytes());
    tally.count(name, "", TO_HERE);
    for token in changed(token) {
        assert!(jws::verify_with(&token, key).is_err(), "{token}");
        tally.count(name, "", REFUSED_HERE);
    }
}

/// `EdDSA` is also called `Ed25519` (RFC 9864 §2.2), in tokens and in keys. We read that, and write
/// the older name.
fn by_its_second_name(tally: &mut Tally, library: Library) {
    const NAME: &str = "Ed25519";
    let mut key = library.made("generate", json!({ "alg": NAME }));
    key["public_jwk"]["alg"] = NAME.into();
    let public = VerifyingKey::from_jwk(key["public_jwk"].to_string().as_bytes()).unwrap();
    tally.count(NAME, "", KEYS);
    let private = json!({ "jwk": key["private_jwk"] });
    let token = signed_there(library, NAME, &private, &json!({}));
    is_read_here(tally, NAME, &token, &public);
}

/// One published set of ours with a key of every algorithm; tokens find theirs by key id.
fn by_our_set(tally: &mut Tally, library: Library, keys: &[(Algorithm, Exported)]) {
    let public = keys.iter().filter(|(alg, _)| !alg.is_symmetric());
    let keys: Vec<_> = public
        .map(|(alg, key)| key.read_to_sign(*alg, Form::Jwk))
        .collect();
    let set = KeySet::new(keys.iter().map(|(_, public)| public.clone()).collect()).unwrap();
    let set: Value = serde_json::from_str(&set.to_json()).unwrap();
    for (key, _) in &keys {
        let name = key.algorithm().name();
        let token = jws::sign(key, &jws::Header::default(), PAYLOAD.as_bytes()).unwrap();
        let task = json!({ "keys": set, "alg": name, "token": token });
        assert_eq!(library.made("verify_by_set", task)["payload"], PAYLOAD);
        tally.count(name, "", BY_OUR_SET);
    }
}

/// The same of theirs.
fn by_their_set(tally: &mut Tally, library: Library, keys: &[(Algorithm, Exported)]) {
    let public = keys.iter().filter(|(alg, _)| !alg.is_symmetric());
    let keys: Vec<_> = public.collect();
    let published: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(at, (alg, key))| {
            let mut jwk = key.0["public_jwk"].clone();
            jwk["alg"] = alg.name().into();
            jwk["use"] = "sig".into();
            jwk["kid"] = at.to_string().into();
            jwk
        })
        .collect();
    let set = KeySet::from_json(json!({ "keys": published }).to_string().as_bytes()).unwrap();
    assert_eq!((set.len(), set.ignored()), (keys.len(), &[][..]));
    for (at, (alg, key)) in keys.iter().enumerate() {
        let header = json!({ "kid": at.to_string() });
        let token = signed_there(library, alg.name(), &key.private(Form::Jwk), &header);
        assert_eq!(jws::verify(&token, &set).unwrap().algorithm(), *alg);
        tally.count(alg.name(), "", BY_THEIR_SET);
    }
}
