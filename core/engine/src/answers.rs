//! Files of answers: each of their messages completes or fails one that was sent in a file. What an answer is made of is found out when the
//! file is verified and once more when it is released, so that nothing of it is kept in between.

use std::sync::Arc;

use bytes::Bytes;
use portolan_delivery::{
    Block, Delivery, Dropped, FileAnswer, FileCounts, FilePhase, FileRecord, Outcome, SentMessage, Timestamp,
};
use portolan_formats::records::MessageInfo;
use portolan_mapping::file::Silence;
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    files::{messages, source, unreadable},
    made,
    route::Served,
    seen::Seen,
    translate::{Context, Question, Verdict},
    under_way::Progress,
};

/// Answers that are looked up at a time.
const AT_A_TIME: usize = 500;

/// Nobody is told any more what such an answer says, so a person has to see it.
const TOO_LATE: &str = "its message was done before: no answer to it had come within `answer-within`";

/// What a message of the file is.
enum Judged {
    /// An answer that a message waits for.
    Answers(FileAnswer),
    /// The message has been answered.
    Before,
    /// The message was done since nothing had answered it, or was answered before.
    Late,
    /// None that can be taken.
    Refused(String),
}

/// A message of the file, before it is known what it answers.
struct Asked {
    info: MessageInfo,
    message: Bytes,
    key: Result<Option<String>, String>,
}

/// What is needed to find the messages that were sent.
pub(crate) struct Ground<'g> {
    pub(crate) delivery: &'g dyn Delivery,
    pub(crate) handle: &'g Handle,
    pub(crate) route: &'g Served,
    /// Where it is said how far the file is.
    pub(crate) progress: &'g Arc<Progress>,
    /// When the file is judged.
    pub(crate) now: Timestamp,
}

impl Ground<'_> {
    fn judge(&self, asked: &[Asked]) -> Result<Vec<Judged>, String> {
        let store = self.delivery.cuts().ok_or("this queue makes no files")?;
        let keys = asked.iter().map(|one| one.key.as_ref().ok().and_then(Clone::clone).unwrap_or_default());
        let found = self.handle.block_on(store.sent_by(self.route.name.clone(), keys.collect()));
        let found = found.map_err(|error| error.to_string())?;
        Ok(asked.iter().zip(found).map(|(one, found)| self.judged(one, &found)).collect())
    }

    fn judged(&self, asked: &Asked, found: &[SentMessage]) -> Judged {
        match &asked.key {
            _ if asked.info.failed => return Judged::Refused(String::new()),
            Err(why) => return Judged::Refused(why.clone()),
            Ok(None) => return Judged::Refused("nothing in it says which message it answers".to_owned()),
            Ok(Some(_)) => {}
        }
        let waits: Vec<&SentMessage> = found.iter().filter(|sent| sent.waits).collect();
        let sent = match waits.as_slice() {
            [sent] => *sent,
            [] if found.is_empty() => {
                return Judged::Refused("no message was sent that it could answer".to_owned());
            }
            [] => {
                let silent = source(self.route).is_ok_and(|files| files.silence == Silence::Done);
                let over = |sent: &SentMessage| sent.envelope.deadline.is_some_and(|at| at <= self.now);
                return if silent && found.first().is_some_and(over) { Judged::Late } else { Judged::Before };
            }
            _ => return Judged::Refused("it could answer more than one message".to_owned()),
        };
        let context = Context::of(&sent.envelope, sent.attempt);
        let outcome =
            match self.route.translate.reply(&asked.message, &sent.payload, Question::Request, context) {
                Verdict::Reply(bytes) => Outcome::Reply(bytes),
                Verdict::Refused(failure) | Verdict::NotDone(failure) => Outcome::Failed(failure),
                Verdict::Unreadable(failure) => return Judged::Refused(failure.message),
                Verdict::Pending => return Judged::Refused("it is no answer yet".to_owned()),
            };
        Judged::Answers(FileAnswer { id: sent.envelope.id, received: sent.envelope.received, outcome })
    }
}

