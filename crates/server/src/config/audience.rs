//! A service that reads access tokens, as a configuration describes it.

use countersign_auth::model::encryption::{EncryptTo, Recipient};
use countersign_auth::model::named;
use countersign_auth::settings::Audience;
use countersign_jose::Algorithm;
use serde::{Deserialize, Serialize};

use crate::fetch::{InvalidUrl, Url};

/// One `[[audience]]`. What is said here holds for the tokens of every client whose `audience` it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceConfig {
    /// The exact `aud`.
    pub name: String,
    /// What its tokens are signed with; by default `signing.algorithm`.
    #[serde(
        default,
        with = "named::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub signing_algorithm: Option<Algorithm>,
    /// To whom they are encrypted: `jwk` or `jwks_uri`, `alg`, `enc`; by default to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_to: Option<EncryptTo>,
}

impl AudienceConfig {
    /// The same, for `countersign-auth`.
    #[must_use]
    pub fn to_audience(&self) -> Audience {
        Audience {
            name: self.name.clone(),
            signing_algorithm: self.signing_algorithm,
            encrypt_to: self.encrypt_to.clone(),
        }
    }
}

/// Whether the address of the key set, if one is named, can be fetched at all.
///
/// # Errors
/// What is wrong with it.
pub fn check_address(to: Option<&EncryptTo>) -> Result<(), InvalidUrl> {
    match to.map(|to| &to.recipient) {
        Some(Recipient::Address(address)) => address.parse::<Url>().map(|_| ()),
        Some(Recipient::Key(_)) | None => Ok(()),
    }
}
