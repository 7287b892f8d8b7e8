//! Tokens that are signed, then encrypted (RFC 7519 §5.2).

use countersign_jose::{
    Algorithm, ContentEncryption, DecryptionKeySet, KeyManagement, KeySet, UnixTime, Verifier,
    encrypt, sign,
};
use serde_json::{Value, json};

use crate::keys::{Exported, Form, Maker, key_management};
use crate::library::{Library, are_there};
use crate::tally::{Tally, changed};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "orders";
const TYP: &str = "at+jwt";
const NOW: u64 = 1_700_000_000;

const COLUMNS: [&str; 4] = [
    "made here, read there",
    "changed: refused there",
    "made there, read here",
    "changed: refused here",
];
const TO_THERE: usize = 0;
const REFUSED_THERE: usize = 1;
const TO_HERE: usize = 2;
const REFUSED_HERE: usize = 3;

#[test]
fn jose_and_we_read_the_nested_tokens_of_each_other() {
    compare(Library::Jose);
}

#[test]
fn joserfc_and_we_read_the_nested_tokens_of_each_other() {
    compare(Library::Joserfc);
}

/// Every signature algorithm, every algorithm of key management and curve, and every content
/// encryption occurs; which of them meet does not matter, as the one knows nothing of the other.
fn compare(library: Library) {
    if !are_there() {
        return;
    }
    let mut tally = Tally::new(format!("signed, then encrypted, {library}"), &COLUMNS);
    let mut expected = Vec::new();
    let signatures: Vec<_> = Algorithm::ALL
        .into_iter()
        .filter(|alg| library.has(alg.name()))
        .collect();
    let writes = |alg| alg != KeyManagement::RsaOaep;
    let encryptions: Vec<_> = key_management()
        .into_iter()
        .filter(|(alg, _)| writes(*alg))
        .collect();
    for at in 0..signatures.len().max(encryptions.len()) {
        let alg = signatures[at % signatures.len()];
        let (to_alg, curve) = encryptions[at % encryptions.len()];
        let enc = ContentEncryption::ALL[at % ContentEncryption::ALL.len()];
        let case = Case {
            library,
            alg,
            to_alg,
            enc,
        };
        let key = |maker| Exported::signing(library, alg, maker);
        let to = |maker| Exported::decryption(library, to_alg, curve, enc, maker);
        let row = alg.name();
        let name = curve.map_or("", |curve| curve.name());
        let name = format!("{to_alg} {name} {enc}");
        // Who writes has the key that signs, who reads the key that decrypts.
        case.to_there(&key(Maker::Here), &to(Maker::There), |column| {
            tally.count(row, &name, column);
        });
        case.to_here(&key(Maker::There), &to(Maker::Here), |column| {
            tally.count(row, &name, column);
        });
        let is_direct = matches!(to_alg, KeyManagement::Dir | KeyManagement::EcdhEs);
        let parts = if is_direct { 4 } else { 5 };
        expected.push((row.to_owned(), name, [1, parts, 1, parts]));
    }
    tally.finish(expected);
}

struct Case {
    library: Library,
    alg: Algorithm,
    to_alg: KeyManagement,
    enc: ContentEncryption,
}

impl Case {
    fn to_there(&self, key: &Exported, to: &Exported, mut count: impl FnMut(usize)) {
        let (signing, _) = key.read_to_sign(self.alg, Form::Jwk);
        let (_, public) = to.read_to_decrypt(self.to_alg, self.enc, Form::Jwk);
        let signed = sign(&signing, TYP, &claims()).unwrap();
        let token = encrypt(&public, self.enc, &signed).unwrap();
        let reading = |token: &str| {
            json!({
                "token": token, "own": to.private(Form::Jwk), "own_alg": self.to_alg.name(),
                "enc": self.enc.name(), "key": key.public(Form::Jwk), "alg": self.alg.name(),
                "typ": TYP, "issuer": ISSUER, "audience": AUDIENCE, "now": NOW,
            })
        };
        let read = self.library.made("unseal", reading(&token));
        assert_eq!(read["claims"], claims());
        count(TO_THERE);
        for token in changed(&token) {
            assert!(self.library.refuses("unseal", reading(&token)), "{token}");
            count(REFUSED_THERE);
        }
    }

    fn to_here(&self, key: &Exported, to: &Exported, mut count: impl FnMut(usize)) {
        let (_, verifying) = key.read_to_sign(self.alg, Form::Jwk);
        let (private, _) = to.read_to_decrypt(self.to_alg, self.enc, Form::Jwk);
        let making = json!({
            "key": key.private(Form::Jwk), "alg": self.alg.name(), "typ": TYP,
            "to": to.public(Form::Jwk), "to_alg": self.to_alg.name(), "enc": self.enc.name(),
            "claims": claims(),
        });
        let token = &self.library.made("seal", making)["token"];
        let token = token.as_str().unwrap();
        let keys = KeySet::new(vec![verifying]).unwrap();
        let own = DecryptionKeySet::new(vec![private]).unwrap();
        let verifier = Verifier::new(ISSUER, AUDIENCE, TYP, keys).encrypted_to(own);
        let verify = |token: &str| verifier.verify::<Value>(token, UnixTime::from_secs(NOW));
        assert_eq!(*verify(token).unwrap(), claims());
        count(TO_HERE);
        for token in changed(token) {
            assert!(verify(&token).is_err(), "{token}");
            count(REFUSED_HERE);
        }
    }
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 300 })
}
