//! Sessions: each verb one call.

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::Origin;
use countersign_auth::model::grant::{Grant, HandleHash};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::session::{Session, SessionView};
use countersign_auth::sessions::{
    ChangePassword, Join, Joining, MAX_GRANTS, Open, PasswordChange, Presented, Rotate, Sessions,
    Touch, Touched,
};
use countersign_auth::store::StoreError;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Row, types::ToSql};

use super::columns::{
    Columns, StoredUse, entitlement, int, json, millis, outcome, session_id, stored_use, word,
};
use super::failure::{self, Failure};
use super::usual::Days;
use super::{Param, Postgres, verb};

/// The verb, of which [`usual`](super::usual) tells what is done mostly.
pub(super) const ROTATE: &str = verb!("rotate", "$5, $6, $7, $8, $9, $10, $11");

#[async_trait]
impl Sessions for Postgres {
    async fn open(
        &self,
        session: Session,
        grant: Grant,
        origin: &Origin,
    ) -> Result<Open, StoreError> {
        let row = match open(self, &session, &grant, origin).await {
            // There is no partition for its day yet: the first sign-in of a kind, or upkeep is late.
            Err(failure) if failure.code() == Some(&SqlState::CHECK_VIOLATION) => {
                let end = millis(session.absolute_end());
                self.rows("SELECT make_day($1)", &[&end]).await?;
                open(self, &session, &grant, origin).await?
            }
            answer => answer?,
        };
        match outcome(&row)? {
            "opened" => Ok(Open::Opened(Box::new(entitlement(&row)?))),
            "stale" => Ok(Open::Stale),
            other => Err(unheard_of(other)),
        }
    }

    async fn rotate(
        &self,
        presented: Presented<'_>,
        origin: &Origin,
    ) -> Result<Rotate, StoreError> {
        let absolute_end = millis(presented.absolute_end);
        let params: [Param<'_>; 7] = [
            &absolute_end,
            &presented.handle.0.as_slice(),
            &presented.client.as_str(),
            &i64::from(presented.generation),
            &millis(presented.idle_end),
            &interval(presented.interval),
            &i64::from(presented.network.0),
        ];
        let days = Days::new(absolute_end, millis(origin.at));
        let rows = self.call_on(Some(days), ROTATE, origin, &params).await?;
        let row = failure::only(rows)?;
        let entitled = || entitlement(&row).map(Box::new);
        Ok(match outcome(&row)? {
            "rotated" => Rotate::Rotated(entitled()?),
            "held" => Rotate::Held(entitled()?),
            "retried" => Rotate::Retried(entitled()?),
            "recovered" => Rotate::Recovered(entitled()?),
            "too_many_retries" => Rotate::TooManyRetries,
            "superseded" => Rotate::Superseded,
            "reused" => Rotate::Reused(session_id(&row)?),
            "ahead" => Rotate::Ahead(session_id(&row)?),
            "expired" | "lost" => Rotate::Expired,
            "stale" => Rotate::Stale,
            "unknown" => Rotate::Unknown,
            other => return Err(unheard_of(other)),
        })
    }

