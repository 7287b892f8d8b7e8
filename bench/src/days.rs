//! A month of a PostgreSQL store in some minutes: each day as many sessions begin as end with their partition. What
//! renewals take and what the database holds at the end, next to when the first had ended: the database of that day is
//! kept, and takes its turns beside the last.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use countersign_auth::env::Env;
use tokio_postgres::{Client, Statement};

use crate::cluster::Cluster;
use crate::plan::Plan;
use crate::postgres::connect;
use crate::report::{Goal, Report};
use crate::seed::{Seed, seed_postgres};
use crate::stats::{Latencies, Runs};

const DATABASE: &str = "days";
const DAYS: usize = 30;
/// How many days a session lives: from the fifth day on, a day of them ends for each that begins.
const LIFE: usize = 4;
/// The day with which the last is compared, counted from the first.
const COMPARED: usize = 5;
/// The database as it was then.
const FIFTH: &str = "fifth";
/// How long renewals go on, on each day.
const BUSY: Duration = Duration::from_millis(500);
/// In milliseconds.
const DAY: i64 = 86_400_000;
const USERS: u32 = 10_000;
/// As many as a node opens by default.
const CONNECTIONS: usize = 10;
/// After an interval of nothing, and with an idle end that is where it was.
const ROTATE: &str = "SELECT * FROM rotate(ROW($1::bigint, 'user', NULL, NULL)::origin, $2, $3, 'default', 0, $2, 0, 7)";
/// A prime above the sessions of a day: a walk by it meets each once, far from the last.
const STEP: usize = 2_147_483_647;

/// Measures it, if PostgreSQL is there.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Thirty days on PostgreSQL");
    let Some(mut cluster) = Cluster::new(&folder.join("pg-days"))? else {
        report.say("Left out: PostgreSQL is not installed (`make setup` installs it).");
        return Ok(());
    };
    cluster.sql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    let address = cluster.address(DATABASE);
    let seed = Seed {
        holders: USERS,
        signers: 0,
        ..Seed::small(plan)
    };
    seed_postgres(&address, seed)?;
    let each = plan.of_days / DAYS;
    report.say(&format!(
        "{} sessions begin, {each} on each of {DAYS} days of a clock that is moved by hand, and live for {LIFE} days: a \
         partition is made, filled and dropped for each day, as a node's upkeep does it. On every day some are renewed by \
         the verb `rotate`, {CONNECTIONS} at a time, each once and each `rotated`; PostgreSQL's own upkeep runs as it \
         comes.",
        each * DAYS
    ));
    let begin = Instant::now();
    let runtime = tokio::runtime::Runtime::new()?;
    let month = Month::begin(&cluster, each)?;
    let mut renewals = 0_u32;
    let mut renew = |month: &Arc<Month>, database, day, time| {
        let run = runtime.block_on(renew(&cluster.address(database), month, day, time))?;
        renewals += u32::try_from(run.len()).unwrap_or(u32::MAX);
        Ok::<_, Box<dyn Error>>(run.percentile_ms(99.0))
    };
    let mut fifth = None;
    for day in 1..=DAYS {
        month.tend(&cluster, day)?;
        if day == COMPARED {
            let sql = format!("CREATE DATABASE {FIFTH} TEMPLATE {DATABASE}");
            cluster.sql("postgres", &sql)?;
            fifth = Some(month.as_it_is());
        }
        renew(&month, DATABASE, day, BUSY)?;
    }
    let fifth = fifth.ok_or("that day came")?;
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for _ in 0..2 * plan.runs {
        early.push(renew(&fifth, FIFTH, COMPARED, plan.span.measured)?);
        late.push(renew(&month, DATABASE, DAYS, plan.span.measured)?);
    }
    let ratios = early.iter().zip(&late).map(|(early, late)| late / early);
    let ratios = Runs::new(ratios.collect());
    let goal = || Some(Goal::AtMost(1.1));
    report.figure("day 5: p99 of renewals", &Runs::new(early), "ms", None);
    report.figure("day 30: p99 of renewals", &Runs::new(late), "ms", None);
    report.figure("p99, day 30 to day 5", &ratios, "×", goal());
    let (small, large) = (size(&cluster, FIFTH)?, size(&cluster, DATABASE)?);
    report.once("day 5: database", small, "MiB", None);
    report.once("day 30: database", large, "MiB", None);
    report.once("database, day 30 to day 5", large / small, "×", goal());
    report.once("renewals in all", f64::from(renewals), "", None);
    report.once("took", begin.elapsed().as_secs_f64(), "s", None);
    cluster.stop()?;
    Ok(())
}

struct Connection {
    client: Client,
    rotate: Statement,
}

impl Connection {
    async fn open(address: &str) -> Result<Self, tokio_postgres::Error> {
        let client = connect(address).await?;
        let rotate = client.prepare(ROTATE).await?;
        Ok(Self { client, rotate })
    }
}

