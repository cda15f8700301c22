//! What is remembered from record to record, whether a file is read or written.

use portolan_schema::layout::{NodeId, Verify};

use super::{RecordFile, structure::Position, totals::Running};

/// What is known of a file so far.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) position: Position,
    pub(super) known: Known,
    /// What can be tested (or computed) only when a group ends, or the file.
    pub(super) pending: Vec<(Option<NodeId>, Pending)>,
}

/// What conditions and computed values may ask.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) totals: Vec<Running>,
    /// Which of its kind the last one is, by node.
    pub(super) ordinals: Vec<u64>,
    /// The last record of each kind that others ask for, by node.
    pub(super) before: Vec<Option<Vec<u8>>>,
    /// The number of the last record.
    pub(super) number: u64,
    /// How many records there were, those that fill blocks left out.
    pub(super) records: u64,
}

/// A value that waits for the end of a group.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) node: NodeId,
    /// The part: its index at each level.
    pub(super) part: Vec<u32>,
    pub(super) record: Vec<u8>,
    pub(super) number: u64,
    /// Where the record begins.
    pub(super) offset: u64,
    pub(super) verify: Verify,
}

impl State {
    pub(super) fn new(file: &RecordFile) -> Self {
        let nodes = file.forms.len();
        Self {
            position: file.structure.start(),
            known: Known {
                totals: file.totals.start(),
                ordinals: vec![0; nodes],
                before: vec![None; nodes],
                number: 0,
                records: 0,
            },
            pending: Vec::new(),
        }
    }
}
