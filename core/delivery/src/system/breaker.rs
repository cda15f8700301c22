//! The circuit breaker: after so many attempts in a row that say that a system is away, it is left alone for a while; then
//! one attempt at a time finds out whether it is back.

use std::time::Duration;

use crate::Timestamp;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    failures: u32,
    open_for: Duration,
    max_open_for: Duration,
}

/// Why a breaker makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError {
    /// It would always be open.
    #[error("`failures` must be 1 to 10000")]
    Failures,
    /// Too short or too long.
    #[error("`open-for` must be at least 10ms and at most `max-open-for`, and that at most 1d")]
    OpenFor,
}

impl BreakerPolicy {
    /// Failures in a row, where nothing is said.
    pub const FAILURES: u32 = 10;
    /// How long it is open at first, where nothing is said.
    pub const OPEN_FOR: Duration = Duration::from_secs(1);
    /// The longest that it is open, where nothing is said.
    pub const MAX_OPEN_FOR: Duration = Duration::from_secs(30);

    /// A policy within bounds: opens after so many failures in a row, for so long at first and, each time that the system
    /// is found away still, twice as long, up to the longest.
    pub fn try_new(failures: u32, open_for: Duration, max_open_for: Duration) -> Result<Self, BreakerError> {
        const LONGEST: Duration = Duration::from_secs(24 * 3600);
        if !(1..=10_000).contains(&failures) {
            return Err(BreakerError::Failures);
        }
        if open_for < Duration::from_millis(10) || open_for > max_open_for || max_open_for > LONGEST {
            return Err(BreakerError::OpenFor);
        }
        Ok(Self { failures, open_for, max_open_for })
    }
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { failures: Self::FAILURES, open_for: Self::OPEN_FOR, max_open_for: Self::MAX_OPEN_FOR }
    }
}

/// What an attempt says about its system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answered; a refusal is an answer.
    Alive,
    /// It refused the connection, was silent for too long, or said itself that it cannot work now.
    Away,
    /// Nothing: it was not asked, or not waited for.
    Nothing,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may, and so may others.
    Free,
    /// It may, alone.
    Probe,
    /// It may not before this time; then one may.
    NotBefore(Timestamp),
}

/// A breaker at work.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
    probes: u64,
}

/// The one attempt that finds out whether the system is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe(u64);

#[derive(Debug, Clone)]
enum State {
    Closed { failures: u32 },
    Open { since: Timestamp, lasts: Duration, probe: Option<Probe> },
}

