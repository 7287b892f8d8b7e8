//! `countersign audit`

use std::time::Duration;

use countersign_auth::env::Env;
use countersign_auth::model::audit::{Actor, AuditEntry};
use http::Method;
use serde_json::json;

use super::operator::{Failure, Operator};
use super::print::{Output, or_dash, table, time};
use crate::admin::client::segment;
use crate::config::{Sources, duration};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign audit --since 24h
  countersign audit --user ada@example.com --what signed_in --json")]
pub(super) struct Args {
    /// Concerning this user: an id, an email address or a username
    #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
    user: Option<String>,
    /// Of this kind, such as signed_in, sign_in_failed or refresh_token_reused
    #[arg(long, value_name = "KIND")]
    what: Option<String>,
    /// Not older than this, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    since: Option<Duration>,
    /// The newest so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

impl Args {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let mut path = format!("/audit?limit={}", self.limit);
        if let Some(user) = &self.user {
            path = format!("{path}&user={}", segment(user));
        }
        if let Some(what) = &self.what {
            path = format!("{path}&what={}", segment(what));
        }
        if let Some(since) = self.since {
            let since = Env::system().now().minus(since);
            path = format!("{path}&since={}", since.as_millis());
        }
        let entries: Vec<AuditEntry> = Operator::ask(sources, Method::GET, &path, None).await?;
        output.show(&entries, |entries| table_of(entries));
        Ok(())
    }
}

fn table_of(entries: &[AuditEntry]) -> String {
    let rows: Vec<[String; 7]> = entries
        .iter()
        .map(|entry| {
            let by = match entry.origin.actor {
                Actor::User => "user",
                Actor::Operator => "operator",
                Actor::Server => "server",
            };
            [
                time(entry.origin.at),
                json!(entry.what).as_str().unwrap_or_default().to_owned(),
                by.to_owned(),
                or_dash(entry.user.as_ref()),
                or_dash(entry.client.as_ref()),
                or_dash(entry.origin.address.as_ref()),
                entry.detail.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table(
        ["TIME", "WHAT", "BY", "USER", "CLIENT", "ADDRESS", "DETAIL"],
        &rows,
    )
}
