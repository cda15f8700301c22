//! A mapping file as it was written: what was typed, lowered into what is valid, with the place of everything that
//! a finding may have to point at.

use std::{collections::HashMap, sync::Arc, time::Duration};

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::Unknown;

use crate::{
    calendar::Calendar,
    expression::{Leaf, Segment},
    ir::{NilPolicy, Table},
};

pub use crate::outgoing::{Cut, FileTarget, GroupRule, Match, Silence};
pub use portolan_syntax::Placed;

/// A mapping file: one or more routes.
#[derive(Debug, Clone)]
pub struct MappingFile {
    /// The file.
    pub source: SourceId,
    /// Routes that take files.
    pub batches: Vec<BatchRoute>,
    /// Its routes, in order.
    pub routes: Vec<MappingRoute>,
}

/// A route that takes a file of records, a message each.
#[derive(Debug, Clone)]
pub struct BatchRoute {
    /// Its name.
    pub name: Placed<Arc<str>>,
    /// Whose file it is.
    pub source: BatchSource,
    /// What becomes of each message.
    pub target: BatchTarget,
    /// Messages that are left out, with the reason.
    pub skip: Vec<SkipRule>,
    /// How messages are delivered.
    pub delivery: Delivery,
    /// So many messages of a file may fail; any number, where `None`.
    pub rejects: Option<RejectLimit>,
    /// Its messages go as they are read, and not once the file is known to be sound.
    pub as_read: bool,
    /// What tells whoever dropped a file what became of it.
    pub acknowledge: Option<Acknowledge>,
    /// The way there.
    pub request: Direction,
    /// What the system's answer means.
    pub answer: Answer,
    /// Tables, in order.
    pub tables: Vec<Table>,
    /// Those of them whose rows stand in files of their own, by index.
    pub table_files: Vec<(usize, TableFile)>,
    /// Calendars, in order.
    pub calendars: Vec<CalendarFile>,
    /// Groups of rules for reuse.
    pub maps: HashMap<String, Placed<Vec<FieldRule>>>,
    /// What may be shown in logs and traces.
    pub visible: Visible,
    /// Something of it could not be read: it is checked as far as it goes, and never served.
    pub broken: bool,
}

/// What the answer of a system means, where nobody waits for what it says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The route.
    pub span: Span,
    /// Answers that are failures.
    pub fail: Vec<FailRule>,
    /// What a fault means.
    pub faults: Vec<FailRule>,
}

/// A file in a layout of its own, for whoever dropped one.
#[derive(Debug, Clone)]
pub struct Acknowledge {
    /// The layout file.
    pub layout: Placed<String>,
    /// What it is called; as the file that was dropped and `.ack`, where `None`.
    pub name: Option<Placed<String>>,
    /// The record that is written for each problem; none, where `None`.
    pub record: Option<Placed<String>>,
    /// What it holds.
    pub body: Option<Placed<Rule>>,
    /// What the other records hold, by their names.
    pub file: Option<Placed<Rule>>,
    /// The key `acknowledge`.
    pub span: Span,
}

/// How many messages of a file may fail before all of it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectLimit {
    /// So many.
    Count(u64),
    /// So many of ten thousand: hundredths of a per cent.
    Share(u32),
}

impl RejectLimit {
    /// Whether so many of so many messages are too many.
    pub fn is_exceeded(self, rejected: u64, of: u64) -> bool {
        match self {
            Self::Count(most) => rejected > most,
            Self::Share(share) => u128::from(rejected) * 10_000 > u128::from(of) * u128::from(share),
        }
    }
}

/// A file as source.
#[derive(Debug, Clone)]
pub struct BatchSource {
    /// The system's name in the configuration.
    pub system: Placed<String>,
    /// The layout file.
    pub layout: Placed<String>,
    /// The names of the files that are taken.
    pub pattern: Option<Placed<String>>,
    /// The record of which there is a message each: `employer.employee`.
    pub each: Placed<String>,
}

/// What a record of a file becomes.
#[derive(Debug, Clone)]
pub enum BatchTarget {
    /// A call of a gRPC method.
    Grpc {
        /// The system's name in the configuration.
        system: Placed<String>,
        /// The method.
        grpc: GrpcSource,
    },
    /// A SOAP operation.
    Soap(SoapTarget),
    /// A record of another file.
    Batch(Box<FileTarget>),
}

/// Messages that are left out.
#[derive(Debug, Clone)]
pub struct SkipRule {
    /// Must hold.
    pub when: Leaf,
    /// Why.
    pub reason: Arc<str>,
    /// The rule.
    pub span: Span,
}

