//! Versions of a schema, and which versions of this program can live with one.
//!
//! A version of this program knows the schema up to some number. A newer one brings the store up to date, and from then
//! on an older one works with a schema that it does not know. Whether that is right is what the migration says, in a
//! comment of its own: `-- lives with: 7` is a promise that whatever knows the schema up to 7 goes on working. One that
//! says nothing lives with nobody older. So a change that two adjacent versions must live with is made in two steps:
//! what is new is added first, with what is old kept right (by a default, or a trigger); what is old goes a version later.

use refinery::{Migration, Runner};

/// How a migration makes its promise.
const LIVES_WITH: &str = "-- lives with: ";

/// What this version knows.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The newest schema.
    pub(crate) newest: i32,
    /// The least that a version must know to live with it.
    pub(crate) oldest: i32,
    steps: Vec<(i32, String)>,
}

impl Known {
    pub(crate) fn of(runner: &Runner) -> Self {
        let migrations = runner.get_migrations();
        let versions = migrations.iter().map(Migration::version);
        Self {
            newest: versions.max().unwrap_or(0),
            oldest: migrations.iter().map(lives_with).max().unwrap_or(0),
            steps: migrations
                .iter()
                .map(|step| (step.version(), step.name().replace('_', " ")))
                .collect(),
        }
    }

    /// How a store stands to this version.
    pub(crate) fn compare(&self, found: Found) -> SchemaState {
        let verdict = if found.version == self.newest {
            Verdict::Current
        } else if found.version < self.newest {
            Verdict::Behind
        } else if self.newest >= found.oldest {
            Verdict::AheadButLivesWith
        } else {
            Verdict::Ahead
        };
        let mut steps: Vec<_> = self.steps.clone();
        steps.retain(|(version, _)| *version > found.version);
        steps.sort_unstable();
        SchemaState {
            found: found.version,
            known: self.newest,
            verdict,
            steps: steps.into_iter().map(|(_, name)| name).collect(),
        }
    }
}

/// What a store says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// The version of its schema; 0 if it is empty.
    version: i32,
    /// The least that a version must know to live with it.
    oldest: i32,
}

impl Found {
    /// `oldest` is 0 where nobody said it: then nobody older can live with it.
    pub(crate) fn new(version: i32, oldest: i32) -> Self {
        Self {
            version,
            oldest: if oldest == 0 { version } else { oldest },
        }
    }
}

/// How the schema of a store stands to the one that this version knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaState {
    /// The version of the store's schema; 0 if it is empty.
    pub found: i32,
    /// The newest that this version of the program knows.
    pub known: i32,
    /// What follows.
    pub verdict: Verdict,
    /// What would be done, in order.
    pub steps: Vec<String>,
}

/// Whether this version can work with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what this version knows.
    Current,
    /// It is older: the start brings it up to date.
    Behind,
    /// It is newer, and its migration promises that this version can live with it.
    AheadButLivesWith,
    /// It is newer, and this version cannot.
    Ahead,
}

fn lives_with(step: &Migration) -> i32 {
    let sql = step.sql().unwrap_or_default();
    sql.lines()
        .find_map(|line| line.strip_prefix(LIVES_WITH)?.trim().parse().ok())
        .unwrap_or(step.version())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_lives_with_what_promises_it() {
        let step = |name: &str, sql: &str| Migration::unapplied(name, sql).unwrap();
        let first = step("V1__first", "SELECT 1;");
        let second = step("V2__second", "-- Why.\n-- lives with: 1\nSELECT 1;");
        let third = step("V3__third", "SELECT 1;");
        let knows = |steps: &[&Migration]| {
            let steps: Vec<Migration> = steps.iter().copied().cloned().collect();
            Known::of(&Runner::new(&steps))
        };
        let one = knows(&[&first]);
        let two = knows(&[&first, &second]);
        let three = knows(&[&first, &second, &third]);
        assert_eq!([one.oldest, two.oldest, three.oldest], [1, 1, 3]);
        let verdict = |known: &Known, store: &Known| {
            let found = Found::new(store.newest, store.oldest);
            known.compare(found).verdict
        };
        for (known, store, expected) in [
            (&one, &one, Verdict::Current),
            (&two, &one, Verdict::Behind),
            (&one, &two, Verdict::AheadButLivesWith),
            (&one, &three, Verdict::Ahead),
            (&two, &three, Verdict::Ahead),
            (&three, &one, Verdict::Behind),
        ] {
            assert_eq!(verdict(known, store), expected, "{known:?} {store:?}");
        }
        // A store that says nothing was made before anybody could promise anything.
        assert_eq!(one.compare(Found::new(2, 0)).verdict, Verdict::Ahead);
        let steps = three.compare(Found::new(1, 0)).steps;
        assert_eq!(steps, ["second", "third"]);
    }
}
