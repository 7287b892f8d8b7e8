//! The names of keys.

use std::fmt::Write as _;
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::grant::HandleHash;
use countersign_auth::model::id::{SessionId, UserId};

/// How long a key stays after the moment from which nothing in it matters: more than clocks can be apart.
const LINGER: Duration = Duration::from_hours(24);

/// In how many queues resting sessions wait to be swept, so that no member of a cluster has all of them.
pub(super) const QUEUES: u8 = 64;

pub(super) fn session(id: SessionId) -> String {
    let end = id.absolute_end().as_millis();
    format!("countersign:{{{end}}}:session:{id}")
}

pub(super) fn grant(absolute_end: Timestamp, handle: HandleHash) -> String {
    let (end, handle) = (absolute_end.as_millis(), hex(handle));
    format!("countersign:{{{end}}}:grant:{handle}")
}

/// A user's sessions, by their absolute end.
pub(super) fn of_user(user: UserId) -> String {
    format!("countersign:user:{user}")
}

/// A queue of sessions, by the idle end that they had when they were last looked at.
pub(super) fn queue(number: u8) -> String {
    format!("countersign:resting:{number}")
}

/// The queue that a session is in.
pub(super) fn queue_of(id: SessionId) -> String {
    let [.., last] = *id.as_bytes();
    queue(last % QUEUES)
}

/// What is counted under a name of an owner's.
pub(super) fn tally(owner: &str, name: &str) -> String {
    format!("countersign:{{{owner}}}:limit:{name}")
}

/// Tells one life of Redis' memory from the next.
pub(super) const MEMORY: &str = "countersign:memory";

/// How many milliseconds from `now` a key may live that matters until `end`.
pub(super) fn lifetime(end: Timestamp, now: Timestamp) -> u64 {
    let left = end.plus(LINGER).since(now);
    u64::try_from(left.as_millis())
        .unwrap_or(u64::MAX)
        .min(super::fields::FAR)
}

pub(super) fn hex(handle: HandleHash) -> String {
    handle.0.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn unhex(text: &str) -> Option<HandleHash> {
    let mut handle = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in handle.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(HandleHash(handle))
}
