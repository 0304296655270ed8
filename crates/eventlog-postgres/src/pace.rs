//! How large a group should be, found out by trying.
//!
//! Of the appends that are waited for, all can go together, or one half is gathered while the
//! other is under way. The first is faster where a commit costs much whatever is in it (a slow
//! disk, a distant standby), the second where the server's work on each event counts most.

use std::time::Duration;

use tokio::time::Instant;

/// Time for which a way is tried before it is judged.
const TRIAL: Duration = Duration::from_millis(50);
/// One trial of so many goes to the way that was slower last time.
const SECOND_LOOK: u32 = 12;
/// What a new measurement counts beside the earlier ones.
const NEWEST: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Halves,
}

pub(crate) struct Pace {
    way: Way,
    /// Appends per second of each way, where it has been tried.
    rates: [Option<f64>; 2],
    trials: u32,
    since: Instant,
    landed: usize,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            way: Way::Whole,
            rates: [None; 2],
            trials: 0,
            since: now,
            landed: 0,
        }
    }

    /// How many appends make a group, if so many are waited for.
    pub(crate) fn goal(&self, waited_for: usize) -> usize {
        match self.way {
            Way::Whole => waited_for,
            Way::Halves => waited_for.div_ceil(2),
        }
    }

    /// So many appends were recorded.
    pub(crate) fn landed(&mut self, appends: usize, now: Instant) {
        self.landed += appends;
        let elapsed = now.duration_since(self.since);
        if elapsed < TRIAL {
            return;
        }
        let rate = self.landed as f64 / elapsed.as_secs_f64();
        let known = &mut self.rates[self.way as usize];
        *known = Some(known.map_or(rate, |known| known + NEWEST * (rate - known)));
        self.trials += 1;
        self.way = self.next();
        self.since = now;
        self.landed = 0;
    }

    fn next(&self) -> Way {
        let [whole, halves] = self.rates;
        let (better, other) = match (whole, halves) {
            (None, _) => return Way::Whole,
            (_, None) => return Way::Halves,
            (Some(whole), Some(halves)) if halves > whole => (Way::Halves, Way::Whole),
            _ => (Way::Whole, Way::Halves),
        };
        if self.trials.is_multiple_of(SECOND_LOOK) {
            other
        } else {
            better
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 100 trials, how many went to halves, if the ways have these rates.
    fn halves_of_100(whole: usize, halves: usize) -> usize {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut count = 0;
        for _ in 0..100 {
            let is_halves = pace.goal(64) == 32;
            count += usize::from(is_halves);
            now += TRIAL;
            pace.landed(if is_halves { halves } else { whole }, now);
        }
        count
    }

    #[test]
    fn the_faster_way_is_taken_and_the_other_looked_at_now_and_then() {
        assert!((5..12).contains(&halves_of_100(900, 500)));
        assert!((88..95).contains(&halves_of_100(500, 900)));
    }

    #[test]
    fn a_single_append_never_waits_for_another() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(pace.goal(1), 1);
        pace.landed(1, now + TRIAL);
        assert_eq!(pace.goal(1), 1);
    }
}
