//! What a failed attempt means: again later, an answer for the caller, or a dead letter. One pure function, which is the
//! table "What a crash or a silence means" of the design; the only place where `backoff` is used.

use std::time::Duration;

use backoff::{ExponentialBackoffBuilder, SystemClock, backoff::Backoff, exponential::ExponentialBackoff};

use crate::{DeadLetter, Failure, FaultClass, Idempotency, Mode, Party, Status, Timestamp};

/// The longest wait between two attempts, whatever a system asks for (`Retry-After`).
const LONGEST_BACKOFF: Duration = Duration::from_secs(24 * 3600);

/// Attempts of a policy, at most.
const MOST_ATTEMPTS: u32 = 1000;

/// When and how often to try again; names and meaning of gRPC's service config (gRFC A6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    max_attempts: u32,
    initial_backoff: Duration,
    max_backoff: Duration,
    multiplier: f64,
    jitter: f64,
}

/// Why a retry policy makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not even one attempt.
    #[error("`max-attempts` must be 1 to 1000")]
    MaxAttempts,
    /// Zero, or longer than the longest.
    #[error("`initial-backoff` must be at least 1ms and at most `max-backoff`")]
    InitialBackoff,
    /// Longer than a day.
    #[error("`max-backoff` must be at most 1d")]
    MaxBackoff,
    /// It would shrink, or explode.
    #[error("`backoff-multiplier` must be 1 to 100")]
    Multiplier,
}

impl RetryPolicy {
    /// How far an interval may lie from the computed one, either way, so that gateways do not knock together.
    pub const JITTER: f64 = 0.2;

    /// One attempt, no more.
    pub const NEVER: Self = Self {
        max_attempts: 1,
        initial_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(5),
        multiplier: 2.0,
        jitter: Self::JITTER,
    };

    /// A policy within bounds.
    pub fn try_new(
        max_attempts: u32,
        initial_backoff: Duration,
        max_backoff: Duration,
        multiplier: f64,
    ) -> Result<Self, PolicyError> {
        if !(1..=MOST_ATTEMPTS).contains(&max_attempts) {
            return Err(PolicyError::MaxAttempts);
        }
        if max_backoff > LONGEST_BACKOFF {
            return Err(PolicyError::MaxBackoff);
        }
        if initial_backoff < Duration::from_millis(1) || initial_backoff > max_backoff {
            return Err(PolicyError::InitialBackoff);
        }
        if !(1.0..=100.0).contains(&multiplier) {
            return Err(PolicyError::Multiplier);
        }
        Ok(Self { max_attempts, initial_backoff, max_backoff, multiplier, jitter: Self::JITTER })
    }

    /// The same with another jitter, 0 to 1; tests take 0.
    #[must_use]
    pub fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter.clamp(0.0, 1.0);
        self
    }

    /// The same without a last attempt: for what fails while its system is away.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.max_attempts = u32::MAX;
        self
    }

    /// Attempts at most.
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// How long to wait after this attempt (from 1) failed.
    pub fn interval(&self, attempt: u32) -> Duration {
        let mut intervals: ExponentialBackoff<SystemClock> = ExponentialBackoffBuilder::new()
            .with_initial_interval(self.initial_backoff)
            .with_max_interval(self.max_backoff)
            .with_multiplier(self.multiplier)
            .with_randomization_factor(self.jitter)
            .with_max_elapsed_time(None)
            .build();
        // Once the longest is reached the rest is alike.
        for _ in 1..attempt.min(self.max_attempts).min(MOST_ATTEMPTS) {
            intervals.next_backoff();
        }
        intervals.next_backoff().unwrap_or(self.max_backoff).min(self.max_backoff)
    }
}

/// What a failed attempt means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The next attempt may begin then.
    RetryAt {
        /// When.
        due: Timestamp,
        /// Why this one failed, for the ledger.
        failure: Failure,
    },
    /// The message ends with this failure.
    Finish(Failure),
    /// A person must look at it.
    Bury(DeadLetter),
}

