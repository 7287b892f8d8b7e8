//! `countersign token …`: tokens and keys at hand, without a server, a configuration or a data folder.
//!
//! [`inspect`] alone reads what nobody has checked, by means of its own. Everything else trusts
//! `countersign-jose`: what it does not verify is not shown.

mod batch;
mod decrypt;
mod decryption_keys;
mod encrypt;
mod inspect;
mod key;
mod key_file;
mod key_source;
mod lines;
mod members;
mod names;
mod refusal;
mod sign;
mod unlock;
mod verdict;
mod verify;
mod write;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use countersign_jose::{EncryptError, KeyError, SignError, UnixTime};

use super::operator::Failure;
use super::print::Output;
use crate::fetch::FetchError;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  countersign token inspect \"$TOKEN\"
  countersign token verify --keys https://auth.example.com/.well-known/jwks.json \\
      --issuer https://auth.example.com --audience orders < tokens.txt
  countersign token key generate --alg ES256 --out key.jwk --public-out key.pub.jwk
  countersign token sign --key key.jwk --claims claims.json | countersign token inspect

None of them needs a server, a configuration or a data folder.

Exit codes: 0 done, 1 a token was refused, 2 not understood or nothing to begin with (no key, no file).")]
pub(super) enum Command {
    /// Say in plain words what is in a token; nothing is checked
    Inspect(inspect::Args),
    /// Check tokens, one a line: accepted with claims, or refused with the reason
    Verify(verify::Args),
    /// Sign claims
    Sign(sign::Args),
    /// Encrypt a signed token, or any bytes, to somebody
    Encrypt(encrypt::Args),
    /// Decrypt tokens, one a line, whoever wrote them
    Decrypt(decrypt::Args),
    /// Make keys, and show them in other forms
    #[command(subcommand)]
    Key(key::Command),
}

impl Command {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let done = match self {
            Self::Inspect(args) => args.run(output),
            Self::Verify(args) => return Ok(args.run(output)?),
            Self::Decrypt(args) => return Ok(args.run(output)?),
            Self::Sign(args) => args.run(output),
            Self::Encrypt(args) => args.run(output),
            Self::Key(command) => command.run(output),
        };
        Ok(done.map(|()| ExitCode::SUCCESS)?)
    }
}

/// Why a command could not begin, or not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{source_name}: {error}{hint}")]
    Key {
        source_name: String,
        error: KeyError,
        hint: &'static str,
    },
    #[error("{0}: {1}")]
    NoKey(String, &'static str),
    #[error("{url}: {error}")]
    Fetch { url: String, error: FetchError },
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("the password cannot be asked for ({0}): --password-file names a file that holds it")]
    Password(io::Error),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    #[error("the runtime does not start: {0}")]
    Runtime(io::Error),
}

impl TokenError {
    /// Stable, for programs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Key { .. } | Self::NoKey(..) => "key",
            Self::Fetch { .. } => "fetch",
            Self::Input(_) => "input",
            Self::Output(_) => "output",
            Self::Usage(_) => "usage",
            Self::Password(_) => "no_password",
            Self::Sign(_) => "sign",
            Self::Encrypt(_) => "encrypt",
            Self::Runtime(_) => "runtime",
        }
    }

    /// Whether it is not worth a word: the reader has gone (`| head`).
    pub(super) fn is_a_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The time that a command takes for the present.
#[derive(Debug, clap::Args)]
struct At {
    /// Take this for the present, in seconds since 1970-01-01 UTC [default: the machine's clock]
    #[arg(long, value_name = "UNIX", value_parser = clap::value_parser!(u64).range(..=UnixTime::MAX.as_secs()))]
    at: Option<u64>,
}

impl At {
    fn now(&self) -> UnixTime {
        match self.at {
            Some(seconds) => UnixTime::from_secs(seconds),
            None => countersign_auth::env::Env::system().now().unix(),
        }
    }
}
