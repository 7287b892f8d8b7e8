//! Renewals on PostgreSQL, next to `pgbench` doing the same update; one verb at a time on each connection next to many in
//! a pipeline; and what a million sessions take on the disk.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::field::{Field, Sample, Stopped, runs};
use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::seed::Seed;
use crate::stats::Runs;

const DATABASE: &str = "bench";
/// Clients of the server, and connections of `pgbench`.
const CLIENTS: [usize; 3] = [1, 16, 64];
/// What a node opens by default.
const CONNECTIONS: usize = 10;
/// For how many days sessions last by default: each has a partition.
const DAYS: u32 = 90;
/// What a renewal that rotates writes, in a table of its own: the tokens of the real one would be spent by it.
const SAME_UPDATE: &str = "\
\\set n random(1, :sessions)
UPDATE same SET cur = cur + 1, prev = cur, floor = 0, rotated_at = 1800000000000 + cur, handed_at = 1800000000000 + cur, \
retries = 0, recoveries = 0, network = 7, strangers = 0, stranger_now = false WHERE n = :n;
";

/// Measures it, if PostgreSQL is there.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Renewals on PostgreSQL");
    let Some(mut cluster) = Cluster::new(&folder.join("pg"))? else {
        report.say("Left out: PostgreSQL is not installed (`make setup` installs it).");
        return Ok(());
    };
    cluster.sql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    let address = cluster.address(DATABASE);
    // Seeded without a sync; everything is on the disk before anything is measured.
    cluster.stop()?;
    cluster.start(&["fsync=off"])?;
    let seed = Seed {
        signers: 0,
        ..Seed::small(plan)
    };
    let sessions_at_rest = Stopped::on_postgres(&address, seed)?;
    // As many days as are in use where people sign in every day.
    let days = format!(
        "SET search_path = countersign;
         SELECT make_day((extract(epoch FROM now())::bigint / 86400 + d) * 86400000)
         FROM generate_series(0, {DAYS}) d"
    );
    cluster.sql(DATABASE, &days)?;
    cluster.stop()?;
    cluster.start(&[])?;
    let data = folder.join("on-postgres");
    std::fs::create_dir_all(&data)?;
    let settings = [("COUNTERSIGN_STORE_POSTGRES", address.clone())];
    let field = sessions_at_rest.start(&data, &settings)?;
    let sessions = plan.sessions;
    cluster.sql(
        DATABASE,
        "CREATE TABLE same WITH (fillfactor = 70) AS
             SELECT row_number() OVER ()::integer AS n, * FROM countersign.grants;
         ALTER TABLE same ADD PRIMARY KEY (n)",
    )?;
    cluster.sql(DATABASE, "VACUUM (ANALYZE) same")?;
    cluster.sql(DATABASE, "CHECKPOINT")?;
    let version = cluster.sql(DATABASE, "SHOW server_version")?;
    report.say(&format!(
        "As above, on PostgreSQL {version} in a process of its own on these cores, reached by its socket, with its \
         settings as they come (`fsync` and `synchronous_commit` on) and at most {CONNECTIONS} connections. In turns \
         with `pgbench --protocol=prepared`, which writes the same columns of such a row, found by an integer, and \
         does nothing else: no HTTP, no token, no signature. {sessions} sessions; {DAYS} days have partitions, as by default."
    ));
    against_pgbench(plan, report, &field, &cluster)?;
    let memory = field.server.resident();
    report.once("resident memory of the node", memory, "MiB", None);
    size(report, &cluster, sessions)?;
    field.server.stop()?;
    pooled_or_pipelined(plan, report, &address)?;
    cluster.stop()?;
    Ok(())
}

fn against_pgbench(
    plan: &Plan,
    report: &mut Report,
    field: &Field,
    cluster: &Cluster,
) -> Result<(), Box<dyn Error>> {
    let script = SAME_UPDATE.replace(":sessions", &plan.sessions.to_string());
    let seconds = plan.span.measured.as_secs().max(1);
    field.renew(plan.span, 16)?;
    let mut ours: [Vec<Sample>; 3] = Default::default();
    let mut bare: [Vec<f64>; 3] = Default::default();
    for _ in 0..plan.runs {
        for (i, clients) in CLIENTS.into_iter().enumerate() {
            bare[i].push(cluster.pgbench(DATABASE, &script, clients, seconds)?);
            ours[i].push(field.renew(plan.span, clients)?);
        }
    }
    for (i, clients) in CLIENTS.into_iter().enumerate() {
        let name = format!("renewals on PostgreSQL, {clients} clients");
        report.figure(
            &format!("{name}: rate"),
            &runs(&ours[i], |s| s.rate),
            "/s",
            None,
        );
        report.figure(
            &format!("{name}: p50"),
            &runs(&ours[i], |s| s.p50),
            "ms",
            None,
        );
        report.figure(
            &format!("{name}: p99"),
            &runs(&ours[i], |s| s.p99),
            "ms",
            None,
        );
        report.figure(
            &format!("{name}: node's CPU"),
            &runs(&ours[i], |s| s.cpu),
            "µs each",
            None,
        );
        let others = runs(&ours[i], |s| s.others as f64);
        report.figure(
            &format!("{name}: answers that are not 200"),
            &others,
            "",
            Some(Goal::AtMost(0.0)),
        );
        let name = format!("pgbench, {clients} connections");
        report.figure(&name, &Runs::new(bare[i].clone()), "/s", None);
        let ratio = ours[i].iter().zip(&bare[i]);
        report.figure(
            &format!("renewals of pgbench's updates, {clients} clients"),
            &Runs::new(ratio.map(|(ours, bare)| ours.rate / bare).collect()),
            "×",
            (clients == 64).then_some(Goal::AtLeast(0.5)),
        );
    }
    Ok(())
}

