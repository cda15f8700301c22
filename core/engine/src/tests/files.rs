//! Files that cannot be read to their end, the first time or the second: on a disk that fails, from a mount that is gone.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use portolan_delivery::{Dropped, FileFate, FileHash, FileIntake, Filter, Operator, Timestamp};
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
    let resolver = Memory::new("").with("it.yaml", LAYOUT.as_bytes());
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
        answers: None,
    }
}

/// A file that breaks off behind so many bytes, one of the times that it is read.
fn dropped(text: &str, breaks_at: usize, time: usize) -> Dropped {
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
    for (breaks_at, time) in places.into_iter().flat_map(|at| [(at, 0), (at, 1)]) {
        let gateway = Gateway::of_files(source()).await;
        let engine = gateway.start_with(RouteMode::Operation, Repeat::Always, false).await;
        let file = dropped(&text, breaks_at, time);
        match engine.intake.take_file(file.clone()).await {
            FileFate::NotNow(why) => assert!(why.contains("cannot be read: the disk is gone"), "{why}"),
            other => panic!("{breaks_at}, {time}: {other:?}"),
        }
        let FileFate::Taken(receipt, None) = engine.intake.take_file(file).await else {
            panic!("it can be read again")
        };
        assert_eq!(receipt.counts.messages, ORDERS as u64);
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
