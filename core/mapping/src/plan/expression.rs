//! Expressions with everything resolved: decoders for fields, functions by address, tables at hand.

use super::lists::Folded;
use crate::{
    check::calls::written,
    functions::{self, Function, Prepared},
    ir::{Arithmetic, Comparison, Constant, ContextField, Expr, Given, Local, SourceSlot, Table, Tables},
};
use portolan_diagnostics::Span;
use portolan_formats::{Decoder, Value};
use portolan_schema::Schema;
use std::sync::Arc;

/// An expression, compiled.
#[derive(Debug)]
pub(crate) enum Node {
    Field { slot: SourceSlot, decoder: Decoder, path: Arc<str> },
    Has(Given),
    IsNil(SourceSlot),
    Size(SourceSlot),
    Local(Local),
    Fold(Box<Folded>),
    Constant(Constant),
    Context(ContextField),
    Metadata(Arc<str>),
    Call(Box<Call>),
    Default(Box<(Node, Node)>),
    NullIf(Box<(Node, Node)>),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Comparison, Box<(Node, Node)>),
    In(Box<Node>, Vec<Constant>),
    Arithmetic(Arithmetic, Box<(Node, Node)>),
    Cases(Vec<(Option<Node>, Node)>),
    Lookup { table: Arc<Table>, key: Box<Node>, span: Span },
}

/// A call of a function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Node>,
    pub(crate) prepared: Vec<Prepared>,
    /// Of one argument that is not constant: an absent one makes the result absent.
    pub(crate) single: bool,
    /// What it makes of a whole number that fits a word, where that is all that it does.
    pub(crate) conversion: Option<Conversion>,
    pub(crate) span: Span,
}

/// A function of a whole number that gives what fits a word again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Conversion {
    /// `decimal(n, scale)`
    Minor(u8),
    /// `timestamp(n)`
    Seconds,
}

impl Conversion {
    fn of(function: &Function, arguments: &[Expr]) -> Option<Self> {
        match (function.name, arguments) {
            ("decimal", [Expr::Field { .. }, Expr::Constant(Constant::Integer(scale @ 0..=38))]) => {
                Some(Self::Minor(*scale as u8))
            }
            ("timestamp", [Expr::Field { .. }]) => Some(Self::Seconds),
            _ => None,
        }
    }
}

/// What expressions are compiled against.
pub(super) struct Scope<'s> {
    pub(super) message: &'s Schema,
    pub(super) original: Option<&'s Schema>,
    pub(super) tables: &'s Tables,
}

