//! Three nodes under load, and whatever befalls machines and networks: nodes are killed, stores restarted, links cut,
//! clocks wrong. What was acknowledged holds, nobody is signed out, what was taken back stays so, errors come during
//! outages alone and say that one may ask again, and all is well again within five seconds of the cure.
//!
//! A minute of it runs with all other tests, `make chaos` is ten minutes with each kind of store.

#![expect(
    clippy::unwrap_used,
    reason = "what must not fail in a test may panic in its helpers, too"
)]

mod asking;
mod balancer;
#[expect(
    dead_code,
    reason = "connections that are kept are the other tests' business"
)]
#[path = "../binary/mod.rs"]
mod binary;
#[expect(dead_code, reason = "TLS to it is another file's business")]
#[path = "../../../store/tests/cluster/mod.rs"]
mod cluster;
mod field;
#[path = "../../../../tests/free_port.rs"]
mod free_port;
mod guards;
mod journal;
mod newcomers;
mod owners;
#[path = "../../../store/tests/redis_server/mod.rs"]
mod redis_server;
mod relay;
#[expect(dead_code, reason = "nothing is skipped here")]
#[path = "../process/skip.rs"]
mod skip;
#[path = "../support/temp.rs"]
mod temp;
mod upgrade;
#[path = "../support/wrong_clock.rs"]
mod wrong_clock;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use field::{GUARDS, Machines, NODES, Way, renewal};
use guards::{Guards, Sighting};
use journal::RECOVERY;
use newcomers::Facts;
use redis_server::RedisServer;
use skip::is_long;

const OWNERS: usize = 40;
const NEWCOMERS: usize = NODES;

/// The machines are busy enough with one of them.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_sessions_in_postgresql() {
    let _alone = ALONE.lock().await;
    chaos("PostgreSQL", None).await;
}

/// One that keeps what it acknowledges.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_sessions_in_redis() {
    let _alone = ALONE.lock().await;
    chaos("Redis", Some(block_in_place(RedisServer::new))).await;
}

/// What befalls the machines.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    PostgresCrashes,
    PostgresStops,
    RedisCrashes,
    CutFromPostgres,
    CutFromRedis,
    ClockIsSet(i32),
}

async fn chaos(kept_in: &str, redis: Option<RedisServer>) {
    let is_long = is_long();
    let faults = faults(redis.is_some(), is_long);
    // Ten and twenty seconds apart.
    let mut machines = Machines::start(Way::Directly, redis, [0, 12, -8]).await;
    let guards = Arc::new(Guards::connect(&machines).await);
    let field = Arc::clone(&machines.field);
    let mut owners = JoinSet::new();
    for number in 0..OWNERS {
        let token = machines
            .sign_up(&format!("owner-{number}@example.com"))
            .await;
        owners.spawn(owners::own(Arc::clone(&field), number, token));
    }
    let mut newcomers = JoinSet::new();
    for number in 0..NEWCOMERS {
        let (field, guards) = (Arc::clone(&field), Arc::clone(&guards));
        newcomers.spawn(newcomers::come(field, guards, number));
    }

    for node in [1, 2] {
        notices_its_clock(&machines, node).await;
    }
    sleep(Duration::from_secs(2)).await;
    for node in [1, 2] {
        machines.clock(node).set(0);
    }
    machines.until_well(&[0, 1, 2]).await;
    let long_enough = Duration::from_secs(if is_long { 600 } else { 0 });
    let mut turn = 0;
    while turn < faults.len() || field.journal.age() < long_enough {
        let (round, which) = (turn / faults.len(), turn % faults.len());
        inject(&mut machines, faults[which], (turn + round) % NODES, turn).await;
        turn += 1;
        // Until nothing is an excuse any more, and a little longer.
        sleep(RECOVERY + Duration::from_secs(1)).await;
    }
    field.stop.send_replace(true);
    let tokens = owners.join_all().await;
    let mut facts = newcomers.join_all().await;
    for (number, token) in tokens.iter().enumerate() {
        let (node, body) = (number % NODES, renewal(token));
        field
            .expect(200, node, "POST /v1/refresh", None, Some(&body))
            .await;
    }
    for facts in &facts {
        facts.check(&machines, &guards).await;
    }
    judge(kept_in, &machines, &guards, &mut facts);
    machines.stop();
}

/// In their order, again and again.
fn faults(with_redis: bool, is_long: bool) -> Vec<Fault> {
    let mut faults = vec![
        Fault::Killed,
        Fault::PostgresCrashes,
        Fault::CutFromPostgres,
    ];
    if with_redis {
        faults.push(Fault::RedisCrashes);
    }
    if is_long {
        faults.extend([
            Fault::ClockIsSet(20),
            Fault::PostgresStops,
            Fault::Killed,
            Fault::ClockIsSet(-20),
        ]);
    }
    if is_long && with_redis {
        faults.push(Fault::CutFromRedis);
    }
    faults
}

