//! Connecting: what is asked of the server, the settings of every connection, the schema.

use std::future::poll_fn;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::Duration;

use refinery::Runner;
use tokio::time::sleep;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, NoTls, Socket};

use super::failure::Whole;
use super::skew;
use super::tls::{Stream, Tls};
use crate::schema::{Known, SchemaState, Verdict};

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
    /// A PEM file of the certificates of those who may vouch for the server, beside whom nobody is trusted; by default
    /// those whom this machine trusts. Naming one asks for TLS.
    pub root_certificates: Option<PathBuf>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);
        Self {
            connections: TEN,
            patience: Duration::from_secs(5),
            notify: true,
            root_certificates: None,
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
    /// It says that there is to be no TLS, and who is to vouch for the server in TLS.
    #[error("sslmode=disable and root certificates contradict each other: leave one of them out")]
    Contradiction,
    /// Who may vouch for the server cannot be read.
    #[error("the root certificates in {}: {cause}", file.display())]
    Roots {
        /// Where they should be.
        file: PathBuf,
        /// Why not.
        cause: String,
    },
    /// This machine trusts nobody.
    #[error(
        "this machine has no list of trusted certificates: install its package ca-certificates, or name a file of \
         root certificates"
    )]
    NoRoots,
    /// TLS cannot be spoken at all.
    #[error("TLS cannot be used: {0}")]
    Protocol(#[source] rustls::Error),
    /// The server cannot be reached, or lets nobody in.
    #[error("cannot connect to PostgreSQL: {}", Whole(.0))]
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
    #[error("the database cannot be used: {}", Whole(.0))]
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

/// For work that takes as long as it takes, and is as durable as the verbs' is.
const PATIENT: &str = "
    SET statement_timeout = 0;
    SET lock_timeout = 0;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

/// Lets what is revoked here wake those that listen.
const NOTIFY: &str = "SET countersign.notify = 'on'";

/// Nobody is let in within this time: the server is away.
const CONNECT: Duration = Duration::from_secs(2);
/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// Less than the verbs of those nodes wait.
const MIGRATION_WAITS: &str = "SET lock_timeout = '1s'";
const MIGRATION_TRIES: u32 = 60;
const MIGRATION_PAUSE: Duration = Duration::from_millis(200);

mod migrations {
    refinery::embed_migrations!("src/postgres/schema");
}

/// What this version knows of schemas.
pub(super) fn known() -> Known {
    Known::of(&migrations::migrations::runner())
}

/// Where a database is, and how every connection to it is made.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    /// How it is encrypted. Without, the address is a socket or this machine, or says that nobody else can read it.
    tls: Option<Tls>,
    pub(super) notify: bool,
}

