//! A service that reads the feed.

use std::time::Duration;

use axum::body::Body;
use axum::http::{self, header};
use countersign::http::router;
use countersign_auth::model::key::{KeyPurpose, KeyState};
use countersign_auth::visitor::Visitor;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::actors::Service;
use crate::server::Server;
use crate::support::client::{Answer, Request};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The client that reads the feed in these tests.
pub const READER: &str = "reader";

/// A token with which the feed can be read.
pub async fn token(server: &Server) -> String {
    token_with(server, Some("orders revocations")).await
}

/// A token of the same client with another scope.
pub async fn token_with(server: &Server, scope: Option<&str>) -> String {
    token_of(server, READER, scope, None).await
}

/// A token of a service that serves an audience.
pub async fn token_of(
    server: &Server,
    client: &str,
    scope: Option<&str>,
    audience: Option<&str>,
) -> String {
    let service = Service::registered(server, client, |client| {
        client.scope = scope.map(str::to_owned);
        client.serves = audience.map(str::to_owned);
    });
    service.await.token().await
}

/// `GET` of a page.
pub async fn page(server: &Server, token: &str, query: &str) -> Answer {
    let path = format!("/v1/revocations{query}");
    let answer = server.send(Request::get(&path).bearer(token));
    timeout(PATIENCE, answer)
        .await
        .expect("an answer that ends")
}

/// Something to revoke.
pub async fn revoke(server: &Server, jti: &str) {
    let operator = Visitor::operator();
    server.auth.revoke_token(jti, &operator).await.unwrap();
}

/// The `kid` of the signing key in this state.
pub async fn key(server: &Server, state: KeyState) -> String {
    server.auth.upkeep().await.unwrap();
    let keys = server.auth.keys();
    let found = keys
        .iter()
        .find(|key| key.purpose == KeyPurpose::Signing && key.state == state);
    found.unwrap().kid.clone()
}

/// A server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub event: String,
    pub id: Option<String>,
    pub data: Value,
}

