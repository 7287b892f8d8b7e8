//! What a guard's check costs: remembered or not, quiet or while revocations arrive, on one core or on two.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use countersign_guard::{Claims, Epochs, Event, Guard, Revocation};
use countersign_jose::{Algorithm, KeySet, SigningKey, UnixTime, Verifier, sign};
use serde_json::json;

use super::claims::{AUDIENCE, EXP, ISSUER, NOW, TYP};
use super::contenders::{Contenders, key, raw_verification};
use super::peer::Peer;
use super::race::{Op, Rival, race, turns};
use crate::cores;
use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::stats::Runs;

/// Different tokens.
const TOKENS: usize = 100_000;
/// Revocations that are known.
const EVENTS: usize = 1_000_000;
/// Revocations that arrive in a second, each by itself.
const ARRIVALS: u32 = 1_000;
/// How long a turn takes, where what else happens comes every millisecond.
const TURN: Duration = Duration::from_millis(25);
/// Of those that long.
const FEWER: usize = 6;

/// Measures all of it.
pub fn measure(plan: &Plan, report: &mut Report) {
    report.section("Checks");
    report.say(&format!(
        "`Guard::check` of access tokens with twelve claims, signed with ES256. *Hot* is one token again and again, \
         *many* are {TOKENS} different ones in a fixed random order, all of them in the cache, which neither they nor it \
         fit into the processor's; *one read of memory* is how long that takes of 256 MiB when the last one says where. \
         *Uncached* is a guard that remembers nothing. *jsonwebtoken* verifies each time, for it has no cache; it hears of no revocation, and \
         neither does *fast-jwt* (in a process of its own), whose cache is by the token's text, too."
    ));
    let key = key(Algorithm::ES256);
    let tokens: Arc<[String]> = tokens(&key, TOKENS).into();
    let quiet = Field::new(&key, &tokens, 2 * TOKENS);
    cost(plan, report, &key, &quiet);
    arrivals(plan, report, &key, &quiet);
    if cores() > 1 {
        side_by_side(plan, report, &quiet);
    }
    fast_jwt(plan, report, &key, &quiet);
}

/// Absolute, and uncached next to the primitive and the usual crate.
fn cost(plan: &Plan, report: &mut Report, key: &SigningKey, quiet: &Field) {
    let (mut hot, mut many): (Op, Op) = (quiet.hot(), quiet.many(0));
    for (name, op, goal) in [("hot", &mut hot, 0.25), ("many", &mut many, 1.0)] {
        let mut turn = turns(op);
        let runs = (0..plan.runs)
            .map(|_| Runs::new((0..plan.turns).map(|_| turn()).collect()).median())
            .collect();
        let name = format!("cached, {name}");
        report.figure(&name, &Runs::new(runs), "µs", Some(Goal::AtMost(goal)));
    }
    let mut read = random_reads();
    let mut turn = turns(&mut read);
    let runs = (0..plan.runs).map(|_| turn()).collect();
    report.figure("one read of memory", &Runs::new(runs), "µs", None);
    let uncached = Field::new(key, &quiet.tokens, 0);
    let (message, _) = quiet.tokens[0].rsplit_once('.').expect("three parts");
    let mut raw = raw_verification(key, message.as_bytes());
    let mut usual = Contenders::new(Algorithm::ES256).usual.expect("ES256");
    let mut op: Op = uncached.hot();
    race(
        plan,
        report,
        "uncached",
        turns(&mut op),
        &mut [
            Rival::new("raw", &mut raw, Some(Goal::AtMost(1.05))),
            Rival::new("jsonwebtoken", &mut usual.verify, Some(Goal::Below(1.0))),
        ],
    );
}

/// Reads, each from where the one before says, of a memory that no cache of a processor holds.
fn random_reads() -> Op {
    const PLACES: u32 = 1 << 26;
    // Of full period (Hull and Dobell), so that each place is visited before the first comes again.
    let next = |at: u32| at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % PLACES;
    let places: Vec<u32> = (0..PLACES).map(next).collect();
    let mut at = 0;
    Box::new(move || at = black_box(places[at as usize]))
}

