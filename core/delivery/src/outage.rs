//! What is away for a while, or goes wrong again and again: told when it begins, when it has a reason that was not told yet, and
//! when it is over, and not at each of the many times at which it is noticed.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Reasons of an outage that are told, at most: then it is known to be manifold.
const MOST: usize = 8;

/// Whether it is, since when, and what was told of it.
#[derive(Debug, Default)]
pub struct Outage(Mutex<Option<(Instant, Vec<String>)>>);

impl Outage {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Vec<String>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is so, for this reason. Whether that is news.
    pub fn is_news(&self, reason: &str, now: Instant) -> bool {
        let mut outage = self.lock();
        let (_, told) = outage.get_or_insert_with(|| (now, Vec::new()));
        // How long somebody waited makes no other reason.
        let reason: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
        let news = told.len() < MOST && !told.contains(&reason);
        if news {
            told.push(reason);
        }
        news
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
        assert!(outage.is_news("no answer within 5s", at(2)));
        assert!(!outage.is_news("no answer within 4s", at(3)));
        assert!(!outage.is_news("refused", at(4)), "reasons take turns, and each was told");
        assert_eq!(outage.is_over(at(10)), Some(Duration::from_secs(10)));
        assert_eq!(outage.is_over(at(11)), None);
        assert!(outage.is_news("no answer", at(12)));
    }
}
