//! What the first reading of a file found.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use portolan_delivery::{FileCounts, FileError, FileRelease};
use portolan_formats::records::{MessageInfo, Problem, RecordErrorKind};
use portolan_schema::layout::NodeId;

use crate::route::FileSource;

/// How many errors a receipt has.
pub(crate) const ERRORS: usize = 1000;

/// What the first reading of a file found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) records: u64,
    pub(crate) counts: FileCounts,
    /// The records of messages that are not accepted, in order, and whether the route leaves them out.
    pub(crate) left_out: Arc<Vec<(u64, bool)>>,
    pub(crate) skipped: BTreeMap<String, u64>,
    pub(crate) errors: Vec<FileError>,
    pub(crate) refused: Option<String>,
    /// Why it would have been refused, had no operator released it.
    pub(crate) overruled: Option<String>,
    /// Errors in what all messages rest on.
    broken: usize,
    /// Those of them of which no release helps, as nobody knows what the records are.
    unreadable: usize,
    /// The first of each, as it is shown.
    first_broken: Option<String>,
    first_unreadable: Option<String>,
    /// What of the file its acknowledgement may repeat.
    pub(crate) echo: Echo,
}

/// What of a file its acknowledgement may repeat.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    /// There is to be one.
    wanted: bool,
    /// What stands around messages, at the end.
    pub(crate) header: Vec<u8>,
    /// The first messages that were rejected, by the numbers of their records, in order.
    rejected: Vec<(u64, Bytes)>,
    /// Of each error that is told, whether it is one of a message.
    of_message: Vec<bool>,
}

impl Echo {
    pub(crate) fn of(files: &FileSource) -> Self {
        Self { wanted: files.acknowledgement.is_some(), ..Self::default() }
    }

    /// Whether one more message that is rejected is to be kept.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted && self.rejected.len() < ERRORS
    }

    /// Keeps a message that was rejected.
    pub(crate) fn keep(&mut self, number: u64, message: Bytes) {
        self.rejected.push((number, message));
    }

    /// The message that an error is of, by the error's number from 0; `None` where it is one of the file.
    pub(crate) fn message(&self, index: usize, error: &FileError) -> Option<&Bytes> {
        self.of_message.get(index).filter(|of_message| **of_message)?;
        let at = self.rejected.partition_point(|(number, _)| *number <= error.record);
        self.rejected.get(at.checked_sub(1)?).map(|(_, message)| message)
    }
}

impl Seen {
    /// Of a file of which nothing was read.
    pub(crate) fn with(echo: Echo) -> Self {
        Self { echo, ..Self::default() }
    }

    /// What is wrong, with a message or with the file.
    pub(crate) fn tell(&mut self, error: FileError, of_message: bool) {
        if self.errors.len() < ERRORS {
            self.errors.push(error);
            self.echo.of_message.push(of_message);
        }
    }

    /// Why a message is refused, where its own records are sound.
    pub(crate) fn tell_of(&mut self, info: &MessageInfo, reason: String) {
        let (record, offset) = (info.number, info.offset);
        self.tell(FileError { record, offset, kind: None, field: None, reason }, true);
    }

    /// What is wrong, as the reader found it.
    pub(crate) fn found(&mut self, problem: &Problem, files: &FileSource) {
        let (error, of_file) = (error_of(problem), concerns_the_file(problem, files));
        if of_file {
            self.broken += 1;
            self.first_broken.get_or_insert_with(|| shown(&error));
            if is_unreadable(&problem.error.kind) {
                self.unreadable += 1;
                self.first_unreadable.get_or_insert_with(|| shown(&error));
            }
        }
        self.tell(error, !of_file);
    }

