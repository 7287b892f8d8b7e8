//! Server-sent events (WHATWG HTML §9.2), as they come in pieces.

/// The longest event that is taken.
const MAX_EVENT: usize = 4 * 1024 * 1024;

/// One event; without a name or an id, those are empty.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Message {
    pub event: String,
    pub data: String,
    pub id: String,
}

/// An event that is too long, or no text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// Puts events together. What was not closed by an empty line is no event.
#[derive(Default)]
pub struct Reader {
    line: Vec<u8>,
    message: Message,
    has_data: bool,
    /// The line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
}

impl Reader {
    /// The events that these bytes complete.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Vec<Message>, Unreadable> {
        let mut messages = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => messages.extend(self.end_line()?),
                _ if self.line.len() + self.message.data.len() >= MAX_EVENT => {
                    return Err(Unreadable);
                }
                _ => self.line.push(byte),
            }
        }
        Ok(messages)
    }

    fn end_line(&mut self) -> Result<Option<Message>, Unreadable> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| Unreadable)?;
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            let has_data = std::mem::take(&mut self.has_data);
            return Ok(has_data.then_some(message));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.message.event),
            "id" => value.clone_into(&mut self.message.id),
            "data" => {
                if self.has_data {
                    self.message.data.push('\n');
                }
                self.has_data = true;
                self.message.data.push_str(value);
            }
            // A comment, or a field that means nothing here.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ": hello\n\nevent: heartbeat\r\ndata: {\"a\":\r\ndata:  1}\r\n\r\n\
                          id: x:7\rdata\r\rretry: 5\ndata: cut off";

    #[test]
    fn events_however_they_are_cut() {
        let message = |event: &str, data: &str, id: &str| Message {
            event: event.into(),
            data: data.into(),
            id: id.into(),
        };
        let expected = [
            message("heartbeat", "{\"a\":\n 1}", ""),
            message("", "", "x:7"),
        ];
        for size in 1..STREAM.len() {
            let mut reader = Reader::default();
            let read: Vec<Message> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|chunk| reader.read(chunk).unwrap())
                .collect();
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }

    const WORDS: [&[u8]; 12] = [
        b"event: a",
        b"data: b",
        b"data:",
        b"id: c",
        b": d",
        b"x",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        "\u{e9}".as_bytes(),
    ];

    proptest! {
        /// Whatever comes, and however it is cut: the same events, and no panic.
        #[test]
        fn any_bytes(
            words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..60),
            size in 1_usize..9,
        ) {
            let bytes = words.concat();
            let whole = Reader::default().read(&bytes);
            let mut reader = Reader::default();
            let pieces: Result<Vec<_>, _> =
                bytes.chunks(size).map(|piece| reader.read(piece)).collect();
            prop_assert_eq!(whole, pieces.map(|messages| messages.concat()));
        }
    }

    #[test]
    fn an_event_without_end() {
        let mut reader = Reader::default();
        let kilobyte = [b'x'; 1024];
        let pieces = (0..).take_while(|_| reader.read(&kilobyte).is_ok());
        assert_eq!(pieces.count(), 4096);
        let mut reader = Reader::default();
        let pieces = (0..).take_while(|_| reader.read(b"data: 0123456789\n").is_ok());
        assert!(pieces.count() < MAX_EVENT / 10);
        assert_eq!(Reader::default().read(b"data: \xff\n\n"), Err(Unreadable));
    }
}
