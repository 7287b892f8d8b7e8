//! What `strace` saw, as far as it says whether an answer can have been ahead of the disk.

/// An answer to a client, and what had happened to the store since the answer before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status line's code.
    pub status: u16,
    /// How many writes to the write-ahead log there were.
    pub writes: usize,
    /// How many syncs of it were completed.
    pub syncs: usize,
    /// Whether the answer left while something written was not yet synced.
    pub is_early: bool,
}

/// Reads the output of `strace -f -yy`: a line for each call, or two for one during which another thread was seen.
pub fn answers(trace: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    let (mut writes, mut syncs) = (0, 0);
    let mut is_dirty = false;
    // Threads whose sync of the log has begun, and whether it began when everything was written.
    let mut syncing: Vec<&str> = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let is_log = call.contains("countersign.db-wal>");
        if call.starts_with("pwrite64(") && is_log {
            writes += 1;
            is_dirty = true;
            // A sync that runs now need not cover it.
            syncing.clear();
        } else if is_sync(call) && is_log {
            if call.ends_with("<unfinished ...>") {
                syncing.push(thread);
            } else if call.ends_with("= 0") {
                syncs += 1;
                is_dirty = false;
            }
        } else if call.starts_with("<... f") && call.contains("sync resumed>") {
            if let Some(place) = syncing.iter().position(|begun| *begun == thread)
                && call.ends_with("= 0")
            {
                syncing.swap_remove(place);
                syncs += 1;
                is_dirty = false;
            }
        } else if let Some(status) = status_sent(call) {
            answers.push(Answer {
                status,
                writes,
                syncs,
                is_early: is_dirty,
            });
            (writes, syncs) = (0, 0);
        }
    }
    answers
}

fn is_sync(call: &str) -> bool {
    call.starts_with("fsync(") || call.starts_with("fdatasync(")
}

/// The status of an HTTP answer, if this call sends one over TCP.
fn status_sent(call: &str) -> Option<u16> {
    let sends = ["write(", "writev(", "sendto(", "sendmsg("];
    if !sends.iter().any(|name| call.starts_with(name)) || !call.contains("<TCP") {
        return None;
    }
    let (_, rest) = call.split_once("\"HTTP/1.1 ")?;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "12 pwrite64(9</d/countersign.db-wal>, \"..\", 24, 0) = 24\n";
    const SYNC: &str = "12 fdatasync(9</d/countersign.db-wal>) = 0\n";
    const ANSWER: &str = "7  writev(5<TCP:[127.0.0.1:8->127.0.0.1:9]>, [{iov_base=\"HTTP/1.1 201 Created\\r\\n\", iov_len=9}], 2) = 9\n";

    fn early(lines: &[&str]) -> Vec<bool> {
        answers(&lines.concat())
            .iter()
            .map(|answer| answer.is_early)
            .collect()
    }

    #[test]
    fn an_answer_after_the_sync_is_not_early() {
        let seen = answers(&[WRITE, WRITE, SYNC, ANSWER].concat());
        let answer = Answer {
            status: 201,
            writes: 2,
            syncs: 1,
            is_early: false,
        };
        assert_eq!(seen, [answer]);
    }

    #[test]
    fn an_answer_before_during_or_without_the_sync_is_early() {
        let begins = "12 fdatasync(9</d/countersign.db-wal> <unfinished ...>\n";
        let ends = "12 <... fdatasync resumed>) = 0\n";
        assert_eq!(early(&[WRITE, ANSWER]), [true]);
        assert_eq!(early(&[WRITE, ANSWER, SYNC]), [true]);
        assert_eq!(early(&[WRITE, begins, ANSWER, ends]), [true]);
        assert_eq!(early(&[WRITE, begins, ends, ANSWER]), [false]);
        assert_eq!(early(&[WRITE, SYNC, WRITE, ANSWER]), [true]);
        // A write that comes while a sync runs is not covered by it.
        assert_eq!(early(&[begins, WRITE, ends, ANSWER]), [true]);
        // A sync that failed, or was of another file, covers nothing.
        let failed = "12 fdatasync(9</d/countersign.db-wal>) = -1 EIO (Input/output error)\n";
        let other = "12 fdatasync(9</d/countersign.db>) = 0\n";
        assert_eq!(early(&[WRITE, failed, other, ANSWER]), [true]);
    }
}
