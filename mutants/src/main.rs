//! Breaks a copy of the source in each way of `mutants/list/*.toml`, one at a time, and runs the
//! tests that are said to notice: red is right, green means that a test is missing.
//!
//! ```text
//! make mutants                     all of them
//! make mutants ARGS=jose           those of list/jose.toml, or with jose in their name
//! make mutants ARGS=--list         only name them, and see that each still applies
//! ```
//!
//! A mutant that does not compile, or whose text is not found exactly once, is an error: it proves
//! nothing.

mod copy;
mod list;
mod trial;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use copy::Copy;
use list::Mutant;
use trial::{Outcome, Runner};

/// Why the mutants could not be tried at all.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{path}: {cause}", path = path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("{path}: {cause}", path = path.display())]
    List {
        path: PathBuf,
        cause: toml::de::Error,
    },
    #[error("{program} does not start: {cause}")]
    Start {
        program: &'static str,
        cause: io::Error,
    },
    #[error("`git ls-files` failed: the runner needs a git checkout")]
    NotACheckout,
    #[error("another run is under way: it holds {}", .0.display())]
    Running(PathBuf),
    #[error("two mutants are called {0}")]
    SameName(String),
    #[error("no mutant is called {0:?}, nor its list")]
    NoSuchMutant(String),
    #[error("without any mutant, `cargo test {test}` {what}: see {log}", log = log.display())]
    Baseline {
        test: String,
        what: &'static str,
        log: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("mutants: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every chosen mutant was noticed.
fn run(mut arguments: Vec<String>) -> Result<bool, Problem> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let only_list = arguments.iter().any(|argument| argument == "--list");
    arguments.retain(|argument| argument != "--list");

    let mutants = list::read(&root.join("mutants/list"), &arguments)?;
    let work = root.join("target/mutants");
    let _alone = lock(&work)?;
    let copy = Copy::take(&root, &work.join("tree"))?;
    if only_list {
        return name_them(&mutants, &copy);
    }

    let runner = Runner::new(&work, copy.path())?;
    runner.see_green(&mutants)?;
    let mut tally = Tally::default();
    for mutant in &mutants {
        say(&format!("{:44} ", mutant.name));
        let outcome = runner.try_one(&copy, mutant)?;
        println!("{outcome}");
        if !outcome.is_noticed() {
            println!("{:44}   {}", "", mutant.breaks);
        }
        tally.add(&outcome);
    }
    println!("{tally}");
    Ok(tally.unnoticed == 0 && tally.errors == 0)
}

/// One run at a time: two would break each other's copy. Held until the file is dropped.
fn lock(work: &Path) -> Result<File, Problem> {
    let path = work.join("lock");
    let opened = fs::create_dir_all(work).and_then(|()| File::create(&path));
    let file = opened.map_err(|cause| Problem::File {
        path: path.clone(),
        cause,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Problem::Running(path)),
        Err(TryLockError::Error(cause)) => Err(Problem::File { path, cause }),
    }
}

fn name_them(mutants: &[Mutant], copy: &Copy) -> Result<bool, Problem> {
    let mut all_apply = true;
    for mutant in mutants {
        println!("{:44} {}", mutant.name, mutant.breaks);
        let found = copy.occurrences(mutant)?;
        if found != 1 {
            println!("{:44} {}", "", Outcome::DoesNotApply { found });
            all_apply = false;
        }
    }
    println!("{} mutants", mutants.len());
    Ok(all_apply)
}

fn say(text: &str) {
    print!("{text}");
    // A progress line that cannot be shown is no reason to stop.
    let _ = io::stdout().flush();
}

/// How the mutants fared.
#[derive(Default)]
struct Tally {
    noticed: usize,
    unnoticed: usize,
    errors: usize,
}

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Red { .. } | Outcome::TimedOut => self.noticed += 1,
            Outcome::Green => self.unnoticed += 1,
            Outcome::DoesNotApply { .. } | Outcome::DoesNotCompile { .. } => self.errors += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            noticed,
            unnoticed,
            errors,
        } = self;
        write!(f, "{noticed} red, {unnoticed} green, {errors} in error")
    }
}
