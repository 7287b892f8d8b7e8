//! How the access tokens of a client are protected: what signs them, and to whom they are encrypted. Said for an
//! audience, for a client, or for neither; what either says holds, and the two must not contradict each other.

use std::sync::Arc;

use countersign_jose::{Algorithm, ContentEncryption, EncryptionKey, SigningKey};

use crate::Auth;
use crate::model::client::{Client, Style};
use crate::model::encryption::EncryptTo;
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
    /// Two algorithms that do not agree.
    #[error(
        "the client asks for {client}, but for its audience {audience:?} tokens are signed with {audiences}: say it in \
         one place, or the same in both"
    )]
    OtherAlgorithm {
        /// What the client asks for.
        client: &'static str,
        /// The audience.
        audience: String,
        /// What it asks for.
        audiences: &'static str,
    },
    /// Two readers that do not agree.
    #[error(
        "the client asks for tokens encrypted to {client}, but for its audience {audience:?} they are encrypted to \
         {audiences}: say it in one place, or the same in both"
    )]
    OtherReader {
        /// To whom the client asks for.
        client: Box<EncryptTo>,
        /// The audience.
        audience: String,
        /// To whom it asks for.
        audiences: Box<EncryptTo>,
    },
    /// Encrypted, and for this server itself.
    #[error(
        "its tokens are for the issuer, whose account API reads them as they are: encryption is for an audience of its \
         own"
    )]
    EncryptedToIssuer,
    /// Encrypted, and exchanged here for the next.
    #[error(
        "in the style sliding this server reads the token that it exchanges, so it cannot be encrypted to its audience: \
         choose another style, or leave encrypt_to out"
    )]
    EncryptedSliding,
    /// Made for the service behind a proxy, and for the issuer.
    #[error(
        "in the style gateway the audience is the service behind the proxy, which is not to act on accounts with what it \
         gets: it cannot be the issuer"
    )]
    GatewayToIssuer,
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

/// What is asked for tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted<'a> {
    algorithm: Option<Algorithm>,
    encrypt_to: Option<&'a EncryptTo>,
}

impl<'a> Wanted<'a> {
    fn by(client: &'a Client) -> Self {
        Self {
            algorithm: client.signing_algorithm,
            encrypt_to: client.encrypt_to.as_ref(),
        }
    }
}

/// How the tokens of a client are made, found out before anything begins that ends in a token.
pub(crate) struct Protection {
    /// Signs them; `None`: the issuer's own key, whichever that is by then.
    pub(crate) signer: Option<Arc<SigningKey>>,
    /// Encrypts them, if that is asked for.
    pub(crate) encryption: Option<(EncryptionKey, ContentEncryption)>,
}

/// Tokens cannot be made now in the way that was asked for, and are made in no other way.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unprotected {
    /// What was asked for cannot be, or not any more: an operator has to change it.
    #[error("tokens {whose} cannot be made as they should be: {cause}")]
    Refused {
        /// Of which client, or for which audience.
        whose: String,
        /// Why.
        #[source]
        cause: ProtectionError,
    },
    /// There is no key of this algorithm here yet.
    #[error("tokens {whose} are signed with {algorithm}, of which there is no key here yet")]
    NoSigningKey {
        /// Of which client, or for which audience.
        whose: String,
        /// What they are signed with.
        algorithm: &'static str,
    },
    /// The reader's key is not known yet.
    #[error("tokens {whose} are encrypted to a key from {address}, which is not known yet")]
    NoEncryptionKey {
        /// Of which client, or for which audience.
        whose: String,
        /// Where it should be found.
        address: String,
    },
}

/// The audiences for which tokens cannot be protected as they ask for: the name, and why not.
#[must_use]
pub fn check_audiences(settings: &Settings) -> Vec<(&str, ProtectionError)> {
    let audiences = settings.audiences.iter().enumerate();
    audiences
        .filter_map(|(index, audience)| {
            let before = &settings.audiences[..index];
            let why = check_audience(settings, audience, before).err()?;
            Some((audience.name.as_str(), why))
        })
        .collect()
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
    client.audiences(&settings.issuer).try_for_each(|audience| {
        let wanted = wanted(settings, Wanted::by(client), audience)?;
        fits_style(settings, client, audience, &wanted)
    })
}

