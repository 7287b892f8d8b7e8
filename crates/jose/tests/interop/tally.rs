//! Counting what was tried, so that nothing is left out unnoticed.

use std::collections::{BTreeMap, BTreeSet};

/// How often what is in a column was seen to hold, for each case.
pub struct Tally {
    title: String,
    columns: &'static [&'static str],
    counts: BTreeMap<(String, String), Vec<usize>>,
}

impl Tally {
    pub fn new(title: String, columns: &'static [&'static str]) -> Self {
        Self {
            title,
            columns,
            counts: BTreeMap::new(),
        }
    }

    /// Something held for this case of a row.
    pub fn count(&mut self, row: &str, case: &str, column: usize) {
        let none = || vec![0; self.columns.len()];
        let key = (row.to_owned(), case.to_owned());
        self.counts.entry(key).or_insert_with(none)[column] += 1;
    }

    /// Prints the rows; fails unless these were the cases, and these their counts.
    pub fn finish<const N: usize>(self, expected: Vec<(String, String, [usize; N])>) {
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for ((row, _), counts) in &self.counts {
            let sums = rows.entry(row).or_insert_with(|| vec![0; counts.len()]);
            sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        }
        println!("{}", self.title);
        print(" ", self.columns.iter().map(ToString::to_string));
        for (row, counts) in &rows {
            print(row, counts.iter().map(ToString::to_string));
        }
        let sum = |column| rows.values().map(|counts| counts[column]).sum::<usize>();
        print("all", (0..self.columns.len()).map(|at| sum(at).to_string()));
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(row, case, counts)| ((row, case), counts.to_vec()))
            .collect();
        let cases: BTreeSet<_> = expected.keys().chain(self.counts.keys()).collect();
        for case in cases {
            let (counted, expected) = (self.counts.get(case), expected.get(case));
            assert_eq!(counted, expected, "{}: {case:?}", self.title);
        }
    }
}

fn print(row: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| format!("{cell:>24}")).collect();
    println!("  {row:<22}{}", cells.concat());
}

/// The token with one character changed, once in each of its parts: the middle one, all of whose
/// bits count.
pub fn changed(token: &str) -> Vec<String> {
    let mut start = 0;
    let mut changed = Vec::new();
    for part in token.split('.') {
        if !part.is_empty() {
            let middle = start + part.len() / 2;
            let is_a = token.as_bytes()[middle] == b'A';
            let other = if is_a { "B" } else { "A" };
            let (before, after) = (&token[..middle], &token[middle + 1..]);
            changed.push(format!("{before}{other}{after}"));
        }
        start += part.len() + 1;
    }
    changed
}
