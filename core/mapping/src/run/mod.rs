//! Running a plan: wire bytes in, wire bytes out, nothing kept of the message.

mod error;
mod evaluate;
mod lists;
mod trace;
mod write;

pub use error::{FailureOutcome, RunError};
pub use trace::{Trace, Traced, TracedRule, TracedStep};

use crate::plan::{Failure, Node, Plan, ReplyPlan, Source, Target};
use bumpalo::Bump;
use evaluate::{Run, condition};
use lists::Kept;
use portolan_formats::{Captured, Rows, Slot, Value, lexical};

/// What a run may know besides the document: fixed when the message was accepted, so that every run of it is the same.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'e> {
    /// The message's envelope.
    pub context: Context<'e>,
    /// Metadata of the caller: lower-case names and values.
    pub metadata: &'e [(&'e str, &'e str)],
    /// For replies: the request that is answered, as the caller sent it.
    pub original: Option<&'e [u8]>,
}

/// The message's envelope, as far as expressions see it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'e> {
    /// The message's id.
    pub message_id: &'e str,
    /// The route's name.
    pub route: &'e str,
    /// The authenticated caller.
    pub caller: Option<&'e str>,
    /// When the message was accepted.
    pub received: jiff::Timestamp,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The caller's request id.
    pub request_id: Option<&'e str>,
    /// The number of the file, around the messages of one.
    pub sequence: Option<u64>,
}

/// Memory that runs share, one after another: after the first few messages nothing is allocated any more.
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Bump,
    message: Vec<Slot<'static>>,
    original: Vec<Slot<'static>>,
    rows: Rows,
    original_rows: Rows,
}

/// An arena or a row of slots that grew beyond this is given back, so that one large message does not stay in memory.
const KEPT: usize = 1 << 20;

/// What became of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyOutcome {
    /// It was translated.
    Written,
    /// It is not the answer yet.
    Pending,
    /// It is a fault.
    Fault(Fault),
}

/// A fault, with the first rule that matched it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Its code, where the contract has one. The system's own words: may be personal.
    pub code: Option<String>,
    /// Its reason.
    pub reason: Option<String>,
    /// What the rules make of it; `None` where none matched.
    pub matched: Option<FailureOutcome>,
}

impl ReplyPlan {
    /// The first element of a reply that was read though it stands in another namespace than the contract says.
    pub fn taken(&self) -> Option<&str> {
        self.plan.source.reader.taken()
    }
}

