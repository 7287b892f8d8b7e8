//! What has been revoked, and whether it concerns a token.

use std::{
    borrow::Cow,
    cmp::Reverse,
    sync::atomic::{AtomicU64, Ordering},
};

use countersign_jose::{UnixTime, Verified, hashes};
use serde::Deserialize;

use crate::{
    Cause, Claims, Event, Revocation, Stats,
    published::Good,
    table::{Hash, Hasher, Table},
};

/// Every revocation that still matters. Events may come twice and in any order: sets only grow,
/// epochs only rise, and of two times for one token the earlier holds.
pub struct Revocations {
    ids: Ids,
    hasher: Hasher,
    /// The lowest good issuer epoch; a single number, so it is never forgotten.
    issuer: AtomicU64,
    keys: Table<()>,
    /// The lowest good epoch, by client.
    clients: Table<u64>,
    /// The lowest good epoch, by user.
    subjects: Table<u64>,
    sessions: Table<()>,
    /// Refused from then on.
    tokens: Table<Reverse<UnixTime>>,
}

/// The hashes of the names under which a token can be revoked.
pub struct Hashes {
    key: Option<Hash>,
    client: Hash,
    subject: Hash,
    session: Option<Hash>,
    token: Hash,
}

/// How events name sessions, users, clients and tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    /// As they stand in tokens.
    Plain,
    /// As base64url(SHA-256(`countersign-feed:` ‖ the claim's name ‖ `:` ‖ id)).
    Hashed,
}

impl Ids {
    /// What events call the `id` that stands in this claim.
    pub fn name<'i>(self, claim: &str, id: &'i str) -> Cow<'i, str> {
        match self {
            Self::Plain => Cow::Borrowed(id),
            Self::Hashed => {
                let text = format!("countersign-feed:{claim}:{id}");
                // SHA-256, base64url, of any text.
                Cow::Owned(hashes::access_token_hash(&text))
            }
        }
    }
}

impl Revocations {
    pub fn new(ids: Ids) -> Self {
        Self {
            ids,
            hasher: Hasher::default(),
            issuer: AtomicU64::new(0),
            keys: Table::new(),
            clients: Table::new(),
            subjects: Table::new(),
            sessions: Table::new(),
            tokens: Table::new(),
        }
    }

    /// What [`check`](Self::check) looks a token up by.
    pub fn hashes(&self, token: &Verified<Claims>) -> Hashes {
        let claims = token.claims();
        let hash = |claim, id| self.hasher.hash(&self.ids.name(claim, id));
        Hashes {
            key: token.key_id().map(|kid| self.hasher.hash(kid)),
            client: hash("client_id", &claims.client_id),
            subject: hash("sub", &claims.sub),
            session: claims.sid.as_deref().map(|sid| hash("sid", sid)),
            token: hash("jti", &claims.jti),
        }
    }

    /// Whether a token has been revoked, and whether the answer may be remembered.
    ///
    /// # Errors
    /// The most general revocation that concerns it.
    pub fn check(
        &self,
        token: &Verified<Claims>,
        hashes: &Hashes,
        now: UnixTime,
    ) -> Result<Good, Cause> {
        let Claims {
            epochs,
            client_id,
            sub,
            sid,
            jti,
            ..
        } = token.claims();
        if epochs.issuer < self.issuer.load(Ordering::Acquire) {
            return Err(Cause::All);
        }
        let key = hashes.key.and_then(|hash| self.keys.open(hash));
        let client = self.clients.open(hashes.client);
        let subject = self.subjects.open(hashes.subject);
        let session = hashes.session.and_then(|hash| self.sessions.open(hash));
        let single = self.tokens.open(hashes.token);
        let is_kid = |known: &str| token.key_id() == Some(known);
        if key.and_then(|keys| keys.mark(is_kid)).is_some() {
            return Err(Cause::Key);
        }
        // What is hashed is hashed again only to be sure of what was found.
        let is = |claim, id| move |known: &str| *known == *self.ids.name(claim, id);
        let below = client.and_then(|clients| clients.mark(is("client_id", client_id)));
        if below.is_some_and(|below| epochs.client < below) {
            return Err(Cause::Client);
        }
        let below = subject.and_then(|subjects| subjects.mark(is("sub", sub)));
        if below.is_some_and(|below| epochs.subject < below) {
            return Err(Cause::Subject);
        }
        if let (Some(sessions), Some(sid)) = (session, sid)
            && sessions.mark(is("sid", sid)).is_some()
        {
            return Err(Cause::Session);
        }
        match single.and_then(|tokens| tokens.mark(is("jti", jti))) {
            None => Ok(Good::UntilChanged),
            // Its time will come without anything being published.
            Some(Reverse(from)) if now < from => Ok(Good::Now),
            Some(_) => Err(Cause::Token),
        }
    }

    #[cfg(feature = "net")]
    pub fn ids(&self) -> Ids {
        self.ids
    }

    /// Adds one event to what is known.
    pub fn add(&self, event: &Event) {
        let until = event.until;
        let hash = |name| self.hasher.hash(name);
        match &event.kind {
            Revocation::Session { sid } => self.sessions.add(hash(sid), sid, (), until),
            Revocation::Subject { sub, below } => self.subjects.add(hash(sub), sub, *below, until),
            Revocation::Client { client_id, below } => {
                self.clients.add(hash(client_id), client_id, *below, until);
            }
            Revocation::Token { jti, from } => {
                self.tokens.add(hash(jti), jti, Reverse(*from), until);
            }
            Revocation::Key { kid } => self.keys.add(hash(kid), kid, (), until),
            Revocation::All { below } => {
                self.issuer.fetch_max(*below, Ordering::Release);
            }
            Revocation::Changed { .. } => {}
        }
    }

    /// Forgets what no valid token can be concerned by any more.
    pub fn expire(&self, now: UnixTime) {
        self.keys.expire(now);
        self.clients.expire(now);
        self.subjects.expire(now);
        self.sessions.expire(now);
        self.tokens.expire(now);
    }

    /// How many entries there are, by kind, beside `cached` tokens.
    pub fn stats(&self, cached: usize) -> Stats {
        Stats {
            cached,
            sessions: self.sessions.len(),
            tokens: self.tokens.len(),
            subjects: self.subjects.len(),
            clients: self.clients.len(),
            keys: self.keys.len(),
        }
    }
}
