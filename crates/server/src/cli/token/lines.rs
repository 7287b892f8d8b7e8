//! Tokens from standard input, one a line.

use std::io::{self, BufRead, BufReader, Read};

use countersign_jose::MAX_TOKEN;

/// How a line holds its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Input {
    /// As it is
    Lines,
    /// As a JSON string, so that it may hold any character
    Json,
}

/// What a line holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A text, which may be a token.
    Text(String),
    /// Nothing that could be one.
    Unreadable(Unreadable),
}

/// Why a line cannot hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Longer than any token; the rest of it was passed over.
    TooLong,
    /// Not UTF-8.
    NotText,
    /// Not one JSON string.
    NotJson,
}

/// The lines of an input, each kept no longer than a token may be.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    form: Input,
    room: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R, form: Input) -> Self {
        Self {
            input: BufReader::with_capacity(64 * 1024, input),
            form,
            room: Vec::with_capacity(MAX_TOKEN),
        }
    }

    /// The next line, without its end (`\n` or `\r\n`); `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        self.room.clear();
        let longest = self.longest();
        let mut is_too_long = false;
        let mut is_there = false;
        loop {
            let waiting = self.input.fill_buf()?;
            if waiting.is_empty() {
                break;
            }
            is_there = true;
            let end = waiting.iter().position(|byte| *byte == b'\n');
            let piece = &waiting[..end.unwrap_or(waiting.len())];
            // One more than the longest line has room: its `\r`.
            is_too_long = is_too_long || self.room.len() + piece.len() > longest + 1;
            if !is_too_long {
                self.room.extend_from_slice(piece);
            }
            let read = piece.len() + usize::from(end.is_some());
            self.input.consume(read);
            if end.is_some() {
                break;
            }
        }
        if !is_there {
            return Ok(None);
        }
        let line = self.room.strip_suffix(b"\r").unwrap_or(&self.room);
        if is_too_long || line.len() > longest {
            return Ok(Some(Line::Unreadable(Unreadable::TooLong)));
        }
        Ok(Some(self.form.read(line)))
    }

    /// Whether the next line is not there yet: then whoever sends it may be waiting for us.
    pub(super) fn would_wait(&self) -> bool {
        !self.input.buffer().contains(&b'\n')
    }

    fn longest(&self) -> usize {
        match self.form {
            Input::Lines => MAX_TOKEN,
            // Every character escaped (`\u0041`), and the two quotation marks.
            Input::Json => MAX_TOKEN * 6 + 2,
        }
    }
}

impl Input {
    fn read(self, line: &[u8]) -> Line {
        let Ok(text) = std::str::from_utf8(line) else {
            return Line::Unreadable(Unreadable::NotText);
        };
        match self {
            Self::Lines => Line::Text(text.to_owned()),
            Self::Json => match serde_json::from_str(text) {
                Ok(token) => Line::Text(token),
                Err(_) => Line::Unreadable(Unreadable::NotJson),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], form: Input) -> Vec<Line> {
        let mut lines = Lines::new(input, form);
        let next = || lines.next().unwrap();
        std::iter::from_fn(next).collect()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn every_line_is_one() {
        let lines = read(b"a\n\nb\r\n\xff\n c ", Input::Lines);
        let not_text = Line::Unreadable(Unreadable::NotText);
        assert_eq!(
            lines,
            [text("a"), text(""), text("b"), not_text, text(" c ")]
        );
        assert_eq!(read(b"", Input::Lines), []);
        assert_eq!(read(b"\n", Input::Lines), [text("")]);
    }

    #[test]
    fn a_json_string_holds_anything() {
        let input = b"\"a\\nb\"\n \"\\u0041\" \n\"\n{}\n\"\\ud800\"\n\"a\" \"b\"\nnull";
        let lines = read(input, Input::Json);
        let not_json = || Line::Unreadable(Unreadable::NotJson);
        assert_eq!(lines[..2], [text("a\nb"), text("A")]);
        assert!(lines[2..].iter().all(|line| *line == not_json()));
        assert_eq!(lines.len(), 7);
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let longest = "x".repeat(MAX_TOKEN);
        let input = format!("{longest}\r\n{longest}x\n{}\nend", longest.repeat(9));
        let lines = read(input.as_bytes(), Input::Lines);
        let too_long = || Line::Unreadable(Unreadable::TooLong);
        assert_eq!(lines, [text(&longest), too_long(), too_long(), text("end")]);
        let escaped = format!("\"{}\"", "\\u0041".repeat(MAX_TOKEN));
        assert_eq!(
            read(escaped.as_bytes(), Input::Json),
            [text(&"A".repeat(MAX_TOKEN))]
        );
        assert_eq!(
            read(format!(" {escaped}").as_bytes(), Input::Json),
            [too_long()]
        );
        // What is kept of it is not more than a token.
        let mut lines = Lines::new(io::repeat(b'x').take(1 << 20), Input::Lines);
        assert_eq!(lines.next().unwrap(), Some(too_long()));
        assert!(lines.room.capacity() <= 2 * MAX_TOKEN);
    }
}
