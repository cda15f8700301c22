//! A file is read for the first time: each message is translated, and what is wrong with it or with the file is noted. Where no message goes
//! yet they are translated beside the reading, some hundreds at a time.

use std::{
    io::Read,
    sync::{Arc, mpsc::sync_channel},
    thread::{self, Builder},
};

use bytes::Bytes;
use portolan_delivery::{Block, Dropped, Failure, FileError, FileHash, FilePhase, FileRecord, MessageId};
use portolan_formats::records::{MessageInfo, Messages, Problem};
use tokio::sync::mpsc;

use crate::{
    blocks::Blocks,
    files::{context, messages, source, unreadable},
    mapped_file::SKIPPED,
    route::{FileSource, Route},
    seen::{ERRORS, Echo, Seen, concerns_the_file},
    under_way::Progress,
};

/// Messages that are read before they are judged; less of them, where they are long, or where much is wrong with them.
const MESSAGES: usize = 500;
const BYTES: usize = 512 << 10;
const PROBLEMS: usize = 500;
/// So many times that are in memory, besides what is being read and judged.
const AHEAD: usize = 1;

/// Reads the whole file: what of it is sound, and whether all of it is.
pub(crate) fn verify(
    route: &Route,
    dropped: &Dropped,
    record: &FileRecord,
    progress: &Arc<Progress>,
) -> Result<Seen, String> {
    let files = source(route)?;
    progress.begin(FilePhase::Verifying, false);
    let (mut messages, failed) = messages(files, dropped, progress)?;
    let judge = Judge::new(route, files, dropped.hash, record, progress);
    let judge = judged_beside(&mut messages, files, judge)?;
    if let Some(error) = failed.take() {
        return Err(unreadable(&error));
    }
    Ok(judge.ended(&messages))
}

/// The same, and messages go as they are read.
pub(crate) fn read_and_release(
    route: &Route,
    dropped: &Dropped,
    record: &FileRecord,
    progress: &Arc<Progress>,
    blocks: &mpsc::Sender<Block>,
) -> Result<Seen, String> {
    let files = source(route)?;
    progress.begin(FilePhase::Releasing, false);
    let mut blocks = Blocks::new(route, dropped, record, blocks);
    let (mut messages, failed) = messages(files, dropped, progress)?;
    let mut judge = Judge::new(route, files, dropped.hash, record, progress);
    loop {
        let next = messages.next().map(|(message, info)| {
            let verdict = judge.verdict(message, &info);
            let goes = verdict.is_sound() && blocks.is_new(info.number);
            (info, verdict, goes.then(|| Bytes::copy_from_slice(message)))
        });
        // What was read before it broke off is not to go.
        if let Some(error) = failed.take() {
            return Err(unreadable(&error));
        }
        judge.found(messages.problems().filter(|problem| !problem.warning));
        let Some((info, verdict, payload)) = next else { break };
        judge.note(&info, verdict);
        if let Some(payload) = payload {
            blocks.add(info.number, payload)?;
        }
        progress.gone_through(messages.count(), judge.seen.counts);
        if !blocks.gone_through(info.number, judge.seen.counts) {
            return Ok(judge.seen);
        }
    }
    blocks.end(judge.seen.counts);
    Ok(judge.ended(&messages))
}

/// Some messages of a file, as they were read.
#[derive(Default)]
struct Batch {
    read: Vec<Item>,
    /// One behind the other.
    bytes: Vec<u8>,
}

struct Item {
    /// What was found to be wrong up to its end.
    problems: Vec<Problem>,
    /// What it is, and where its bytes end; `None` at the end of the file.
    message: Option<(MessageInfo, usize)>,
    /// Records of the file so far.
    records: u64,
}

impl Batch {
    /// Reads some messages, and says whether there are no more, or no hope of any. `broken` are the errors so far in what all of them rest on.
    fn read(messages: &mut Messages<'_, impl Read>, files: &FileSource, broken: &mut usize) -> (Self, bool) {
        let (mut batch, mut wrong) = (Self::default(), 0);
        loop {
            let message = messages.next().map(|(message, info)| {
                batch.bytes.extend_from_slice(message);
                (info, batch.bytes.len())
            });
            let problems: Vec<_> = messages.problems().filter(|problem| !problem.warning).collect();
            *broken += problems.iter().filter(|problem| concerns_the_file(problem, files)).count();
            wrong += problems.len();
            let is_over = message.is_none() || *broken >= ERRORS;
            batch.read.push(Item { problems, message, records: messages.count() });
            let is_full = batch.read.len() >= MESSAGES || batch.bytes.len() >= BYTES || wrong >= PROBLEMS;
            if is_over || is_full {
                return (batch, is_over);
            }
        }
    }
}

