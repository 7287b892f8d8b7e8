//! What others make and open, and we refuse on purpose: each token and key is one that its maker
//! accepts, so that the refusal is for the reason given and no other.

use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{
    Algorithm, DecryptionKey, DecryptionKeySet, KeyError, KeyManagement, KeySet, Refused,
    SigningKey, UnixTime, Verifier, VerifyingKey, jwe, jws,
};
use serde_json::{Value, json};

use crate::library::Library::{Jose, Joserfc, PyJwt};
use crate::library::{Library, are_there};

/// Without white space or dots, so that it can also stand in a token unencoded.
const TEXT: &str = "what-others-make";
const ENC: &str = "A128CBC-HS256";

fn say(library: Library, what: &str, why: &str) {
    println!("refused on purpose, {library}: {what}: {why}");
}

#[test]
fn encryption_that_we_refuse() {
    if !are_there() {
        return;
    }
    let password = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode_to_string("a pass phrase") });
    let padding = "whoever decrypts its padding becomes an oracle";
    let rounds = "the sender would choose how long the reader computes";
    let no_192 = "the primitives have no such key wrap";
    let sha_2 = "one RSA-OAEP of SHA-2 is enough";
    let cases = [
        (Joserfc, "RSA1_5", None, Refused::Rsa15, padding),
        (
            Jose,
            "PBES2-HS256+A128KW",
            Some(&password),
            Refused::PasswordBased,
            rounds,
        ),
        (
            Jose,
            "PBES2-HS384+A192KW",
            Some(&password),
            Refused::PasswordBased,
            rounds,
        ),
        (
            Jose,
            "PBES2-HS512+A256KW",
            Some(&password),
            Refused::PasswordBased,
            rounds,
        ),
        (
            Joserfc,
            "PBES2-HS256+A128KW",
            Some(&password),
            Refused::PasswordBased,
            rounds,
        ),
        (
            Joserfc,
            "PBES2-HS384+A192KW",
            Some(&password),
            Refused::PasswordBased,
            rounds,
        ),
        (
            Joserfc,
            "PBES2-HS512+A256KW",
            Some(&password),
            Refused::PasswordBased,
            rounds,
        ),
        (Jose, "A192KW", None, Refused::KeyWrap192, no_192),
        (Joserfc, "A192KW", None, Refused::KeyWrap192, no_192),
        (Jose, "ECDH-ES+A192KW", None, Refused::KeyWrap192, no_192),
        (Joserfc, "ECDH-ES+A192KW", None, Refused::KeyWrap192, no_192),
        (Jose, "RSA-OAEP-384", None, Refused::UnknownAlgorithm, sha_2),
        (Jose, "RSA-OAEP-512", None, Refused::UnknownAlgorithm, sha_2),
    ];
    for (library, alg, jwk, refused, why) in cases {
        let generated = jwk.is_none().then(|| generate(library, alg, "P-256"));
        let private = jwk.or(generated.as_ref().map(|made| &made["private_jwk"]));
        let token = encrypted(library, alg, private.unwrap(), json!({}), TEXT);
        let ours = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
        assert_eq!(jwe::decrypt_with(&token, &ours), Err(refused), "{alg}");
        say(library, alg, why);
    }
}

#[test]
fn compression_that_we_refuse() {
    if !are_there() {
        return;
    }
    for library in [Jose, Joserfc] {
        let made = generate(library, "ECDH-ES", "P-256");
        let private = &made["private_jwk"];
        let token = encrypted(library, "ECDH-ES", private, json!({ "zip": "DEF" }), TEXT);
        let key = decryption_key(private).unwrap();
        assert_eq!(jwe::decrypt_with(&token, &key), Err(Refused::Compressed));
        say(library, "zip", "a small token could inflate without end");
    }
}

