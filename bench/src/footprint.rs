//! How large it is, how soon it answers, how much memory it holds.

use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::plan::Plan;
use crate::process::{Server, binary};
use crate::report::{Goal, Report};
use crate::stats::Runs;

/// How long an idle server is left alone before it is looked at.
const SETTLE: Duration = Duration::from_secs(2);

/// What a server costs that does nothing.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Footprint");
    report.say(
        "From the start of the process to the first 200 of `/livez`, on an empty folder (keys and store are made) and \
         again on the same folder; resident memory two seconds later.",
    );
    let (mut first, mut again, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..plan.runs {
        let data = folder.join(format!("start-{run}"));
        std::fs::create_dir(&data)?;
        let server = Server::start(&data, &[])?;
        first.push(server.started_in.as_secs_f64() * 1e3);
        server.stop()?;
        let server = Server::start(&data, &[])?;
        again.push(server.started_in.as_secs_f64() * 1e3);
        thread::sleep(SETTLE);
        idle.push(server.resident());
        server.stop()?;
    }
    let soon = Some(Goal::AtMost(50.0));
    report.figure("first start to first answer", &Runs::new(first), "ms", soon);
    report.figure("later start to first answer", &Runs::new(again), "ms", soon);
    report.figure(
        "resident memory, idle",
        &Runs::new(idle),
        "MiB",
        Some(Goal::AtMost(20.0)),
    );
    let size = std::fs::metadata(binary()?)?.len() as f64 / (1024.0 * 1024.0);
    report.once("stripped binary", size, "MiB", None);
    Ok(())
}
