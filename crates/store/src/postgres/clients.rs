//! Clients: the verbs of the directory about them.

use countersign_auth::model::audit::{Happening, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::ClientId;
use tokio_postgres::Row;

use super::columns::{Columns, all, epoch, int, json, millis, word};
use super::failure::{Failure, only};
use super::{AGAIN, Postgres, verb};
use crate::registration::changed;

pub(super) async fn list(db: &Postgres) -> Result<Vec<Client>, Failure> {
    let rows = db
        .rows(
            "SELECT id, enabled, epoch, created_at, settings::text FROM clients ORDER BY id",
            &[],
        )
        .await?;
    all(&rows, client)
}

/// Read, decided here, and written if nobody was quicker.
pub(super) async fn put(db: &Postgres, wanted: Client, origin: &Origin) -> Result<Client, Failure> {
    for _ in 0..AGAIN {
        let rows = db
            .rows(
                "SELECT id, enabled, epoch, created_at, settings::text FROM clients WHERE id = $1",
                &[&wanted.id.as_str()],
            )
            .await?;
        let seen = rows.first();
        let before = seen.map(client).transpose()?;
        let (client, what) = match &before {
            None => (wanted.clone(), Happening::ClientAdded),
            Some(before) => match changed(before, wanted.clone()) {
                Some(changed) => changed,
                None => return Ok(before.clone()),
            },
        };
        let audience_moves = before
            .as_ref()
            .is_some_and(|before| before.audience != client.audience);
        let settings: Option<&str> = seen.map(|row| row.column(4)).transpose()?;
        let rows = db
            .call(
                verb!("put_client", "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14"),
                origin,
                &[
                    &client.id.as_str(),
                    &settings,
                    &before.as_ref().map(|before| int(before.epoch)),
                    &before.as_ref().map(|before| before.enabled),
                    &client.enabled,
                    &int(client.epoch),
                    &millis(client.created_at),
                    &json(&client)?,
                    &word(&what)?,
                    &audience_moves,
                ],
            )
            .await?;
        if only(rows)?.column(0)? {
            return Ok(client);
        }
    }
    Err(Failure::TimedOut)
}

pub(super) async fn cut_off(
    db: &Postgres,
    id: &ClientId,
    origin: &Origin,
) -> Result<Option<u64>, Failure> {
    let row = db
        .call_one(verb!("cut_off_client", "$5"), origin, &[&id.as_str()])
        .await?;
    epoch(&row)
}

/// Reads `id, enabled, epoch, created_at, settings`.
fn client(row: &Row) -> Result<Client, Failure> {
    Ok(Client {
        id: row.parsed(0)?,
        enabled: row.column(1)?,
        epoch: row.uint(2)?,
        created_at: row.time(3)?,
        ..row.json(4)?
    })
}
