//! Expressions over captured slots. Absence follows the language's rules; arithmetic is exact or refused.

use super::{
    Environment, RunError,
    lists::{Kept, fold},
    trace::Trace,
};
use crate::{
    functions::{Call as FunctionCall, EvalError},
    ir::{Arithmetic, Comparison, ContextField, Given, Side, SourceSlot},
    plan::{Call, Conversion, Node, Origin, value_of},
};
use bumpalo::{Bump, collections::String as BumpString};
use portolan_diagnostics::Span;
use portolan_formats::{
    Captured, Compact, DateTime, Decimal, Rows, Slot, Value, ValueProblem, Word, lexical, value::compare,
};
use std::{cmp::Ordering, sync::Arc};

/// One run: what was captured, where in its lists we stand, and what else may be asked.
pub(super) struct Run<'r, 'a> {
    pub(super) message: &'r Captured<'a>,
    pub(super) original: &'r Captured<'a>,
    pub(super) rows: &'r mut Rows,
    pub(super) original_rows: &'r mut Rows,
    /// Values of the current items of lists.
    pub(super) locals: &'r mut [Kept<'a>],
    /// How many items were looked at.
    pub(super) looked: u32,
    /// Where to tell what is done.
    pub(super) trace: Option<&'r mut Trace>,
    pub(super) arena: &'a Bump,
    pub(super) environment: &'a Environment<'a>,
}

impl<'a> Run<'_, 'a> {
    #[inline]
    pub(super) fn slot(&self, slot: SourceSlot) -> Slot<'a> {
        match slot.side {
            Side::Message => self.message.get(self.rows.place(slot.slot)),
            Side::Original => self.original.get(self.original_rows.place(slot.slot)),
        }
    }
}

/// Why an expression has no value, and which field is at fault.
#[derive(Debug)]
pub(super) struct Problem(Box<(EvalError, Option<Arc<str>>, Option<Span>)>);

impl Problem {
    #[cold]
    pub(super) fn new(error: impl Into<EvalError>, path: Option<Arc<str>>, span: Option<Span>) -> Self {
        Self(Box::new((error.into(), path, span)))
    }

    /// Names the field of the source, where the expression reads only one.
    #[cold]
    pub(super) fn of(mut self, node: &Node) -> Self {
        self.0.1 = self.0.1.take().or_else(|| node.only_source());
        self
    }

    /// Says where, if nothing did.
    #[cold]
    pub(super) fn at(mut self, span: Span) -> Self {
        self.0.2 = self.0.2.take().or(Some(span));
        self
    }

    #[cold]
    pub(super) fn into_error(self, origin: Option<&Origin>) -> RunError {
        let (problem, source, span) = *self.0;
        let (target, rule) = (origin.map(|o| o.target.clone()), origin.map(|o| o.span));
        RunError::Value { source, target, problem, span: span.or(rule) }
    }
}

impl From<EvalError> for Problem {
    fn from(error: EvalError) -> Self {
        Self::new(error, None, None)
    }
}

impl From<ValueProblem> for Problem {
    fn from(problem: ValueProblem) -> Self {
        Self::new(problem, None, None)
    }
}

/// A condition holds where it is true; an absent one does not hold.
pub(super) fn condition<'a>(node: &'a Node, run: &mut Run<'_, 'a>) -> Result<bool, RunError> {
    truth(node, run).map_err(|problem| problem.of(node).into_error(None))
}

pub(super) fn truth<'a>(node: &'a Node, run: &mut Run<'_, 'a>) -> Result<bool, Problem> {
    match evaluate(node, run, true)? {
        Value::Bool(value) => Ok(value),
        Value::Absent | Value::Nil => Ok(false),
        _ => Err(EvalError::Mismatch.into()),
    }
}

/// [`evaluate`], with what most expressions are (a path, a constant) decided on the spot.
#[inline]
pub(super) fn evaluate_leaf<'a>(
    node: &'a Node,
    run: &mut Run<'_, 'a>,
    settle: bool,
) -> Result<Value<'a>, Problem> {
    if run.trace.is_some() {
        return evaluate(node, run, settle);
    }
    match node {
        Node::Field { slot, decoder, path } => match run.slot(*slot) {
            Slot::Absent => evaluate(node, run, settle),
            found => match decoder.value(found, run.arena) {
                Ok(value) => Ok(value),
                Err(problem) => Err(Problem::new(problem, Some(path.clone()), None)),
            },
        },
        Node::Constant(constant) => Ok(value_of(constant)),
        Node::Call(call) => function(call, run, settle),
        other => evaluate(other, run, settle),
    }
}

