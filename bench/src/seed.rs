//! Fills a stopped server's store: people who can sign in, and sessions that have rested. Everything goes through the
//! server's own library, with a clock that runs an hour ago, so that what is stored is what the server would have.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_auth::Auth;
use countersign_auth::directory::{AddUser, Directory};
use countersign_auth::env::{Clock, Env, Timestamp};
use countersign_auth::limits::LimitSettings;
use countersign_auth::login::{Login, SignIn};
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::user::NewUser;
use countersign_auth::password::{
    HashAlgorithm, Hasher, Password, PasswordSettings, StoredPassword,
};
use countersign_auth::seal::MasterKey;
use countersign_auth::sessions::Sessions;
use countersign_auth::settings::{Secrets, Settings};
use countersign_auth::style::Given;
use countersign_auth::visitor::Visitor;
use countersign_guard::{Revocation, UnixTime};
use countersign_store::{Postgres, PostgresOptions, Redis, Sqlite, SqliteOptions};
use zeroize::Zeroizing;

use crate::plan::Plan;
use crate::sign_ins::SIGNERS;
use crate::work::{app, holder, signer};

/// Everybody's password.
pub const PASSWORD: &str = "a bench needs no secrets";
/// The file of the store in a server's data folder.
pub const DATABASE: &str = "countersign.db";
/// The least that Argon2 takes: what seeded sessions are opened with.
pub const CHEAP: HashAlgorithm = HashAlgorithm::Argon2id {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};
/// How many requests are in flight while seeding.
const WORKERS: usize = 128;
/// Sessions are spread over this time, which ends an hour ago.
const SPREAD: Duration = Duration::from_hours(1);

/// What a store is to hold.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// People with one session each. They share one cheap hash.
    pub holders: u32,
    /// People without a session, to sign in. They share one hash of `cost`.
    pub signers: u32,
    /// What the signers' password is hashed with.
    pub cost: HashAlgorithm,
    /// How the sessions of the default client are renewed.
    pub style: Style,
}

impl Seed {
    /// The small store.
    pub fn small(plan: &Plan) -> Self {
        Self {
            holders: plan.sessions,
            signers: SIGNERS,
            cost: HashAlgorithm::ARGON2ID,
            style: Style::Rotating,
        }
    }
}

/// Who seeds.
pub const ISSUER: &str = "http://localhost:8080";

/// The master key of every server of the bench, for its environment.
pub fn master_key() -> String {
    "07".repeat(MasterKey::LEN)
}

/// Fills the store in `data`. The refresh tokens of the sessions, in an order that has nothing to do with theirs in
/// the store.
pub fn seed(data: &Path, seed: Seed) -> Result<Vec<String>, Box<dyn Error>> {
    std::fs::create_dir_all(data)?;
    in_store(data, async |store| {
        fill(Arc::new(store.clone()), Arc::new(store.clone()), seed).await
    })
}

/// The same with its sessions in Redis.
pub fn seed_beside_redis(
    data: &Path,
    address: &str,
    seed: Seed,
) -> Result<Vec<String>, Box<dyn Error>> {
    std::fs::create_dir_all(data)?;
    in_store(data, async |store| {
        let redis = Redis::connect(address).await?;
        let both = Arc::new(redis.beside_sqlite(store.clone()));
        fill(both.clone(), both, seed).await
    })
}

/// The same in a PostgreSQL database.
pub fn seed_postgres(address: &str, seed: Seed) -> Result<Vec<String>, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let options = PostgresOptions {
            // Who waits longest has everybody before them.
            patience: Duration::from_mins(1),
            ..PostgresOptions::default()
        };
        let store = Postgres::connect(address, &options).await?;
        let tokens = fill(Arc::new(store.clone()), Arc::new(store.clone()), seed).await;
        store.close();
        tokens
    })
}

