//! Writing the target: strictly in its contract's order, optional records taken back when nothing stands in them.

use super::{
    RunError,
    evaluate::{Problem, Run, compact, condition, evaluate, evaluate_leaf},
    lists::{self, Item},
    trace::{Trace, shown},
};
use crate::{
    ir::{NilPolicy, SourceSlot, View},
    plan::{Body, Content, Items, List, Node, Operation, Origin, Writing},
};
use portolan_formats::{Slot, Value, Writer};
use std::ops::ControlFlow;

/// What became of one field, or of a record's fields together.
#[derive(Clone, Copy)]
struct Outcome<'a> {
    exists: Existence,
    /// A required field that had no value: an error only if the record exists.
    missing: Option<&'a Origin>,
}

/// Whether something stands there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Existence {
    /// Nothing was written.
    Absent,
    /// Only what the contract demands and a default filled: no reason for an optional parent to exist.
    Demanded,
    /// Something of the source.
    Present,
}

impl Outcome<'_> {
    const ABSENT: Self = Self { exists: Existence::Absent, missing: None };
    const PRESENT: Self = Self { exists: Existence::Present, missing: None };
}

type Written<'a> = Result<Outcome<'a>, Box<RunError>>;

/// Writes the whole document.
pub(super) fn document<'a, W: Writer>(
    writing: &'a Writing<W>,
    run: &mut Run<'_, 'a>,
    out: &mut Vec<u8>,
) -> Result<(), Box<RunError>> {
    let at = writing.writer.open(out);
    let mut outcome = operations(&writing.body.attributes, &[], run, at, out)?;
    if !writing.body.attributes.is_empty() {
        writing.writer.open_end(out);
    }
    let rest = operations(&writing.body.rest, &writing.body.rivals, run, at, out)?;
    outcome.missing = outcome.missing.or(rest.missing);
    if let Some(origin) = outcome.missing {
        return Err(missing(origin));
    }
    writing.writer.close(at, out).map_err(|found| Box::new(RunError::Unwritable(found)))
}

#[cold]
fn missing(origin: &Origin) -> Box<RunError> {
    Box::new(RunError::Missing {
        target: origin.target.clone(),
        source: origin.source.clone(),
        span: origin.span,
    })
}

fn operations<'a, W: Writer>(
    operations: &'a [Operation<W>],
    rivals: &[(usize, usize)],
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let mut all = Outcome::ABSENT;
    let mut there = bumpalo::collections::Vec::new_in(run.arena);
    for operation in operations {
        let one = match &operation.content {
            Content::Scalar(node) => scalar(operation, node, run, at, out)?,
            Content::Fixed(bytes) => fixed(operation, bytes, run, out),
            content => field(operation, content, run, at, out)?,
        };
        all.exists = all.exists.max(one.exists);
        all.missing = all.missing.or(one.missing);
        if !rivals.is_empty() {
            there.push(one.exists != Existence::Absent);
        }
    }
    match rivals.iter().find(|(a, b)| there[*a] && there[*b]) {
        None => Ok(all),
        Some((a, b)) => Err(alternatives(&operations[*a].origin, &operations[*b].origin)),
    }
}

#[cold]
fn alternatives(first: &Origin, second: &Origin) -> Box<RunError> {
    Box::new(RunError::Alternatives {
        targets: [first.target.clone(), second.target.clone()],
        span: second.span,
    })
}

fn field<'a, W: Writer>(
    operation: &'a Operation<W>,
    content: &'a Content<W>,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    match content {
        Content::Scalar(node) => scalar(operation, node, run, at, out),
        Content::Record { given, body } => {
            let given = given.map(|slot| run.slot(slot));
            record(operation, given, body, operation.required, run, at, out)
        }
        Content::Each { .. } => each(operation, content, run, at, out),
        Content::Through { list, nil, content } => through(operation, list, *nil, content, run, at, out),
        Content::Items(contents) => items(operation, contents, run, at, out),
        Content::Fixed(bytes) => Ok(fixed(operation, bytes, run, out)),
        Content::Cases(cases) => match chosen(cases, run)? {
            Some(content) => field(operation, content, run, at, out),
            None => {
                run.trace(|trace| trace.field(&operation.origin, None));
                Ok(absent(operation))
            }
        },
    }
}