/// One fault, which concerns this node or all, until all is well again.
async fn inject(machines: &mut Machines, fault: Fault, node: usize, turn: usize) {
    let field = Arc::clone(&machines.field);
    let journal = &field.journal;
    // Longer than a guard may go on, and than a connection lives on which nothing arrives.
    let cut = guards::STALENESS + Duration::from_millis(2500);
    let pause = Duration::from_millis(300 + (turn as u64 * 173) % 700);
    let (outage, nodes) = match fault {
        Fault::Killed => {
            let outage = journal.outage("a node is killed", &[node]);
            machines.kill_node(node);
            sleep(pause).await;
            journal.cured(outage);
            machines.start_node(node);
            (outage, vec![node])
        }
        Fault::PostgresCrashes | Fault::PostgresStops => {
            let (what, how) = match fault {
                Fault::PostgresCrashes => ("PostgreSQL crashes", "crash"),
                _ => ("PostgreSQL is restarted", "fast"),
            };
            let nodes: Vec<usize> = (0..NODES).collect();
            let outage = journal.outage(what, &nodes);
            block_in_place(|| machines.cluster.stop(how));
            sleep(pause).await;
            block_in_place(|| machines.cluster.start());
            journal.cured(outage);
            (outage, nodes)
        }
        Fault::RedisCrashes => {
            let nodes: Vec<usize> = (0..NODES).collect();
            let outage = journal.outage("Redis crashes", &nodes);
            let redis = machines.redis.as_ref().unwrap();
            block_in_place(|| redis.stop("crash"));
            sleep(pause).await;
            block_in_place(|| redis.start());
            journal.cured(outage);
            (outage, nodes)
        }
        Fault::CutFromPostgres => {
            let node = machines.balancer.busiest(NODES);
            let outage = journal.outage("a node is cut off from PostgreSQL", &[node]);
            machines.link_to_postgres(node).cut();
            sleep(cut).await;
            machines.link_to_postgres(node).heal();
            journal.cured(outage);
            (outage, vec![node])
        }
        Fault::CutFromRedis => {
            let outage = journal.outage("a node is cut off from Redis", &[node]);
            let link = machines.link_to_redis(node).unwrap();
            link.cut();
            sleep(cut).await;
            link.heal();
            journal.cured(outage);
            (outage, vec![node])
        }
        // It is no excuse for anything: whoever asks this node all the same is served, and by the right time.
        Fault::ClockIsSet(seconds) => {
            machines.clock(node).set(seconds);
            notices_its_clock(machines, node).await;
            sleep(Duration::from_secs(5)).await;
            machines.clock(node).set(0);
            let outage = journal.outage("a clock is set, and set back", &[]);
            journal.cured(outage);
            (outage, vec![node])
        }
    };
    machines.until_well(&nodes).await;
    journal.recovered(outage);
}

/// A balancer that asks learns that something is wrong with this machine.
async fn notices_its_clock(machines: &Machines, node: usize) {
    let mut answer = None;
    for _ in 0..10 {
        answer = machines.readiness(node).await;
        if answer.is_some() {
            break;
        }
    }
    let is_told = answer.as_ref().is_some_and(|answer| {
        let why = answer.body["detail"].as_str().unwrap_or_default();
        answer.is_retryable() && why.contains("that of the database")
    });
    if !is_told {
        let what = format!("node {node} does not notice its clock: {answer:?}");
        machines.field.journal.wrong(what);
    }
}

fn judge(kept_in: &str, machines: &Machines, guards: &Guards, facts: &mut [Facts]) {
    let journal = &machines.field.journal;
    let mut sightings: Vec<Sighting> = Vec::new();
    for facts in &mut *facts {
        sightings.append(&mut facts.sightings);
    }
    let [connected, cut_off] = guards.worst(machines, &sightings);
    for defect in machines.defects() {
        journal.wrong(defect);
    }
    let seconds = journal.age().as_secs();
    println!("{NODES} nodes, sessions in {kept_in}, {seconds} s:");
    journal.print();
    println!("  what was taken back, and when a guard accepted it for the last time:");
    for (how, worst) in [("connected", connected), ("cut off", cut_off)] {
        let (many, latest) = (worst.sightings, worst.latest.as_millis());
        println!("    {how}: {many} times, {latest} ms later at most");
    }
    let kept: [usize; 3] = facts.iter().map(Facts::counts).fold([0; 3], |sum, more| {
        std::array::from_fn(|at| sum[at] + more[at])
    });
    println!(
        "  acknowledged and held against what is there, [registered, signed in, signed out]: {kept:?}"
    );

    let wrongs = journal.wrongs();
    let some: Vec<_> = wrongs.iter().take(20).collect();
    assert!(wrongs.is_empty(), "{} of these: {some:#?}", wrongs.len());
    // It was chaos, and there was a load.
    assert!(journal.counted("renewed") > OWNERS, "nobody renewed");
    assert!(connected.sightings > GUARDS && cut_off.sightings > 0);
    assert!(kept.iter().all(|kept| *kept > 10), "{kept:?}");
}
