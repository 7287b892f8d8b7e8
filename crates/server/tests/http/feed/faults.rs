//! What a reader is told when something is wrong: a log that was rolled back, a store that is gone, a reader that is
//! slow, or mad.

use std::time::Duration;

use countersign::listen::{self, Limits};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use super::reader::{Pulled, Stream, page, revoke, token};
use super::streams::lively;
use crate::server::{Options, Server};
use crate::support::client::Request;

/// As if a backup had been restored in which the log ends at 2.
const ROLL_BACK: &str =
    "DELETE FROM revocations WHERE sequence > 2; UPDATE issuer SET sequence = 2";

async fn revoked(server: &Server, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        revoke(server, &format!("t{number}")).await;
    }
}

fn jtis(events: &[Value]) -> Vec<&str> {
    let named = events.iter().map(|event| event["jti"].as_str().unwrap());
    named.collect()
}

#[tokio::test]
async fn a_cursor_ahead_of_the_log_begins_a_new_incarnation() {
    let server = Server::start().await;
    let reader = token(&server).await;
    revoked(&server, 1..=5).await;
    let mut stream = Stream::open(&server, &reader).await;
    stream.until("heartbeat").await;
    let ahead = stream.cursor();
    let issuer = server.issuer.clone();
    let (folder, now) = server.stop().await;
    let database = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    database.execute_batch(ROLL_BACK).unwrap();
    drop(database);
    let options = Options {
        issuer: Some(issuer),
        ..lively()
    };
    let server = Server::on(folder, now, options).await;

    // Somebody follows who came when nobody could know.
    let mut unknowing = Stream::open(&server, &reader).await;
    unknowing.until("heartbeat").await;
    let old = unknowing.cursor();
    // Then comes the proof, by many at once.
    let mut cursors = Vec::new();
    let query = format!("?after={ahead}");
    let (first, second) = tokio::join!(
        Stream::with(&server, &reader, &query, None),
        Stream::with(&server, &reader, &query, None),
    );
    for mut stream in [first, second] {
        stream.until("heartbeat").await;
        assert_eq!(jtis(&stream.ledger.events), ["t1", "t2"], "a snapshot");
        cursors.push(stream.cursor());
    }
    assert_eq!(cursors[0], cursors[1], "one new incarnation");
    let incarnation = |cursor: &str| cursor.split_once(':').unwrap().0.to_owned();
    assert_ne!(incarnation(&cursors[0]), incarnation(&ahead));
    assert!(cursors[0].ends_with(":2"));
    // Whoever follows is sent away, and hears all of it anew.
    unknowing.until("bye").await;
    assert_eq!(unknowing.ledger.bye.as_deref(), Some("anew"));
    let mut again = Stream::with(&server, &reader, &format!("?after={old}"), None).await;
    again.until("heartbeat").await;
    assert_eq!(again.cursor(), cursors[0]);
    assert_eq!(jtis(&again.ledger.events), ["t1", "t2"]);
    // A page, too.
    let answer = page(&server, &reader, &format!("?after={ahead}")).await;
    let answer = answer.expect(200).json();
    assert_eq!(
        (&answer["kind"], &answer["cursor"]),
        (&"snapshot".into(), &cursors[0].clone().into())
    );
}

#[tokio::test]
async fn a_log_that_shrinks_under_a_running_server_is_noticed() {
    let server = Server::with(lively()).await;
    let reader = token(&server).await;
    revoked(&server, 1..=5).await;
    let mut stream = Stream::open(&server, &reader).await;
    stream.until("heartbeat").await;
    let before = stream.cursor();
    server.damage(ROLL_BACK);
    revoke(&server, "next").await;
    stream.until("bye").await;
    assert_eq!(stream.ledger.bye.as_deref(), Some("anew"));
    let mut again = Stream::with(&server, &reader, &format!("?after={before}"), None).await;
    again.until("heartbeat").await;
    assert_eq!(jtis(&again.ledger.events), ["t1", "t2", "next"]);
    assert_ne!(again.cursor().split_once(':'), before.split_once(':'));
}

#[tokio::test]
async fn a_mad_reader_cannot_make_everybody_begin_anew_again_and_again() {
    let server = Server::with(lively()).await;
    let reader = token(&server).await;
    revoked(&server, 1..=3).await;
    let ahead = |cursor: &str| format!("?after={}:9", cursor.split_once(':').unwrap().0);
    let cursor = async || {
        let mut stream = Stream::open(&server, &reader).await;
        stream.until("heartbeat").await;
        stream.cursor()
    };
    let first = cursor().await;
    page(&server, &reader, &ahead(&first)).await.expect(200);
    let second = cursor().await;
    assert_ne!(first, second);
    let mut steady = Stream::open(&server, &reader).await;
    steady.until("heartbeat").await;
    for path in ["", "/stream"] {
        let answer = page(&server, &reader, &format!("{path}{}", ahead(&second))).await;
        let answer = answer.refused(503, "unavailable");
        assert_eq!(answer.header("retry-after"), Some("60"));
    }
    assert_eq!(cursor().await, second);
    revoke(&server, "t4").await;
    steady.until("revocations").await;
    server.advance(Duration::from_mins(1));
    page(&server, &reader, &ahead(&second)).await.expect(200);
    steady.until("bye").await;
    assert_ne!(cursor().await, second);
}

