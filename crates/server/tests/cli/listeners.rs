//! What listens where.

use std::time::Duration;

use crate::binary::Server;
use crate::binary::http::Connection;
use crate::temp::TempDir;

#[test]
fn metrics_have_a_listener_of_their_own() {
    let folder = TempDir::new();
    let settings = [("COUNTERSIGN_METRICS_LISTEN", "localhost:0")];
    let server = Server::start(folder.path(), 0, &settings);
    let ask = |port, path| {
        let mut connection = Connection::open(port, Duration::from_secs(10)).unwrap();
        connection.send("GET", path, None, None).unwrap()
    };
    ask(server.port, "/livez").expect(200);
    ask(server.port, "/metrics").expect(404);
    ask(server.metrics_port(), "/livez").expect(404);
    let metrics = ask(server.metrics_port(), "/metrics").expect(200);
    let text = metrics.body.as_str().unwrap();
    assert!(
        text.contains("countersign_http_request_duration_seconds"),
        "{text}"
    );
    server.stop();
}

/// Clients that take `localhost` for `::1` find the same server.
#[test]
fn localhost_is_both_loopback_addresses() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let v6 = std::net::TcpStream::connect(("::1", server.port));
    let has_v6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(v6.is_ok(), has_v6, "{v6:?}");
    Connection::open(server.port, Duration::from_secs(10)).unwrap();
    server.stop();
}
