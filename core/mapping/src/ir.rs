//! A mapping after checking and before compiling: every path resolved to a slot or a target field, every type
//! settled. What the checker makes and the plan consumes.

use std::sync::Arc;

use portolan_diagnostics::Span;
use portolan_formats::{FrameId, Selection, SlotRef};
use portolan_schema::{FieldId, RecordId};

use crate::functions::Prepared;

pub use portolan_syntax::expression::{Arithmetic, Comparison};

/// One direction of a route, checked: source document to target document.
#[derive(Debug, Clone)]
pub struct Translation {
    /// What is read of the source.
    pub selection: Selection,
    /// What a reply reads of the request that it answers (`original`).
    pub original: Option<Selection>,
    /// Tested first, in order; the first that does not hold refuses the message.
    pub require: Vec<Require>,
    /// Failures that arrive as normal replies; the first that holds decides.
    pub fail: Vec<Failure>,
    /// What must be there once `fail` did not decide (`response.from`): where it is absent, the message is refused,
    /// because everything that would be written comes from it.
    pub given: Option<SourceSlot>,
    /// The fields of the target document's record, in schema order.
    pub write: Vec<Write>,
    /// How many values of items of lists are kept: each [`Local`] is below.
    pub locals: u16,
}

/// How a reply is treated: it is read once, tested for a fault, then for a failure that arrives as a normal reply
/// (`response.fail`), and then written.
///
/// The slots of `faults` are those of `response.selection` and `response.original`: make one [`Selection`] for both,
/// and ask it for the fault's fields as well. A reply that holds a fault has no body, so a selected body is absent then.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The normal reply; its selections serve the fault rules too.
    pub response: Translation,
    /// What to do with a fault; `None` where the target's contract has no faults in band (gRPC).
    pub faults: Option<FaultRules>,
}

/// What to do with a SOAP fault: rules tested in order, over the slots of the [`Reply`]'s response translation.
#[derive(Debug, Clone)]
pub struct FaultRules {
    /// The slot whose presence says that the reply is a fault.
    pub present: SlotRef,
    /// The fault's code and reason, where the contract has them: for the error text and the ledger.
    pub code: Option<Expr>,
    /// See `code`.
    pub reason: Option<Expr>,
    /// The rules.
    pub rules: Vec<Failure>,
}

/// A condition that the request must meet.
#[derive(Debug, Clone)]
pub struct Require {
    /// Must be true.
    pub that: Expr,
    /// The caller's own field, as the caller names it (`national_id`).
    pub field: Option<Arc<str>>,
    /// What to tell the caller.
    pub message: Arc<str>,
    /// For the trace.
    pub span: Span,
}

/// A rule that turns a reply into a failure.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Must be true; `None` always is.
    pub when: Option<Expr>,
    /// The gRPC status code by its number (google.rpc.Code).
    pub status: i32,
    /// What to tell the caller.
    pub message: Option<Expr>,
    /// The caller's field at fault.
    pub field: Option<Arc<str>>,
    /// The reason of ErrorInfo; by default made of the fault's code.
    pub reason: Option<Arc<str>>,
    /// The system did nothing, so it may be asked again.
    pub retry: bool,
    /// For the trace.
    pub span: Span,
}

/// A target field and how it is filled.
#[derive(Debug, Clone)]
pub struct Write {
    /// The record that the field belongs to.
    pub record: RecordId,
    /// The field.
    pub field: FieldId,
    /// Its content.
    pub content: WriteContent,
    /// The rule, for the trace and for run-time errors.
    pub span: Span,
}