/// The value of a number, or of a plain conversion of one, where a word holds it; `None` says nothing.
#[inline]
pub(super) fn compact(node: &Node, run: &Run<'_, '_>) -> Option<Word> {
    match node {
        Node::Field { slot, decoder, .. } => decoder.compact(run.slot(*slot)),
        Node::Call(call) => match (call.conversion?, call.arguments.first()?) {
            (conversion, Node::Field { slot, decoder, .. }) => {
                let Compact::Integer(number) = decoder.compact(run.slot(*slot))?.open() else { return None };
                let converted = match conversion {
                    Conversion::Minor(scale) => Compact::Minor(number, scale),
                    Conversion::Seconds => Compact::Seconds(number),
                };
                Some(converted.into())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The value of an expression. `settle`: a field without presence stands for its default value instead of absence.
pub(super) fn evaluate<'a>(
    node: &'a Node,
    run: &mut Run<'_, 'a>,
    settle: bool,
) -> Result<Value<'a>, Problem> {
    let value = value(node, run, settle)?;
    run.trace(|trace| trace.step(node, value));
    Ok(value)
}

fn value<'a>(node: &'a Node, run: &mut Run<'_, 'a>, settle: bool) -> Result<Value<'a>, Problem> {
    match node {
        Node::Field { slot, decoder, path } => match run.slot(*slot) {
            Slot::Absent if settle && let Some(default) = decoder.implicit() => Ok(default),
            found => decoder
                .value(found, run.arena)
                .map_err(|problem| Problem::new(problem, Some(path.clone()), None)),
        },
        Node::Constant(constant) => Ok(value_of(constant)),
        Node::Call(call) => function(call, run, settle),
        Node::Has(given) => Ok(Value::Bool(has(given, run))),
        Node::IsNil(slot) => Ok(Value::Bool(run.slot(*slot) == Slot::Nil)),
        Node::Size(slot) => Ok(Value::Integer(match run.slot(*slot) {
            Slot::List { count, .. } => i128::from(count),
            _ => 0,
        })),
        Node::Local(local) => Ok(run.local(*local)),
        Node::Fold(folded) => fold(folded, run),
        Node::Context(field) => Ok(context(*field, run)),
        Node::Metadata(name) => Ok(metadata(name, run)),
        Node::Default(pair) => match evaluate(&pair.0, run, false)? {
            Value::Absent | Value::Nil => evaluate(&pair.1, run, settle),
            value => Ok(value),
        },
        Node::NullIf(pair) => {
            let value = evaluate(&pair.0, run, settle)?;
            let other = evaluate(&pair.1, run, true)?;
            Ok(if compare(value, other) == Some(Ordering::Equal) { Value::Absent } else { value })
        }
        Node::Not(inner) => match evaluate(inner, run, true)? {
            Value::Bool(value) => Ok(Value::Bool(!value)),
            Value::Absent | Value::Nil => Err(EvalError::AbsentOperand.into()),
            _ => Err(EvalError::Mismatch.into()),
        },
        Node::And(all) => {
            for inner in all {
                if !truth(inner, run)? {
                    return Ok(Value::Bool(false));
                }
            }
            Ok(Value::Bool(true))
        }
        Node::Or(any) => {
            for inner in any {
                if truth(inner, run)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        Node::Compare(how, pair) => {
            let (a, b) = (evaluate(&pair.0, run, true)?, evaluate(&pair.1, run, true)?);
            comparison(*how, a, b).map(Value::Bool)
        }
        Node::In(inner, constants) => {
            let value = evaluate(inner, run, true)?;
            Ok(Value::Bool(constants.iter().any(|c| compare(value, value_of(c)) == Some(Ordering::Equal))))
        }
        Node::Arithmetic(how, pair) => {
            let (a, b) = (evaluate(&pair.0, run, true)?, evaluate(&pair.1, run, true)?);
            arithmetic(*how, a, b, run.arena)
        }
        Node::Cases(cases) => {
            for (when, then) in cases {
                let holds = match when {
                    None => true,
                    Some(when) => truth(when, run)?,
                };
                if holds {
                    return evaluate(then, run, settle);
                }
            }
            Ok(Value::Absent)
        }
        Node::Lookup { table, key, span } => {
            let code = match evaluate(key, run, settle)? {
                Value::Absent => return Ok(Value::Absent),
                Value::Nil => return Ok(Value::Nil),
                Value::Text(text) => text,
                other => as_text(other, run.arena)?,
            };
            let row = table.rows.get(code).or(table.default.as_ref());
            let missing = || EvalError::NoRow(table.name.clone());
            row.map(value_of).ok_or_else(|| Problem::new(missing(), key.only_source(), Some(*span)))
        }
    }
}

/// A function has one argument or two, seldom more.
#[inline]
fn function<'a>(call: &'a Call, run: &mut Run<'_, 'a>, settle: bool) -> Result<Value<'a>, Problem> {
    match call.arguments.as_slice() {
        [only] => apply(call, [only], run, settle),
        [first, second] => apply(call, [first, second], run, settle),
        [first, second, third] => apply(call, [first, second, third], run, settle),
        [first, second, third, fourth] => apply(call, [first, second, third, fourth], run, settle),
        _ => Err(EvalError::Mismatch.into()),
    }
}

