//! Users: the verbs of the directory about them.

use countersign_auth::directory::{AddUser, ChangeUser};
use countersign_auth::model::audit::Origin;
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::{Credentials, Identifier, NewUser, User, UserChange};
use countersign_auth::password::StoredPassword;

use super::columns::{Columns, USER_COLUMNS, all, epoch, int, json, millis, user, user_columns};
use super::failure::Failure;
use super::{AGAIN, Postgres, verb};
use crate::profile::{added, changed};

pub(super) async fn add(db: &Postgres, new: NewUser, origin: &Origin) -> Result<AddUser, Failure> {
    let (user, password) = added(new);
    let row = db
        .call_one(
            verb!("add_user", "$5, $6, $7, $8, $9, $10, $11, $12"),
            origin,
            &[
                &user.id.as_bytes().as_slice(),
                &user.email,
                &user.username,
                &user.name,
                &json(&user.roles)?,
                &json(&user.attributes)?,
                &millis(user.created_at),
                &password.as_ref().map(StoredPassword::as_stored),
            ],
        )
        .await?;
    Ok(match row.column::<&str>(0)? {
        "one_email" => AddUser::EmailTaken,
        "one_username" => AddUser::UsernameTaken,
        _ => AddUser::Added(user),
    })
}

pub(super) async fn by_id(db: &Postgres, id: UserId) -> Result<Option<User>, Failure> {
    let rows = db
        .rows(
            concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1"),
            &[&id.as_bytes().as_slice()],
        )
        .await?;
    rows.first().map(user).transpose()
}

pub(super) async fn credentials(
    db: &Postgres,
    who: &Identifier,
) -> Result<Option<Credentials>, Failure> {
    let (sql, name) = match who {
        Identifier::Email(email) => (
            concat!(
                "SELECT ",
                user_columns!(),
                ", p.hash
                 FROM users u LEFT JOIN passwords p ON p.user_key = u.key WHERE u.email = $1"
            ),
            email,
        ),
        Identifier::Username(username) => (
            concat!(
                "SELECT ",
                user_columns!(),
                ", p.hash
                 FROM users u LEFT JOIN passwords p ON p.user_key = u.key WHERE u.username = $1"
            ),
            username,
        ),
    };
    let rows = db.rows(sql, &[name]).await?;
    let found = rows.first().map(|row| {
        let hash: Option<String> = row.column(USER_COLUMNS)?;
        Ok::<_, Failure>(Credentials {
            user: user(row)?,
            password: hash.map(StoredPassword::from_stored),
        })
    });
    found.transpose()
}

pub(super) async fn list(
    db: &Postgres,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<User>, Failure> {
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let rows = db
        .rows(
            concat!(
                "SELECT ",
                user_columns!(),
                " FROM users u WHERE u.id > $1 ORDER BY u.id LIMIT $2"
            ),
            &[&after, &i64::from(limit)],
        )
        .await?;
    all(&rows, user)
}

/// Read, decided here, and written if nobody was quicker.
pub(super) async fn change(
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

pub(super) async fn set_password(
    db: &Postgres,
    id: UserId,
    password: &StoredPassword,
    origin: &Origin,
) -> Result<Option<u64>, Failure> {
    let row = db
        .call_one(
            verb!("set_password", "$5, $6"),
            origin,
            &[&id.as_bytes().as_slice(), &password.as_stored()],
        )
        .await?;
    epoch(&row)
}

pub(super) async fn replace_password(
    db: &Postgres,
    id: UserId,
    seen_epoch: u64,
    password: &StoredPassword,
    origin: &Origin,
) -> Result<Option<u64>, Failure> {
    let row = db
        .call_one(
            verb!("replace_password", "$5, $6, $7"),
            origin,
            &[
                &id.as_bytes().as_slice(),
                &int(seen_epoch),
                &password.as_stored(),
            ],
        )
        .await?;
    epoch(&row)
}

pub(super) async fn rehash_password(
    db: &Postgres,
    id: UserId,
    old: &StoredPassword,
    new: &StoredPassword,
    origin: &Origin,
) -> Result<bool, Failure> {
    let row = db
        .call_one(
            verb!("rehash_password", "$5, $6, $7"),
            origin,
            &[
                &id.as_bytes().as_slice(),
                &old.as_stored(),
                &new.as_stored(),
            ],
        )
        .await?;
    row.column(0)
}

pub(super) async fn set_enabled(
    db: &Postgres,
    id: UserId,
    enabled: bool,
    origin: &Origin,
) -> Result<Option<User>, Failure> {
    let rows = db
        .call(
            verb!("set_user_enabled", "$5, $6"),
            origin,
            &[&id.as_bytes().as_slice(), &enabled],
        )
        .await?;
    rows.first().map(user).transpose()
}

pub(super) async fn delete(db: &Postgres, id: UserId, origin: &Origin) -> Result<bool, Failure> {
    let row = db
        .call_one(
            verb!("delete_user", "$5"),
            origin,
            &[&id.as_bytes().as_slice()],
        )
        .await?;
    row.column(0)
}