/// How a target field is filled.
///
/// Presence: a source field without presence (`Presence::Implicit`) that holds its default is first taken as absent.
/// Only where the target is required, or inside an operator (comparison, arithmetic, logic, `in`, a function of several
/// arguments that are not constants), it stands for its default value. The plan sees to that; the checker need not.
#[derive(Debug, Clone)]
pub enum WriteContent {
    /// A scalar. Absent leaves the field out (an error at run time where it is required), nil writes nil.
    Scalar(Expr),
    /// A record; it exists only if a child does, or always where the target requires it.
    Record {
        /// Present only if this slot is (`from:`); `None` depends on the children alone.
        given: Option<SourceSlot>,
        /// The children, in schema order.
        write: Vec<Write>,
    },
    /// A list, one target item for each source item.
    Each {
        /// The source list.
        list: SourceSlot,
        /// The frame that an item makes current.
        frame: FrameId,
        /// The slot of the item itself, for nil.
        item: SlotRef,
        /// What to do with nil items.
        nil: NilPolicy,
        /// How an item is filled: `Scalar` or `Record`.
        content: Box<WriteContent>,
    },
    /// The same of a list that an expression makes.
    Through {
        /// The list.
        list: List,
        /// What to do with nil items that are left in it.
        nil: NilPolicy,
        /// How an item is filled: `Scalar` or `Record`.
        content: Box<WriteContent>,
    },
    /// Items that are written out, each filled as `Scalar`, `Record` or `Cases`; those without a value are left out.
    Items(Vec<WriteContent>),
    /// Alternatives, each filling the same field.
    Cases(Vec<(Option<Expr>, WriteContent)>),
}

/// What to do with a nil item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NilPolicy {
    /// The message is refused.
    #[default]
    Refuse,
    /// The item is left out.
    Skip,
    /// A nil item is written; an error at check time where the target has no nil.
    Keep,
}

/// Which captured document a slot belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The document being translated.
    Message,
    /// In replies: the request.
    Original,
}

/// A slot of one of the two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceSlot {
    /// Which document.
    pub side: Side,
    /// The slot.
    pub slot: SlotRef,
}

/// Something that a message may have or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A field.
    Slot(SourceSlot),
    /// Metadata of the caller, by lower-case name.
    Metadata(Arc<str>),
    /// Something of the message's envelope.
    Context(ContextField),
}

/// A typed expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// A scalar field of the source, decoded as its contract says.
    Field {
        /// Where it is captured.
        slot: SourceSlot,
        /// Its declaration in the source schema: scalar type and wire kind.
        record: RecordId,
        /// See `record`.
        field: FieldId,
        /// The path as written, for errors.
        path: Arc<str>,
    },
    /// Whether something is there and not nil: `has(x)`.
    Has(Given),
    /// Whether a field is there and nil: `isnil(x)`.
    IsNil(SourceSlot),
    /// How many items a list has: `size(x)`.
    Size(SourceSlot),
    /// What a step of a list made of the current item.
    Local(Local),
    /// What a list comes to.
    Fold {
        /// How.
        fold: Fold,
        /// Of which.
        list: Box<List>,
        /// For run-time errors.
        span: Span,
    },
    /// A constant.
    Constant(Constant),
    /// Something of the message's envelope.
    Context(ContextField),
    /// Metadata of the caller, by lower-case name.
    Metadata(Arc<str>),
    /// A function of the library, by its index in `functions::LIBRARY`, with its arguments (the receiver first).
    Call {
        /// Index in the library.
        function: usize,
        /// The receiver first.
        args: Vec<Expr>,
        /// What was made of constants among them.
        prepared: Vec<Prepared>,
        /// For run-time errors.
        span: Span,
    },
    /// `default(x, y)`: y where x is absent or nil.
    Default(Box<Expr>, Box<Expr>),
    /// `nullif(x, y)`: absent where x equals y.
    NullIf(Box<Expr>, Box<Expr>),
    /// `!x`
    Not(Box<Expr>),
    /// All true, tested in order.
    And(Vec<Expr>),
    /// Any true, tested in order.
    Or(Vec<Expr>),
    /// A comparison of two values of one type.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Equal to one of the constants.
    In(Box<Expr>, Vec<Constant>),
    /// Exact arithmetic on integers or decimals; `+` on text joins.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// Alternatives; the first whose condition holds. `None` always holds. None that holds: absent.
    Cases(Vec<(Option<Expr>, Expr)>),
    /// The key of the row of a table that has a value.
    LookupKey {
        /// Index in [`Tables`].
        table: usize,
        /// The value.
        value: Box<Expr>,
        /// For run-time errors.
        span: Span,
    },
    /// A row of a table.
    Lookup {
        /// Index in [`Tables`].
        table: usize,
        /// The key.
        key: Box<Expr>,
        /// For run-time errors: a key without a row names the table, never the key.
        span: Span,
    },
}

/// A value of the current item, or the items of the current group, by its number within the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local(pub u16);

