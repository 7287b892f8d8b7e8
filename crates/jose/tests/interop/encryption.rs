//! Encrypted bytes.

use countersign_jose::{
    AgreementCurve, ContentEncryption, EncryptError, EncryptionKey, KeyManagement, jwe,
};
use serde_json::json;

use crate::keys::{Exported, Form, Maker, key_management};
use crate::library::{Library, are_there};
use crate::tally::{Tally, changed};

const PLAINTEXT: &str = "grüße, 暗号";

const COLUMNS: [&str; 5] = [
    "keys",
    "made here, read there",
    "changed: refused there",
    "made there, read here",
    "changed: refused here",
];
const KEYS: usize = 0;
const TO_THERE: usize = 1;
const REFUSED_THERE: usize = 2;
const TO_HERE: usize = 3;
const REFUSED_HERE: usize = 4;

#[test]
fn jose_and_we_read_what_the_other_encrypts() {
    compare(Library::Jose);
}

#[test]
fn joserfc_and_we_read_what_the_other_encrypts() {
    compare(Library::Joserfc);
}

fn compare(library: Library) {
    if !are_there() {
        return;
    }
    let mut tally = Tally::new(format!("encryption, {library}"), &COLUMNS);
    let mut expected = Vec::new();
    for (alg, curve) in key_management() {
        let case = Case {
            library,
            alg,
            row: row(alg, curve),
        };
        for maker in Maker::BOTH {
            let new = |enc| Exported::decryption(library, alg, curve, enc, maker);
            let mut key = new(ContentEncryption::A128GCM);
            for (at, enc) in ContentEncryption::ALL.into_iter().enumerate() {
                if alg == KeyManagement::Dir && at > 0 {
                    key = new(enc);
                }
                // Every encryption sees both forms: one from each maker.
                let is_pem = !alg.is_symmetric() && (at % 2 == 0) == (maker == Maker::There);
                let form = if is_pem { Form::Pem } else { Form::Jwk };
                case.both_ways(&mut tally, enc, &key, form);
            }
        }
        let writes = usize::from(alg != KeyManagement::RsaOaep);
        // Nothing is wrapped: there is no encrypted key to change.
        let is_direct = matches!(alg, KeyManagement::Dir | KeyManagement::EcdhEs);
        let parts = if is_direct { 4 } else { 5 };
        let counts = [2, 2 * writes, 2 * writes * parts, 2, 2 * parts];
        let cases = ContentEncryption::ALL.map(|enc| (case.row.clone(), enc.to_string(), counts));
        expected.extend(cases);
    }
    tally.finish(expected);
}

fn row(alg: KeyManagement, curve: Option<AgreementCurve>) -> String {
    match curve {
        Some(curve) => format!("{alg} {}", curve.name()),
        None => alg.to_string(),
    }
}

struct Case {
    library: Library,
    alg: KeyManagement,
    row: String,
}

impl Case {
    fn both_ways(&self, tally: &mut Tally, enc: ContentEncryption, key: &Exported, form: Form) {
        let (library, alg) = (self.library, self.alg);
        let mut count = |column| tally.count(&self.row, enc.name(), column);
        let (private, public) = key.read_to_decrypt(alg, enc, form);
        key.has_thumbprint(library, alg.name(), form, public.thumbprint());
        count(KEYS);

        if let Some(token) = encrypted_here(&public, enc) {
            let reading = |token: &str| {
                let own = key.private(form);
                json!({ "key": own, "alg": alg.name(), "enc": enc.name(), "token": token })
            };
            let read = library.made("decrypt", reading(&token));
            assert_eq!(read["plaintext"], PLAINTEXT);
            count(TO_THERE);
            for token in changed(&token) {
                assert!(library.refuses("decrypt", reading(&token)), "{token}");
                count(REFUSED_THERE);
            }
        }

        let mut task = json!({ "alg": alg.name(), "enc": enc.name(), "plaintext": PLAINTEXT });
        task["key"] = key.public(form);
        task["header"] = json!({});
        let token = &library.made("encrypt", task)["token"];
        let token = token.as_str().unwrap();
        let read = jwe::decrypt_with(token, &private).unwrap();
        assert_eq!(read.plaintext(), PLAINTEXT.as_bytes());
        assert_eq!((read.algorithm(), read.content_encryption()), (alg, enc));
        count(TO_HERE);
        for token in changed(token) {
            assert!(jwe::decrypt_with(&token, &private).is_err(), "{token}");
            count(REFUSED_HERE);
        }
    }
}

/// `None` for RSA-OAEP, which is for reading alone.
fn encrypted_here(key: &EncryptionKey, enc: ContentEncryption) -> Option<String> {
    let token = jwe::encrypt(key, enc, &jwe::Header::default(), PLAINTEXT.as_bytes());
    if key.algorithm() == KeyManagement::RsaOaep {
        assert_eq!(token, Err(EncryptError::ReadingOnly(key.algorithm())));
        return None;
    }
    Some(token.unwrap())
}