#[test]
fn encrypted_claims_that_nobody_signed() {
    if !are_there() {
        return;
    }
    let claims = json!({ "iss": "i", "aud": "a", "sub": "ada", "exp": 1_800_000_000 }).to_string();
    for library in [Jose, Joserfc] {
        let made = generate(library, "ECDH-ES", "P-256");
        let private = &made["private_jwk"];
        // Claims that are encrypted and not signed are a JWT too (RFC 7519 §3), and not for us.
        for (header, refused) in [
            (json!({}), Refused::NotNested),
            (json!({ "cty": "JWT" }), Refused::NotCompact),
        ] {
            let token = encrypted(library, "ECDH-ES", private, header, &claims);
            let own = DecryptionKeySet::new(vec![decryption_key(private).unwrap()]).unwrap();
            let none = KeySet::new(Vec::new()).unwrap();
            let verifier = Verifier::new("i", "a", "JWT", none).encrypted_to(own);
            let now = UnixTime::from_secs(1_700_000_000);
            assert_eq!(verifier.verify::<Value>(&token, now).err(), Some(refused));
        }
        say(
            library,
            "claims encrypted, not signed",
            "with a public key anybody can encrypt",
        );
    }
}

#[test]
fn signatures_that_we_refuse() {
    if !are_there() {
        return;
    }
    let set = KeySet::new(vec![es256().verifying_key()]).unwrap();
    let refused = |token: &str, why| assert_eq!(jws::verify(token, &set), Err(why), "{token}");

    let claims = json!({ "sub": "ada" });
    let token = &Jose.made("sign_with_none", json!({ "claims": claims }))["token"];
    let read = Jose.made("read_with_none", json!({ "token": token }));
    assert_eq!(read["claims"], claims);
    refused(token.as_str().unwrap(), Refused::UnknownAlgorithm);
    say(Jose, "none", "nobody signed it");

    for (library, alg) in [(Joserfc, "ES256K"), (PyJwt, "ES256K"), (Joserfc, "Ed448")] {
        let made = generate(library, alg, "");
        refused(
            &signed(library, alg, &made, json!({})),
            Refused::UnknownAlgorithm,
        );
        let key = VerifyingKey::from_jwk(made["public_jwk"].to_string().as_bytes());
        assert_eq!(key.err(), Some(KeyError::UnknownCurve));
        say(library, alg, "a curve that is not offered");
    }

    let made = generate(Joserfc, "ES256", "");
    let unencoded = json!({ "b64": false, "crit": ["b64"] });
    let token = signed(Joserfc, "ES256", &made, unencoded);
    refused(&token, Refused::Critical);
    say(Joserfc, "b64 false", "one token, one text (RFC 7797 §8)");

    let made = generate(Jose, "ES256", "");
    let extension = json!({ "crit": ["https://e.example/x"], "https://e.example/x": 1 });
    let token = signed(Jose, "ES256", &made, extension);
    refused(&token, Refused::Critical);
    say(Jose, "crit", "no extension is understood");

    // The right key is in the token: whoever wrote it put it there.
    let header = json!({ "jwk": made["public_jwk"] });
    let token = signed(Jose, "ES256", &made, header);
    let read = Jose.made(
        "verify_by_own_key",
        json!({ "alg": "ES256", "token": token }),
    );
    assert_eq!(read["payload"], TEXT);
    refused(&token, Refused::Signature);
    say(Jose, "jwk", "a token does not choose its key");
}

#[test]
fn a_second_text_of_the_same_token() {
    if !are_there() {
        return;
    }
    for library in [Jose, Joserfc, PyJwt] {
        let made = generate(library, "ES256", "");
        let mut token = signed(library, "ES256", &made, json!({}));
        // The last of 86 characters has four bits that say nothing; A, Q, g and w have none set.
        let last = token.pop().unwrap();
        token.push(char::from(u8::try_from(last).unwrap() + 1));
        let reading = json!({ "jwk": made["public_jwk"] });
        let reading = json!({ "key": reading, "alg": "ES256", "token": token });
        let verdict = if library.refuses("verify", reading) {
            "refused there too"
        } else {
            "accepted there"
        };
        let jwk = made["public_jwk"].to_string();
        let key = VerifyingKey::from_jwk(jwk.as_bytes()).unwrap();
        let refused = Refused::Base64(countersign_jose::Part::Signature);
        assert_eq!(jws::verify_with(&token, &key), Err(refused));
        say(
            library,
            "stray bits",
            &format!("one token, one text; {verdict}"),
        );
    }
}