/// A million revocations known and others arriving, next to a guard that has heard of none.
fn arrivals(plan: &Plan, report: &mut Report, key: &SigningKey, quiet: &Field) {
    report.say(&format!(
        "*Busy* is a guard that knows {EVENTS} revocations (of sessions, tokens and users) and hears of {ARRIVALS} new \
         ones a second from another thread, one at a time; *quiet* one that has heard of none. They take turns of {} ms.",
        TURN.as_millis()
    ));
    for (name, capacity) in [("hot", 2 * TOKENS), ("many", 2 * TOKENS), ("uncached", 0)] {
        let busy = Field::new(key, &quiet.tokens, capacity);
        busy.guard.apply(&events(0, EVENTS));
        let calm = Field::new(key, &quiet.tokens, capacity);
        let pick = |field: &Field| match name {
            "many" => field.many(0),
            _ => field.hot(),
        };
        let (mut busy_op, mut calm_op) = (pick(&busy), pick(&calm));
        let (mut of_busy, mut of_calm, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.runs {
            let (mut b, mut c, mut r) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..plan.turns.div_ceil(FEWER) {
                let quiet = for_so_long(&mut calm_op, TURN);
                let loud = while_arriving(&busy.guard, || for_so_long(&mut busy_op, TURN));
                b.push(loud);
                c.push(quiet);
                r.push(loud / quiet);
            }
            of_busy.push(Runs::new(b).median());
            of_calm.push(Runs::new(c).median());
            ratios.push(Runs::new(r).median());
        }
        report.figure(&format!("{name}, busy"), &Runs::new(of_busy), "µs", None);
        report.figure(&format!("{name}, quiet"), &Runs::new(of_calm), "µs", None);
        let goal = Some(Goal::AtMost(1.5));
        report.figure(
            &format!("{name}, busy to quiet"),
            &Runs::new(ratios),
            "×",
            goal,
        );
    }
}

/// Two threads next to one: how many checks they make together.
fn side_by_side(plan: &Plan, report: &mut Report, quiet: &Field) {
    report.say(
        "Two threads that check at once, next to one: how many times as many checks in the same time. Of one and the \
         same token both count their holders in one place, which goes back and forth between the cores.",
    );
    let goal = Some(Goal::AtLeast(1.8));
    for (name, hot, goal) in [("many", false, goal), ("the same hot token", true, None)] {
        let op = |from: usize| if hot { quiet.hot() } else { quiet.many(from) };
        let ratios = (0..plan.runs)
            .map(|_| {
                let turns = (0..plan.turns.div_ceil(FEWER)).map(|_| {
                    let alone = 1.0 / for_so_long(&mut op(0), TURN);
                    let both: f64 = thread::scope(|scope| {
                        let threads = [0, TOKENS / 2].map(|from| {
                            let mut op = op(from);
                            scope.spawn(move || 1.0 / for_so_long(&mut op, TURN))
                        });
                        threads
                            .map(|thread| thread.join().expect("no panic"))
                            .iter()
                            .sum()
                    });
                    both / alone
                });
                Runs::new(turns.collect()).median()
            })
            .collect();
        report.figure(
            &format!("{name}, two threads to one"),
            &Runs::new(ratios),
            "×",
            goal,
        );
    }
}

fn fast_jwt(plan: &Plan, report: &mut Report, key: &SigningKey, quiet: &Field) {
    let mut peer = match Peer::fast_jwt() {
        Ok(peer) => peer,
        Err(missing) => return report.say(&missing),
    };
    report.say("Node's fast-jwt with its cache, in its own process, in turns with ours.");
    peer.prepare(&json!({
        "key": key.verifying_key().to_pem().expect("PEM"),
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "tokens": &*quiet.tokens,
    }));
    for name in ["hot", "many"] {
        let mut op: Op = if name == "hot" {
            quiet.hot()
        } else {
            quiet.many(0)
        };
        let rival = Rival {
            name: "fast-jwt",
            turn: Box::new(|| peer.turn(name)),
            goal: Some(Goal::Below(1.0)),
        };
        race(
            plan,
            report,
            &format!("cached, {name}"),
            turns(&mut op),
            &mut [rival],
        );
    }
}

/// A guard that has seen all tokens, if it remembers any.
struct Field {
    guard: Arc<Guard>,
    tokens: Arc<[String]>,
    /// A fixed random order.
    order: Arc<[u32]>,
}

impl Field {
    fn new(key: &SigningKey, tokens: &Arc<[String]>, capacity: usize) -> Self {
        let keys = KeySet::new(vec![key.verifying_key()]).expect("one key");
        let verifier = Verifier::new(ISSUER, AUDIENCE, TYP, keys);
        let guard = Guard::new(verifier, capacity);
        if capacity > 0 {
            for token in &**tokens {
                guard.check(token, now()).expect("a good token");
            }
        }
        // A walk by a step that shares no factor with the count visits each once, far from its neighbours.
        let count = tokens.len();
        let order = (0..count).map(|i| u32::try_from(i * 61_803 % count).expect("small"));
        Self {
            guard: Arc::new(guard),
            tokens: Arc::clone(tokens),
            order: order.collect(),
        }
    }

    fn hot(&self) -> SendOp {
        let (guard, tokens) = (Arc::clone(&self.guard), Arc::clone(&self.tokens));
        Box::new(move || check(&guard, &tokens[0]))
    }

    /// From a place in the order on.
    fn many(&self, from: usize) -> SendOp {
        let (guard, tokens) = (Arc::clone(&self.guard), Arc::clone(&self.tokens));
        let order = Arc::clone(&self.order);
        let mut at = from;
        Box::new(move || {
            check(&guard, &tokens[order[at] as usize]);
            at = if at + 1 == order.len() { 0 } else { at + 1 };
        })
    }
}

/// As [`Op`], for whichever thread.
type SendOp = Box<dyn FnMut() + Send>;

fn check(guard: &Guard, token: &str) {
    black_box(guard.check(black_box(token), now()).expect("a good token"));
}

/// Microseconds for each repetition, over such a long time.
fn for_so_long(op: &mut SendOp, long: Duration) -> f64 {
    const BETWEEN_LOOKS: u32 = 64;
    let start = Instant::now();
    let mut done = 0_u32;
    loop {
        for _ in 0..BETWEEN_LOOKS {
            op();
        }
        done += BETWEEN_LOOKS;
        let elapsed = start.elapsed();
        if elapsed >= long {
            return elapsed.as_secs_f64() * 1e6 / f64::from(done);
        }
    }
}

/// What `measured` finds while revocations arrive.
fn while_arriving<T>(guard: &Guard, measured: impl FnOnce() -> T) -> T {
    static NEXT: AtomicU64 = AtomicU64::new(10 * EVENTS as u64);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut due = Instant::now();
            while !done.load(Ordering::Relaxed) {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                guard.apply(&[event(number)]);
                due += Duration::from_secs(1) / ARRIVALS;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        let found = measured();
        done.store(true, Ordering::Relaxed);
        found
    })
}