#[tokio::test]
async fn a_cursor_of_another_incarnation_or_of_none_begins_anew() {
    let server = Server::start().await;
    let reader = token(&server).await;
    revoked(&server, 1..=3).await;
    for elsewhere in [
        "0000000000000001:0",
        "0000000000000001:2",
        "ffffffffffffffff:999",
    ] {
        let query = format!("?after={elsewhere}");
        let answer = page(&server, &reader, &query).await.expect(200).json();
        assert_eq!(answer["kind"], "snapshot");
        assert_eq!(
            jtis(answer["events"].as_array().unwrap()),
            ["t1", "t2", "t3"]
        );
        // In the middle of a snapshot, too.
        let query = format!("?limit=2&after={elsewhere}:3");
        let answer = page(&server, &reader, &query).await.expect(200).json();
        assert_eq!(answer["kind"], "snapshot");
        assert_eq!(jtis(answer["events"].as_array().unwrap()), ["t1", "t2"]);
        let mut stream = Stream::with(&server, &reader, &format!("?after={elsewhere}"), None).await;
        stream.until("heartbeat").await;
        assert_eq!(jtis(&stream.ledger.events), ["t1", "t2", "t3"]);
    }
}

#[tokio::test]
async fn a_node_that_cannot_read_its_log_vouches_for_nothing() {
    let server = Server::with(lively()).await;
    let reader = token(&server).await;
    let mut stream = Stream::open(&server, &reader).await;
    assert_eq!(stream.until("heartbeat").await.data["as_of"], 0);
    server.advance(Duration::from_millis(1500));
    stream.until_as_of(1500).await;
    server.auth.hear_revocations().await.unwrap();
    stream.until_as_of(0).await;

    server.lose_store().await;
    server.auth.hear_revocations().await.unwrap_err();
    server.advance(Duration::from_secs(7));
    stream.until_as_of(7000).await;
    assert_eq!(stream.ledger.bye, None, "it says how it is, and goes on");
    page(&server, &reader, "").await.refused(503, "unavailable");
    // Whoever needs the log is sent away; there is no half of a snapshot.
    let mut fresh = Stream::open(&server, &reader).await;
    assert_eq!(fresh.next().await.unwrap().event, "bye");
    assert_eq!(fresh.ledger.bye.as_deref(), Some("unavailable"));
}

/// A reader that takes nothing holds nothing: what it has not taken is not made. Behind what is remembered it is sent
/// away, and reads the rest from the log when it comes back.
#[tokio::test]
async fn a_slow_reader_is_dropped_and_resumes() {
    let server = Server::start().await;
    let reader = token(&server).await;
    revoke(&server, "t0").await;
    let mut slow = Pulled::open(&server, &reader, "").await;
    slow.until_heartbeat().await;

    // It reads on after fewer events than are remembered, and has them all.
    let many = u32::try_from(countersign_auth::feed::REMEMBERED).unwrap();
    revoked(&server, 1..=many).await;
    while slow.ledger.events.len() <= many as usize {
        slow.take().await.unwrap();
    }
    // It reads on after more.
    revoked(&server, many + 1..=2 * many + 1).await;
    slow.take().await.unwrap();
    assert_eq!(slow.ledger.bye.as_deref(), Some("slow"));
    assert_eq!(slow.take().await, None);

    // What it missed is in the log.
    let mut ledger = slow.ledger;
    let cursor = ledger.cursor.clone().unwrap();
    let mut stream = Stream::resume(&server, &reader, &cursor).await;
    stream.until("heartbeat").await;
    ledger.events.append(&mut stream.ledger.events);
    let expected: Vec<_> = (0..=2 * many + 1)
        .map(|number| format!("t{number}"))
        .collect();
    assert_eq!(jtis(&ledger.events), expected);
}

/// Nor does it hold a connection: one that takes nothing of what waits for it is cut off.
#[tokio::test]
async fn whoever_does_not_read_is_cut_off() {
    let flood = axum::Router::new().route(
        "/",
        axum::routing::get(|| async { vec![b'x'; 64 * 1024 * 1024] }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        connections: 1,
        write_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(listen::serve(listener, None, flood, limits, stopped));

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(address).await.unwrap();
    deaf.write_all(&Request::get("/").bytes(address))
        .await
        .unwrap();
    // There is one place. The next is served when the one who does not read has lost it.
    let next = Request::get("/");
    let next = tokio::time::timeout(Duration::from_secs(30), next.send(address)).await;
    let answer = next.expect("a place").expect(200);
    assert_eq!(answer.body.len(), 64 * 1024 * 1024);
    let mut rest = Vec::new();
    let _ = deaf.read_to_end(&mut rest).await;
    assert!(
        rest.len() < 64 * 1024 * 1024,
        "all of it was sent to nobody"
    );
}