/// How long renewals take, of sessions of all days that live.
async fn renew(
    address: &str,
    month: &Arc<Month>,
    day: usize,
    time: Duration,
) -> Result<Latencies, Box<dyn Error>> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let end = Instant::now() + time;
    let mut tasks = tokio::task::JoinSet::new();
    for connection in connections {
        let month = month.clone();
        tasks.spawn(async move {
            let mut nanos = Vec::new();
            while Instant::now() < end {
                let (absolute_end, handle) = month.next(day);
                let began = Instant::now();
                let row = connection
                    .client
                    .query_one(
                        &connection.rotate,
                        &[&month.now(day), &absolute_end, &handle],
                    )
                    .await
                    .expect("an answer");
                nanos.push(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
                let outcome: &str = row.get("outcome");
                assert_eq!(outcome, "rotated");
            }
            nanos
        });
    }
    Ok(Latencies::new(tasks.join_all().await.concat()))
}

/// Days are counted from the first; sessions of a day by their number.
struct Month {
    /// The beginning of the day before the first, in milliseconds since 1970.
    start: i64,
    /// How many begin in a day.
    each: usize,
    /// How many of each day have been renewed.
    renewed: Vec<AtomicUsize>,
    turn: AtomicUsize,
}

impl Month {
    /// Keeps one of the seeded sessions as the pattern of all.
    fn begin(cluster: &Cluster, each: usize) -> Result<Arc<Self>, Box<dyn Error>> {
        cluster.sql(
            DATABASE,
            "SET search_path = countersign;
             CREATE TABLE pattern_session AS SELECT * FROM sessions LIMIT 1;
             CREATE TABLE pattern_grant AS SELECT * FROM grants WHERE session = (SELECT id FROM pattern_session)",
        )?;
        let now = i64::try_from(Env::system().now().as_millis())?;
        Ok(Arc::new(Self {
            start: now / DAY * DAY,
            each,
            renewed: (0..=DAYS).map(|_| AtomicUsize::new(0)).collect(),
            turn: AtomicUsize::new(0),
        }))
    }

    /// The same, which goes on by itself.
    fn as_it_is(&self) -> Arc<Self> {
        let renewed = self
            .renewed
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        Arc::new(Self {
            start: self.start,
            each: self.each,
            renewed: renewed.map(AtomicUsize::new).collect(),
            turn: AtomicUsize::new(0),
        })
    }

    fn now(&self, day: usize) -> i64 {
        self.start + DAY * i64::try_from(day).expect("few days")
    }

    /// When a session ends that began on this day as that number.
    fn end(&self, day: usize, number: usize) -> i64 {
        self.now(day + LIFE) + i64::try_from(number).expect("few sessions") % DAY
    }

    /// The day's upkeep, and its sign-ins.
    fn tend(&self, cluster: &Cluster, day: usize) -> Result<(), Box<dyn Error>> {
        let now = self.now(day);
        for parent in ["grants", "sessions"] {
            let sql = format!("SET search_path = countersign; SELECT drop_days('{parent}', {now})");
            cluster.sql(DATABASE, &sql)?;
        }
        let (end, last) = (self.end(day, 0), self.each - 1);
        let name = |what: &str| format!("sha256(('{what} {day} ' || n)::bytea)");
        let (session, grant) = (name("session"), name("grant"));
        cluster.sql(
            DATABASE,
            &format!(
                "SET search_path = countersign;
                 SELECT make_day({end});
                 INSERT INTO sessions
                     SELECT {end} + n % {DAY}, {session}, 1 + n % {USERS}, user_epoch, issuer_epoch, {now}, amr,
                            {end} + n % {DAY}, device, address
                     FROM generate_series(0, {last}) n, pattern_session;
                 INSERT INTO grants
                     SELECT {end} + n % {DAY}, {grant}, {session}, client_key, client_epoch, scope, style, cur, prev, floor,
                            {now}, {now}, retries, recoveries, network, strangers, stranger_now
                     FROM generate_series(0, {last}) n, pattern_grant"
            ),
        )?;
        cluster.sql(DATABASE, "CHECKPOINT")?;
        Ok(())
    }

    /// A session of one of the days that live, and of each in turn, that has not been renewed: its end and its handle.
    fn next(&self, day: usize) -> (i64, Vec<u8>) {
        let first = day.saturating_sub(LIFE - 1).max(1);
        let of = first + self.turn.fetch_add(1, Ordering::Relaxed) % (day - first + 1);
        let nth = self.renewed[of].fetch_add(1, Ordering::Relaxed);
        assert!(nth < self.each, "all sessions of a day were renewed");
        let number = nth * STEP % self.each;
        let name = format!("grant {of} {number}");
        let handle = digest(&SHA256, name.as_bytes()).as_ref().to_vec();
        (self.end(of, number), handle)
    }
}

/// In MiB.
fn size(cluster: &Cluster, database: &str) -> Result<f64, Box<dyn Error>> {
    let sql = format!("SELECT pg_database_size('{database}')");
    let bytes: f64 = cluster.sql(database, &sql)?.parse()?;
    Ok(bytes / (1024.0 * 1024.0))
}