impl Message {
    /// Reads one as the standard says (HTML §9.2.6), as far as it is used here.
    pub fn parse(text: &str) -> Self {
        let mut message = Self {
            event: "message".to_owned(),
            id: None,
            data: Value::Null,
        };
        for line in text.lines() {
            match line.split_once(": ").unwrap() {
                ("event", name) => name.clone_into(&mut message.event),
                ("id", id) => message.id = Some(id.to_owned()),
                ("data", data) => message.data = serde_json::from_str(data).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        message
    }

    pub fn events(&self) -> &Vec<Value> {
        self.data["events"].as_array().unwrap()
    }
}

/// What a stream's messages say, checked as a reader must: every number in its place.
#[derive(Default)]
pub struct Ledger {
    /// Where the reader stands.
    pub cursor: Option<String>,
    pub events: Vec<Value>,
    pub last_heartbeat: Value,
    pub bye: Option<String>,
}

impl Ledger {
    pub fn standing_at(cursor: &str) -> Self {
        Self {
            cursor: Some(cursor.to_owned()),
            ..Self::default()
        }
    }

    fn number(&self) -> u64 {
        let cursor = self.cursor.as_deref().expect("a place to go on from");
        cursor.split_once(':').unwrap().1.parse().unwrap()
    }

    pub fn take(&mut self, message: &Message) {
        assert_eq!(self.bye, None, "nothing follows a bye: {message:?}");
        match message.event.as_str() {
            "snapshot" => {
                assert_eq!((&self.cursor, &message.id), (&None, &None));
                assert!(!message.events().is_empty());
                self.events.extend(message.events().iter().cloned());
            }
            "snapshot-complete" => {
                assert_eq!(self.cursor, None);
                assert_eq!(message.data["cursor"].as_str(), message.id.as_deref());
                self.cursor.clone_from(&message.id);
            }
            "revocations" => {
                assert_eq!(message.data["after"], self.number(), "a gap");
                self.cursor.clone_from(&message.id);
                assert_eq!(message.data["to"], self.number());
                assert!(message.data["after"].as_u64() < message.data["to"].as_u64());
                assert!(message.events().len() <= 64);
                self.events.extend(message.events().iter().cloned());
            }
            "heartbeat" => {
                assert_eq!(message.id, None);
                assert_eq!(message.data["cursor"].as_str(), self.cursor.as_deref());
                self.last_heartbeat = message.data.clone();
            }
            "bye" => self.bye = Some(message.data["reason"].as_str().unwrap().to_owned()),
            other => panic!("{other}"),
        }
    }
}

/// A stream without a connection: nothing of it is made before this takes it.
pub struct Pulled {
    body: Body,
    pub ledger: Ledger,
}

impl Pulled {
    pub async fn open(server: &Server, token: &str, query: &str) -> Self {
        let routes = router(server.app.clone());
        let request = http::Request::get(format!("/v1/revocations/stream{query}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let body = routes.oneshot(request).await.unwrap().into_body();
        let cursor = query.split_once('=').map(|(_, cursor)| cursor);
        Self {
            body,
            ledger: cursor.map(Ledger::standing_at).unwrap_or_default(),
        }
    }

    /// Takes what the next frame says.
    pub async fn take(&mut self) -> Option<()> {
        let frame = self.body.frame().await?.unwrap().into_data().unwrap();
        let text = std::str::from_utf8(&frame).unwrap();
        for message in text.trim_end().split("\n\n").filter(|text| *text != ":") {
            self.ledger.take(&Message::parse(message));
        }
        Some(())
    }

    /// Takes everything that there is.
    pub async fn until_heartbeat(&mut self) {
        while self.ledger.last_heartbeat.is_null() {
            self.take().await.unwrap();
        }
    }
}

/// A stream that is being read.
pub struct Stream {
    connection: TcpStream,
    /// What came and was not read yet: as it was sent, and without the marks of its chunks.
    raw: Vec<u8>,
    text: Vec<u8>,
    pub head: String,
    pub ledger: Ledger,
    pub comments: u32,
}

impl Stream {
    /// A stream from the beginning.
    pub async fn open(server: &Server, token: &str) -> Self {
        Self::with(server, token, "", None).await
    }

    /// A stream that goes on.
    pub async fn resume(server: &Server, token: &str, cursor: &str) -> Self {
        Self::with(server, token, "", Some(cursor)).await
    }

    pub async fn with(server: &Server, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(&format!("/v1/revocations/stream{query}")).bearer(token);
        if let Some(id) = last {
            request = request.header("Last-Event-ID", id);
        }
        let mut connection = TcpStream::connect(server.address).await.unwrap();
        let bytes = request.bytes(server.address);
        connection.write_all(&bytes).await.unwrap();
        let mut raw = Vec::new();
        let end = loop {
            let end = raw.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                break end;
            }
            assert!(connection.read_buf(&mut raw).await.unwrap() > 0);
        };
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        raw.drain(..end + 4);
        Self {
            connection,
            raw,
            text: Vec::new(),
            head,
            comments: 0,
            ledger: last.map(Ledger::standing_at).unwrap_or_default(),
        }
    }

    /// The next message; `None` when the stream is over.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.text.windows(2).position(|window| window == b"\n\n") {
                let text = String::from_utf8(self.text[..end].to_vec()).unwrap();
                self.text.drain(..end + 2);
                if text.starts_with(':') {
                    self.comments += 1;
                    continue;
                }
                let message = Message::parse(&text);
                self.ledger.take(&message);
                return Some(message);
            }
            if !self.chunk() {
                let more = self.connection.read_buf(&mut self.raw).await;
                if more.unwrap_or(0) == 0 {
                    return None;
                }
            }
        }
    }

    /// Takes a chunk (RFC 9112 §7.1), if there is a whole one.
    fn chunk(&mut self) -> bool {
        let Some(line) = self.raw.windows(2).position(|window| window == b"\r\n") else {
            return false;
        };
        let length = std::str::from_utf8(&self.raw[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let begin = line + 2;
        if self.raw.len() < begin + length + 2 {
            return false;
        }
        self.text.extend(&self.raw[begin..begin + length]);
        self.raw.drain(..begin + length + 2);
        length > 0
    }

    /// The next message of this kind; what comes before it goes to the ledger alone.
    pub async fn until(&mut self, event: &str) -> Message {
        self.until_it(event, |message| message.event == event).await
    }

    /// Until a heartbeat tells this age.
    pub async fn until_as_of(&mut self, age: u64) {
        self.until_it("such a heartbeat", |message| message.data["as_of"] == age)
            .await;
    }

    async fn until_it(&mut self, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        let search = async {
            loop {
                let message = self.next().await.expect("the stream goes on");
                if is_it(&message) {
                    return message;
                }
            }
        };
        let found = timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    /// Where the reader stands.
    pub fn cursor(&self) -> String {
        self.ledger.cursor.clone().unwrap()
    }
}