    /// One statement, so that it is one step. The grant is locked before the session, as everywhere.
    async fn touch(&self, touched: Touched<'_>, now: Timestamp) -> Result<Touch, StoreError> {
        let rows = self
            .rows(
                "WITH seen AS (
                    SELECT a.*, least($4, a.absolute_end) AS wanted FROM answers a
                    WHERE a.absolute_end = $1 AND a.handle = $2 AND a.client = $3
                 ), used AS (
                    UPDATE grants g SET handed_at = greatest($5, g.handed_at) FROM seen
                    WHERE g.absolute_end = $1 AND g.handle = $2 AND seen.current AND g.floor = 0
                        AND $5 < seen.idle_end AND $5 < seen.absolute_end AND seen.wanted > seen.idle_end
                        AND (seen.wanted - seen.idle_end) * 16 >= greatest(seen.wanted - $5, 0)
                    RETURNING g.handed_at, seen.session, seen.wanted
                 ), moved AS (
                    UPDATE sessions s SET idle_end = greatest(used.wanted, s.idle_end) FROM used
                    WHERE s.absolute_end = $1 AND s.id = used.session
                    RETURNING s.idle_end, used.handed_at
                 )
                 SELECT seen.*, moved.idle_end AS moved, moved.handed_at AS used FROM seen LEFT JOIN moved ON true",
                &[
                    &millis(touched.absolute_end),
                    &touched.handle.0.as_slice(),
                    &touched.client.as_str(),
                    &millis(touched.idle_end),
                    &millis(now),
                ],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(Touch::Unknown);
        };
        let mut entitlement = entitlement(row)?;
        let StoredUse { current, moved } = stored_use(row)?;
        let session = &mut entitlement.session;
        if now >= session.idle_end || now >= session.absolute_end() {
            return Ok(Touch::Expired);
        }
        if !current {
            return Ok(Touch::Stale);
        }
        if entitlement.grant.generations.floor > 0 {
            return Ok(Touch::Superseded);
        }
        if let Some((idle_end, handed_at)) = moved {
            session.idle_end = idle_end;
            entitlement.grant.generations.handed_at = handed_at;
        }
        Ok(Touch::Live(Box::new(entitlement)))
    }

    async fn join(&self, joining: Joining, origin: &Origin) -> Result<Join, StoreError> {
        let grant = GrantColumns::new(&joining.grant)?;
        let session = joining.grant.session;
        let (end, id) = (
            millis(session.absolute_end()),
            session.as_bytes().as_slice(),
        );
        let (by, vouching) = (joining.by.0.as_slice(), joining.vouching.as_str());
        let (until, most) = (millis(joining.replaces_until), i64::from(MAX_GRANTS));
        let mut params: Vec<Param<'_>> = vec![&end, &id, &by, &vouching, &until, &most];
        grant.add_to(&mut params);
        let row = self
            .call_one(
                verb!("join_session", "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25"),
                origin,
                &params,
            )
            .await?;
        Ok(match outcome(&row)? {
            "joined" => Join::Joined(Box::new(entitlement(&row)?)),
            "full" => Join::Full,
            "superseded" => Join::Superseded,
            "stale" => Join::Stale,
            "expired" => Join::Expired,
            "unknown" => Join::Unknown,
            other => return Err(unheard_of(other)),
        })
    }

    async fn end(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let row = self
            .call_one(
                verb!("end_one", "$5, $6, $7"),
                origin,
                &[
                    &millis(session.absolute_end()),
                    &session.as_bytes().as_slice(),
                    &owner.as_ref().map(|id| id.as_bytes().as_slice()),
                ],
            )
            .await?;
        Ok(row.column(0)?)
    }

    async fn end_of_grant(
        &self,
        handle: HandleHash,
        absolute_end: Timestamp,
        origin: &Origin,
    ) -> Result<Option<SessionId>, StoreError> {
        let row = self
            .call_one(
                verb!("end_of_grant", "$5, $6"),
                origin,
                &[&millis(absolute_end), &handle.0.as_slice()],
            )
            .await?;
        if row.column::<Option<&[u8]>>(0)?.is_none() {
            return Ok(None);
        }
        Ok(Some(SessionId::from_bytes(row.bytes(0)?)))
    }

    async fn end_all_of_user(
        &self,
        user: UserId,
        but: Option<SessionId>,
        origin: &Origin,
    ) -> Result<u64, StoreError> {
        let row = self
            .call_one(
                verb!("end_all", "$5, $6"),
                origin,
                &[
                    &user.as_bytes().as_slice(),
                    &but.as_ref().map(|id| id.as_bytes().as_slice()),
                ],
            )
            .await?;
        Ok(row.uint(0)?)
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionView>, StoreError> {
        let rows = self
            .rows(
                "SELECT s.id, s.auth_time, s.amr::text, s.idle_end, s.device, s.address, g.handed_at, c.id
                 FROM users u
                 JOIN issuer i ON i.one
                 JOIN sessions s ON s.user_key = u.key
                 JOIN grants g ON g.absolute_end = s.absolute_end AND g.session = s.id
                 JOIN clients c ON c.key = g.client_key
                 WHERE u.id = $1 AND u.enabled AND c.enabled AND s.idle_end > $2
                  AND s.user_epoch = u.epoch AND s.issuer_epoch = i.epoch AND g.client_epoch = c.epoch
                  AND g.floor = 0
                 ORDER BY s.id, c.id",
                &[&user.as_bytes().as_slice(), &millis(now)],
            )
            .await?;
        Ok(views(user, &rows)?)
    }

    async fn change_password(
        &self,
        change: PasswordChange,
        origin: &Origin,
    ) -> Result<ChangePassword, StoreError> {
        let grant = GrantColumns::new(&change.grant)?;
        let (user, seen_epoch) = (change.user.as_bytes().as_slice(), int(change.seen_epoch));
        let hash = change.password.as_stored();
        let end = millis(change.grant.session.absolute_end());
        let id = change.grant.session.as_bytes().as_slice();
        let mut params: Vec<Param<'_>> = vec![&user, &seen_epoch, &hash, &end, &id];
        grant.add_to(&mut params);
        let row = self
            .call_one(
                verb!("change_password", "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24"),
                origin,
                &params,
            )
            .await?;
        match outcome(&row)? {
            "changed" => Ok(ChangePassword::Changed(Box::new(entitlement(&row)?))),
            "stale" => Ok(ChangePassword::Stale),
            other => Err(unheard_of(other)),
        }
    }

    /// Days that are over are dropped whole, each of which counts as one row of its table; and the days that come are
    /// made. Any number of nodes may do it at once.
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.rows("SELECT make_days_ahead()", &[]).await?;
        let mut swept = 0;
        for table in ["grants", "sessions"] {
            let rows = self
                .rows("SELECT drop_days($1, $2)", &[&table, &millis(now)])
                .await?;
            swept += failure::only(rows)?.uint(0)?;
        }
        let rest = i64::from(limit).saturating_sub_unsigned(swept).max(0);
        let rows = self
            .rows("SELECT sweep_sessions($1, $2)", &[&millis(now), &rest])
            .await?;
        swept += failure::only(rows)?.uint(0)?;
        Ok(u32::try_from(swept).unwrap_or(limit).min(limit))
    }
}