/// Decides on an attempt (from 1) that failed.
///
/// When the attempts of an operation are used up, it is a dead letter: somebody still expects its answer. A caller of
/// request-reply is there and is told; what is known not to have been done needs nobody's attention.
pub fn decide(
    policy: &RetryPolicy,
    idempotency: &Idempotency,
    mode: Mode,
    attempt: u32,
    deadline: Option<Timestamp>,
    failure: Failure,
    now: Timestamp,
) -> Decision {
    let may_repeat = match failure.class {
        FaultClass::Unsent | FaultClass::NotDone => true,
        FaultClass::Unknown => idempotency.may_repeat(),
        FaultClass::Request | FaultClass::Refused | FaultClass::Expired => return Decision::Finish(failure),
        FaultClass::Reply => return bury(failure, Party::System),
        FaultClass::Poison | FaultClass::Internal => return bury(failure, Party::Gateway),
    };
    if !may_repeat {
        return bury(failure, Party::System);
    }
    let asked = failure.retry_after.unwrap_or_default().min(LONGEST_BACKOFF);
    let due = now.plus(asked.max(policy.interval(attempt)));
    let in_time = deadline.is_none_or(|d| due < d);
    if attempt < policy.max_attempts && in_time {
        return Decision::RetryAt { due, failure };
    }
    match mode {
        Mode::Operation if in_time => bury(failure, Party::System),
        Mode::Operation => Decision::Finish(expired(failure)),
        Mode::RequestReply => Decision::Finish(exhausted(failure)),
    }
}

/// When the system is asked again that has no answer yet: after `every`, and for the last time at the deadline. `None` where
/// that was the last time.
pub fn ask_again(every: Duration, deadline: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let due = now.plus(every);
    match deadline {
        Some(deadline) if deadline <= now => None,
        Some(deadline) => Some(due.min(deadline)),
        None => Some(due),
    }
}

/// Decides on a question for the answer to a request that the system has taken, which failed. It may be repeated, whatever is
/// to be said of the request, and is until the deadline.
pub fn decide_poll(
    every: Duration,
    deadline: Option<Timestamp>,
    failure: Failure,
    now: Timestamp,
) -> Decision {
    match failure.class {
        FaultClass::Unsent | FaultClass::NotDone | FaultClass::Unknown => {
            let asked = failure.retry_after.unwrap_or_default().min(LONGEST_BACKOFF);
            match ask_again(asked.max(every), deadline, now) {
                Some(due) => Decision::RetryAt { due, failure },
                None => bury(overdue(Some(failure)), Party::System),
            }
        }
        FaultClass::Request | FaultClass::Refused | FaultClass::Expired => Decision::Finish(failure),
        FaultClass::Reply => bury(failure, Party::System),
        FaultClass::Poison | FaultClass::Internal => bury(failure, Party::Gateway),
    }
}

/// The system has taken a request, and has no answer by its deadline: what became of it is not known.
pub fn overdue(last: Option<Failure>) -> Failure {
    let message = "the system has taken the request, and gave no answer before the deadline";
    let mut failure = Failure::new(Status::DeadlineExceeded, FaultClass::Unknown, "OVERDUE", message);
    failure.advice = Some(
        "ask the system what became of it; `portolan queue retry` asks it for the answer again".to_owned(),
    );
    match last {
        Some(last) => {
            failure.metadata = last.metadata;
            failure.with("cause", last.reason)
        }
        None => failure,
    }
}

fn bury(failure: Failure, at_fault: Party) -> Decision {
    Decision::Bury(DeadLetter { failure, at_fault, reply: None })
}

/// The end of an operation whose answer would come too late; why its last attempt failed is only the cause.
fn expired(mut failure: Failure) -> Failure {
    failure.message = format!("no further attempt can begin before the deadline: {}", failure.message);
    failure.status = Status::DeadlineExceeded;
    failure.class = FaultClass::Expired;
    failure.retry_after = None;
    let cause = std::mem::replace(&mut failure.reason, "EXPIRED".to_owned());
    failure.with("cause", cause)
}

