//! How the access tokens of a client are protected: what signs them. Said for an audience, for a client, or for
//! neither; what either says holds, and the two must not contradict each other.

use std::sync::Arc;

use countersign_jose::{Algorithm, SigningKey};

use crate::Auth;
use crate::model::client::Client;
use crate::settings::{Audience, Settings};

/// Why tokens cannot be protected in the way that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectionError {
    /// A shared secret for one audience.
    #[error(
        "{0} cannot be chosen for one audience or client: whoever can verify with its secret can sign, too. Choose an \
         algorithm with a key pair"
    )]
    Symmetric(&'static str),
    /// A key pair beside the shared secret.
    #[error(
        "{chosen} cannot be chosen beside signing.algorithm {issuers}: where tokens are signed with a shared secret, \
         that secret alone is trusted, and no key is published. Choose a signing.algorithm with a key pair"
    )]
    BesideSharedSecret {
        /// What was asked for.
        chosen: &'static str,
        /// What the issuer signs with.
        issuers: &'static str,
    },
    /// Two that do not agree.
    #[error(
        "the client asks for {client}, but for its audience {audience:?} tokens are signed with {audiences}: say it in \
         one place, or the same in both"
    )]
    Contradiction {
        /// What the client asks for.
        client: &'static str,
        /// The audience.
        audience: String,
        /// What it asks for.
        audiences: &'static str,
    },
    /// The issuer, described as any audience.
    #[error(
        "this is the issuer itself, whose account API reads tokens for it: they are signed with signing.algorithm, or \
         what their client asks for"
    )]
    IssuersOwn,
    /// An audience that is described twice.
    #[error("there are two of this name: keep one")]
    Twice,
    /// A name that is none.
    #[error("the name of an audience has 1 to 200 characters, without control characters")]
    Name,
}

/// What is asked for the tokens of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    algorithm: Option<Algorithm>,
}

/// How the tokens of a client are made, found out before anything begins that ends in a token.
pub(crate) struct Protection {
    /// Signs them; `None`: the issuer's own key, whichever that is by then.
    pub(crate) signer: Option<Arc<SigningKey>>,
}

/// Tokens cannot be made now in the way that was asked for, and are made in no other way.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unprotected {
    /// What was asked for cannot be, or not any more: an operator has to change it.
    #[error("tokens of the client {client} cannot be made as they should be: {cause}")]
    Refused {
        /// Whose.
        client: String,
        /// Why.
        #[source]
        cause: ProtectionError,
    },
    /// There is no key of this algorithm here yet.
    #[error(
        "tokens of the client {client} are signed with {algorithm}, of which there is no key here yet"
    )]
    NoSigningKey {
        /// Whose.
        client: String,
        /// What they are signed with.
        algorithm: &'static str,
    },
}

/// Whether tokens can be protected as these audiences ask for.
///
/// # Errors
/// The name of the first of which they cannot, and why.
pub fn check_audiences(settings: &Settings) -> Result<(), (String, ProtectionError)> {
    for (index, audience) in settings.audiences.iter().enumerate() {
        let before = &settings.audiences[..index];
        check_audience(settings, audience, before).map_err(|why| (audience.name.clone(), why))?;
    }
    Ok(())
}

fn check_audience(
    settings: &Settings,
    audience: &Audience,
    before: &[Audience],
) -> Result<(), ProtectionError> {
    if !crate::clients::is_text(&audience.name) {
        return Err(ProtectionError::Name);
    }
    if audience.name == settings.issuer {
        return Err(ProtectionError::IssuersOwn);
    }
    if before.iter().any(|other| other.name == audience.name) {
        return Err(ProtectionError::Twice);
    }
    check_algorithm(settings, audience.signing_algorithm)
}

/// Whether the tokens of this client can be protected as it and its audience ask for.
///
/// # Errors
/// Why not.
pub fn check_client(settings: &Settings, client: &Client) -> Result<(), ProtectionError> {
    wanted(settings, client).map(|_| ())
}

/// Whether one audience or client may ask for this.
///
/// # Errors
/// Why not.
pub fn check_algorithm(
    settings: &Settings,
    algorithm: Option<Algorithm>,
) -> Result<(), ProtectionError> {
    let issuers = settings.signing.algorithm;
    match algorithm {
        Some(chosen) if chosen.is_symmetric() => Err(ProtectionError::Symmetric(chosen.name())),
        Some(chosen) if issuers.is_symmetric() => Err(ProtectionError::BesideSharedSecret {
            chosen: chosen.name(),
            issuers: issuers.name(),
        }),
        _ => Ok(()),
    }
}

/// What is asked for: by the client, by its audience, or by both alike.
fn wanted(settings: &Settings, client: &Client) -> Result<Wanted, ProtectionError> {
    let audience = client.audience.as_deref().and_then(|name| {
        let mut described = settings.audiences.iter();
        described.find(|audience| audience.name == name)
    });
    let algorithm = match (client.signing_algorithm, audience) {
        (
            Some(mine),
            Some(Audience {
                name,
                signing_algorithm: Some(theirs),
            }),
        ) if mine != *theirs => {
            return Err(ProtectionError::Contradiction {
                client: mine.name(),
                audience: name.clone(),
                audiences: theirs.name(),
            });
        }
        (mine, audience) => mine.or(audience.and_then(|audience| audience.signing_algorithm)),
    };
    check_algorithm(settings, algorithm)?;
    Ok(Wanted { algorithm })
}

impl Auth {
    /// How tokens of this client are made, if they can be made now. Nothing may have begun before this is known.
    pub(crate) fn protection(&self, client: &Client) -> Result<Protection, Unprotected> {
        let Wanted { algorithm } =
            wanted(&self.settings, client).map_err(|cause| Unprotected::Refused {
                client: client.id.to_string(),
                cause,
            })?;
        let Some(algorithm) = algorithm else {
            return Ok(Protection { signer: None });
        };
        let signer = self.keys.ring().signer(algorithm).cloned();
        let signer = signer.ok_or_else(|| Unprotected::NoSigningKey {
            client: client.id.to_string(),
            algorithm: algorithm.name(),
        })?;
        Ok(Protection {
            signer: Some(signer),
        })
    }
}
