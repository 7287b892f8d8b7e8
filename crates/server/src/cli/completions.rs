//! `countersign completions`

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::operator::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(countersign completions bash)
  countersign completions fish > ~/.config/fish/completions/countersign.fish")]
pub(super) struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "every command is called alike")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "countersign", &mut script);
    // A reader who has gone has seen enough.
    drop(io::stdout().write_all(&script));
    Ok(())
}
