//! A route as it is served: its policy, its translation, the system that it asks.

use std::{collections::HashMap, ops::Deref, sync::Arc, time::Duration};

use portolan_delivery::{
    BundleHash, DeadLetters, Idempotency, Order, OrderKey, RetryPolicy, RouteView, Target,
};
use portolan_formats::records::RecordFile;
use portolan_mapping::{
    compile::CompiledAcknowledgement,
    file::{RejectLimit, Silence},
    plan::Plan,
};
use portolan_schema::{Protocol, layout::Excerpt};

use crate::{
    made::Made,
    metrics::RouteMetrics,
    systems::System,
    translate::{Keys, Question, Translate},
};

/// How the caller gets the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMode {
    /// The caller waits, and nothing is stored.
    Direct,
    /// The caller waits.
    RequestReply,
    /// The caller gets an operation.
    Operation,
}

impl RouteMode {
    /// As mapping files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::RequestReply => "request-reply",
            Self::Operation => "operation",
        }
    }
}

/// Whether the system may be asked twice, as the mapping declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// No.
    Never,
    /// Yes.
    Always,
    /// Yes, with a key that the mapping computes.
    WithKey,
}

/// One version of a route.
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// The version.
    pub bundle: BundleHash,
    /// The method that it serves.
    pub method: Arc<str>,
    /// The system that it asks.
    pub system: Arc<str>,
    /// How the caller gets the answer.
    pub mode: RouteMode,
    /// Whether the system may be asked twice.
    pub repeat: Repeat,
    /// What a dead letter means for the messages of its order key, where the route has an order.
    pub order: Option<DeadLetters>,
    /// How long the system has for one attempt.
    pub timeout: Duration,
    /// After which no attempt of an operation begins; `None` for as long as the attempts last.
    pub answer_within: Option<Duration>,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// The mapping at work.
    pub translate: Arc<dyn Translate>,
    /// The target's operation.
    pub protocol: Arc<Protocol>,
    /// How the system is asked for its answer, where that comes later.
    pub poll: Option<Poll>,
    /// The way to the system.
    pub target: Arc<dyn Target>,
    /// The full name of the response message, for operations.
    pub response_type: Arc<str>,
    /// Whether those who listen are told what becomes of its messages, from their acceptance on.
    pub announced: bool,
    /// The source contract for reflection: a serialized `FileDescriptorSet`.
    pub descriptors: Arc<[u8]>,
    /// The files that it takes: where it has no method, each of their messages is one of its own; else they answer those that were
    /// sent.
    pub files: Option<Arc<FileSource>>,
    /// The file that its messages gather into.
    pub made: Option<Arc<Made>>,
}

/// Files as the source of a route.
#[derive(Debug)]
pub struct FileSource {
    /// The system that drops them.
    pub system: Arc<str>,
    /// The names of those that are taken; all, where `None`.
    pub pattern: Option<Arc<str>>,
    /// How they are read.
    pub file: RecordFile,
    /// What a message is.
    pub excerpt: Arc<Excerpt>,
    /// How many messages may fail.
    pub rejects: Option<RejectLimit>,
    /// Its messages go as they are read: nothing refuses the file.
    pub as_read: bool,
    /// What tells whoever dropped one what became of it.
    pub acknowledgement: Option<CompiledAcknowledgement>,
    /// By what it is known which message a record answers, where that is what they do.
    pub answers: Option<Plan>,
    /// What it means that no answer came in time.
    pub silence: Silence,
}

/// How a system is asked for its answer.
pub struct Poll {
    /// The operation that gives it.
    pub protocol: Arc<Protocol>,
    /// The pause before each time.
    pub every: Duration,
}

/// A route that an engine serves.
pub(crate) struct Served {
    pub(crate) route: Route,
    /// What is counted of it.
    pub(crate) metrics: Arc<RouteMetrics>,
    /// Whether its system may be asked now.
    pub(crate) gate: Arc<System>,
}

impl Deref for Served {
    type Target = Route;

    fn deref(&self) -> &Route {
        &self.route
    }
}

impl Route {
    /// Whether messages of this route have a ledger row.
    pub(crate) fn has_ledger_row(&self) -> bool {
        match self.mode {
            RouteMode::Direct => false,
            RouteMode::RequestReply => self.repeat != Repeat::Always || self.order.is_some(),
            RouteMode::Operation => true,
        }
    }

    /// What the system is asked when it gives its answer.
    pub fn last_question(&self) -> Question {
        if self.poll.is_some() { Question::Answer } else { Question::Request }
    }

    /// What an envelope says about repeating.
    pub(crate) fn idempotency(&self, keys: &Keys) -> Idempotency {
        match (self.repeat, &keys.idempotency_key) {
            (Repeat::Never, _) => Idempotency::No,
            (Repeat::WithKey, Some(key)) if !key.is_empty() => Idempotency::Key(key.clone()),
            // A key that is absent or empty protects nothing: such a message is not repeated.
            (Repeat::WithKey, _) => Idempotency::No,
            (Repeat::Always, _) => Idempotency::Yes,
        }
    }

    /// Its place among others. A key that is absent or empty puts a message in no order.
    pub(crate) fn order(&self, keys: &Keys) -> Option<Order> {
        let key = keys.order_key.as_deref().filter(|key| !key.is_empty())?;
        Some(Order { key: OrderKey::of(&self.name, key), dead_letters: self.order? })
    }

    pub(crate) fn view(&self) -> RouteView {
        RouteView {
            route: self.name.clone(),
            method: self.method.clone(),
            system: self.system.clone(),
            mode: self.mode.name().into(),
            bundle: self.bundle.to_string(),
        }
    }
}

/// The routes that are served now. Replaced whole, so that a call sees one state of the files or the next.
#[derive(Default)]
pub(crate) struct RouteTable {
    pub(crate) generation: u64,
    pub(crate) by_method: HashMap<Arc<str>, Arc<Served>>,
    pub(crate) by_name: HashMap<Arc<str>, Arc<Served>>,
}

impl RouteTable {
    pub(crate) fn new(generation: u64, routes: impl IntoIterator<Item = Arc<Served>>) -> Self {
        let mut table = Self { generation, ..Self::default() };
        for route in routes {
            if !route.method.is_empty() {
                table.by_method.insert(route.method.clone(), route.clone());
            }
            table.by_name.insert(route.name.clone(), route);
        }
        table
    }

    pub(crate) fn views(&self) -> Vec<RouteView> {
        let mut views: Vec<_> = self.by_name.values().map(|r| r.view()).collect();
        views.sort_by(|a, b| a.route.cmp(&b.route));
        views
    }
}
