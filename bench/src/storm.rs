//! A storm of sign-ins must not be felt by renewals; and what the hashing queue cannot take is told when to come back.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::{fs, io};

use crate::field::Field;
use crate::load::{Load, Span, closed, open};
use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::seed::{PASSWORD, Seed};
use crate::sign_ins::SIGNERS;
use crate::stats::Runs;
use crate::work::SignIns;

/// Renewals a second.
const RATE: u32 = 500;
/// Sign-ins in flight.
const IN_FLIGHT: usize = 64;
/// Sign-ins in flight that no queue takes.
const FLOOD: usize = 256;

/// Where Linux keeps files in memory.
const IN_MEMORY: &str = "/dev/shm";

/// Quiet and storm in turns, and the same storm on a store in memory. The most memory that was resident, in MiB.
pub fn measure(plan: &Plan, report: &mut Report, field: &mut Field) -> Result<f64, Box<dyn Error>> {
    report.section("Storm");
    report.say(&format!(
        "An open loop of {RATE} renewals a second, each of another rested session, latency from when the request was \
         due; alone, and with {IN_FLIGHT} sign-ins always in flight, in turns of {} s. *In memory*: the same storm on a \
         server whose store is in `{IN_MEMORY}`, where a sync has nothing to wait for. What is longer on the disk than \
         there passes between the server's call for a sync and its return, while the hashing has every core.",
        plan.storm.measured.as_secs()
    ));
    let folder = Path::new(IN_MEMORY).join(format!("countersign-bench-{}", std::process::id()));
    let in_memory = if Path::new(IN_MEMORY).is_dir() {
        fs::create_dir(&folder)?;
        Some(Field::new(&folder.join("small"), Seed::small(plan), &[])?)
    } else {
        report.say("There is no such folder here.");
        None
    };
    field.begin_count()?;
    let (mut quiet, mut stormy, mut sign_ins) = (Vec::new(), Vec::new(), Vec::new());
    let mut spared = Vec::new();
    let mut resident: f64 = 0.0;
    for _ in 0..plan.runs {
        quiet.push(open(
            field.server.address,
            RATE,
            plan.storm,
            &field.renewals,
        )?);
        let (renewals, logins, peak) = in_storm(plan, field, || {
            open(field.server.address, RATE, plan.storm, &field.renewals)
        })?;
        stormy.push(renewals);
        sign_ins.push(logins);
        resident = resident.max(peak);
        if let Some(field) = &in_memory {
            let (renewals, ..) = in_storm(plan, field, || {
                open(field.server.address, RATE, plan.storm, &field.renewals)
            })?;
            spared.push(renewals);
        }
    }
    let p = |loads: &[Load], percent| {
        Runs::new(
            loads
                .iter()
                .map(|l| l.latencies.percentile_ms(percent))
                .collect(),
        )
    };
    let late = |loads: &[Load]| {
        Runs::new(
            loads
                .iter()
                .map(|l| l.lateness.percentile_ms(99.0))
                .collect(),
        )
    };
    let limit = (3.0 * p(&quiet, 99.0).median()).max(10.0);
    report.figure("quiet: p50", &p(&quiet, 50.0), "ms", None);
    report.figure("quiet: p99", &p(&quiet, 99.0), "ms", None);
    report.figure(
        "quiet: p99 of how late the generator sent",
        &late(&quiet),
        "ms",
        None,
    );
    report.figure("storm: p50", &p(&stormy, 50.0), "ms", None);
    report.figure(
        "storm: p99",
        &p(&stormy, 99.0),
        "ms",
        Some(Goal::AtMost(limit)),
    );
    report.figure("storm: p99.9", &p(&stormy, 99.9), "ms", None);
    report.figure(
        "storm: p99 of how late the generator sent",
        &late(&stormy),
        "ms",
        None,
    );
    if let Some(field) = in_memory {
        for (name, percent) in [("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9)] {
            let name = format!("storm, in memory: {name}");
            report.figure(&name, &p(&spared, percent), "ms", None);
        }
        field.server.stop()?;
        fs::remove_dir_all(&folder)?;
    }
    let rate = Runs::new(sign_ins.iter().map(Load::rate).collect());
    report.figure("storm: sign-ins", &rate, "/s", None);
    statuses(report, "Renewals when quiet", &quiet);
    statuses(report, "Renewals in the storm", &stormy);
    statuses(report, "Renewals in the storm, in memory", &spared);
    statuses(report, "Sign-ins in the storm", &sign_ins);
    field.report_count(report)?;
    overflow(report, field)?;
    Ok(resident)
}

/// What `measured` finds while people sign in, their load, and the memory that was resident meanwhile.
fn in_storm<T>(
    plan: &Plan,
    field: &Field,
    measured: impl FnOnce() -> io::Result<T>,
) -> Result<(T, Load, f64), Box<dyn Error>> {
    let address = field.server.address;
    let work = Arc::new(Mutex::new(SignIns::new(SIGNERS, PASSWORD)));
    // The storm begins before what is measured, and lasts longer.
    let longer = Span {
        warm_up: plan.storm.warm_up,
        measured: plan.storm.measured + Duration::from_secs(1),
    };
    thread::scope(|scope| {
        let storm = scope.spawn(|| closed(address, IN_FLIGHT, longer, &work));
        let memory = scope.spawn(|| {
            thread::sleep(longer.warm_up + longer.measured / 2);
            field.server.resident()
        });
        thread::sleep(plan.storm.warm_up);
        let found = measured()?;
        let storm = storm.join().expect("no panic")?;
        Ok((found, storm, memory.join().expect("no panic")))
    })
}

fn overflow(report: &mut Report, field: &Field) -> Result<(), Box<dyn Error>> {
    let work = Arc::new(Mutex::new(SignIns::new(SIGNERS, PASSWORD)));
    let span = Span {
        warm_up: Duration::from_millis(200),
        measured: Duration::from_secs(2),
    };
    let load = closed(field.server.address, FLOOD, span, &work)?;
    statuses(report, &format!("{FLOOD} sign-ins in flight"), &[load]);
    let work = work.lock().expect("no panic");
    report.once(
        "503 with Retry-After",
        work.told_to_retry as f64,
        "",
        Some(Goal::AtLeast(1.0)),
    );
    report.once(
        "503 without",
        work.left_hanging as f64,
        "",
        Some(Goal::AtMost(0.0)),
    );
    Ok(())
}

fn statuses(report: &mut Report, what: &str, loads: &[Load]) {
    let mut counts = std::collections::BTreeMap::<u16, u64>::new();
    for (status, count) in loads.iter().flat_map(|load| &load.statuses) {
        *counts.entry(*status).or_default() += count;
    }
    let text: Vec<String> = counts
        .iter()
        .map(|(status, count)| format!("{status}: {count}"))
        .collect();
    report.say(&format!("{what}, by status: {}.", text.join(", ")));
}
