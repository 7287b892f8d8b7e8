//! One request, one answer: no redirect is followed, no cookie and no proxy is used, and nothing
//! of an answer is taken beyond its bounds.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::address::{Address, BadAddress, InTheClear, is_loopback};

/// The largest document that is taken.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// The largest head of an answer that is read.
const MAX_HEAD: usize = 64 * 1024;

/// Asks an issuer.
pub(super) struct Client {
    trusts_nobody: bool,
    tls: Arc<ClientConfig>,
    in_the_clear: InTheClear,
    patience: Duration,
}

/// An answer, whole.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer whose body still comes. Its connection ends with it.
pub(super) struct Opened {
    pub answer: Response<Incoming>,
    _connection: AbortOnDrop,
}

/// What is asked; built by [`get`] and [`post`].
pub(super) type Asked = Request<Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The name leads nowhere, or nobody listens there.
    #[error("{host} cannot be reached: {error}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// `http` may go to this machine alone, and the name leads to another.
    #[error("{host} is not this machine: plain http does not leave it")]
    InTheClear {
        /// Who was not asked.
        host: String,
    },
    /// TLS came to no agreement: mostly a certificate that is not trusted here.
    #[error("no secure connection to {host}: {error}")]
    Tls {
        /// Who was asked.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// No HTTP, or broken off, or longer than is taken.
    #[error("{host} gives no answer that can be used: {error}")]
    Http {
        /// Who was asked.
        host: String,
        /// Why.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing came in time.
    #[error("{host} does not answer within {} s", patience.as_secs_f64())]
    TooSlow {
        /// Who was asked.
        host: String,
        /// How long was waited.
        patience: Duration,
    },
}

/// Why nobody could be trusted over TLS.
#[derive(Debug, thiserror::Error)]
pub enum NoTrust {
    /// This machine trusts nobody.
    #[error(
        "this machine has no list of trusted certificates: install its package ca-certificates, \
         name a PEM file in SSL_CERT_FILE, or say Options::trusting_only"
    )]
    NoRoots,
    /// What was given is no certificate.
    #[error("the certificates to trust cannot be read: PEM is needed, of one or more of them")]
    BadPem,
    /// The TLS library could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// `GET`, for what is of this type.
pub(super) fn get(address: &Address, accept: &'static str) -> Asked {
    asked(address, http::Method::GET, accept, Bytes::new())
}

/// `POST` of a form, answered as JSON.
pub(super) fn post(address: &Address, form: String) -> Asked {
    let json = "application/json";
    let mut request = asked(address, http::Method::POST, json, form.into());
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, form);
    request
}

fn asked(address: &Address, method: http::Method, accept: &'static str, body: Bytes) -> Asked {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = address.target();
    let headers = request.headers_mut();
    headers.insert(header::HOST, address.authority.clone());
    let agent = concat!("countersign-guard/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        (header::ACCEPT, accept),
        (header::USER_AGENT, agent),
        (header::CONNECTION, "close"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    request
}

impl Client {
    /// Trusts the certificates in `roots` (PEM) alone, or whom this machine trusts.
    pub fn new(
        roots: Option<&[u8]>,
        in_the_clear: InTheClear,
        patience: Duration,
    ) -> Result<Self, NoTrust> {
        let trusted = trusted(roots)?;
        // Where everything stays on this machine, nobody needs to be trusted.
        Ok(Self {
            trusts_nobody: trusted.is_empty(),
            tls: Arc::new(tls(trusted)?),
            in_the_clear,
            patience,
        })
    }

    pub fn parse(&self, address: &str) -> Result<Address, BadAddress> {
        Address::parse(address, self.in_the_clear)
    }

    /// Whether a secure connection to anybody could be made.
    pub fn trusts_nobody(&self) -> bool {
        self.trusts_nobody
    }

    /// The whole answer, in time.
    pub async fn ask(&self, address: &Address, asked: Asked) -> Result<Answer, NoAnswer> {
        let work = async {
            let opened = self.exchange(address, asked).await?;
            let (head, body) = opened.answer.into_parts();
            let body = Limited::new(body, MAX_DOCUMENT).collect().await;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.map_err(|error| broken(address, error))?.to_bytes(),
            })
        };
        self.in_time(address, work).await
    }

    /// The head of the answer, in time; the body as it comes.
    pub async fn open(&self, address: &Address, asked: Asked) -> Result<Opened, NoAnswer> {
        self.in_time(address, self.exchange(address, asked)).await
    }

    async fn in_time<T>(
        &self,
        address: &Address,
        work: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, NoAnswer> {
        let patience = self.patience;
        timeout(patience, work).await.unwrap_or_else(|_| {
            let host = address.host.clone();
            Err(NoAnswer::TooSlow { host, patience })
        })
    }

    async fn exchange(&self, address: &Address, asked: Asked) -> Result<Opened, NoAnswer> {
        let stream = self.connect(address).await?;
        if !address.is_secure {
            return exchange(address, stream, asked).await;
        }
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let name = address.server_name.clone();
        let stream = connector.connect(name, stream).await.map_err(|error| {
            let host = address.host.clone();
            NoAnswer::Tls { host, error }
        })?;
        exchange(address, stream, asked).await
    }

    /// To the first that answers. One that is silent does not use up the time of the others.
    async fn connect(&self, address: &Address) -> Result<TcpStream, NoAnswer> {
        let host = || address.host.clone();
        let unreachable = |error| NoAnswer::Unreachable {
            host: host(),
            error,
        };
        let found = tokio::net::lookup_host((address.host.as_str(), address.port))
            .await
            .map_err(unreachable)?;
        let must_stay_here = !address.is_secure && self.in_the_clear == InTheClear::Loopback;
        let mut last = None;
        for socket in found.filter(|socket| !must_stay_here || is_loopback(socket.ip())) {
            match timeout(self.patience / 3, TcpStream::connect(socket)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last.map_or_else(|| NoAnswer::InTheClear { host: host() }, unreachable))
    }
}

async fn exchange(
    address: &Address,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    asked: Asked,
) -> Result<Opened, NoAnswer> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(address, error.into()))?;
    // What becomes of the connection, whoever reads the answer hears.
    let connection = AbortOnDrop(tokio::spawn(async { drop(connection.await) }));
    let answer = sender.send_request(asked).await;
    Ok(Opened {
        answer: answer.map_err(|error| broken(address, error.into()))?,
        _connection: connection,
    })
}

fn broken(address: &Address, error: Box<dyn std::error::Error + Send + Sync>) -> NoAnswer {
    let host = address.host.clone();
    NoAnswer::Http { host, error }
}

fn trusted(roots: Option<&[u8]>) -> Result<RootCertStore, NoTrust> {
    let mut trusted = RootCertStore::empty();
    let Some(pem) = roots else {
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(trusted);
    };
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| NoTrust::BadPem)?;
        trusted.add(certificate).map_err(|_| NoTrust::BadPem)?;
    }
    if trusted.is_empty() {
        return Err(NoTrust::BadPem);
    }
    Ok(trusted)
}

fn tls(trusted: RootCertStore) -> Result<ClientConfig, NoTrust> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(NoTrust::Setup)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A task that ends when nobody needs it any more.
pub(super) struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
