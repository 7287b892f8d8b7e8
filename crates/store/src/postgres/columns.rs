//! Values of the model as columns of a row, and back.

use std::error::Error;
use std::str::FromStr;

use countersign_auth::env::Timestamp;
use countersign_auth::model::grant::{Entitlement, Grant, HandleHash, Network};
use countersign_auth::model::id::{SessionId, UserId};
use countersign_auth::model::session::Session;
use countersign_auth::model::user::User;
use countersign_auth::rotation::Generations;
use serde::de::IntoDeserializer;
use serde::de::value::Error as WordError;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::failure::Failure;

/// PostgreSQL has 63 bits for what the model counts in 64. No epoch or sequence comes near; a time beyond is a time
/// that nobody sees, and leaves room to add another to it.
pub(super) fn int(value: u64) -> i64 {
    const FAR: i64 = i64::MAX / 16;
    i64::try_from(value).map_or(FAR, |value| value.min(FAR))
}

/// A moment as a column.
pub(super) fn millis(time: Timestamp) -> i64 {
    int(time.as_millis())
}

/// A closed enum of the model by its stable name.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String, Failure> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Failure::damaged(format!("{other} is not a word"))),
        Err(error) => Err(Failure::damaged(error)),
    }
}

/// Something of many parts as a JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::damaged)
}

/// Columns as values of the model. A value that is not one is a damaged row.
pub(super) trait Columns {
    fn column<'r, T: FromSql<'r>>(&'r self, column: usize) -> Result<T, Failure>;

    fn uint(&self, column: usize) -> Result<u64, Failure> {
        let value: i64 = self.column(column)?;
        u64::try_from(value).map_err(Failure::damaged)
    }

    fn small<T: TryFrom<i64, Error: Error + Send + Sync + 'static>>(
        &self,
        column: usize,
    ) -> Result<T, Failure> {
        let value: i64 = self.column(column)?;
        T::try_from(value).map_err(Failure::damaged)
    }

    /// A counter of one byte, which the database has no type for.
    fn tiny(&self, column: usize) -> Result<u8, Failure> {
        let value: i32 = self.column(column)?;
        u8::try_from(value).map_err(Failure::damaged)
    }

    fn time(&self, column: usize) -> Result<Timestamp, Failure> {
        self.uint(column).map(Timestamp::from_millis)
    }

    fn bytes<const N: usize>(&self, column: usize) -> Result<[u8; N], Failure> {
        let bytes: &[u8] = self.column(column)?;
        bytes.try_into().map_err(Failure::damaged)
    }

    fn parsed<T>(&self, column: usize) -> Result<T, Failure>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        let text: &str = self.column(column)?;
        text.parse().map_err(Failure::damaged)
    }

    fn word<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T, Failure> {
        let word: &str = self.column(column)?;
        T::deserialize(word.into_deserializer()).map_err(|error: WordError| Failure::damaged(error))
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T, Failure> {
        let text: &str = self.column(column)?;
        serde_json::from_str(text).map_err(Failure::damaged)
    }
}

impl Columns for Row {
    fn column<'r, T: FromSql<'r>>(&'r self, column: usize) -> Result<T, Failure> {
        self.try_get(column).map_err(Failure::damaged)
    }
}

/// The columns of [`user`], of a table named `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.username, u.name, u.roles::text, u.attributes::text, u.enabled, u.epoch, u.created_at, u.updated_at"
    };
}
pub(super) use user_columns;
/// How many [`user_columns`] there are.
pub(super) const USER_COLUMNS: usize = 10;

/// Reads [`user_columns`], which come first in a row.
pub(super) fn user(row: &Row) -> Result<User, Failure> {
    Ok(User {
        id: UserId::from_bytes(row.bytes(0)?),
        email: row.column(1)?,
        username: row.column(2)?,
        name: row.column(3)?,
        roles: row.json(4)?,
        attributes: row.json(5)?,
        enabled: row.column(6)?,
        epoch: row.uint(7)?,
        created_at: row.time(8)?,
        updated_at: row.time(9)?,
    })
}

