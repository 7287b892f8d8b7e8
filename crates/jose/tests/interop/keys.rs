//! Keys that one side makes, and both read in the same form.

use countersign_jose::{
    AgreementCurve, Algorithm, ContentEncryption, DecryptionKey, EncryptionKey, KeyError,
    KeyManagement, SigningKey, VerifyingKey,
};
use serde_json::{Value, json};

use crate::library::Library;

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Maker {
    Here,
    There,
}

impl Maker {
    pub const BOTH: [Self; 2] = [Self::Here, Self::There];
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Form {
    Jwk,
    Pem,
}

impl Form {
    /// The forms that keys of an algorithm have: a shared secret has no PEM.
    pub fn of(is_symmetric: bool) -> &'static [Self] {
        if is_symmetric {
            &[Self::Jwk]
        } else {
            &[Self::Jwk, Self::Pem]
        }
    }
}

/// A key in the forms in which its maker exports it: `private_jwk`, and if it is not a shared
/// secret `public_jwk`, `private_pem` (PKCS#8) and `public_pem` (`SubjectPublicKeyInfo`).
pub struct Exported(pub Value);

impl Exported {
    pub fn signing(library: Library, alg: Algorithm, maker: Maker) -> Self {
        if maker == Maker::There {
            return Self(library.made("generate", json!({ "alg": alg.name() })));
        }
        let key = SigningKey::generate(alg).unwrap();
        let mut forms = json!({ "private_jwk": parsed(&key.to_jwk().unwrap()) });
        if let Some(public) = key.public_jwk() {
            forms["public_jwk"] = serde_json::to_value(public).unwrap();
            forms["private_pem"] = key.to_pem().unwrap().as_str().into();
            forms["public_pem"] = key.verifying_key().to_pem().unwrap().into();
        }
        Self(forms)
    }

    /// `enc` is for `dir` alone, and the curve for ECDH-ES.
    pub fn decryption(
        library: Library,
        alg: KeyManagement,
        curve: Option<AgreementCurve>,
        enc: ContentEncryption,
        maker: Maker,
    ) -> Self {
        if maker == Maker::There {
            let mut kind = json!({ "alg": alg.name() });
            if let Some(curve) = curve {
                kind["crv"] = curve.name().into();
            }
            if alg == KeyManagement::Dir {
                kind["enc"] = enc.name().into();
            }
            return Self(library.made("generate", kind));
        }
        let key = match curve {
            Some(curve) => DecryptionKey::generate_on(alg, curve),
            None if alg == KeyManagement::Dir => DecryptionKey::generate_direct(enc),
            None => DecryptionKey::generate(alg),
        };
        let key = key.unwrap();
        let public = key.encryption_key();
        let mut forms = json!({ "private_jwk": parsed(&key.to_jwk().unwrap()) });
        if let Some(jwk) = public.public_jwk() {
            forms["public_jwk"] = serde_json::to_value(jwk).unwrap();
            forms["private_pem"] = key.to_pem().unwrap().as_str().into();
            forms["public_pem"] = public.to_pem().unwrap().into();
        }
        Self(forms)
    }

    /// The whole key for the other side.
    pub fn private(&self, form: Form) -> Value {
        match form {
            Form::Jwk => json!({ "jwk": self.0["private_jwk"] }),
            Form::Pem => self.pem("private_pem"),
        }
    }

    /// The public half for the other side; of a shared secret all there is.
    pub fn public(&self, form: Form) -> Value {
        match form {
            Form::Jwk if self.is_secret() => self.private(form),
            Form::Jwk => json!({ "jwk": self.0["public_jwk"] }),
            Form::Pem => self.pem("public_pem"),
        }
    }

    fn pem(&self, which: &str) -> Value {
        json!({ "pem": self.0[which], "kty": self.0["private_jwk"]["kty"] })
    }

    fn is_secret(&self) -> bool {
        self.0["public_jwk"].is_null()
    }

    /// The JWK as text. Other implementations do not say in it what it is for, as we do; for
    /// secrets it must be said.
    fn secret(&self, alg: &str) -> String {
        let mut jwk = self.0["private_jwk"].clone();
        jwk["alg"] = alg.into();
        jwk.to_string()
    }

    fn text(&self, which: &str) -> String {
        match &self.0[which] {
            Value::String(pem) => pem.clone(),
            jwk => jwk.to_string(),
        }
    }

    /// Both halves for this side.
    pub fn read_to_sign(&self, alg: Algorithm, form: Form) -> (SigningKey, VerifyingKey) {
        let (private, public) = if self.is_secret() {
            let jwk = self.secret(alg.name());
            let public = VerifyingKey::from_secret_jwk(jwk.as_bytes());
            (SigningKey::from_jwk(jwk.as_bytes()), public)
        } else if form == Form::Jwk {
            let (private, public) = (self.text("private_jwk"), self.text("public_jwk"));
            let public = VerifyingKey::from_jwk_for(alg, public.as_bytes());
            (SigningKey::from_jwk_for(alg, private.as_bytes()), public)
        } else {
            let (private, public) = (self.text("private_pem"), self.text("public_pem"));
            let public = VerifyingKey::from_pem(alg, &public);
            (SigningKey::from_pem(alg, &private), public)
        };
        (private.unwrap(), public.unwrap())
    }

    /// The same for encryption. What encrypts with RSA-OAEP is not read, as that is for reading
    /// alone; it is taken from the whole key.
    pub fn read_to_decrypt(
        &self,
        alg: KeyManagement,
        enc: ContentEncryption,
        form: Form,
    ) -> (DecryptionKey, EncryptionKey) {
        let (private, public) = if self.is_secret() {
            let is_direct = alg == KeyManagement::Dir;
            let jwk = self.secret(if is_direct { enc.name() } else { alg.name() });
            let public = EncryptionKey::from_secret_jwk(jwk.as_bytes());
            (DecryptionKey::from_jwk(jwk.as_bytes()), public)
        } else if form == Form::Jwk {
            let (private, public) = (self.text("private_jwk"), self.text("public_jwk"));
            let public = EncryptionKey::from_jwk_for(alg, public.as_bytes());
            (DecryptionKey::from_jwk_for(alg, private.as_bytes()), public)
        } else {
            let (private, public) = (self.text("private_pem"), self.text("public_pem"));
            let public = EncryptionKey::from_pem(alg, &public);
            (DecryptionKey::from_pem(alg, &private), public)
        };
        let private = private.unwrap();
        if alg == KeyManagement::RsaOaep {
            assert_eq!(public.err(), Some(KeyError::ReadingOnly(alg)));
            let public = private.encryption_key();
            return (private, public);
        }
        (private, public.unwrap())
    }

    /// The other side calls both halves what this side calls them (RFC 7638, RFC 9964 §6).
    pub fn has_thumbprint(&self, library: Library, alg: &str, form: Form, ours: Option<String>) {
        let Some(ours) = ours else {
            assert!(self.is_secret());
            return;
        };
        for key in [self.private(form), self.public(form)] {
            let theirs = library.made("thumbprint", json!({ "key": key, "alg": alg }));
            assert_eq!(theirs["thumbprint"], ours, "{library}: {alg}");
        }
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// The algorithms of key management, and for ECDH-ES the curves.
pub fn key_management() -> Vec<(KeyManagement, Option<AgreementCurve>)> {
    let mut all = Vec::new();
    for alg in KeyManagement::ALL {
        match alg {
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA128KW | KeyManagement::EcdhEsA256KW => {
                all.extend(AgreementCurve::ALL.map(|curve| (alg, Some(curve))));
            }
            _ => all.push((alg, None)),
        }
    }
    all
}
