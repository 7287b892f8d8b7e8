//! Requests as bytes, and the frame of an answer: status, head, body by its `Content-Length`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer, within the buffer of its connection.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'b> {
    /// The status.
    pub status: u16,
    /// Status line and fields.
    pub head: &'b [u8],
    /// The body.
    pub body: &'b [u8],
}

impl<'b> Answer<'b> {
    /// The first whole answer at the front of `bytes`, if it is all there.
    pub fn parse(bytes: &'b [u8]) -> io::Result<Option<Self>> {
        let Some(head_len) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
            return Ok(None);
        };
        let (head, rest) = bytes.split_at(head_len);
        let status = std::str::from_utf8(head.get(9..12).unwrap_or_default())
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| invalid("no status"))?;
        let body_len = if status == 204 || status == 304 {
            0
        } else {
            field(head, b"content-length")
                .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
                .ok_or_else(|| invalid("no Content-Length"))?
        };
        let Some(body) = rest.get(..body_len) else {
            return Ok(None);
        };
        Ok(Some(Self { status, head, body }))
    }

    /// Its length on the wire.
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// The value of the first field of this (lower-case) name.
    pub fn field(&self, name: &[u8]) -> Option<&'b [u8]> {
        field(self.head, name)
    }

    /// The value of the cookie that this sets.
    pub fn cookie(&self, name: &str) -> Option<&'b str> {
        let mut rest = self.head;
        loop {
            let (value, after) = field_and_rest(rest, b"set-cookie")?;
            rest = after;
            let pair = std::str::from_utf8(value).ok()?.split(';').next()?;
            if let Some((found, token)) = pair.split_once('=')
                && found == name
            {
                return Some(token);
            }
        }
    }
}

/// A request with `fields` (each ending in CRLF) and a JSON body, or none for an empty one.
pub fn request(method: &str, path: &str, fields: &str, body: &str, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}"
    );
    if !body.is_empty() {
        let _ = write!(
            out,
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
    }
    let _ = write!(out, "\r\n{body}");
}

/// Asks once on a new connection, and hands the answer to `read`.
pub fn exchange_once<T>(
    address: SocketAddr,
    request: &[u8],
    read: impl FnOnce(&Answer<'_>) -> T,
) -> io::Result<T> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut buffer = Vec::new();
    exchange(&mut stream, request, &mut buffer)?;
    let answer = Answer::parse(&buffer)?.ok_or_else(|| invalid("cut short"))?;
    Ok(read(&answer))
}

/// Writes a request and reads its whole answer into `buffer`.
pub fn exchange(
    stream: &mut (impl Read + Write),
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    stream.write_all(request)?;
    buffer.clear();
    let mut chunk = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(&chunk[..read]);
        if Answer::parse(buffer)?.is_some() {
            return Ok(());
        }
    }
}

pub fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("an answer with {what}"))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn field<'b>(head: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    field_and_rest(head, name).map(|(value, _)| value)
}

fn field_and_rest<'b>(head: &'b [u8], name: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let mut rest = head;
    while let Some(end) = find(rest, b"\r\n") {
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if let Some((found, value)) = line.split_at_checked(name.len())
            && found.eq_ignore_ascii_case(name)
            && let Some(value) = value.strip_prefix(b":")
        {
            return Some((value.trim_ascii(), rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nSet-Cookie: other=1; Path=/\r\n\
        set-cookie: countersign-default=csr1_abc; HttpOnly\r\nContent-Length: 2\r\n\r\n{}rest";

    #[test]
    fn frames_an_answer() {
        for cut in 0..ANSWER.len() - 4 {
            assert!(Answer::parse(&ANSWER[..cut]).unwrap().is_none(), "{cut}");
        }
        let answer = Answer::parse(ANSWER).unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, b"{}");
        assert_eq!(answer.len(), ANSWER.len() - 4);
        assert_eq!(answer.cookie("countersign-default"), Some("csr1_abc"));
        assert_eq!(answer.cookie("absent"), None);
    }
}
