//! A file that is made of messages: their records in order, in their groups, with what stands around them. The same messages give the same
//! bytes. What was written is read once more before it gets its name: totals are verified as a partner would, and it is noted by
//! which key each record is known to whoever answers it.

use std::{
    collections::HashMap,
    io::{self, Read},
    sync::Arc,
};

use bytes::Bytes;
use jiff::civil::DateTime;
use portolan_delivery::{
    BoxFuture, Built, CutMessage, CutPlace, CutRecord, DeliveryError, FileDrop, MessageId, Outgoing, Patch,
    SendError, Sender, Sent, Target, Timestamp,
};
use portolan_formats::records::{Messages, RecordErrorKind, RecordWriter};
use portolan_mapping::{
    compile::CompiledFile,
    plan::Plan,
    run::{self, Environment},
};
use portolan_schema::layout::{Layout, NodeId};

use crate::{
    hashed::HashedAhead,
    mapped::SCRATCH,
    mapped_file::SKIPPED,
    page::{Page, Pages},
    route::{Route, Served},
    standing::{append, beside},
    translate::Context,
};

/// A file as the target of a route.
pub struct Made {
    /// What is in it, and when it is cut.
    pub file: CompiledFile,
    /// By what its messages are known to whoever answers them, where somebody does.
    pub of_sent: Option<Plan>,
    /// Where it is put.
    pub drop: Arc<dyn FileDrop>,
}

/// The target of routes whose messages gather: nobody is asked about one of them.
pub(crate) struct Gathers;

impl Target for Gathers {
    fn send(&self, _: Outgoing) -> BoxFuture<'_, Result<Bytes, SendError>> {
        let why = "the message gathers into a file";
        Box::pin(async move { Err(SendError::new(Sent::No, "GATHERS", why)) })
    }
}

/// Bytes that are written to the disk at a time.
const WRITE: usize = 256 << 10;

/// When a file was cut, in its zone.
pub(crate) fn when(made: &CompiledFile, cut: &CutRecord) -> DateTime {
    made.cut.zone.to_datetime(jiff::Timestamp::from_microsecond(cut.at.0).unwrap_or_default())
}

/// What its messages share, as the ledger keeps it: for each group a list of texts.
pub(crate) fn group_of(
    groups: &[(NodeId, usize)],
    keys: &mut impl Iterator<Item = Option<String>>,
) -> Option<String> {
    if groups.is_empty() {
        return None;
    }
    let levels: Vec<Vec<Option<String>>> =
        groups.iter().map(|(_, count)| keys.by_ref().take(*count).collect()).collect();
    serde_json::to_string(&levels).ok()
}

/// Writes the file of a cut. Where its messages are answered, gives their places in their order there: some 24 bytes of memory each.
pub(crate) fn write(
    route: &Route,
    Made { file: made, of_sent, .. }: &Made,
    cut: &CutRecord,
    pages: &mut Pages<'_>,
    out: &mut dyn Patch,
) -> io::Result<Vec<CutPlace>> {
    let layout = made.file.layout().clone();
    let mut maker = Maker {
        route,
        made,
        cut,
        layout: &layout,
        around: made.around.iter().map(|(node, plan)| (*node, plan)).collect(),
        writer: RecordWriter::new(&made.file),
        out,
        buffer: Vec::new(),
        record: Vec::new(),
        open: Vec::new(),
        groups: Vec::new(),
        group: None,
    };
    let mut places: Vec<CutPlace> = Vec::new();
    loop {
        let page = pages().map_err(io::Error::other)?;
        if page.is_end() {
            break;
        }
        for (message, record) in page.each() {
            maker.message(message, record)?;
            if of_sent.is_none() {
                continue;
            }
            // Messages of one group share its name.
            let group = match places.last() {
                Some(last) if last.group == message.place.group => last.group.clone(),
                _ => message.place.group.clone(),
            };
            places.push(CutPlace { group, seq: message.place.seq });
        }
        page.refused.map_or(Ok(()), Err)?;
    }
    maker.end()?;
    Ok(places)
}

