//! Fetching a small document from somebody who may be hostile.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::fetch::{FetchError, MAX_DOCUMENT, Policy, Reach, Url, fetch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Somebody who answers the same to everybody.
struct Peer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    request: oneshot::Receiver<String>,
}

impl Peer {
    /// Answers `answer`, then `more` without end, or closes if that is nothing.
    async fn answering(answer: Vec<u8>, more: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (send, request) = oneshot::channel();
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut send = Some(send);
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                if let Some(send) = send.take() {
                    drop(send.send(String::from_utf8(head).unwrap()));
                }
                // Who has seen enough goes.
                let mut going = stream.write_all(&answer).await;
                while going.is_ok() && !more.is_empty() {
                    going = stream.write_all(&more).await;
                }
            }
        });
        Self {
            address,
            asked,
            request,
        }
    }

    fn url(&self) -> Url {
        let port = self.address.port();
        format!("http://localhost:{port}/keys?v=1").parse().unwrap()
    }
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn one_request_one_answer() {
    let peer = Peer::answering(ok("{\"keys\":[]}"), Vec::new()).await;
    let document = fetch(&peer.url(), Policy::ANYWHERE).await.unwrap();
    assert_eq!(document, "{\"keys\":[]}");
    assert_eq!(peer.asked.load(Ordering::SeqCst), 1);
    let port = peer.address.port();
    let request = peer.request.await.unwrap().to_lowercase();
    assert!(
        request.starts_with("get /keys?v=1 http/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("\r\nhost: localhost:{port}\r\n")),
        "{request}"
    );
    for never in ["cookie", "authorization", "referer", "accept-encoding"] {
        assert!(!request.contains(never), "{request}");
    }
}

#[tokio::test]
async fn a_body_in_pieces_and_one_without_a_length() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n";
    let open = "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}";
    for answer in [chunked, open] {
        let peer = Peer::answering(answer.as_bytes().to_vec(), Vec::new()).await;
        let document = fetch(&peer.url(), Policy::ANYWHERE).await.unwrap();
        assert_eq!(document, "{\"a\":1}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Peer::answering(ok("{}"), Vec::new()).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            target.url()
        );
        let peer = Peer::answering(answer.into_bytes(), Vec::new()).await;
        let error = fetch(&peer.url(), Policy::ANYWHERE).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Status { status, .. } if status.is_redirection()),
            "{error}"
        );
        assert!(error.to_string().contains("not followed"), "{error}");
    }
    assert_eq!(target.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_but_200_is_a_document() {
    for status in ["204 No Content", "206 Partial", "404 Not Found", "500 Oops"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}");
        let peer = Peer::answering(answer.into_bytes(), Vec::new()).await;
        let error = fetch(&peer.url(), Policy::ANYWHERE).await.unwrap_err();
        assert!(matches!(error, FetchError::Status { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_not_read_to_its_end() {
    let exactly = Peer::answering(ok(&"x".repeat(MAX_DOCUMENT)), Vec::new()).await;
    let document = fetch(&exactly.url(), Policy::ANYWHERE).await.unwrap();
    assert_eq!(document.len(), MAX_DOCUMENT);

    let one_more = Peer::answering(ok(&"x".repeat(MAX_DOCUMENT + 1)), Vec::new()).await;
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let endless = Peer::answering(
        endless,
        format!("1000\r\n{}\r\n", "x".repeat(4096)).into_bytes(),
    )
    .await;
    let no_length = Peer::answering(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 4096]).await;
    for peer in [one_more, endless, no_length] {
        let error = fetch(&peer.url(), Policy::ANYWHERE).await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    }
    let head = Peer::answering(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".repeat(100)).await;
    let error = fetch(&head.url(), Policy::ANYWHERE).await.unwrap_err();
    assert!(matches!(error, FetchError::Http { .. }), "{error}");
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let soon = Policy {
        patience: Duration::from_millis(150),
        ..Policy::ANYWHERE
    };
    // Bound, and never accepting: the connection comes about, and nothing else.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for scheme in ["http", "https"] {
        let url: Url = format!("{scheme}://127.0.0.1:{port}/").parse().unwrap();
        let error = fetch(&url, soon).await.unwrap_err();
        assert!(matches!(error, FetchError::TooSlow { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_http_or_no_tls_is_refused() {
    let peer = Peer::answering(b"SSH-2.0-OpenSSH\r\n".to_vec(), Vec::new()).await;
    let error = fetch(&peer.url(), Policy::ANYWHERE).await.unwrap_err();
    assert!(matches!(error, FetchError::Http { .. }), "{error}");

    let half = Peer::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_vec(),
        Vec::new(),
    );
    let error = fetch(&half.await.url(), Policy::ANYWHERE)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Http { .. }), "{error}");

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let url: Url = format!("http://127.0.0.1:{port}/").parse().unwrap();
    let error = fetch(&url, Policy::ANYWHERE).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

/// Server-side request forgery: the address is judged, whatever name leads to it.
#[tokio::test]
async fn private_machines_are_not_asked_for_strangers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for origin in [
        "http://localhost",
        "https://localhost",
        "http://127.0.0.1",
        "https://127.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://10.0.0.1",
        "https://169.254.169.254",
    ] {
        let url: Url = format!("{origin}:{port}/").parse().unwrap();
        let error = fetch(&url, Policy::PUBLIC).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Forbidden { .. }),
            "{origin}: {error}"
        );
    }
    // It does not block: whoever connected would be there by now.
    let waiting = listener.into_std().unwrap().accept();
    assert_eq!(waiting.unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(Policy::PUBLIC.reach, Reach::Public);
}
