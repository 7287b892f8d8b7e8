//! Connecting: how the address is read, what is refused, how a lost connection comes back.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::failure::Failure;
use super::link::Link;

/// Nobody is let in within this time: the server is away.
const CONNECT: Duration = Duration::from_secs(1);
/// No answer came within this time.
const ANSWER: Duration = Duration::from_secs(2);

/// With this at its end, an address may be another machine's without TLS.
const CLEAR: &str = "?tls=off";

/// Why a Redis server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The address cannot be read. It may hold a password, so it is not repeated here.
    #[error(
        "the address of Redis cannot be read; expected is rediss://user:password@host:port, or redis:// on this \
         machine, or redis+unix:///path"
    )]
    Address,
    /// It would go over a network in the clear.
    #[error(
        "{host} is another machine, and redis:// has no TLS: write rediss://, or, in a network that nobody else can read \
         or write to, add ?tls=off"
    )]
    Clear {
        /// Where the server is.
        host: String,
    },
    /// The server cannot be reached, or lets nobody in.
    #[error("cannot connect to Redis: {0}")]
    Connect(#[source] redis::RedisError),
    /// It is older than what the scripts need.
    #[error("this is Redis {found}, and 7.0 or later is needed")]
    Old {
        /// Its version.
        found: String,
    },
    /// It refused what was asked of it.
    #[error("Redis cannot be used: {0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RedisError {
    pub(super) fn refused(failure: Failure) -> Self {
        Self::Refused(failure.into())
    }
}

/// Reads an address.
pub(super) fn info(url: &str) -> Result<ConnectionInfo, RedisError> {
    let (url, may_be_clear) = match url.strip_suffix(CLEAR) {
        Some(url) => (url, true),
        None => (url, false),
    };
    let info = url
        .into_connection_info()
        .map_err(|_| RedisError::Address)?;
    match info.addr() {
        ConnectionAddr::Tcp(host, _) if !may_be_clear && !is_here(host) => {
            Err(RedisError::Clear { host: host.clone() })
        }
        ConnectionAddr::TcpTls { insecure: true, .. } => Err(RedisError::Address),
        _ => Ok(info),
    }
}

/// Connects to the server, or to the cluster that it is a member of.
pub(super) async fn connect(url: &str) -> Result<Link, RedisError> {
    let info = info(url)?;
    let client = Client::open(info.clone()).map_err(RedisError::Connect)?;
    // An attempt that fails is answered at once, and the next verb makes another: nobody waits for a server that is away,
    // and it is used again with the first verb after it is back.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(ANSWER));
    let server = ConnectionManager::new_with_config(client, config)
        .await
        .map_err(RedisError::Connect)?;
    let server = Link::Server(server);
    let about: String = server
        .ask(redis::cmd("INFO").arg("server"))
        .await
        .map_err(RedisError::refused)?;
    let found = line(&about, "redis_version").unwrap_or("of an unknown version");
    let major = found
        .split('.')
        .next()
        .and_then(|it| it.parse::<u32>().ok());
    if major.is_none_or(|major| major < 7) {
        return Err(RedisError::Old {
            found: found.to_owned(),
        });
    }
    if line(&about, "redis_mode") != Some("cluster") {
        return Ok(server);
    }
    let cluster = ClusterClient::builder([info])
        .connection_timeout(CONNECT)
        .response_timeout(ANSWER)
        .retries(2)
        .build()
        .map_err(RedisError::Connect)?;
    let cluster = cluster
        .get_async_connection()
        .await
        .map_err(RedisError::Connect)?;
    Ok(Link::Cluster(cluster))
}

/// What `INFO` says under a name.
fn line<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
