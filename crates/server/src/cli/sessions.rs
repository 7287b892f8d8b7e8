//! `countersign sessions …`

use clap::Subcommand;
use countersign_auth::model::id::{ClientId, SessionId};
use countersign_auth::model::session::SessionView;
use http::Method;

use super::operator::{Failure, Operator};
use super::print::{Output, or_dash, table, time};
use super::user::path_of;
use crate::admin::Ended;
use crate::config::Sources;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List a user's live sessions
    List {
        /// An id, an email address or a username
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
    /// End a session and its tokens
    End {
        /// Its id, as `sessions list` shows it
        #[arg(allow_hyphen_values = true)]
        id: SessionId,
    },
    /// End all sessions and tokens of a user, or of everybody
    #[command(after_help = "Examples:
  countersign sessions end-all ada@example.com
  countersign sessions end-all --everybody")]
    EndAll {
        /// An id, an email address or a username
        #[arg(required_unless_present = "everybody", allow_hyphen_values = true)]
        who: Option<String>,
        /// Everybody signs in again
        #[arg(long, conflicts_with = "who")]
        everybody: bool,
    },
}

impl Command {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let path = match self {
            Self::List { who } => {
                let path = path_of(&who, "/sessions");
                let sessions: Vec<SessionView> =
                    Operator::ask(sources, Method::GET, &path, None).await?;
                output.show(&sessions, |sessions| table_of(sessions));
                return Ok(());
            }
            Self::End { id } => format!("/sessions/{id}"),
            Self::EndAll { who: Some(who), .. } => path_of(&who, "/sessions"),
            Self::EndAll { who: None, .. } => "/sessions".to_owned(),
        };
        let ended: Ended = Operator::ask(sources, Method::DELETE, &path, None).await?;
        output.show(&ended, |ended| match ended.ended {
            None => "everybody must sign in again".to_owned(),
            Some(1) => "1 session ended".to_owned(),
            Some(count) => format!("{count} sessions ended"),
        });
        Ok(())
    }
}

fn table_of(sessions: &[SessionView]) -> String {
    let rows: Vec<[String; 6]> = sessions
        .iter()
        .map(|session| {
            let clients: Vec<&str> = session.clients.iter().map(ClientId::as_str).collect();
            [
                session.id.to_string(),
                clients.join(","),
                time(session.auth_time),
                time(session.last_used_at),
                or_dash(session.address.as_ref()),
                or_dash(session.device.as_ref()),
            ]
        })
        .collect();
    table(
        [
            "ID",
            "CLIENTS",
            "SIGNED IN",
            "LAST USED",
            "ADDRESS",
            "DEVICE",
        ],
        &rows,
    )
}
