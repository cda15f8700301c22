//! Files under way: how far each is, for whoever asks, and in the log where one takes long.

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use portolan_delivery::{FileCounts, FileHash, FilePhase, FileProgress, Timestamp};

/// How often the log says how far a file is.
const EVERY: Duration = Duration::from_secs(15);

/// A route, and a file that it takes.
type Which = (Arc<str>, FileHash);

/// The files that this gateway is at.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashMap<Which, Arc<Progress>>>);

impl UnderWay {
    /// A file is under way until what is given is dropped.
    pub(crate) fn begin(&self, route: &Arc<str>, file: FileHash) -> Begun<'_> {
        let progress = Arc::new(Progress::new(Timestamp::now()));
        self.0.lock().insert((route.clone(), file), progress.clone());
        Begun { all: self, key: (route.clone(), file), progress }
    }

    /// How far a file is, where it is under way.
    pub(crate) fn of(&self, route: &Arc<str>, file: FileHash) -> Option<FileProgress> {
        let progress = self.0.lock().get(&(route.clone(), file)).cloned();
        progress.map(|progress| progress.now())
    }
}

/// A file that is under way.
pub(crate) struct Begun<'a> {
    all: &'a UnderWay,
    key: Which,
    pub(crate) progress: Arc<Progress>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.key);
    }
}

/// How far a file is. Moved by whoever reads it, and read beside that: what is seen of it may be of two instants.
pub(crate) struct Progress {
    phase: Mutex<Phase>,
    bytes: AtomicU64,
    records: AtomicU64,
    messages: AtomicU64,
    skipped: AtomicU64,
    rejected: AtomicU64,
}

#[derive(Clone, Copy)]
struct Phase {
    phase: FilePhase,
    since: Timestamp,
    /// What is gone through now was made durable by an earlier time.
    passing: bool,
    bytes_passed: u64,
    records_passed: u64,
}

impl Progress {
    pub(crate) fn new(now: Timestamp) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            phase: Mutex::new(Phase {
                phase: FilePhase::Verifying,
                since: now,
                passing: false,
                bytes_passed: 0,
                records_passed: 0,
            }),
            bytes: zero(),
            records: zero(),
            messages: zero(),
            skipped: zero(),
            rejected: zero(),
        }
    }

    /// It is read from its beginning; `passing`, what was made durable before is passed over first.
    pub(crate) fn begin(&self, phase: FilePhase, passing: bool) {
        let mut known = self.phase.lock();
        let since = Timestamp::now();
        *known = Phase { phase, since, passing, bytes_passed: 0, records_passed: 0 };
        self.bytes.store(0, Relaxed);
        self.gone_through(0, FileCounts::default());
    }

    /// So many of its bytes were read besides.
    pub(crate) fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// So many of its records were gone through, and this became of their messages.
    pub(crate) fn gone_through(&self, records: u64, counts: FileCounts) {
        self.records.store(records, Relaxed);
        self.messages.store(counts.messages, Relaxed);
        self.skipped.store(counts.skipped, Relaxed);
        self.rejected.store(counts.rejected, Relaxed);
    }

    /// What was gone through so far was durable already.
    pub(crate) fn passed(&self) {
        let mut known = self.phase.lock();
        known.since = Timestamp::now();
        known.passing = false;
        known.bytes_passed = self.bytes.load(Relaxed);
        known.records_passed = self.records.load(Relaxed);
    }

    fn now(&self) -> FileProgress {
        let known = *self.phase.lock();
        let (at, bytes, records) = (Timestamp::now(), self.bytes.load(Relaxed), self.records.load(Relaxed));
        let (since, bytes_passed, records_passed) = match known.passing {
            true => (at, bytes, records),
            false => (known.since, known.bytes_passed, known.records_passed),
        };
        FileProgress {
            phase: known.phase,
            since,
            at,
            bytes,
            bytes_passed,
            records,
            records_passed,
            counts: FileCounts {
                messages: self.messages.load(Relaxed),
                skipped: self.skipped.load(Relaxed),
                rejected: self.rejected.load(Relaxed),
            },
        }
    }

    /// Says now and then how far the file is, until the work on it is done.
    pub(crate) async fn told<T>(
        &self,
        route: &str,
        file: &str,
        of_bytes: u64,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) => tell(route, file, of_bytes, &self.now()),
            }
        }
    }
}

fn tell(route: &str, file: &str, of_bytes: u64, progress: &FileProgress) {
    let FileCounts { skipped, rejected, .. } = progress.counts;
    tracing::info!(
        file,
        route,
        phase = progress.phase.name(),
        percent = progress.percent(of_bytes),
        records = progress.records,
        skipped,
        rejected,
        rate = progress.rate(),
        left_s = progress.left(of_bytes).map(|left| left.as_secs()),
        "the file is under way"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_under_way_until_it_is_dropped() {
        let (all, route, file) = (UnderWay::default(), Arc::from("r"), FileHash([1; 32]));
        let begun = all.begin(&route, file);
        begun.progress.read(70);
        begun.progress.gone_through(7, FileCounts { messages: 4, skipped: 2, rejected: 1 });
        let seen = all.of(&route, file).unwrap();
        assert_eq!((seen.phase, seen.bytes, seen.records), (FilePhase::Verifying, 70, 7));
        assert_eq!((seen.counts.messages, seen.counts.skipped, seen.counts.rejected), (4, 2, 1));
        begun.progress.begin(FilePhase::Releasing, true);
        begun.progress.read(30);
        begun.progress.gone_through(3, FileCounts::default());
        // Of what is passed over is nothing said of how fast it goes.
        let passing = all.of(&route, file).unwrap();
        assert_eq!((passing.since, passing.bytes_passed, passing.records_passed), (passing.at, 30, 3));
        begun.progress.passed();
        begun.progress.read(5);
        let seen = all.of(&route, file).unwrap();
        assert_eq!((seen.phase, seen.bytes, seen.records), (FilePhase::Releasing, 35, 3));
        assert_eq!((seen.bytes_passed, seen.records_passed, seen.counts), (30, 3, FileCounts::default()));
        assert_eq!(all.of(&"s".into(), file), None);
        drop(begun);
        assert_eq!(all.of(&route, file), None);
    }
}