impl Scope<'_> {
    pub(super) fn compile(&self, expr: &Expr) -> Node {
        let pair = |a: &Expr, b: &Expr| Box::new((self.compile(a), self.compile(b)));
        let all = |list: &[Expr]| list.iter().map(|e| self.compile(e)).collect::<Vec<_>>();
        match expr {
            Expr::Field { slot, record, field, path } => {
                let schema = match slot.side {
                    crate::ir::Side::Message => self.message,
                    crate::ir::Side::Original => self.original.unwrap_or(self.message),
                };
                Node::Field {
                    slot: *slot,
                    decoder: Decoder::compile(schema, *record, *field),
                    path: path.clone(),
                }
            }
            Expr::Has(given) => Node::Has(given.clone()),
            Expr::IsNil(slot) => Node::IsNil(*slot),
            Expr::Size(slot) => Node::Size(*slot),
            Expr::Local(local) => Node::Local(*local),
            Expr::Fold { fold, list, span } => {
                Node::Fold(Box::new(Folded { fold: fold.clone(), list: self.list(list), span: *span }))
            }
            Expr::Constant(constant) => Node::Constant(constant.clone()),
            Expr::Context(field) => Node::Context(*field),
            Expr::Metadata(name) => Node::Metadata(name.clone()),
            Expr::Call { function, args, prepared, span } => match functions::LIBRARY.get(*function) {
                None => Node::Constant(Constant::Absent),
                Some(function) => {
                    let single = args.iter().filter(|a| !matches!(a, Expr::Constant(_))).count() <= 1;
                    let conversion = Conversion::of(function, args);
                    let (arguments, prepared) = (all(args), prepared.clone());
                    Node::Call(Box::new(Call {
                        function,
                        arguments,
                        prepared,
                        single,
                        conversion,
                        span: *span,
                    }))
                }
            },
            Expr::Default(a, b) => Node::Default(pair(a, b)),
            Expr::NullIf(a, b) => Node::NullIf(pair(a, b)),
            Expr::Not(a) => Node::Not(Box::new(self.compile(a))),
            Expr::And(list) => Node::And(all(list)),
            Expr::Or(list) => Node::Or(all(list)),
            Expr::Compare(how, a, b) => Node::Compare(*how, pair(a, b)),
            Expr::In(a, constants) => Node::In(Box::new(self.compile(a)), constants.clone()),
            Expr::Arithmetic(how, a, b) => Node::Arithmetic(*how, pair(a, b)),
            Expr::Cases(cases) => Node::Cases(
                cases
                    .iter()
                    .map(|(when, then)| (when.as_ref().map(|w| self.compile(w)), self.compile(then)))
                    .collect(),
            ),
            Expr::LookupKey { table, value, span } => match self.tables.0.get(*table) {
                None => Node::Constant(Constant::Absent),
                Some(found) => Node::Lookup {
                    table: Arc::new(inverted(found)),
                    key: Box::new(self.compile(value)),
                    span: *span,
                },
            },
            Expr::Lookup { table, key, span } => match self.tables.0.get(*table) {
                None => Node::Constant(Constant::Absent),
                Some(found) => {
                    Node::Lookup { table: found.clone(), key: Box::new(self.compile(key)), span: *span }
                }
            },
        }
    }
}

/// The table that leads from the values of one to its keys.
fn inverted(table: &Table) -> Table {
    let pair = |(key, value): (&Arc<str>, &Constant)| (written(value).into(), Constant::Text(key.clone()));
    Table { rows: table.rows.iter().map(pair).collect(), default: None, ..table.clone() }
}

impl Node {
    /// The path of the source field that this reads, where it reads exactly one: what is wrong with the result is wrong
    /// with that.
    #[cold]
    pub(crate) fn only_source(&self) -> Option<Arc<str>> {
        let mut paths = Vec::new();
        self.sources(&mut paths);
        let (first, rest) = paths.split_first()?;
        rest.iter().all(|path| path == first).then(|| (*first).clone())
    }

    pub(super) fn sources<'n>(&'n self, paths: &mut Vec<&'n Arc<str>>) {
        match self {
            Self::Field { path, .. } => paths.push(path),
            Self::Call(call) => call.arguments.iter().for_each(|a| a.sources(paths)),
            Self::Default(pair) | Self::NullIf(pair) | Self::Compare(_, pair) | Self::Arithmetic(_, pair) => {
                pair.0.sources(paths);
                pair.1.sources(paths);
            }
            Self::Not(inner) | Self::In(inner, _) | Self::Lookup { key: inner, .. } => inner.sources(paths),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|n| n.sources(paths)),
            Self::Cases(cases) => {
                for (when, then) in cases {
                    when.iter().for_each(|n| n.sources(paths));
                    then.sources(paths);
                }
            }
            Self::Fold(folded) => folded.list.sources(paths),
            Self::Has(_)
            | Self::IsNil(_)
            | Self::Size(_)
            | Self::Local(_)
            | Self::Constant(_)
            | Self::Context(_)
            | Self::Metadata(_) => {}
        }
    }
}

/// The value of a constant.
#[inline]
pub(crate) fn value_of(constant: &Constant) -> Value<'_> {
    match constant {
        Constant::Absent => Value::Absent,
        Constant::Text(text) => Value::Text(text),
        Constant::Bool(value) => Value::Bool(*value),
        Constant::Integer(value) => Value::Integer(*value),
        Constant::Decimal(value) => Value::Decimal(*value),
        Constant::Date(value) => Value::Date(*value),
    }
}
