//! How long single answers took.

use std::time::Duration;

use serde::Serialize;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Latency {
    /// Half were faster.
    pub(super) p50_ms: f64,
    /// 95 of 100 were faster.
    pub(super) p95_ms: f64,
    /// 99 of 100 were faster.
    pub(super) p99_ms: f64,
    /// The slowest.
    pub(super) max_ms: f64,
}

impl Latency {
    /// The percentiles of `times`.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| {
            let place = (times.len() * share / 1000).min(times.len().saturating_sub(1));
            times
                .get(place)
                .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        Self {
            p50_ms: at(500),
            p95_ms: at(950),
            p99_ms: at(990),
            max_ms: at(1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = (1..=1000).rev().map(Duration::from_millis).collect();
        let latency = Latency::of(times);
        assert_eq!(
            (latency.p50_ms, latency.p99_ms, latency.max_ms),
            (501.0, 991.0, 1000.0)
        );
        assert_eq!(Latency::of(Vec::new()).max_ms, 0.0);
    }
}
