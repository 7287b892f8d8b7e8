//! The guards, seen from the parent of their processes.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::process::resident;

/// The argument by which this program becomes one.
pub const ARGUMENT: &str = "guard";

/// Guards in processes of their own.
#[derive(Default)]
pub struct Guards(Vec<Process>);

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// One guard's refusal.
pub struct Refusal {
    pub code: String,
    /// By [`clock`](super::clock).
    pub at: u64,
}

impl Guards {
    /// Adds so many, which connect at the same time. How long the slowest took.
    pub fn add(
        &mut self,
        count: usize,
        issuer: &str,
        client: &str,
        secret: &str,
    ) -> io::Result<Duration> {
        let first = self.0.len();
        for _ in 0..count {
            let mut process = Process::start(issuer, client)?;
            process.say(secret)?;
            self.0.push(process);
        }
        let mut slowest = 0;
        for process in &mut self.0[first..] {
            slowest = slowest.max(process.hear("connected")?);
        }
        Ok(Duration::from_nanos(slowest))
    }

    /// When each of them refuses the token, which all of them accept before `taken_back` is called.
    pub fn refusals(
        &mut self,
        token: &str,
        taken_back: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Vec<Refusal>> {
        for process in &mut self.0 {
            process.say(token)?;
        }
        for process in &mut self.0 {
            process.hear("accepted")?;
        }
        taken_back()?;
        self.0.iter_mut().map(Process::refusal).collect()
    }

    /// Resident memory of each, in MiB.
    pub fn resident(&self) -> Vec<f64> {
        let processes = self.0.iter();
        processes
            .map(|process| resident(process.child.id()))
            .collect()
    }
}

impl Process {
    fn start(issuer: &str, client: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ARGUMENT, issuer, client])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self {
                child,
                input,
                output: BufReader::new(output),
            }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes())
    }

    /// The number behind this word.
    fn hear(&mut self, word: &str) -> io::Result<u64> {
        let said = self.refusal()?;
        if said.code == word {
            Ok(said.at)
        } else {
            let what = format!("a guard said {} instead of {word}", said.code);
            Err(io::Error::other(what))
        }
    }

    fn refusal(&mut self) -> io::Result<Refusal> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let (code, at) = line
            .trim_end()
            .split_once(' ')
            .ok_or_else(|| io::Error::other("a guard has ended: it said why"))?;
        Ok(Refusal {
            code: code.to_owned(),
            at: at.parse().map_err(io::Error::other)?,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
