//! Users and clients whose change is worked out on this side: read, decided, and written if nobody was quicker.

use countersign_auth::directory::ChangeUser;
use countersign_auth::model::audit::{Happening, Origin};
use countersign_auth::model::client::Client;
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::UserChange;
use tokio_postgres::Row;

use super::columns::{Columns, int, json, millis, user, user_columns, word};
use super::failure::{Failure, only};
use super::{Postgres, verb};
use crate::profile::changed;

/// How often others may be quicker.
const AGAIN: u32 = 100;

pub(super) async fn change_user(
    db: &Postgres,
    id: UserId,
    change: UserChange,
    origin: &Origin,
) -> Result<ChangeUser, Failure> {
    for _ in 0..AGAIN {
        let rows = db
            .rows(
                concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1"),
                &[&id.as_bytes().as_slice()],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(ChangeUser::Unknown);
        };
        let before = user(row)?;
        let mut after = changed(before.clone(), change.clone());
        if after == before {
            return Ok(ChangeUser::Changed(after));
        }
        let (roles, attributes): (&str, &str) = (row.column(4)?, row.column(5)?);
        let row = db
            .call_one(
                verb!(
                    "change_user",
                    "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15"
                ),
                origin,
                &[
                    &id.as_bytes().as_slice(),
                    &before.email,
                    &before.username,
                    &before.name,
                    &roles,
                    &attributes,
                    &after.email,
                    &after.username,
                    &after.name,
                    &json(&after.roles)?,
                    &json(&after.attributes)?,
                ],
            )
            .await?;
        match row.column::<&str>(0)? {
            "again" => {}
            "one_email" => return Ok(ChangeUser::EmailTaken),
            "one_username" => return Ok(ChangeUser::UsernameTaken),
            _ => {
                after.updated_at = origin.at;
                return Ok(ChangeUser::Changed(after));
            }
        }
    }
    Err(Failure::TimedOut)
}

pub(super) async fn put_client(
    db: &Postgres,
    mut client: Client,
    origin: &Origin,
) -> Result<Client, Failure> {
    for _ in 0..AGAIN {
        let rows = db
            .rows(
                "SELECT id, enabled, epoch, created_at, settings::text FROM clients WHERE id = $1",
                &[&client.id.as_str()],
            )
            .await?;
        let seen = rows.first();
        let before = seen.map(self::client).transpose()?;
        let what = match &before {
            None => Happening::ClientAdded,
            Some(before) => {
                client.epoch = before.epoch;
                client.created_at = before.created_at;
                if client == *before {
                    return Ok(client);
                }
                match (before.enabled, client.enabled) {
                    (true, false) => Happening::ClientDisabled,
                    (false, true) => Happening::ClientEnabled,
                    _ => Happening::ClientChanged,
                }
            }
        };
        if what == Happening::ClientDisabled {
            client.epoch += 1;
        }
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

/// Reads `id, enabled, epoch, created_at, settings`.
pub(super) fn client(row: &Row) -> Result<Client, Failure> {
    Ok(Client {
        id: row.parsed(0)?,
        enabled: row.column(1)?,
        epoch: row.uint(2)?,
        created_at: row.time(3)?,
        ..row.json(4)?
    })
}
