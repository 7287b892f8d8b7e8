//! TLS: the certificate, its change while the server runs, and what HTTPS adds to answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::http::{Settings, router};
use countersign::listen::{self, Limits};
use countersign::tls::{Tls, TlsError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
    connect_for(&[], address, certificate).await
}

/// The same, for one of these protocols.
async fn connect_for(
    protocols: &[&[u8]],
    address: std::net::SocketAddr,
    certificate: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
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
    stream.write_all(&ask).await.unwrap();
    let _ = stream.read_to_end(&mut nothing).await;
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

/// One frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Whoever answers every ping and asks for nothing loses the connection; an answer that goes on is no rest.
#[tokio::test]
async fn a_connection_without_a_stream_is_closed() {
    const REST: Duration = Duration::from_millis(300);
    let folder = TempDir::new();
    write(folder.path(), FIRST);
    let tls = Arc::new(load(folder.path()).unwrap());
    let slowly = || async {
        tokio::time::sleep(REST * 3).await;
        "the end"
    };
    let routes = axum::Router::new().route("/", axum::routing::get(slowly));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        header_timeout: REST,
        connections: 1,
        ..Limits::default()
    };
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(listen::serve(listener, Some(tls), routes, limits, stopped));

    // There is one place, and each waits for the one before to lose it.
    for asks in [false, true, false] {
        let mut stream = connect_for(&[b"h2"], address, FIRST.0).await.unwrap();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        stream.write_all(&preface).await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        if asks {
            // :method GET, :scheme https, :path / of the static table, and :authority localhost (RFC 7541).
            let head = [&[0x82, 0x87, 0x84, 0x41, 9][..], b"localhost"].concat();
            let ask = frame(HEADERS, END_STREAM | END_HEADERS, 1, &head);
            stream.write_all(&ask).await.unwrap();
        }
        let mut data = Vec::new();
        let mut goodbyes = 0;
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
            match (head[3], head[4]) {
                (DATA, _) => data.extend(payload),
                (PING, 0) => {
                    // It may be gone by now.
                    let _ = stream.write_all(&frame(PING, ACK, 0, &payload)).await;
                }
                (GOAWAY, _) => goodbyes += 1,
                _ => {}
            }
        }
        assert!(goodbyes > 0, "it was said");
        assert_eq!(data, if asks { &b"the end"[..] } else { b"" });
    }
}
