//! Going through lists: item by item, each made current, and gathered where all of them must be known.

use super::evaluate::{Problem, Run, add, evaluate, truth};
use crate::{
    functions::{EvalError, MAX_RESULT},
    ir::{Cut, Fold, Local, Side, View},
    plan::{Folded, Gathered, Items, List, Stage, Step},
};
use bumpalo::{
    Bump,
    collections::{String as BumpString, Vec as BumpVec},
};
use portolan_formats::{FrameId, Slot, Value, ValueProblem, value::compare};
use std::{cmp::Ordering, ops::ControlFlow};

/// How many items the rules may look at for one message: lists within lists must not keep a gateway from its work.
const MOST_ITEMS: u32 = 5_000_000;

/// An item on its way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    /// A row of the source's list.
    Row(Side, FrameId, u32),
    /// What was made of one.
    Value(Value<'a>, Local),
    /// A group of them.
    Group(&'a Group<'a>, GroupPlaces),
}

/// Items of which a key is equal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    key: Value<'a>,
    members: &'a [Item<'a>],
}

/// Where a group is kept while it is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupPlaces {
    key: Local,
    members: Local,
}

/// What is kept of the current item of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept<'a> {
    /// A value.
    Value(Value<'a>),
    /// The items of a group.
    Members(&'a [Item<'a>]),
}

type Passed<E> = Result<ControlFlow<()>, E>;

impl<'a> Run<'_, 'a> {
    /// Counts an item that is looked at.
    pub(super) fn looks_at_one(&mut self) -> Result<(), Problem> {
        self.looked += 1;
        if self.looked > MOST_ITEMS { Err(EvalError::TooMuch.into()) } else { Ok(()) }
    }

    /// Makes a row of a list current.
    pub(super) fn enter(&mut self, side: Side, frame: FrameId, row: u32) {
        match side {
            Side::Message => self.rows.enter(frame, row),
            Side::Original => self.original_rows.enter(frame, row),
        }
    }

    /// Where the next item's row begins.
    pub(super) fn next(&self, side: Side, row: u32) -> Option<u32> {
        let captured = match side {
            Side::Message => self.message,
            Side::Original => self.original,
        };
        match captured.get(row as usize) {
            Slot::Next(next) => Some(next),
            _ => None,
        }
    }

    fn make_current(&mut self, item: Item<'a>) {
        match item {
            Item::Row(side, frame, row) => self.enter(side, frame, row),
            Item::Value(value, local) => self.keep(local, Kept::Value(value)),
            Item::Group(group, places) => {
                self.keep(places.key, Kept::Value(group.key));
                self.keep(places.members, Kept::Members(group.members));
            }
        }
    }

    fn keep(&mut self, local: Local, kept: Kept<'a>) {
        if let Some(place) = self.locals.get_mut(usize::from(local.0)) {
            *place = kept;
        }
    }

    /// A value that is kept.
    pub(super) fn local(&self, local: Local) -> Value<'a> {
        match self.locals.get(usize::from(local.0)) {
            Some(Kept::Value(value)) => *value,
            _ => Value::Absent,
        }
    }

    /// The items of the current group.
    fn members(&self, local: Local) -> &'a [Item<'a>] {
        match self.locals.get(usize::from(local.0)) {
            Some(Kept::Members(members)) => members,
            _ => &[],
        }
    }
}

/// Hands on each item that a list comes to, made current, until `then` has enough.
pub(super) fn through<'a, E: From<Problem>>(
    list: &'a List,
    run: &mut Run<'_, 'a>,
    then: &mut dyn FnMut(&mut Run<'_, 'a>, Item<'a>) -> Passed<E>,
) -> Result<(), E> {
    let mut gathered: Option<BumpVec<'a, Item<'a>>> = None;
    for stage in &list.stages {
        let mut keyed = BumpVec::new_in(run.arena);
        let mut pass = |run: &mut Run<'_, 'a>, item: Item<'a>| -> Passed<E> {
            let Some(item) = passes(stage, run, item)? else { return Ok(ControlFlow::Continue(())) };
            let key = match &stage.then {
                None => return then(run, item),
                Some(how) => match how.key() {
                    Some(key) => evaluate(key, run, true)?,
                    None => Value::Absent,
                },
            };
            keyed.push((key, item));
            Ok(ControlFlow::Continue(()))
        };
        match gathered.take() {
            None => items(&list.items, run, &mut pass)?,
            Some(before) => {
                for item in before {
                    run.make_current(item);
                    if pass(run, item)?.is_break() {
                        break;
                    }
                }
            }
        }
        gathered = match &stage.then {
            None => None,
            Some(how) => Some(together(how, keyed, run)?),
        };
    }
    Ok(())
}