#[test]
fn keys_that_we_refuse() {
    if !are_there() {
        return;
    }
    let short =
        json!({ "private_jwk": { "kty": "oct", "k": URL_SAFE_NO_PAD.encode_to_string("secret") } });
    for library in [Joserfc, PyJwt] {
        signed(library, "HS256", &short, json!({}));
        let key = SigningKey::hmac(Algorithm::HS256, b"secret", None);
        assert_eq!(key.err(), Some(KeyError::SecretTooShort { needed: 32 }));
        say(
            library,
            "a secret of 6 bytes",
            "it can be guessed from one token",
        );
    }
    for library in [Joserfc, PyJwt] {
        let small = library.made("generate", json!({ "alg": "RS256", "bits": 1024 }));
        signed(library, "RS256", &small, json!({}));
        let jwk = small["public_jwk"].to_string();
        let key = VerifyingKey::from_jwk_for(Algorithm::RS256, jwk.as_bytes());
        assert_eq!(key.err(), Some(KeyError::RsaSize { bits: 1024 }));
        say(library, "RSA with 1024 bits", "it can be factored");
    }
    let made = generate(Joserfc, "ECDH-ES", "X448");
    let private = &made["private_jwk"];
    let token = encrypted(Joserfc, "ECDH-ES", private, json!({}), TEXT);
    assert_eq!(decryption_key(private).err(), Some(KeyError::UnknownCurve));
    let ours = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    assert_eq!(jwe::decrypt_with(&token, &ours), Err(Refused::EphemeralKey));
    say(Joserfc, "X448", "a curve that is not offered");
}

fn es256() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap()
}

fn decryption_key(jwk: &Value) -> Result<DecryptionKey, KeyError> {
    DecryptionKey::from_jwk_for(KeyManagement::EcdhEs, jwk.to_string().as_bytes())
}

fn generate(library: Library, alg: &str, curve: &str) -> Value {
    let mut kind = json!({ "alg": alg });
    if alg.starts_with("ECDH") {
        kind["crv"] = curve.into();
    }
    library.made("generate", kind)
}

/// A token that its own maker opens.
fn encrypted(library: Library, alg: &str, jwk: &Value, header: Value, text: &str) -> String {
    let key = json!({ "jwk": jwk });
    let mut public = key.clone();
    if let Some(jwk) = public["jwk"]
        .as_object_mut()
        .filter(|jwk| jwk["kty"] != "oct")
    {
        jwk.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    }
    let mut task = json!({ "key": public, "alg": alg, "enc": ENC, "plaintext": text });
    task["header"] = header;
    let token = library.made("encrypt", task)["token"].clone();
    let reading = json!({ "key": key, "alg": alg, "enc": ENC, "token": token });
    assert_eq!(library.made("decrypt", reading)["plaintext"], text);
    token.as_str().unwrap().into()
}

/// A token that its own maker verifies.
fn signed(library: Library, alg: &str, key: &Value, header: Value) -> String {
    let whole = json!({ "jwk": key["private_jwk"] });
    let public = &key["public_jwk"];
    let public = if public.is_null() {
        whole.clone()
    } else {
        json!({ "jwk": public })
    };
    let mut task = json!({ "key": whole, "alg": alg, "payload": TEXT });
    let mut reading = json!({ "key": public, "alg": alg });
    if header["crit"] == json!(["https://e.example/x"]) {
        let understood = json!({ "https://e.example/x": true });
        task["crit"] = understood.clone();
        reading["crit"] = understood;
    }
    task["header"] = header;
    let token = library.made("sign", task)["token"].clone();
    reading["token"] = token.clone();
    assert_eq!(
        library.made("verify", reading)["payload"],
        TEXT,
        "{library}: {alg}"
    );
    token.as_str().unwrap().into()
}