    /// Whether there are so many errors in what all messages rest on that it is not the file that its layout says.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.broken >= ERRORS
    }

    /// The file was read to its end, or as far as there was hope.
    pub(crate) fn ended(
        &mut self,
        records: u64,
        files: &FileSource,
        left_out: Vec<(u64, bool)>,
        release: Option<&FileRelease>,
    ) {
        self.records = records;
        self.left_out = Arc::new(left_out);
        let why = self.unsound(files);
        match release {
            // Of one of which messages went as they were read, it is only said.
            Some(_) if files.as_read && self.counts.messages > 0 => self.refused = why,
            Some(release) => match self.why_still_refused(files) {
                Some(why) => {
                    let at = release.at.to_rfc3339();
                    self.refused = Some(format!("it was released {at} and still cannot be taken: {why}"));
                }
                None => self.overruled = why,
            },
            None => self.refused = why,
        }
    }

    /// Why the file is not as its route wants it.
    fn unsound(&self, files: &FileSource) -> Option<String> {
        let FileCounts { messages, rejected, .. } = self.counts;
        let limit = files.rejects.filter(|limit| limit.is_exceeded(rejected, messages + rejected));
        match (self.broken, limit) {
            (0, None) => None,
            (0, Some(_)) => Some(format!(
                "{rejected} of {} messages failed, more than its route allows",
                messages + rejected
            )),
            (broken, _) => {
                let no_further =
                    if self.is_hopeless() && !files.as_read { ", and it was read no further" } else { "" };
                let what = format!("in what all messages rest on{no_further}");
                Some(counted(broken, &what, self.first_broken.as_deref()))
            }
        }
    }

    /// Why no release helps.
    fn why_still_refused(&self, files: &FileSource) -> Option<String> {
        if self.unreadable > 0 {
            return Some(counted(self.unreadable, "in its structure", self.first_unreadable.as_deref()));
        }
        (self.is_hopeless() && !files.as_read).then(|| self.unsound(files)).flatten()
    }
}

/// `2 errors, the first of them in its structure: record 7: ...`
fn counted(errors: usize, what: &str, first: Option<&str>) -> String {
    let errors =
        if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors, the first of them") };
    let first = first.map(|first| format!(": {first}")).unwrap_or_default();
    format!("{errors} {what}{first}")
}

/// Whether a problem is of how a file is cut into records, or of their places, and not of what stands in them.
fn is_unreadable(kind: &RecordErrorKind) -> bool {
    matches!(
        kind,
        RecordErrorKind::Input(_)
            | RecordErrorKind::Frame(_)
            | RecordErrorKind::Misplaced(_)
            | RecordErrorKind::LineEnds
            | RecordErrorKind::Title { .. }
            | RecordErrorKind::Short { .. }
            | RecordErrorKind::Long { .. }
            | RecordErrorKind::Columns { .. }
    )
}

/// `record 7 (employer.total), count: 4 is computed`
fn shown(error: &FileError) -> String {
    let FileError { record, kind, field, reason, .. } = error;
    let kind = kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    let field = field.as_ref().map(|field| format!(", {field}")).unwrap_or_default();
    format!("record {record}{kind}{field}: {reason}")
}

/// Whether a problem is one of all the file, and not of a message alone: of its structure, its totals, or of what stands around messages.
pub(crate) fn concerns_the_file(problem: &Problem, files: &FileSource) -> bool {
    let of_all = matches!(
        problem.error.kind,
        RecordErrorKind::Input(_)
            | RecordErrorKind::Frame(_)
            | RecordErrorKind::Misplaced(_)
            | RecordErrorKind::Verify { .. }
            | RecordErrorKind::Sum
    );
    let layout = files.file.layout();
    let is_within = |node: NodeId| {
        let mut at = Some(node);
        std::iter::from_fn(move || {
            let node = at?;
            at = layout.node(node).parent;
            Some(node)
        })
        .any(|node| node == files.excerpt.each)
    };
    let within = problem.error.name.as_deref().and_then(|name| layout.find(name)).is_some_and(is_within);
    of_all || !within
}

fn error_of(problem: &Problem) -> FileError {
    let error = &problem.error;
    FileError {
        record: error.record,
        offset: error.offset,
        kind: error.name.as_deref().map(str::to_owned),
        field: error.field.as_deref().map(str::to_owned),
        reason: error.kind.to_string(),
    }
}
