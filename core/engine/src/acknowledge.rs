//! What tells whoever dropped a file what became of it: a file in a layout of its own, made by the route's mapping of the receipt. The same
//! receipt gives the same bytes.

use std::{io, sync::Arc};

use portolan_delivery::{
    Acknowledgement, Arrival, Dropped, FileCounts, FileError, FileReceipt, FileRecord, FileState, FileTold,
    GatewayId, OpenFile, Patch as _, Timestamp,
};
use portolan_formats::records::{Next, Nowhere, RecordReader, RecordWriter};
use portolan_mapping::{
    compile::CompiledAcknowledgement,
    plan::Plan,
    run::{self, Environment},
};
use portolan_schema::layout::NodeId;
use prost::Message as _;

use crate::{
    files::{source, unreadable},
    hashed::Hashed,
    judge::verify,
    mapped::SCRATCH,
    receipt::receipt,
    route::Route,
    seen::Echo,
    standing::{append, beside},
    under_way::Progress,
};

/// Bytes that a file's name may have.
const LONGEST_NAME: usize = 255;

/// What a mapping reads: `portolan.v1.Acknowledgement`.
#[derive(Clone, PartialEq, prost::Message)]
struct Told {
    #[prost(message, optional, tag = "1")]
    file: Option<File>,
    #[prost(message, optional, tag = "2")]
    problem: Option<Problem>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    sha256: String,
    #[prost(uint64, tag = "3")]
    bytes: u64,
    /// 1 taken, 2 refused, 3 duplicate.
    #[prost(int32, tag = "4")]
    state: i32,
    #[prost(message, optional, tag = "5")]
    received: Option<Time>,
    #[prost(message, optional, tag = "6")]
    ended: Option<Time>,
    #[prost(uint64, tag = "7")]
    records: u64,
    #[prost(uint64, tag = "8")]
    messages: u64,
    #[prost(uint64, tag = "9")]
    skipped: u64,
    #[prost(uint64, tag = "10")]
    rejected: u64,
    #[prost(uint64, tag = "11")]
    problems: u64,
    #[prost(string, optional, tag = "12")]
    reason: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Problem {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint64, tag = "2")]
    record: u64,
    #[prost(uint64, tag = "3")]
    offset: u64,
    #[prost(string, optional, tag = "4")]
    kind: Option<String>,
    #[prost(string, optional, tag = "5")]
    field: Option<String>,
    #[prost(string, tag = "6")]
    reason: String,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, PartialEq, prost::Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl From<jiff::Timestamp> for Time {
    fn from(at: jiff::Timestamp) -> Self {
        // Whole seconds: no layout has a place for microseconds, and a mapping loses nothing quietly.
        Self { seconds: at.as_nanosecond().div_euclid(1_000_000_000) as i64, nanos: 0 }
    }
}

impl From<&FileReceipt> for File {
    fn from(receipt: &FileReceipt) -> Self {
        Self {
            name: receipt.name.clone(),
            sha256: receipt.sha256.clone(),
            bytes: receipt.bytes,
            state: match receipt.state.as_str() {
                "taken" => 1,
                "refused" => 2,
                _ => 3,
            },
            received: time(&receipt.received).map(Time::from),
            ended: time(&receipt.ended).map(Time::from),
            records: receipt.records,
            messages: receipt.counts.messages,
            skipped: receipt.counts.skipped,
            rejected: receipt.counts.rejected,
            problems: receipt.errors.len() as u64,
            reason: receipt.reason.clone(),
        }
    }
}

impl Problem {
    fn of(number: usize, error: &FileError) -> Self {
        let FileError { record, offset, kind, field, reason } = error.clone();
        Self { number: number as u64, record, offset, kind, field, reason }
    }
}

