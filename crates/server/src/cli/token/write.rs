//! Where keys are written: nobody else may read a private one, and none is written over.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::TokenError;
use crate::cli::print::Output;

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner.
    Owner,
    /// Whom the machine's settings (umask) let.
    Everybody,
}

impl Readers {
    pub(super) fn of(is_secret: bool) -> Self {
        if is_secret {
            Self::Owner
        } else {
            Self::Everybody
        }
    }
}

/// A new file. One that is there is left alone.
pub(super) fn file(path: &Path, readers: Readers, bytes: &[u8]) -> Result<(), TokenError> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o666,
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
    written.map_err(|error| TokenError::File {
        path: path.to_owned(),
        error,
    })
}

/// To standard output.
pub(super) fn stdout(bytes: &[u8]) -> Result<(), TokenError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(TokenError::Output)
}

/// A result of one line: for people as it is, for programs under its name.
pub(super) fn result(output: Output, name: &str, value: &str) -> Result<(), TokenError> {
    let line = match output {
        Output::Text => format!("{value}\n"),
        Output::Json => format!("{}\n", json!({ name: value })),
    };
    stdout(line.as_bytes())
}