impl Breaker {
    /// A closed one.
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: State::Closed { failures: 0 }, probes: 0 }
    }

    /// Another policy from the next failure on.
    pub(super) fn set_policy(&mut self, policy: BreakerPolicy) {
        self.policy = policy;
    }

    /// Whether the system is taken to be away.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether an attempt may begin. While a probe is under way, whoever comes waits as long again.
    pub(super) fn passage(&self, now: Timestamp) -> Passage {
        match self.state {
            State::Closed { .. } => Passage::Free,
            State::Open { since, lasts, probe } => {
                let ends = since.plus(lasts);
                // A clock that was set back tells nothing of how long it has been.
                let over = ends <= now || since > now;
                match (over, probe) {
                    (true, None) => Passage::Probe,
                    (true, Some(_)) => Passage::NotBefore(now.plus(self.policy.open_for)),
                    (false, _) => Passage::NotBefore(ends),
                }
            }
        }
    }

    /// An attempt begins, as the probe where one may.
    pub(super) fn begin(&mut self, now: Timestamp) -> Option<Probe> {
        if self.passage(now) != Passage::Probe {
            return None;
        }
        self.probes += 1;
        let begun = Some(Probe(self.probes));
        if let State::Open { probe, .. } = &mut self.state {
            *probe = begun;
        }
        begun
    }

    /// An attempt ended. Those that began before it opened do not lengthen its time.
    pub(super) fn end(&mut self, ended: Option<Probe>, sign: Sign, now: Timestamp) {
        match (sign, &mut self.state) {
            (Sign::Alive, _) => self.state = State::Closed { failures: 0 },
            (Sign::Away, State::Closed { failures }) => {
                *failures += 1;
                if *failures >= self.policy.failures {
                    self.state = State::Open { since: now, lasts: self.policy.open_for, probe: None };
                }
            }
            (_, State::Open { since, lasts, probe }) if probe.is_some() && *probe == ended => {
                *probe = None;
                if sign == Sign::Away {
                    *since = now;
                    *lasts = lasts.saturating_mul(2).min(self.policy.max_open_for);
                }
            }
            (Sign::Away | Sign::Nothing, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn after(ms: u64) -> Timestamp {
        NOW.plus(Duration::from_millis(ms))
    }

    fn breaker() -> Breaker {
        let ms = Duration::from_millis;
        Breaker::new(BreakerPolicy::try_new(3, ms(1000), ms(3000)).unwrap())
    }

    fn opened() -> Breaker {
        let mut breaker = breaker();
        (0..3).for_each(|_| breaker.end(None, Sign::Away, NOW));
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_and_not_otherwise() {
        let mut breaker = breaker();
        for sign in [Sign::Away, Sign::Away, Sign::Alive, Sign::Away, Sign::Nothing, Sign::Away] {
            breaker.end(None, sign, NOW);
            assert_eq!(breaker.passage(NOW), Passage::Free);
        }
        breaker.end(None, Sign::Away, NOW);
        assert_eq!(breaker.passage(NOW), Passage::NotBefore(after(1000)));
    }

    #[test]
    fn one_probe_finds_out() {
        let mut breaker = opened();
        assert_eq!(breaker.begin(after(999)), None, "what was claimed before goes on");
        let probe = breaker.begin(after(1000));
        assert!(probe.is_some());
        assert_eq!(breaker.passage(after(1000)), Passage::NotBefore(after(2000)), "one at a time");
        assert_eq!(breaker.begin(after(1000)), None);
        breaker.end(probe, Sign::Alive, after(1001));
        assert_eq!((breaker.passage(after(1001)), breaker.is_open()), (Passage::Free, false));
    }

    #[test]
    fn stays_open_longer_each_time_up_to_the_longest() {
        let mut breaker = opened();
        let mut now = 0;
        for lasts in [1000, 2000, 3000, 3000] {
            assert_eq!(breaker.passage(after(now)), Passage::NotBefore(after(now + lasts)));
            now += lasts;
            let probe = breaker.begin(after(now));
            breaker.end(probe, Sign::Away, after(now));
        }
    }

    #[test]
    fn late_failures_do_not_count_twice_and_any_answer_is_proof_of_life() {
        let mut breaker = opened();
        breaker.end(None, Sign::Away, after(900));
        assert_eq!(breaker.passage(after(1000)), Passage::Probe);
        breaker.end(None, Sign::Alive, after(950));
        assert_eq!(breaker.passage(after(950)), Passage::Free);
    }

    #[test]
    fn a_probe_that_tells_nothing_makes_way_for_the_next() {
        let mut breaker = opened();
        let probe = breaker.begin(after(1000));
        breaker.end(probe, Sign::Nothing, after(1001));
        assert_eq!(breaker.passage(after(1001)), Passage::Probe);
    }

    #[test]
    fn policies_out_of_bounds_are_refused() {
        let s = Duration::from_secs;
        assert_eq!(BreakerPolicy::try_new(0, s(1), s(1)), Err(BreakerError::Failures));
        assert_eq!(BreakerPolicy::try_new(1, s(0), s(1)), Err(BreakerError::OpenFor));
        assert_eq!(BreakerPolicy::try_new(1, s(2), s(1)), Err(BreakerError::OpenFor));
        assert_eq!(BreakerPolicy::try_new(1, s(2), s(100_000)), Err(BreakerError::OpenFor));
    }

    proptest! {
        /// Whatever happens, no more than one probe is under way, and an open breaker lets the next one through in time.
        #[test]
        fn never_stuck(steps in prop::collection::vec((0..2000_u64, 0..4_u8, any::<bool>()), 1..80)) {
            let mut breaker = breaker();
            let (mut now, mut probes) = (0_u64, Vec::new());
            for (pause, step, back) in steps {
                now = if back { now.saturating_sub(pause) } else { now + pause };
                let sign = [Sign::Alive, Sign::Away, Sign::Nothing][usize::from(step) % 3];
                if step == 3 {
                    probes.extend(breaker.begin(after(now)));
                } else {
                    breaker.end(probes.pop(), sign, after(now));
                    probes.clear();
                }
                prop_assert!(probes.len() <= 1);
                if let Passage::NotBefore(then) = breaker.passage(after(now)) {
                    prop_assert!(then > after(now) && then.since(after(now)) <= Duration::from_secs(3));
                    prop_assert!(!probes.is_empty() || breaker.passage(then) == Passage::Probe);
                }
            }
        }
    }
}
