//! What the doctor says: one finding for each thing that was looked at, or could not be.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word that never changes.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
    /// What that means.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "level", rename_all = "snake_case")]
pub enum Verdict {
    /// Something does not work, or is not safe.
    Error(Trouble),
    /// Something works, and not as well as it should.
    Warning(Trouble),
    /// It is as it should be.
    Good,
    /// It was not looked at: [`Finding::what`] says why, and how it would be.
    NotChecked,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What comes of it for those who use the server.
    pub follows: String,
    /// What to change, and into what.
    pub cure: String,
}

impl Finding {
    fn new(check: &'static str, what: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            check,
            what: what.into(),
            verdict,
        }
    }

    pub(crate) fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, what, Verdict::Good)
    }

    pub(crate) fn not_checked(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, what, Verdict::NotChecked)
    }

    pub(crate) fn warning(
        check: &'static str,
        what: impl Into<String>,
        follows: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(check, what, Verdict::Warning(Trouble::new(follows, cure)))
    }

    pub(crate) fn error(
        check: &'static str,
        what: impl Into<String>,
        follows: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(check, what, Verdict::Error(Trouble::new(follows, cure)))
    }

    /// What is wrong, if anything is.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match &self.verdict {
            Verdict::Error(trouble) | Verdict::Warning(trouble) => Some(trouble),
            Verdict::Good | Verdict::NotChecked => None,
        }
    }
}

impl Trouble {
    fn new(follows: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            follows: follows.into(),
            cure: cure.into(),
        }
    }
}

/// All that was found, in the order in which it was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where it was looked.
    pub issuer: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many errors, warnings, good things, and things that were not checked.
    #[must_use]
    pub fn count(&self) -> [usize; 4] {
        let mut count = [0; 4];
        for finding in &self.findings {
            count[finding.verdict.rank()] += 1;
        }
        count
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.trouble().is_none())
    }
}

impl Verdict {
    /// The worst first.
    #[must_use]
    pub const fn rank(&self) -> usize {
        match self {
            Self::Error(_) => 0,
            Self::Warning(_) => 1,
            Self::Good => 2,
            Self::NotChecked => 3,
        }
    }
}