async fn fill(
    directory: Arc<dyn Directory>,
    sessions: Arc<dyn Sessions>,
    seed: Seed,
) -> Result<Vec<String>, Box<dyn Error>> {
    let clock = Arc::new(Past::new());
    let env = Env {
        clock: clock.clone(),
        ..Env::system()
    };
    let people = People {
        store: directory.clone(),
        env: env.clone(),
        cheap: hash(CHEAP, &env).await?,
        dear: hash(seed.cost, &env).await?,
    };
    people.add(seed).await?;
    let auth = Arc::new(start(directory, sessions, env.clone()).await?);
    if seed.style != Style::Rotating {
        let client = Client::new(ClientId::default(), ClientKind::Browser, env.now());
        let client = client.with_style(seed.style);
        auth.put_client(client, &Visitor::operator()).await?;
    }
    let tokens = open_sessions(&auth, &clock, seed.holders).await?;
    auth.stop();
    drop(auth);
    Ok(tokens)
}

/// Adds clients to a seeded store, `app-000` and so on, each with one session of a signer, and so many revocations of
/// others' sessions and tokens, which live for a day. The refresh tokens of the sessions, in order.
pub fn add_apps_and_revocations(
    data: &Path,
    apps: u32,
    revocations: u32,
) -> Result<Vec<String>, Box<dyn Error>> {
    in_store(data, async |store| {
        let env = Env {
            clock: Arc::new(Past::new()),
            ..Env::system()
        };
        let (directory, sessions) = (Arc::new(store.clone()), Arc::new(store.clone()));
        let auth = start(directory, sessions, env.clone()).await?;
        let mut tokens = Vec::new();
        for number in 0..apps {
            let client = Client {
                // Revocations live as long as the longest of tokens.
                access_ttl: Duration::from_hours(24),
                ..Client::new(app(number).parse()?, ClientKind::Browser, env.now())
            };
            auth.put_client(client, &Visitor::operator()).await?;
            let login = Login {
                identifier: signer(number),
                password: Password::new(PASSWORD.to_owned()),
                client: Some(app(number)),
            };
            tokens.push(signed_in(&auth, login).await);
        }
        revoke(store, &env, revocations).await?;
        auth.stop();
        drop(auth);
        Ok(tokens)
    })
}

/// Lets `work` fill a stopped server's store. Nothing is synced before the end.
fn in_store<T>(
    data: &Path,
    work: impl AsyncFnOnce(&Sqlite) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(crate::cores())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let options = SqliteOptions {
            durable: false,
            ..SqliteOptions::default()
        };
        let store = Sqlite::open(&data.join(DATABASE), &options)?;
        let done = work(&store).await?;
        store.close().await?;
        Ok(done)
    })
}

async fn revoke(store: &Sqlite, env: &Env, count: u32) -> Result<(), Box<dyn Error>> {
    let origin = by_operator(env.now());
    let next = Arc::new(AtomicU32::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 * WORKERS {
        let (store, env, next, origin) = (store.clone(), env.clone(), next.clone(), origin.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                let what = if number.is_multiple_of(2) {
                    let end = env.now().plus(Client::ABSOLUTE_TTL);
                    let sid = SessionId::random(&env, end).to_string();
                    Revocation::Session { sid }
                } else {
                    let (jti, from) = (format!("{number:022}"), UnixTime::from_secs(0));
                    Revocation::Token { jti, from }
                };
                store.revoke(what, &origin).await.expect("revoked");
            }
        });
    }
    while let Some(finished) = tasks.join_next().await {
        finished?;
    }
    Ok(())
}

/// A clock that starts two hours ago and is moved by hand.
struct Past {
    millis: AtomicU64,
    start: u64,
}

impl Past {
    fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let past = now.saturating_sub(SPREAD + Duration::from_hours(1));
        let start = u64::try_from(past.as_millis()).unwrap_or_default();
        Self {
            millis: AtomicU64::new(start),
            start,
        }
    }

    /// To where `done` of `all` steps have brought it.
    fn move_to(&self, done: u32, all: u32) {
        let spread = u64::try_from(SPREAD.as_millis()).unwrap_or_default();
        let now = self.start + spread * u64::from(done) / u64::from(all.max(1));
        self.millis.fetch_max(now, Ordering::Relaxed);
    }
}