impl Route {
    /// The file that a message would be alone in; `None` where the route makes no files.
    ///
    /// # Errors
    /// Why the file cannot be written.
    pub fn file_of(&self, payload: Bytes, context: Context<'_>) -> Option<Result<Vec<u8>, String>> {
        let made = self.made.as_deref()?;
        let cut = self.cut_of(1, 1, context.received);
        let message = self.cut_message(1, None, payload, context);
        Some(self.written(made, &cut, vec![message]))
    }

    /// The file that some messages would be in, all in memory, and its name. What the route leaves out is left out.
    ///
    /// # Errors
    /// The route makes no files, or why this one cannot be written.
    pub fn file_of_all(
        &self,
        messages: Vec<(MessageId, Bytes)>,
        sequence: u64,
        received: Timestamp,
    ) -> Result<(String, Vec<u8>), String> {
        let made = self.made.as_deref().ok_or("the route makes no files")?;
        let mut all = Vec::with_capacity(messages.len());
        for (number, (message, payload)) in (1..).zip(messages) {
            let context =
                Context { message, received, caller: None, request_id: None, metadata: &[], attempt: 1 };
            match self.translate.request(&payload, context, &mut Vec::new()) {
                Ok(keys) => all.push(self.cut_message(number, keys.group, payload, context)),
                Err(failure) if failure.reason == SKIPPED => {}
                Err(failure) => return Err(format!("message {number}: {}", failure.message)),
            }
        }
        // As the ledger gives them: by what they share, then as they came.
        all.sort_by(|a, b| a.group.cmp(&b.group));
        let cut = self.cut_of(sequence, all.len() as u64, received);
        let name = made.file.name.of(sequence, when(&made.file, &cut));
        Ok((name, self.written(made, &cut, all)?))
    }

    fn written(&self, made: &Made, cut: &CutRecord, messages: Vec<CutMessage>) -> Result<Vec<u8>, String> {
        let (mut page, mut out) = (Some(Page::of(self, messages)), Vec::new());
        let mut pages = || Ok(page.take().unwrap_or_default());
        write(self, made, cut, &mut pages, &mut out).map_err(|error| error.to_string())?;
        Ok(out)
    }

    /// A cut that no ledger knows.
    fn cut_of(&self, sequence: u64, messages: u64, at: Timestamp) -> CutRecord {
        CutRecord {
            route: self.name.clone(),
            sequence,
            bundle: self.bundle,
            at,
            messages,
            state: portolan_delivery::CutState::Open,
            name: None,
            aside: None,
            hash: None,
            bytes: 0,
            delivered: None,
            outstanding: messages,
        }
    }

    fn cut_message(
        &self,
        seq: i64,
        group: Option<String>,
        payload: Bytes,
        context: Context<'_>,
    ) -> CutMessage {
        let claim = portolan_delivery::Claim {
            id: context.message,
            attempt: 1,
            gateway: portolan_delivery::GatewayId::FILE,
        };
        CutMessage {
            place: CutPlace { group: "".into(), seq },
            claim,
            received: context.received,
            group: group.map(Into::into),
            sender: Sender {
                caller: context.caller.map(Into::into),
                request_id: context.request_id.map(Into::into),
                metadata: context.metadata.to_vec(),
            },
            payload,
        }
    }
}

/// The first message within a group, of which its headers and trailers are made.
#[derive(Clone)]
struct First {
    id: MessageId,
    payload: Bytes,
}

struct Maker<'m> {
    route: &'m Route,
    made: &'m CompiledFile,
    cut: &'m CutRecord,
    layout: &'m Layout,
    around: HashMap<NodeId, &'m Plan>,
    writer: RecordWriter<'m>,
    out: &'m mut dyn Patch,
    buffer: Vec<u8>,
    record: Vec<u8>,
    /// Of the file, and of each group on the way to the record.
    open: Vec<First>,
    /// What the messages share that are written now.
    groups: Vec<Vec<Option<String>>>,
    /// The same, as the ledger keeps it.
    group: Option<Arc<str>>,
}