/// What is exchanged is read; and what is for the service behind a proxy is not for accounts.
fn fits_style(
    settings: &Settings,
    client: &Client,
    audience: &str,
    wanted: &Wanted<'_>,
) -> Result<(), ProtectionError> {
    if client.style == Style::Sliding && wanted.encrypt_to.is_some() {
        return Err(ProtectionError::EncryptedSliding);
    }
    if client.style == Style::Gateway && audience == settings.issuer {
        return Err(ProtectionError::GatewayToIssuer);
    }
    Ok(())
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

/// What is asked for: by the client, by this audience of its tokens, or by both alike.
fn wanted<'a>(
    settings: &'a Settings,
    client: Wanted<'a>,
    audience: &str,
) -> Result<Wanted<'a>, ProtectionError> {
    let mut described = settings.audiences.iter();
    let described = described.find(|described| described.name == audience);
    let wanted = match described {
        None => client,
        Some(audience) => agreed(client, audience)?,
    };
    check_algorithm(settings, wanted.algorithm)?;
    if wanted.encrypt_to.is_some() && audience == settings.issuer {
        return Err(ProtectionError::EncryptedToIssuer);
    }
    Ok(wanted)
}

fn agreed<'a>(client: Wanted<'a>, audience: &'a Audience) -> Result<Wanted<'a>, ProtectionError> {
    let algorithm = match (client.algorithm, audience.signing_algorithm) {
        (Some(mine), Some(theirs)) if mine != theirs => {
            return Err(ProtectionError::OtherAlgorithm {
                client: mine.name(),
                audience: audience.name.clone(),
                audiences: theirs.name(),
            });
        }
        (mine, theirs) => mine.or(theirs),
    };
    let encrypt_to = match (client.encrypt_to, audience.encrypt_to.as_ref()) {
        (Some(mine), Some(theirs)) if mine != theirs => {
            return Err(ProtectionError::OtherReader {
                client: Box::new(mine.clone()),
                audience: audience.name.clone(),
                audiences: Box::new(theirs.clone()),
            });
        }
        (mine, theirs) => mine.or(theirs),
    };
    Ok(Wanted {
        algorithm,
        encrypt_to,
    })
}

impl Auth {
    /// How tokens of this client are made, if they can be made now. Nothing may have begun before this is known.
    pub(crate) fn protection(&self, client: &Client) -> Result<Protection, Unprotected> {
        let issuer = self.settings.issuer.as_str();
        if client.style == Style::Stateless && self.keys.ring().stateless.is_none() {
            return Err(Unprotected::NoSigningKey {
                whose: format!("for renewals of the client {}", client.id),
                algorithm: Algorithm::HS256.name(),
            });
        }
        let audience = client.audience.as_deref().unwrap_or(issuer);
        if let Ok(wanted) = wanted(&self.settings, Wanted::by(client), audience) {
            fits_style(&self.settings, client, audience, &wanted).map_err(|cause| {
                Unprotected::Refused {
                    whose: format!("of the client {}", client.id),
                    cause,
                }
            })?;
        }
        self.protection_for(client, audience)
    }

    /// The same for one of the audiences that the client may ask for.
    pub(crate) fn protection_for(
        &self,
        client: &Client,
        audience: &str,
    ) -> Result<Protection, Unprotected> {
        let whose = || format!("of the client {}", client.id);
        self.protect(Wanted::by(client), audience, whose)
    }

    /// The same for tokens that no client asks for: as their audience alone asks.
    pub(crate) fn protection_for_audience(
        &self,
        audience: &str,
    ) -> Result<Protection, Unprotected> {
        let whose = || format!("for {audience:?}");
        self.protect(Wanted::default(), audience, whose)
    }

    fn protect(
        &self,
        client: Wanted<'_>,
        audience: &str,
        whose: impl Fn() -> String,
    ) -> Result<Protection, Unprotected> {
        let wanted = wanted(&self.settings, client, audience);
        let Wanted {
            algorithm,
            encrypt_to,
        } = wanted.map_err(|cause| Unprotected::Refused {
            whose: whose(),
            cause,
        })?;
        let signer = match algorithm {
            None => None,
            Some(algorithm) => {
                let signer = self.keys.ring().signer(algorithm).cloned();
                Some(signer.ok_or_else(|| Unprotected::NoSigningKey {
                    whose: whose(),
                    algorithm: algorithm.name(),
                })?)
            }
        };
        let encryption = match encrypt_to {
            None => None,
            Some(to) => {
                let key = self.recipients.key_of(to);
                let key = key.map_err(|address| Unprotected::NoEncryptionKey {
                    whose: whose(),
                    address: address.to_owned(),
                })?;
                Some((key, to.enc))
            }
        };
        Ok(Protection { signer, encryption })
    }
}