/// The last failure, as whoever may call again is told of it.
pub fn exhausted(mut failure: Failure) -> Failure {
    if failure.class != FaultClass::NotDone {
        failure.status = Status::Unavailable;
    }
    failure.retry_after = failure.retry_after.or(Some(Duration::from_secs(1)));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_asked_for_until_the_deadline_and_once_at_it() {
        let minute = Duration::from_secs(60);
        assert_eq!(ask_again(minute, None, NOW), Some(NOW.plus(minute)));
        let soon = NOW.plus(Duration::from_secs(10));
        assert_eq!(ask_again(minute, Some(soon), NOW), Some(soon));
        assert_eq!(ask_again(minute, Some(soon), soon), None);
        for class in [FaultClass::Unsent, FaultClass::NotDone, FaultClass::Unknown] {
            let failure = Failure::new(Status::Unavailable, class, "R", "m");
            let again = decide_poll(minute, Some(soon), failure.clone(), NOW);
            assert_eq!(again, Decision::RetryAt { due: soon, failure: failure.clone() });
            let Decision::Bury(letter) = decide_poll(minute, Some(soon), failure.with("route", "r"), soon)
            else {
                panic!("{class:?} is no dead letter")
            };
            assert_eq!((&*letter.failure.reason, letter.failure.class), ("OVERDUE", FaultClass::Unknown));
            assert_eq!(letter.failure.metadata["cause"], "R");
            assert_eq!(letter.failure.metadata["route"], "r");
        }
        let refused = Failure::new(Status::NotFound, FaultClass::Refused, "R", "m");
        assert_eq!(decide_poll(minute, None, refused.clone(), NOW), Decision::Finish(refused));
    }

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn policy() -> RetryPolicy {
        let ms = Duration::from_millis;
        RetryPolicy::try_new(3, ms(200), ms(5000), 2.0).unwrap().with_jitter(0.0)
    }

    #[test]
    fn the_table_of_the_design() {
        use FaultClass::*;
        let key = || Idempotency::Key("k".into());
        let check =
            |class, idempotency: Idempotency, mode, attempt, deadline_in_ms: Option<u64>, expected: &str| {
                let deadline = deadline_in_ms.map(|ms| NOW.plus(Duration::from_millis(ms)));
                let failure = Failure::new(Status::Unavailable, class, "R", "m");
                let got = match decide(&policy(), &idempotency, mode, attempt, deadline, failure, NOW) {
                    Decision::RetryAt { due, .. } => format!("again in {} ms", due.since(NOW).as_millis()),
                    Decision::Finish(f) => format!("finish {:?}", f.class),
                    Decision::Bury(d) => format!("bury {:?}", d.failure.class),
                };
                assert_eq!(
                    got, expected,
                    "{class:?} {idempotency:?} {mode:?} attempt {attempt} deadline {deadline_in_ms:?}"
                );
            };
        for mode in [Mode::RequestReply, Mode::Operation] {
            for idempotency in [Idempotency::No, Idempotency::Yes, key()] {
                check(Unsent, idempotency.clone(), mode, 1, None, "again in 200 ms");
                check(NotDone, idempotency.clone(), mode, 2, None, "again in 400 ms");
                check(Refused, idempotency.clone(), mode, 1, None, "finish Refused");
                check(Request, idempotency.clone(), mode, 1, None, "finish Request");
                check(Reply, idempotency.clone(), mode, 1, None, "bury Reply");
                check(Internal, idempotency, mode, 1, None, "bury Internal");
            }
            check(Unknown, Idempotency::No, mode, 1, None, "bury Unknown");
            check(Unknown, Idempotency::Yes, mode, 1, None, "again in 200 ms");
            check(Unknown, key(), mode, 1, None, "again in 200 ms");
            let ended = if mode == Mode::Operation { "finish Expired" } else { "finish Unsent" };
            check(Unsent, Idempotency::No, mode, 1, Some(200), ended);
            check(Unsent, Idempotency::No, mode, 1, Some(201), "again in 200 ms");
        }
        check(Unsent, Idempotency::No, Mode::RequestReply, 3, None, "finish Unsent");
        check(Unsent, Idempotency::No, Mode::Operation, 3, None, "bury Unsent");
        check(Unknown, Idempotency::Yes, Mode::Operation, 3, None, "bury Unknown");
    }

    #[test]
    fn an_operation_that_runs_out_of_time_says_so_and_why() {
        let failure =
            Failure::new(Status::Unavailable, FaultClass::Unsent, "CONNECTION_REFUSED", "not there");
        match decide(&policy(), &Idempotency::No, Mode::Operation, 1, Some(NOW), failure, NOW) {
            Decision::Finish(f) => {
                assert_eq!(
                    (f.status, f.class, &*f.reason),
                    (Status::DeadlineExceeded, FaultClass::Expired, "EXPIRED")
                );
                assert_eq!(f.metadata["cause"], "CONNECTION_REFUSED");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_system_that_asks_for_time_gets_it() {
        let failure = Failure::new(Status::Unavailable, FaultClass::NotDone, "R", "m")
            .retry_after(Duration::from_secs(9));
        match decide(&policy(), &Idempotency::No, Mode::Operation, 1, None, failure, NOW) {
            Decision::RetryAt { due, .. } => assert_eq!(due.since(NOW), Duration::from_secs(9)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_fails_while_its_system_is_away_has_no_last_attempt() {
        let failure = Failure::new(Status::Unavailable, FaultClass::Unsent, "R", "m");
        let policy = policy().without_end();
        for attempt in [1, 3, 5000] {
            let decision =
                decide(&policy, &Idempotency::No, Mode::Operation, attempt, None, failure.clone(), NOW);
            assert!(matches!(decision, Decision::RetryAt { .. }), "{attempt}: {decision:?}");
        }
        let unknown = Failure { class: FaultClass::Unknown, ..failure };
        let decision = decide(&policy, &Idempotency::No, Mode::Operation, 1, None, unknown, NOW);
        assert!(matches!(decision, Decision::Bury(_)), "which must not be repeated: {decision:?}");
    }

    #[test]
    fn intervals_rise_to_the_longest_and_stay_within_the_jitter() {
        let plain: Vec<_> = (1..8).map(|a| policy().interval(a).as_millis()).collect();
        assert_eq!(plain, [200, 400, 800, 800, 800, 800, 800], "three attempts need three intervals");
        let ms = Duration::from_millis;
        let long = RetryPolicy::try_new(20, ms(200), ms(5000), 2.0).unwrap();
        for attempt in 1..20 {
            let wanted = long.with_jitter(0.0).interval(attempt).as_secs_f64();
            let got = long.interval(attempt).as_secs_f64();
            assert!((wanted * 0.79..=wanted * 1.21).contains(&got), "{attempt}: {wanted} {got}");
        }
        assert_eq!(long.with_jitter(0.0).interval(20), ms(5000));
    }

    #[test]
    fn policies_out_of_bounds_are_refused() {
        let ms = Duration::from_millis;
        assert_eq!(RetryPolicy::try_new(0, ms(1), ms(2), 2.0), Err(PolicyError::MaxAttempts));
        assert_eq!(RetryPolicy::try_new(1, ms(3), ms(2), 2.0), Err(PolicyError::InitialBackoff));
        assert_eq!(RetryPolicy::try_new(1, ms(1), ms(90_000_000), 2.0), Err(PolicyError::MaxBackoff));
        assert_eq!(RetryPolicy::try_new(1, ms(1), ms(2), f64::NAN), Err(PolicyError::Multiplier));
    }
}
