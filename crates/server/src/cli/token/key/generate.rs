//! `countersign token key generate`

use std::path::PathBuf;

use countersign_jose::{
    AgreementCurve, ContentEncryption, DecryptionKey, KeyError, KeyManagement, SigningKey,
};
use serde_json::json;

use super::any::{AnyKey, To};
use crate::cli::print::Output;
use crate::cli::token::TokenError;
use crate::cli::token::names::{self, Purpose};
use crate::cli::token::write::{self, Readers};

#[derive(Debug, clap::Args)]
#[command(after_help = "Without --out the private key is printed, as a JWK.

Examples:
  countersign token key generate --alg ES256 --out key.jwk --public-out key.pub.jwk
  countersign token key generate --alg PS256 --bits 3072 --kid 2026-11 --out key.jwk
  countersign token key generate --alg ECDH-ES --curve X25519 --out enc.jwk --public-out enc.pub.jwk
  countersign token key generate --alg HS256 --out secret.jwk")]
pub(in crate::cli) struct Args {
    /// The one algorithm that the key is for
    #[arg(long, value_name = "ALG", value_parser = names::purpose())]
    alg: Purpose,
    /// The curve of a key for ECDH-ES [default: P-256]
    #[arg(long, value_parser = names::curve())]
    curve: Option<AgreementCurve>,
    /// The content encryption that a secret for `dir` is made for
    #[arg(long, value_parser = names::content())]
    enc: Option<ContentEncryption>,
    /// Bits of an RSA key: 2048, 3072, 4096 or 8192 [default: 2048]
    #[arg(long, value_parser = bits)]
    bits: Option<usize>,
    /// The key id [default: the thumbprint; none for a shared secret]
    #[arg(long)]
    kid: Option<String>,
    /// Write it to a new file, for its owner's eyes only
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the public half to a new file
    #[arg(long, value_name = "FILE")]
    public_out: Option<PathBuf>,
    /// The form
    #[arg(long, value_enum, default_value_t = To::Jwk)]
    to: To,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        let unusable = |error| self.unusable(error);
        let key = self.make()?;
        let key = match &self.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        };
        let private = key.write(self.to).map_err(unusable)?;
        let public = match &self.public_out {
            Some(path) => {
                let public = key.public().and_then(|key| key.write(self.to));
                Some((path, public.map_err(unusable)?))
            }
            None => None,
        };
        match &self.out {
            Some(path) => write::file(path, Readers::Owner, &private)?,
            None => write::stdout(&private)?,
        }
        if let Some((path, public)) = &public {
            write::file(path, Readers::Everybody, public)?;
        }
        if let Some(path) = &self.out {
            let written = json!({
                "file": path,
                "public_file": self.public_out,
                "alg": key.algorithm(),
                "kid": key.kid(),
            });
            output.show(&written, |_| {
                let mut text = format!("wrote {}, a secret", path.display());
                if let Some(public) = &self.public_out {
                    text = format!("{text}, and {}, its public half", public.display());
                }
                match key.kid() {
                    Some(kid) => format!("{text}\n{} key {kid}", key.algorithm()),
                    None => text,
                }
            });
        }
        Ok(())
    }

    fn make(&self) -> Result<AnyKey, TokenError> {
        let made = match (self.alg, self.bits, self.curve, self.enc) {
            (Purpose::Signature(alg), None, None, None) => {
                SigningKey::generate(alg).map(AnyKey::Signing)
            }
            (Purpose::Signature(alg), Some(bits), None, None) => {
                SigningKey::generate_rsa(alg, bits).map(AnyKey::Signing)
            }
            (Purpose::Encryption(KeyManagement::Dir), None, None, Some(enc)) => {
                DecryptionKey::generate_direct(enc).map(AnyKey::Decryption)
            }
            (Purpose::Encryption(alg), None, None, None) => {
                DecryptionKey::generate(alg).map(AnyKey::Decryption)
            }
            (Purpose::Encryption(alg), Some(bits), None, None) => {
                DecryptionKey::generate_rsa(alg, bits).map(AnyKey::Decryption)
            }
            (Purpose::Encryption(alg), None, Some(curve), None) => {
                DecryptionKey::generate_on(alg, curve).map(AnyKey::Decryption)
            }
            _ => return Err(self.strange_choice()),
        };
        made.map_err(|error| match error {
            KeyError::WrongAlgorithm(_) | KeyError::WrongKeyManagement(_) => self.strange_choice(),
            KeyError::ContentEncryptionNeeded => TokenError::Usage(
                "a secret for dir is made for one content encryption: --enc says which".to_owned(),
            ),
            error => self.unusable(error),
        })
    }

    fn strange_choice(&self) -> TokenError {
        TokenError::Usage(format!(
            "a key for {} cannot be chosen like that: --bits is for RSA, --curve for ECDH-ES, --enc for dir",
            self.alg.name()
        ))
    }

    fn unusable(&self, error: KeyError) -> TokenError {
        TokenError::Key {
            source_name: self.alg.name().to_owned(),
            error,
            hint: "",
        }
    }
}

fn bits(text: &str) -> Result<usize, &'static str> {
    match text {
        "2048" => Ok(2048),
        "3072" => Ok(3072),
        "4096" => Ok(4096),
        "8192" => Ok(8192),
        _ => Err("2048, 3072, 4096 or 8192 is needed"),
    }
}