/// A route as a mapping file declares it.
#[derive(Debug, Clone)]
pub struct MappingRoute {
    /// Its name.
    pub name: Placed<Arc<str>>,
    /// Who asks.
    pub source: GrpcSource,
    /// Who is asked.
    pub target: RouteTarget,
    /// How it is delivered.
    pub delivery: Delivery,
    /// The way there.
    pub request: Direction,
    /// The way back.
    pub response: Direction,
    /// What a fault becomes.
    pub faults: Vec<FailRule>,
    /// Tables, in order.
    pub tables: Vec<Table>,
    /// Those of them whose rows stand in files of their own, by index.
    pub table_files: Vec<(usize, TableFile)>,
    /// Calendars, in order.
    pub calendars: Vec<CalendarFile>,
    /// Groups of rules for reuse.
    pub maps: HashMap<String, Placed<Vec<FieldRule>>>,
    /// What may be shown in logs and traces.
    pub visible: Visible,
    /// Something of it could not be read: it is checked as far as it goes, and never served.
    pub broken: bool,
}

/// Who is asked, and how.
#[derive(Debug, Clone)]
pub enum RouteTarget {
    /// A SOAP operation.
    Soap(Box<SoapTarget>),
    /// A file, of which each message becomes a record.
    File(Box<FileTarget>),
}

impl RouteTarget {
    /// The system's name in the configuration.
    pub fn system(&self) -> &Placed<String> {
        match self {
            Self::Soap(soap) => &soap.system,
            Self::File(file) => &file.system,
        }
    }
}

/// A gRPC method as source.
#[derive(Debug, Clone)]
pub struct GrpcSource {
    /// The `.proto`.
    pub proto: Placed<String>,
    /// Where imports are looked for besides the file's own folder.
    pub import_paths: Vec<Placed<String>>,
    /// `package.Service/Method`.
    pub method: Placed<String>,
}

/// A SOAP operation as target.
#[derive(Debug, Clone)]
pub struct SoapTarget {
    /// The system's name in the configuration.
    pub system: Placed<String>,
    /// The WSDL.
    pub wsdl: Placed<String>,
    /// The operation.
    pub operation: Placed<String>,
    /// The WSDL's service, where the operation's name is not enough.
    pub service: Option<Placed<String>>,
    /// The port, likewise.
    pub port: Option<Placed<String>>,
    /// Local files for what the WSDL would load from the network.
    pub schemas: Vec<(Placed<String>, Placed<String>)>,
}

/// How a message is delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whether the caller waits; `None` where what is written is no mode.
    pub mode: Placed<Option<Mode>>,
    /// Whether the system may be asked twice.
    pub idempotent: Idempotent,
    /// Which messages go one after the other; none, where `None`.
    pub order: Option<Placed<Order>>,
    /// How long one attempt may take; the system's own timeout where `None`.
    pub timeout: Option<Duration>,
    /// How long the message may be tried at all.
    pub deadline: Option<Duration>,
    /// When it is tried again; never, where `None`.
    pub retry: Option<Retry>,
    /// How the answer is asked for, where the system gives it later.
    pub poll: Option<Placed<Poll>>,
}

/// The system takes the request, and is asked for its answer by another operation, again and again. `None` where what there
/// must be is missing, which was reported.
#[derive(Debug, Clone)]
pub struct Poll {
    /// The operation, of the target's WSDL.
    pub operation: Option<Placed<String>>,
    /// The pause before each time it is asked.
    pub every: Option<Duration>,
    /// When the answer is there.
    pub until: Option<Leaf>,
    /// What the operation is asked, made of the reply to the request.
    pub request: Option<Direction>,
    /// What a fault of it becomes; as a fault of the request, where `None`.
    pub faults: Option<Vec<FailRule>>,
}

/// Whether the caller waits, and what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The caller waits, nothing is stored.
    Direct,
    /// The caller waits, and the attempt is recorded.
    RequestReply,
    /// The caller gets an operation, and the answer later.
    Operation,
}

impl Mode {
    /// As written in a mapping.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::RequestReply => "request-reply",
            Self::Operation => "operation",
        }
    }
}

/// Whether the system may be asked twice.
#[derive(Debug, Clone)]
pub enum Idempotent {
    /// It may not.
    No,
    /// It may.
    Yes,
    /// It may, because it is sent a key by which it knows the repetition.
    Key(Leaf),
}

/// Messages with the same key go one after the other.
#[derive(Debug, Clone)]
pub struct Order {
    /// The key.
    pub key: Leaf,
    /// What a dead letter means for the messages after it.
    pub dead_letters: DeadLetters,
}

/// What a dead letter means for the messages of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadLetters {
    /// They wait until a person has decided about it.
    #[default]
    Hold,
    /// They go on without it.
    Pass,
}

impl DeadLetters {
    /// As written in a mapping.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Pass => "pass",
        }
    }
}

/// When to try again, by the names of gRPC's service configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first one included.
    pub max_attempts: u32,
    /// Before the second attempt.
    pub initial_backoff: Duration,
    /// At most between two attempts.
    pub max_backoff: Duration,
    /// How the wait grows.
    pub backoff_multiplier: f64,
}