/// Reads a file to its end, while what was read before is judged.
fn judged_beside<'j>(
    messages: &mut Messages<'_, impl Read>,
    files: &FileSource,
    mut judge: Judge<'j>,
) -> Result<Judge<'j>, String> {
    let interrupted = |why: &dyn std::fmt::Display| format!("reading it was interrupted: {why}");
    let mut broken = 0;
    let (first, is_over) = Batch::read(messages, files, &mut broken);
    if is_over {
        judge.batch(first);
        return Ok(judge);
    }
    thread::scope(|scope| {
        let (batches, read) = sync_channel(AHEAD);
        let judging = Builder::new().name("judge".to_owned()).spawn_scoped(scope, move || {
            judge.batch(first);
            read.iter().for_each(|batch| judge.batch(batch));
            judge
        });
        let judging = judging.map_err(|error| interrupted(&error))?;
        loop {
            let (batch, is_over) = Batch::read(messages, files, &mut broken);
            if batches.send(batch).is_err() || is_over {
                break;
            }
        }
        drop(batches);
        judging.join().map_err(|_| interrupted(&"a message could not be translated"))
    })
}

/// Whether a message is accepted.
enum Verdict {
    Sound,
    /// Why not (`None`: its own records are not sound, which is told already), and the message, where its acknowledgement may repeat it.
    Refused(Option<Failure>, Option<Bytes>),
}

impl Verdict {
    fn is_sound(&self) -> bool {
        matches!(self, Self::Sound)
    }
}

/// Judges the messages of a file, in their order.
struct Judge<'j> {
    route: &'j Route,
    files: &'j FileSource,
    file: FileHash,
    record: &'j FileRecord,
    progress: &'j Progress,
    seen: Seen,
    /// See [`Seen::left_out`].
    left_out: Vec<(u64, bool)>,
    /// What messages are translated to, which nobody wants yet.
    out: Vec<u8>,
}

impl<'j> Judge<'j> {
    fn new(
        route: &'j Route,
        files: &'j FileSource,
        file: FileHash,
        record: &'j FileRecord,
        progress: &'j Progress,
    ) -> Self {
        let (left_out, out) = (Vec::new(), Vec::new());
        Self { route, files, file, record, progress, seen: Seen::with(Echo::of(files)), left_out, out }
    }

    fn batch(&mut self, Batch { read, bytes }: Batch) {
        let mut begin = 0;
        for Item { problems, message, records } in read {
            self.found(problems);
            let Some((info, end)) = message else { return };
            let message = bytes.get(begin..end).unwrap_or_default();
            begin = end;
            let verdict = self.verdict(message, &info);
            self.note(&info, verdict);
            self.progress.gone_through(records, self.seen.counts);
        }
    }

    fn found(&mut self, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.seen.found(&problem, self.files));
    }

    /// The file was read to its end, or as far as there was hope.
    fn ended(self, messages: &Messages<'_, impl Read>) -> Seen {
        let Self { mut seen, left_out, files, record, .. } = self;
        messages.around(&mut seen.echo.header);
        seen.ended(messages.count(), files, left_out, record.release.as_ref());
        seen
    }

    fn verdict(&mut self, message: &[u8], info: &MessageInfo) -> Verdict {
        let received = self.record.arrival.received;
        let id = MessageId::of_record(&self.route.name, self.file, received, info.number);
        self.out.clear();
        let failure = match info.failed {
            true => None,
            false => match self.route.translate.request(message, context(id, self.record), &mut self.out) {
                Ok(_) => return Verdict::Sound,
                Err(failure) => Some(failure),
            },
        };
        let kept = self.seen.echo.is_wanted().then(|| Bytes::copy_from_slice(message));
        Verdict::Refused(failure, kept)
    }

    fn note(&mut self, info: &MessageInfo, verdict: Verdict) {
        let seen = &mut self.seen;
        match verdict {
            Verdict::Sound => seen.counts.messages += 1,
            Verdict::Refused(Some(failure), _) if failure.reason == SKIPPED => {
                seen.counts.skipped += 1;
                *seen.skipped.entry(failure.message).or_default() += 1;
                self.left_out.push((info.number, true));
            }
            Verdict::Refused(failure, message) => {
                seen.counts.rejected += 1;
                self.left_out.push((info.number, false));
                message.into_iter().for_each(|message| seen.echo.keep(info.number, message));
                // What is wrong with its own records is told already.
                if let Some(failure) = failure {
                    let field = failure.fields.first().map(|field| field.field.clone());
                    let (record, offset) = (info.number, info.offset);
                    let kind = Some(self.files.file.layout().path(self.files.excerpt.each));
                    let error = FileError { record, offset, kind, field, reason: failure.message };
                    seen.tell(error, true);
                }
            }
        }
    }
}
