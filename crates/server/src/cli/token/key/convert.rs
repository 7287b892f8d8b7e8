//! `countersign token key convert`

use std::io::IsTerminal;
use std::path::PathBuf;

use countersign_jose::KeyError;
use serde_json::json;
use zeroize::Zeroizing;

use super::any::{AnyKey, Keys, To};
use crate::cli::print::Output;
use crate::cli::token::TokenError;
use crate::cli::token::key_file::KeyFile;
use crate::cli::token::names::{self, Purpose};
use crate::cli::token::unlock::Unlock;
use crate::cli::token::write::{self, Readers};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A private key is printed only with --private, or written to a file with --out.

Examples:
  countersign token key convert key.jwk --to pem --public
  countersign token key convert key.pem --alg RS256 --to jwk --out key.jwk
  countersign token key convert private-set.json --to jwk --public > keys.json"
)]
pub(in crate::cli) struct Args {
    /// A key, or (to JWK) a set of keys: JWK, PEM or DER; `-` is standard input
    file: PathBuf,
    /// The form that is wanted
    #[arg(long, value_enum)]
    to: To,
    /// The public half alone
    #[arg(long, conflicts_with = "private")]
    public: bool,
    /// The private key, printed
    #[arg(long)]
    private: bool,
    /// The algorithm of a key that does not name it, such as RSA in PEM
    #[arg(long, value_name = "ALG", value_parser = names::purpose())]
    alg: Option<Purpose>,
    #[command(flatten)]
    unlock: Unlock,
    /// Another key id
    #[arg(long)]
    kid: Option<String>,
    /// Write it to a new file; of a private key, for its owner's eyes only
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        let file = KeyFile::read(&self.file)?;
        let keys = match self.to {
            To::Jwk => Keys::read(&file, self.alg, &self.unlock)?,
            To::Pem | To::Der => Keys::read_for_whatever(&file, self.alg, &self.unlock)?,
        };
        let unusable = |error| file.unusable(error);
        let (bytes, is_secret) = match keys {
            Keys::One(key) => {
                let key = self.wanted(key).map_err(unusable)?;
                (key.write(self.to), key.is_secret())
            }
            Keys::Set(keys) if self.to == To::Jwk => {
                let keys = keys.into_iter().map(|key| self.wanted(key));
                let keys: Vec<AnyKey> = keys.collect::<Result<_, _>>().map_err(unusable)?;
                (set(&keys), keys.iter().any(AnyKey::is_secret))
            }
            Keys::Set(_) => {
                let many = "a set of keys, which has no other form than JWK";
                return Err(TokenError::NoKey(file.name(), many));
            }
        };
        let bytes = bytes.map_err(unusable)?;
        if is_secret && self.out.is_none() && !self.private {
            return Err(TokenError::Usage(
                "this is a private key: --public for its public half, --out FILE or --private for all of it"
                    .to_owned(),
            ));
        }
        match &self.out {
            Some(path) => {
                let readers = Readers::of(is_secret);
                write::file(path, readers, &bytes)?;
                output.show(&json!({ "file": path }), |_| {
                    format!("wrote {}", path.display())
                });
                Ok(())
            }
            None if self.to == To::Der && std::io::stdout().is_terminal() => Err(
                TokenError::Usage("DER is no text: --out FILE, or to a pipe".to_owned()),
            ),
            None => write::stdout(&bytes),
        }
    }

    fn wanted(&self, key: AnyKey) -> Result<AnyKey, KeyError> {
        let key = match &self.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        };
        if self.public { key.public() } else { Ok(key) }
    }
}

fn set(keys: &[AnyKey]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    bytes.extend_from_slice(b"{\"keys\":[");
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(key.write(To::Jwk)?.trim_ascii_end());
    }
    bytes.extend_from_slice(b"]}\n");
    Ok(bytes)
}
