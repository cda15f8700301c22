//! Files that cannot be read to their end, the first time or the second: on a disk that fails, from a mount that is gone. And how far one
//! is, while it is taken.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use portolan_delivery::{
    Dropped, FileCounts, FileFate, FileFilter, FileHash, FileIntake, FilePhase, FileState, Filter, Operator,
    Timestamp,
};
use portolan_diagnostics::Sources;
use portolan_formats::records::RecordFile;
use portolan_schema::{
    Memory, Reading,
    layout::{self, Excerpt},
};

use super::fakes::Gateway;
use crate::{FileSource, Repeat, RouteMode};

const LAYOUT: &str = "layout: it
records:
  order:
    when: { 1: O }
    occurs: 0..
    fields: { number: 2-6 9(5) }
    records:
      note: { when: { 1: N }, fields: { text: 2-6 } }
";

fn source() -> FileSource {
    source_of(LAYOUT)
}

/// Files of a layout whose messages are its orders.
pub(super) fn source_of(layout: &str) -> FileSource {
    let resolver = Memory::new("").with("it.yaml", layout.as_bytes());
    let mut sources = Sources::default();
    let read = layout::read("it.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let layout = Arc::new(read.value.expect("a layout"));
    let (_, document) = Excerpt::of(&layout, layout.find("order").unwrap());
    FileSource {
        system: "system".into(),
        pattern: None,
        file: RecordFile::compile(layout),
        excerpt: document.excerpt.unwrap(),
        rejects: None,
        as_read: false,
        acknowledgement: None,
        answers: None,
        silence: portolan_mapping::file::Silence::default(),
    }
}

/// A file that breaks off behind so many bytes, one of the times that it is read.
pub(super) fn dropped(text: &str, breaks_at: usize, time: usize) -> Dropped {
    let (text, times) = (text.as_bytes().to_vec(), AtomicUsize::new(0));
    let open = move || -> io::Result<Box<dyn Read + Send>> {
        let breaks = times.fetch_add(1, Ordering::Relaxed) == time;
        let whole = io::Cursor::new(text.clone());
        Ok(match breaks {
            true => Box::new(whole.take(breaks_at as u64).chain(Broken)),
            false => Box::new(whole),
        })
    };
    Dropped {
        route: "test.route".into(),
        name: "a.txt".into(),
        hash: FileHash([7; 32]),
        bytes: 0,
        received: Timestamp::now(),
        again: false,
        open: Arc::new(open),
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_is_neither_taken_nor_refused() {
    const ORDERS: usize = 2500;
    let text: String = (0..ORDERS).map(|number| format!("O{number:05}\nNnoted\n")).collect();
    // Within a block, and before the last record of the last message.
    let places = [14 * 1700 + 5, text.len() - 7];
    // While it is verified, while it is released, and where both are one.
    let times = [(0, false), (1, false), (0, true)];
    for (breaks_at, (time, as_read)) in places.into_iter().flat_map(|at| times.map(|time| (at, time))) {
        let gateway = Gateway::of_files(FileSource { as_read, ..source() }).await;
        let engine = gateway.start_with(RouteMode::Operation, Repeat::Always, false).await;
        let file = dropped(&text, breaks_at, time);
        match engine.intake.take_file(file.clone()).await {
            FileFate::NotNow(why) => assert!(why.contains("cannot be read: the disk is gone"), "{why}"),
            other => panic!("{breaks_at}, {time}, {as_read}: {other:?}"),
        }
        let FileFate::Taken(told, None) = engine.intake.take_file(file).await else {
            panic!("it can be read again")
        };
        assert_eq!(told.receipt.counts.messages, ORDERS as u64);
        let mut payloads = std::collections::BTreeSet::new();
        let mut before = None;
        loop {
            let filter = Filter { before, limit: 1000, ..Filter::default() };
            let page = engine.operator.list(filter).await.unwrap();
            for record in &page.records {
                let shown = engine.operator.show(record.envelope.id).await.unwrap();
                payloads.insert(shown.record.payload);
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(payloads.len(), ORDERS);
        assert!(payloads.iter().all(|payload| payload.ends_with(b"Nnoted")), "each has its note");
    }
}

/// A place of a file where its reader waits until it is let on.
struct Stop {
    reached: mpsc::SyncSender<()>,
    on: Arc<parking_lot::Mutex<mpsc::Receiver<()>>>,
}

impl Read for Stop {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        // Whoever does not look any more lets it on.
        let _ = self.reached.send(());
        let _ = self.on.lock().recv();
        Ok(0)
    }
}

#[tokio::test]
async fn how_far_a_file_is_can_be_asked_while_it_is_taken() {
    const ORDERS: u64 = 2500;
    // So long that they do not come at once.
    let text: String = (0..ORDERS).map(|number| format!("O{number:05}{:994}\nNnoted\n", "")).collect();
    let half = text.len() / 2;
    let (reached, at_it) = mpsc::sync_channel(2);
    let (on, waits) = mpsc::sync_channel(2);
    let waits = Arc::new(parking_lot::Mutex::new(waits));
    let bytes = text.clone().into_bytes();
    let open = move || -> io::Result<Box<dyn Read + Send>> {
        let stop = Stop { reached: reached.clone(), on: waits.clone() };
        let (first, second) =
            (io::Cursor::new(bytes[..half].to_vec()), io::Cursor::new(bytes[half..].to_vec()));
        Ok(Box::new(first.chain(stop).chain(second)))
    };
    let file = Dropped { bytes: text.len() as u64, open: Arc::new(open), ..dropped("", 0, 9) };

    let gateway = Gateway::of_files(source()).await;
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Always, false).await;
    let (hash, at_it) = (file.hash, Arc::new(parking_lot::Mutex::new(at_it)));
    let reached = async || {
        let at_it = at_it.clone();
        tokio::task::spawn_blocking(move || at_it.lock().recv()).await.unwrap().unwrap();
    };
    let looking = async {
        for phase in [FilePhase::Verifying, FilePhase::Releasing] {
            reached().await;
            let seen =
                engine.operator.files(FileFilter { open: true, ..FileFilter::default() }).await.unwrap();
            let [seen] = &seen[..] else { panic!("{seen:?}") };
            let progress = seen.progress.unwrap();
            assert_eq!((seen.system.as_deref(), progress.phase), (Some("system"), phase));
            assert_eq!((progress.bytes, progress.percent(file.bytes)), (half as u64, 50));
            // Some of what was read is not gone through yet.
            assert!((100..=ORDERS).contains(&progress.records), "{progress:?}");
            assert!((100..=ORDERS / 2).contains(&progress.counts.messages), "{progress:?}");
            assert!(
                engine.intake.0.metrics().await.contains("portolan_files_under_way{route=\"test.route\"} 1")
            );
            on.send(()).unwrap();
        }
    };
    let (fate, ()) = tokio::join!(engine.intake.take_file(file.clone()), looking);
    assert!(matches!(fate, FileFate::Taken(..)), "{fate:?}");
    let seen = engine.operator.file("test.route".into(), hash).await.unwrap().unwrap();
    assert_eq!((seen.record.state, seen.progress), (FileState::Taken, None));
    assert_eq!(seen.record.counts, FileCounts { messages: ORDERS, skipped: 0, rejected: 0 });
    assert!(seen.record.receipt.is_some_and(|receipt| receipt.contains("\"records\":5000")));
    assert_eq!(engine.operator.file("test.route".into(), FileHash([8; 32])).await.unwrap(), None);

    let again = engine.intake.take_file(file).await;
    assert!(matches!(again, FileFate::Duplicate(_)), "{again:?}");
    let metrics = engine.intake.0.metrics().await;
    for line in [
        "portolan_files_total{route=\"test.route\",outcome=\"taken\"} 1",
        "portolan_files_total{route=\"test.route\",outcome=\"duplicate\"} 1",
        "portolan_files_total{route=\"test.route\",outcome=\"refused\"} 0",
        "portolan_file_records_total{route=\"test.route\",outcome=\"accepted\"} 2500",
        "portolan_file_records_total{route=\"test.route\",outcome=\"rejected\"} 0",
        "portolan_messages_accepted_total{route=\"test.route\"} 2500",
        "portolan_files_under_way{route=\"test.route\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
}

/// Messages are judged some hundreds at a time: what is told of them does not depend on where those begin.
#[tokio::test]
async fn what_is_wrong_is_told_in_the_order_of_the_file_and_up_to_the_same_record() {
    const ORDERS: u64 = 2500;
    let orders = |bad: u64| -> String {
        let order = |number: u64| match number % bad {
            0 => format!("O{number:05} and more\nNnoted\n"),
            _ => format!("O{number:05}\nNnoted\n"),
        };
        (1..=ORDERS).map(order).collect()
    };
    let gateway = Gateway::of_files(source()).await;
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Always, false).await;
    let taken = engine.intake.take_file(dropped(&orders(7), 0, usize::MAX)).await;
    let (told, rejects) = match taken {
        FileFate::Taken(told, Some(rejects)) => (told, rejects),
        FileFate::Refused(told) => panic!("{:?}", told.receipt.reason),
        _ => panic!("it is taken, but for some of it"),
    };
    // Each has a note behind it.
    let bad: Vec<_> = (1..=ORDERS).filter(|number| number % 7 == 0).map(|number| 2 * number - 1).collect();
    let rejected = bad.len() as u64;
    assert_eq!(told.receipt.counts, FileCounts { messages: ORDERS - rejected, skipped: 0, rejected });
    assert_eq!(*rejects.records, bad);
    assert_eq!(told.receipt.errors.iter().map(|error| error.record).collect::<Vec<_>>(), bad);

    // Nothing that its layout says: it is read no further than the thousandth error.
    let text: String = "O00001\nNnoted\n".repeat(700) + &"?\n".repeat(5000);
    let file = Dropped { hash: FileHash([8; 32]), ..dropped(&text, 0, usize::MAX) };
    let FileFate::Refused(told) = engine.intake.take_file(file).await else { panic!("it is no such file") };
    assert_eq!((told.receipt.records, told.receipt.errors.len()), (2400, 1000));
    assert!(told.receipt.reason.as_ref().is_some_and(|why| why.contains("it was read no further")));
}
