//! Connecting: what is asked of the server, the settings of every connection, the schema.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};

use super::skew;
use crate::schema::{Known, SchemaState, Verdict};

/// How to use a database.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// How many connections there are at most.
    pub connections: NonZeroUsize,
    /// How long a verb may take, waiting for a connection included.
    pub patience: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);
        Self {
            connections: TEN,
            patience: Duration::from_secs(5),
        }
    }
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be read. It may hold a password, so it is not repeated here.
    #[error(
        "the address of the database cannot be read: {0}; expected is postgres://user@host/database"
    )]
    Address(#[source] tokio_postgres::Error),
    /// It would go over a network in the clear.
    #[error(
        "{host} is another machine, and this version speaks no TLS to PostgreSQL: use a socket or a tunnel, \
         or, in a network that nobody else can read, add sslmode=disable"
    )]
    Clear {
        /// Where the database is.
        host: String,
    },
    /// It asks for TLS.
    #[error(
        "sslmode=require asks for TLS, which this version does not speak to PostgreSQL: use a socket or a tunnel"
    )]
    Tls,
    /// The server cannot be reached, or lets nobody in.
    #[error("cannot connect to PostgreSQL: {0}")]
    Connect(#[source] tokio_postgres::Error),
    /// It is older than what the schema needs.
    #[error("this is PostgreSQL {found}, and 15 or later is needed")]
    Old {
        /// Its version.
        found: String,
    },
    /// Its texts are in another encoding.
    #[error("the database's encoding is {found}: make it anew with ENCODING 'UTF8'")]
    Encoding {
        /// Which one.
        found: String,
    },
    /// It was written by a newer version of this program.
    #[error(
        "the database has schema {found}; this version knows none above {known}, and cannot live with it: run the \
         newer version, or restore the backup from before the upgrade"
    )]
    Newer {
        /// The version of its schema.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// Older versions of this program are connected that could not go on.
    #[error(
        "a node is connected whose version knows the schema up to {connected}, and the new schema asks for {oldest}: \
         take all nodes to the version in between first, or stop them"
    )]
    OldNodes {
        /// What the oldest of them knows.
        connected: i32,
        /// What a version must know to live with the new schema.
        oldest: i32,
    },
    /// A store is on its way into it.
    #[error(
        "a store is being moved into this database, and that is not finished: run `countersign move` again until it is, \
         or drop the schema `countersign`"
    )]
    HalfMoved,
    /// So it is, at this moment.
    #[error("somebody moves a store into this database at this moment")]
    BeingMoved,
    /// It refused what was asked of it.
    #[error("the database cannot be used: {0}")]
    Sql(#[source] tokio_postgres::Error),
    /// Its schema could not be brought up to date; it is as it was.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(#[source] Box<refinery::Error>),
}

/// What every connection is set to, whatever the database's own settings are: the verbs rely on it. Nothing waits
/// longer on the server than its caller does here.
const SETTINGS: &str = "
    SET search_path = countersign, pg_temp;
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = '5s';
    SET lock_timeout = '4s';
    SET client_min_messages = 'warning';
    SET jit = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

/// Nobody is let in within this time: the server is away.
const CONNECT: Duration = Duration::from_secs(2);
/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

mod migrations {
    refinery::embed_migrations!("src/postgres/schema");
}

/// What this version knows of schemas.
pub(super) fn known() -> Known {
    Known::of(&migrations::migrations::runner())
}

/// Reads an address.
pub(super) fn config(url: &str) -> Result<Config, ConnectError> {
    let mut config: Config = url.parse().map_err(ConnectError::Address)?;
    match config.get_ssl_mode() {
        SslMode::Disable => {}
        SslMode::Prefer => {
            if let Some(host) = config.get_hosts().iter().find_map(elsewhere) {
                return Err(ConnectError::Clear {
                    host: host.to_owned(),
                });
            }
        }
        _ => return Err(ConnectError::Tls),
    }
    if config.get_application_name().is_none() {
        config.application_name("countersign");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    config.tcp_user_timeout(UNACKNOWLEDGED);
    config.keepalives_idle(UNACKNOWLEDGED);
    Ok(config)
}

/// One connection, ready for verbs.
pub(super) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let client = bare(config).await?;
    client.batch_execute(SETTINGS).await?;
    skew::enter(&client, known().newest).await?;
    Ok(client)
}

