//! What a system bears: how many attempts at a time and in a while, when none, and whether it is there at all. The gate puts
//! that together: an attempt begins only where it lets one through.

mod breaker;
mod rate;
pub mod window;

use std::time::Duration;

pub use breaker::{BreakerError, BreakerPolicy, Probe, Sign};
pub use rate::{Rate, RateError};
pub use window::{Maintenance, Window};

use breaker::{Breaker, Passage};
use rate::Bucket;

use crate::Timestamp;

/// How a system may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPolicy {
    /// Attempts from the queue at a time.
    pub concurrency: usize,
    /// Attempts in a while; `None` for as many as come.
    pub rate: Option<Rate>,
    /// How long a caller waits for its turn.
    pub max_wait: Duration,
    /// `None`: however many attempts fail, the next one begins.
    pub breaker: Option<BreakerPolicy>,
    /// When it is not asked.
    pub maintenance: Maintenance,
}

impl SystemPolicy {
    /// What `max_wait` may be, at most.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
}

impl Default for SystemPolicy {
    fn default() -> Self {
        Self {
            concurrency: 32,
            rate: None,
            max_wait: Duration::from_secs(1),
            breaker: Some(BreakerPolicy::default()),
            maintenance: Maintenance::default(),
        }
    }
}

/// Why no attempt begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// It is in maintenance until then.
    Maintenance(Timestamp),
    /// It is away; whether it is back is found out then.
    Away(Timestamp),
}

impl Shut {
    /// When to look again.
    pub fn until(self) -> Timestamp {
        match self {
            Self::Maintenance(until) | Self::Away(until) => until,
        }
    }
}

/// Why a caller's attempt does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// None does.
    Shut(Shut),
    /// Its turn would come only then.
    TooMany(Timestamp),
}

/// How many attempts from the queue may begin, concurrency aside, and when that changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// So many.
    pub attempts: usize,
    /// When there may be more, where there are none.
    pub look_again: Option<Timestamp>,
}

/// A system's policy at work.
#[derive(Debug, Clone)]
pub struct Gate {
    policy: SystemPolicy,
    breaker: Option<Breaker>,
    bucket: Option<Bucket>,
}

impl Gate {
    /// To a system of which nothing is known yet.
    pub fn new(policy: SystemPolicy) -> Self {
        let breaker = policy.breaker.map(Breaker::new);
        let bucket = policy.rate.map(Bucket::new);
        Self { policy, breaker, bucket }
    }

    /// Another policy; what is known of the system stays known.
    pub fn set_policy(&mut self, policy: SystemPolicy) {
        self.breaker = policy.breaker.map(|new| {
            let mut breaker = self.breaker.take().unwrap_or_else(|| Breaker::new(new));
            breaker.set_policy(new);
            breaker
        });
        self.bucket = policy.rate.map(|new| {
            let mut bucket = self.bucket.take().unwrap_or_else(|| Bucket::new(new));
            bucket.set_rate(new);
            bucket
        });
        self.policy = policy;
    }

    /// The policy.
    pub fn policy(&self) -> &SystemPolicy {
        &self.policy
    }

    /// Whether the system is taken to be away, also while a probe finds out.
    pub fn is_away(&self) -> bool {
        self.breaker.as_ref().is_some_and(Breaker::is_open)
    }

    /// Why no attempt begins now.
    pub fn shut(&self, now: Timestamp) -> Option<Shut> {
        if let Some(until) = self.policy.maintenance.until(now) {
            return Some(Shut::Maintenance(until));
        }
        match self.breaker.as_ref()?.passage(now) {
            Passage::NotBefore(until) => Some(Shut::Away(until)),
            Passage::Free | Passage::Probe => None,
        }
    }

    /// What may begin from the queue.
    pub fn room(&self, now: Timestamp) -> Room {
        if let Some(shut) = self.shut(now) {
            return Room { attempts: 0, look_again: Some(shut.until()) };
        }
        let by_rate = self.bucket.map_or(usize::MAX, |b| usize::try_from(b.available(now)).unwrap_or(0));
        let attempts = if self.is_away() { by_rate.min(1) } else { by_rate };
        let look_again = self.bucket.filter(|_| attempts == 0).map(|bucket| bucket.look_again(now));
        Room { attempts, look_again }
    }

    /// An attempt begins that was let through: [`Gate::room`] had room for it.
    pub fn begin(&mut self, now: Timestamp) -> Option<Probe> {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        self.breaker.as_mut()?.begin(now)
    }

    /// A caller's attempt, which can wait so long: when it begins.
    pub fn admit(
        &mut self,
        now: Timestamp,
        patience: Duration,
    ) -> Result<(Timestamp, Option<Probe>), Refused> {
        if let Some(shut) = self.shut(now) {
            return Err(Refused::Shut(shut));
        }
        let turn = match &mut self.bucket {
            Some(bucket) => {
                bucket.reserve(now, patience.min(self.policy.max_wait)).map_err(Refused::TooMany)?
            }
            None => now,
        };
        Ok((turn, self.breaker.as_mut().and_then(|breaker| breaker.begin(now))))
    }

