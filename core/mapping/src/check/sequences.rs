//! Lists as expressions make them: the items of a list of the source or the parts of a text, step by step, and what they come
//! to in the end.

use std::{ops::Range, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::{FrameId, SlotRef};

use super::{
    Checker,
    expression::Typed,
    scope::{Group, Opened, Place, What},
    types::{Type, name},
};
use crate::{
    expression::{Expression, ExpressionKind as Kinds, Leaf, Segment},
    functions::{
        Kind,
        lists::{self, Gives},
    },
    ir::{Comparison, Cut, Expr, Fold, Given, Items, List, Local, Side, SourceSlot, Step, View},
};

/// A list while it is checked.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    /// How it is made.
    pub(super) list: List,
    /// What an item of it is, inside the steps that follow.
    pub(super) item: Place,
    /// What is known to be there where there is an item.
    pub(super) settled: Vec<Given>,
    /// It has an item at least.
    pub(super) filled: bool,
}

impl Sequence {
    /// The list of the source, where nothing is done to it.
    pub(super) fn plain(&self) -> Option<(SourceSlot, FrameId, SlotRef)> {
        match (&self.list.items, self.list.steps.as_slice()) {
            (Items::Rows { list, frame, item }, []) => Some((*list, *frame, *item)),
            _ => None,
        }
    }
}

