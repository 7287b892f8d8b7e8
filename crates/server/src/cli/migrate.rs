//! `countersign migrate`

use std::process::ExitCode;

use countersign_store::{Postgres, SchemaState, Sqlite, Verdict};
use serde_json::json;

use super::operator::Failure;
use super::print::Output;
use crate::config::{Config, Sources};
use crate::open::{self, DATABASE, OpenError};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A start does the same by itself. Before an upgrade, run the new version's `migrate --check`, and back up.

Exit codes of --check: 0 this version runs on the store as it is; 3 it would bring the store up to date;
1 it refuses the store, or cannot look at it."
)]
pub(super) struct Args {
    /// Change nothing: say how the store's schema stands to this version
    #[arg(long)]
    check: bool,
}

impl Args {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<ExitCode, Failure> {
        let config = Config::load(sources)?;
        if !self.check {
            open::bring_up_to_date(&config).await?;
        }
        let state = match &config.store.postgres {
            Some(address) => Some(
                Postgres::schema(address.expose(), &config.store.postgres_options())
                    .await
                    .map_err(OpenError::Postgres)?,
            ),
            None => Sqlite::schema(&config.data.join(DATABASE)).map_err(OpenError::Database)?,
        };
        let Some(state) = state else {
            return Err(Failure::NoData(config.data));
        };
        let (word, code, text) = words(&state);
        let shown = json!({
            "schema": state.found,
            "known": state.known,
            "verdict": word,
            "steps": state.steps,
        });
        output.show(&shown, |_| text);
        Ok(ExitCode::from(code))
    }
}

/// For programs, for shells, for people.
fn words(state: &SchemaState) -> (&'static str, u8, String) {
    let SchemaState { found, known, .. } = state;
    match state.verdict {
        Verdict::Current => (
            "current",
            0,
            format!("the store has schema {found}, which is what this version wants"),
        ),
        Verdict::AheadButLivesWith => (
            "lives_with",
            0,
            format!(
                "the store has schema {found}; this version knows it up to {known}, and can live with it"
            ),
        ),
        Verdict::Behind => (
            "behind",
            3,
            format!(
                "the store has schema {found}, and this version wants {known}; a start, or `countersign migrate`, \
                 would do:\n  {}",
                state.steps.join("\n  ")
            ),
        ),
        Verdict::Ahead => (
            "ahead",
            1,
            format!(
                "the store has schema {found}; this version knows none above {known}, and cannot live with it: run the \
                 newer version, or restore the backup from before the upgrade"
            ),
        ),
    }
}