/// A list that an expression makes: where its items come from, and what becomes of them, step by step.
#[derive(Debug, Clone)]
pub struct List {
    /// Where they come from.
    pub items: Items,
    /// What becomes of them.
    pub steps: Vec<Step>,
}

/// Where the items of a list come from.
#[derive(Debug, Clone)]
pub enum Items {
    /// The items of a list of the source.
    Rows {
        /// The list.
        list: SourceSlot,
        /// The frame that an item makes current.
        frame: FrameId,
        /// The slot of the item itself.
        item: SlotRef,
    },
    /// The parts of a text; an absent one has none.
    Parts {
        /// The text.
        text: Box<Expr>,
        /// How it is cut.
        cut: Cut,
        /// Where a part is kept while it is looked at.
        local: Local,
    },
    /// The items of the current group.
    Members {
        /// Where the group keeps them.
        members: Local,
        /// How one is looked at.
        view: View,
    },
}

/// How an item of a group is looked at: each time by a place of its own, because two expressions may go through the same group
/// at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A row of the source's list, by this frame.
    Row {
        /// Which document.
        side: Side,
        /// The frame that the item makes current.
        frame: FrameId,
        /// The slot of the item itself.
        item: SlotRef,
    },
    /// What a step made.
    Value(Local),
    /// A group again.
    Group {
        /// Where its key is kept.
        key: Local,
        /// Where its items are kept.
        members: Local,
    },
}

/// How a text is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// At each separator.
    At(Arc<str>),
    /// At each line's end.
    Lines,
    /// After so many characters.
    Every(usize),
}

/// What becomes of the items of a list.
#[derive(Debug, Clone)]
pub enum Step {
    /// Those go on of which this holds.
    Keep(Expr),
    /// This value goes on in the item's place, if it is there.
    Value(Expr, Local),
    /// The first goes on of those of which this is equal.
    Distinct(Expr),
    /// They go on in the order of this, those of which it is equal as they come.
    Sort(Expr),
    /// They go on in the opposite order.
    Reverse,
    /// Groups of those of which this is equal go on in their place, in the order in which each first appears.
    Group {
        /// What is equal within a group.
        by: Expr,
        /// Where it is kept while the group is looked at.
        key: Local,
        /// Where the items of the group are kept.
        members: Local,
    },
}

/// What a list comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fold {
    /// How many items there are.
    Count,
    /// Whether there is one.
    Any,
    /// Their sum; 0 of none.
    Sum,
    /// The first; absent of none.
    First,
    /// The last.
    Last,
    /// The smallest.
    Least,
    /// The largest.
    Greatest,
    /// All of them, with this between them.
    Join(Arc<str>),
}

/// A value known when the mapping loads.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Constant {
    Absent,
    Text(Arc<str>),
    Bool(bool),
    Integer(i128),
    Decimal(portolan_formats::Decimal),
    Date(jiff::civil::Date),
}

/// What `context` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextField {
    /// The message's id.
    MessageId,
    /// The route's name.
    Route,
    /// The authenticated caller, or absent.
    Caller,
    /// When the message was accepted; what `now()` gives too.
    Received,
    /// The attempt, from 1.
    Attempt,
    /// The caller's request id, or absent.
    RequestId,
    /// The number of the file, among those of its route; only in what stands around its messages.
    Sequence,
}

/// The tables of a mapping: keys to values, both text or numbers as written.
#[derive(Debug, Clone, Default)]
pub struct Tables(pub Vec<Arc<Table>>);

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: Arc<str>,
    /// Its rows.
    pub rows: std::collections::HashMap<Arc<str>, Constant>,
    /// What a code outside the table becomes, where the mapping says so.
    pub default: Option<Constant>,
    /// Where it is declared.
    pub span: Span,
    /// Where its rows come from.
    pub origin: RowsFrom,
    /// Where each row stands, the default by its key `default`.
    pub places: std::collections::HashMap<Arc<str>, RowPlace>,
}

/// Where the rows of a table come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsFrom {
    /// They stand in the mapping.
    Mapping,
    /// They stand in a file, which may serve other mappings too: not all of its keys need to come in this one.
    File,
    /// They could not be read, so nothing is known of what they lack.
    Nowhere,
}

/// Where a row of a table stands.
#[derive(Debug, Clone, Copy)]
pub struct RowPlace {
    /// Its key.
    pub key: Span,
    /// Its value.
    pub value: Span,
}