/// What the first case gives that holds.
fn chosen<'a, W: Writer>(
    cases: &'a [(Option<Node>, Content<W>)],
    run: &mut Run<'_, 'a>,
) -> Result<Option<&'a Content<W>>, Box<RunError>> {
    for (when, then) in cases {
        let holds = match when {
            None => true,
            Some(when) => condition(when, run)?,
        };
        if holds {
            return Ok(Some(then));
        }
    }
    Ok(None)
}

/// Always the same.
fn fixed<'a, W: Writer>(
    operation: &'a Operation<W>,
    bytes: &[u8],
    run: &mut Run<'_, 'a>,
    out: &mut Vec<u8>,
) -> Outcome<'a> {
    out.extend_from_slice(bytes);
    run.trace(|trace| trace.field(&operation.origin, Some("constant".to_owned())));
    Outcome::PRESENT
}

/// Nothing is written; which is an error where the contract demands it and its record exists.
fn absent<W: Writer>(operation: &Operation<W>) -> Outcome<'_> {
    Outcome { exists: Existence::Absent, missing: operation.required.then_some(&operation.origin) }
}

#[inline]
fn scalar<'a, W: Writer>(
    operation: &'a Operation<W>,
    node: &'a Node,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let origin = &operation.origin;
    let failed = |problem: Problem| Box::new(problem.of(node).into_error(Some(origin)));
    if run.trace.is_some() {
        return traced(operation, node, run, at, out);
    }
    if let Node::Field { slot, decoder, .. } = node
        && decoder.is_plain_text()
    {
        // Most of most mappings: text copied as it is.
        let written = match run.slot(*slot) {
            Slot::Text(text) => Some(W::text(&operation.field, text, at, out)),
            Slot::Bytes(bytes) if decoder.is_tested() => Some(W::tested(&operation.field, bytes, at, out)),
            Slot::Bytes(bytes) => Some(W::utf8(&operation.field, bytes, at, out)),
            _ => None,
        };
        if let Some(written) = written {
            written.map_err(|problem| failed(problem.into()))?;
            return Ok(Outcome::PRESENT);
        }
    }
    if let Some(value) = compact(node, run) {
        W::compact(&operation.field, value, at, out).map_err(|problem| failed(problem.into()))?;
        return Ok(Outcome::PRESENT);
    }
    slowly(operation, node, run, at, out)
}

/// The same, telling what is done.
#[cold]
fn traced<'a, W: Writer>(
    operation: &'a Operation<W>,
    node: &'a Node,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let written = slowly(operation, node, run, at, out);
    let value = match &written {
        Ok(outcome) if outcome.exists == Existence::Absent => None,
        // Evaluated once more for its looks; what it tells of itself is told already.
        Ok(_) => {
            let trace = run.trace.take();
            let value = evaluate(node, run, true).ok().and_then(shown);
            run.trace = trace;
            value
        }
        Err(error) => Some(error.to_string()),
    };
    run.trace(|trace| trace.field(&operation.origin, value));
    written
}

/// A scalar that is no plain copy.
fn slowly<'a, W: Writer>(
    operation: &'a Operation<W>,
    node: &'a Node,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let failed = |problem: Problem| Box::new(problem.of(node).into_error(Some(&operation.origin)));
    let mut exists = Existence::Present;
    let mut value = evaluate_leaf(node, run, false).map_err(failed)?;
    if matches!(value, Value::Absent) {
        if !operation.required {
            return Ok(Outcome::ABSENT);
        }
        value = evaluate(node, run, true).map_err(failed)?;
        exists = Existence::Demanded;
        if matches!(value, Value::Absent) {
            return Ok(absent(operation));
        }
    }
    if matches!(value, Value::Nil) {
        return nil(operation, at, out);
    }
    W::scalar(&operation.field, value, at, out).map_err(|problem| failed(problem.into()))?;
    Ok(Outcome { exists, missing: None })
}

/// Nil where the contract has it; left out where it is optional; else an error.
fn nil<'a, W: Writer>(operation: &'a Operation<W>, at: usize, out: &mut Vec<u8>) -> Written<'a> {
    if !operation.nillable && !operation.required {
        return Ok(Outcome::ABSENT);
    }
    match W::nil(&operation.field, at, out) {
        Ok(()) => Ok(Outcome::PRESENT),
        Err(problem) => Err(Box::new(Problem::from(problem).into_error(Some(&operation.origin)))),
    }
}