fn events(from: usize, count: usize) -> Vec<Event> {
    (from..from + count)
        .map(|number| event(number as u64))
        .collect()
}

/// Of somebody else, as long as the ids that the server makes.
fn event(number: u64) -> Event {
    let id = format!("{number:022}");
    let kind = match number % 3 {
        0 => Revocation::Session {
            sid: format!("{number:032}"),
        },
        1 => Revocation::Subject { sub: id, below: 7 },
        _ => Revocation::Token {
            jti: id,
            from: UnixTime::from_secs(NOW - 1),
        },
    };
    let until = UnixTime::from_secs(EXP);
    Event { kind, until }
}

/// Each of another user, session and id.
pub fn tokens(key: &SigningKey, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let claims = Claims {
                iss: ISSUER.into(),
                sub: format!("user{number:018}"),
                aud: AUDIENCE.into(),
                exp: EXP,
                iat: NOW,
                jti: format!("token{number:017}"),
                client_id: "default".into(),
                sid: Some(format!("session{number:025}")),
                auth_time: Some(NOW),
                amr: vec!["pwd".into()],
                scope: Some("orders:read orders:write".parse().expect("a scope")),
                epochs: Epochs::default(),
                extra: serde_json::Map::new(),
            };
            sign(key, TYP, &claims).expect("a token")
        })
        .collect()
}

fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}
