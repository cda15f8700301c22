//! Why a message could not be translated: by the names of both contracts, never with a value.

use crate::functions::EvalError;
use portolan_diagnostics::Span;
use portolan_formats::{ReadError, Unwritable, protobuf::Broken};
use std::{fmt, sync::Arc};

/// Why a run ended without a document.
#[derive(Debug, Clone, PartialEq)]
pub enum RunError {
    /// A `require` does not hold.
    Refused {
        /// What to tell the caller.
        message: Arc<str>,
        /// The caller's field.
        field: Option<Arc<str>>,
        /// The rule.
        span: Span,
    },
    /// A rule of `skip` leaves the message out.
    Skipped {
        /// Why.
        reason: Arc<str>,
    },
    /// The document could not be read.
    Read(ReadError),
    /// The document breaks a rule of its contract.
    Broken {
        /// Which, and where.
        broken: Broken,
        /// Whether it is the document that was written.
        written: bool,
    },
    /// The request that the reply answers could not be read again.
    Original(ReadError),
    /// A value does not fit, or an expression has none.
    Value {
        /// The source path, as the mapping writes it, where one field is at fault.
        source: Option<Arc<str>>,
        /// The target path.
        target: Option<Arc<str>>,
        /// The class of problem.
        problem: EvalError,
        /// The rule.
        span: Option<Span>,
    },
    /// What `response.from` names is not there, and no `fail` rule said why.
    NothingGiven,
    /// A field that the target's contract demands has nothing to hold.
    Missing {
        /// The target path.
        target: Arc<str>,
        /// The source path, where the rule reads one field.
        source: Option<Arc<str>>,
        /// The rule.
        span: Span,
    },
    /// Two members of one choice or oneof would stand together.
    Alternatives {
        /// The target paths.
        targets: [Arc<str>; 2],
        /// The rule of the second.
        span: Span,
    },
    /// A list holds a nil item, and the mapping does not say what to do with it.
    NilItem {
        /// The target path.
        target: Arc<str>,
        /// The rule.
        span: Span,
    },
    /// A list has more items than the target's contract allows.
    TooMany {
        /// The target path.
        target: Arc<str>,
        /// The rule.
        span: Span,
    },
    /// The target cannot hold what the document is as a whole.
    Unwritable(Unwritable),
    /// A reply that says that it failed, by a `fail` rule.
    Failed(FailureOutcome),
}

/// What a failure rule made of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureOutcome {
    /// The gRPC status code by its number (google.rpc.Code).
    pub status: i32,
    /// What to tell the caller.
    pub message: Option<String>,
    /// Whether the message is made of the reply. A constant, or a row of a table, is the mapping's own.
    pub personal: bool,
    /// The caller's field at fault.
    pub field: Option<Arc<str>>,
    /// The reason of ErrorInfo.
    pub reason: Option<Arc<str>>,
    /// The system did nothing, so it may be asked again.
    pub retry: bool,
    /// The rule.
    pub span: Span,
}

impl RunError {
    /// The rule of the mapping, where one is at fault.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Refused { span, .. }
            | Self::Missing { span, .. }
            | Self::NilItem { span, .. }
            | Self::Alternatives { span, .. }
            | Self::TooMany { span, .. } => Some(*span),
            Self::Value { span, .. } => *span,
            Self::Failed(outcome) => Some(outcome.span),
            Self::Read(_)
            | Self::Original(_)
            | Self::Broken { .. }
            | Self::NothingGiven
            | Self::Unwritable(_)
            | Self::Skipped { .. } => None,
        }
    }

    /// Of the request that is read again.
    pub(super) fn of_original(self) -> Self {
        match self {
            Self::Read(error) => Self::Original(error),
            other => other,
        }
    }

    /// The field of the source at fault, as the mapping names it.
    pub fn source_path(&self) -> Option<String> {
        match self {
            Self::Refused { field, .. } => field.as_deref().map(str::to_owned),
            Self::Value { source, .. } | Self::Missing { source, .. } => source.as_deref().map(str::to_owned),
            Self::Read(error) if !error.path.is_empty() => Some(error.path.join(".")),
            Self::Broken { broken, written: false } if !broken.path.is_empty() => Some(broken.path.clone()),
            _ => None,
        }
    }
}

impl std::error::Error for RunError {}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message, field: Some(field), .. } => write!(f, "`{field}`: {message}"),
            Self::Refused { message, field: None, .. } => f.write_str(message),
            Self::Skipped { reason } => write!(f, "the message is left out: {reason}"),
            Self::Read(error) => write!(f, "{error}"),
            Self::Broken { broken, written: false } => write!(f, "{broken}"),
            Self::Broken { broken, written: true } => {
                write!(f, "what was written breaks a rule of its contract: {broken}")
            }
            Self::Original(error) => write!(f, "the request cannot be read again: {error}"),
            Self::Value { source, target, problem, .. } => {
                match (source, target) {
                    (Some(source), Some(target)) => write!(f, "`{source}` to `{target}`: ")?,
                    (Some(one), None) | (None, Some(one)) => write!(f, "`{one}`: ")?,
                    (None, None) => {}
                }
                match problem {
                    EvalError::Value(problem) => write!(f, "the value {problem}"),
                    other => write!(f, "{other}"),
                }
            }
            Self::NothingGiven => f.write_str("what `from` names is not there, and no `fail` rule says why"),
            Self::Missing { target, .. } => write!(f, "`{target}` is required and has no value"),
            Self::NilItem { target, .. } => {
                write!(f, "`{target}`: the list holds a nil item; `nil: skip` or `nil: keep` says what to do")
            }
            Self::Alternatives { targets: [first, second], .. } => write!(
                f,
                "`{first}` and `{second}` are alternatives, and both have a value; fill each in a case of its own"
            ),
            Self::Unwritable(Unwritable { field, problem }) if field.is_empty() => f.write_str(problem),
            Self::Unwritable(Unwritable { field, problem }) => write!(f, "`{field}`: {problem}"),
            Self::TooMany { target, .. } => write!(f, "`{target}`: more items than the contract allows"),
            Self::Failed(outcome) => {
                write!(f, "the reply is a failure by a `fail` rule (status {})", outcome.status)
            }
        }
    }
}
