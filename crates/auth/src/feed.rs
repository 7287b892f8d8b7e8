//! The feed: what readers of the revocation log get. A page of the log from the store; from this node's memory what is
//! new, and how old its knowledge is.
//!
//! A reader is nothing but a [`Cursor`]. What is new is held once, for all of them, in a memory of a fixed size
//! (`Recent`); who comes for more than that holds reads the log. So a million events, a thousand readers and a slow
//! one cost no memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use countersign_guard::{Claims, Event, Revocation, Verified};
use tokio::sync::watch;

use crate::Auth;
use crate::model::revocation::{Cursor, LogEntry, LogPage};
use crate::store::StoreError;

/// How many events this node remembers for those who follow: a few seconds of a very bad day, under a mebibyte.
pub const REMEMBERED: usize = 4096;
/// How often a reader's word can begin a new incarnation of the log: every reader begins anew then.
const BETWEEN_INCARNATIONS: Duration = Duration::from_mins(1);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor is ahead of the log, as one was a moment ago. The log is not rolled back that often.
    #[error("the cursor is ahead of the log, which began anew a moment ago: try again later")]
    AheadAgain {
        /// When to try again.
        retry_after: Duration,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What this node's memory says to a reader.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// These, in order, follow the reader's place.
    Entries {
        /// A number is missing only if its event has lapsed.
        entries: Vec<Arc<LogEntry>>,
        /// The number up to which they tell everything.
        to: u64,
    },
    /// The reader has everything.
    Nothing {
        /// The age of the last look at the log that found it so.
        as_of: Duration,
    },
    /// What follows the reader's place is not remembered any more: it is in the log.
    Forgotten,
    /// The reader's place is in no part of the log that this node knows: another incarnation, or a number that it has
    /// not heard of.
    Elsewhere,
}

impl Auth {
    /// A page of the log: see [`crate::directory::Directory::revocations`].
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn feed_page(&self, after: Option<Cursor>, limit: u32) -> Result<LogPage, FeedError> {
        if let Some(claim) = after
            && self.follower.recent().is_behind(claim)
            && let Some(page) = self.feed_anew(claim, limit).await?
        {
            return Ok(page);
        }
        let now = self.env.now();
        Ok(self.directory.revocations(after, now, limit).await?)
    }

    /// The first page of a new incarnation, if the claim to be ahead of the log holds. A reader that is mad, or bad,
    /// must not make all the others read the whole log again and again: a word for it is taken now and then.
    async fn feed_anew(&self, claim: Cursor, limit: u32) -> Result<Option<LogPage>, FeedError> {
        let recent = self.follower.recent();
        // Of many that are ahead at once one is enough; the others find it done.
        let mut began_anew = recent.began_anew.lock().await;
        // It may know of what this node has not heard yet.
        self.hear_revocations().await?;
        if !recent.is_behind(claim) {
            return Ok(None);
        }
        let now = self.env.clock.elapsed();
        let since = began_anew.map(|last| now.saturating_sub(last));
        if let Some(since) = since.filter(|since| *since < BETWEEN_INCARNATIONS) {
            let retry_after = BETWEEN_INCARNATIONS.saturating_sub(since);
            return Err(FeedError::AheadAgain { retry_after });
        }
        let at = self.env.now();
        let page = self.directory.revocations(Some(claim), at, limit).await?;
        *began_anew = Some(now);
        // Those who follow hear of it.
        self.hear_own().await;
        Ok(Some(page))
    }

    /// What this node remembers of what follows `after`, at most `limit` events.
    #[must_use]
    pub fn feed_news(&self, after: Cursor, limit: usize) -> News {
        let now = self.env.clock.elapsed();
        self.follower.recent().after(after, limit, now)
    }

    /// The number of the first event after `after` that takes this token back, if it is remembered: the last that
    /// whoever reads with the token hears of.
    #[must_use]
    pub fn feed_end(&self, token: &Verified<Claims>, after: Cursor) -> Option<u64> {
        let now = self.env.now().unix();
        let takes_it_back = |event: &Event| event.kind.refuses(token, now);
        self.follower.recent().find(after, takes_it_back)
    }

    /// Changes whenever there is news.
    #[must_use]
    pub fn feed_bell(&self) -> watch::Receiver<Cursor> {
        self.follower.recent().bell.subscribe()
    }

    /// Where the log ends, as far as this node has heard, and the age of the look that found it so.
    #[must_use]
    pub fn feed_head(&self) -> (Cursor, Duration) {
        let state = self.follower.recent().state();
        let now = self.env.clock.elapsed();
        (state.head, now.saturating_sub(state.looked))
    }
}