impl Checker<'_> {
    /// Whether an expression is a list; findings about it are left to whoever uses it.
    pub(super) fn is_sequence(&mut self, e: &Expression, leaf: &Leaf) -> bool {
        match &e.kind {
            Kinds::Path(path) => {
                matches!(self.scope.resolve(path, leaf), Ok(p) if matches!(p.what, What::List { .. } | What::Members(_)))
            }
            Kinds::Call { name, .. } => {
                lists::find(&name.name).is_some_and(|function| function.gives == Gives::List)
            }
            _ => false,
        }
    }

    /// An expression as a list.
    pub(super) fn sequence(&mut self, e: &Expression, leaf: &Leaf) -> Option<Sequence> {
        match &e.kind {
            Kinds::Path(path) => {
                let place = self.path(path, leaf)?;
                self.items_of(&place).or_else(|| {
                    let message =
                        format!("`{}` is {}, and a list is wanted here", place.path, place.describe());
                    self.report(Code::MAP_CARDINALITY, message, leaf, &e.place);
                    None
                })
            }
            Kinds::Call { name, receiver, arguments } if self.is_sequence(e, leaf) => {
                let all: Vec<&Expression> = receiver.as_deref().into_iter().chain(arguments).collect();
                self.made(name, &all, leaf, &e.place)
            }
            _ => {
                let message = "a list is wanted here, and this is a single value";
                let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(leaf.place(&e.place), "");
                self.findings
                    .push(finding.help("name a list of the source, or make one: x.split(','), x.lines()"));
                None
            }
        }
    }

    /// The items of a list of the source, or of a group.
    pub(super) fn items_of(&mut self, place: &Place) -> Option<Sequence> {
        if let What::Members(group) = &place.what {
            return self.members_of(group);
        }
        let What::List { slot, item, .. } = place.what else { return None };
        let (opened, frame) = self.scope.item(place)?;
        let items = Items::Rows { list: slot, frame, item: SlotRef { frame, ..item.slot } };
        let list = List { items, steps: Vec::new() };
        Some(Sequence { list, item: opened, settled: place.optional.clone(), filled: false })
    }

    /// What a function makes that gives a list.
    fn made(
        &mut self,
        function: &Segment,
        all: &[&Expression],
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Sequence> {
        match (function.name.as_str(), all) {
            ("filter", [list, variable, condition]) => {
                let mut sequence = self.sequence(list, leaf)?;
                let keep = self.of_item(&sequence, variable, leaf, |c| c.truth(condition, leaf))?;
                sequence.list.steps.push(Step::Keep(keep));
                Some(Sequence { filled: false, ..sequence })
            }
            ("map", [list, variable, value]) => {
                let sequence = self.sequence(list, leaf)?;
                let (typed, there) = self.of_item(&sequence, variable, leaf, |c| {
                    let typed = c.value(value, leaf)?;
                    let there = c.is_there(&typed);
                    Some((typed, there))
                })?;
                let filled = sequence.filled && there;
                Some(Sequence { filled, ..self.valued(sequence, typed.expr, typed.ty) })
            }
            ("distinct" | "sort", [list]) => {
                let sequence = self.sequence(list, leaf)?;
                let mut sequence = self.values(sequence, leaf, at)?;
                let key = self.place(&sequence.item.clone(), leaf, at)?;
                let step = self.by(function, key, leaf)?;
                sequence.list.steps.push(step);
                Some(sequence)
            }
            ("distinct" | "sort", [list, variable, key]) => {
                let mut sequence = self.sequence(list, leaf)?;
                let key = self.of_item(&sequence, variable, leaf, |c| {
                    let key = c.value(key, leaf)?;
                    c.present(key, leaf)
                })?;
                let step = self.by(function, key, leaf)?;
                sequence.list.steps.push(step);
                Some(sequence)
            }
            ("group", [list, variable, key]) => {
                let sequence = self.sequence(list, leaf)?;
                let key = self.of_item(&sequence, variable, leaf, |c| {
                    let key = c.value(key, leaf)?;
                    c.present(key, leaf)
                })?;
                self.grouped(sequence, key, leaf)
            }
            ("reverse", [list]) => {
                let mut sequence = self.sequence(list, leaf)?;
                sequence.list.steps.push(Step::Reverse);
                Some(sequence)
            }
            ("split", [text, separator]) => {
                let separator = self.separator(separator, leaf)?;
                if separator.is_empty() {
                    self.report(Code::EXPR_ARGUMENTS, "there is nothing to split at", leaf, at);
                    return None;
                }
                self.parts(text, Cut::At(separator), leaf)
            }
            ("lines", [text]) => self.parts(text, Cut::Lines, leaf),
            ("chunks", [text, length]) => match length.kind {
                Kinds::Integer(length @ 1..=0xffff) => self.parts(text, Cut::Every(length as usize), leaf),
                _ => {
                    let message = "the length of a piece is a whole number from 1 to 65535";
                    self.report(Code::EXPR_ARGUMENTS, message, leaf, &length.place);
                    None
                }
            },
            _ => self.misused(function, leaf, at),
        }
    }

    fn separator(&mut self, separator: &Expression, leaf: &Leaf) -> Option<Arc<str>> {
        if let Kinds::Text(text) = &separator.kind {
            return Some(text.clone());
        }
        self.report(Code::EXPR_ARGUMENTS, "the separator is a text in quotes", leaf, &separator.place);
        None
    }

    /// `distinct` or `sort` by a key.
    fn by(&mut self, function: &Segment, key: Typed, leaf: &Leaf) -> Option<Step> {
        if !self.is_key(&key, leaf) {
            return None;
        }
        if function.name == "sort" && key.ty.kind == Kind::Bool {
            self.without_order(&key, leaf);
            return None;
        }
        Some(match function.name.as_str() {
            "sort" => Step::Sort(key.expr),
            _ => Step::Distinct(key.expr),
        })
    }

    /// Whether values can be told apart by this: what has no order is reported.
    fn is_key(&mut self, key: &Typed, leaf: &Leaf) -> bool {
        let is = !matches!(key.ty.kind, Kind::Bytes | Kind::Double);
        if !is {
            self.without_order(key, leaf);
        }
        is
    }

    fn without_order(&mut self, key: &Typed, leaf: &Leaf) {
        let message = format!("{} has no order", name(key.ty.kind));
        self.report(Code::MAP_TYPE, message, leaf, &key.place);
    }

    /// A list of groups of the items.
    fn grouped(&mut self, mut sequence: Sequence, key: Typed, leaf: &Leaf) -> Option<Sequence> {
        if !self.is_key(&key, leaf) {
            return None;
        }
        let (kept, members) = (self.local(), self.local());
        let group = Group {
            key: kept,
            ty: key.ty,
            members,
            item: sequence.item.clone(),
            settled: sequence.settled.clone(),
        };
        sequence.list.steps.push(Step::Group { by: key.expr, key: kept, members });
        sequence.item = group_place(group);
        Some(sequence)
    }

    /// The items of a group, looked at by places of their own.
    fn members_of(&mut self, group: &Group) -> Option<Sequence> {
        let (item, view) = match &group.item.what {
            What::Local(_, ty) => {
                let local = self.local();
                (local_place(local, ty.clone()), View::Value(local))
            }
            What::Group(inner) => {
                let (key, members) = (self.local(), self.local());
                (group_place(Group { key, members, ..(**inner).clone() }), View::Group { key, members })
            }
            _ => {
                let (item, slot) = self.scope.again(&group.item)?;
                let view = View::Row { side: item.side, frame: slot.frame, item: slot };
                (item, view)
            }
        };
        let list = List { items: Items::Members { members: group.members, view }, steps: Vec::new() };
        Some(Sequence { list, item, settled: group.settled.clone(), filled: true })
    }

    /// Parts of a text.
    fn parts(&mut self, text: &Expression, cut: Cut, leaf: &Leaf) -> Option<Sequence> {
        let typed = self.value(text, leaf)?;
        if typed.ty.kind != Kind::Text {
            let message = format!("text is cut, and this is {}", name(typed.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, &text.place);
            return None;
        }
        let local = self.local();
        let items = Items::Parts { text: Box::new(typed.expr), cut, local };
        let item = local_place(local, Type::any(Kind::Text));
        let list = List { items, steps: Vec::new() };
        Some(Sequence { list, item, settled: typed.optional, filled: false })
    }

    /// What comes of a list in the end; `None` where it is no such function.
    pub(super) fn folded(
        &mut self,
        function: &Segment,
        all: &[&Expression],
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let bool = || Type::any(Kind::Bool);
        match (function.name.as_str(), all) {
            ("size", [list]) => {
                let sequence = self.sequence(list, leaf)?;
                let ty = Type::any(Kind::Integer);
                Some(match sequence.plain() {
                    Some((slot, ..)) => Typed::new(Expr::Size(slot), ty, at),
                    None => fold(Fold::Count, sequence, ty, leaf, at),
                })
            }
            ("exists", [list, variable, condition]) => {
                let mut sequence = self.sequence(list, leaf)?;
                let keep = self.of_item(&sequence, variable, leaf, |c| c.truth(condition, leaf))?;
                sequence.list.steps.push(Step::Keep(keep));
                Some(fold(Fold::Any, sequence, bool(), leaf, at))
            }
            ("all", [list, variable, condition]) => {
                let mut sequence = self.sequence(list, leaf)?;
                let keep = self.of_item(&sequence, variable, leaf, |c| c.truth(condition, leaf))?;
                sequence.list.steps.push(Step::Keep(Expr::Not(Box::new(keep))));
                let other = fold(Fold::Any, sequence, bool(), leaf, at);
                Some(Typed::new(Expr::Not(Box::new(other.expr)), bool(), at))
            }
            ("sum", [list]) => {
                let (sequence, ty) = self.numbers(list, leaf)?;
                Some(fold(Fold::Sum, sequence, ty, leaf, at))
            }
            ("min" | "max", [list]) => {
                let (sequence, ty) = self.ordered(list, leaf)?;
                let how = if function.name == "min" { Fold::Least } else { Fold::Greatest };
                Some(perhaps(how, sequence, ty, leaf, at))
            }
            ("first" | "last", [list]) => {
                let sequence = self.sequence(list, leaf)?;
                let sequence = self.values(sequence, leaf, at)?;
                let ty = self.place(&sequence.item.clone(), leaf, at)?.ty;
                let how = if function.name == "first" { Fold::First } else { Fold::Last };
                Some(perhaps(how, sequence, ty, leaf, at))
            }
            ("join", [list, separator]) => {
                let separator = self.separator(separator, leaf)?;
                let sequence = self.sequence(list, leaf)?;
                let sequence = self.values(sequence, leaf, at)?;
                let kind = self.place(&sequence.item.clone(), leaf, at)?.ty.kind;
                if kind != Kind::Text {
                    let message = format!("text is joined, and these are {}", plural(kind));
                    let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(at), "");
                    self.findings.push(finding.help("convert them: list.map(x, string(x)).join(', ')"));
                    return None;
                }
                let how = Fold::Join(separator);
                Some(perhaps(how, sequence, Type::any(Kind::Text), leaf, at))
            }
            _ => self.misused(function, leaf, at),
        }
    }

    /// `x in list`
    pub(super) fn member(
        &mut self,
        value: Typed,
        list: &Expression,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let sequence = self.sequence(list, leaf)?;
        let mut sequence = self.values(sequence, leaf, &list.place)?;
        let item = self.place(&sequence.item.clone(), leaf, &list.place)?;
        self.comparable(&value, &item, leaf, at)?;
        let equal = Expr::Compare(Comparison::Equal, Box::new(item.expr), Box::new(value.expr));
        sequence.list.steps.push(Step::Keep(equal));
        Some(fold(Fold::Any, sequence, Type::any(Kind::Bool), leaf, at))
    }

    /// A list of numbers, and what kind they are of.
    fn numbers(&mut self, list: &Expression, leaf: &Leaf) -> Option<(Sequence, Type)> {
        let sequence = self.sequence(list, leaf)?;
        let sequence = self.values(sequence, leaf, &list.place)?;
        let kind = self.place(&sequence.item.clone(), leaf, &list.place)?.ty.kind;
        if matches!(kind, Kind::Integer | Kind::Decimal | Kind::Double) {
            return Some((sequence, Type::any(kind)));
        }
        let message = format!("numbers are wanted here, and these are {}", plural(kind));
        let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(&list.place), "");
        self.findings.push(finding.help("take a number of each item: list.map(x, x.amount)"));
        None
    }

    /// A list of what has an order, and what kind they are of.
    fn ordered(&mut self, list: &Expression, leaf: &Leaf) -> Option<(Sequence, Type)> {
        let sequence = self.sequence(list, leaf)?;
        let sequence = self.values(sequence, leaf, &list.place)?;
        let kind = self.place(&sequence.item.clone(), leaf, &list.place)?.ty.kind;
        if !matches!(kind, Kind::Bytes | Kind::Bool) {
            return Some((sequence, Type::any(kind)));
        }
        self.report(Code::MAP_TYPE, format!("{} has no order", name(kind)), leaf, &list.place);
        None
    }

    /// A list whose items are single values.
    fn values(&mut self, sequence: Sequence, leaf: &Leaf, at: &Range<usize>) -> Option<Sequence> {
        match &sequence.item.what {
            What::Local(..) => Some(sequence),
            What::Scalar { .. } => {
                let item = self.place(&sequence.item.clone(), leaf, at)?;
                Some(self.valued(sequence, item.expr, item.ty))
            }
            What::Group(_) => {
                let message = "these are groups, and single values are wanted here";
                let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(leaf.place(at), "");
                self.findings.push(finding.help("take a value of each: list.map(g, g.key)"));
                None
            }
            _ => {
                let message = format!(
                    "the items of `{}` are records, and single values are wanted here",
                    sequence.item.path
                );
                let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(leaf.place(at), "");
                self.findings.push(finding.help("take a value of each: list.map(x, x.code)"));
                None
            }
        }
    }

    /// A list of what an expression makes of each item.
    fn valued(&mut self, mut sequence: Sequence, value: Expr, ty: Type) -> Sequence {
        let local = self.local();
        sequence.list.steps.push(Step::Value(value, local));
        sequence.item = local_place(local, ty);
        sequence
    }

    /// Checks something of an item, by the name that it is given.
    fn of_item<T>(
        &mut self,
        sequence: &Sequence,
        variable: &Expression,
        leaf: &Leaf,
        check: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let named = match &variable.kind {
            Kinds::Path(path) => match path.as_slice() {
                [only] => Some(only.name.clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(named) = named else {
            let message = "the items of a list are given a name first";
            let finding =
                Diagnostic::error(Code::EXPR_ARGUMENTS, message).at(leaf.place(&variable.place), "");
            self.findings.push(finding.help("write list.filter(x, x.amount > 0)"));
            return None;
        };
        let known = self.scope.settled.len();
        self.scope.settled.extend(sequence.settled.iter().cloned());
        self.scope.opened.push(Opened::Item(named, sequence.item.clone()));
        let checked = check(self);
        self.scope.opened.pop();
        self.scope.settled.truncate(known);
        checked
    }

    fn misused<T>(&mut self, function: &Segment, leaf: &Leaf, at: &Range<usize>) -> Option<T> {
        let message = format!("`{}` is not called like this", function.name);
        let finding = Diagnostic::error(Code::EXPR_ARGUMENTS, message).at(leaf.place(at), "");
        let usage = lists::find(&function.name).map(|known| format!("write {}", known.usage));
        self.findings.push(usage.into_iter().fold(finding, Diagnostic::help));
        None
    }

    fn local(&mut self) -> Local {
        self.locals += 1;
        Local(self.locals - 1)
    }
}

fn local_place(local: Local, ty: Type) -> Place {
    made_place("an item", What::Local(local, ty))
}

fn group_place(group: Group) -> Place {
    made_place("a group", What::Group(Box::new(group)))
}

/// The place of what an expression made.
fn made_place(path: &str, what: What) -> Place {
    Place {
        path: path.to_owned(),
        side: Side::Message,
        what,
        optional: Vec::new(),
        implicit: false,
        alias: None,
    }
}

fn fold(fold: Fold, sequence: Sequence, ty: Type, leaf: &Leaf, at: &Range<usize>) -> Typed {
    let list = Box::new(sequence.list);
    Typed::new(Expr::Fold { fold, list, span: leaf.place(at) }, ty, at)
}

/// Of an empty list there is none.
fn perhaps(how: Fold, sequence: Sequence, ty: Type, leaf: &Leaf, at: &Range<usize>) -> Typed {
    let absent = !sequence.filled;
    Typed { absent, ..fold(how, sequence, ty, leaf, at) }
}

/// What to call many of a kind.
fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "texts",
        Kind::Bytes => "bytes",
        Kind::Bool => "true or false",
        Kind::Integer => "whole numbers",
        Kind::Decimal => "decimals",
        Kind::Double => "floating-point numbers",
        Kind::Date => "dates",
        Kind::Time => "times of day",
        Kind::DateTime => "dates and times",
        Kind::Duration => "spans of time",
    }
}
