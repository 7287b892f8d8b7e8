//! A PostgreSQL server of the bench's own, in this run's folder: with its settings as they come, and every commit synced.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// Where Debian, and others, keep the programs that are on nobody's path.
const BINARIES: &str = "/usr/lib/postgresql";
/// Stops the server at the end of its input, which is the end of this process, however that comes.
const KEEPER: &str = r#""$@" >>"$LOG" 2>&1 <&- & read -r how; kill -INT $!; wait $!"#;

/// A server that runs.
pub struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
    running: Option<(Child, ChildStdin)>,
}

impl Cluster {
    /// Makes one, and starts it. `None` if PostgreSQL is not there.
    pub fn new(folder: &Path) -> io::Result<Option<Self>> {
        let Some(bin) = binaries() else {
            return Ok(None);
        };
        // A socket's path is short (unix(7)), and the folder of the run need not be.
        let folder = folder.to_owned();
        fs::create_dir_all(&folder)?;
        if is_root() {
            done(&Command::new("chown").arg("nobody").arg(&folder).output()?)?;
        }
        done(
            &unprivileged(&bin.join("initdb"))
                .arg("--pgdata")
                .arg(folder.join("data"))
                .args([
                    "--username=countersign",
                    "--auth=trust",
                    "--no-instructions",
                ])
                .args(["--encoding=UTF8", "--locale=C.UTF-8"])
                .current_dir(&folder)
                .output()?,
        )?;
        let mut cluster = Self {
            folder,
            bin,
            running: None,
        };
        cluster.start(&[])?;
        Ok(Some(cluster))
    }

    /// Starts it with these settings beside its own.
    pub fn start(&mut self, settings: &[&str]) -> io::Result<()> {
        let server = unprivileged(&self.bin.join("postgres"));
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-k", &self.folder.display().to_string()])
            .args(["-c", "listen_addresses="])
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .env("LOG", self.folder.with_extension("log"))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .spawn()?;
        let end = keeper.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        self.running = Some((keeper, end));
        for _ in 0..200 {
            if self.sql("postgres", "SELECT 1").is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("PostgreSQL did not start"))
    }

    /// Stops it in good order, with everything written.
    pub fn stop(&mut self) -> io::Result<()> {
        if let Some((mut keeper, mut end)) = self.running.take() {
            writeln!(end, "stop")?;
            keeper.wait()?;
        }
        Ok(())
    }

    /// What the address of its server starts with: the name of a database follows.
    pub fn address(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://countersign@{folder}/{database}")
    }

    /// Runs a statement; what it prints, unadorned.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-XAtqv", "ON_ERROR_STOP=1", "-c", sql, "-d"]);
        done(&psql.arg(self.address(database)).output()?)
    }

    /// Runs `pgbench` on a script; transactions per second.
    pub fn pgbench(
        &self,
        database: &str,
        script: &str,
        clients: usize,
        seconds: u64,
    ) -> io::Result<f64> {
        let file = self.folder.join("pgbench.sql");
        fs::write(&file, script)?;
        let told = done(
            &Command::new(self.bin.join("pgbench"))
                .args(["--no-vacuum", "--protocol=prepared", "--random-seed=7"])
                .args(["--client", &clients.to_string()])
                .args(["--jobs", &clients.min(crate::cores()).to_string()])
                .args(["--time", &seconds.to_string()])
                .arg("--file")
                .arg(&file)
                .arg(self.address(database))
                .output()?,
        )?;
        let rate = told.lines().find_map(|line| {
            let rate = line.strip_prefix("tps = ")?;
            rate.split(' ').next()?.parse().ok()
        });
        rate.ok_or_else(|| io::Error::other(told))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn done(output: &Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(said.into_owned()))
}

/// The folder of the newest `initdb`.
fn binaries() -> Option<PathBuf> {
    let folders = fs::read_dir(BINARIES).ok()?.flatten();
    let newest = folders.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let bin = entry.path().join("bin");
        bin.join("initdb").exists().then_some((version, bin))
    });
    newest.max().map(|(_, bin)| bin)
}

/// PostgreSQL refuses root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
        .args(["--inh-caps=-all", "--no-new-privs"])
        .arg(program);
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
