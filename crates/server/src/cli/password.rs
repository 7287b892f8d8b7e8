//! Passwords from a person or a file; never from arguments, which every user of the machine can read.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::operator::Failure;
use crate::config::Secret;

/// Where a password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct PasswordArgs {
    /// Read the password from a file instead of asking (or reading a line of standard input)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// Asks twice on a terminal; takes the first line of a standard input that is none.
    pub(super) fn read(&self) -> Result<Secret, Failure> {
        if let Some(path) = &self.password_file {
            return from_file(path);
        }
        let password = if io::stdin().is_terminal() {
            let ask = |prompt| rpassword::prompt_password(prompt).map_err(Failure::Password);
            let password = Zeroizing::new(ask("Password: ")?);
            if *password != *Zeroizing::new(ask("Once more: ")?) {
                return Err(Failure::Usage("the two passwords differ".to_owned()));
            }
            password
        } else {
            let mut line = Zeroizing::new(String::new());
            io::stdin()
                .lock()
                .read_line(&mut line)
                .map_err(Failure::Password)?;
            Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())
        };
        if password.is_empty() {
            return Err(Failure::Usage(
                "a password is needed, on standard input or by --password-file".to_owned(),
            ));
        }
        Ok(Secret::new(password.to_string()))
    }
}

fn from_file(path: &Path) -> Result<Secret, Failure> {
    Secret::read(path).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })
}
