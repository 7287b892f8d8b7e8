//! `countersign token key …`

mod any;
mod convert;
mod generate;
mod thumbprint;

use clap::Subcommand;

use super::TokenError;
use crate::cli::print::Output;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Make a key: a private one, or a shared secret
    Generate(generate::Args),
    /// Print the thumbprint of a key (RFC 7638), which is its id where it has no other
    Thumbprint(thumbprint::Args),
    /// Write a key in another form, or the public half of it
    Convert(convert::Args),
}

impl Command {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        match self {
            Self::Generate(args) => args.run(output),
            Self::Thumbprint(args) => args.run(output),
            Self::Convert(args) => args.run(output),
        }
    }
}