#[inline(never)]
fn apply<'a, const N: usize>(
    call: &'a Call,
    arguments: [&'a Node; N],
    run: &mut Run<'_, 'a>,
    settle: bool,
) -> Result<Value<'a>, Problem> {
    let mut values = [Value::Absent; N];
    let failed = |error: EvalError| Problem::new(error, None, Some(call.span));
    let settle = settle || !call.single;
    for (i, (place, argument)) in values.iter_mut().zip(arguments).enumerate() {
        let value = evaluate_leaf(argument, run, settle)?;
        if !call.function.sees_absent {
            match (i, value) {
                (0, Value::Absent | Value::Nil) => return Ok(value),
                (_, Value::Absent | Value::Nil) => return Err(failed(EvalError::AbsentOperand)),
                _ => {}
            }
        }
        *place = value;
    }
    let mut context = FunctionCall {
        arena: run.arena,
        prepared: &call.prepared,
        received: run.environment.context.received,
    };
    let result = (call.function.eval)(&mut context, &values);
    result.map_err(|error| Problem::new(error, first_path(&call.arguments), Some(call.span)))
}

/// The field that a function was about, for its error.
pub(super) fn first_path(arguments: &[Node]) -> Option<Arc<str>> {
    arguments.iter().find_map(|argument| match argument {
        Node::Field { path, .. } => Some(path.clone()),
        Node::Call(call) => first_path(&call.arguments),
        _ => None,
    })
}

fn context<'a>(field: ContextField, run: &Run<'_, 'a>) -> Value<'a> {
    let context = &run.environment.context;
    match field {
        ContextField::MessageId => Value::Text(context.message_id),
        ContextField::Route => Value::Text(context.route),
        ContextField::Caller => context.caller.map_or(Value::Absent, Value::Text),
        ContextField::Received => Value::DateTime(DateTime::utc(context.received)),
        ContextField::Attempt => Value::Integer(i128::from(context.attempt)),
        ContextField::RequestId => context.request_id.map_or(Value::Absent, Value::Text),
        ContextField::Sequence => context.sequence.map_or(Value::Absent, |n| Value::Integer(n.into())),
    }
}

fn metadata<'a>(name: &str, run: &Run<'_, 'a>) -> Value<'a> {
    let found = run.environment.metadata.iter().find(|(known, _)| *known == name);
    found.map_or(Value::Absent, |(_, value)| Value::Text(value))
}

/// Whether it is there, and not nil.
fn has(given: &Given, run: &Run<'_, '_>) -> bool {
    match given {
        Given::Slot(slot) => !matches!(run.slot(*slot), Slot::Absent | Slot::Nil),
        Given::Metadata(name) => metadata(name, run) != Value::Absent,
        Given::Context(field) => context(*field, run) != Value::Absent,
    }
}

/// The sum of two numbers.
pub(super) fn add<'a>(a: Value<'a>, b: Value<'a>, arena: &'a Bump) -> Result<Value<'a>, Problem> {
    arithmetic(Arithmetic::Add, a, b, arena)
}