impl Plan {
    /// Translates a document, appending to `out`. On an error `out` is as it was.
    pub fn run(
        &self,
        input: &[u8],
        environment: &Environment<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RunError> {
        with_scratch(self, input, environment, scratch, None, |run| self.translate(run, out))
    }

    /// As [`Plan::run`], telling what it does.
    pub fn run_traced(
        &self,
        input: &[u8],
        environment: &Environment<'_>,
        trace: &mut Trace,
        out: &mut Vec<u8>,
    ) -> Result<(), RunError> {
        with_scratch(self, input, environment, &mut Scratch::default(), Some(trace), |run| {
            self.translate(run, out)
        })
    }

    /// As [`Plan::run`], with the values of [`Plan::with_keys`] as text; an absent one is `None`.
    pub fn run_with_keys(
        &self,
        input: &[u8],
        environment: &Environment<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Vec<Option<String>>, RunError> {
        with_scratch(self, input, environment, scratch, None, |run| {
            self.translate(run, out)?;
            let mut keys = Vec::with_capacity(self.keys.len());
            for key in &self.keys {
                keys.push(match evaluate::evaluate(key, run, false).map_err(|e| e.into_error(None))? {
                    Value::Absent | Value::Nil => None,
                    value => as_text(value),
                });
            }
            Ok(keys)
        })
    }

    fn translate<'a>(&'a self, run: &mut Run<'_, 'a>, out: &mut Vec<u8>) -> Result<(), RunError> {
        for (when, reason) in &self.skip {
            if condition(when, run)? {
                return Err(RunError::Skipped { reason: reason.clone() });
            }
        }
        for require in &self.require {
            let holds = condition(&require.that, run)?;
            run.trace(|trace| trace.rule("require", require.span, Some(holds.to_string())));
            if !holds {
                let (message, field) = (require.message.clone(), require.field.clone());
                return Err(RunError::Refused { message, field, span: require.span });
            }
        }
        for rule in &self.fail {
            if matches("fail", rule, run)? {
                return Err(RunError::Failed(outcome(rule, run)?));
            }
        }
        if let Some(given) = self.given
            && matches!(run.slot(given), Slot::Absent | Slot::Nil)
        {
            return Err(RunError::NothingGiven);
        }
        let start = out.len();
        let written = match &self.target {
            Target::Protobuf(writing) => write::document(writing, run, out),
            Target::Xml(writing) => write::document(writing, run, out),
            Target::Records(writing) => write::document(writing, run, out),
            Target::Gathered(writing) => write::document(writing, run, out),
        };
        let written = written.map_err(|error| *error).and_then(|()| self.kept(run, &out[start..]));
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Tests what was written by the rules of its contract.
    fn kept(&self, run: &Run<'_, '_>, written: &[u8]) -> Result<(), RunError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        rules.test(written, run.arena).map_err(|broken| RunError::Broken { broken, written: true })
    }
}

impl ReplyPlan {
    /// Reads a reply once: a fault is told by the fault rules, anything else is translated, appending to `out`.
    pub fn run(
        &self,
        input: &[u8],
        environment: &Environment<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<ReplyOutcome, RunError> {
        self.run_with(input, environment, scratch, None, out)
    }

    /// As [`ReplyPlan::run`], telling what it does.
    pub fn run_traced(
        &self,
        input: &[u8],
        environment: &Environment<'_>,
        trace: &mut Trace,
        out: &mut Vec<u8>,
    ) -> Result<ReplyOutcome, RunError> {
        self.run_with(input, environment, &mut Scratch::default(), Some(trace), out)
    }

    fn run_with(
        &self,
        input: &[u8],
        environment: &Environment<'_>,
        scratch: &mut Scratch,
        trace: Option<&mut Trace>,
        out: &mut Vec<u8>,
    ) -> Result<ReplyOutcome, RunError> {
        with_scratch(&self.plan, input, environment, scratch, trace, |run| {
            let fault = self.faults.as_ref().filter(|faults| run.slot(faults.present) != Slot::Absent);
            let Some(faults) = fault else {
                if let Some(until) = &self.until {
                    let holds = condition(&until.holds, run)?;
                    run.trace(|trace| trace.rule("until", until.span, Some(holds.to_string())));
                    if !holds {
                        return Ok(ReplyOutcome::Pending);
                    }
                }
                return self.plan.translate(run, out).map(|()| ReplyOutcome::Written);
            };
            let code = faults.code.as_ref().and_then(|n| text_of(n, run));
            let reason = faults.reason.as_ref().and_then(|n| text_of(n, run));
            // A rule that cannot be evaluated does not match: the fault itself must not get lost.
            let rule = faults.rules.iter().find(|rule| matches("fault", rule, run).unwrap_or(false));
            let matched = rule.and_then(|rule| outcome(rule, run).ok());
            Ok(ReplyOutcome::Fault(Fault { code, reason, matched }))
        })
    }
}

/// Reads the document, and the request where the plan wants it, and hands both to `then`.
fn with_scratch<'a, T>(
    plan: &'a Plan,
    input: &'a [u8],
    environment: &'a Environment<'a>,
    scratch: &'a mut Scratch,
    trace: Option<&mut Trace>,
    then: impl FnOnce(&mut Run<'_, 'a>) -> Result<T, RunError>,
) -> Result<T, RunError> {
    if scratch.arena.allocated_bytes() > KEPT {
        scratch.arena = Bump::new();
    }
    scratch.arena.reset();
    let Scratch { arena, message, original, rows, original_rows } = scratch;
    let arena: &'a Bump = arena;
    let mut captured = Captured::recycle(std::mem::take(message));
    let mut captured_original = Captured::recycle(std::mem::take(original));
    let result = read(&plan.source, input, arena, &mut captured, rows)
        .and_then(|()| match (&plan.original, environment.original) {
            (Some(source), Some(bytes)) => read(source, bytes, arena, &mut captured_original, original_rows)
                .map_err(RunError::of_original),
            _ => Ok(()),
        })
        .and_then(|()| {
            let mut run = Run {
                message: &captured,
                original: &captured_original,
                rows,
                original_rows,
                locals: arena.alloc_slice_fill_copy(plan.locals, Kept::Value(Value::Absent)),
                looked: 0,
                trace,
                arena,
                environment,
            };
            then(&mut run)
        });
    *message = captured.into_empty(KEPT);
    *original = captured_original.into_empty(KEPT);
    result
}

fn read<'a>(
    source: &Source,
    input: &'a [u8],
    arena: &'a Bump,
    captured: &mut Captured<'a>,
    rows: &mut Rows,
) -> Result<(), RunError> {
    rows.0.clear();
    rows.0.resize(source.frames, 0);
    source.reader.read(input, arena, captured).map_err(RunError::Read)?;
    let Some(rules) = &source.rules else { return Ok(()) };
    rules.test(input, arena).map_err(|broken| RunError::Broken { broken, written: false })
}

