//! Connecting: what is asked of the server, the settings of every connection, the schema.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, Error, NoTls, Socket};

/// How to use a database.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// How many connections there are at most.
    pub connections: NonZeroUsize,
    /// How long a verb may take, waiting for a connection included.
    pub patience: Duration,
    /// Whether those that listen are told of revocations (`LISTEN` and `NOTIFY`). Some engines that speak PostgreSQL's
    /// protocol cannot do it.
    pub notify: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);
        Self {
            connections: TEN,
            patience: Duration::from_secs(5),
            notify: true,
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
    Address(#[source] Error),
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
    Connect(#[source] Error),
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
        "the database has schema {found}, and this version knows none above {known}: run the newer version, \
         or restore the backup from before the upgrade"
    )]
    Newer {
        /// The version of its schema.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// It refused what was asked of it.
    #[error("the database cannot be used: {0}")]
    Sql(#[source] Error),
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

/// Lets what is revoked here wake those that listen.
const NOTIFY: &str = "SET countersign.notify = 'on'";

/// Nobody is let in within this time: the server is away.
const CONNECT: Duration = Duration::from_secs(2);
/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

mod migrations {
    refinery::embed_migrations!("src/postgres/schema");
}

/// Where a database is, and how every connection to it is made.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    pub(super) notify: bool,
}

impl Address {
    pub(super) fn new(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        Ok(Self {
            config: config(url)?,
            notify: options.notify,
        })
    }

    /// A connection, ready for verbs.
    pub(super) async fn connect(&self) -> Result<Client, Error> {
        let client = self.bare().await?;
        client.batch_execute(SETTINGS).await?;
        if self.notify {
            client.batch_execute(NOTIFY).await?;
        }
        Ok(client)
    }

    /// A connection on which nothing was said, driven by a task of its own.
    async fn bare(&self) -> Result<Client, Error> {
        let (client, connection) = self.dial().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection to PostgreSQL was lost");
            }
        });
        Ok(client)
    }

    /// A connection that its holder drives.
    pub(super) async fn dial(&self) -> Result<(Client, Connection<Socket, NoTlsStream>), Error> {
        self.config.connect(NoTls).await
    }
}

/// Whether a database could be connected to at this address, as far as the address itself says.
pub(super) fn check(url: &str) -> Result<(), ConnectError> {
    config(url).map(drop)
}

fn config(url: &str) -> Result<Config, ConnectError> {
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

/// Sees that the database can be used, and brings its schema up to date.
pub(super) async fn prepare(address: &Address) -> Result<(), ConnectError> {
    let mut client = address.bare().await.map_err(ConnectError::Connect)?;
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
    migrate(&mut client).await
}

async fn migrate(client: &mut Client) -> Result<(), ConnectError> {
    let runner = migrations::migrations::runner().set_grouped(true);
    let known = runner
        .get_migrations()
        .iter()
        .map(refinery::Migration::version)
        .max()
        .unwrap_or(0);
    let found = schema_version(client).await.map_err(ConnectError::Sql)?;
    if found > known {
        return Err(ConnectError::Newer { found, known });
    }
    runner
        .run_async(client)
        .await
        .map_err(|cause| ConnectError::Migration(Box::new(cause)))?;
    Ok(())
}

/// 0 for an empty database.
async fn schema_version(client: &Client) -> Result<i32, Error> {
    let exists = client
        .query_one(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL",
            &[],
        )
        .await?;
    if !exists.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let newest = client
        .query_one(
            "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
            &[],
        )
        .await?;
    newest.try_get(0)
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
