//! How far a file is that is being taken, and what can be said from that.

use std::{sync::Arc, time::Duration};

use crate::{FileCounts, FileRecord, Timestamp};

/// A file as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// All that the ledger has of it.
    pub record: FileRecord,
    /// The system that drops it, where its route is served.
    pub system: Option<Arc<str>>,
    /// How far it is, where the gateway that is asked is at it.
    pub progress: Option<FileProgress>,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePhase {
    /// It is read for the first time: whether it is whole, and which of its messages are sound.
    Verifying,
    /// It is read once more: what is sound of it is made durable.
    Releasing,
}

impl FilePhase {
    /// As commands and the log write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verifying => "verifying",
            Self::Releasing => "releasing",
        }
    }
}

/// How far a file is. What was passed over, as an earlier time made it durable, says nothing of how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileProgress {
    /// What is done with it.
    pub phase: FilePhase,
    /// Since when: the beginning of the phase, or of what was not passed over.
    pub since: Timestamp,
    /// When this was so, by the same clock.
    pub at: Timestamp,
    /// How many bytes of it were read in this phase, as they are in the file.
    pub bytes: u64,
    /// How many of them were passed over.
    pub bytes_passed: u64,
    /// How many records were gone through in this phase.
    pub records: u64,
    /// How many of them were passed over.
    pub records_passed: u64,
    /// What became of messages so far.
    pub counts: FileCounts,
}

impl FileProgress {
    /// So short a time says nothing of how long the rest takes.
    const TOO_SHORT: Duration = Duration::from_secs(1);

    /// Records a second; `None` where it is too early to say.
    pub fn rate(&self) -> Option<u64> {
        let elapsed = self.elapsed()?.as_micros();
        let records = u128::from(self.records.checked_sub(self.records_passed)?);
        u64::try_from(records * 1_000_000 / elapsed).ok()
    }

    /// How long this phase takes yet of a file of so many bytes, if it goes on as it did; `None` where it is too early to say.
    pub fn left(&self, of_bytes: u64) -> Option<Duration> {
        let elapsed = self.elapsed()?.as_micros();
        let done = self.bytes.checked_sub(self.bytes_passed).filter(|done| *done > 0)?;
        let left = of_bytes.checked_sub(self.bytes)?;
        let micros = elapsed.checked_mul(u128::from(left))? / u128::from(done);
        u64::try_from(micros).ok().map(Duration::from_micros)
    }

    /// How much of a file of so many bytes was read, in hundredths.
    pub fn percent(&self, of_bytes: u64) -> u64 {
        let percent = u128::from(self.bytes) * 100 / u128::from(of_bytes.max(1));
        u64::try_from(percent).unwrap_or(100).min(100)
    }

    fn elapsed(&self) -> Option<Duration> {
        Some(self.at.since(self.since)).filter(|elapsed| *elapsed >= Self::TOO_SHORT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: i64) -> FileProgress {
        FileProgress {
            phase: FilePhase::Releasing,
            since: Timestamp(5_000_000),
            at: Timestamp(5_000_000 + seconds * 1_000_000),
            bytes: 600,
            bytes_passed: 400,
            records: 60,
            records_passed: 40,
            counts: FileCounts::default(),
        }
    }

    #[test]
    fn what_was_passed_over_says_nothing_of_the_speed() {
        let progress = after(4);
        assert_eq!(progress.rate(), Some(5));
        assert_eq!(progress.left(1000), Some(Duration::from_secs(8)));
        assert_eq!(progress.percent(1000), 60);
    }

    #[test]
    fn what_cannot_be_known_is_not_said() {
        assert_eq!((after(0).rate(), after(0).left(1000)), (None, None));
        let nothing = FileProgress { bytes: 400, records: 40, ..after(4) };
        assert_eq!((nothing.rate(), nothing.left(1000)), (Some(0), None));
        // The clock was set back, the file is not what it was.
        assert_eq!(FileProgress { at: Timestamp(0), ..after(4) }.rate(), None);
        assert_eq!((after(4).left(599), after(4).percent(599), after(4).percent(0)), (None, 100, 100));
        let all = FileProgress { bytes: u64::MAX, bytes_passed: 0, ..after(4) };
        assert_eq!((all.left(u64::MAX), all.percent(u64::MAX)), (Some(Duration::ZERO), 100));
    }
}
