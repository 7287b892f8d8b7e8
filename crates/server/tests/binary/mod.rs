//! The built binary, as a stranger runs it: a server in a folder of its own, and commands beside it.

pub mod http;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// A command of ours, in this folder, with nothing of the caller's environment that we would read.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    command_of(Path::new(BINARY), folder, args)
}

/// The same of another build.
pub fn command_of(program: &Path, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("COUNTERSIGN_") || text.starts_with("JWT_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

/// What a command with `--json` answered; it must have succeeded.
#[track_caller]
pub fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A running server.
pub struct Server {
    child: Child,
    /// Open, so that the server can go on saying things.
    _stdout: BufReader<ChildStdout>,
    /// What it said when it started.
    pub greeting: String,
    /// `http://localhost:<port>`, unless it was told another.
    pub issuer: String,
    /// The port of its public API.
    pub port: u16,
}

impl Server {
    /// On `port` (0: a free one), with its data in the folder, and `settings` as variables. It is not tried out: there is
    /// a configuration, if only an empty one.
    pub fn start(folder: &Path, port: u16, settings: &[(&str, &str)]) -> Self {
        let mut command = command(folder, &[]);
        if !folder.join("countersign.toml").exists() {
            command.env("COUNTERSIGN_CONFIG", "/dev/null");
        }
        Self::start_by(command, port, settings)
    }

    /// As a stranger starts it, with no configuration file.
    pub fn first(folder: &Path, port: u16) -> Self {
        Self::start_by(command(folder, &[]), port, &[])
    }

    /// Begun by a command that leads to the server.
    pub fn start_by(mut command: Command, port: u16, settings: &[(&str, &str)]) -> Self {
        let mut child = command
            .env("COUNTERSIGN_LISTEN", format!("localhost:{port}"))
            .env("COUNTERSIGN_LOG_LEVEL", "error")
            .envs(
                settings
                    .iter()
                    .map(|(name, value)| (OsStr::new(name), OsStr::new(value))),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.ends_with("\nCtrl-C stops it.\n") {
            let read = stdout.read_line(&mut greeting).unwrap();
            assert_ne!(read, 0, "the server ended: {:?}\n{greeting}", child.wait());
        }
        Self {
            port: port_of(&said(&greeting, "listens")),
            issuer: said(&greeting, "issuer"),
            greeting,
            child,
            _stdout: stdout,
        }
    }

    /// The port of its metrics, if it was told to have them.
    pub fn metrics_port(&self) -> u16 {
        port_of(&said(&self.greeting, "metrics"))
    }

    /// A connection to it.
    pub fn connect(&self) -> http::Connection {
        http::Connection::open(self.port, Duration::from_secs(10)).unwrap()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end that somebody else brings about.
    pub fn wait(mut self) {
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended:?}");
    }

    /// `kill -9`: it gets no chance to say or write anything more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the wait for a good end.
    pub fn stop(self) {
        self.stop_by("TERM");
    }

    /// A signal that ends it, and the wait for a good end.
    pub fn stop_by(self, signal: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(status.unwrap().success());
        self.wait();
    }
}

/// What a greeting says under this name.
fn said(greeting: &str, name: &str) -> String {
    let mut lines = greeting.lines();
    let value = lines.find_map(|line| line.trim().strip_prefix(name));
    value.unwrap().trim().to_owned()
}

/// The port of the first of some addresses.
fn port_of(addresses: &str) -> u16 {
    let first = addresses.split(',').next().unwrap();
    first.rsplit(':').next().unwrap().parse().unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, unless a test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