fn record<'a, W: Writer>(
    operation: &'a Operation<W>,
    given: Option<Slot<'a>>,
    body: &'a Body<W>,
    required: bool,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    match given {
        Some(Slot::Absent) => return Ok(absent(operation)),
        Some(Slot::Nil) => return nil(operation, at, out),
        _ => {}
    }
    let start = out.len();
    let outcome = fields(operation, body, run, at, out)?;
    let exists = if given.is_some() { Existence::Present } else { outcome.exists };
    match (exists, required) {
        (Existence::Present, _) => match outcome.missing {
            Some(origin) => Err(missing(origin)),
            None => Ok(Outcome::PRESENT),
        },
        (_, true) => Ok(Outcome { exists: Existence::Demanded, missing: outcome.missing }),
        (_, false) => {
            W::undo(&operation.field, at, start, out);
            Ok(Outcome::ABSENT)
        }
    }
}

/// A record's tags and what stands between them.
fn fields<'a, W: Writer>(
    operation: &'a Operation<W>,
    body: &'a Body<W>,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let mark = W::begin(&operation.field, at, out);
    let attributes = operations(&body.attributes, &[], run, mark, out)?;
    if operation.attributes {
        W::begin_end(&operation.field, out);
    }
    let rest = operations(&body.rest, &body.rivals, run, mark, out)?;
    W::end(&operation.field, mark, out);
    Ok(Outcome { exists: attributes.exists.max(rest.exists), missing: attributes.missing.or(rest.missing) })
}

fn each<'a, W: Writer>(
    operation: &'a Operation<W>,
    content: &'a Content<W>,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let Content::Each { list, frame, item, nil: policy, content } = content else {
        return Ok(Outcome::ABSENT);
    };
    let Slot::List { first, count, .. } = run.slot(*list) else { return Ok(absent(operation)) };
    let scalars = !matches!(**content, Content::Record { .. });
    listed(operation, scalars, run, at, out, |written, run, out| {
        let mut row = first;
        for _ in 0..count {
            let failed = |problem: Problem| Box::new(problem.into_error(Some(&operation.origin)));
            run.looks_at_one().map_err(failed)?;
            run.enter(list.side, *frame, row);
            let is_nil = run.slot(SourceSlot { side: list.side, slot: *item }) == Slot::Nil;
            let at = W::item_place(&operation.field, at, written.items, out);
            written.add(item_of(operation, content, is_nil, *policy, run, at, out)?)?;
            let Some(next) = run.next(list.side, row) else { break };
            row = next;
        }
        Ok(())
    })
}

/// What stands around the items of a list, which `items` writes.
fn listed<'a, W: Writer>(
    operation: &'a Operation<W>,
    scalars: bool,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
    items: impl FnOnce(&mut Count<'a>, &mut Run<'_, 'a>, &mut Vec<u8>) -> Result<(), Box<RunError>>,
) -> Written<'a> {
    let origin = &operation.origin;
    let mark = if scalars { W::list(&operation.field, at, out) } else { 0 };
    let mut written = Count { items: 0, most: operation.most, origin };
    run.trace(|trace| trace.begin(origin));
    items(&mut written, run, out)?;
    run.trace(Trace::end);
    if scalars {
        W::list_end(&operation.field, mark, out);
    }
    W::counted(&operation.field, written.items, at, out);
    Ok(if written.items == 0 { absent(operation) } else { Outcome::PRESENT })
}

/// Items that were written of a list, as many as its contract allows.
struct Count<'a> {
    items: u32,
    most: u32,
    origin: &'a Origin,
}

impl Count<'_> {
    fn add(&mut self, more: u32) -> Result<(), Box<RunError>> {
        self.items += more;
        if self.items > self.most { Err(too_many(self.origin)) } else { Ok(()) }
    }
}

/// Items that are written out; one in which nothing stands is left out.
fn items<'a, W: Writer>(
    operation: &'a Operation<W>,
    contents: &'a [Content<W>],
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    listed(operation, true, run, at, out, |written, run, out| {
        for content in contents {
            run.trace(Trace::next);
            let at = W::item_place(&operation.field, at, written.items, out);
            written.add(u32::from(written_out(operation, content, run, at, out)?))?;
        }
        Ok(())
    })
}

/// Writes one item that is written out; tells whether something stands in it.
fn written_out<'a, W: Writer>(
    operation: &'a Operation<W>,
    content: &'a Content<W>,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Result<bool, Box<RunError>> {
    match content {
        Content::Record { given, body } => {
            let given = given.map(|slot| run.slot(slot));
            Ok(record(operation, given, body, false, run, at, out)?.exists == Existence::Present)
        }
        Content::Cases(cases) => match chosen(cases, run)? {
            Some(content) => written_out(operation, content, run, at, out),
            None => Ok(false),
        },
        Content::Scalar(node) => scalar_item(operation, node, false, run, at, out),
        _ => Ok(false),
    }
}