impl Address {
    pub(super) fn new(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let mut config = config(url)?;
        let roots = options.root_certificates.as_deref();
        let is_encrypted = match config.get_ssl_mode() {
            SslMode::Disable if roots.is_some() => return Err(ConnectError::Contradiction),
            SslMode::Disable => false,
            // What the clients of PostgreSQL do by default, to go on in the clear if the server has no TLS, is what
            // whoever sits in between would choose.
            SslMode::Prefer => roots.is_some() || is_elsewhere(&config),
            _ => true,
        };
        config.ssl_mode(if is_encrypted {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        Ok(Self {
            tls: is_encrypted.then(|| Tls::new(roots)).transpose()?,
            config,
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
        skew::enter(&client, known().newest).await?;
        Ok(client)
    }

    /// A connection on which nothing was said, driven by a task of its own.
    async fn bare(&self) -> Result<Client, Error> {
        let (client, mut line) = self.dial().await?;
        tokio::spawn(async move {
            loop {
                match poll_fn(|context| line.poll_message(context)).await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::warn!(%error, "a connection to PostgreSQL was lost");
                        return;
                    }
                    None => return,
                }
            }
        });
        Ok(client)
    }

    /// A connection that its holder drives.
    pub(super) async fn dial(&self) -> Result<(Client, Line), Error> {
        if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await?;
            return Ok((client, Line::Encrypted(Box::new(connection))));
        }
        let (client, connection) = self.config.connect(NoTls).await?;
        Ok((client, Line::Plain(Box::new(connection))))
    }
}

/// The driven end of a connection.
pub(super) enum Line {
    Plain(Box<Connection<Socket, NoTlsStream>>),
    Encrypted(Box<Connection<Socket, Stream>>),
}

impl Line {
    /// See [`Connection::poll_message`].
    pub(super) fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, Error>>> {
        match self {
            Self::Plain(connection) => connection.poll_message(context),
            Self::Encrypted(connection) => connection.poll_message(context),
        }
    }
}

/// Reads an address.
fn config(url: &str) -> Result<Config, ConnectError> {
    let mut config: Config = in_our_words(url).parse().map_err(ConnectError::Address)?;
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

/// The client library knows of `require` alone, and whoever writes `verify-full` means what it is here: the same.
fn in_our_words(url: &str) -> String {
    const STRICT: &str = "sslmode=verify-full";
    for (at, _) in url.match_indices(STRICT) {
        let (before, rest) = url.split_at(at);
        let after = &rest[STRICT.len()..];
        let is_alone = (before.is_empty() || before.ends_with(['?', '&', ' ']))
            && (after.is_empty() || after.starts_with(['&', ' ']));
        if is_alone {
            return format!("{before}sslmode=require{after}");
        }
    }
    url.to_owned()
}

/// Sees that the database can be used, and brings its schema up to date.
pub(super) async fn prepare(address: &Address) -> Result<Client, ConnectError> {
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
    migrate(&mut client).await?;
    client
        .batch_execute("SELECT pg_advisory_unlock(hashtext('countersign'), hashtext('migration'))")
        .await
        .map_err(ConnectError::Sql)?;
    Ok(client)
}

/// From here on, nothing that this connection does is broken off for its length.
pub(super) async fn be_patient(client: &Client) -> Result<(), Error> {
    client.batch_execute(PATIENT).await
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
pub(super) fn place(url: &str) -> Result<String, ConnectError> {
    let config = config(url)?;
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    });
    let hosts: Vec<_> = hosts.collect();
    let database = config.get_dbname().unwrap_or("(the user's database)");
    let hosts = hosts.join(", ");
    Ok(format!("PostgreSQL at {hosts}, database {database}"))
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
    if let Err(cause) = migrate_between_others(&runner, client).await {
        // Whoever could live with it still can. If this fails too, the next start sees to it.
        drop(skew::set(client, demanded_before).await);
        return Err(cause);
    }
    Ok(())
}

/// Nodes are at work while a migration waits for their tables, and whatever comes after it waits for it. So it waits for a
/// moment, goes back behind them, and tries again.
async fn migrate_between_others(runner: &Runner, client: &mut Client) -> Result<(), ConnectError> {
    let say =
        async |client: &Client, sql| client.batch_execute(sql).await.map_err(ConnectError::Sql);
    say(client, MIGRATION_WAITS).await?;
    let mut tried = 1;
    while let Err(cause) = runner.run_async(client).await {
        if tried == MIGRATION_TRIES || !others_were_in_the_way(&cause) {
            return Err(ConnectError::Migration(Box::new(cause)));
        }
        tried += 1;
        sleep(MIGRATION_PAUSE).await;
    }
    say(client, "RESET lock_timeout").await
}

/// It was taken back as a whole: a lock was not to be had in time, or two waited for each other.
fn others_were_in_the_way(cause: &refinery::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(cause);
    while let Some(error) = cause {
        if let Some(code) = error.downcast_ref::<Error>().and_then(Error::code) {
            return *code == SqlState::LOCK_NOT_AVAILABLE
                || *code == SqlState::T_R_DEADLOCK_DETECTED;
        }
        cause = error.source();
    }
    false
}

/// How the schema stands to what this version knows. Nothing is changed.
pub(super) async fn schema(address: &Address) -> Result<SchemaState, ConnectError> {
    let client = address.bare().await.map_err(ConnectError::Connect)?;
    let found = async {
        client
            .batch_execute("SET search_path = countersign, pg_temp")
            .await?;
        skew::found(&client).await
    };
    Ok(known().compare(found.await.map_err(ConnectError::Sql)?))
}

/// Whether any of the hosts is another machine, as far as can be told from their names and addresses.
fn is_elsewhere(config: &Config) -> bool {
    let named = config.get_hosts().iter().any(|host| match host {
        Host::Tcp(name) => {
            let address: Option<IpAddr> = name.parse().ok();
            name != "localhost" && !address.is_some_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => false,
    });
    let mut addresses = config.get_hostaddrs().iter();
    named || addresses.any(|address| !address.is_loopback())
}
