//! `GET /v1/revocations/stream`, when all is well.

use std::time::Duration;

use countersign::feed;
use countersign::http::Settings as HttpSettings;
use countersign::listen::Limits;

use super::reader::{Stream, revoke, token};
use crate::server::{Options, Server};
use crate::support::client::Request;

/// A server whose streams beat fast.
pub fn lively() -> Options {
    Options {
        http: HttpSettings {
            feed: feed::Settings {
                heartbeat: Duration::from_millis(50),
                ..feed::Settings::default()
            },
            ..HttpSettings::default()
        },
        ..Options::default()
    }
}

fn jtis(stream: &Stream) -> Vec<&str> {
    let events = stream.ledger.events.iter();
    events.map(|event| event["jti"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_snapshot_then_what_follows_then_a_heartbeat() {
    let server = Server::start().await;
    let token = token(&server).await;
    let mut expected = Vec::new();
    for number in 0..150 {
        expected.push(format!("t{number}"));
        revoke(&server, &expected[number]).await;
    }
    let mut stream = Stream::open(&server, &token).await;
    let head = stream.head.to_ascii_lowercase();
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-accel-buffering: no",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.lines().any(|l| l == line), "{line} in {head}");
    }
    for size in [64, 64, 22] {
        let message = stream.next().await.unwrap();
        assert_eq!(message.event, "snapshot");
        assert_eq!(
            message.events().len(),
            size,
            "never more than a few at once"
        );
    }
    assert_eq!(stream.next().await.unwrap().event, "snapshot-complete");
    assert!(stream.cursor().ends_with(":150"));
    // At once, not after two seconds.
    let heartbeat = stream.next().await.unwrap();
    assert_eq!(heartbeat.event, "heartbeat");
    assert_eq!(heartbeat.data["as_of"], 0);
    assert_eq!(heartbeat.data["now"], 1_795_305_600_000_u64);

    revoke(&server, "next").await;
    let message = stream.next().await.unwrap();
    assert_eq!(message.event, "revocations");
    assert_eq!(message.data["after"], 150);
    assert_eq!(message.data["to"], 151);
    assert_eq!(message.id.unwrap(), stream.cursor());
    expected.push("next".to_owned());
    assert_eq!(jtis(&stream), expected);
    // And a page goes on where a stream stands.
    let query = format!("?after={}", stream.cursor());
    let page = super::reader::page(&server, &token, &query).await.json();
    assert_eq!(page["kind"], "tail");
    assert_eq!(page["cursor"], stream.cursor());
}

#[tokio::test]
async fn an_empty_log_is_complete_at_once() {
    let server = Server::start().await;
    let token = token(&server).await;
    let mut stream = Stream::open(&server, &token).await;
    assert_eq!(stream.next().await.unwrap().event, "snapshot-complete");
    assert_eq!(stream.next().await.unwrap().event, "heartbeat");
}

#[tokio::test]
async fn a_stream_goes_on_at_every_cursor() {
    let server = Server::start().await;
    let token = token(&server).await;
    for number in 1..=8 {
        revoke(&server, &format!("t{number}")).await;
    }
    let mut first = Stream::open(&server, &token).await;
    first.until("heartbeat").await;
    let incarnation = first.cursor().split_once(':').unwrap().0.to_owned();
    for place in 0..=8 {
        let cursor = format!("{incarnation}:{place}");
        let query = format!("?after={cursor}");
        let stale = format!("?after={incarnation}:0");
        for (query, header) in [
            ("", Some(cursor.as_str())),
            (query.as_str(), None),
            // A client that was given an address sends it again when it resumes; what it heard last is newer.
            (stale.as_str(), Some(cursor.as_str())),
        ] {
            let mut stream = Stream::with(&server, &token, query, header).await;
            stream.ledger.cursor = Some(cursor.clone());
            stream.until("heartbeat").await;
            let expected: Vec<_> = (place + 1..=8).map(|number| format!("t{number}")).collect();
            assert_eq!(jtis(&stream), expected);
            assert_eq!(stream.cursor(), first.cursor());
        }
    }
}

#[tokio::test]
async fn under_fire_nobody_misses_anything() {
    let server = Server::with(lively()).await;
    let token = token(&server).await;
    let (server, token) = (&server, token.as_str());
    let fire = async {
        for round in 0..40 {
            let shots = (0..10).map(|shot| async move {
                revoke(server, &format!("t{round}/{shot}")).await;
            });
            // All at once: they are heard in heaps.
            let mut shots: Vec<_> = shots.map(Box::pin).collect();
            std::future::poll_fn(|context| {
                shots.retain_mut(|shot| shot.as_mut().poll(context).is_pending());
                if shots.is_empty() {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
        }
    };
    let read = async {
        let mut heartbeats = 0;
        let mut stream = Stream::open(server, token).await;
        // The ledger sees to it that there is no gap.
        while stream.ledger.events.len() < 400 {
            let message = stream.next().await.unwrap();
            heartbeats += u32::from(message.event == "heartbeat");
            // Now and then it goes away and comes back.
            if stream.ledger.cursor.is_some() && stream.ledger.events.len() % 7 == 3 {
                let events = std::mem::take(&mut stream.ledger.events);
                stream = Stream::resume(server, token, &stream.cursor()).await;
                stream.ledger.events = events;
            }
        }
        assert!(heartbeats > 0);
        let mut told = jtis(&stream);
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), 400);
    };
    tokio::join!(fire, read, async {
        let mut steady = Stream::open(server, token).await;
        while steady.ledger.events.len() < 400 {
            steady.next().await.unwrap();
        }
    });
}

/// Time-outs are for those who ask, and for those who do not read. A stream that has nothing to say is well.
#[tokio::test]
async fn no_time_out_cuts_a_healthy_stream() {
    let short = Duration::from_millis(400);
    let mut options = lively();
    options.limits = Limits {
        header_timeout: short,
        write_timeout: short,
        ..Limits::default()
    };
    options.http.request_timeout = short;
    options.http.feed.heartbeat = Duration::from_millis(600);
    let server = Server::with(options).await;
    let token = token(&server).await;
    let mut stream = Stream::open(&server, &token).await;
    // Each is longer than every time-out.
    for _ in 0..4 {
        stream.until("heartbeat").await;
    }
    revoke(&server, "t1").await;
    stream.until("revocations").await;
}

#[tokio::test]
async fn who_never_pauses_is_told_that_all_is_well_all_the_same() {
    let mut options = lively();
    options.http.feed.heartbeat = Duration::from_millis(300);
    let server = Server::with(options).await;
    let token = token(&server).await;
    let mut stream = Stream::open(&server, &token).await;
    stream.until("heartbeat").await;
    let mut number = 0;
    let mut heartbeats = 0;
    // There is always something new when a message has been read.
    while heartbeats < 2 {
        number += 1;
        revoke(&server, &format!("t{number}")).await;
        let message = stream.next().await.unwrap();
        heartbeats += u32::from(message.event == "heartbeat");
        assert!(number < 10_000);
    }
}

#[tokio::test]
async fn stopping_says_goodbye_and_waits_for_nobody() {
    let mut options = lively();
    // It is the signal that wakes them, not the next heartbeat.
    options.http.feed.heartbeat = Duration::from_hours(1);
    let server = Server::with(options).await;
    let token = token(&server).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::open(&server, &token).await;
        stream.until("heartbeat").await;
        streams.push(stream);
    }
    // Returns when every connection has ended; long before the grace is over that cuts them off.
    let stopped = tokio::time::timeout(Duration::from_secs(5), server.stop()).await;
    assert!(stopped.is_ok(), "streams keep the server from stopping");
    for stream in &mut streams {
        assert_eq!(stream.next().await.unwrap().event, "bye");
        assert_eq!(stream.ledger.bye.as_deref(), Some("stopping"));
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn head_answers_and_takes_no_place() {
    let mut options = lively();
    options.http.feed.streams = 1;
    let server = Server::with(options).await;
    let token = token(&server).await;
    for _ in 0..3 {
        let head = Request::new("HEAD", "/v1/revocations/stream").bearer(&token);
        let answer = server.send(head).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn operators_see_readers_events_and_age() {
    let server = Server::start().await;
    let token = token(&server).await;
    for number in 0..3 {
        revoke(&server, &format!("t{number}")).await;
    }
    let mut stream = Stream::open(&server, &token).await;
    stream.until("heartbeat").await;
    server.advance(Duration::from_millis(2500));
    let text = server.metrics().await;
    for line in [
        "countersign_feed_readers 1",
        "countersign_feed_events_total 3",
        "countersign_feed_age_seconds 2.5",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line:?} in\n{text}");
    }
    server
        .auth
        .end_everything(&countersign_auth::visitor::Visitor::operator())
        .await
        .unwrap();
    stream.until("bye").await;
    assert_eq!(stream.next().await, None);
    let text = server.metrics().await;
    for line in [
        "countersign_feed_readers 0",
        "countersign_feed_events_total 4",
        "countersign_feed_age_seconds 0.0",
        "countersign_feed_streams_ended_total{reason=\"token\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line:?} in\n{text}");
    }
}
