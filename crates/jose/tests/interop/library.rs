//! The other implementations: scripts of `tests/interop` that are given tasks.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Library {
    Jose,
    Joserfc,
    PyJwt,
}

impl Library {
    fn name(self) -> &'static str {
        match self {
            Self::Jose => "jose",
            Self::Joserfc => "joserfc",
            Self::PyJwt => "PyJWT",
        }
    }

    /// Whether it knows this algorithm for signatures. What is expected stands here; that it is
    /// still so, the library itself is asked where it can tell.
    pub fn has(self, alg: &str) -> bool {
        let expected = match self {
            Self::Jose => true,
            Self::Joserfc => !alg.starts_with("ML-DSA"),
            Self::PyJwt => !alg.starts_with("ML-DSA") && alg != "Ed25519",
        };
        if self != Self::Jose {
            let has = &self.made("has", json!({ "alg": alg }))["has"];
            assert_eq!(has, expected, "{self}: {alg}");
        }
        expected
    }

    /// Does a task that must succeed.
    pub fn made(self, task: &str, arguments: Value) -> Value {
        let outcome = self.asked(task, arguments);
        assert!(outcome["refused"].is_null(), "{self}, {task}: {outcome}");
        outcome
    }

    /// Whether it refuses to read this.
    pub fn refuses(self, task: &str, arguments: Value) -> bool {
        self.asked(task, arguments)["refused"].is_string()
    }

    fn asked(self, task: &str, mut arguments: Value) -> Value {
        arguments["do"] = task.into();
        if self == Self::Jose {
            return NODE.lock().unwrap().ask(&arguments);
        }
        arguments["library"] = self.name().into();
        PYTHON.lock().unwrap().ask(&arguments)
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether the tools are there, in the versions that are asked for; if not, says so.
pub fn are_there() -> bool {
    // `make setup` leaves the lists that it installed, these first.
    let lists = [
        ("requirements.txt", "venv/installed"),
        ("package.json", "node/package.json"),
    ];
    let are_there = lists.iter().all(|(asked, installed)| {
        let asked = std::fs::read(root().join("tests/interop").join(asked)).unwrap();
        std::fs::read(tools().join(installed)).is_ok_and(|installed| installed.starts_with(&asked))
    });
    if !are_there {
        let why = "the tools of `make setup` are missing, or not those of tests/interop";
        println!("SKIPPED: {why}");
        let strict = std::env::var_os("STRICT").is_some_and(|strict| strict == "1");
        assert!(!strict, "{why}, and STRICT=1 forbids to skip");
    }
    are_there
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tools() -> PathBuf {
    root().join("target/tools")
}

static NODE: LazyLock<Mutex<Process>> = LazyLock::new(|| {
    // ML-DSA is new there, and says so.
    Process::start("node", "--disable-warning=ExperimentalWarning", "jose.mjs")
});

static PYTHON: LazyLock<Mutex<Process>> = LazyLock::new(|| {
    // What is weak or old warns there; that is wanted here.
    Process::start("python", "-Wignore", "jose.py")
});

/// One script for all tests; it ends when the tests do, and its standard input with them.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(program: &str, option: &str, script: &str) -> Mutex<Self> {
        let mut child = Command::new(tools().join("venv/bin").join(program))
            .arg(option)
            .arg(root().join("tests/interop").join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Mutex::new(Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        })
    }

    fn ask(&mut self, task: &Value) -> Value {
        let mut line = String::new();
        writeln!(self.input, "{task}").unwrap();
        self.output.read_line(&mut line).unwrap();
        // One that ended says why on standard error.
        let status = line.is_empty().then(|| self.child.wait().unwrap());
        assert_eq!(status, None, "the script ended: {task}");
        serde_json::from_str(&line).unwrap()
    }
}
