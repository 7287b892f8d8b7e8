//! `countersign token key generate`

use std::path::PathBuf;

use countersign_jose::{Algorithm, KeyError, SigningKey};
use serde_json::json;

use super::any::{AnyKey, To};
use crate::cli::print::Output;
use crate::cli::token::write::{self, Readers};
use crate::cli::token::{TokenError, names};

#[derive(Debug, clap::Args)]
#[command(after_help = "Without --out the private key is printed, as a JWK.

Examples:
  countersign token key generate --alg ES256 --out key.jwk --public-out key.pub.jwk
  countersign token key generate --alg PS256 --bits 3072 --kid 2026-11 --out key.jwk
  countersign token key generate --alg HS256 > secret.jwk")]
pub(in crate::cli) struct Args {
    /// The one algorithm that the key is for
    #[arg(long, value_name = "ALG", value_parser = names::signature())]
    alg: Algorithm,
    /// Bits of an RSA key [default: 2048]
    #[arg(long, value_parser = ["2048", "3072", "4096", "8192"])]
    bits: Option<String>,
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
        let unusable = |error| TokenError::Key {
            source_name: self.alg.name().to_owned(),
            error,
            hint: "",
        };
        let key = self.make().map_err(unusable)?;
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

    fn make(&self) -> Result<AnyKey, KeyError> {
        let bits = self.bits.as_deref().map(str::parse::<usize>);
        let key = match bits {
            None => SigningKey::generate(self.alg),
            Some(Ok(bits)) => SigningKey::generate_rsa(self.alg, bits),
            // The arguments allow numbers alone.
            Some(Err(_)) => Err(KeyError::Failed),
        };
        key.map(AnyKey::Signing)
    }
}