/// The items where they come from.
fn items<'a, E: From<Problem>>(
    items: &'a Items,
    run: &mut Run<'_, 'a>,
    pass: &mut dyn FnMut(&mut Run<'_, 'a>, Item<'a>) -> Passed<E>,
) -> Result<(), E> {
    match items {
        Items::Rows { list, frame, .. } => {
            let Slot::List { first, count, .. } = run.slot(*list) else { return Ok(()) };
            let mut row = first;
            for _ in 0..count {
                run.looks_at_one()?;
                run.enter(list.side, *frame, row);
                if pass(run, Item::Row(list.side, *frame, row))?.is_break() {
                    break;
                }
                let Some(next) = run.next(list.side, row) else { break };
                row = next;
            }
        }
        Items::Parts { text, cut, local } => {
            let text = match evaluate(text, run, true)? {
                Value::Text(text) => text,
                Value::Absent | Value::Nil => return Ok(()),
                _ => return Err(Problem::from(EvalError::Mismatch).into()),
            };
            let mut one = |run: &mut Run<'_, 'a>, part: &'a str| -> Passed<E> {
                run.looks_at_one()?;
                let item = Item::Value(Value::Text(part), *local);
                run.make_current(item);
                pass(run, item)
            };
            let ended = match cut {
                Cut::At(separator) => each_of(text.split(&**separator), run, &mut one),
                Cut::Lines => each_of(text.lines(), run, &mut one),
                Cut::Every(length) => each_of(chunks(text, *length), run, &mut one),
            };
            ended?;
        }
        Items::Members { members, view } => {
            for member in run.members(*members) {
                run.looks_at_one()?;
                let item = viewed(*member, *view);
                run.make_current(item);
                if pass(run, item)?.is_break() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// An item of a group, by the place where this expression looks at it.
fn viewed(item: Item<'_>, view: View) -> Item<'_> {
    match (item, view) {
        (Item::Row(side, _, row), View::Row { frame, .. }) => Item::Row(side, frame, row),
        (Item::Value(value, _), View::Value(local)) => Item::Value(value, local),
        (Item::Group(group, _), View::Group { key, members }) => {
            Item::Group(group, GroupPlaces { key, members })
        }
        (item, _) => item,
    }
}

fn each_of<'a, E>(
    parts: impl Iterator<Item = &'a str>,
    run: &mut Run<'_, 'a>,
    one: &mut dyn FnMut(&mut Run<'_, 'a>, &'a str) -> Passed<E>,
) -> Result<(), E> {
    for part in parts {
        if one(run, part)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Pieces of so many characters.
fn chunks(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// What becomes of an item by itself; nothing, where it goes no further.
fn passes<'a>(
    stage: &'a Stage,
    run: &mut Run<'_, 'a>,
    mut item: Item<'a>,
) -> Result<Option<Item<'a>>, Problem> {
    for step in &stage.steps {
        match step {
            Step::Keep(keep) => {
                if !truth(keep, run)? {
                    return Ok(None);
                }
            }
            Step::Value(value, local) => {
                let value = evaluate(value, run, true)?;
                match value {
                    Value::Absent => return Ok(None),
                    Value::Nil => return Err(EvalError::NilItem.into()),
                    value => item = Item::Value(value, *local),
                }
                run.make_current(item);
            }
        }
    }
    Ok(Some(item))
}

/// What is done with all of them.
fn together<'a>(
    how: &Gathered,
    mut keyed: BumpVec<'a, (Value<'a>, Item<'a>)>,
    run: &Run<'_, 'a>,
) -> Result<BumpVec<'a, Item<'a>>, Problem> {
    // Moments with a zone and without one; nothing else is of one kind and in no order.
    if let Some((first, _)) = keyed.first()
        && keyed.iter().any(|(key, _)| compare(*first, *key).is_none() && !matches!(how, Gathered::Reverse))
    {
        return Err(ValueProblem::NoZone.into());
    }
    match how {
        Gathered::Reverse => keyed.reverse(),
        Gathered::Sort(_) => keyed.sort_by(|(a, _), (b, _)| order(a, b)),
        Gathered::Group { key, members, .. } => {
            return Ok(groups(&keyed, GroupPlaces { key: *key, members: *members }, run.arena));
        }
        Gathered::Distinct(_) => {
            let by_key = by_key(&keyed, run.arena);
            let mut first = BumpVec::from_iter_in(keyed.iter().map(|_| true), run.arena);
            for pair in by_key.windows(2) {
                let [a, b] = pair else { continue };
                if let (Some((one, _)), Some((other, _))) = (keyed.get(*a), keyed.get(*b))
                    && order(one, other).is_eq()
                    && let Some(first) = first.get_mut(*b)
                {
                    *first = false;
                }
            }
            let mut keep = first.into_iter();
            keyed.retain(|_| keep.next().unwrap_or(true));
        }
    }
    Ok(BumpVec::from_iter_in(keyed.into_iter().map(|(_, item)| item), run.arena))
}

fn order(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    compare(*a, *b).unwrap_or(Ordering::Equal)
}

/// The places of items in the order of their keys; what is equal stays as it comes.
fn by_key<'a>(keyed: &[(Value<'a>, Item<'a>)], arena: &'a Bump) -> BumpVec<'a, usize> {
    let mut by_key = BumpVec::from_iter_in(0..keyed.len(), arena);
    by_key.sort_by(|a, b| match (keyed.get(*a), keyed.get(*b)) {
        (Some((a, _)), Some((b, _))) => order(a, b),
        _ => Ordering::Equal,
    });
    by_key
}

/// Groups of items of one key, in the order in which each first appears.
fn groups<'a>(
    keyed: &[(Value<'a>, Item<'a>)],
    places: GroupPlaces,
    arena: &'a Bump,
) -> BumpVec<'a, Item<'a>> {
    let by_key = by_key(keyed, arena);
    let same = |a: &usize, b: &usize| match (keyed.get(*a), keyed.get(*b)) {
        (Some((a, _)), Some((b, _))) => order(a, b).is_eq(),
        _ => false,
    };
    let mut runs = BumpVec::from_iter_in(by_key.chunk_by(same), arena);
    runs.sort_by_key(|run| run.first().copied());
    let group = |run: &[usize]| {
        let found = || run.iter().filter_map(|at| keyed.get(*at));
        let members = BumpVec::from_iter_in(found().map(|(_, item)| *item), arena);
        let key = found().next().map_or(Value::Absent, |(key, _)| *key);
        Item::Group(arena.alloc(Group { key, members: members.into_bump_slice() }), places)
    };
    BumpVec::from_iter_in(runs.into_iter().map(group), arena)
}

/// What a list comes to.
pub(super) fn fold<'a>(folded: &'a Folded, run: &mut Run<'_, 'a>) -> Result<Value<'a>, Problem> {
    let arena = run.arena;
    let (mut count, mut result, mut joined) = (0i128, Value::Absent, BumpString::new_in(arena));
    through(&folded.list, run, &mut |run, item| -> Passed<Problem> {
        count += 1;
        let value = match item {
            Item::Value(value, _) => value,
            Item::Row(..) | Item::Group(..) => Value::Absent,
        };
        let better = |wanted: Ordering, result: Value<'a>| match result {
            Value::Absent => Ok(true),
            known => compare(value, known).map(|order| order == wanted).ok_or_else(|| match value {
                Value::DateTime(_) => EvalError::from(ValueProblem::NoZone),
                _ => EvalError::Mismatch,
            }),
        };
        match &folded.fold {
            Fold::Count => {}
            Fold::Any => return Ok(ControlFlow::Break(())),
            Fold::First => {
                result = value;
                return Ok(ControlFlow::Break(()));
            }
            Fold::Last => result = value,
            Fold::Sum => result = if count == 1 { value } else { add(result, value, run.arena)? },
            Fold::Least if better(Ordering::Less, result)? => result = value,
            Fold::Greatest if better(Ordering::Greater, result)? => result = value,
            Fold::Least | Fold::Greatest => {}
            Fold::Join(separator) => {
                let Value::Text(text) = value else { return Err(EvalError::Mismatch.into()) };
                if count > 1 {
                    joined.push_str(separator);
                }
                joined.push_str(text);
                if joined.len() > MAX_RESULT {
                    return Err(ValueProblem::TooLong.into());
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })
    .map_err(|problem| problem.at(folded.span))?;
    Ok(match folded.fold {
        Fold::Count => Value::Integer(count),
        Fold::Any => Value::Bool(count > 0),
        Fold::Sum if count == 0 => Value::Integer(0),
        Fold::Join(_) if count > 0 => Value::Text(joined.into_bump_str()),
        _ => result,
    })
}