/// Reads the whole file: what of it answers something, and whether all of it is sound.
pub(crate) fn verify(ground: &Ground<'_>, dropped: &Dropped, record: &FileRecord) -> Result<Seen, String> {
    let files = source(ground.route)?;
    let of_reply = files.answers.as_ref().ok_or("its route takes no answers any more")?;
    ground.progress.begin(FilePhase::Verifying, false);
    let (mut reading, failed) = messages(files, dropped, ground.progress)?;
    let (mut seen, mut left_out) = (Seen::default(), Vec::new());
    let mut asked = Vec::with_capacity(AT_A_TIME);
    loop {
        let next = reading.next().map(|(message, info)| Asked {
            info,
            message: Bytes::copy_from_slice(message),
            key: made::key(ground.route, of_reply, message),
        });
        for problem in reading.problems().filter(|problem| !problem.warning) {
            seen.found(&problem, files);
        }
        let ended = next.is_none() || seen.is_hopeless();
        asked.extend(next);
        if asked.len() < AT_A_TIME && !ended {
            continue;
        }
        for (one, judged) in asked.iter().zip(ground.judge(&asked)?) {
            let number = one.info.number;
            match judged {
                Judged::Answers(_) => seen.counts.messages += 1,
                // It was this file that answered it, before it was interrupted.
                Judged::Before | Judged::Late if number <= record.position => seen.counts.messages += 1,
                Judged::Before => {
                    seen.counts.skipped += 1;
                    *seen.skipped.entry("answered before".to_owned()).or_default() += 1;
                    left_out.push((number, true));
                }
                Judged::Late => {
                    seen.counts.rejected += 1;
                    left_out.push((number, false));
                    seen.tell_of(&one.info, TOO_LATE.to_owned());
                }
                Judged::Refused(why) => {
                    seen.counts.rejected += 1;
                    left_out.push((number, false));
                    // What is wrong with its own records is told already.
                    if !why.is_empty() {
                        seen.tell_of(&one.info, why);
                    }
                }
            }
        }
        asked.clear();
        ground.progress.gone_through(reading.count(), seen.counts);
        if ended {
            break;
        }
    }
    if let Some(error) = failed.take() {
        return Err(unreadable(&error));
    }
    seen.ended(reading.count(), files, left_out, record.release.as_ref());
    Ok(seen)
}

/// Reads the file once more, and gives on the answers behind the last block of an earlier time.
pub(crate) fn release(
    ground: &Ground<'_>,
    dropped: &Dropped,
    record: &FileRecord,
    left_out: &[(u64, bool)],
    expected: FileCounts,
    blocks: &mpsc::Sender<Block>,
) -> Result<(), String> {
    let files = source(ground.route)?;
    let of_reply = files.answers.as_ref().ok_or("its route takes no answers any more")?;
    let mut passing = record.position > 0;
    ground.progress.begin(FilePhase::Releasing, passing);
    let (mut reading, failed) = messages(files, dropped, ground.progress)?;
    let mut left_out = left_out.iter().copied().peekable();
    let (mut counts, mut asked) = (FileCounts::default(), Vec::with_capacity(AT_A_TIME));
    let (mut from, mut last) = (record.position, record.position);
    loop {
        let next = reading.next().map(|(message, info)| Asked {
            info,
            message: Bytes::copy_from_slice(message),
            key: made::key(ground.route, of_reply, message),
        });
        drop(reading.problems());
        if let Some(error) = failed.take() {
            return Err(unreadable(&error));
        }
        let ended = next.is_none();
        if let Some(one) = next {
            last = last.max(one.info.number);
            if passing && one.info.number > record.position {
                ground.progress.passed();
                passing = false;
            }
            match left_out.next_if(|(number, _)| *number == one.info.number) {
                Some((_, true)) => counts.skipped += 1,
                Some((_, false)) => counts.rejected += 1,
                None => {
                    counts.messages += 1;
                    if one.info.number > record.position {
                        asked.push(one);
                    }
                }
            }
        }
        if asked.len() < AT_A_TIME && !ended {
            continue;
        }
        if ended && counts != expected {
            return Err("it is not any more what it was when it was verified".to_owned());
        }
        let judged = ground.judge(&asked)?;
        // An answer that is in the file twice changes nothing the second time.
        let answers = judged.into_iter().filter_map(|judged| match judged {
            Judged::Answers(answer) => Some(answer),
            Judged::Before | Judged::Late | Judged::Refused(_) => None,
        });
        let answers: Vec<FileAnswer> = answers.collect();
        asked.clear();
        ground.progress.gone_through(reading.count(), counts);
        if last > from {
            let block = Block {
                route: ground.route.name.clone(),
                file: dropped.hash,
                from,
                to: last,
                messages: Vec::new(),
                answers,
                counts,
                now: Timestamp::now(),
            };
            if blocks.blocking_send(block).is_err() {
                return Ok(());
            }
            from = last;
        }
        if ended {
            return Ok(());
        }
    }
}