/// Where [`outcome`] finds the word, in a row of the schema's view `answers`.
const OUTCOME: usize = USER_COLUMNS + 8 + 13 + 2;
/// Where such a row has the session's id, also where nothing else is answered.
const SESSION: usize = USER_COLUMNS;

/// What a verb answered, in a row of the schema's view `answers`.
pub(super) fn outcome(row: &Row) -> Result<&str, Failure> {
    row.column(OUTCOME)
}

/// The session that such an answer is about.
pub(super) fn session_id(row: &Row) -> Result<SessionId, Failure> {
    row.bytes(SESSION).map(SessionId::from_bytes)
}

/// All that issuing a token needs, from such a row.
pub(super) fn entitlement(row: &Row) -> Result<Entitlement, Failure> {
    const GRANT: usize = SESSION + 8;
    const CLIENT: usize = GRANT + 13;
    let user = user(row)?;
    let session = Session {
        id: session_id(row)?,
        user: user.id,
        user_epoch: row.uint(SESSION + 1)?,
        issuer_epoch: row.uint(SESSION + 2)?,
        auth_time: row.time(SESSION + 3)?,
        amr: row.json(SESSION + 4)?,
        idle_end: row.time(SESSION + 5)?,
        device: row.column(SESSION + 6)?,
        address: row.column(SESSION + 7)?,
    };
    let grant = Grant {
        handle: HandleHash(row.bytes(CLIENT + 1)?),
        session: session.id,
        client: row.parsed(CLIENT)?,
        client_epoch: row.uint(GRANT)?,
        scope: row.column(GRANT + 1)?,
        style: row.word(GRANT + 2)?,
        generations: generations(row, GRANT + 3)?,
    };
    Ok(Entitlement {
        user,
        session,
        grant,
    })
}

/// Whether the row of a use stands where it stood at sign-in, and the idle end and last use that it got just now.
pub(super) struct StoredUse {
    pub(super) current: bool,
    pub(super) moved: Option<(Timestamp, Timestamp)>,
}

/// Reads it: behind the columns of the view come the idle end that was asked for, and these two.
pub(super) fn stored_use(row: &Row) -> Result<StoredUse, Failure> {
    // The last two: a newer schema's answer may have more columns before them.
    let [moved, used] = [2, 1].map(|from_the_end| row.len() - from_the_end);
    Ok(StoredUse {
        current: row.column(OUTCOME + 2)?,
        moved: match row.column::<Option<i64>>(moved)? {
            Some(_) => Some((row.time(moved)?, row.time(used)?)),
            None => None,
        },
    })
}

fn generations(row: &Row, first: usize) -> Result<Generations, Failure> {
    let prev: Option<i64> = row.column(first + 1)?;
    Ok(Generations {
        cur: row.small(first)?,
        prev: prev
            .map(u32::try_from)
            .transpose()
            .map_err(Failure::damaged)?,
        floor: row.small(first + 2)?,
        rotated_at: row.time(first + 3)?,
        handed_at: row.time(first + 4)?,
        retries: row.tiny(first + 5)?,
        recoveries: row.tiny(first + 6)?,
        network: Network(row.small(first + 7)?),
        strangers: row.tiny(first + 8)?,
        stranger_now: row.column(first + 9)?,
    })
}

/// Every row as a value of the model.
pub(super) fn all<T>(
    rows: &[Row],
    read: fn(&Row) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    rows.iter().map(read).collect()
}

/// The one column of an epoch that was raised, if it was.
pub(super) fn epoch(row: &Row) -> Result<Option<u64>, Failure> {
    if row.column::<Option<i64>>(0)?.is_none() {
        return Ok(None);
    }
    Ok(Some(row.uint(0)?))
}
