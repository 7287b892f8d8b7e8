//! Fetches a small document, such as a key set, from an address that somebody named.
//!
//! One request, one answer, and nothing else: no redirect is followed, no cookie, credential or
//! proxy is used, and what the answer says about its own type is not believed.

mod ask;
mod public;
mod url;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) use ask::{Answer, ask, exchange, request};
pub(crate) use public::is_public;
pub use url::{InvalidUrl, Url};

/// The largest document that is taken.
pub const MAX_DOCUMENT: usize = 1024 * 1024;

/// What may be fetched, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which machines may be asked.
    pub reach: Reach,
    /// How long all of it may take, from the look-up of the name to the last byte.
    pub patience: Duration,
}

/// Which machines may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every machine: the address was typed by somebody who could ask it themselves.
    Anywhere,
    /// Machines of the public Internet alone. For addresses that come from somebody else, who must
    /// not learn through us what is on this machine and behind it (server-side request forgery).
    Public,
}

impl Policy {
    /// Every machine, within ten seconds.
    pub const ANYWHERE: Self = Self {
        reach: Reach::Anywhere,
        patience: Duration::from_secs(10),
    };

    /// The public Internet alone, within ten seconds.
    pub const PUBLIC: Self = Self {
        reach: Reach::Public,
        ..Self::ANYWHERE
    };

    /// Asked of the very address that is then connected to: a name that is looked up twice can
    /// lead to two machines (DNS rebinding).
    fn allows(self, url: &Url, address: IpAddr) -> bool {
        let in_the_clear = !url.is_secure();
        let is_loopback = address.to_canonical().is_loopback();
        let is_in_reach = self.reach == Reach::Anywhere || is_public(address);
        is_in_reach && (is_loopback || !in_the_clear)
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The name leads nowhere.
    #[error("{host} cannot be found: {error}")]
    Unresolved {
        /// Whose address was looked for.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// The policy forbids every address of this host.
    #[error("{host} is not on the public Internet: addresses of private networks are not asked")]
    Forbidden {
        /// Who was not asked.
        host: String,
    },
    /// Nobody listens there.
    #[error("{host} cannot be reached: {error}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// This machine trusts nobody.
    #[error(
        "this machine has no list of trusted certificates: install its package ca-certificates, or name a PEM file in SSL_CERT_FILE"
    )]
    NoRoots,
    /// TLS came to no agreement: mostly a certificate that this machine does not trust.
    #[error(
        "no secure connection to {host}: {error} (who is trusted, the machine says, or SSL_CERT_FILE)"
    )]
    Tls {
        /// Who was asked.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// No HTTP, or broken off.
    #[error("{host} gives no answer: {error}")]
    Http {
        /// Who was asked.
        host: String,
        /// Why.
        error: hyper::Error,
    },
    /// Another answer than 200.
    #[error("{host} answers {status}{}", hint(*status))]
    Status {
        /// Who answered.
        host: String,
        /// What.
        status: StatusCode,
    },
    /// Longer than [`MAX_DOCUMENT`].
    #[error("what {host} answers is larger than {} KiB", MAX_DOCUMENT / 1024)]
    TooLarge {
        /// Who answered.
        host: String,
    },
    /// The answer was not there in time.
    #[error("{host} does not answer within {} s", patience.as_secs_f64())]
    TooSlow {
        /// Who was asked.
        host: String,
        /// How long was waited.
        patience: Duration,
    },
}

fn hint(status: StatusCode) -> &'static str {
    if status.is_redirection() {
        "; redirects are not followed: name the address where it is"
    } else {
        "; 200 is needed"
    }
}

/// Fetches what is there.
///
/// `https` goes everywhere that the policy allows, `http` to this machine alone.
///
/// # Errors
/// [`FetchError`]; it repeats nothing of what was answered.
pub async fn fetch(url: &Url, policy: Policy) -> Result<Bytes, FetchError> {
    let too_slow = |_| FetchError::TooSlow {
        host: url.host().to_owned(),
        patience: policy.patience,
    };
    let work = async {
        let answer = ask(url, policy, document(url)).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            let host = url.host().to_owned();
            return Err(FetchError::Status { host, status });
        }
        answer.document().await
    };
    timeout(policy.patience, work).await.map_err(too_slow)?
}

/// The question what is there.
fn document(url: &Url) -> Request<Full<Bytes>> {
    let mut request = request(url);
    request.headers_mut().insert(
        header::ACCEPT,
        header::HeaderValue::from_static("application/jwk-set+json, application/json"),
    );
    request
}

/// A connection to a machine that the policy allows.
pub(crate) async fn reach(url: &Url, policy: Policy) -> Result<TcpStream, FetchError> {
    let addresses = resolve(url, policy).await?;
    connect(url, policy, &addresses).await
}

/// The addresses of the host that the policy allows; never none.
async fn resolve(url: &Url, policy: Policy) -> Result<Vec<SocketAddr>, FetchError> {
    let host = || url.host().to_owned();
    let found = tokio::net::lookup_host((url.host(), url.port()))
        .await
        .map_err(|error| FetchError::Unresolved {
            host: host(),
            error,
        })?;
    let allowed: Vec<SocketAddr> = found
        .filter(|address| policy.allows(url, address.ip()))
        .collect();
    if allowed.is_empty() {
        return Err(FetchError::Forbidden { host: host() });
    }
    Ok(allowed)
}

/// To the first that answers. One that is silent does not use up the time of the others.
async fn connect(
    url: &Url,
    policy: Policy,
    addresses: &[SocketAddr],
) -> Result<TcpStream, FetchError> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match timeout(policy.patience / 3, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(FetchError::Unreachable {
        host: url.host().to_owned(),
        error: last,
    })
}

/// TLS on a connection, with whom this machine trusts.
pub(crate) async fn secure(
    url: &Url,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, FetchError> {
    let tls = |error| FetchError::Tls {
        host: url.host().to_owned(),
        error,
    };
    let roots = trusted().await.ok_or(FetchError::NoRoots)?;
    let config = client_config(roots).map_err(|error| tls(io::Error::other(error)))?;
    TlsConnector::from(Arc::new(config))
        .connect(url.server_name(), stream)
        .await
        .map_err(tls)
}

/// The machine's own list of trusted roots, if it has one.
pub(crate) async fn trusted() -> Option<RootCertStore> {
    // Read anew each time: it is rare, and who is trusted may have changed. A file, so not on this thread.
    let read = || {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs().certs;
        let (added, _) = roots.add_parsable_certificates(found);
        (added > 0).then_some(roots)
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
