//! Files that are made of messages, as a mapping declares them: when one is cut, which messages share a group, what stands around them, and
//! what answers them.

use std::{sync::Arc, time::Duration};

use jiff::civil::Time;
use portolan_diagnostics::Span;

use crate::{
    calendar::Calendar,
    expression::Leaf,
    file::{FailRule, Placed, Rule},
};

/// A file as target: each message is a record of it.
#[derive(Debug, Clone)]
pub struct FileTarget {
    /// The system that is given the file, by its name in the configuration.
    pub system: Placed<String>,
    /// The layout file.
    pub layout: Placed<String>,
    /// The record that is written for each message.
    pub record: Placed<String>,
    /// What its files are called; by route and number, where `None`.
    pub name: Option<Placed<String>>,
    /// When one is cut.
    pub cut: Option<Placed<Cut>>,
    /// Which messages share a group of the layout.
    pub group: Vec<GroupRule>,
    /// What stands around them: rules for headers and trailers, by the names of their records.
    pub file: Option<Placed<Rule>>,
    /// What answers them.
    pub answers: Option<Box<Match>>,
}

/// When a file is cut. Without anything said, by command only.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    /// At these times of day.
    pub at: Vec<Time>,
    /// Of this zone; of UTC, where `None`.
    pub zone: Option<Placed<String>>,
    /// On the business days of this calendar of the route.
    pub calendar: Option<Placed<String>>,
    /// What that calendar says, once it was read.
    pub days: Option<Arc<Calendar>>,
    /// When the oldest message has waited for so long.
    pub every: Option<Duration>,
    /// When there are so many messages; no file has more.
    pub max_records: Option<u64>,
}

/// Messages of which some fields are equal share a group.
#[derive(Debug, Clone)]
pub struct GroupRule {
    /// The group, by its path in the layout.
    pub group: Placed<String>,
    /// Fields of the message.
    pub by: Vec<Leaf>,
    /// The rule.
    pub span: Span,
}

/// Files that answer.
#[derive(Debug, Clone)]
pub struct Match {
    /// Who drops them: the system that was given the file, where `None`.
    pub system: Option<Placed<String>>,
    /// The layout file.
    pub layout: Placed<String>,
    /// The names of the files that are taken.
    pub pattern: Option<Placed<String>>,
    /// The record that answers a message.
    pub each: Placed<String>,
    /// Which message it answers: `reply.reference == sent.reference`.
    pub on: Leaf,
    /// What it means that no answer came in time.
    pub silence: Placed<Silence>,
    /// Answers that are failures.
    pub fail: Vec<FailRule>,
    /// The key `match`.
    pub span: Span,
}

/// What it means that no record answered a message by its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Silence {
    /// A person has to ask what became of it.
    #[default]
    Overdue,
    /// No news is good news: it is done.
    Done,
}

impl Silence {
    /// As written in a mapping.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Done => "done",
        }
    }
}
