//! A client that keeps its connection, and waits no longer than it was told.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A connection that is kept alive.
pub struct Connection(BufReader<TcpStream>);

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The body; null if there was none, a string if it is no JSON.
    pub body: Value,
}

impl Reply {
    /// A text of the body.
    pub fn text(&self, key: &str) -> String {
        let value = self.body[key].as_str();
        value
            .unwrap_or_else(|| panic!("no {key} in {self:?}"))
            .to_owned()
    }

    /// The same reply, if this is its status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Connection {
    /// To a port of this machine; an answer may take `patience`.
    pub fn open(port: u16, patience: Duration) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// One request and its answer. After an error the connection is of no more use.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> io::Result<Reply> {
        let port = self.0.get_ref().peer_addr()?.port();
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let bearer = bearer.unwrap_or_default();
        let json = body.map_or("", |_| "Content-Type: application/json\r\n");
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{bearer}{json}Content-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        self.reply()
    }

    /// `POST` with a body.
    pub fn post(&mut self, path: &str, body: &Value) -> io::Result<Reply> {
        self.send("POST", path, None, Some(body))
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(cut_off)?;
        let mut length = 0;
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(cut_off());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| cut_off())?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let text = String::from_utf8_lossy(&body);
        let body = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => text.into(),
        };
        Ok(Reply { status, body })
    }
}
