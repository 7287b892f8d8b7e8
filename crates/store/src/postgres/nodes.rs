//! The nodes that share this database, and the clock that they share.

use countersign_auth::env::Timestamp;
use countersign_auth::model::node::Node;

use super::Postgres;
use super::columns::{Columns, json, millis};
use super::failure::{Failure, only};

/// What the server's own clock says.
pub(super) async fn clock(db: &Postgres) -> Result<Timestamp, Failure> {
    let sql = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    only(db.rows(sql, &[]).await?)?.time(0)
}

/// Says that a node lives; forgets those that said nothing since `before`. The others.
pub(super) async fn announce(
    db: &Postgres,
    node: &Node,
    before: Timestamp,
) -> Result<Vec<Node>, Failure> {
    let rows = db
        .rows(
            "SELECT name, version, settings::text, seen_at FROM announce($1, $2, $3, $4, $5)",
            &[
                &node.name,
                &node.version,
                &json(&node.settings)?,
                &millis(node.seen_at),
                &millis(before),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Node {
                name: row.column(0)?,
                version: row.column(1)?,
                settings: row.json(2)?,
                seen_at: row.time(3)?,
            })
        })
        .collect()
}

/// Forgets a node that stops.
pub(super) async fn leave(db: &Postgres, name: &str) -> Result<(), Failure> {
    db.rows("DELETE FROM nodes WHERE name = $1", &[&name])
        .await?;
    Ok(())
}
