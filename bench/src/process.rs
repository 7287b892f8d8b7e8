//! The servers under test, each a process of its own: the real binary, and the bare peer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{Answer, exchange, exchange_once, request};

/// How long a server may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// The real server on a data folder.
pub struct Server {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    metrics: SocketAddr,
    /// The socket of the administration interface.
    admin: PathBuf,
    /// From the start of the process to its first answer.
    pub started_in: Duration,
}

/// A setting of the server, as its environment variable and value.
pub type Setting = (&'static str, String);

/// What every server of the bench is told: no limits on attempts, only warnings in the log (as text, to a file).
fn usual_settings(data: &Path, address: SocketAddr, metrics: SocketAddr) -> Vec<Setting> {
    vec![
        ("COUNTERSIGN_DATA", data.display().to_string()),
        ("COUNTERSIGN_LISTEN", address.to_string()),
        ("COUNTERSIGN_METRICS_LISTEN", metrics.to_string()),
        ("COUNTERSIGN_LIMITS_ATTEMPTS", "off".into()),
        ("COUNTERSIGN_LOG_LEVEL", "warn".into()),
    ]
}

impl Server {
    /// Starts it, and waits for its first answer.
    pub fn start(data: &Path, settings: &[Setting]) -> io::Result<Self> {
        let (address, metrics) = (free_address()?, free_address()?);
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(data.with_extension("log"))?;
        let mut command = Command::new(binary()?);
        command
            .arg("serve")
            .envs(usual_settings(data, address, metrics))
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .current_dir(data.parent().unwrap_or(data))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let start = Instant::now();
        let mut child = command.spawn()?;
        let started_in = first_answer(address, start, &mut child)?;
        Ok(Self {
            child,
            address,
            metrics,
            admin: data.join("countersign.sock"),
            started_in,
        })
    }

    /// Every sample of its metrics, by name and labels.
    pub fn metrics(&self) -> io::Result<BTreeMap<String, f64>> {
        let mut ask = Vec::new();
        request("GET", "/metrics", "", "", &mut ask);
        exchange_once(self.metrics, &ask, |answer| {
            String::from_utf8_lossy(answer.body)
                .lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| {
                    let (name, value) = line.rsplit_once(' ')?;
                    Some((name.to_owned(), value.parse().ok()?))
                })
                .collect()
        })
    }

    /// Asks as the command line does, through the socket, and hands the answer to `read`.
    pub fn administrate<T>(
        &self,
        request: &[u8],
        read: impl FnOnce(&Answer<'_>) -> T,
    ) -> io::Result<T> {
        let mut stream = UnixStream::connect(&self.admin)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut buffer = Vec::new();
        exchange(&mut stream, request, &mut buffer)?;
        let answer = Answer::parse(&buffer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(read(&answer))
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> f64 {
        resident(self.child.id())
    }

    /// Processor time that it has used.
    pub fn cpu(&self) -> Duration {
        cpu(self.child.id())
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> io::Result<()> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the server ended with {status}")))
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An axum server beside it: this program again, told to be one.
pub struct Bare {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Bare {
    /// Starts the bare peer, whose answers have a body of this size.
    pub fn start(body: usize) -> io::Result<Self> {
        Self::told(&["bare-peer", &body.to_string()], "")
    }

    /// Starts the one that signs two tokens before it answers.
    pub fn signing(body: usize) -> io::Result<Self> {
        Self::told(&["signing-peer", &body.to_string()], "")
    }

    /// Starts the one that renews a refresh token.
    pub fn renewing() -> io::Result<Self> {
        Self::told(&["renewing-peer"], "")
    }

    /// Starts the one that answers when a page is on the disk.
    pub fn durable(body: usize, file: &Path) -> io::Result<Self> {
        let file = file.to_string_lossy();
        Self::told(&["durable-peer", &body.to_string(), &file], "")
    }

    /// Starts the one that these arguments name, and hands it `input`.
    pub fn told(args: &[&str], input: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(input.as_bytes())?;
        }
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address })
    }

    /// Processor time that it has used.
    pub fn cpu(&self) -> Duration {
        cpu(self.child.id())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The stripped release binary.
pub fn binary() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("countersign");
    if path.exists() {
        Ok(path)
    } else {
        Err(io::Error::other(format!(
            "{} is missing: `make bench` builds it",
            path.display()
        )))
    }
}

fn first_answer(address: SocketAddr, start: Instant, child: &mut Child) -> io::Result<Duration> {
    let mut ask = Vec::new();
    request("GET", "/livez", "", "", &mut ask);
    loop {
        if let Ok(200) = exchange_once(address, &ask, |answer| answer.status) {
            return Ok(start.elapsed());
        }
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!(
                "the server ended with {status}; its log is beside its data"
            )));
        }
        if start.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Resident memory of a process in MiB.
pub fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            let kib = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
            kib.parse::<f64>().ok()
        })
        .map_or(f64::NAN, |kib| kib / 1024.0)
}

/// User and system time of a process (fields 14 and 15 of its `stat`, in ticks of 10 ms).
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
