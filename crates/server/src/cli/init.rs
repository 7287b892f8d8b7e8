//! `countersign init`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde_json::json;

use super::operator::Failure;
use super::print::Output;
use crate::config::{DEFAULT_FILE, check_issuer, production};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign init --issuer https://auth.example.com
  countersign init /etc/countersign/countersign.toml --issuer https://auth.example.com")]
pub(super) struct Args {
    /// Where to write it; a file that is there is left alone
    #[arg(default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// The address that browsers and services will use
    #[arg(long, value_name = "URL", default_value = "https://auth.example.com", value_parser = issuer)]
    issuer: String,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        path: args.file.clone(),
        error,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.file)
        .map_err(failed)?;
    file.write_all(production(&args.issuer).as_bytes())
        .map_err(failed)?;
    output.show(&json!({ "file": args.file }), |_| {
        let file = args.file.display();
        format!("wrote {file}; next: `countersign --config {file} check`, then `serve`")
    });
    Ok(())
}

fn issuer(text: &str) -> Result<String, String> {
    check_issuer(text)
        .map(|()| text.to_owned())
        .map_err(|problem| problem.message)
}
