//! `countersign token inspect`

mod show;
mod unchecked;
mod words;

use std::io::{self, IsTerminal};
use std::path::Path;

use super::key_file::KeyFile;
use super::{At, TokenError};
use crate::cli::print::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is checked: anybody can write a token that says anything. `token verify` checks.
White space, and \"Bearer\" in front, are left out.

Examples:
  countersign token inspect \"$TOKEN\"
  pbpaste | countersign token inspect
  countersign token inspect --json < token.txt | jq .claims"
)]
pub(in crate::cli) struct Args {
    /// The token [default: standard input, which other users of this machine cannot see]
    token: Option<String>,
    #[command(flatten)]
    at: At,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        let text = if let Some(token) = self.token {
            token
        } else {
            if io::stdin().is_terminal() {
                eprintln!("The token, and then Ctrl-D:");
            }
            let input = KeyFile::read(Path::new("-"))?;
            String::from_utf8_lossy(input.bytes()).into_owned()
        };
        let reading = unchecked::read(&text, self.at.now());
        output.show(&reading, show::text);
        Ok(())
    }
}
