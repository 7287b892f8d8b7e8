//! Ids of tokens that were exchanged: the verbs of the directory about them.

use countersign_auth::directory::{Spend, Spent};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Origin;

use super::columns::{Columns, USER_COLUMNS, int, user, user_columns};
use super::failure::{Failure, only};
use super::{Postgres, log};

pub(super) async fn spend(
    db: &Postgres,
    spend: &Spend<'_>,
    origin: &Origin,
) -> Result<Spent, Failure> {
    let session = spend.session;
    let rows = db
        .call(
            concat!(
                "SELECT ",
                user_columns!(),
                ", s.since FROM spend(ROW($1::bigint, $2::text, $3::text, $4::text)::origin,
                    $5, $6, $7, $8, $9, $10, $11, $12, $13) AS s (since)
                 JOIN users u ON u.id = $5 WHERE s.since IS NOT NULL"
            ),
            origin,
            &[
                &session.user.as_bytes().as_slice(),
                &int(session.user_epoch),
                &int(session.issuer_epoch),
                &spend.client.as_str(),
                &int(spend.client_epoch),
                &spend.jti,
                &int(spend.from.as_secs()),
                &int(spend.until.as_secs()),
                &log::audience_column(spend.audience),
            ],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Spent::Stale);
    };
    Ok(Spent::Since(row.time(USER_COLUMNS)?, Box::new(user(row)?)))
}

pub(super) async fn tell(db: &Postgres, limit: u32) -> Result<u32, Failure> {
    let rows = db
        .rows("SELECT tell_spent($1)", &[&i64::from(limit)])
        .await?;
    only(rows)?.small(0)
}

/// Drops what could be valid no longer. How many.
pub(super) async fn sweep(db: &Postgres, now: Timestamp, limit: u32) -> Result<u32, Failure> {
    let rows = db
        .rows(
            "SELECT sweep_spent($1, $2)",
            &[&int(now.unix().as_secs()), &i64::from(limit)],
        )
        .await?;
    only(rows)?.small(0)
}
