//! Runs the tests on the copy, whole and broken, and tells how they ended.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::Problem;
use crate::copy::Copy;
use crate::list::Mutant;

/// Longest time for the tests of one mutant, in seconds: some make them wait for ever.
const TEST_TIME: u32 = 180;

/// Longest time for a build, in seconds; the first one builds everything.
const BUILD_TIME: u32 = 3600;

/// What `timeout` (coreutils) exits with when time is up, if it had to kill, too.
const TIMED_OUT: [i32; 2] = [124, 137];

/// Where the outside test vectors are, for the tests that read them.
const VECTORS: &str = "JOSE_VECTORS";

/// How one mutant ended.
pub enum Outcome {
    /// The tests failed: it was noticed.
    Red { by: String },
    /// The tests did not end in time: it was noticed.
    TimedOut,
    /// The tests passed: nobody would have noticed.
    Green,
    /// The text to replace stands there not once, but this often.
    DoesNotApply { found: usize },
    /// The compiler noticed; this says nothing about the tests.
    DoesNotCompile { log: PathBuf },
}

impl Outcome {
    /// Whether the tests did what they are for.
    pub fn is_noticed(&self) -> bool {
        matches!(self, Self::Red { .. } | Self::TimedOut)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Red { by } => write!(f, "red    {by}"),
            Self::TimedOut => write!(f, "red    no end after {TEST_TIME} s"),
            Self::Green => write!(f, "GREEN"),
            Self::DoesNotApply { found } => {
                write!(f, "ERROR  its text is found {found} times, not once")
            }
            Self::DoesNotCompile { log } => {
                write!(f, "ERROR  does not compile: {}", log.display())
            }
        }
    }
}

/// Runs cargo in the copy, with a target folder and logs of its own.
pub struct Runner {
    tree: PathBuf,
    target: PathBuf,
    logs: PathBuf,
    /// `JOSE_VECTORS`, if it is set, from the root: tests run in their crate's folder.
    vectors: Option<(&'static str, PathBuf)>,
}

impl Runner {
    /// Works under `work`, on the copy at `tree`.
    pub fn new(work: &Path, tree: &Path) -> Result<Self, Problem> {
        let logs = work.join("logs");
        fs::create_dir_all(&logs)
            .and_then(|()| {
                Ok(Self {
                    tree: tree.canonicalize()?,
                    target: work.canonicalize()?.join("target"),
                    logs: logs.canonicalize()?,
                    vectors: match env::var_os(VECTORS) {
                        Some(folder) => Some((VECTORS, fs::canonicalize(folder)?)),
                        None => None,
                    },
                })
            })
            .map_err(|cause| Problem::File { path: logs, cause })
    }

    /// Sees that the tests pass, and are some, while nothing is broken.
    pub fn see_green(&self, mutants: &[Mutant]) -> Result<(), Problem> {
        let tests: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.test.as_str()).collect();
        for (index, test) in tests.iter().enumerate() {
            println!("whole: cargo test {test}");
            let log = self.logs.join(format!("whole-{index}.log"));
            let what = if !self.builds(test, &log)? {
                "does not compile"
            } else if !self.run(test, &log)?.success() {
                "fails"
            } else if count_passed(&log)? == 0 {
                "runs no test"
            } else {
                continue;
            };
            return Err(Problem::Baseline {
                test: (*test).to_owned(),
                what,
                log,
            });
        }
        Ok(())
    }

    /// Breaks the copy, builds it, runs its tests, and mends it.
    pub fn try_one(&self, copy: &Copy, mutant: &Mutant) -> Result<Outcome, Problem> {
        let found = copy.occurrences(mutant)?;
        if found != 1 {
            return Ok(Outcome::DoesNotApply { found });
        }
        copy.mutate(mutant)?;
        let outcome = self.test_broken(mutant);
        copy.restore(&mutant.file)?;
        outcome
    }

    fn test_broken(&self, mutant: &Mutant) -> Result<Outcome, Problem> {
        let log = self
            .logs
            .join(format!("{}.log", mutant.name.replace('/', "-")));
        if !self.builds(&mutant.test, &log)? {
            return Ok(Outcome::DoesNotCompile { log });
        }
        Ok(match self.run(&mutant.test, &log)?.code() {
            Some(0) => Outcome::Green,
            Some(code) if TIMED_OUT.contains(&code) => Outcome::TimedOut,
            _ => Outcome::Red {
                by: first_failure(&log)?,
            },
        })
    }

    fn builds(&self, test: &str, log: &Path) -> Result<bool, Problem> {
        let status = self.cargo_test(BUILD_TIME, &format!("--no-run {test}"), log)?;
        Ok(status.success())
    }

    fn run(&self, test: &str, log: &Path) -> Result<ExitStatus, Problem> {
        self.cargo_test(TEST_TIME, test, log)
    }

    fn cargo_test(&self, seconds: u32, arguments: &str, log: &Path) -> Result<ExitStatus, Problem> {
        let (out, err) = File::create(log)
            .and_then(|file| Ok((file.try_clone()?, file)))
            .map_err(|cause| Problem::File {
                path: log.to_owned(),
                cause,
            })?;
        // `timeout` ends cargo's children with it.
        Command::new("timeout")
            .args(["--kill-after=5", &seconds.to_string()])
            .args(["cargo", "test", "--locked"])
            .args(arguments.split_whitespace())
            .current_dir(&self.tree)
            .envs(self.vectors.clone())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .status()
            .map_err(|cause| Problem::Start {
                program: "timeout",
                cause,
            })
    }
}

/// How many tests passed, by libtest's own count.
fn count_passed(log: &Path) -> Result<usize, Problem> {
    Ok(read(log)?
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "))
        .filter_map(|rest| rest.split(' ').nth(1)?.parse::<usize>().ok())
        .sum())
}

/// The name of the first test that failed, and how many more there were.
fn first_failure(log: &Path) -> Result<String, Problem> {
    let text = read(log)?;
    let mut failed = text.lines().filter_map(|line| {
        line.strip_prefix("test ")?
            .strip_suffix(" ... FAILED")
            .map(str::to_owned)
    });
    Ok(match (failed.next(), failed.count()) {
        (None, _) => "the test process died".to_owned(),
        (Some(first), 0) => first,
        (Some(first), more) => format!("{first} and {more} more"),
    })
}

fn read(path: &Path) -> Result<String, Problem> {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|cause| Problem::File {
            path: path.to_owned(),
            cause,
        })
}
