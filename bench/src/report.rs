//! The report: printed as it grows, and written to `target/bench/report.md` at the end.

use std::fmt::Write as _;
use std::path::Path;

use crate::stats::Runs;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::Below(limit) => value < limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}{unit}", number(limit)),
            Self::Below(limit) => format!("< {}{unit}", number(limit)),
            Self::AtLeast(limit) => format!("≥ {}{unit}", number(limit)),
        }
    }
}

/// The report so far.
#[derive(Default)]
pub struct Report {
    text: String,
    in_table: bool,
    met: Vec<String>,
    missed: Vec<String>,
}

impl Report {
    /// Begins a section.
    pub fn section(&mut self, title: &str) {
        self.in_table = false;
        self.emit(&format!("\n## {title}\n"));
    }

    /// A paragraph of its own: what was measured and how.
    pub fn say(&mut self, text: &str) {
        let lead = if self.in_table { "\n" } else { "" };
        self.in_table = false;
        self.emit(&format!("{lead}{text}\n"));
    }

    /// A row of the figures' table: the median of the runs, their spread, and whether the median meets its goal.
    pub fn figure(&mut self, name: &str, runs: &Runs, unit: &str, goal: Option<Goal>) {
        if !self.in_table {
            self.in_table = true;
            self.emit("| figure | median | least … greatest | goal | |");
            self.emit("| --- | ---: | ---: | ---: | --- |");
        }
        let value = runs.median();
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(" {unit}")
        };
        let (wanted, verdict) = match goal {
            None => (String::new(), ""),
            Some(goal) if goal.is_met(value) => {
                self.met.push(name.to_owned());
                (goal.text(&unit), "met")
            }
            Some(goal) => {
                let line = format!("{name}: {}{unit}, goal {}", number(value), goal.text(&unit));
                self.missed.push(line);
                (goal.text(&unit), "**missed**")
            }
        };
        let row = format!(
            "| {name} | {}{unit} | {} … {} | {wanted} | {verdict} |",
            number(value),
            number(runs.least()),
            number(runs.greatest()),
        );
        self.emit(&row);
    }

    /// A figure that was measured once.
    pub fn once(&mut self, name: &str, value: f64, unit: &str, goal: Option<Goal>) {
        self.figure(name, &Runs::new(vec![value]), unit, goal);
    }

    /// The closing lines; then writes everything to `path`.
    pub fn close(&mut self, path: &Path) -> std::io::Result<()> {
        self.section("Goals");
        self.say(&format!(
            "{} met, {} missed.",
            self.met.len(),
            self.missed.len()
        ));
        for line in std::mem::take(&mut self.missed) {
            self.emit(&format!("- missed: {line}"));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, &self.text)?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }

    fn emit(&mut self, line: &str) {
        println!("{line}");
        let _ = writeln!(self.text, "{line}");
    }
}

/// Three significant figures at least, thousands set apart.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() >= 10_000.0 {
        let whole = format!("{value:.0}");
        let (sign, digits) = whole
            .strip_prefix('-')
            .map_or(("", whole.as_str()), |d| ("-", d));
        let mut text = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        return format!("{sign}{text}");
    }
    let decimals = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_figures() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.0512, "1.05"),
            (15.04, "15.0"),
            (679.2, "679"),
            (1530.0, "1530"),
            (20_900.4, "20,900"),
            (1_234_567.0, "1,234,567"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_goal_is_met_by_the_median() {
        let mut report = Report::default();
        let runs = Runs::new(vec![1.0, 2.0, 9.0]);
        report.figure("a", &runs, "ms", Some(Goal::AtMost(2.0)));
        report.figure("b", &runs, "ms", Some(Goal::Below(2.0)));
        report.figure("c", &runs, "", Some(Goal::AtLeast(2.0)));
        assert_eq!(report.met, ["a", "c"]);
        assert_eq!(report.missed, ["b: 2.00 ms, goal < 2.00 ms"]);
    }
}