async fn open(
    db: &Postgres,
    session: &Session,
    grant: &Grant,
    origin: &Origin,
) -> Result<Row, Failure> {
    let columns = GrantColumns::new(grant)?;
    let (user, id) = (
        session.user.as_bytes().as_slice(),
        session.id.as_bytes().as_slice(),
    );
    let (user_epoch, issuer_epoch) = (int(session.user_epoch), int(session.issuer_epoch));
    let end = millis(session.absolute_end());
    let (auth_time, amr) = (millis(session.auth_time), json(&session.amr)?);
    let idle_end = millis(session.idle_end);
    let mut params: Vec<Param<'_>> = vec![
        &user,
        &user_epoch,
        &issuer_epoch,
        &end,
        &id,
        &auth_time,
        &amr,
        &idle_end,
        &session.device,
        &session.address,
    ];
    columns.add_to(&mut params);
    db.call_one(
        verb!("open", "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29"),
        origin,
        &params,
    )
    .await
}

/// A grant as the columns with which the functions that add one end their parameters.
struct GrantColumns<'a>(Vec<Box<dyn ToSql + Sync + Send + 'a>>);

impl<'a> GrantColumns<'a> {
    fn new(grant: &'a Grant) -> Result<Self, Failure> {
        let state = &grant.generations;
        Ok(Self(vec![
            Box::new(grant.client.as_str()),
            Box::new(int(grant.client_epoch)),
            Box::new(grant.handle.0.as_slice()),
            Box::new(grant.scope.as_deref()),
            Box::new(word(&grant.style)?),
            Box::new(i64::from(state.cur)),
            Box::new(state.prev.map(i64::from)),
            Box::new(i64::from(state.floor)),
            Box::new(millis(state.rotated_at)),
            Box::new(millis(state.handed_at)),
            Box::new(i32::from(state.retries)),
            Box::new(i32::from(state.recoveries)),
            Box::new(i64::from(state.network.0)),
            Box::new(i32::from(state.strangers)),
            Box::new(state.stranger_now),
        ]))
    }

    fn add_to<'p>(&'p self, params: &mut Vec<Param<'p>>) {
        for column in &self.0 {
            params.push(&**column);
        }
    }
}

fn interval(interval: countersign_auth::rotation::Interval) -> i64 {
    int(u64::try_from(interval.duration().as_millis()).unwrap_or(u64::MAX))
}

fn views(user: UserId, rows: &[Row]) -> Result<Vec<SessionView>, Failure> {
    let mut views: Vec<SessionView> = Vec::new();
    for row in rows {
        let id = SessionId::from_bytes(row.bytes(0)?);
        let last_used_at = row.time(6)?;
        let client = row.parsed(7)?;
        match views.last_mut().filter(|view| view.id == id) {
            Some(view) => {
                view.last_used_at = view.last_used_at.max(last_used_at);
                if !view.clients.contains(&client) {
                    view.clients.push(client);
                }
            }
            None => views.push(SessionView {
                id,
                user,
                clients: vec![client],
                auth_time: row.time(1)?,
                amr: row.json(2)?,
                last_used_at,
                idle_end: row.time(3)?,
                absolute_end: id.absolute_end(),
                device: row.column(4)?,
                address: row.column(5)?,
            }),
        }
    }
    views.sort_by_key(|view| (std::cmp::Reverse(view.last_used_at), view.id));
    Ok(views)
}

fn unheard_of(word: &str) -> StoreError {
    Failure::damaged(format!("an answer that nobody gives: {word}")).into()
}

/// A session that nothing is kept of.
pub(super) async fn admit(
    db: &Postgres,
    session: &Session,
    client: &ClientId,
    client_epoch: u64,
    origin: &Origin,
) -> Result<bool, Failure> {
    let row = db
        .call_one(
            verb!("admit", "$5, $6, $7, $8, $9, $10"),
            origin,
            &[
                &session.user.as_bytes().as_slice(),
                &int(session.user_epoch),
                &int(session.issuer_epoch),
                &session.id.as_bytes().as_slice(),
                &client.as_str(),
                &int(client_epoch),
            ],
        )
        .await?;
    row.column(0)
}
