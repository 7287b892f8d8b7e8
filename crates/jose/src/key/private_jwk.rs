//! Writing private JSON Web Keys (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2; RFC 9964 §4).

use serde::Serialize;
use zeroize::Zeroizing;

use super::{PublicJwk, rsa};
use crate::{KeyError, base64url};

/// More bytes than an RSA key of 8192 bits takes.
const ROOM: usize = 8 * 1024;

/// A member of a private JWK, wiped when dropped.
pub(super) type Secret = Option<Zeroizing<String>>;

#[expect(clippy::unnecessary_wraps, reason = "absent members are None")]
pub(super) fn member(octets: &[u8]) -> Secret {
    Some(Zeroizing::new(base64url::encode(octets)))
}

/// The public members, if there are any, and the secret ones. It never leaves this file.
#[derive(Serialize)]
struct WholeJwk<'k> {
    #[serde(flatten)]
    public: Option<PublicJwk>,
    #[serde(flatten)]
    secret: SecretMembers<'k>,
}

/// The members that a public JWK does not have; of a shared secret, all members.
#[derive(Serialize, Default)]
pub(super) struct SecretMembers<'k> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kty: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alg: Option<&'static str>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<&'k str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) d: Secret,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) p: Secret,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) q: Secret,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) dp: Secret,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) dq: Secret,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) qi: Secret,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub(super) k: Secret,
    #[serde(
        rename = "priv",
        skip_serializing_if = "Option::is_none",
        serialize_with = "text"
    )]
    pub(super) private: Secret,
}

impl SecretMembers<'_> {
    /// The secret numbers of the RSA key in this PKCS#8 (RFC 7518 §6.3.2).
    pub(super) fn write_rsa(&mut self, pkcs8: &[u8]) -> Result<(), KeyError> {
        let numbers = rsa::private_numbers(pkcs8).map_err(|_| KeyError::Failed)?;
        self.d = member(numbers.d);
        self.p = member(numbers.p);
        self.q = member(numbers.q);
        self.dp = member(numbers.dp);
        self.dq = member(numbers.dq);
        self.qi = member(numbers.qi);
        Ok(())
    }

    /// The whole key as JSON, wiped when dropped.
    pub(super) fn beside(self, public: Option<PublicJwk>) -> Result<Zeroizing<String>, KeyError> {
        // Room for the largest key, so that no half-written copy is left behind in memory.
        let mut json = Zeroizing::new(Vec::with_capacity(ROOM));
        let whole = WholeJwk {
            public,
            secret: self,
        };
        serde_json::to_writer(&mut *json, &whole).map_err(|_| KeyError::Failed)?;
        let text = String::from_utf8(std::mem::take(&mut *json)).map_err(|_| KeyError::Failed)?;
        Ok(Zeroizing::new(text))
    }
}

fn text<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.as_deref().map_or("", String::as_str))
}
