//! Random histories against a model that remembers everything and is asked naively.
//!
//! Guards without a cache, with one that is always full, and with a large one go through the same
//! history; at every step they and the model must say the same. Prints how often each verdict and
//! each step occurred, and fails if one was rare.

use std::{cell::RefCell, collections::BTreeMap};

use countersign_guard::{Claims, Epochs, Event, Guard, Revocation, UnixTime};
use countersign_jose::SigningKey;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::issuer::{START, claims, guard, issue, key, key_set};

/// The longest life of a token, in seconds: so long an event matters.
const LONGEST: u64 = 300;
const HISTORIES: u32 = 300;
const KEYS: u8 = 3;

/// Names are small numbers, so that a history meets the same ones again.
#[derive(Clone, Debug)]
enum Step {
    /// A session begins, with the epochs of this moment.
    Open {
        user: u8,
        client: u8,
    },
    /// A token for one of the sessions so far.
    Issue {
        session: usize,
        key: u8,
        life: u64,
    },
    /// A token of nobody's session, such as a service's own.
    IssueAlone {
        user: u8,
        client: u8,
        key: u8,
        life: u64,
    },
    Check {
        token: usize,
    },
    CheckAll,
    EndSession {
        session: usize,
    },
    RaiseSubject {
        user: u8,
    },
    RaiseClient {
        client: u8,
    },
    RaiseIssuer,
    RevokeToken {
        token: usize,
        delay: u64,
    },
    RevokeKey {
        key: u8,
    },
    Change {
        user: u8,
    },
    /// An event of the past comes again, as after a reconnection.
    Repeat {
        event: usize,
    },
    ReplaceKeys {
        trusted: u8,
    },
    Expire,
    Pass {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (user, client, key) = (0..3_u8, 0..2_u8, 0..KEYS);
    let any = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    prop_oneof![
        9 => (user.clone(), client.clone()).prop_map(|(user, client)| Step::Open { user, client }),
        12 => (any.clone(), key.clone(), 1..=LONGEST)
            .prop_map(|(session, key, life)| Step::Issue { session, key, life }),
        2 => (user.clone(), client.clone(), key.clone(), 1..=LONGEST)
            .prop_map(|(user, client, key, life)| Step::IssueAlone { user, client, key, life }),
        20 => any.clone().prop_map(|token| Step::Check { token }),
        6 => Just(Step::CheckAll),
        3 => any.clone().prop_map(|session| Step::EndSession { session }),
        2 => user.clone().prop_map(|user| Step::RaiseSubject { user }),
        1 => client.prop_map(|client| Step::RaiseClient { client }),
        1 => Just(Step::RaiseIssuer),
        6 => (any.clone(), 0..40_u64).prop_map(|(token, delay)| Step::RevokeToken { token, delay }),
        1 => key.prop_map(|key| Step::RevokeKey { key }),
        1 => user.prop_map(|user| Step::Change { user }),
        3 => any.prop_map(|event| Step::Repeat { event }),
        1 => (1..1_u8 << KEYS).prop_map(|trusted| Step::ReplaceKeys { trusted }),
        2 => Just(Step::ReplaceKeys { trusted: (1 << KEYS) - 1 }),
        3 => Just(Step::Expire),
        8 => (0..LONGEST / 8).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// How often each step and verdict occurred.
type Counts = RefCell<BTreeMap<String, u64>>;

fn count(counts: &Counts, what: impl Into<String>) {
    *counts.borrow_mut().entry(what.into()).or_default() += 1;
}

struct Token {
    text: String,
    claims: Claims,
    key: u8,
}

/// The server's side and the whole past.
struct World<'k> {
    now: u64,
    keys: &'k [SigningKey],
    trusted: u8,
    issuer: u64,
    clients: [u64; 2],
    subjects: [u64; 3],
    sessions: Vec<Claims>,
    tokens: Vec<Token>,
    events: Vec<Event>,
    guards: [Guard; 3],
    /// Trusts every key, and hears of nothing.
    deaf: Guard,
}

impl<'k> World<'k> {
    fn new(keys: &'k [SigningKey]) -> Self {
        let all: Vec<_> = keys.iter().collect();
        Self {
            now: START,
            keys,
            trusted: (1 << KEYS) - 1,
            issuer: 0,
            clients: [0; 2],
            subjects: [0; 3],
            sessions: Vec::new(),
            tokens: Vec::new(),
            events: Vec::new(),
            guards: [0, 2, 1000].map(|capacity| guard(&all, capacity)),
            deaf: guard(&all, 1000),
        }
    }

    fn take(&mut self, step: &Step, counts: &Counts) -> Result<(), TestCaseError> {
        let name = format!("{step:?}");
        count(counts, name.split(' ').next().unwrap_or_default());
        match *step {
            Step::Open { user, client } => {
                let claims = self.alone(user, client);
                let sid = Some(format!("s{}", self.sessions.len()));
                self.sessions.push(Claims { sid, ..claims });
            }
            Step::Issue { session, key, life } => {
                if let Some(claims) = pick(&self.sessions, session).cloned() {
                    self.issue(claims, key, life);
                }
            }
            Step::IssueAlone {
                user,
                client,
                key,
                life,
            } => {
                let claims = self.alone(user, client);
                self.issue(claims, key, life);
            }
            Step::Check { token } => {
                if let Some(token) = pick(&self.tokens, token) {
                    self.check(token, counts)?;
                }
            }
            Step::CheckAll => {
                for token in &self.tokens {
                    self.check(token, counts)?;
                }
            }
            Step::EndSession { session } => {
                if let Some(sid) = pick(&self.sessions, session).and_then(|s| s.sid.clone()) {
                    self.apply(Revocation::Session { sid });
                }
            }
            Step::RaiseSubject { user } => {
                let below = raise(&mut self.subjects[usize::from(user)]);
                self.apply(Revocation::Subject {
                    sub: format!("u{user}"),
                    below,
                });
            }
            Step::RaiseClient { client } => {
                let below = raise(&mut self.clients[usize::from(client)]);
                self.apply(Revocation::Client {
                    client_id: format!("c{client}"),
                    below,
                });
            }
            Step::RaiseIssuer => {
                let below = raise(&mut self.issuer);
                self.apply(Revocation::All { below });
            }
            Step::RevokeToken { token, delay } => {
                if let Some(jti) = pick(&self.tokens, token).map(|t| t.claims.jti.clone()) {
                    let from = UnixTime::from_secs(self.now + delay);
                    self.apply(Revocation::Token { jti, from });
                }
            }
            Step::RevokeKey { key } => self.apply(Revocation::Key { kid: kid(key) }),
            Step::Change { user } => self.apply(Revocation::Changed {
                sub: format!("u{user}"),
            }),
            Step::Repeat { event } => {
                if let Some(event) = pick(&self.events, event) {
                    self.guards
                        .iter()
                        .for_each(|guard| guard.apply(std::slice::from_ref(event)));
                }
            }
            Step::ReplaceKeys { trusted } => {
                self.trusted = trusted;
                let keys: Vec<_> = (0..KEYS).filter(|key| self.trusts(*key)).collect();
                let keys: Vec<_> = keys
                    .iter()
                    .map(|key| &self.keys[usize::from(*key)])
                    .collect();
                self.guards
                    .iter()
                    .for_each(|guard| guard.replace_keys(key_set(&keys)));
            }
            Step::Expire => self
                .guards
                .iter()
                .for_each(|guard| guard.expire(self.time())),
            Step::Pass { seconds } => self.now += seconds,
        }
        Ok(())
    }

    fn time(&self) -> UnixTime {
        UnixTime::from_secs(self.now)
    }

    fn trusts(&self, key: u8) -> bool {
        self.trusted & 1 << key != 0
    }

    /// Claims with the epochs of this moment, in no session.
    fn alone(&self, user: u8, client: u8) -> Claims {
        Claims {
            sub: format!("u{user}"),
            client_id: format!("c{client}"),
            sid: None,
            epochs: Epochs {
                issuer: self.issuer,
                client: self.clients[usize::from(client)],
                subject: self.subjects[usize::from(user)],
            },
            ..claims("")
        }
    }

    /// Signs a token, even for a session that has been revoked: by a node that has not heard yet,
    /// or in flight. What such a node cannot do is to make one that outlives the event: it began
    /// before the event, and the event's time is the longest life from then on.
    fn issue(&mut self, mut claims: Claims, key: u8, life: u64) {
        claims.jti = format!("t{}", self.tokens.len());
        claims.iat = self.now;
        claims.exp = self.now + life;
        let concerning = self
            .events
            .iter()
            .filter(|event| concerns(event, &claims, key));
        if let Some(until) = concerning.map(|event| event.until.as_secs()).min() {
            claims.exp = claims.exp.min(until);
        }
        let text = issue(&self.keys[usize::from(key)], &claims);
        self.tokens.push(Token { text, claims, key });
    }

    fn apply(&mut self, kind: Revocation) {
        let event = Event {
            kind,
            until: UnixTime::from_secs(self.now + LONGEST),
        };
        self.guards
            .iter()
            .for_each(|guard| guard.apply(std::slice::from_ref(&event)));
        self.events.push(event);
    }

    fn check(&self, token: &Token, counts: &Counts) -> Result<(), TestCaseError> {
        let expected = self.verdict(token);
        count(counts, format!("-> {expected}"));
        for (guard, cache) in self.guards.iter().zip(["none", "small", "large"]) {
            let said = match guard.check(&token.text, self.time()) {
                Ok(verified) => {
                    prop_assert_eq!(verified.claims(), &token.claims);
                    "ok"
                }
                Err(refused) => refused.code(),
            };
            prop_assert_eq!(said, expected, "cache {}: {:?}", cache, token.claims);
        }
        // What many events do together is what one of them does alone.
        if let Ok(verified) = self.deaf.check(&token.text, self.time()) {
            for event in &self.events {
                let refuses = event.kind.refuses(&verified, self.time());
                let waits =
                    matches!(event.kind, Revocation::Token { from, .. } if from > self.time());
                let concerns = concerns(event, &token.claims, token.key);
                prop_assert_eq!(
                    refuses,
                    concerns && !waits,
                    "{:?}: {:?}",
                    event,
                    token.claims
                );
            }
        }
        Ok(())
    }

    /// The model: every event that ever was is asked, in the order of generality.
    fn verdict(&self, token: &Token) -> &'static str {
        if !self.trusts(token.key) {
            return "token_key_unknown";
        }
        if self.now >= token.claims.exp {
            return "token_expired";
        }
        let revoked = self
            .events
            .iter()
            .filter(|event| concerns(event, &token.claims, token.key));
        let codes = revoked.filter_map(|event| match event.kind {
            Revocation::All { .. } => Some((0, "all_revoked")),
            Revocation::Key { .. } => Some((1, "key_revoked")),
            Revocation::Client { .. } => Some((2, "client_revoked")),
            Revocation::Subject { .. } => Some((3, "subject_revoked")),
            Revocation::Session { .. } => Some((4, "session_revoked")),
            Revocation::Token { from, .. } if from.as_secs() <= self.now => {
                Some((5, "token_revoked"))
            }
            Revocation::Token { .. } | Revocation::Changed { .. } => None,
        });
        codes.min().map_or("ok", |(_, code)| code)
    }
}

fn concerns(event: &Event, claims: &Claims, key: u8) -> bool {
    match &event.kind {
        Revocation::All { below } => claims.epochs.issuer < *below,
        Revocation::Key { kid: revoked } => *revoked == kid(key),
        Revocation::Client { client_id, below } => {
            *client_id == claims.client_id && claims.epochs.client < *below
        }
        Revocation::Subject { sub, below } => *sub == claims.sub && claims.epochs.subject < *below,
        Revocation::Session { sid } => claims.sid.as_ref() == Some(sid),
        Revocation::Token { jti, .. } => *jti == claims.jti,
        Revocation::Changed { .. } => false,
    }
}

fn kid(key: u8) -> String {
    format!("k{key}")
}

fn raise(epoch: &mut u64) -> u64 {
    *epoch += 1;
    *epoch
}

/// One of the last four, so that what is taken back is mostly still good.
fn pick<T>(from: &[T], index: usize) -> Option<&T> {
    let recent = &from[from.len().saturating_sub(4)..];
    (!recent.is_empty()).then(|| &recent[index % recent.len()])
}

#[test]
fn every_history_gives_the_models_verdicts() {
    let keys: Vec<_> = (0..KEYS).map(|n| key(&kid(n))).collect();
    let counts = Counts::default();
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let result = TestRunner::new_with_rng(config, rng).run(&vec(step(), 1..120), |steps| {
        let mut world = World::new(&keys);
        steps.iter().try_for_each(|step| world.take(step, &counts))
    });
    let counts = counts.into_inner();
    println!("{HISTORIES} histories: {counts:#?}");
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let verdicts = [
        "ok",
        "all_revoked",
        "key_revoked",
        "client_revoked",
        "subject_revoked",
        "session_revoked",
        "token_revoked",
        "token_expired",
        "token_key_unknown",
    ];
    for verdict in verdicts {
        let occurred = counts
            .get(&format!("-> {verdict}"))
            .copied()
            .unwrap_or_default();
        assert!(occurred >= 200, "{verdict} occurred only {occurred} times");
    }
    for (what, occurred) in counts {
        assert!(occurred >= 100, "{what} occurred only {occurred} times");
    }
}
