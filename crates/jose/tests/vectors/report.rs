//! Finding the vectors, and counting what became of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

/// The folder of vectors; `None` if there is none and that is tolerated.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("JOSE_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("STRICT").is_none_or(|strict| strict != "1"),
            "JOSE_VECTORS does not name a folder of test vectors, and STRICT=1"
        );
        say("SKIPPED: test vectors (set JOSE_VECTORS to their folder)");
    }
    folder
}

/// One JSON file of the folder.
pub fn read(folder: &std::path::Path, file: &str) -> Value {
    let path = folder.join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// Straight to the terminal: the test harness hides what passing tests print.
#[expect(clippy::explicit_write, reason = "eprintln! is what the harness hides")]
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

/// What became of the cases of one file.
pub struct Tally {
    file: String,
    passed: usize,
    not_applicable: BTreeMap<&'static str, usize>,
    failed: Vec<String>,
}

impl Tally {
    pub fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            passed: 0,
            not_applicable: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// A case, and whether it behaved as it should.
    pub fn expect(&mut self, behaved: bool, case: impl FnOnce() -> String) {
        if behaved {
            self.passed += 1;
        } else {
            self.failed.push(case());
        }
    }

    /// A case about something that this crate does not do.
    pub fn skip(&mut self, reason: &'static str) {
        *self.not_applicable.entry(reason).or_default() += 1;
    }

    /// Prints the counts; fails if a case failed, or if these are not `total` cases.
    pub fn finish(self, total: usize) {
        let skipped: usize = self.not_applicable.values().sum();
        say(&format!(
            "{}: {} passed, {} failed, {skipped} not applicable {:?}",
            self.file,
            self.passed,
            self.failed.len(),
            self.not_applicable
        ));
        assert!(self.failed.is_empty(), "{}: {:#?}", self.file, self.failed);
        assert_eq!(self.passed + skipped, total, "{}: cases", self.file);
    }
}
