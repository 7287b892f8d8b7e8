//! `GET /v1/revocations`.

use serde_json::Value;

use super::reader::{page, revoke, token};
use crate::server::Server;

fn jtis(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap();
    let named = events.iter().map(|event| event["jti"].as_str().unwrap());
    named.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_snapshot_is_paged_and_a_tail_goes_on_from_it() {
    let server = Server::start().await;
    let token = token(&server).await;
    let expected: Vec<_> = (0..10).map(|number| format!("t{number}")).collect();
    for jti in &expected {
        revoke(&server, jti).await;
    }

    let mut read = Vec::new();
    let mut query = "?limit=4".to_owned();
    let mut pages = Vec::new();
    let cursor = loop {
        let answer = page(&server, &token, &query).await.expect(200).json();
        assert_eq!(answer["kind"], "snapshot");
        assert_eq!(answer["ids"], "plain");
        assert_eq!(answer["leeway"], 30);
        assert_eq!(answer["as_of"], 0);
        assert_eq!(answer["now"], 1_795_305_600_000_u64);
        pages.push(jtis(&answer).len());
        read.extend(jtis(&answer));
        if answer["more"] == false {
            assert_eq!(answer.get("next"), None);
            break answer["cursor"].as_str().unwrap().to_owned();
        }
        assert_eq!(answer.get("cursor"), None, "nothing to go on from yet");
        query = format!("?limit=4&after={}", answer["next"].as_str().unwrap());
        // What comes meanwhile does not make it longer than another page.
        revoke(&server, &format!("late{}", pages.len())).await;
    };
    assert_eq!(pages, [4, 4, 4], "t8, t9, late1, late2");
    assert_eq!(read[..10], expected);
    assert!(cursor.ends_with(":12"), "{cursor}");

    // At every place, the tail is what follows.
    revoke(&server, "last").await;
    let all = page(&server, &token, "").await.json();
    let all = jtis(&all);
    assert_eq!(all.len(), 13);
    let incarnation = cursor.split_once(':').unwrap().0.to_owned();
    for place in 0..=13 {
        let query = format!("?after={incarnation}:{place}");
        let tail = page(&server, &token, &query).await.expect(200).json();
        assert_eq!(tail["kind"], "tail");
        assert_eq!(tail["more"], false);
        assert_eq!(tail["cursor"], format!("{incarnation}:13"));
        assert_eq!(jtis(&tail), all[place..]);
    }
    let query = format!("?limit=3&after={cursor}");
    let tail = page(&server, &token, &query).await.json();
    assert_eq!(jtis(&tail), ["last"]);
    let query = format!("?limit=3&after={incarnation}:0");
    let tail = page(&server, &token, &query).await.json();
    assert_eq!(tail["more"], true);
    assert_eq!(tail["cursor"], format!("{incarnation}:3"));
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let server = Server::start().await;
    let token = token(&server).await;
    for (query, code) in [
        ("?after=", "invalid_cursor"),
        ("?after=7", "invalid_cursor"),
        ("?after=0000000000000001:07", "invalid_cursor"),
        ("?after=0000000000000001:7:08", "invalid_cursor"),
        ("?after=0000000000000001:7:8:9", "invalid_cursor"),
        ("?after=0000000000000001:-7", "invalid_cursor"),
        ("?after=1:7", "invalid_cursor"),
        (
            "?after=0000000000000001:99999999999999999999",
            "invalid_cursor",
        ),
        ("?limit=0", "wrong_type"),
        ("?limit=1001", "wrong_type"),
        ("?limit=-1", "wrong_type"),
        ("?limit=many", "wrong_type"),
        ("?audience=", "wrong_type"),
        ("?ids=none", "wrong_type"),
        ("?ids=plain&ids=hashed", "duplicate_field"),
        ("?limit=1&limit=1", "duplicate_field"),
        ("?access_token=x", "unknown_field"),
    ] {
        page(&server, &token, query).await.refused(400, code);
    }
    let long = format!("?audience={}", "x".repeat(201));
    page(&server, &token, &long)
        .await
        .refused(400, "wrong_type");
    for (query, code) in [
        ("/stream?limit=1", "unknown_field"),
        ("/stream?after=0000000000000001:7:8", "invalid_cursor"),
        ("/stream?after=x", "invalid_cursor"),
        ("/stream?after=x&after=x", "invalid_cursor"),
    ] {
        page(&server, &token, query).await.refused(400, code);
    }
}
