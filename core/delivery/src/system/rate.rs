//! A system's pace: so many attempts a while, and so many at once after a pause. A token bucket, kept as the one instant at
//! which it is full again.

use std::time::Duration;

use crate::Timestamp;

/// How often a system may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds between two attempts.
    interval: i64,
    burst: u32,
}

/// Why a rate makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// None at all, or more than anyone counts.
    #[error("a rate is one attempt a day at least, and a million a second at most")]
    Rate,
    /// Not even one.
    #[error("`burst` must be 1 to 1000000")]
    Burst,
}

/// The least interval, in nanoseconds: a million a second.
const SHORTEST: u128 = 1_000;
const A_DAY: Duration = Duration::from_secs(24 * 3600);

impl Rate {
    /// So many attempts in each of these periods, and up to `burst` at once; without one, what a second brings.
    pub fn try_new(attempts: u32, period: Duration, burst: Option<u32>) -> Result<Self, RateError> {
        let interval = period.as_nanos().checked_div(u128::from(attempts)).ok_or(RateError::Rate)?;
        if !(SHORTEST..=A_DAY.as_nanos()).contains(&interval) {
            return Err(RateError::Rate);
        }
        let a_second = u32::try_from(1_000_000_000 / interval).unwrap_or(1).max(1);
        let burst = burst.unwrap_or(a_second);
        if !(1..=1_000_000).contains(&burst) {
            return Err(RateError::Burst);
        }
        Ok(Self { interval: i64::try_from(interval).unwrap_or(i64::MAX), burst })
    }

    fn times(&self, attempts: u32) -> i64 {
        self.interval.saturating_mul(i64::from(attempts))
    }
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: Rate,
    /// When it is full again, in nanoseconds since 1970.
    full_at: i64,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, full_at: i64::MIN }
    }

    /// Another rate from now on; what was used stays used.
    pub(super) fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// How many attempts may begin now.
    pub(super) fn available(&self, now: Timestamp) -> u32 {
        let missing = self.missing(now);
        let left = self.rate.times(self.rate.burst).saturating_sub(missing) / self.rate.interval;
        u32::try_from(left).unwrap_or(0)
    }

    /// When so many may begin, as many as `burst` at most.
    pub(super) fn when(&self, attempts: u32, now: Timestamp) -> Timestamp {
        let held_back = self.rate.burst.saturating_sub(attempts);
        let wait = self.missing(now).saturating_sub(self.rate.times(held_back));
        now.plus(Duration::from_nanos(u64::try_from(wait).unwrap_or(0).next_multiple_of(1000)))
    }

    /// When it is worth while to look again after nothing was available: not for each single one of a quick succession.
    pub(super) fn look_again(&self, now: Timestamp) -> Timestamp {
        const OFTEN_ENOUGH: i64 = 50_000_000;
        let meanwhile = u32::try_from(OFTEN_ENOUGH / self.rate.interval).unwrap_or(u32::MAX);
        self.when(meanwhile.clamp(1, self.rate.burst), now)
    }

    /// An attempt begins now, whether or not it may.
    pub(super) fn take(&mut self, now: Timestamp) {
        let full_at = nanos(now).saturating_add(self.missing(now));
        self.full_at = full_at.saturating_add(self.rate.interval);
    }

    /// Takes the turn of an attempt that can wait so long, and tells when that is; otherwise when it would be.
    pub(super) fn reserve(&mut self, now: Timestamp, patience: Duration) -> Result<Timestamp, Timestamp> {
        let turn = self.when(1, now);
        if turn.since(now) > patience {
            return Err(turn);
        }
        self.take(now);
        Ok(turn)
    }

    /// Nanoseconds until it is full. What lies further ahead than anyone reserves comes from a clock that was set back.
    fn missing(&self, now: Timestamp) -> i64 {
        let reserved = i64::try_from(super::SystemPolicy::LONGEST_WAIT.as_nanos()).unwrap_or(i64::MAX);
        let longest = self.rate.times(self.rate.burst).saturating_add(reserved);
        self.full_at.saturating_sub(nanos(now)).clamp(0, longest)
    }
}

