//! Messages of a file become blocks: what is durable together, with how far the file has come.

use bytes::Bytes;
use portolan_delivery::{
    Accept, Block, Dropped, Envelope, FileCounts, FileHash, FileRecord, MessageId, Mode, Start, Timestamp,
};
use tokio::sync::mpsc;

use crate::{files::context, route::Route, translate::Keys};

/// Bytes of a block's messages: one that is longer is a block alone.
const BLOCK_BYTES: usize = 4 << 20;

/// Messages of a file on their way to the ledger, behind those of an earlier time.
pub(crate) struct Blocks<'b> {
    route: &'b Route,
    file: FileHash,
    record: &'b FileRecord,
    to: &'b mpsc::Sender<Block>,
    block: Vec<Accept>,
    bytes: usize,
    from: u64,
    last: u64,
    now: Timestamp,
}

impl<'b> Blocks<'b> {
    pub(crate) fn new(
        route: &'b Route,
        dropped: &Dropped,
        record: &'b FileRecord,
        to: &'b mpsc::Sender<Block>,
    ) -> Self {
        let (from, now) = (record.position, Timestamp::now());
        let block = Vec::with_capacity(Block::MOST);
        Self { route, file: dropped.hash, record, to, block, bytes: 0, from, last: from, now }
    }

    /// Whether a record was not gone through at an earlier time.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        number > self.record.position
    }

    pub(crate) fn add(&mut self, number: u64, payload: Bytes) -> Result<(), String> {
        let id = MessageId::of_record(&self.route.name, self.file, self.record.arrival.received, number);
        let mut envelope = envelope(self.route, self.record, id, self.now);
        let mut due = self.now;
        if self.route.made.is_some() {
            // It goes into another file, in the group of others.
            due = Timestamp::NEVER;
            let context = context(id, self.record);
            let keys = self.route.translate.request(&payload, context, &mut Vec::new());
            envelope.group = keys.map_err(|failure| failure.message)?.group.map(Into::into);
        }
        self.bytes += payload.len();
        self.block.push(Accept { envelope, payload, start: Start::Due(due) });
        Ok(())
    }

    /// A message was gone through, whether it goes or not. `false`: nobody takes more, and whoever took them says why.
    pub(crate) fn gone_through(&mut self, number: u64, counts: FileCounts) -> bool {
        if !self.is_new(number) {
            return true;
        }
        self.last = number;
        (self.block.len() < Block::MOST && self.bytes < BLOCK_BYTES) || self.send(counts)
    }

    pub(crate) fn end(mut self, counts: FileCounts) {
        if self.last > self.from || !self.block.is_empty() {
            self.send(counts);
        }
    }

    fn send(&mut self, counts: FileCounts) -> bool {
        let (route, file, answers) = (self.route.name.clone(), self.file, Vec::new());
        let messages = std::mem::replace(&mut self.block, Vec::with_capacity(Block::MOST));
        let (from, to) = (self.from, self.last);
        (self.from, self.bytes) = (self.last, 0);
        let block = Block { route, file, from, to, messages, answers, counts, now: Timestamp::now() };
        self.to.blocking_send(block).is_ok()
    }
}

fn envelope(route: &Route, record: &FileRecord, id: MessageId, now: Timestamp) -> Envelope {
    let received = record.arrival.received;
    Envelope {
        id,
        route: route.name.clone(),
        bundle: route.bundle,
        mode: Mode::Operation,
        received,
        deadline: route.answer_within.map(|within| now.plus(within)),
        idempotency: route.idempotency(&Keys::default()),
        order: None,
        caller: None,
        request_key: None,
        metadata: Vec::new(),
        traceparent: None,
        announced: route.announced,
        group: None,
    }
}