    /// An attempt ended. Whether the system is taken to be away differs from before where this returns true.
    pub fn end(&mut self, probe: Option<Probe>, sign: Sign, now: Timestamp) -> bool {
        let before = self.is_away();
        if let Some(breaker) = &mut self.breaker {
            breaker.end(probe, sign, now);
        }
        before != self.is_away()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn after(ms: u64) -> Timestamp {
        NOW.plus(Duration::from_millis(ms))
    }

    fn gate() -> Gate {
        let ms = Duration::from_millis;
        Gate::new(SystemPolicy {
            rate: Rate::try_new(10, ms(1000), Some(4)).ok(),
            breaker: BreakerPolicy::try_new(2, ms(1000), ms(8000)).ok(),
            max_wait: ms(250),
            ..SystemPolicy::default()
        })
    }

    fn away(gate: &mut Gate) {
        assert!(!gate.end(None, Sign::Away, NOW));
        assert!(gate.end(None, Sign::Away, NOW));
    }

    #[test]
    fn the_queue_gets_what_the_rate_leaves_and_one_probe() {
        let mut gate = gate();
        assert_eq!(gate.room(NOW), Room { attempts: 4, look_again: None });
        (0..4).for_each(|_| assert_eq!(gate.begin(NOW), None));
        assert_eq!(gate.room(NOW), Room { attempts: 0, look_again: Some(after(100)) });
        away(&mut gate);
        assert_eq!(gate.room(after(400)), Room { attempts: 0, look_again: Some(after(1000)) });
        assert_eq!(gate.room(after(1000)), Room { attempts: 1, look_again: None });
        let probe = gate.begin(after(1000));
        assert!(probe.is_some());
        assert_eq!(gate.room(after(1000)).attempts, 0);
        assert!(gate.end(probe, Sign::Alive, after(1100)));
        assert_eq!(gate.room(after(2000)).attempts, 4);
    }

    #[test]
    fn callers_wait_their_turn_or_are_told_when() {
        let mut gate = gate();
        let patience = Duration::from_secs(9);
        for turn in [0, 0, 0, 0, 100, 200] {
            assert_eq!(gate.admit(NOW, patience), Ok((after(turn), None)));
        }
        assert_eq!(gate.admit(NOW, patience), Err(Refused::TooMany(after(300))), "longer than max-wait");
        assert_eq!(gate.admit(after(200), Duration::ZERO), Err(Refused::TooMany(after(300))));
        away(&mut gate);
        assert_eq!(gate.admit(NOW, patience), Err(Refused::Shut(Shut::Away(after(1000)))));
        assert!(gate.admit(after(1000), patience).is_ok_and(|(_, probe)| probe.is_some()));
        assert!(matches!(gate.admit(after(1000), patience), Err(Refused::Shut(Shut::Away(_)))));
    }

    #[test]
    fn a_new_policy_keeps_what_is_known() {
        let mut gate = gate();
        away(&mut gate);
        (0..4).for_each(|_| assert_eq!(gate.begin(NOW), None));
        gate.set_policy(SystemPolicy { concurrency: 3, ..gate.policy().clone() });
        assert!(gate.is_away());
        assert!(matches!(gate.shut(NOW), Some(Shut::Away(_))));
        gate.set_policy(SystemPolicy { breaker: None, ..gate.policy().clone() });
        assert_eq!((gate.is_away(), gate.room(NOW).attempts), (false, 0), "the rate's turns stay used");
        gate.set_policy(SystemPolicy { rate: None, ..gate.policy().clone() });
        assert_eq!(gate.room(NOW).attempts, usize::MAX);
    }

    #[test]
    fn nothing_begins_in_maintenance() {
        let window = Window {
            zone: jiff::tz::TimeZone::UTC,
            weekdays: Vec::new(),
            dates: Vec::new(),
            except: Vec::new(),
            from: jiff::civil::Time::midnight(),
            to: jiff::civil::time(6, 0, 0, 0),
        };
        let mut gate =
            Gate::new(SystemPolicy { maintenance: Maintenance(vec![window]), ..SystemPolicy::default() });
        let midnight = Timestamp(NOW.0 - NOW.0 % 86_400_000_000);
        let six = midnight.plus(Duration::from_secs(6 * 3600));
        let shut = Shut::Maintenance(six);
        assert_eq!(gate.shut(midnight), Some(shut));
        assert_eq!(gate.admit(midnight, Duration::MAX), Err(Refused::Shut(shut)));
        assert_eq!(gate.room(midnight), Room { attempts: 0, look_again: Some(six) });
        assert_eq!(gate.shut(six), None);
    }
}