fn size(report: &mut Report, cluster: &Cluster, sessions: u32) -> Result<(), Box<dyn Error>> {
    let whole = |table: &str| -> Result<f64, Box<dyn Error>> {
        let sql = format!(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
             WHERE inhparent = 'countersign.{table}'::regclass"
        );
        let bytes: f64 = cluster.sql(DATABASE, &sql)?.parse()?;
        Ok(bytes * 1e6 / f64::from(sessions) / (1024.0 * 1024.0))
    };
    report.once(
        "storage per million sessions, indexes and their grants included",
        whole("sessions")? + whole("grants")?,
        "MiB",
        None,
    );
    Ok(())
}

/// The verb alone, without HTTP and without a token: so many connections, and so many verbs under way on each.
fn pooled_or_pipelined(
    plan: &Plan,
    report: &mut Report,
    address: &str,
) -> Result<(), Box<dyn Error>> {
    report.say(
        "The verb `rotate` alone, from this process: verbs under way on each connection, and connections. One at a time \
         is what a node does; more go into one pipeline, and wait for each other's commits.",
    );
    let ways = [(1, CONNECTIONS), (4, CONNECTIONS), (1, 2), (5, 2), (20, 2)];
    let mut rates: [Vec<f64>; 5] = Default::default();
    let runtime = tokio::runtime::Runtime::new()?;
    let grants = Arc::new(runtime.block_on(Grants::read(address))?);
    for _ in 0..plan.runs {
        for (i, (depth, connections)) in ways.into_iter().enumerate() {
            let rate = rate(address, &grants, connections, depth, plan.span.measured);
            rates[i].push(runtime.block_on(rate)?);
        }
    }
    for (i, (depth, connections)) in ways.into_iter().enumerate() {
        let name = format!("rotate, {depth} under way on each of {connections} connections");
        report.figure(&name, &Runs::new(rates[i].clone()), "/s", None);
    }
    Ok(())
}

/// Every session's grant, to be renewed again and again.
struct Grants {
    keys: Vec<(i64, Vec<u8>)>,
    /// The generation of each that comes next.
    next: Vec<AtomicUsize>,
    turn: AtomicUsize,
}

impl Grants {
    async fn read(address: &str) -> Result<Self, tokio_postgres::Error> {
        let client = connect(address).await?;
        let sql = "SELECT absolute_end, handle, cur FROM countersign.grants ORDER BY handle";
        let rows = client.query(sql, &[]).await?;
        Ok(Self {
            keys: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
            next: rows
                .iter()
                .map(|row| AtomicUsize::new(usize::try_from(row.get::<_, i64>(2)).unwrap_or(0)))
                .collect(),
            turn: AtomicUsize::new(0),
        })
    }
}

/// A connection that is set as a node's are, as far as it matters here.
pub async fn connect(address: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute("SET search_path = countersign, pg_temp; SET jit = off")
        .await?;
    Ok(client)
}

async fn rate(
    address: &str,
    grants: &Arc<Grants>,
    connections: usize,
    depth: usize,
    time: Duration,
) -> Result<f64, Box<dyn Error>> {
    // An interval of nothing: every renewal rotates.
    const ROTATE: &str = "SELECT * FROM rotate(ROW($1::bigint, 'user', NULL, NULL)::origin, $2, $3, 'default', $4, $1, 0, 7)";
    let end = Instant::now() + time;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let client = Arc::new(connect(address).await?);
        let statement = client.prepare(ROTATE).await?;
        for _ in 0..depth {
            let (client, statement, grants) = (client.clone(), statement.clone(), grants.clone());
            tasks.spawn(async move {
                let mut done = 0_u32;
                while Instant::now() < end {
                    let turn = grants.turn.fetch_add(1, Ordering::Relaxed) % grants.keys.len();
                    let (absolute_end, handle) = &grants.keys[turn];
                    let generation = grants.next[turn].fetch_add(1, Ordering::Relaxed);
                    let generation = i64::try_from(generation).expect("few renewals");
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
                    let now = i64::try_from(now.as_millis()).expect("this century");
                    let row = client
                        .query_one(&statement, &[&now, absolute_end, handle, &generation])
                        .await
                        .expect("an answer");
                    let outcome: &str = row.get("outcome");
                    assert_eq!(outcome, "rotated");
                    done += 1;
                }
                done
            });
        }
    }
    let began = Instant::now();
    let done: u32 = tasks.join_all().await.into_iter().sum();
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}
