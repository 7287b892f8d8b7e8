//! Renewals with sessions in Redis, which syncs each write before it answers; and what a session takes in its memory.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::field::{Sample, Stopped, runs};
use crate::plan::Plan;
use crate::renewals::{CLIENTS, rows};
use crate::report::{Goal, Report};
use crate::seed::Seed;

/// Stops the server at the end of its input, which is the end of this process, however that comes.
const KEEPER: &str = r#""$@" >>"$LOG" 2>&1 <&- & read -r how; kill -TERM $!; wait $!"#;

/// Measures it, if Redis is there.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Renewals with sessions in Redis");
    let Some(redis) = Redis::start(&folder.join("redis"))? else {
        report.say("Left out: Redis is not installed (`make setup` installs it).");
        return Ok(());
    };
    let empty = redis.told("memory", "used_memory")?;
    let seed = Seed {
        signers: 0,
        ..Seed::small(plan)
    };
    let data = folder.join("beside-redis");
    let at_rest = Stopped::beside_redis(&data, &redis.address(), seed)?;
    let full = redis.told("memory", "used_memory")?;
    // From here on nothing is acknowledged before it is on the disk.
    redis.set("appendfsync", "always")?;
    redis.set("appendonly", "yes")?;
    while redis.told("persistence", "aof_rewrite_in_progress")? > 0.0 {
        thread::sleep(Duration::from_millis(50));
    }
    let settings = [("COUNTERSIGN_STORE_REDIS", redis.address())];
    let field = at_rest.start(&data, &settings)?;
    let version = redis.told_text("server", "redis_version")?;
    report.say(&format!(
        "As above, with the directory in SQLite and sessions in Redis {version}, a process of its own on these cores, \
         reached by its socket, with `appendonly yes` and `appendfsync always`: a renewal reads in the one and writes in \
         the other. {} sessions.",
        plan.sessions
    ));
    field.renew(plan.span, 16)?;
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for _ in 0..plan.runs {
        for (i, clients) in CLIENTS.into_iter().enumerate() {
            samples[i].push(field.renew(plan.span, clients)?);
        }
    }
    for (i, clients) in CLIENTS.into_iter().enumerate() {
        let name = format!("renewals with Redis, {clients} clients");
        rows(report, &name, &samples[i], None, None);
        let others = runs(&samples[i], |s| s.others as f64);
        let none = Some(Goal::AtMost(0.0));
        report.figure(
            &format!("{name}: answers that are not 200"),
            &others,
            "",
            none,
        );
    }
    report.once(
        "resident memory of the node",
        field.server.resident(),
        "MiB",
        None,
    );
    report.once(
        "Redis' memory per million sessions, their grants and indexes included",
        (full - empty) * 1e6 / f64::from(plan.sessions) / (1024.0 * 1024.0),
        "MiB",
        None,
    );
    field.server.stop()?;
    Ok(())
}

/// A server of the bench's own, which nobody else reaches: it has a socket alone.
struct Redis {
    folder: PathBuf,
    keeper: Child,
    end: Option<ChildStdin>,
}

impl Redis {
    /// `None` if there is no such program.
    fn start(folder: &Path) -> io::Result<Option<Self>> {
        if Command::new("redis-server")
            .arg("--version")
            .output()
            .is_err()
        {
            return Ok(None);
        }
        std::fs::create_dir_all(folder)?;
        let mut keeper = Command::new("sh")
            .args([
                "-c",
                KEEPER,
                "sh",
                "redis-server",
                "--port",
                "0",
                "--save",
                "",
            ])
            .arg("--unixsocket")
            .arg(folder.join("socket"))
            .arg("--dir")
            .arg(folder)
            .env("LOG", folder.with_extension("log"))
            .stdin(Stdio::piped())
            .spawn()?;
        let end = keeper.stdin.take();
        let redis = Self {
            folder: folder.to_owned(),
            keeper,
            end,
        };
        for _ in 0..200 {
            if redis.ask(&["PING"]).is_ok_and(|said| said == "PONG") {
                return Ok(Some(redis));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("Redis did not start"))
    }

    fn address(&self) -> String {
        format!("redis+unix://{}", self.folder.join("socket").display())
    }

    fn set(&self, setting: &str, value: &str) -> io::Result<()> {
        match self.ask(&["CONFIG", "SET", setting, value])?.as_str() {
            "OK" => Ok(()),
            refusal => Err(io::Error::other(refusal.to_owned())),
        }
    }

    /// A number of `INFO`.
    fn told(&self, section: &str, name: &str) -> io::Result<f64> {
        let said = self.told_text(section, name)?;
        said.parse().map_err(io::Error::other)
    }

    fn told_text(&self, section: &str, name: &str) -> io::Result<String> {
        let info = self.ask(&["INFO", section])?;
        let said = info.lines().find_map(|line| {
            let said = line.strip_prefix(name)?.strip_prefix(':')?;
            Some(said.trim().to_owned())
        });
        said.ok_or_else(|| io::Error::other(info))
    }

    fn ask(&self, words: &[&str]) -> io::Result<String> {
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(self.folder.join("socket"))
            .args(words)
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut end) = self.end.take() {
            let _ = writeln!(end, "stop");
        }
        let _ = self.keeper.wait();
    }
}
