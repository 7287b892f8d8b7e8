//! Renewals at 1, 16 and 64 clients: next to a bare axum POST, on a store of a million, and on slower disks.

use std::error::Error;
use std::path::Path;

use crate::field::{Field, Peer, Sample, pairs, runs};
use crate::plan::Plan;
use crate::report::{Goal, Report};

const CLIENTS: [usize; 3] = [1, 16, 64];

/// Next to a bare POST of the same size.
pub fn against_bare(
    plan: &Plan,
    report: &mut Report,
    folder: &Path,
    field: &mut Field,
) -> Result<(), Box<dyn Error>> {
    report.section("Renewals");
    field.renew(plan.span, 1)?;
    let size = field.renewals().answer_size();
    let peer = Peer::post(size)?;
    let durable = Peer::durable_post(size, &folder.join("pages"))?;
    report.say(&format!(
        "`POST /v1/refresh` with the cookie of the default client, in a closed loop; every renewal of another session \
         that has rested, so each is `Rotated` and its commit synced before the answer. {} sessions and users; ES256. \
         Next to an axum `POST` that reads its body and answers as many bytes ({size}), and to one that answers so when \
         4 KiB for the request are synced to a file on the same disk (those that wait share a sync), in turns.",
        plan.sessions
    ));
    field.begin_count()?;
    let mut ours: [Vec<Sample>; 3] = Default::default();
    let mut bare: [Vec<Sample>; 3] = Default::default();
    let mut synced: [Vec<Sample>; 3] = Default::default();
    for _ in 0..plan.runs {
        for (i, clients) in CLIENTS.into_iter().enumerate() {
            bare[i].push(peer.run(plan.span, clients)?);
            ours[i].push(field.renew(plan.span, clients)?);
            synced[i].push(durable.run(plan.span, clients)?);
        }
    }
    for (i, clients) in CLIENTS.into_iter().enumerate() {
        let ratio_goal = (clients == 64).then_some(Goal::AtLeast(0.18));
        let p99_goal = (clients == 16).then_some(Goal::Below(6.0));
        let p50_goal = (clients == 1).then_some(Goal::AtMost(0.5));
        rows(
            report,
            &format!("renewals, {clients} clients"),
            &ours[i],
            p50_goal,
            p99_goal,
        );
        let name = format!("bare POST, {clients} clients");
        report.figure(
            &format!("{name}: rate"),
            &runs(&bare[i], |s| s.rate),
            "/s",
            None,
        );
        report.figure(
            &format!("{name}: p99"),
            &runs(&bare[i], |s| s.p99),
            "ms",
            None,
        );
        report.figure(
            &format!("renewals of bare POSTs, {clients} clients"),
            &pairs(&ours[i], &bare[i], |ours, bare| ours.rate / bare.rate),
            "×",
            ratio_goal,
        );
        let name = format!("durable POST, {clients} clients");
        for (figure, of, unit) in [
            ("rate", (|s: &Sample| s.rate) as fn(&Sample) -> f64, "/s"),
            ("p50", |s| s.p50, "ms"),
            ("p99", |s| s.p99, "ms"),
        ] {
            report.figure(
                &format!("{name}: {figure}"),
                &runs(&synced[i], of),
                unit,
                None,
            );
        }
        report.figure(
            &format!("p50 of renewals to durable POSTs, {clients} clients"),
            &pairs(&ours[i], &synced[i], |ours, synced| ours.p50 / synced.p50),
            "×",
            None,
        );
    }
    field.report_count(report)?;
    Ok(())
}

/// A million users and sessions next to the small store.
pub fn of_many(
    plan: &Plan,
    report: &mut Report,
    small: &Field,
    large: &mut Field,
) -> Result<(), Box<dyn Error>> {
    large.renew(plan.span, 64)?;
    large.begin_count()?;
    let mut few: [Vec<Sample>; 3] = Default::default();
    let mut many: [Vec<Sample>; 3] = Default::default();
    for _ in 0..plan.runs {
        for (i, clients) in CLIENTS.into_iter().enumerate() {
            few[i].push(small.renew(plan.span, clients)?);
            many[i].push(large.renew(plan.span, clients)?);
        }
    }
    for (i, clients) in CLIENTS.into_iter().enumerate() {
        rows(
            report,
            &format!("few sessions, {clients} clients"),
            &few[i],
            None,
            None,
        );
        rows(
            report,
            &format!("many sessions, {clients} clients"),
            &many[i],
            None,
            None,
        );
        report.figure(
            &format!("p99 of many to few, {clients} clients"),
            &pairs(&many[i], &few[i], |many, few| many.p99 / few.p99),
            "×",
            Some(Goal::AtMost(1.5)),
        );
    }
    large.report_count(report)?;
    Ok(())
}

/// With this much added to every commit.
pub fn on_slow_disk(
    plan: &Plan,
    report: &mut Report,
    field: &mut Field,
    delay: &str,
) -> Result<(), Box<dyn Error>> {
    field.renew(plan.span, 64)?;
    field.begin_count()?;
    for clients in CLIENTS {
        let samples: Vec<Sample> = (0..plan.runs)
            .map(|_| field.renew(plan.span, clients))
            .collect::<Result<_, _>>()?;
        rows(
            report,
            &format!("{delay} more, {clients} clients"),
            &samples,
            None,
            None,
        );
    }
    field.report_count(report)?;
    Ok(())
}

fn rows(report: &mut Report, name: &str, samples: &[Sample], p50: Option<Goal>, p99: Option<Goal>) {
    report.figure(
        &format!("{name}: rate"),
        &runs(samples, |s| s.rate),
        "/s",
        None,
    );
    report.figure(
        &format!("{name}: p50"),
        &runs(samples, |s| s.p50),
        "ms",
        p50,
    );
    report.figure(
        &format!("{name}: p99"),
        &runs(samples, |s| s.p99),
        "ms",
        p99,
    );
    report.figure(
        &format!("{name}: server's CPU"),
        &runs(samples, |s| s.cpu),
        "µs each",
        None,
    );
    let others: u64 = samples.iter().map(|s| s.others).sum();
    if others > 0 {
        report.figure(
            &format!("{name}: answers that are not 200"),
            &runs(samples, |s| s.others as f64),
            "",
            Some(Goal::AtMost(0.0)),
        );
    }
}
