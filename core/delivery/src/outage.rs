//! What is away for a while, or goes wrong again and again: told when it begins, when its reason is another, and when it is
//! over, and not at each of the many times at which it is noticed.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Whether it is, and since when.
#[derive(Debug, Default)]
pub struct Outage(Mutex<Option<(Instant, String)>>);

impl Outage {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is so, for this reason. Whether that is news.
    pub fn is_news(&self, reason: &str, now: Instant) -> bool {
        let mut outage = self.lock();
        match &mut *outage {
            Some((_, known)) if known == reason => false,
            Some((_, known)) => {
                reason.clone_into(known);
                true
            }
            None => {
                *outage = Some((now, reason.to_owned()));
                true
            }
        }
    }

    /// It is so no more. How long it was, if it was.
    pub fn is_over(&self, now: Instant) -> Option<Duration> {
        self.lock().take().map(|(since, _)| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_when_it_begins_changes_and_ends() {
        let (outage, start) = (Outage::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        assert_eq!(outage.is_over(start), None, "it never was");
        assert!(outage.is_news("refused", start));
        assert!(!outage.is_news("refused", at(1)));
        assert!(outage.is_news("no answer", at(2)));
        assert!(!outage.is_news("no answer", at(3)));
        assert_eq!(outage.is_over(at(10)), Some(Duration::from_secs(10)));
        assert_eq!(outage.is_over(at(11)), None);
        assert!(outage.is_news("no answer", at(12)));
    }
}