/// A list that an expression makes.
fn through<'a, W: Writer>(
    operation: &'a Operation<W>,
    list: &'a List,
    policy: NilPolicy,
    content: &'a Content<W>,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Written<'a> {
    let scalars = !matches!(content, Content::Record { .. });
    let item_slot = match &list.items {
        Items::Rows { list, item, .. } => Some(SourceSlot { side: list.side, slot: *item }),
        Items::Members { view: View::Row { side, item, .. }, .. } => {
            Some(SourceSlot { side: *side, slot: *item })
        }
        Items::Parts { .. } | Items::Members { .. } => None,
    };
    listed(operation, scalars, run, at, out, |written, run, out| {
        let gone = lists::through(list, run, &mut |run, item| -> Result<_, Stopped> {
            let is_nil =
                matches!(item, Item::Row(..)) && item_slot.is_some_and(|slot| run.slot(slot) == Slot::Nil);
            let at = W::item_place(&operation.field, at, written.items, out);
            written.add(item_of(operation, content, is_nil, policy, run, at, out)?)?;
            Ok(ControlFlow::Continue(()))
        });
        gone.map_err(|Stopped(stopped)| match stopped {
            Ok(problem) => Box::new(problem.into_error(Some(&operation.origin))),
            Err(error) => error,
        })
    })
}

/// Why a list is not gone through to its end: what could not be evaluated, or what could not be written.
struct Stopped(Result<Problem, Box<RunError>>);

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self(Ok(problem))
    }
}

impl From<Box<RunError>> for Stopped {
    fn from(error: Box<RunError>) -> Self {
        Self(Err(error))
    }
}

#[cold]
fn too_many(origin: &Origin) -> Box<RunError> {
    Box::new(RunError::TooMany { target: origin.target.clone(), span: origin.span })
}

/// Writes the current item, or what its being nil means; tells how many were written.
fn item_of<'a, W: Writer>(
    operation: &'a Operation<W>,
    content: &'a Content<W>,
    is_nil: bool,
    policy: NilPolicy,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Result<u32, Box<RunError>> {
    let origin = &operation.origin;
    run.trace(Trace::next);
    match policy {
        _ if !is_nil => one_item(operation, content, run, at, out).map(u32::from),
        NilPolicy::Refuse => {
            Err(Box::new(RunError::NilItem { target: origin.target.clone(), span: origin.span }))
        }
        NilPolicy::Skip => Ok(0),
        NilPolicy::Keep => {
            let kept = W::nil(&operation.field, at, out);
            kept.map_err(|problem| Box::new(Problem::from(problem).into_error(Some(origin))))?;
            Ok(1)
        }
    }
}

/// Writes one item; tells whether there was one. A scalar item without a value is left out.
fn one_item<'a, W: Writer>(
    operation: &'a Operation<W>,
    content: &'a Content<W>,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Result<bool, Box<RunError>> {
    match content {
        Content::Scalar(node) => scalar_item(operation, node, true, run, at, out),
        Content::Record { given: Some(slot), .. } if matches!(run.slot(*slot), Slot::Absent | Slot::Nil) => {
            Ok(false)
        }
        Content::Record { body, .. } => match fields(operation, body, run, at, out)?.missing {
            Some(origin) => Err(missing(origin)),
            None => Ok(true),
        },
        Content::Cases(cases) => match chosen(cases, run)? {
            Some(content) => one_item(operation, content, run, at, out),
            None => Ok(false),
        },
        _ => Ok(false),
    }
}

/// Writes a scalar item, if it has a value.
fn scalar_item<'a, W: Writer>(
    operation: &'a Operation<W>,
    node: &'a Node,
    defaults: bool,
    run: &mut Run<'_, 'a>,
    at: usize,
    out: &mut Vec<u8>,
) -> Result<bool, Box<RunError>> {
    let failed = |problem: Problem| Box::new(problem.of(node).into_error(Some(&operation.origin)));
    let value = evaluate(node, run, defaults).map_err(failed)?;
    run.trace(|trace| trace.field(&operation.origin, shown(value)));
    if matches!(value, Value::Absent | Value::Nil) {
        return Ok(false);
    }
    W::item(&operation.field, value, at, out).map_err(|problem| failed(problem.into()))?;
    Ok(true)
}
