//! The few statistics that the report needs: exact percentiles, the median of runs with its spread, Welch's t.

use std::time::Duration;

/// What was found in several runs of one measurement.
#[derive(Clone, Debug)]
pub struct Runs(Vec<f64>);

impl Runs {
    /// From one value a run. Panics if there are none.
    pub fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a measurement without runs");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The middle one (the mean of the two middle ones of an even number).
    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 {
            self.0[middle]
        } else {
            f64::midpoint(self.0[middle - 1], self.0[middle])
        }
    }

    /// The least.
    pub fn least(&self) -> f64 {
        self.0[0]
    }

    /// The greatest.
    pub fn greatest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

/// Latencies of one run, in order. Every one is kept, so the percentiles are exact.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// From nanoseconds in any order.
    pub fn new(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        Self(nanos)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The latency in milliseconds that `percent` of the requests did not exceed (nearest rank).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among at most some millions"
    )]
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let rank = (self.0.len() as f64 * percent / 100.0).ceil() as usize;
        let nanos = self.0.get(rank.saturating_sub(1)).copied();
        nanos.map_or(f64::NAN, |nanos| nanos as f64 / 1e6)
    }
}

/// Welch's t of two samples: how many standard errors their means are apart.
#[expect(clippy::cast_precision_loss, reason = "sample sizes")]
pub fn welch(a: &[f64], b: &[f64]) -> f64 {
    let moments = |sample: &[f64]| {
        let n = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / n;
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (moments(a), moments(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// A span in seconds per something that happened `count` times: a rate.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
pub fn per_second(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let sample = Latencies::new((1..=100).rev().map(|ms| ms * 1_000_000).collect());
        assert!((sample.percentile_ms(50.0) - 50.0).abs() < 1e-9);
        assert!((sample.percentile_ms(99.0) - 99.0).abs() < 1e-9);
        assert!((sample.percentile_ms(100.0) - 100.0).abs() < 1e-9);
        assert!(Latencies::default().percentile_ms(50.0).is_nan());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((Runs::new(vec![3.0, 1.0, 2.0]).median() - 2.0).abs() < 1e-9);
        assert!((Runs::new(vec![4.0, 1.0, 2.0, 3.0]).median() - 2.5).abs() < 1e-9);
    }

    #[test]
    fn welch_agrees_with_a_worked_example() {
        // Means 20.8 and 23.0, variances 7.9 and 3.8 of 15 values each (a text-book example: t = -2.46).
        let a = [
            27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7,
            21.4,
        ];
        let b = [
            27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5,
            24.4,
        ];
        assert!((welch(&a, &b) + 2.46).abs() < 0.01, "{}", welch(&a, &b));
    }
}
