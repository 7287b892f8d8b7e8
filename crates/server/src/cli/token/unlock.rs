//! The password of a key that is encrypted under one (RFC 7517 §7).

use std::path::PathBuf;

use super::TokenError;
use crate::config::Secret;

/// Where it comes from. Standard input may hold tokens, and arguments can be read by every user of
/// the machine: so from a file, or from the terminal itself.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Unlock {
    /// The password of a key that is encrypted under one (PBES2), in a file [default: asked for]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Unlock {
    /// The password, asked for once.
    pub(super) fn password(&self) -> Result<Secret, TokenError> {
        if let Some(path) = &self.password_file {
            return Secret::read(path).map_err(|error| TokenError::File {
                path: path.clone(),
                error,
            });
        }
        rpassword::prompt_password("Password of the key: ")
            .map(Secret::new)
            .map_err(TokenError::Password)
    }
}