/// Sees that the database can be used, and brings its schema up to date.
pub(super) async fn prepare(config: &Config) -> Result<Client, ConnectError> {
    let mut client = bare(config).await.map_err(ConnectError::Connect)?;
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
                    current_setting('server_encoding')",
            &[],
        )
        .await
        .map_err(ConnectError::Sql)?;
    if row.get::<_, i32>(0) < 150_000 {
        return Err(ConnectError::Old { found: row.get(1) });
    }
    let encoding: String = row.get(2);
    if encoding != "UTF8" {
        return Err(ConnectError::Encoding { found: encoding });
    }
    // One node at a time; the lock goes with the connection.
    client
        .batch_execute(
            "SELECT pg_advisory_lock(hashtext('countersign'), hashtext('migration'));
             DO $$ BEGIN
                 IF to_regnamespace('countersign') IS NULL THEN
                     CREATE SCHEMA countersign;
                 END IF;
             END $$;
             SET search_path = countersign, pg_temp;
             SET client_min_messages = 'warning';",
        )
        .await
        .map_err(ConnectError::Sql)?;
    migrate(&mut client).await?;
    client
        .batch_execute("SELECT pg_advisory_unlock(hashtext('countersign'), hashtext('migration'))")
        .await
        .map_err(ConnectError::Sql)?;
    Ok(client)
}

/// A store that is on its way into the database is whole nowhere yet.
pub(super) async fn refuse_half_moved(client: &Client) -> Result<(), ConnectError> {
    let row = client
        .query_one("SELECT to_regclass('moving') IS NOT NULL", &[])
        .await
        .map_err(ConnectError::Sql)?;
    if row.try_get(0).map_err(ConnectError::Sql)? {
        return Err(ConnectError::HalfMoved);
    }
    Ok(())
}

/// Sees that nobody else moves a store into the database, as long as this connection lasts.
pub(super) async fn alone(client: &Client) -> Result<(), ConnectError> {
    let row = client
        .query_one(
            "SELECT pg_try_advisory_lock(hashtext('countersign'), hashtext('move'))",
            &[],
        )
        .await
        .map_err(ConnectError::Sql)?;
    if row.try_get(0).map_err(ConnectError::Sql)? {
        return Ok(());
    }
    Err(ConnectError::BeingMoved)
}

/// Where a database is, without what lets one in.
pub(super) fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    });
    let hosts: Vec<_> = hosts.collect();
    let database = config.get_dbname().unwrap_or("(the user's database)");
    format!("PostgreSQL at {}, database {database}", hosts.join(", "))
}

async fn migrate(client: &mut Client) -> Result<(), ConnectError> {
    let runner = migrations::migrations::runner().set_grouped(true);
    let known = Known::of(&runner);
    let before = skew::found(client).await.map_err(ConnectError::Sql)?;
    let state = known.compare(before);
    match state.verdict {
        Verdict::Current | Verdict::AheadButLivesWith => return Ok(()),
        Verdict::Ahead => {
            return Err(ConnectError::Newer {
                found: state.found,
                known: state.known,
            });
        }
        Verdict::Behind => {}
    }
    let demanded_before = skew::demand(client, known.oldest).await?;
    let migrated = runner.run_async(client).await;
    if let Err(cause) = migrated {
        // Whoever could live with it still can. If this fails too, the next start sees to it.
        drop(skew::set(client, demanded_before).await);
        return Err(ConnectError::Migration(Box::new(cause)));
    }
    Ok(())
}

/// How the schema stands to what this version knows. Nothing is changed.
pub(super) async fn schema(config: &Config) -> Result<SchemaState, ConnectError> {
    let client = bare(config).await.map_err(ConnectError::Connect)?;
    let found = async {
        client
            .batch_execute("SET search_path = countersign, pg_temp")
            .await?;
        skew::found(&client).await
    };
    Ok(known().compare(found.await.map_err(ConnectError::Sql)?))
}

async fn bare(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection to PostgreSQL was lost");
        }
    });
    Ok(client)
}

/// The name of a host that is another machine, as far as can be told from it.
fn elsewhere(host: &Host) -> Option<&str> {
    match host {
        Host::Tcp(name) => {
            let here = name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback());
            (!here).then_some(name)
        }
        #[cfg(unix)]
        Host::Unix(_) => None,
    }
}
