//! The named actors of the suite, and what they can see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_auth::directory::{AddUser, Directory};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, AuditEntry, AuditQuery, Happening, Origin};
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::grant::{Entitlement, Grant, HandleHash, Network};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::revocation::Cursor;
use countersign_auth::model::session::Session;
use countersign_auth::model::user::{NewUser, User};
use countersign_auth::password::StoredPassword;
use countersign_auth::rotation::{Generation, Generations, Interval};
use countersign_auth::sessions::{Open, Presented, Rotate, Sessions};
use countersign_auth::store::StoreError;
use countersign_guard::{Event, Revocation};

/// What the suite is about.
pub trait Store: Directory + Sessions + Clone {}
impl<S: Directory + Sessions + Clone> Store for S {}

/// When the suite begins.
pub const START: u64 = 1_800_000_000_000;
pub const INTERVAL: Duration = Duration::from_secs(20);
pub const LIFETIME: Duration = Duration::from_mins(6);
const IDLE: Duration = Duration::from_hours(14 * 24);
const ABSOLUTE: Duration = Duration::from_hours(90 * 24);

/// So many milliseconds after the start.
pub fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// So many seconds after the start.
pub fn secs(secs: u64) -> Timestamp {
    at(secs * 1000)
}

/// Somebody does something at this moment.
pub fn origin(at: Timestamp) -> Origin {
    Origin {
        at,
        actor: Actor::User,
        address: Some("192.0.2.7".to_owned()),
        agent: Some("Suite/1".to_owned()),
    }
}

pub fn interval() -> Interval {
    let interval = Interval::default();
    assert_eq!(interval.duration(), INTERVAL);
    interval
}

pub fn password(text: &str) -> StoredPassword {
    StoredPassword::from_stored(format!("$argon2id$fake${text}"))
}

/// A fresh store with one client, `default`.
pub struct World<S> {
    pub store: S,
    pub client: Client,
    next: AtomicU64,
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: UserId,
    pub session: SessionId,
    pub handle: HandleHash,
    pub client: ClientId,
}

impl<S: Store> World<S> {
    pub async fn new(store: S) -> Self {
        store.event_lifetime(LIFETIME).await.unwrap();
        let client = Client::new(ClientId::default(), ClientKind::Browser, secs(0));
        let client = store.put_client(client, &origin(secs(0))).await.unwrap();
        Self {
            store,
            client,
            next: AtomicU64::new(1),
        }
    }

