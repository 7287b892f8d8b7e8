//! `make bench`: every figure that the project promises, measured in one run and printed next to its goal.
//!
//! `countersign-bench [--quick] [SECTION…]` runs all sections or those named; see `README.md` beside this crate.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a bench measures by the machine's clock, ends at the first thing that is not as it should be, and counts \
              nothing that an f64 cannot hold"
)]

mod bare;
mod cluster;
mod days;
mod field;
mod footprint;
mod key_set;
mod load;
mod machine;
mod plan;
mod playground;
mod postgres;
mod process;
mod redis;
mod renewals;
mod report;
mod revocations;
mod seed;
mod sign_ins;
mod stats;
mod storm;
mod styles;
mod tokens;
mod work;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use countersign_auth::model::client::Style;
use countersign_auth::password::HashAlgorithm;
use rusqlite::{Connection, OpenFlags};

use field::Field;
use plan::Plan;
use process::Setting;
use report::{Goal, Report};
use seed::Seed;

/// What can be measured, in the order in which it is; the first eight start servers of their own, the last five need none.
const SECTIONS: [&str; 18] = [
    "footprint",
    "revocations",
    "playground",
    "postgres",
    "days",
    "redis",
    "stateless",
    "session",
    "renewals",
    "disk",
    "many",
    "sign-ins",
    "storm",
    "tokens",
    "checks",
    "layer",
    "encryption",
    "hostile",
];
const OF_FIELD: &[&str] = SECTIONS.split_at(13).0.split_at(8).1;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["bare-peer", size] => size
            .parse()
            .map_err(Into::into)
            .and_then(|size| Ok(bare::serve(size)?)),
        ["durable-peer", size, file] => size
            .parse()
            .map_err(Into::into)
            .and_then(|size| Ok(bare::serve_durably(size, Path::new(file))?)),
        ["signing-peer", size] => size
            .parse()
            .map_err(Into::into)
            .and_then(|size| Ok(bare::serve_signing(size)?)),
        ["renewing-peer"] => bare::serve_renewing().map_err(Into::into),
        ["axum-peer", layers] => bare::serve_orders(layers),
        [revocations::ARGUMENT, issuer, client] => revocations::listen(issuer, client),
        ["verify-alone", seconds] => seconds
            .parse()
            .map_err(Into::into)
            .map(tokens::verify_alone),
        _ => bench(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many threads can run at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn bench(args: &[&str]) -> Result<(), Box<dyn Error>> {
    let plan = if args.contains(&"--quick") {
        Plan::quick()
    } else {
        Plan::full()
    };
    let mut wanted: Vec<&str> = args
        .iter()
        .copied()
        .filter(|arg| *arg != "--quick")
        .collect();
    if let Some(unknown) = wanted.iter().find(|name| !SECTIONS.contains(name)) {
        return Err(format!("no section {unknown}: there are {}", SECTIONS.join(", ")).into());
    }
    if wanted.is_empty() {
        wanted = SECTIONS.to_vec();
    }
    let target = PathBuf::from("target/bench");
    let folder = Folder::new(&target)?;
    let begin = Instant::now();
    let mut report = Report::default();
    report.section(if plan.quick {
        "Countersign bench, the short version: a look, not figures to quote"
    } else {
        "Countersign bench"
    });
    machine::describe(&mut report, &folder.0)?;
    run(&plan, &mut report, &folder.0, |section| {
        wanted.contains(&section)
    })?;
    report.say(&format!("Took {} s.", begin.elapsed().as_secs()));
    report.close(&target.join("report.md"))?;
    folder.remove()?;
    Ok(())
}

fn run(
    plan: &Plan,
    report: &mut Report,
    folder: &Path,
    wants: impl Fn(&str) -> bool,
) -> Result<(), Box<dyn Error>> {
    if wants("footprint") {
        footprint::measure(plan, report, folder)?;
    }
    if wants("revocations") {
        revocations::measure(plan, report, folder)?;
    }
    if wants("playground") {
        playground::measure(plan, report, folder)?;
    }
    if wants("postgres") {
        postgres::measure(plan, report, folder)?;
    }
    if wants("days") {
        days::measure(plan, report, folder)?;
    }
    if wants("redis") {
        redis::measure(plan, report, folder)?;
    }
    if wants("stateless") {
        styles::stateless(plan, report, folder)?;
    }
    if wants("session") {
        styles::session(plan, report, folder)?;
    }
    if !OF_FIELD.iter().any(|name| wants(name)) {
        return alone(plan, report, wants);
    }
    let data = folder.join("small");
    let mut field = Field::new(&data, Seed::small(plan), &[])?;
    if wants("renewals") {
        renewals::against_bare(plan, report, folder, &mut field)?;
        report.once(
            "resident memory after renewals",
            field.server.resident(),
            "MiB",
            None,
        );
        key_set::measure(plan, report, &field.server)?;
    }
    if wants("disk") {
        report.section("Renewals on slower disks");
        report.say("As above, with a pause added to every commit: what group commit keeps.");
        for delay in ["1ms", "5ms"] {
            field = field.restart(
                &data,
                &[("COUNTERSIGN_STORE_COMMIT_DELAY", delay.to_owned())],
            )?;
            renewals::on_slow_disk(plan, report, &mut field, delay)?;
        }
        field = field.restart(&data, &[])?;
    }
    if wants("many") {
        many(plan, report, folder, &field)?;
    }
    if wants("sign-ins") {
        sign_ins::against_raw(plan, report, &field)?;
        likeness(plan, report, folder, &field)?;
    }
    let mut rested_from = None;
    if wants("storm") {
        // A process that has not hashed yet: its memory is what the storm left.
        field = field.restart(&data, &[])?;
        let peak = storm::measure(plan, report, &mut field)?;
        report.once("resident memory in the storm", peak, "MiB", None);
        rested_from = Some(Instant::now());
    }
    // The server rests meanwhile.
    alone(plan, report, wants)?;
    if let Some(from) = rested_from {
        thread::sleep(plan.rest.saturating_sub(from.elapsed()));
        report.section("Memory after the storm");
        report.once(
            &format!(
                "resident memory {} s after the storm",
                from.elapsed().as_secs()
            ),
            field.server.resident(),
            "MiB",
            Some(Goal::AtMost(25.0)),
        );
    }
    field.server.stop()?;
    Ok(())
}

/// What needs no server.
fn alone(
    plan: &Plan,
    report: &mut Report,
    wants: impl Fn(&str) -> bool,
) -> Result<(), Box<dyn Error>> {
    if wants("tokens") {
        tokens::measure(plan, report);
    }
    if wants("checks") {
        tokens::checks(plan, report);
    }
    if wants("layer") {
        tokens::layer(plan, report)?;
    }
    if wants("encryption") {
        tokens::encryption(plan, report);
    }
    if wants("hostile") {
        tokens::hostile(plan, report);
    }
    Ok(())
}

fn many(
    plan: &Plan,
    report: &mut Report,
    folder: &Path,
    few: &Field,
) -> Result<(), Box<dyn Error>> {
    report.section("Renewals on a large store");
    let begin = Instant::now();
    let seed = Seed {
        holders: plan.many,
        signers: 0,
        cost: HashAlgorithm::ARGON2ID,
        style: Style::Rotating,
    };
    let data = folder.join("large");
    let mut large = Field::new(&data, seed, &[])?;
    report.say(&format!(
        "{} users with a live session each, next to {}, in turns. All are renewed in turn, at random over the store. \
         (Seeding took {} s; the store is {} MiB.)",
        plan.many,
        plan.sessions,
        begin.elapsed().as_secs(),
        size(&data)? / (1024 * 1024)
    ));
    report.once(
        "storage per million sessions, indexes and their grants included",
        of_sessions(&data)? * 1e6 / f64::from(plan.many) / (1024.0 * 1024.0),
        "MiB",
        None,
    );
    renewals::of_many(plan, report, few, &mut large)?;
    report.once(
        "resident memory, large store",
        large.server.resident(),
        "MiB",
        None,
    );
    large.server.stop()?;
    Ok(())
}

fn likeness(
    plan: &Plan,
    report: &mut Report,
    folder: &Path,
    field: &Field,
) -> Result<(), Box<dyn Error>> {
    report.say(
        "Sign-ins with a wrong password, names that exist and names that do not mixed at random: once at the least \
         cost of hashing that the configuration takes, where a small difference shows better, and once at the usual \
         one. Limits are off.",
    );
    let data = folder.join("likeness");
    let cost = HashAlgorithm::Argon2id {
        memory_kib: 7168,
        passes: 1,
        lanes: 1,
    };
    let signers = Seed {
        holders: 0,
        signers: sign_ins::SIGNERS,
        cost,
        style: Style::Rotating,
    };
    let settings: [Setting; 2] = [
        ("COUNTERSIGN_PASSWORDS_MEMORY_KIB", "7168".to_owned()),
        ("COUNTERSIGN_PASSWORDS_PASSES", "1".to_owned()),
    ];
    let cheap = Field::new(&data, signers, &settings)?;
    sign_ins::likeness(
        report,
        cheap.server.address,
        plan.cheap_likeness,
        1,
        "7 MiB, 1 pass",
    )?;
    cheap.server.stop()?;
    let clients = u32::try_from(cores()).unwrap_or(1);
    sign_ins::likeness(
        report,
        field.server.address,
        plan.likeness,
        clients,
        "19 MiB, 2 passes",
    )
}

/// What the sessions and grants of the store in `data` take, in bytes of its pages.
fn of_sessions(data: &Path) -> Result<f64, Box<dyn Error>> {
    let file = data.join(seed::DATABASE);
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(store.query_row(
        "SELECT total(pgsize) FROM dbstat WHERE aggregate = true AND name IN (
            SELECT name FROM sqlite_schema WHERE tbl_name IN ('sessions', 'grants')
         )",
        [],
        |row| row.get(0),
    )?)
}

fn size(folder: &Path) -> std::io::Result<u64> {
    std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum()
}

/// The folder of this run's data, on the same disk as the build, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(target: &Path) -> std::io::Result<Self> {
        let path = std::path::absolute(target)?.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Called at a good end only: a failed run leaves its logs to be read.
    fn remove(self) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.0)
    }
}
