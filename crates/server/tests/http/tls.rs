//! TLS: the certificate, its change while the server runs, and what HTTPS adds to answers.

use std::path::Path;
use std::sync::Arc;

use countersign::http::{Settings, router};
use countersign::listen::{self, Limits};
use countersign::tls::{Tls, TlsError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::{Options, Server};
use crate::support::client::{Request, exchange};
use crate::support::temp::TempDir;

const FIRST: (&str, &str) = (
    include_str!("data/first.pem"),
    include_str!("data/first.key.pem"),
);
const SECOND: (&str, &str) = (
    include_str!("data/second.pem"),
    include_str!("data/second.key.pem"),
);

fn write(folder: &Path, (certificate, key): (&str, &str)) {
    std::fs::write(folder.join("cert.pem"), certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

fn load(folder: &Path) -> Result<Tls, TlsError> {
    Tls::load(folder.join("cert.pem"), folder.join("key.pem"))
}

/// A connection that trusts this certificate and no other.
async fn connect(
    address: std::net::SocketAddr,
    certificate: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn https_answers_with_hsts_and_takes_up_a_new_certificate() {
    let folder = TempDir::new();
    write(folder.path(), FIRST);
    let tls = Arc::new(load(folder.path()).unwrap());
    let server = Server::with(Options {
        issuer: Some("https://localhost".to_owned()),
        http: Settings {
            tls: true,
            loopback: false,
            ..Settings::default()
        },
        ..Options::default()
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let routes = router(server.app.clone());
    tokio::spawn(listen::serve(
        listener,
        Some(tls.clone()),
        routes,
        Limits::default(),
        stopped,
    ));

    let ask = Request::get("/livez")
        .header("Host", "localhost")
        .bytes(address);
    let answer = exchange(connect(address, FIRST.0).await.unwrap(), &ask)
        .await
        .expect(200);
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=31536000")
    );

    // Plain HTTP on that port gets nothing, and harms nobody.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut nothing = Vec::new();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &ask)
        .await
        .unwrap();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut nothing).await;
    assert!(
        !nothing.starts_with(b"HTTP"),
        "{}",
        String::from_utf8_lossy(&nothing)
    );

    // A broken file changes nothing; a good one is used from then on.
    std::fs::write(folder.path().join("cert.pem"), "").unwrap();
    assert!(tls.reload().is_err());
    connect(address, FIRST.0).await.unwrap();
    write(folder.path(), SECOND);
    tls.reload().unwrap();
    assert!(connect(address, FIRST.0).await.is_err());
    let answer = exchange(connect(address, SECOND.0).await.unwrap(), &ask).await;
    assert_eq!(answer.status, 200);
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let folder = TempDir::new();
    let message = || load(folder.path()).unwrap_err().to_string();
    assert!(message().contains("cert.pem"), "{}", message());
    write(folder.path(), (FIRST.0, ""));
    assert!(message().contains("key.pem"), "{}", message());
    write(folder.path(), ("no PEM", FIRST.1));
    assert!(message().contains("holds no certificate"), "{}", message());
    write(folder.path(), (FIRST.0, SECOND.1));
    assert!(
        message().contains("cannot be used together"),
        "{}",
        message()
    );
}