/// The rules of one direction.
#[derive(Debug, Clone)]
pub struct Direction {
    /// The key `request` or `response`.
    pub span: Span,
    /// Conditions that the message must meet.
    pub require: Vec<RequireRule>,
    /// Replies that are failures.
    pub fail: Vec<FailRule>,
    /// Where the paths of `header` and `body` begin.
    pub from: Option<Leaf>,
    /// Header blocks.
    pub header: Option<Placed<Rule>>,
    /// The payload.
    pub body: Option<Placed<Rule>>,
    /// Source fields that are known and not wanted.
    pub ignore: Vec<Placed<IgnoredPath>>,
    /// What to do with fields that the contract does not know.
    pub unknown: Unknown,
}

/// A path of `ignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredPath {
    /// Its names.
    pub path: Vec<Segment>,
    /// Whether it ends in `.*`: everything under it that is not mapped.
    pub below: bool,
}

/// A condition on a message.
#[derive(Debug, Clone)]
pub struct RequireRule {
    /// Must hold.
    pub that: Leaf,
    /// The caller's field.
    pub field: Option<Placed<String>>,
    /// What to tell the caller.
    pub message: Arc<str>,
    /// The rule.
    pub span: Span,
}

/// A failure, of a normal reply or of a fault.
#[derive(Debug, Clone)]
pub struct FailRule {
    /// Must hold; `None` always does.
    pub when: Option<Leaf>,
    /// The number of the gRPC status.
    pub status: i32,
    /// What to tell the caller: an expression or a constant.
    pub message: Option<Placed<Rule>>,
    /// The caller's field.
    pub field: Option<Placed<String>>,
    /// For ErrorInfo.
    pub reason: Option<Arc<str>>,
    /// The system did nothing.
    pub retry: bool,
    /// The rule.
    pub span: Span,
}

/// A target field with its rule.
#[derive(Debug, Clone)]
pub struct FieldRule {
    /// The field's name.
    pub field: Placed<String>,
    /// How it is filled.
    pub rule: Placed<Rule>,
}

/// How a target field is filled.
#[derive(Debug, Clone)]
pub enum Rule {
    /// An expression, most often a path.
    Expression(Leaf),
    /// `{ const: ... }`
    Constant(ConstantText),
    /// Fields of a record.
    Fields(Vec<FieldRule>),
    /// A group of `maps:`.
    Group(Placed<String>),
    /// `{ from: path, map: ... }`
    From(Leaf, Box<Placed<Rule>>),
    /// `{ each: c in path, map: ... }`
    Each {
        /// The name of an item.
        variable: Segment,
        /// The list.
        list: Leaf,
        /// What to do with nil items.
        nil: NilPolicy,
        /// How an item is filled.
        item: Box<Placed<Rule>>,
    },
    /// `cases:`
    Cases(Vec<Case>),
    /// `[ rule, rule ]`: a list whose items are written out.
    Items(Vec<Placed<Rule>>),
    /// `{ absent: true }`: said to be left out.
    Absent,
    /// Something that was already reported.
    Broken,
}

/// A constant as written.
#[derive(Clone, PartialEq, Eq)]
pub struct ConstantText {
    /// Its text.
    pub text: Arc<str>,
    /// Whether it stands without quotes.
    pub plain: bool,
    /// Whether it came from where secrets are kept: no finding quotes it.
    pub hidden: bool,
}

impl std::fmt::Debug for ConstantText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.hidden { "********" } else { &self.text })
    }
}

/// One of several alternatives.
#[derive(Debug, Clone)]
pub struct Case {
    /// Must hold; `None` is `otherwise`.
    pub when: Option<Leaf>,
    /// The content.
    pub rule: Placed<Rule>,
    /// The alternative.
    pub span: Span,
}

/// What may be shown; everything else is masked.
#[derive(Debug, Clone, Default)]
pub struct Visible {
    /// Paths of the request.
    pub request: Vec<Leaf>,
    /// Paths of the reply.
    pub response: Vec<Leaf>,
}

/// A calendar in a file of its own: `{ banks: bank-days.yaml }`.
#[derive(Debug, Clone)]
pub struct CalendarFile {
    /// The name that functions use.
    pub name: Placed<Arc<str>>,
    /// The file, beside the mapping.
    pub file: Placed<String>,
    /// What it says, once it was read without errors.
    pub calendar: Option<Arc<Calendar>>,
}

/// Where the rows of a table stand: `{ file: reasons.csv, key: code, value: name }`.
#[derive(Debug, Clone)]
pub struct TableFile {
    /// The file, beside the mapping.
    pub file: Placed<String>,
    /// The column of the keys.
    pub key: Option<Placed<String>>,
    /// The column of the values.
    pub value: Option<Placed<String>>,
}
