//! Revocation latency, the whole way: from the answer to the call that takes something back to the refusal by guards in
//! other processes, which know a million other revocations while the server is at work.

mod background;
mod causes;
mod guards;
mod listener;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use countersign_auth::model::client::Style;
use rustix::time::{ClockId, clock_gettime};

use crate::field;
use crate::load::request;
use crate::plan::Plan;
use crate::process::Server;
use crate::report::{Goal, Report};
use crate::seed::{CHEAP, Seed, add_apps_and_revocations, seed};
use crate::stats::{Latencies, Runs};
use background::Background;
use causes::{Cause, Sessions};
use guards::Guards;

pub use guards::ARGUMENT;
pub use listener::listen;

/// How many guards there are.
const GUARDS: usize = 10;
/// Users with a session each, whose renewals and sign-outs are the background.
const HOLDERS: u32 = 8_000;
/// The client that the guards are.
const CLIENT: &str = "bench-guard";

/// Measures all of it.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Revocations");
    let begun = Instant::now();
    let data = folder.join("revocations");
    let holders = seed(
        &data,
        Seed {
            holders: HOLDERS + 4 * plan.takings,
            signers: plan.takings,
            cost: CHEAP,
            style: Style::Rotating,
        },
    )?;
    let of_apps = add_apps_and_revocations(&data, plan.takings, plan.revocations)?;
    let seeded = begun.elapsed();
    let server = field::start(&data, &[])?;
    report.say(&format!(
        "{GUARDS} guards, each in a process of its own and connected to the server by the stream of its feed, know {} \
         live revocations of others. A sample is one guard and one thing that is taken back: for each cause {} things, \
         so {} samples. It counts from when the caller has the server's answer to the call (over HTTP for sign-out and \
         reuse, over the administration socket for what operators do) to when the guard refuses the token that it \
         accepted just before; both by the clock that never jumps and is the same for all processes. A guard checks the \
         token every {} µs, so that a sample may be that much too long. Where it refuses before the caller has the \
         answer, the sample is 0. Meanwhile the server has {} requests a second to answer: renewals, and every {}th a \
         sign-out. (Seeding took {} s, the start with so many revocations {} ms.)",
        plan.revocations,
        plan.takings,
        plan.takings as usize * GUARDS,
        listener::BETWEEN_CHECKS.as_micros(),
        background::RATE,
        background::SIGN_OUT_EVERY,
        seeded.as_secs(),
        server.started_in.as_millis(),
    ));

    let issuer = format!("http://localhost:{}", server.address.port());
    let secret = register(&server)?;
    let mut guards = Guards::default();
    let alone = guards.add(1, &issuer, CLIENT, &secret)?;
    let together = guards.add(GUARDS - 1, &issuer, CLIENT, &secret)?;
    report.once("snapshot, one guard", alone.as_secs_f64(), "s", None);
    let name = format!("snapshot, {} guards at once, the slowest", GUARDS - 1);
    report.once(&name, together.as_secs_f64(), "s", None);
    let memory = Runs::new(guards.resident());
    report.figure("resident memory of a guard", &memory, "MiB", None);
    let memory = server.resident();
    report.once("resident memory of the server", memory, "MiB", None);

    let (own, others) = holders.split_at(4 * plan.takings as usize);
    let mut sessions = Sessions::new(own.to_vec(), of_apps);
    let background = Background::begin(server.address, others.to_vec());
    let measured = Cause::ALL
        .iter()
        .try_for_each(|cause| of_cause(plan, report, &server, &mut guards, &mut sessions, *cause));
    let done = background.end()?;
    measured?;
    report.say(&done);
    let memory = Runs::new(guards.resident());
    report.figure("resident memory of a guard, after", &memory, "MiB", None);
    drop(guards);
    server.stop()?;
    Ok(())
}

fn of_cause(
    plan: &Plan,
    report: &mut Report,
    server: &Server,
    guards: &mut Guards,
    sessions: &mut Sessions,
    cause: Cause,
) -> Result<(), Box<dyn Error>> {
    if cause == Cause::ReuseDetected {
        sessions.let_steal(server, plan.takings)?;
    }
    let (mut nanos, mut early) = (Vec::new(), 0);
    for _ in 0..plan.takings {
        let taking = sessions.next(server, cause)?;
        let mut answered = 0;
        let refusals = guards.refusals(&taking.token, || {
            taking.happen(server)?;
            answered = clock();
            Ok(())
        })?;
        for refusal in refusals {
            if !cause.codes().contains(&refusal.code.as_str()) {
                let (name, code) = (cause.name(), refusal.code);
                return Err(format!("{name}: a guard refused with {code}").into());
            }
            early += u32::from(refusal.at < answered);
            nanos.push(refusal.at.saturating_sub(answered));
        }
    }
    let found = Latencies::new(nanos);
    let name = cause.name();
    let goal = Some(Goal::Below(50.0));
    report.once(
        &format!("{name}: p50"),
        found.percentile_ms(50.0),
        "ms",
        None,
    );
    report.once(
        &format!("{name}: p99"),
        found.percentile_ms(99.0),
        "ms",
        goal,
    );
    let worst = found.percentile_ms(100.0);
    report.once(&format!("{name}: worst"), worst, "ms", None);
    let samples = found.len() as f64;
    report.once(&format!("{name}: samples"), samples, "", None);
    let name = format!("{name}: refused before the caller had the answer");
    report.once(&name, f64::from(early), "", None);
    Ok(())
}

/// Registers the guards' client, as `countersign client add` does. Its secret.
fn register(server: &Server) -> Result<String, Box<dyn Error>> {
    let body = format!(r#"{{"id":"{CLIENT}","kind":"service","scope":"revocations"}}"#);
    let mut ask = Vec::new();
    request("POST", "/clients", "", &body, &mut ask);
    let secret = server.administrate(&ask, |answer| {
        let client: serde_json::Value = serde_json::from_slice(answer.body).ok()?;
        client["secret"].as_str().map(str::to_owned)
    })?;
    secret.ok_or_else(|| "the guards' client was not registered".into())
}

/// Nanoseconds by the one clock that all processes share and nobody sets.
fn clock() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000_000
        + u64::try_from(now.tv_nsec).unwrap_or_default()
}
