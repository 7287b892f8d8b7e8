//! What the figures were measured on.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::report::{Report, number};
use crate::stats::Latencies;

/// How many syncs are timed.
const SYNCS: usize = 200;

/// Writes the configuration of this run into the report.
pub fn describe(report: &mut Report, folder: &Path) -> io::Result<()> {
    let cpu = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = output("rustc", &["--version"]);
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let changed = if output("git", &["status", "--porcelain"]).is_empty() {
        ""
    } else {
        " with uncommitted changes"
    };
    let sync = syncs(folder)?;
    report.say(&format!(
        "- {} cores of {cpu}, {memory} of memory, Linux {}\n\
         - {rustc}, release profile, commit {commit}{changed}\n\
         - file system of the data: {}; writing 4 KiB and `fdatasync`: median {} ms, p99 {} ms of {SYNCS}\n\
         - the load generator, the server and the bare peer share these cores; all on loopback, HTTP/1.1 kept alive",
        crate::cores(),
        kernel.trim(),
        file_system(folder),
        number(sync.percentile_ms(50.0)),
        number(sync.percentile_ms(99.0)),
    ));
    Ok(())
}

/// Times what a commit costs the disk at the least.
fn syncs(folder: &Path) -> io::Result<Latencies> {
    let path = folder.join("sync-probe");
    let mut file = fs::File::create(&path)?;
    let page = [7; 4096];
    let mut nanos = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        nanos.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    fs::remove_file(path)?;
    Ok(Latencies::new(nanos))
}

/// The kind of file system that `folder` is on: the longest mount point that it is under.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(point, _)| folder.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.split_once(':'))
        .map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
}

fn output(command: &str, args: &[&str]) -> String {
    Command::new(command)
        .args(args)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
