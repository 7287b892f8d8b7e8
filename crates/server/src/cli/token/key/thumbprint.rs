//! `countersign token key thumbprint`

use std::path::PathBuf;

use serde::Serialize;

use super::any::{AnyKey, Keys};
use crate::cli::print::{Output, table};
use crate::cli::token::TokenError;
use crate::cli::token::key_file::KeyFile;
use crate::cli::token::names::{self, Purpose};
use crate::cli::token::unlock::Unlock;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign token key thumbprint key.jwk
  countersign token key thumbprint keys.json        one line a key of the set")]
pub(in crate::cli) struct Args {
    /// A key or a set of keys: JWK, PEM or DER; `-` is standard input
    file: PathBuf,
    /// The algorithm of a key that does not name it, if it is encrypted under a password
    #[arg(long, value_name = "ALG", value_parser = names::purpose())]
    alg: Option<Purpose>,
    #[command(flatten)]
    unlock: Unlock,
}

/// A key's thumbprint.
#[derive(Serialize)]
struct Print {
    thumbprint: String,
    alg: &'static str,
    kid: Option<String>,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        let file = KeyFile::read(&self.file)?;
        match Keys::read_for_whatever(&file, self.alg, &self.unlock)? {
            Keys::One(key) => output.show(&of(&key, &file)?, |print| print.thumbprint.clone()),
            Keys::Set(keys) => {
                let prints = keys.iter().map(|key| of(key, &file));
                let prints: Vec<Print> = prints.collect::<Result<_, _>>()?;
                output.show(&prints, |prints| table_of(prints));
            }
        }
        Ok(())
    }
}

fn of(key: &AnyKey, file: &KeyFile) -> Result<Print, TokenError> {
    let none = "a shared secret has no thumbprint: it would let guesses be checked (RFC 7638 §7)";
    let thumbprint = key.thumbprint();
    Ok(Print {
        thumbprint: thumbprint.ok_or_else(|| TokenError::NoKey(file.name(), none))?,
        alg: key.algorithm(),
        kid: key.kid().map(str::to_owned),
    })
}

fn table_of(prints: &[Print]) -> String {
    let rows: Vec<[String; 3]> = prints
        .iter()
        .map(|print| {
            let kid = print.kid.clone().unwrap_or_else(|| "-".to_owned());
            [print.thumbprint.clone(), print.alg.to_owned(), kid]
        })
        .collect();
    table(["THUMBPRINT", "ALGORITHM", "KID"], &rows)
}