impl Maker<'_> {
    fn message(&mut self, message: &CutMessage, record: &[u8]) -> io::Result<()> {
        let same = !self.open.is_empty() && self.group == message.group;
        if !same {
            self.begin(message)?;
        }
        self.records(record)
    }

    /// Ends the groups that a message is not in, and begins those that it is the first of.
    fn begin(&mut self, message: &CutMessage) -> io::Result<()> {
        let shared = match &message.group {
            Some(group) => serde_json::from_str(group).map_err(io::Error::other)?,
            None => Vec::new(),
        };
        let depth = self.made.chain.len() - 1;
        // The outermost group that is another one.
        let kept = match self.open.is_empty() {
            true => 0,
            false => {
                let changed = self.groups.iter().zip(&shared).position(|(a, b)| a != b);
                let node = changed.and_then(|level| self.made.groups.get(level)).map(|(node, _)| *node);
                let at = node.and_then(|node| self.made.chain.iter().position(|other| *other == node));
                at.map_or(depth + 1, |at| at + 1)
            }
        };
        self.close(kept.max(1))?;
        self.groups = shared;
        self.group = message.group.clone();
        // It stays as long as its group, and the page that it is of does not.
        let first = First { id: message.claim.id, payload: Bytes::copy_from_slice(&message.payload) };
        for level in self.open.len()..=depth {
            self.open.push(first.clone());
            self.enter(level)?;
        }
        Ok(())
    }

    /// What stands at a level beside its next group or record, before it or behind.
    fn beside(&self, level: usize, before: bool) -> Vec<NodeId> {
        let mut beside = beside(self.layout, &self.made.chain, level, before);
        beside.retain(|node| self.around.contains_key(node));
        beside
    }

    /// Begins the file (level 0), or the group at a level.
    fn enter(&mut self, level: usize) -> io::Result<()> {
        if let Some(group) = level.checked_sub(1).map(|level| self.made.chain[level])
            && self.around.contains_key(&group)
        {
            self.stands(group, level)?;
        }
        for node in self.beside(level, true) {
            self.stands(node, level)?;
        }
        Ok(())
    }

    /// Ends what is open, down to so many levels.
    fn close(&mut self, kept: usize) -> io::Result<()> {
        while self.open.len() > kept {
            let level = self.open.len() - 1;
            for node in self.beside(level, false) {
                self.stands(node, level)?;
            }
            self.open.pop();
        }
        Ok(())
    }

    /// Writes what stands around messages.
    fn stands(&mut self, node: NodeId, level: usize) -> io::Result<()> {
        let (Some(plan), Some(first)) = (self.around.get(&node).copied(), self.open.get(level).cloned())
        else {
            return Ok(());
        };
        let mut text = uuid::Uuid::encode_buffer();
        let environment = Environment {
            context: run::Context {
                message_id: first.id.0.hyphenated().encode_lower(&mut text),
                route: &self.route.name,
                caller: None,
                received: jiff::Timestamp::from_microsecond(self.cut.at.0).unwrap_or_default(),
                attempt: 1,
                request_id: None,
                sequence: Some(self.cut.sequence),
            },
            metadata: &[],
            original: None,
        };
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        SCRATCH
            .with_borrow_mut(|scratch| plan.run(&first.payload, &environment, scratch, &mut record))
            .map_err(|error| {
                let (record, id) = (self.layout.path(node), first.id);
                io::Error::other(format!("`{record}`, made of message {id}, cannot be written: {error}"))
            })?;
        self.records(&record)?;
        self.record = record;
        Ok(())
    }

    /// Appends records as plans make them.
    fn records(&mut self, records: &[u8]) -> io::Result<()> {
        append(&mut self.writer, records, &mut self.buffer)?;
        if self.buffer.len() < WRITE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        for (at, bytes) in self.writer.patches() {
            self.out.patch(at, &bytes)?;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        self.close(1)?;
        if !self.open.is_empty() {
            for node in self.beside(0, false) {
                self.stands(node, 0)?;
            }
        }
        let finished = self.writer.finish(&mut self.buffer);
        finished.map_err(|error| io::Error::other(format!("the file cannot be ended: {error}")))?;
        self.flush()
    }
}

