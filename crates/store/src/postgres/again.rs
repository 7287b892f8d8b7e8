//! Beginning again after the database was put back to an earlier state.

use countersign_auth::model::audit::Origin;

use super::columns::{Columns, millis, word};
use super::failure::{Failure, only};
use super::{Postgres, skew, verb};

/// On a connection of its own: it touches every user, and takes as long as it takes.
pub(super) async fn begin(db: &Postgres, origin: &Origin) -> Result<u64, Failure> {
    let client = db.0.patient().await.map_err(Failure::NoConnection)?;
    let rows = client
        .query(
            verb!("begin_again"),
            &[
                &millis(origin.at),
                &word(&origin.actor)?,
                &origin.address,
                &origin.agent,
            ],
        )
        .await
        .map_err(Failure::Sql)?;
    only(rows)?.uint(0)
}

pub(super) async fn is_in_use(db: &Postgres) -> Result<bool, Failure> {
    let client = db.0.patient().await.map_err(Failure::NoConnection)?;
    let connected = skew::oldest_connected(&client).await;
    Ok(connected.map_err(Failure::Sql)?.is_some())
}
