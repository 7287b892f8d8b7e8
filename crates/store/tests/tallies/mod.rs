//! Attempts counted in Redis are counted as one node counts them, all at once or not at all, and for a while only.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::limits::shared::{Amendment, How, Rule, Tallies, Tally};
use countersign_auth::limits::{Attempt, Backoff, Budget, LimitSettings, Limited, Limits, device};
use countersign_auth::model::id::{SessionId, UserId};
use countersign_auth::store::StoreError;
use countersign_auth::visitor::Visitor;
use countersign_store::Redis;

use crate::redis_server::RedisServer;

const BACKOFF: Backoff = Backoff {
    free: 3,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(1),
    forget: Duration::from_mins(5),
};
const BUDGET: Budget = Budget {
    burst: 5,
    every: Duration::from_millis(1501),
};
/// What half of it costs, since what succeeds gets half back.
const HALF: Duration = Duration::from_micros(750_500);
const KEY: &[u8] = &[7; 32];
const ANN: UserId = UserId::from_bytes([1; 16]);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_795_305_600_000 + millis)
}

fn tally(name: &str, rule: Rule) -> Tally {
    Tally {
        name: name.to_owned(),
        rule,
    }
}

fn budget(cost: u32) -> Rule {
    Rule::Budget {
        cost: HALF * cost,
        all: HALF * 2 * BUDGET.burst,
    }
}

async fn redis() -> (Redis, RedisServer) {
    let server = RedisServer::with(&[]);
    (Redis::connect(&server.url()).await.unwrap(), server)
}

async fn take_back(redis: &Redis, name: &str, how: How, now: u64) {
    let amendment = Amendment {
        name: name.to_owned(),
        how,
    };
    redis.amend("ann", &[amendment], at(now)).await.unwrap();
}

/// The rules stand in Rust, for a node alone, and in Redis' language: through the same attempts, of which some succeed and
/// some are not looked at, both say the same.
#[tokio::test]
async fn as_a_node_counts_them() {
    let (redis, _server) = redis().await;
    let limits = Limits::new(&LimitSettings {
        sign_in_owner: Some(BUDGET),
        password_change: Some(BACKOFF),
        ..LimitSettings::default()
    });
    let owner = Visitor::new(
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        None,
        Some(device::make(KEY, ANN, [3; 16])),
    );
    let session = SessionId::from_bytes([1; 24]);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut now = 0;
    let mut waiting: Vec<(Attempt<'_>, &str, Rule, u64)> = Vec::new();
    for _ in 0..4000 {
        now += *dice.of(&[0, 0, 1, 7, 700, 1500, 1501, 4000, 64_000, 301_000]) / *dice.of(&[1, 2]);
        let (name, rule, here) = if *dice.of(&[true, false]) {
            let here = limits.sign_in(&owner, "ann", Some(ANN), KEY, at(now));
            ("budget", budget(2), here)
        } else {
            let here = limits.password_change(session, at(now));
            ("backoff", Rule::Backoff(BACKOFF), here)
        };
        let there = redis.count("ann", &[tally(name, rule)], at(now)).await;
        let said = here.as_ref().map(drop).map_err(|limited| *limited);
        assert_eq!(there.unwrap(), said, "{name} at {now}");
        let Ok(attempt) = here else {
            *seen.entry("limited").or_default() += 1;
            continue;
        };
        // What becomes of it may come to light later.
        waiting.push((attempt, name, rule, now));
        while waiting.len() > *dice.of(&[0, 0, 1, 2]) {
            let (attempt, name, rule, then) = waiting.remove(0);
            let what = *dice.of(&["failed", "failed", "failed", "succeeded", "forgiven"]);
            *seen.entry(what).or_default() += 1;
            let how = match (what, rule) {
                ("succeeded", Rule::Budget { .. }) => How::GiveBack(HALF),
                ("succeeded", Rule::Backoff(_)) => How::Forget,
                ("forgiven", Rule::Budget { cost, .. }) => How::GiveBack(cost),
                ("forgiven", Rule::Backoff(backoff)) => How::Undo {
                    backoff,
                    then: at(then),
                },
                _ => continue,
            };
            take_back(&redis, name, how, now).await;
            match what {
                "succeeded" => attempt.succeeded(),
                _ => attempt.forgiven(),
            }
        }
    }
    println!("{seen:?}");
    assert!(seen.len() == 4 && seen.values().all(|times| *times > 100));
}

/// Of a hundred at once as many are let through as there is room for; and what is refused under one name is counted
/// under none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_or_none() {
    let (redis, _server) = redis().await;
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let redis = redis.clone();
        attempts.spawn(async move {
            let tallies = [
                tally("pair", Rule::Backoff(BACKOFF)),
                tally("account", budget(1)),
            ];
            redis.count("ann", &tallies, at(0)).await.unwrap()
        });
    }
    let answers = attempts.join_all().await;
    assert_eq!(answers.iter().flatten().count(), 3, "what is free");
    // The budget has paid for these three alone.
    let account = [tally("account", budget(1))];
    for _ in 0..7 {
        let counted = redis.count("ann", &account, at(0)).await.unwrap();
        assert_eq!(counted, Ok(()));
    }
    let refused = redis.count("ann", &account, at(0)).await.unwrap();
    let wait = Duration::from_millis(751);
    assert_eq!(refused, Err(Limited { retry_after: wait }));
    let longest = [
        tally("account", budget(1)),
        tally("pair", Rule::Backoff(BACKOFF)),
    ];
    let wait = Duration::from_secs(1);
    let refused = redis.count("ann", &longest, at(0)).await.unwrap();
    assert_eq!(refused, Err(Limited { retry_after: wait }));
}