/// Reads a file that was written, as whoever takes it would; `noted` is given the keys of its messages, in pages.
pub(crate) fn verify(
    route: &Served,
    Made { file: made, of_sent, .. }: &Made,
    cut: &CutRecord,
    (name, aside, raw): (&str, Arc<str>, Box<dyn Read + Send>),
    places: Vec<CutPlace>,
    noted: &mut dyn FnMut(Vec<(CutPlace, String)>) -> Result<(), DeliveryError>,
) -> Result<Built, String> {
    const AT_A_TIME: usize = 1000;
    let mut hashed = HashedAhead::new(raw).map_err(|error| error.to_string())?;
    let failed = |error: DeliveryError| error.to_string();
    let (mut count, mut unknown, mut places, mut keys) = (0_u64, 0_u64, places.into_iter(), Vec::new());
    let mut messages = Messages::new(&made.file, &made.sent, &mut hashed);
    loop {
        let next = messages.next().map(|(message, _)| of_sent.as_ref().map(|plan| key(route, plan, message)));
        if let Some(problem) = messages.problems().find(|problem| !problem.warning) {
            return Err(format!(
                "what was written would not be accepted: {}",
                shown(&problem.error.kind, &problem.error)
            ));
        }
        let Some(known) = next else { break };
        count += 1;
        let Some(known) = known else { continue };
        let Some(place) = places.next() else { break };
        match known? {
            Some(key) => keys.push((place, key)),
            None => unknown += 1,
        }
        if keys.len() >= AT_A_TIME {
            noted(std::mem::take(&mut keys)).map_err(failed)?;
        }
    }
    drop(messages);
    if unknown > 0 {
        tracing::warn!(route = %route.name, file = name, messages = unknown,
            "nothing says by which key an answer to them would be known");
    }
    if count != cut.messages {
        return Err(format!("it has {count} messages where {} were cut", cut.messages));
    }
    if !keys.is_empty() {
        noted(keys).map_err(failed)?;
    }
    let (hash, bytes) = hashed.known().map_err(|error| error.to_string())?;
    Ok(Built { name: name.into(), aside, hash, bytes })
}

fn shown(kind: &RecordErrorKind, error: &portolan_formats::records::RecordError) -> String {
    let name = error.name.as_deref().unwrap_or("record");
    let field = error.field.as_deref().map(|field| format!(".{field}")).unwrap_or_default();
    format!("record {}, {name}{field}: {kind}", error.record)
}

/// By what a message is known, of its record that was sent or of the one that answers.
pub(crate) fn key(route: &Served, plan: &Plan, message: &[u8]) -> Result<Option<String>, String> {
    let environment = Environment {
        context: run::Context {
            message_id: "",
            route: &route.name,
            caller: None,
            received: jiff::Timestamp::UNIX_EPOCH,
            attempt: 1,
            request_id: None,
            sequence: None,
        },
        metadata: &[],
        original: None,
    };
    let parts = SCRATCH
        .with_borrow_mut(|scratch| plan.run_with_keys(message, &environment, scratch, &mut Vec::new()))
        .map_err(|error| error.to_string())?;
    let parts: Option<Vec<String>> = parts.into_iter().collect();
    Ok(match parts {
        Some(parts) if parts.len() == 1 => parts.into_iter().next(),
        Some(parts) => serde_json::to_string(&parts).ok(),
        None => None,
    }
    .filter(|key| !key.is_empty()))
}
