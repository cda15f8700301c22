//! The messages of a file: a record each, with the records within it and what stands around it.

use std::io::Read;

use portolan_schema::layout::{Excerpt, NodeId};

use super::{Next, Nowhere, Problem, RecordFile, RecordReader, slots::HEAD};

/// A message that was taken from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageInfo {
    /// The number of its record in the file, from 1.
    pub number: u64,
    /// Where its record begins.
    pub offset: u64,
    /// Something is wrong with it: it is not to be translated.
    pub failed: bool,
}

/// Reads a file message by message.
pub struct Messages<'f, R> {
    reader: RecordReader<'f, R>,
    each: NodeId,
    /// A message is a record without others within it, and complete as soon as it is read.
    lone: bool,
    /// What stands around messages, in its order.
    around: Vec<(NodeId, Option<Vec<u8>>)>,
    /// Whether a record or group is within the message's, by node.
    within: Vec<bool>,
    /// For each node the places in `around` that are forgotten when it begins anew.
    forgets: Vec<Vec<usize>>,
    message: Vec<u8>,
    info: Option<MessageInfo>,
    given: Vec<u8>,
    problems: Vec<Problem>,
    /// Errors of records that are of no message, since the last message.
    lost: usize,
    patience: usize,
    ended: bool,
}

/// Problems that are kept between two messages. Who asks for them after each message never misses any but of a file that is not what its layout
/// says.
const KEPT: usize = 10_000;

impl<'f, R: Read> Messages<'f, R> {
    /// Reads `input`, of which `excerpt` says what a message is.
    pub fn new(file: &'f RecordFile, excerpt: &Excerpt, input: R) -> Self {
        let layout = file.layout();
        let is_within = |id: NodeId| {
            let mut node = Some(id);
            while let Some(at) = node {
                if at == excerpt.each {
                    return true;
                }
                node = layout.node(at).parent;
            }
            false
        };
        let within: Vec<bool> = layout.nodes().map(|(id, _)| is_within(id)).collect();
        let around: Vec<(NodeId, Option<Vec<u8>>)> = excerpt
            .parts
            .iter()
            .filter(|part| !within[part.node.0 as usize])
            .map(|part| (part.node, None))
            .collect();
        let forgets = layout.nodes().map(|(id, _)| {
            let beneath = |node: NodeId| {
                let mut at = layout.node(node).parent;
                while let Some(parent) = at {
                    if parent == id {
                        return true;
                    }
                    at = layout.node(parent).parent;
                }
                false
            };
            around
                .iter()
                .enumerate()
                .filter(|(_, (node, _))| beneath(*node))
                .map(|(index, _)| index)
                .collect()
        });
        let forgets = forgets.collect();
        Self {
            reader: RecordReader::new(file, input).lightly(),
            each: excerpt.each,
            lone: layout.node(excerpt.each).children.is_empty(),
            around,
            within,
            forgets,
            message: Vec::new(),
            info: None,
            given: Vec::new(),
            problems: Vec::new(),
            lost: 0,
            patience: usize::MAX,
            ended: false,
        }
    }

    /// Ends after so many errors of records without any message between them: it is not the file that its layout says, and whatever it is may be
    /// long.
    #[must_use]
    pub fn giving_up_after(mut self, errors: usize) -> Self {
        self.patience = errors;
        self
    }

    /// The next message: its bytes, and what it is. `None` at the end.
    #[allow(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Option<(&[u8], MessageInfo)> {
        while !self.ended {
            let next = self.reader.next(&mut Nowhere);
            let failed = self.reader.has_problems() && self.keep_problems();
            if (failed || self.lost > 0) && self.is_hopeless(&next, failed) {
                self.ended = true;
                break;
            }
            let done = match next {
                Next::End => {
                    self.ended = true;
                    self.take()
                }
                Next::Record(record) => self.record(record.node?, record.number, record.offset, failed),
                Next::Unknown(_) | Next::Other => None,
            };
            if let Some(info) = done {
                return Some((&self.given, info));
            }
        }
        None
    }

    /// Whether one of them is an error.
    fn keep_problems(&mut self) -> bool {
        let (mut failed, room) = (false, KEPT.saturating_sub(self.problems.len()));
        let problems = self.reader.problems().inspect(|problem| failed |= !problem.warning);
        self.problems.extend(problems.enumerate().filter(|(nth, _)| *nth < room).map(|(_, problem)| problem));
        failed
    }

    fn is_hopeless(&mut self, next: &Next, failed: bool) -> bool {
        let within = match next {
            Next::Record(record) => {
                record.node.is_some_and(|node| self.within.get(node.0 as usize).copied().unwrap_or(false))
            }
            Next::End => true,
            Next::Unknown(_) | Next::Other => false,
        };
        self.lost = if within { 0 } else { self.lost + usize::from(failed) };
        self.lost >= self.patience
    }

    /// What was found to be wrong since it was asked last.
    pub fn problems(&mut self) -> std::vec::Drain<'_, Problem> {
        self.problems.drain(..)
    }

    /// Appends what stands around the last message, or stood around it at the end: records as in a message, without its own.
    pub fn around(&self, out: &mut Vec<u8>) {
        for (node, record) in &self.around {
            if let Some(record) = record {
                push(*node, record, out);
            }
        }
    }

    /// How many records there were so far.
    pub fn count(&self) -> u64 {
        self.reader.count()
    }

    /// The message that is complete now, if there is one.
    fn take(&mut self) -> Option<MessageInfo> {
        let info = self.info.take()?;
        std::mem::swap(&mut self.given, &mut self.message);
        self.message.clear();
        Some(info)
    }

    fn record(&mut self, node: NodeId, number: u64, offset: u64, failed: bool) -> Option<MessageInfo> {
        let within = self.within.get(node.0 as usize).copied().unwrap_or(false);
        if self.lone && within && self.around.is_empty() {
            self.given.clear();
            push(node, self.reader.record(), &mut self.given);
            return Some(MessageInfo { number, offset, failed });
        }
        let anew = self.reader.opened().any(|opened| opened == self.each);
        let done = if !within || anew { self.take() } else { None };
        for opened in self.reader.opened() {
            for index in self.forgets.get(opened.0 as usize).into_iter().flatten() {
                if let Some((_, record)) = self.around.get_mut(*index) {
                    *record = None;
                }
            }
        }
        let record = self.reader.record();
        if !within {
            if let Some((_, known)) = self.around.iter_mut().find(|(known, _)| *known == node) {
                let known = known.get_or_insert_default();
                known.clear();
                known.extend_from_slice(record);
            }
            return done;
        }
        if anew {
            let mut message = std::mem::take(&mut self.message);
            self.around(&mut message);
            self.message = message;
            self.info = Some(MessageInfo { number, offset, failed: false });
        }
        if let Some(info) = &mut self.info {
            info.failed |= failed;
        }
        for opened in self.reader.opened() {
            let inner = self.within.get(opened.0 as usize).copied().unwrap_or(false);
            if inner && opened != node {
                push(opened, &[], &mut self.message);
            }
        }
        push(node, self.reader.record(), &mut self.message);
        done
    }
}

/// Appends a record behind its node and its length.
pub(super) fn push(node: NodeId, record: &[u8], out: &mut Vec<u8>) {
    out.reserve(HEAD + record.len());
    out.extend_from_slice(&(node.0 as u16).to_be_bytes());
    out.extend_from_slice(&(record.len() as u32).to_be_bytes());
    out.extend_from_slice(record);
}