/// What a reader who asked for hashed identifiers is sent in place of `id`: base64url(SHA-256(`countersign-feed:` ‖
/// the name of the claim ‖ `:` ‖ id)). Who holds a token finds its events; who does not learns nothing of whom they
/// concern.
#[must_use]
pub fn hashed_id(claim: &str, id: &str) -> String {
    let text = format!("countersign-feed:{claim}:{id}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode_to_string(hash.as_ref())
}

/// The event with every identifier hashed. A key's id is public, and stays.
#[must_use]
pub fn hashed(event: &Event) -> Event {
    let mut event = event.clone();
    let (claim, id) = match &mut event.kind {
        Revocation::Session { sid } => ("sid", sid),
        Revocation::Subject { sub, .. } | Revocation::Changed { sub } => ("sub", sub),
        Revocation::Client { client_id, .. } => ("client_id", client_id),
        Revocation::Token { jti, .. } => ("jti", jti),
        Revocation::Key { .. } | Revocation::All { .. } => return event,
    };
    *id = hashed_id(claim, id);
    event
}

/// The newest lines of the log, for all readers together.
pub(crate) struct Recent {
    state: Mutex<State>,
    /// When a reader's word last began a new incarnation.
    began_anew: tokio::sync::Mutex<Option<Duration>>,
    bell: watch::Sender<Cursor>,
}

struct State {
    /// In order; all that the log holds from `from` on, and what had not lapsed when it was read.
    entries: VecDeque<Arc<LogEntry>>,
    /// The number after which they begin.
    from: u64,
    /// Where they end.
    head: Cursor,
    /// When the look at the log was begun that found nothing after `head`.
    looked: Duration,
}

/// Before anything was heard. Nobody stands here: nothing is served before the log was read.
const NOWHERE: Cursor = Cursor {
    incarnation: 0,
    sequence: 0,
};

impl Recent {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                entries: VecDeque::new(),
                from: 0,
                head: NOWHERE,
                looked: Duration::ZERO,
            }),
            began_anew: tokio::sync::Mutex::new(None),
            bell: watch::Sender::new(NOWHERE),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up a page that follows the last one, or begins anew; the look at the log began at `looked`.
    pub(crate) fn heard(&self, page: LogPage, looked: Duration) {
        let mut state = self.state();
        if page.anew {
            state.entries.clear();
            state.from = 0;
        }
        // Only this vouches for anything: a page with more behind it says nothing of the log's end.
        if page.is_last() {
            state.looked = looked;
        }
        let news = state.head != page.cursor;
        state.head = page.cursor;
        for entry in page.entries {
            if state.entries.len() == REMEMBERED
                && let Some(oldest) = state.entries.pop_front()
            {
                state.from = oldest.sequence;
            }
            state.entries.push_back(Arc::new(entry));
        }
        drop(state);
        if news {
            self.bell.send_replace(page.cursor);
        }
    }

    fn after(&self, after: Cursor, limit: usize, now: Duration) -> News {
        let state = self.state();
        if after == state.head {
            return News::Nothing {
                as_of: now.saturating_sub(state.looked),
            };
        }
        if after.incarnation != state.head.incarnation || after.sequence > state.head.sequence {
            return News::Elsewhere;
        }
        if after.sequence < state.from {
            return News::Forgotten;
        }
        let begin = state
            .entries
            .partition_point(|entry| entry.sequence <= after.sequence);
        let entries: Vec<_> = state
            .entries
            .iter()
            .skip(begin)
            .take(limit)
            .cloned()
            .collect();
        let all = begin + entries.len() == state.entries.len();
        let to = match entries.last() {
            Some(last) if !all => last.sequence,
            _ => state.head.sequence,
        };
        News::Entries { entries, to }
    }

    /// The number of the first event after `after` that `is_it`.
    fn find(&self, after: Cursor, is_it: impl Fn(&Event) -> bool) -> Option<u64> {
        let state = self.state();
        if after.incarnation != state.head.incarnation {
            return None;
        }
        let found = state
            .entries
            .iter()
            .find(|entry| entry.sequence > after.sequence && is_it(&entry.event));
        found.map(|entry| entry.sequence)
    }

    /// Whether a cursor of this incarnation is ahead of what was heard.
    fn is_behind(&self, claim: Cursor) -> bool {
        let head = self.state().head;
        claim.incarnation == head.incarnation && claim.sequence > head.sequence
    }
}
