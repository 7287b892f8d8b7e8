//! One request on a connection of its own, and its answer.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What came back, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// It says when to come again.
    pub says_when: bool,
    /// The body; null if there was none, a string if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// A text of the body.
    pub fn text(&self, key: &str) -> String {
        let text = self.body[key].as_str();
        text.unwrap_or_else(|| panic!("no {key} in {self:?}"))
            .to_owned()
    }

    /// The caller may do it again and lose nothing by it.
    pub fn is_retryable(&self) -> bool {
        self.status == 503 && self.says_when
    }
}

/// Asks a port of this machine, with a bearer's token and a body of JSON, if there are any. Whoever has not the whole
/// answer in time has none.
pub async fn ask(
    port: u16,
    request: &str,
    token: Option<&str>,
    body: Option<&Value>,
    patience: Duration,
) -> io::Result<Answer> {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let bearer = bearer.unwrap_or_default();
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: localhost:{port}\r\n{bearer}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&String::from_utf8_lossy(&answer)).ok_or(io::ErrorKind::UnexpectedEof.into())
    };
    timeout(patience, exchange)
        .await
        .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

/// `None` if it broke off.
fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let length = header("content-length").map_or(Some(0), |value| value.parse().ok())?;
    if body.len() < length {
        return None;
    }
    Some(Answer {
        status,
        says_when: header("retry-after").is_some(),
        body: match serde_json::from_str(body) {
            Ok(value) => value,
            Err(_) if body.is_empty() => Value::Null,
            Err(_) => body.into(),
        },
    })
}
