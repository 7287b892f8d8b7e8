//! How many renewals a second the store alone does, each a different session's, Rotated and durable:
//! `cargo run --release -p countersign-store --example renewals`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_auth::directory::{AddUser, Directory};
use countersign_auth::env::{Env, Timestamp};
use countersign_auth::model::audit::{Actor, Origin};
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::grant::{Grant, HandleHash, Network};
use countersign_auth::model::id::{ClientId, SessionId, UserId};
use countersign_auth::model::session::Session;
use countersign_auth::model::user::{NewUser, User};
use countersign_auth::rotation::{Generations, Interval};
use countersign_auth::sessions::{Open, Presented, Rotate, Sessions};
use countersign_store::{Sqlite, SqliteOptions};

const SESSIONS: usize = 60_000;
const ROUNDS: [(usize, usize); 3] = [(1, 3_000), (16, 20_000), (64, 36_000)];

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct SignedIn {
    handle: HandleHash,
    session: SessionId,
}

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(measure())
}

async fn measure() -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("countersign-renewals-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure_in(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure_in(folder: &Path) -> Outcome<()> {
    let env = Env::system();
    let begin = env.now();
    let store = Sqlite::open(&folder.join("countersign.db"), &SqliteOptions::default())?;
    let people = Arc::new(populate(&store, &env, begin).await?);
    let next = Arc::new(AtomicUsize::new(0));
    let now = begin.plus(Duration::from_mins(1));
    for (clients, renewals) in ROUNDS {
        let before = store.stats();
        let end = next.load(Ordering::Relaxed) + renewals;
        let spent_before = writer_spent();
        let started = instant();
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let (store, people, next) = (store.clone(), Arc::clone(&people), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return Outcome::Ok(times);
                    }
                    let asked = instant();
                    renew(&store, &people[number], now).await?;
                    times.push(asked.elapsed());
                }
            }));
        }
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await??);
        }
        let elapsed = started.elapsed();
        next.store(end, Ordering::Relaxed);
        times.sort_unstable();
        let spent = writer_spent().saturating_sub(spent_before) / u32::try_from(times.len())?;
        let after = store.stats();
        println!(
            "{clients:>3} clients: {:>6.0} renewals/s, p50 {:?}, p99 {:?}, {:.1} a commit, {spent:?} of the writer's processor each",
            f64::from(u32::try_from(times.len())?) / elapsed.as_secs_f64(),
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            f64::from(u32::try_from(after.jobs - before.jobs)?)
                / f64::from(u32::try_from(after.commits - before.commits)?),
        );
    }
    store.close().await?;
    Ok(())
}

async fn renew(store: &Sqlite, who: &SignedIn, now: Timestamp) -> Outcome<()> {
    let presented = Presented {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        generation: 0,
        client: &ClientId::default(),
        idle_end: now.plus(Client::IDLE_TTL),
        interval: Interval::default(),
        network: Network(1),
    };
    match store.rotate(presented, &origin(now)).await? {
        Rotate::Rotated(_) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

async fn populate(store: &Sqlite, env: &Env, now: Timestamp) -> Outcome<Vec<SignedIn>> {
    store.event_lifetime(Duration::from_mins(6)).await?;
    let client = Client::new(ClientId::default(), ClientKind::Browser, now);
    store.put_client(client, &origin(now)).await?;
    let mut tasks = Vec::new();
    for number in 0..SESSIONS {
        let (store, env) = (store.clone(), env.clone());
        tasks.push(async move {
            let user = register(&store, &env, number, now).await?;
            sign_in(&store, &env, &user, now).await
        });
    }
    let mut people = Vec::with_capacity(SESSIONS);
    let mut tasks = tasks.into_iter();
    loop {
        let batch: Vec<_> = tasks.by_ref().take(500).map(tokio::spawn).collect();
        if batch.is_empty() {
            return Ok(people);
        }
        for task in batch {
            people.push(task.await??);
        }
    }
}

async fn register(store: &Sqlite, env: &Env, number: usize, now: Timestamp) -> Outcome<User> {
    let new = NewUser {
        id: UserId::random(env),
        email: format!("user{number}@example.com"),
        username: None,
        name: Some("A Person".to_owned()),
        roles: vec!["customer".to_owned()],
        attributes: serde_json::Map::new(),
        password: None,
        at: now,
    };
    match store.add_user(new, &origin(now)).await? {
        AddUser::Added(user) => Ok(user),
        other => Err(format!("{other:?}").into()),
    }
}

async fn sign_in(store: &Sqlite, env: &Env, user: &User, now: Timestamp) -> Outcome<SignedIn> {
    let session = Session {
        id: SessionId::random(env, now.plus(Client::ABSOLUTE_TTL)),
        user: user.id,
        user_epoch: user.epoch,
        issuer_epoch: 0,
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        idle_end: now.plus(Client::IDLE_TTL),
        device: Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101".to_owned()),
        address: Some("192.0.2.7".to_owned()),
    };
    let grant = Grant {
        handle: HandleHash(env.random()),
        session: session.id,
        client: ClientId::default(),
        client_epoch: 0,
        scope: None,
        style: Style::Rotating,
        generations: Generations::first(now, Network(1)),
    };
    let signed_in = SignedIn {
        handle: grant.handle,
        session: session.id,
    };
    match store.open(session, grant, &origin(now)).await? {
        Open::Opened(_) => Ok(signed_in),
        Open::Stale => Err("stale".into()),
    }
}

fn origin(at: Timestamp) -> Origin {
    Origin {
        at,
        actor: Actor::User,
        address: Some("192.0.2.7".to_owned()),
        agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101".to_owned()),
    }
}

/// The processor time of the writer's thread so far, where `/proc` tells.
fn writer_spent() -> Duration {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    threads
        .flatten()
        .filter(|thread| {
            let name = std::fs::read_to_string(thread.path().join("comm"));
            name.is_ok_and(|name| name.trim() == "store-writer")
        })
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|spent| spent.split(' ').next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures how long things take"
)]
fn instant() -> Instant {
    Instant::now()
}