/// Whoever has rested leaves nothing behind, and whoever has not goes by itself.
#[tokio::test]
async fn nothing_stays() {
    let (redis, server) = redis().await;
    let both = [
        tally("pair", Rule::Backoff(BACKOFF)),
        tally("account", budget(1)),
    ];
    redis.count("ann", &both, at(0)).await.unwrap().unwrap();
    for (name, most) in [("pair", 310_000), ("account", 11_000)] {
        let left = server.cli(&["PTTL", &format!("countersign:{{ann}}:limit:{name}")]);
        let left: u64 = left.parse().unwrap();
        assert!(left > most - 5000 && left <= most, "{name}: {left}");
    }
    take_back(&redis, "account", How::GiveBack(HALF), 0).await;
    let (backoff, then) = (BACKOFF, at(0));
    take_back(&redis, "pair", How::Undo { backoff, then }, 0).await;
    assert_eq!(server.cli(&["KEYS", "*limit*"]), "");
    redis.count("ann", &both, at(0)).await.unwrap().unwrap();
    take_back(&redis, "pair", How::Forget, 0).await;
    assert_eq!(
        server.cli(&["KEYS", "*limit*"]),
        "countersign:{ann}:limit:account"
    );
}

/// A Redis that hangs keeps nobody waiting.
#[tokio::test]
async fn it_answers_soon_or_not_at_all() {
    let (redis, server) = redis().await;
    let tallies = [tally("account", budget(1))];
    assert_eq!(server.cli(&["CLIENT", "PAUSE", "20000", "ALL"]), "OK");
    let counted = redis.count("ann", &tallies, at(0)).await;
    // Any other verb would wait for two seconds, and say so in other words.
    assert!(
        matches!(&counted, Err(StoreError::Unavailable(why)) if why.to_string().contains("in time")),
        "{counted:?}"
    );
}

/// In a cluster: the names of each owner are in one slot, those of many owners are not.
pub async fn of_many_owners(redis: &Redis) {
    for number in 0..60 {
        let owner = format!("address:{number:08x}");
        let tallies = [
            tally("pair", Rule::Backoff(BACKOFF)),
            tally("account", budget(1)),
        ];
        for _ in 0..3 {
            let counted = redis.count(&owner, &tallies, at(0)).await.unwrap();
            assert_eq!(counted, Ok(()));
        }
        let refused = redis.count(&owner, &tallies, at(0)).await.unwrap();
        assert!(refused.is_err());
        let forgotten = tallies.map(|tally| Amendment {
            name: tally.name,
            how: How::Forget,
        });
        redis.amend(&owner, &forgotten, at(0)).await.unwrap();
    }
}

/// Numbers by xorshift: the same in each run.
struct Dice(u64);

impl Dice {
    fn of<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let length = u64::try_from(among.len()).unwrap();
        &among[usize::try_from((self.0 >> 33) % length).unwrap()]
    }
}
