//! A renewal as it usually goes, in the tables of its day.
//!
//! The verb `rotate` finds a day's tables by values, and goes step by step in the language of functions. The same said at
//! once, about tables that are named, takes the database less than half the time. So the usual renewal (`rotated`, and the
//! session's idle end stays where it is) stands in front of the verb, in one statement with it. Whatever else is the case,
//! it finds nothing and changes nothing, and the verb is called: what a renewal means is said there alone.
//!
//! It sees all of its rows as they were at one moment, but the grant as it is when it is written: if somebody moved that
//! meanwhile, its conditions are looked at again, and whatever changes the other rows and lets the session go on moves the
//! grant, too.

use std::collections::HashMap;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row, Statement};

use super::Param;

/// How many days a connection knows the statement of: some 300 kB of the database's memory each.
const MOST: usize = 100;

/// Days (UTC), counted from 1970.
#[derive(Clone, Copy)]
pub(super) struct Days {
    /// Of the session's absolute end.
    day: i64,
    /// Those before it are over.
    today: i64,
}

impl Days {
    /// Of moments in milliseconds since 1970.
    pub(super) fn new(absolute_end: i64, now: i64) -> Self {
        const DAY: i64 = 86_400_000;
        Self {
            day: absolute_end / DAY,
            today: now / DAY,
        }
    }
}

/// The statements of one connection. `None`: there can be none for that day.
#[derive(Default)]
pub(super) struct Statements(HashMap<i64, Option<Statement>>);

impl Statements {
    /// What the statement of the day answers to the parameters of the verb. `None`: there is none, ask the verb alone.
    pub(super) async fn ask(
        &mut self,
        client: &Client,
        Days { day, today }: Days,
        params: &[Param<'_>],
    ) -> Result<Option<Vec<Row>>, tokio_postgres::Error> {
        let answer = match self.of(client, day, today).await {
            Ok(Some(statement)) => client.query(&statement, params).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match answer {
            Err(error) if is_about_the_statement(&error) => {
                self.0.insert(day, None);
                Ok(None)
            }
            answer => answer,
        }
    }

    async fn of(
        &mut self,
        client: &Client,
        day: i64,
        today: i64,
    ) -> Result<Option<Statement>, tokio_postgres::Error> {
        if let Some(known) = self.0.get(&day) {
            return Ok(known.clone());
        }
        if self.0.len() >= MOST {
            self.0.retain(|day, _| *day >= today);
        }
        if self.0.len() >= MOST {
            // To learn a day costs more than to ask the verb.
            return Ok(None);
        }
        let statement = client.prepare(&text(day)).await?;
        self.0.insert(day, Some(statement.clone()));
        Ok(Some(statement))
    }
}

/// There is no table of that day, or it is not what it was: a version that comes after this one may have it otherwise.
fn is_about_the_statement(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        code.code().starts_with("42") || *code == SqlState::FEATURE_NOT_SUPPORTED
    })
}

/// The row of `rotate` in V14 that says `rotated`, with its conditions (a test holds the two together), and `rotate`.
fn text(day: i64) -> String {
    format!(
        "WITH usual AS (
            UPDATE grants_d{day} g SET
                cur = g.cur + 1, prev = g.cur, rotated_at = $1, handed_at = $1, retries = 0, recoveries = 0,
                network = $11, strangers = CASE WHEN g.stranger_now THEN g.strangers ELSE 0 END, stranger_now = false
            FROM sessions_d{day} s, users u, clients c, issuer i
            WHERE g.absolute_end = $5 AND g.handle = $6
                AND s.absolute_end = $5 AND s.id = g.session
                AND u.key = s.user_key AND c.key = g.client_key AND i.one
                AND c.id = $7
                AND $1 < s.idle_end AND $1 < $5
                AND u.enabled AND c.enabled
                AND u.epoch = s.user_epoch AND c.epoch = g.client_epoch AND i.epoch = s.issuer_epoch
                AND g.cur = $8 AND g.floor <= $8 AND g.cur < 4294967295
                AND greatest($1 - g.handed_at, 0) >= $10
                AND NOT (
                    least($9, $5) > s.idle_end
                    AND (least($9, $5) - s.idle_end) * 16 >= greatest(least($9, $5) - $1, 0)
                )
            RETURNING
                u.id, u.email, u.username, u.name, u.roles::text, u.attributes::text,
                u.enabled, u.epoch, u.created_at, u.updated_at,
                s.id AS session, s.user_epoch, s.issuer_epoch, s.auth_time, s.amr::text, s.idle_end, s.device, s.address,
                g.client_epoch, g.scope, g.style, g.cur, g.prev, g.floor, g.rotated_at, g.handed_at,
                g.retries, g.recoveries, g.network, g.strangers, g.stranger_now,
                c.id AS client, g.handle, 'rotated'::text, g.absolute_end, true
        )
        SELECT * FROM usual UNION ALL SELECT * FROM (
            {}
        ) verb WHERE NOT EXISTS (SELECT FROM usual)",
        super::sessions::ROTATE
    )
}
