//! The command line: what can be said, and what comes of it.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 not understood.

#![expect(
    clippy::doc_markdown,
    reason = "comments on arguments are what --help prints, backticks and all"
)]

mod audit;
mod backup;
mod check;
mod client;
mod completions;
mod demo;
mod doctor;
mod harmless;
mod init;
mod keys;
mod migrate;
mod moving;
mod operator;
mod password;
mod print;
mod restore;
mod revoke;
mod sessions;
mod token;
mod user;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Listen, Sources};
use crate::serve;
use operator::Failure;
use print::Output;

/// Registers people, signs them in, and issues JSON Web Tokens that any service can check on its own.
///
/// Without a command it serves, and without any configuration it listens on port 8080 of localhost, and
/// keeps everything in ./countersign-data.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    after_help = "Examples:
  countersign                                  start a server to try things with
  countersign init --issuer https://auth.example.com
  countersign check                            validate and print the configuration
  countersign doctor                           look at the running server as others see it
  countersign user add ada@example.com         asks for a password
  countersign sessions end-all ada@example.com
  countersign audit --user ada@example.com --since 24h --json
  countersign backup /backups/countersign.db
  countersign token inspect \"$TOKEN\"           what is in it

The commands for users, clients, sessions, revocations, keys and the audit trail speak to the running server through
the socket in its data folder; where none runs, they open the store themselves.

Exit codes: 0 done, 1 refused or failed, 2 not understood."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// After what a command has of its own.
const LAST: usize = 1000;

/// What every command understands.
#[derive(Debug, Args)]
struct Global {
    /// The configuration [default: $COUNTERSIGN_CONFIG, or ./countersign.toml if it exists]
    #[arg(long, global = true, display_order = LAST, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder [default: the setting `data`, or ./countersign-data]
    #[arg(long, global = true, display_order = LAST, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Answer in JSON, failures included
    #[arg(long, global = true, display_order = LAST)]
    json: bool,
}

const REVOKE_EXAMPLES: &str = "Examples:
  countersign revoke user ada@example.com
  countersign revoke client shop
  countersign revoke token \"$JTI\"
  countersign revoke all

Services that follow the feed refuse it within a second (docs/feed.md); those that do not, when it expires.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (also without a command)
    Serve(ServeArgs),
    /// Write a short, commented configuration for production
    Init(init::Args),
    /// Validate the configuration and print it as it is in effect, secrets hidden
    Check,
    /// Look at a running server from outside: what is wrong, what follows, which line to change
    Doctor(doctor::Args),
    /// Give the demo user of the first start a new password
    Demo,
    /// Add, list, show, change, disable, export and delete users
    #[command(subcommand)]
    User(user::Command),
    /// Register, list, show and disable clients (applications)
    #[command(subcommand)]
    Client(client::Command),
    /// List and end sessions
    #[command(subcommand)]
    Sessions(sessions::Command),
    /// Refuse what was issued: a session, a user, an application, a token, or everything
    #[command(subcommand, after_help = REVOKE_EXAMPLES)]
    Revoke(revoke::Command),
    /// List, rotate and remove keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Show what happened to whom, from where
    Audit(audit::Args),
    /// Copy the embedded store into a file, from a running server or without one
    Backup(backup::Args),
    /// Put a backup in the place of a lost store; everybody signs in again
    Restore(restore::Args),
    /// Bring the store's schema up to date, or say what that would do
    Migrate(migrate::Args),
    /// Move the embedded store to PostgreSQL, while it is in use; nobody signs in again
    Move(moving::Args),
    /// Inspect, verify and sign tokens, and make keys, without a server
    #[command(subcommand)]
    Token(token::Command),
    /// Say which version this is, and which one runs
    Version,
    /// Print the completions of a shell, to be sourced
    Completions(completions::Args),
}

#[derive(Debug, Default, Args)]
#[command(
    after_help = "Stop it with Ctrl-C or SIGTERM: what is under way is finished first.
SIGHUP reads the TLS certificate again."
)]
struct ServeArgs {
    /// Where to listen, such as localhost:9000 [default: the setting `listen`, or localhost:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Listen>,
}

/// Does what the arguments of this process say.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe (`countersign help | head`) is not worth a word.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = if cli.global.json {
        Output::Json
    } else {
        Output::Text
    };
    match run(cli, output) {
        Ok(code) => code,
        Err(failure) => {
            if failure.is_to_be_said() {
                output.failure(&failure);
            }
            failure.exit_code()
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<ExitCode, Failure> {
    let mut sources = Sources {
        file: cli.global.config,
        data: cli.global.data,
        ..Sources::from_environment()
    };
    let command = cli.command.unwrap_or(Command::Serve(ServeArgs::default()));
    let done = match command {
        Command::Token(command) => return command.run(output),
        Command::Serve(args) => {
            sources.listen = args.listen;
            let config = Config::load(&sources)?;
            Ok(serve::run(&config)?)
        }
        Command::Init(args) => init::run(&args, output),
        Command::Check => check::run(&sources, output),
        Command::Doctor(args) => return args.run(&sources, output),
        Command::Completions(args) => completions::run(&args),
        Command::Demo => asking(demo::run(&sources, output)),
        Command::Version => asking(version::run(&sources, output)),
        Command::User(command) => asking(command.run(&sources, output)),
        Command::Client(command) => asking(command.run(&sources, output)),
        Command::Sessions(command) => asking(command.run(&sources, output)),
        Command::Revoke(command) => asking(command.run(&sources, output)),
        Command::Keys(command) => asking(command.run(&sources, output)),
        Command::Audit(args) => asking(args.run(&sources, output)),
        Command::Backup(args) => asking(args.run(&sources, output)),
        Command::Restore(args) => asking(args.run(&sources, output)),
        Command::Move(args) => asking(args.run(&sources, output)),
        Command::Migrate(args) => return asking(args.run(&sources, output)),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Runs what asks the server, on this thread.
fn asking<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?
        .block_on(work)
}
