//! The server's side: a store that can be stopped, started, backed up and rolled back between any two requests.

use std::collections::BTreeMap;

use countersign_auth::directory::{AddUser, Directory};
use countersign_auth::env::Timestamp;
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::grant::{Grant, HandleHash, Network};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::session::Session;
use countersign_auth::model::user::NewUser;
use countersign_auth::password::StoredPassword;
use countersign_auth::rotation::{Generation, Generations, Interval};
use countersign_auth::sessions::{
    ChangePassword, Open, PasswordChange, Presented, Rotate, Sessions,
};
use countersign_store::{Sqlite, SqliteOptions};
use tokio::runtime::Runtime;

use crate::scratch::Scratch;

const START: u64 = 1_800_000_000_000;

/// A row of the renewal table, as the presenter meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    Rotated,
    Held,
    Retried,
    Recovered,
    TooManyRetries,
    Superseded,
    Reused,
    Ahead,
    Expired,
    Stale,
    Unknown,
}

/// A refresh token: of which of the run's grants, of which generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub grant: usize,
    pub generation: Generation,
}

pub struct Server {
    store: Sqlite,
    runtime: Runtime,
    scratch: Scratch,
    client: ClientId,
    number: u64,
    user: UserId,
    epoch: u64,
    session: SessionId,
    grants: Vec<HandleHash>,
    pub rows: BTreeMap<Row, u64>,
}

fn options() -> SqliteOptions {
    SqliteOptions {
        durable: false,
        ..SqliteOptions::default()
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn origin(now: u64) -> Origin {
    Origin {
        at: at(now),
        actor: Actor::User,
        address: None,
        agent: None,
    }
}

impl Server {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let scratch = Scratch::new();
        let store = Sqlite::open(&scratch.database(), &options()).unwrap();
        let client = Client::new(ClientId::default(), ClientKind::Browser, at(0));
        runtime
            .block_on(store.put_client(client, &origin(0)))
            .unwrap();
        Self {
            store,
            runtime,
            scratch,
            client: ClientId::default(),
            number: 0,
            user: UserId::from_bytes([0; 16]),
            epoch: 0,
            session: SessionId::from_bytes([0; 24]),
            grants: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    fn unique<const N: usize>(&mut self) -> [u8; N] {
        self.number += 1;
        let mut bytes = [0; N];
        bytes[N - 8..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    /// A new person signs in: the next run begins.
    pub fn sign_in(&mut self, interval_zero: u64) -> Token {
        self.user = UserId::from_bytes(self.unique());
        self.epoch = 0;
        self.grants.clear();
        let mut id = self.unique::<24>();
        id[..8].copy_from_slice(
            &at(interval_zero)
                .plus(Client::ABSOLUTE_TTL)
                .as_millis()
                .to_be_bytes(),
        );
        self.session = SessionId::from_bytes(id);
        let user = NewUser {
            id: self.user,
            email: format!("{}@example.com", self.number),
            username: None,
            name: None,
            roles: Vec::new(),
            attributes: serde_json::Map::new(),
            password: Some(StoredPassword::from_stored("old".to_owned())),
            at: at(0),
        };
        let added = self.runtime.block_on(self.store.add_user(user, &origin(0)));
        assert!(matches!(added.unwrap(), AddUser::Added(_)));
        let session = Session {
            id: self.session,
            user: self.user,
            user_epoch: 0,
            issuer_epoch: 0,
            auth_time: at(interval_zero),
            amr: Vec::new(),
            idle_end: at(interval_zero).plus(Client::IDLE_TTL),
            device: None,
            address: None,
        };
        let grant = self.grant(interval_zero);
        let opened = self
            .runtime
            .block_on(self.store.open(session, grant, &origin(interval_zero)));
        assert!(matches!(opened.unwrap(), Open::Opened(_)));
        self.newest()
    }

    pub fn present(&mut self, token: Token, now: u64, network: u32) -> (Row, Option<Token>) {
        let presented = Presented {
            handle: self.grants[token.grant],
            absolute_end: self.session.absolute_end(),
            generation: token.generation,
            client: &self.client,
            idle_end: at(now).plus(Client::IDLE_TTL),
            interval: Interval::default(),
            network: Network(network),
        };
        let answer = self
            .runtime
            .block_on(self.store.rotate(presented, &origin(now)))
            .unwrap();
        let (row, entitlement) = match answer {
            Rotate::Rotated(it) => (Row::Rotated, Some(it)),
            Rotate::Held(it) => (Row::Held, Some(it)),
            Rotate::Retried(it) => (Row::Retried, Some(it)),
            Rotate::Recovered(it) => (Row::Recovered, Some(it)),
            Rotate::TooManyRetries => (Row::TooManyRetries, None),
            Rotate::Superseded => (Row::Superseded, None),
            Rotate::Reused(_) => (Row::Reused, None),
            Rotate::Ahead(_) => (Row::Ahead, None),
            Rotate::Expired => (Row::Expired, None),
            Rotate::Stale => (Row::Stale, None),
            Rotate::Unknown => (Row::Unknown, None),
        };
        *self.rows.entry(row).or_default() += 1;
        let token = entitlement.map(|it| Token {
            generation: it.grant.generations.cur,
            ..token
        });
        (row, token)
    }

    /// The owner changes the password; `None` if the session is over.
    pub fn change_password(&mut self, now: u64) -> Option<Token> {
        let change = PasswordChange {
            user: self.user,
            seen_epoch: self.epoch,
            password: StoredPassword::from_stored("new".to_owned()),
            grant: self.grant(now),
        };
        let changed = self
            .runtime
            .block_on(self.store.change_password(change, &origin(now)));
        match changed.unwrap() {
            ChangePassword::Changed(entitlement) => {
                self.epoch = entitlement.user.epoch;
                Some(self.newest())
            }
            ChangePassword::Stale => None,
        }
    }

    /// A crash and a new start. What was committed is there; whatever was on its way is not this type's concern.
    pub fn restart(&mut self) {
        self.runtime.block_on(self.store.close()).unwrap();
        self.store = Sqlite::open(&self.scratch.database(), &options()).unwrap();
    }

    pub fn back_up(&mut self) {
        self.runtime.block_on(self.store.close()).unwrap();
        std::fs::copy(self.scratch.database(), self.backup()).unwrap();
        self.store = Sqlite::open(&self.scratch.database(), &options()).unwrap();
    }

    /// Starts again from the last backup: what was acknowledged since is lost.
    pub fn roll_back(&mut self) {
        self.runtime.block_on(self.store.close()).unwrap();
        std::fs::copy(self.backup(), self.scratch.database()).unwrap();
        self.store = Sqlite::open(&self.scratch.database(), &options()).unwrap();
    }

    fn backup(&self) -> std::path::PathBuf {
        self.scratch.database().with_file_name("backup.db")
    }

    fn newest(&self) -> Token {
        Token {
            grant: self.grants.len() - 1,
            generation: 0,
        }
    }

    fn grant(&mut self, now: u64) -> Grant {
        let handle = HandleHash(self.unique());
        self.grants.push(handle);
        Grant {
            handle,
            session: self.session,
            client: self.client.clone(),
            client_epoch: 0,
            scope: None,
            style: Style::Rotating,
            generations: Generations::first(at(now), Network(1)),
        }
    }
}