    /// `N` bytes that nobody else has.
    pub fn unique<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0x5a; N];
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        bytes[N - 8..].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    pub fn new_user(&self, name: &str) -> NewUser {
        NewUser {
            id: UserId::from_bytes(self.unique()),
            email: format!("{name}@example.com"),
            username: Some(name.to_owned()),
            name: None,
            roles: Vec::new(),
            attributes: serde_json::Map::new(),
            password: Some(password(name)),
            at: secs(0),
        }
    }

    pub async fn user(&self, name: &str) -> User {
        let added = self
            .store
            .add_user(self.new_user(name), &origin(secs(0)))
            .await;
        match added.unwrap() {
            AddUser::Added(user) => user,
            other => panic!("{other:?}"),
        }
    }

    pub async fn other_client(&self, name: &str) -> Client {
        let client = Client::new(name.parse().unwrap(), ClientKind::Native, secs(0));
        self.store
            .put_client(client, &origin(secs(0)))
            .await
            .unwrap()
    }

    /// A session and a grant as a sign-in would make them.
    pub fn sign_in_form(&self, user: &User, client: &Client, now: Timestamp) -> (Session, Grant) {
        let mut id = self.unique::<24>();
        id[..8].copy_from_slice(&now.plus(ABSOLUTE).as_millis().to_be_bytes());
        let session = Session {
            id: SessionId::from_bytes(id),
            user: user.id,
            user_epoch: user.epoch,
            issuer_epoch: 0,
            auth_time: now,
            amr: vec!["pwd".to_owned()],
            idle_end: now.plus(IDLE),
            device: Some("Suite/1".to_owned()),
            address: Some("192.0.2.7".to_owned()),
        };
        let grant = self.grant(&session, client, now);
        (session, grant)
    }

    pub fn grant(&self, session: &Session, client: &Client, now: Timestamp) -> Grant {
        self.grant_in(session.id, client, now)
    }

    pub fn grant_in(&self, session: SessionId, client: &Client, now: Timestamp) -> Grant {
        Grant {
            handle: HandleHash(self.unique()),
            session,
            client: client.id.clone(),
            client_epoch: client.epoch,
            scope: Some("orders".to_owned()),
            style: Style::Rotating,
            generations: Generations::first(now, Network(1)),
        }
    }

    pub async fn sign_in(&self, user: &User) -> SignedIn {
        self.sign_in_at(user, &self.client, secs(0)).await
    }

    pub async fn sign_in_at(&self, user: &User, client: &Client, now: Timestamp) -> SignedIn {
        let (session, grant) = self.sign_in_form(user, client, now);
        let signed_in = SignedIn {
            user: user.id,
            session: session.id,
            handle: grant.handle,
            client: client.id.clone(),
        };
        let opened = self.store.open(session, grant, &origin(now)).await.unwrap();
        assert!(matches!(opened, Open::Opened(_)), "{opened:?}");
        signed_in
    }

    pub async fn present(&self, who: &SignedIn, generation: Generation, now: Timestamp) -> Rotate {
        self.present_from(who, generation, now, Network(1)).await
    }

    pub async fn present_from(
        &self,
        who: &SignedIn,
        generation: Generation,
        now: Timestamp,
        network: Network,
    ) -> Rotate {
        present_to(&self.store, who, generation, now, network).await
    }

    /// The state of a grant, without touching it: presenting `cur` at the moment when it was handed out writes nothing.
    pub async fn state(
        &self,
        who: &SignedIn,
        cur: Generation,
        handed_at: Timestamp,
    ) -> Generations {
        match self.present(who, cur, handed_at).await {
            Rotate::Held(entitlement) => entitlement.grant.generations,
            other => panic!("{other:?}"),
        }
    }

    /// From here on, what the log and the trail are told.
    pub async fn watch(&self) -> Watch {
        Watch {
            cursor: self.head().await,
            lines: self.trail().await.len(),
        }
    }

    pub async fn head(&self) -> Cursor {
        let page = self.store.revocations(None, secs(0), 0).await.unwrap();
        assert!(page.anew && page.entries.is_empty());
        page.head
    }

    pub async fn tail(&self, after: Cursor) -> Vec<Event> {
        let page = self.store.revocations(Some(after), secs(0), 1_000_000);
        let page = page.await.unwrap();
        assert!(!page.anew, "another incarnation");
        assert!(page.is_last());
        let numbers = page.entries.iter().map(|entry| entry.sequence);
        assert!(numbers.eq(after.sequence + 1..=page.cursor.sequence));
        page.entries.into_iter().map(|entry| entry.event).collect()
    }

    /// The whole trail, oldest first.
    pub async fn trail(&self) -> Vec<AuditEntry> {
        let everything = AuditQuery {
            limit: u32::MAX,
            ..AuditQuery::default()
        };
        let mut lines = self.store.audit(everything).await.unwrap();
        lines.reverse();
        lines
    }

    /// Asserts that these events and lines, and no others, came since `watch` began; it begins anew.
    pub async fn told(&self, watch: &mut Watch, events: &[Revocation], lines: &[Happening]) {
        let told: Vec<_> = self
            .tail(watch.cursor)
            .await
            .into_iter()
            .map(|event| event.kind)
            .collect();
        assert_eq!(told, events);
        let trail = self.trail().await;
        let written: Vec<_> = trail[watch.lines..].iter().map(|line| line.what).collect();
        assert_eq!(written, lines);
        *watch = self.watch().await;
    }
}

/// Where the log and the trail stood.
pub struct Watch {
    cursor: Cursor,
    lines: usize,
}

pub async fn present_to<S: Store>(
    store: &S,
    who: &SignedIn,
    generation: Generation,
    now: Timestamp,
    network: Network,
) -> Rotate {
    let answer = try_to_present(store, who, generation, now, network).await;
    answer.unwrap()
}

/// The same, where the store may be away.
pub async fn try_to_present<S: Store>(
    store: &S,
    who: &SignedIn,
    generation: Generation,
    now: Timestamp,
    network: Network,
) -> Result<Rotate, StoreError> {
    let presented = Presented {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        generation,
        client: &who.client,
        idle_end: now.plus(IDLE),
        interval: interval(),
        network,
    };
    store.rotate(presented, &origin(now)).await
}

/// The entitlement of an answer that has one.
pub fn entitled(answer: Rotate) -> Entitlement {
    match answer {
        Rotate::Rotated(it) | Rotate::Held(it) | Rotate::Retried(it) | Rotate::Recovered(it) => *it,
        other => panic!("no entitlement in {other:?}"),
    }
}

pub fn session_ended(who: &SignedIn) -> Revocation {
    Revocation::Session {
        sid: who.session.to_string(),
    }
}

pub fn subject_below(user: UserId, below: u64) -> Revocation {
    Revocation::Subject {
        sub: user.to_string(),
        below,
    }
}

pub fn nobodys_session<S: Store>(world: &World<S>) -> SessionId {
    SessionId::from_bytes(world.unique())
}