fn comparison(how: Comparison, a: Value<'_>, b: Value<'_>) -> Result<bool, Problem> {
    let absent = |value| matches!(value, Value::Absent | Value::Nil);
    if absent(a) || absent(b) {
        // What is not there equals nothing; it has no order.
        return match how {
            Comparison::Equal => Ok(false),
            Comparison::NotEqual => Ok(true),
            _ => Err(EvalError::AbsentOperand.into()),
        };
    }
    let Some(order) = compare(a, b) else {
        // NaN, or a zoned against an unzoned date and time.
        return match (a, b) {
            (Value::Double(_), Value::Double(_)) => Ok(how == Comparison::NotEqual),
            (Value::DateTime(_), Value::DateTime(_)) => Err(ValueProblem::NoZone.into()),
            _ => Err(EvalError::Mismatch.into()),
        };
    };
    Ok(match how {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

fn arithmetic<'a>(
    how: Arithmetic,
    a: Value<'a>,
    b: Value<'a>,
    arena: &'a Bump,
) -> Result<Value<'a>, Problem> {
    let out_of_range = || Problem::from(ValueProblem::OutOfRange);
    if how == Arithmetic::Negate {
        return match a {
            Value::Integer(a) => a.checked_neg().map(Value::Integer).ok_or_else(out_of_range),
            Value::Decimal(a) => Ok(Value::Decimal(Decimal { mantissa: -a.mantissa, scale: a.scale })),
            Value::Double(a) => Ok(Value::Double(-a)),
            Value::Absent | Value::Nil => Err(EvalError::AbsentOperand.into()),
            _ => Err(EvalError::Mismatch.into()),
        };
    }
    match (a, b) {
        (Value::Absent | Value::Nil, _) | (_, Value::Absent | Value::Nil) => {
            Err(EvalError::AbsentOperand.into())
        }
        (Value::Text(a), Value::Text(b)) if how == Arithmetic::Add => {
            let mut joined = BumpString::with_capacity_in(a.len() + b.len(), arena);
            joined.push_str(a);
            joined.push_str(b);
            Ok(Value::Text(joined.into_bump_str()))
        }
        (Value::Integer(a), Value::Integer(b)) => whole(how, a, b),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(match how {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide => a / b,
            _ => a % b,
        })),
        (a, b) => {
            let (a, b) = (decimal(a)?, decimal(b)?);
            exact(how, a, b).map(Value::Decimal)
        }
    }
}

/// Whole numbers of up to 38 digits; a quotient that is not whole becomes a decimal.
fn whole<'a>(how: Arithmetic, a: i128, b: i128) -> Result<Value<'a>, Problem> {
    let result = match how {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Remainder => a.checked_rem(b),
        _ if a.checked_rem(b) == Some(0) => a.checked_div(b),
        _ => {
            let (a, b) = (decimal(Value::Integer(a))?, decimal(Value::Integer(b))?);
            return exact(how, a, b).map(Value::Decimal);
        }
    };
    let fits = result.filter(|r| Decimal::from_integer(*r).is_some());
    fits.map(Value::Integer).ok_or_else(|| ValueProblem::OutOfRange.into())
}

fn exact(how: Arithmetic, a: Decimal, b: Decimal) -> Result<Decimal, Problem> {
    let (result, problem) = match how {
        Arithmetic::Add => (a.checked_add(b), ValueProblem::OutOfRange),
        Arithmetic::Subtract => (a.checked_sub(b), ValueProblem::OutOfRange),
        Arithmetic::Multiply => (a.checked_mul(b), ValueProblem::OutOfRange),
        Arithmetic::Remainder => (a.checked_rem(b), ValueProblem::OutOfRange),
        // A third has no end: it is to be rounded by the mapping, never here.
        _ if b.mantissa == 0 => (None, ValueProblem::OutOfRange),
        _ => (a.checked_div(b), ValueProblem::Loss),
    };
    result.ok_or_else(|| problem.into())
}

fn decimal(value: Value<'_>) -> Result<Decimal, Problem> {
    match value {
        Value::Decimal(value) => Ok(value),
        Value::Integer(value) => Decimal::from_integer(value).ok_or_else(|| ValueProblem::OutOfRange.into()),
        _ => Err(EvalError::Mismatch.into()),
    }
}

fn as_text<'a>(value: Value<'a>, arena: &'a Bump) -> Result<&'a str, Problem> {
    let mut text = Vec::new();
    lexical::write_any(value, &mut text)?;
    let text = std::str::from_utf8(&text).map_err(|_| ValueProblem::Utf8)?;
    Ok(arena.alloc_str(text))
}