/// Whether a rule of such a name holds.
fn matches<'a>(name: &str, rule: &'a Failure, run: &mut Run<'_, 'a>) -> Result<bool, RunError> {
    let holds = match &rule.when {
        None => true,
        Some(when) => condition(when, run)?,
    };
    run.trace(|trace| trace.rule(name, rule.span, Some(holds.to_string())));
    Ok(holds)
}

fn outcome<'a>(rule: &'a Failure, run: &mut Run<'_, 'a>) -> Result<FailureOutcome, RunError> {
    let message = match &rule.message {
        None => None,
        Some(message) => as_text(evaluate::evaluate(message, run, false).map_err(|e| e.into_error(None))?),
    };
    Ok(FailureOutcome {
        status: rule.status,
        personal: message.is_some() && !matches!(rule.message, Some(Node::Constant(_) | Node::Lookup { .. })),
        message,
        field: rule.field.clone(),
        reason: rule.reason.clone(),
        retry: rule.retry,
        span: rule.span,
    })
}

fn text_of<'a>(node: &'a Node, run: &mut Run<'_, 'a>) -> Option<String> {
    as_text(evaluate::evaluate(node, run, false).ok()?)
}

/// A value as text; `None` of an absent one, or of bytes that are none.
pub(crate) fn shown_plainly(value: Value<'_>) -> Option<String> {
    match value {
        Value::Absent => None,
        Value::Nil => Some("nil".to_owned()),
        Value::Bytes(bytes) => Some(format!("{} bytes", bytes.len())),
        other => as_text(other),
    }
}

fn as_text(value: Value<'_>) -> Option<String> {
    let mut text = Vec::new();
    lexical::write_any(value, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// The value of an expression that reads nothing of a message, as text.
#[cfg(test)]
pub(crate) fn alone(
    expr: &crate::ir::Expr,
    schema: &portolan_schema::Schema,
    locals: u16,
) -> Result<Option<String>, RunError> {
    let node = crate::plan::compile_alone(expr, schema);
    let arena = Bump::new();
    let received = jiff::Timestamp::UNIX_EPOCH;
    let context = Context {
        message_id: "",
        route: "",
        caller: None,
        received,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let environment = Environment { context, metadata: &[], original: None };
    let nothing = Captured::default();
    let mut run = Run {
        message: &nothing,
        original: &nothing,
        rows: &mut Rows::default(),
        original_rows: &mut Rows::default(),
        locals: arena.alloc_slice_fill_copy(usize::from(locals), Kept::Value(Value::Absent)),
        looked: 0,
        trace: None,
        arena: &arena,
        environment: &environment,
    };
    match evaluate::evaluate(&node, &mut run, true).map_err(|problem| problem.into_error(None))? {
        Value::Absent => Ok(None),
        value => Ok(as_text(value)),
    }
}
