//! Limits and a naive model of the same rules agree on every answer, whatever happens in whatever order.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::limits::{Attempt, Backoff, Budget, LimitSettings, Limited, Limits, device};
use countersign_auth::model::id::{SessionId, UserId};
use countersign_auth::visitor::Visitor;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};

const KEY: &[u8] = &[7; 32];
const ANN: UserId = UserId::from_bytes([1; 16]);

fn address(host: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, host).into()
}

/// One thing that happens to the limits.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Upkeep,
    SignIn {
        host: u8,
        name: u8,
        known: bool,
        end: End,
    },
    Register {
        host: u8,
    },
    ChangePassword {
        session: u8,
        end: End,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Failed,
    Succeeded,
    Forgiven,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Failed),
        2 => Just(End::Succeeded),
        1 => Just(End::Forgiven),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..40_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Upkeep),
        12 => (0..3_u8, 0..3_u8, prop::bool::weighted(0.2), end())
            .prop_map(|(host, name, known, end)| Step::SignIn { host, name, known, end }),
        2 => (0..2_u8).prop_map(|host| Step::Register { host }),
        3 => (0..2_u8, end()).prop_map(|(session, end)| Step::ChangePassword { session, end }),
    ];
    prop::collection::vec(step, 1..120)
}

/// The same rules, said naively: levels that fill up, lists of failures.
struct Model {
    now: u64,
    levels: HashMap<String, (u64, u64)>,
    failures: HashMap<String, (u32, u64)>,
}

impl Model {
    /// How long until `cost` fits into a bucket of `burst`, of which one comes back every `every` milliseconds.
    fn lacks(&self, key: &str, cost: u64, burst: u64, every: u64) -> u64 {
        let (level, when) = self.levels.get(key).copied().unwrap_or((burst * every, 0));
        let level = (burst * every).min(level + (self.now - when));
        (cost * every).saturating_sub(level)
    }

    fn pour(&mut self, key: &str, amount: i64, burst: u64, every: u64) {
        let (level, when) = self.levels.get(key).copied().unwrap_or((burst * every, 0));
        let level = (burst * every).min(level + (self.now - when));
        let poured = level.saturating_add_signed(amount * i64::try_from(every).unwrap());
        self.levels
            .insert(key.to_owned(), (poured.min(burst * every), self.now));
    }

    fn must_wait(&self, key: &str) -> u64 {
        let (_, until) = self.failures.get(key).copied().unwrap_or_default();
        until.saturating_sub(self.now)
    }

    fn failed(&mut self, key: &str, rule: &Backoff) {
        let (mut count, until) = self.failures.get(key).copied().unwrap_or_default();
        if self.now >= until + millis(rule.forget) {
            count = 0;
        }
        count += 1;
        let mut wait = 0;
        for failure in 1..=count {
            if failure == rule.free {
                wait = millis(rule.first);
            } else if failure > rule.free {
                wait = (2 * wait).min(millis(rule.longest));
            }
        }
        self.failures
            .insert(key.to_owned(), (count, self.now + wait));
    }

    fn end(&mut self, key: &str, end: End) {
        match end {
            End::Failed => {}
            End::Succeeded => drop(self.failures.remove(key)),
            End::Forgiven => {
                let (count, _) = self.failures[key];
                self.failures.insert(key.to_owned(), (count - 1, self.now));
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

fn small_settings() -> LimitSettings {
    let budget = |burst, secs| {
        Some(Budget {
            burst,
            every: Duration::from_secs(secs),
        })
    };
    let backoff = |free| Backoff {
        free,
        first: Duration::from_secs(2),
        longest: Duration::from_secs(30),
        forget: Duration::from_mins(1),
    };
    LimitSettings {
        sign_in_address: budget(6, 4),
        sign_in_pair: Some(backoff(3)),
        sign_in_account: budget(5, 10),
        sign_in_owner: budget(4, 6),
        registration: budget(3, 20),
        refresh: None,
        password_change: Some(backoff(2)),
        profile_change: None,
        client_secret: None,
        service_token: None,
        keys: 1000,
    }
}

/// What the limits answered, in milliseconds to wait.
fn said<T>(answer: &Result<T, Limited>) -> u64 {
    let limited = answer.as_ref().err();
    limited.map_or(0, |limited| millis(limited.retry_after))
}

fn finish(attempt: Attempt<'_>, end: End) {
    match end {
        End::Failed => drop(attempt),
        End::Succeeded => attempt.succeeded(),
        End::Forgiven => attempt.forgiven(),
    }
}

/// The limits, the model, and how often each answer was seen.
struct Both<'a> {
    limits: Limits,
    settings: LimitSettings,
    model: Model,
    seen: &'a RefCell<BTreeMap<&'static str, u32>>,
}

impl Both<'_> {
    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Pass(millis) => self.model.now += millis,
            Step::Upkeep => self.limits.upkeep(self.now()),
            Step::SignIn {
                host,
                known: true,
                end,
                ..
            } => self.owner(host, end)?,
            Step::SignIn {
                host, name, end, ..
            } => self.stranger(host, name, end)?,
            Step::Register { host } => self.register(host)?,
            Step::ChangePassword { session, end } => self.change_password(session, end)?,
        }
        Ok(())
    }