fn nanos(time: Timestamp) -> i64 {
    time.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn after(ms: u64) -> Timestamp {
        NOW.plus(Duration::from_millis(ms))
    }

    fn rate(attempts: u32, burst: u32) -> Bucket {
        Bucket::new(Rate::try_new(attempts, Duration::from_secs(1), Some(burst)).unwrap())
    }

    #[test]
    fn a_burst_and_then_one_after_the_other() {
        let mut bucket = rate(10, 3);
        assert_eq!(bucket.available(NOW), 3);
        for left in [2, 1, 0] {
            bucket.take(NOW);
            assert_eq!(bucket.available(NOW), left);
        }
        assert_eq!(bucket.when(1, NOW), after(100));
        assert_eq!((bucket.available(after(99)), bucket.available(after(100))), (0, 1));
        assert_eq!(bucket.available(after(250)), 2);
        assert_eq!(bucket.available(after(60_000)), 3);
    }

    #[test]
    fn who_can_wait_gets_a_turn_and_who_cannot_is_told_when() {
        let mut bucket = rate(10, 1);
        let second = Duration::from_secs(1);
        assert_eq!(bucket.reserve(NOW, Duration::ZERO), Ok(NOW));
        assert_eq!(bucket.reserve(NOW, Duration::ZERO), Err(after(100)));
        assert_eq!(bucket.reserve(NOW, second), Ok(after(100)));
        assert_eq!(bucket.reserve(NOW, second), Ok(after(200)));
        assert_eq!(bucket.reserve(NOW, Duration::from_millis(299)), Err(after(300)));
        assert_eq!(bucket.available(after(299)), 0, "turns that were given are gone");
    }

    #[test]
    fn quick_ones_are_looked_at_together() {
        let mut bucket = rate(1000, 1000);
        (0..1000).for_each(|_| bucket.take(NOW));
        assert_eq!(bucket.look_again(NOW), after(50));
        let mut bucket = rate(1000, 5);
        (0..5).for_each(|_| bucket.take(NOW));
        assert_eq!(bucket.look_again(NOW), after(5));
        let mut bucket = rate(2, 1);
        bucket.take(NOW);
        assert_eq!(bucket.look_again(NOW), after(500));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_up_nobody_for_long() {
        let mut bucket = rate(10, 1);
        bucket.take(after(3_600_000));
        assert!(bucket.when(1, NOW) <= after(61_000));
    }

    #[test]
    fn rates_out_of_bounds_are_refused() {
        let second = Duration::from_secs(1);
        assert_eq!(Rate::try_new(0, second, None), Err(RateError::Rate));
        assert_eq!(Rate::try_new(2_000_000, second, None), Err(RateError::Rate));
        assert_eq!(Rate::try_new(1, A_DAY + second, None), Err(RateError::Rate));
        assert_eq!(Rate::try_new(1, second, Some(0)), Err(RateError::Burst));
        assert_eq!(Rate::try_new(50, second, None).map(|rate| rate.burst), Ok(50));
        assert_eq!(Rate::try_new(1, A_DAY, None).map(|rate| rate.burst), Ok(1));
    }

    proptest! {
        /// In no stretch of time do more begin than the rate and the burst allow.
        #[test]
        fn the_rate_is_kept(steps in prop::collection::vec((0..300_u64, 0..20_u32), 1..60), attempts in 1..200_u32, burst in 1..20_u32) {
            let mut bucket = rate(attempts, burst);
            let (mut now, mut begun) = (0, Vec::new());
            for (pause, wanted) in steps {
                now += pause;
                for _ in 0..wanted.min(bucket.available(after(now))) {
                    bucket.take(after(now));
                    begun.push(now);
                }
            }
            for (index, first) in begun.iter().enumerate() {
                for (count, last) in begun[index..].iter().enumerate() {
                    let allowed = f64::from(burst) + (last - first) as f64 * f64::from(attempts) / 1000.0;
                    prop_assert!((count + 1) as f64 <= allowed + 1e-6, "{} from {first} to {last}", count + 1);
                }
            }
        }
    }
}