impl Clock for Past {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

async fn hash(algorithm: HashAlgorithm, env: &Env) -> Result<StoredPassword, Box<dyn Error>> {
    let hasher = Hasher::start(&passwords(algorithm), None, env)?;
    let hash = hasher.hash(Password::new(PASSWORD.to_owned())).await?;
    hasher.stop();
    Ok(hash)
}

fn passwords(algorithm: HashAlgorithm) -> PasswordSettings {
    PasswordSettings {
        algorithm,
        queue: WORKERS.try_into().ok(),
        ..PasswordSettings::default()
    }
}

async fn start(
    directory: Arc<dyn Directory>,
    sessions: Arc<dyn Sessions>,
    env: Env,
) -> Result<Auth, Box<dyn Error>> {
    let settings = Settings {
        passwords: passwords(CHEAP),
        limits: LimitSettings::disabled(),
        ..Settings::new(ISSUER)
    };
    let secrets = Secrets {
        master: MasterKey::new(&Zeroizing::new([7; MasterKey::LEN])),
        shared: None,
        own_key: None,
        pepper: None,
    };
    Ok(Auth::start(settings, secrets, directory, sessions, env).await?)
}

#[derive(Clone)]
struct People {
    store: Arc<dyn Directory>,
    env: Env,
    cheap: StoredPassword,
    dear: StoredPassword,
}

impl People {
    async fn add(&self, seed: Seed) -> Result<(), Box<dyn Error>> {
        let next = Arc::new(AtomicU32::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let (people, next) = (self.clone(), next.clone());
            tasks.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (email, password) = if number < seed.signers {
                        (signer(number), &people.dear)
                    } else if number - seed.signers < seed.holders {
                        (holder(number - seed.signers), &people.cheap)
                    } else {
                        return;
                    };
                    people.add_one(email, password.clone()).await;
                }
            });
        }
        while let Some(finished) = tasks.join_next().await {
            finished?;
        }
        Ok(())
    }

    async fn add_one(&self, email: String, password: StoredPassword) {
        let at = self.env.now();
        let user = NewUser {
            id: UserId::random(&self.env),
            email,
            username: None,
            name: Some("Somebody of the Bench".to_owned()),
            roles: vec!["customer".to_owned()],
            attributes: serde_json::Map::new(),
            password: Some(password),
            at,
        };
        let origin = by_operator(at);
        let added = self.store.add_user(user, &origin).await;
        assert!(
            matches!(added, Ok(AddUser::Added(_))),
            "not added: {added:?}"
        );
    }
}

async fn open_sessions(
    auth: &Arc<Auth>,
    clock: &Arc<Past>,
    count: u32,
) -> Result<Vec<String>, Box<dyn Error>> {
    let next = Arc::new(AtomicU32::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let (auth, clock, next) = (auth.clone(), clock.clone(), next.clone());
        tasks.spawn(async move {
            let mut tokens = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return tokens;
                }
                clock.move_to(number, count);
                let login = Login {
                    identifier: holder(number),
                    password: Password::new(PASSWORD.to_owned()),
                    client: None,
                };
                let order = number.wrapping_mul(0x9e37_79b1);
                tokens.push((order, signed_in(&auth, login).await));
            }
        });
    }
    let mut tokens = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        tokens.append(&mut finished?);
    }
    tokens.sort_unstable();
    Ok(tokens.into_iter().map(|(_, token)| token).collect())
}

/// What renews or names a new session.
async fn signed_in(auth: &Auth, login: Login) -> String {
    let visitor = Visitor::new([127, 0, 0, 1].into(), Some("a browser".to_owned()), None);
    match auth.login(login, &visitor).await {
        Ok(SignIn::Complete(Given::Tokens(signed))) => signed.refresh_token.expose().to_owned(),
        Ok(SignIn::Complete(Given::Session(session))) => session.name.expose().to_string(),
        other => panic!("not signed in: {other:?}"),
    }
}

fn by_operator(at: Timestamp) -> Origin {
    Origin {
        at,
        actor: Actor::Operator,
        address: None,
        agent: None,
    }
}