    fn owner(&mut self, host: u8, end: End) -> Result<(), TestCaseError> {
        let device = device::make(KEY, ANN, [3; 16]);
        let visitor = Visitor::new(address(host), None, Some(device));
        let expected = self.model.lacks("owner", 2, 8, 3000);
        let attempt = self
            .limits
            .sign_in(&visitor, "ann", Some(ANN), KEY, self.now());
        prop_assert_eq!(said(&attempt), expected);
        let Ok(attempt) = attempt else {
            self.count("sign-ins of owners limited");
            return Ok(());
        };
        finish(attempt, end);
        self.model.pour("owner", cost(end, [2, 1, 0]), 8, 3000);
        self.count("sign-ins of owners");
        Ok(())
    }

    fn stranger(&mut self, host: u8, name: u8, end: End) -> Result<(), TestCaseError> {
        let name = ["ann", "ann@example.org", "nobody"][usize::from(name)];
        let by_address = format!("address {host}");
        let by_account = format!("account {name}");
        let by_pair = format!("pair {host} {name}");
        let expected = [
            self.model.lacks(&by_address, 2, 12, 2000),
            self.model.lacks(&by_account, 1, 5, 10_000),
            self.model.must_wait(&by_pair),
        ];
        let visitor = Visitor::new(address(host), None, None);
        let attempt = self
            .limits
            .sign_in(&visitor, name, Some(ANN), KEY, self.now());
        prop_assert_eq!(said(&attempt), expected.into_iter().max().unwrap());
        let Ok(attempt) = attempt else {
            for (wait, what) in expected.into_iter().zip([
                "sign-ins limited by address",
                "sign-ins limited by account",
                "sign-ins limited by account and address",
            ]) {
                if wait > 0 {
                    self.count(what);
                }
            }
            return Ok(());
        };
        finish(attempt, end);
        self.model.pour(&by_address, cost(end, [2, 1, 0]), 12, 2000);
        self.model
            .pour(&by_account, cost(end, [1, 0, 0]), 5, 10_000);
        let rule = self.settings.sign_in_pair.unwrap();
        self.model.failed(&by_pair, &rule);
        self.model.end(&by_pair, end);
        self.count("sign-ins of strangers");
        Ok(())
    }

    fn register(&mut self, host: u8) -> Result<(), TestCaseError> {
        let key = format!("register {host}");
        let expected = self.model.lacks(&key, 1, 3, 20_000);
        let visitor = Visitor::new(address(host), None, None);
        let registered = self.limits.registration(&visitor, self.now());
        prop_assert_eq!(said(&registered), expected);
        if registered.is_ok() {
            self.model.pour(&key, -1, 3, 20_000);
            self.count("registrations");
        } else {
            self.count("registrations limited");
        }
        Ok(())
    }

    fn change_password(&mut self, session: u8, end: End) -> Result<(), TestCaseError> {
        let key = format!("session {session}");
        let expected = self.model.must_wait(&key);
        let session = SessionId::from_bytes([session; 24]);
        let attempt = self.limits.password_change(session, self.now());
        prop_assert_eq!(said(&attempt), expected);
        let Ok(attempt) = attempt else {
            self.count("changes of password limited");
            return Ok(());
        };
        finish(attempt, end);
        let rule = self.settings.password_change.unwrap();
        self.model.failed(&key, &rule);
        self.model.end(&key, end);
        self.count("changes of password");
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.model.now)
    }

    fn count(&self, what: &'static str) {
        *self.seen.borrow_mut().entry(what).or_default() += 1;
    }
}

/// What an attempt that ended so takes out of a budget.
fn cost(end: End, [failed, succeeded, forgiven]: [i64; 3]) -> i64 {
    -match end {
        End::Failed => failed,
        End::Succeeded => succeeded,
        End::Forgiven => forgiven,
    }
}

#[test]
fn limits_agree_with_a_naive_model() {
    const BASE: u64 = 1_000_000_000;
    let seen = RefCell::default();
    let long = std::env::var("LONG").is_ok_and(|long| long == "1");
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if long { 20_000 } else { 400 })
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&steps(), |steps| {
        let settings = small_settings();
        let mut both = Both {
            limits: Limits::new(&settings),
            settings,
            model: Model {
                now: BASE,
                levels: HashMap::new(),
                failures: HashMap::new(),
            },
            seen: &seen,
        };
        steps.iter().try_for_each(|step| both.step(step))
    });
    outcome.unwrap();
    let seen = seen.into_inner();
    for (what, count) in &seen {
        println!("{count} {what}");
    }
    assert_eq!(seen.len(), 10, "something never happened");
    assert!(
        seen.values().all(|&count| count > 30),
        "too rare to show anything"
    );
}