/// As a receipt writes it.
fn time(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

/// A receipt, and what the route tells of it to whoever dropped the file. That this cannot be made holds nothing up: the receipt says so.
pub(crate) fn told(route: &Route, mut receipt: FileReceipt, echo: &Echo) -> FileTold {
    let acknowledgement = route.files.as_ref().and_then(|files| files.acknowledgement.as_ref());
    let made = acknowledgement.map(|told| acknowledged(told, &receipt, echo)).transpose();
    let acknowledgement = made.unwrap_or_else(|why| {
        tracing::error!(file = %receipt.name, route = %route.name, why, "whoever dropped the file cannot be told what became of it");
        receipt.not_acknowledged = Some(why);
        None
    });
    receipt.acknowledgement = acknowledgement.as_ref().map(|made| made.name.clone());
    FileTold { receipt: Box::new(receipt), acknowledgement }
}

impl Route {
    /// What whoever dropped a file would be told, were it taken now; `None` where the route does not do that.
    ///
    /// # Errors
    /// The file cannot be read, or why the acknowledgement cannot be made.
    pub fn acknowledgement_of(
        &self,
        name: &str,
        received: Timestamp,
        open: Arc<OpenFile>,
    ) -> Result<Option<Acknowledgement>, String> {
        let mut file = Hashed::new(open().map_err(|error| unreadable(&error))?);
        io::copy(&mut file, &mut io::sink()).map_err(|error| unreadable(&error))?;
        let (hash, bytes) = file.known();
        let (route, bundle, name): (_, _, Arc<str>) = (self.name.clone(), self.bundle, name.into());
        let dropped =
            Dropped { route: route.clone(), name: name.clone(), hash, bytes, received, again: false, open };
        let arrival = Arrival { hash, route, bundle, name, bytes, received };
        let record = FileRecord {
            arrival,
            state: FileState::Open,
            gateway: GatewayId::FILE,
            position: 0,
            counts: FileCounts::default(),
            ended: None,
            receipt: None,
            release: None,
        };
        let seen = verify(self, &dropped, &record, &Arc::new(Progress::new(received)))?;
        let refused = seen.refused.is_some() && !(source(self)?.as_read && seen.counts.messages > 0);
        let state = if refused { FileState::Refused } else { FileState::Taken };
        let told = told(self, receipt(&record, state, &seen, received), &seen.echo);
        match told.receipt.not_acknowledged {
            Some(why) => Err(why),
            None => Ok(told.acknowledgement),
        }
    }
}

fn acknowledged(
    told: &CompiledAcknowledgement,
    receipt: &FileReceipt,
    echo: &Echo,
) -> Result<Acknowledgement, String> {
    let ended = jiff::tz::TimeZone::UTC.to_datetime(time(&receipt.ended).unwrap_or_default());
    let name = told.name.of(&receipt.name, &receipt.sha256, ended);
    if name.len() > LONGEST_NAME {
        return Err(format!("its name would have {} bytes, more than {LONGEST_NAME}", name.len()));
    }
    let layout = told.file.layout();
    let (writer, content) = (RecordWriter::new(&told.file), Vec::new());
    let file = Told { file: Some(receipt.into()), problem: None }.encode_to_vec();
    let mut maker = Maker { told, receipt, file, echo, writer, content, record: Vec::new() };
    // Groups in which problems stand are there where there are some.
    let is_there = |level: &usize| {
        let group = level.checked_sub(1).and_then(|level| told.chain.get(level));
        group.is_none_or(|group| !receipt.errors.is_empty() || layout.node(*group).occurs.min > 0)
    };
    let levels: Vec<usize> = (0..told.chain.len().max(1)).take_while(is_there).collect();
    let failed = |error: io::Error| error.to_string();
    for level in &levels {
        let group = level.checked_sub(1).and_then(|level| told.chain.get(level));
        let before = group.into_iter().copied().chain(beside(layout, &told.chain, *level, true));
        before.into_iter().try_for_each(|node| maker.stands(node)).map_err(failed)?;
    }
    maker.problems().map_err(failed)?;
    for level in levels.iter().rev() {
        let mut behind = beside(layout, &told.chain, *level, false).into_iter();
        behind.try_for_each(|node| maker.stands(node)).map_err(failed)?;
    }
    let content = maker.end().map_err(failed)?;
    sound(told, &content)?;
    Ok(Acknowledgement { name, content: content.into() })
}

struct Maker<'m> {
    told: &'m CompiledAcknowledgement,
    receipt: &'m FileReceipt,
    /// The part of the message that is the same for every record: what comes behind it joins it.
    file: Vec<u8>,
    echo: &'m Echo,
    writer: RecordWriter<'m>,
    content: Vec<u8>,
    record: Vec<u8>,
}

impl Maker<'_> {
    /// Writes a record that stands around problems, where there are rules for it.
    fn stands(&mut self, node: NodeId) -> io::Result<()> {
        let told = self.told;
        let Some((_, plan)) = told.around.iter().find(|(known, _)| *known == node) else { return Ok(()) };
        let header = Some(&*self.echo.header).filter(|header| !header.is_empty());
        self.write(node, plan, None, header)
    }

    fn problems(&mut self) -> io::Result<()> {
        let (told, receipt, echo) = (self.told, self.receipt, self.echo);
        let Some((plan, node)) = told.problem.as_ref().zip(told.chain.last()) else { return Ok(()) };
        receipt.errors.iter().enumerate().try_for_each(|(index, error)| {
            let message = echo.message(index, error).map(|message| &**message);
            self.write(*node, plan, Some(Problem::of(index + 1, error)), message)
        })
    }

    fn write(
        &mut self,
        node: NodeId,
        plan: &Plan,
        problem: Option<Problem>,
        original: Option<&[u8]>,
    ) -> io::Result<()> {
        let mut what = self.file.clone();
        what.extend_from_slice(&Told { file: None, problem }.encode_to_vec());
        let context = run::Context {
            message_id: "",
            route: &self.receipt.route,
            caller: None,
            received: time(&self.receipt.received).unwrap_or_default(),
            attempt: 1,
            request_id: None,
            sequence: None,
        };
        let record = &mut self.record;
        record.clear();
        let mut run = |original| {
            let environment = Environment { context, metadata: &[], original };
            SCRATCH.with_borrow_mut(|scratch| plan.run(&what, &environment, scratch, record))
        };
        // What cannot be read of the file is as if it was not there.
        let written = run(original).or_else(|error| match original {
            Some(_) => run(None),
            None => Err(error),
        });
        let path = self.told.file.layout().path(node);
        written.map_err(|error| io::Error::other(format!("`{path}` cannot be written: {error}")))?;
        append(&mut self.writer, &self.record, &mut self.content)
    }

    fn end(mut self) -> io::Result<Vec<u8>> {
        let finished = self.writer.finish(&mut self.content);
        finished.map_err(|error| io::Error::other(format!("it cannot be ended: {error}")))?;
        for (at, bytes) in self.writer.patches() {
            self.content.patch(at, &bytes)?;
        }
        Ok(self.content)
    }
}

/// Reads it as its reader will.
fn sound(told: &CompiledAcknowledgement, content: &[u8]) -> Result<(), String> {
    let mut reader = RecordReader::new(&told.file, content);
    while !matches!(reader.next(&mut Nowhere), Next::End) {}
    let problem = reader.problems().find(|problem| !problem.warning);
    problem
        .map_or(Ok(()), |problem| Err(format!("it would not be sound by its own layout: {}", problem.error)))
}
