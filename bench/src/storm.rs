//! A storm of sign-ins must not be felt by renewals; and what the hashing queue cannot take is told when to come back.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::disk::written_and_synced;
use crate::field::Field;
use crate::load::{Load, Span, closed, open};
use crate::plan::Plan;
use crate::report::{Goal, Report};
use crate::seed::PASSWORD;
use crate::sign_ins::SIGNERS;
use crate::stats::{Latencies, Runs};
use crate::work::SignIns;

/// Renewals a second.
const RATE: u32 = 500;
/// Sign-ins in flight.
const IN_FLIGHT: usize = 64;
/// Sign-ins in flight that no queue takes.
const FLOOD: usize = 256;

/// Quiet and storm in turns, and the disk alone in the same storm: its file is put into `folder`. The most memory that
/// was resident, in MiB.
pub fn measure(
    plan: &Plan,
    report: &mut Report,
    field: &mut Field,
    folder: &Path,
) -> Result<f64, Box<dyn Error>> {
    report.section("Storm");
    report.say(&format!(
        "An open loop of {RATE} renewals a second, each of another rested session, latency from when the request was \
         due; alone, and with {IN_FLIGHT} sign-ins always in flight, in turns of {} s. *Disk alone*: in the same storm \
         one thread of the bench instead of the renewals, which as often writes one page in place and syncs it; what \
         that takes, no server can spare its callers.",
        plan.storm.measured.as_secs()
    ));
    field.begin_count()?;
    let (mut quiet, mut stormy, mut sign_ins) = (Vec::new(), Vec::new(), Vec::new());
    let mut disk = Vec::new();
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
        let (alone, ..) = in_storm(plan, field, || written_and_synced(folder, RATE, plan.storm))?;
        disk.push(alone);
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
    let alone = |percent| {
        Runs::new(
            disk.iter()
                .map(|found: &Latencies| found.percentile_ms(percent))
                .collect(),
        )
    };
    report.figure("storm: disk alone: p50", &alone(50.0), "ms", None);
    report.figure("storm: disk alone: p99", &alone(99.0), "ms", None);
    report.figure("storm: disk alone: p99.9", &alone(99.9), "ms", None);
    let rate = Runs::new(sign_ins.iter().map(Load::rate).collect());
    report.figure("storm: sign-ins", &rate, "/s", None);
    statuses(report, "Renewals when quiet", &quiet);
    statuses(report, "Renewals in the storm", &stormy);
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
