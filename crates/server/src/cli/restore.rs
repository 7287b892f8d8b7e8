//! `countersign restore`

use std::path::PathBuf;

use countersign_auth::env::Env;
use countersign_auth::model::audit::{Actor, Origin};
use countersign_store::{Contents, Sqlite};
use serde_json::json;

use super::operator::Failure;
use super::print::Output;
use crate::admin::client::find_server;
use crate::config::{Config, Sources};
use crate::open::{self, DATABASE};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A backup knows nothing of what was ended after it was made. So nothing of before is good any more:
everybody signs in again, services get new tokens, and the keys of the backup are taken out; the next start makes
new ones. What was changed since, such as a password or a disabled account, is as it was.

The server must be stopped, and the data folder must hold no store. Examples:
  countersign restore /backups/countersign-2026-11-26.db
  pg_restore --dbname auth auth.dump && countersign restore --in-place"
)]
pub(super) struct Args {
    /// What `countersign backup` wrote
    #[arg(required_unless_present = "in_place", conflicts_with = "in_place")]
    file: Option<PathBuf>,
    /// The store has been put back by other means (pg_restore, a snapshot of the disk): do the rest
    #[arg(long)]
    in_place: bool,
}

impl Args {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let config = Config::load(sources)?;
        if find_server(&config.data).await?.is_some() {
            return Err(Failure::Usage(format!(
                "a server runs on {}: stop it first",
                config.data.display()
            )));
        }
        let Some(file) = self.file else {
            open::begin_again(&config, &by_operator()).await?;
            say(None, output);
            return Ok(());
        };
        if config.store.postgres.is_some() {
            return Err(Failure::Usage(
                "store.postgres is set: bring the database back with pg_restore, then run \
                 `countersign restore --in-place` (docs/operations.md)"
                    .into(),
            ));
        }
        open::make_folder(&config.data)?;
        let contents = Sqlite::restore(&file, &config.data.join(DATABASE), &by_operator())?;
        say(Some(contents), output);
        Ok(())
    }
}

fn by_operator() -> Origin {
    Origin {
        at: Env::system().now(),
        actor: Actor::Operator,
        address: None,
        agent: None,
    }
}

fn say(contents: Option<Contents>, output: Output) {
    let shown = json!({
        "restored": true,
        "users": contents.map(|contents| contents.users),
        "clients": contents.map(|contents| contents.clients),
    });
    output.show(&shown, |_| {
        let what = contents.map_or_else(
            || "the store begins again".to_owned(),
            |contents| {
                format!(
                    "restored: {} users, {} clients",
                    contents.users, contents.clients
                )
            },
        );
        format!(
            "{what}\nEverybody signs in again, and the next start makes new keys. What was changed after the backup is as \
             it was: look after passwords that were reset, accounts and clients that were disabled or deleted, and \
             secrets that were replaced."
        )
    });
}
