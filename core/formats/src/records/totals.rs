//! Counts and sums over records, kept while a file streams by: each knows which records it is fed by and with which group it
//! begins anew. What a record says before it can be known waits until its group ends.

use bumpalo::Bump;
use portolan_schema::layout::{FileValue, Layout, NodeId, Order, Verify};

use super::{
    formula::{Facts, Formula, Place, number},
    part::{Form, Part},
};
use crate::{Decimal, Value};

/// A count or sum of one [`Totals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TotalId(pub(super) u32);

/// A count or sum so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) value: Decimal,
    /// Something that belongs to it could not be read.
    pub(super) partial: bool,
}

impl Running {
    const ZERO: Self = Self { value: Decimal { mantissa: 0, scale: 0 }, partial: false };
}

/// Every count and sum of a layout.
#[derive(Debug, Default)]
pub(super) struct Totals {
    all: Vec<Total>,
    /// Those that a record or group feeds, by node.
    fed_by: Vec<Vec<TotalId>>,
    /// Those that begin anew with a node, by node.
    begin_with: Vec<Vec<TotalId>>,
    /// The values that each record must have, by node.
    checks: Vec<Vec<Check>>,
    /// Nodes within each node, itself left out.
    within: Vec<Vec<NodeId>>,
    /// Nodes whose last record is asked for by others.
    pub(super) kept: Vec<bool>,
}

#[derive(Debug)]
struct Total {
    /// The field that is summed, or the list whose items are counted; `None` counts records.
    field: Option<Place>,
    /// Items of a list are counted.
    items: bool,
    condition: Option<Formula>,
}

/// A value that a record must have.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// The part: its index at each level.
    pub(super) part: Vec<u32>,
    pub(super) verify: Verify,
    pub(super) when: When,
}

/// When a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// As soon as its record is there.
    Now,
    /// When this group ends, or the file.
    End(Option<NodeId>),
}

impl Totals {
    /// Gives every count and sum within the forms a number of its own.
    pub(super) fn compile(layout: &Layout, forms: &mut [Option<Form>]) -> Self {
        let nodes = layout.nodes.len();
        let mut totals = Self {
            fed_by: vec![Vec::new(); nodes],
            begin_with: vec![Vec::new(); nodes],
            checks: vec![Vec::new(); nodes],
            within: layout.nodes().map(|(id, _)| descendants(layout, id)).collect(),
            kept: vec![false; nodes],
            ..Self::default()
        };
        for (index, form) in forms.iter_mut().enumerate() {
            let node = NodeId(index as u32);
            if let Some(form) = form {
                totals.parts(layout, node, &mut form.parts, &mut Vec::new());
            }
        }
        totals
    }

    fn parts(&mut self, layout: &Layout, node: NodeId, parts: &mut [Part], path: &mut Vec<u32>) {
        for (index, part) in parts.iter_mut().enumerate() {
            path.push(index as u32);
            if let Some((formula, verify)) = &mut part.value {
                let mut when = When::Now;
                formula.each_mut(&mut |formula| {
                    let needed = self.take(layout, node, formula);
                    when = latest(layout, when, needed);
                });
                self.checks[node.0 as usize].push(Check { part: path.clone(), verify: *verify, when });
                self.keep(node, formula);
                if formula.continues() {
                    let item = path.as_slice().into();
                    let place = Place { record: node, item, own: true, previous: false, listed: false };
                    let continued = std::mem::replace(formula, Formula::Text(Box::default()));
                    *formula = Formula::Continued(place, Box::new(continued));
                }
            }
            if let Some((require, _)) = &part.require {
                self.keep(node, require);
            }
            if let Some(rule) = &part.when {
                rule.each_place(&mut |place| self.keep_place(node, place));
            }
            if let super::part::PartKind::Group(parts) = &mut part.kind {
                self.parts(layout, node, parts, path);
            }
            path.pop();
        }
    }

    /// Notes which other records a formula of a node asks for.
    pub(super) fn keep(&mut self, node: NodeId, formula: &Formula) {
        formula.each_place(&mut |place| self.keep_place(node, place));
    }

    pub(super) fn keep_place(&mut self, node: NodeId, place: &Place) {
        if place.record != node || place.previous {
            self.kept[place.record.0 as usize] = true;
        }
    }

    /// Takes a count or sum out of a formula; when what it is replaced by is known.
    fn take(&mut self, layout: &Layout, node: NodeId, formula: &mut Formula) -> When {
        let (counted, total) = match std::mem::replace(formula, Formula::Text(Box::default())) {
            Formula::Count(counted, condition) => {
                (counted, Total { field: None, items: false, condition: condition.map(|c| *c) })
            }
            Formula::Items(mut place, condition) if !place.own => {
                let counted = place.record;
                place.own = true;
                (vec![counted], Total { field: Some(place), items: true, condition: condition.map(|c| *c) })
            }
            Formula::Sum(mut place, condition) if !(place.own && place.listed) => {
                let counted = place.record;
                place.own = true;
                (vec![counted], Total { field: Some(place), items: false, condition: condition.map(|c| *c) })
            }
            Formula::File(value @ (FileValue::Blocks | FileValue::Records)) => {
                *formula = Formula::File(value);
                let last = layout.top.last().is_some_and(|last| {
                    *last == node
                        && layout.node(node).occurs.max == Some(1)
                        && layout.order == Order::Declared
                });
                return if last { When::Now } else { When::End(None) };
            }
            other => {
                *formula = other;
                return When::Now;
            }
        };
        if let Some(condition) = &total.condition {
            counted.iter().for_each(|counted| self.keep(*counted, condition));
        }
        let id = TotalId(self.all.len() as u32);
        *formula = Formula::Total(id);
        self.all.push(total);
        counted.iter().for_each(|counted| self.fed_by[counted.0 as usize].push(id));
        let (scope, when) = relation(layout, node, &counted);
        if let Some(scope) = scope {
            self.begin_with[scope.0 as usize].push(id);
        }
        when
    }

    /// Values before the first record.
    pub(super) fn start(&self) -> Vec<Running> {
        vec![Running::ZERO; self.all.len()]
    }

    /// Whether a record has a total of what follows it that is only warned of.
    pub(super) fn may_be_wrong(&self, node: NodeId) -> bool {
        let late = |check: &Check| check.verify == Verify::Warn && matches!(check.when, When::End(_));
        self.checks(node).iter().any(late)
    }

    /// The values that a record must have.
    pub(super) fn checks(&self, node: NodeId) -> &[Check] {
        self.checks.get(node.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// A node begins: what is counted within it begins anew, and what is kept of the one before is forgotten.
    pub(super) fn begin(
        &self,
        node: NodeId,
        values: &mut [Running],
        ordinals: &mut [u64],
        before: &mut [Option<Vec<u8>>],
    ) {
        for id in &self.begin_with[node.0 as usize] {
            values[id.0 as usize] = Running::ZERO;
        }
        for inner in &self.within[node.0 as usize] {
            ordinals[inner.0 as usize] = 0;
            before[inner.0 as usize] = None;
        }
        ordinals[node.0 as usize] += 1;
    }

    /// Whether a record or group feeds anything.
    pub(super) fn feeds(&self, node: NodeId) -> bool {
        !self.fed_by[node.0 as usize].is_empty()
    }

    /// Whether a record or group feeds a total that a formula asks for.
    pub(super) fn feeds_any(&self, node: NodeId, formula: &Formula) -> bool {
        let mut any = false;
        formula.each(&mut |formula| {
            any |= matches!(formula, Formula::Total(id) if self.fed_by[node.0 as usize].contains(id));
        });
        any
    }

    /// Feeds what a record or group is counted in. `false`: a sum has more digits than can be kept.
    pub(super) fn feed(&self, node: NodeId, facts: &Facts<'_>, arena: &Bump, values: &mut [Running]) -> bool {
        let mut fine = true;
        for id in &self.fed_by[node.0 as usize] {
            let total = &self.all[id.0 as usize];
            let condition = total.condition.as_ref();
            let listed = total.field.as_ref().is_some_and(|place| place.listed);
            if !listed && condition.is_some_and(|condition| !condition.holds(facts, arena)) {
                continue;
            }
            let unread = Running { partial: true, ..Running::ZERO };
            let added = match &total.field {
                Some(place) if listed => place.total(!total.items, condition, facts, arena),
                None => Some(Running { value: Decimal { mantissa: 1, scale: 0 }, partial: false }),
                Some(place) => match place.read(facts, arena) {
                    // No value adds nothing.
                    None | Some(Ok(Value::Absent)) => continue,
                    Some(Ok(value)) => {
                        Some(number(value).map_or(unread, |value| Running { value, partial: false }))
                    }
                    Some(Err(_)) => Some(unread),
                },
            };
            let running = &mut values[id.0 as usize];
            match added.and_then(|added| Some((running.value.checked_add(added.value)?, added.partial))) {
                Some((value, partial)) => *running = Running { value, partial: running.partial || partial },
                None => fine = false,
            }
        }
        fine
    }
}

fn descendants(layout: &Layout, id: NodeId) -> Vec<NodeId> {
    let mut all = Vec::new();
    let mut open = layout.node(id).children.clone();
    while let Some(next) = open.pop() {
        all.push(next);
        open.extend(&layout.node(next).children);
    }
    all
}

/// From a node outwards, itself first.
fn chain(layout: &Layout, node: NodeId) -> Vec<NodeId> {
    let mut chain = vec![node];
    while let Some(parent) = chain.last().and_then(|last| layout.node(*last).parent) {
        chain.push(parent);
    }
    chain
}

/// The group with which a count of `counted`, asked for by `node`, begins anew (`None`: the file), and when it is known.
fn relation(layout: &Layout, node: NodeId, counted: &[NodeId]) -> (Option<NodeId>, When) {
    let mine = chain(layout, node);
    let theirs: Vec<Vec<NodeId>> = counted.iter().map(|counted| chain(layout, *counted)).collect();
    // A record that is counted itself is counted with those beside it.
    let around = |id: &&NodeId| !counted.contains(id) && theirs.iter().all(|theirs| theirs.contains(id));
    let scope = mine.iter().find(around).copied();
    // What counts itself is numbered by it.
    if counted.contains(&node) {
        return (scope, When::Now);
    }
    let order = scope.map_or(layout.order, |scope| layout.node(scope).order);
    let children = scope.map_or(&layout.top, |scope| &layout.node(scope).children);
    let index = |chain: &[NodeId]| chain.iter().find_map(|id| children.iter().position(|child| child == id));
    let mine = index(&mine).filter(|_| scope != Some(node));
    let later = theirs.iter().any(|theirs| match (mine, index(theirs)) {
        (Some(mine), Some(theirs)) => theirs > mine || order == Order::Any,
        _ => true,
    });
    (scope, if later { When::End(scope) } else { When::Now })
}

/// The later of two.
fn latest(layout: &Layout, a: When, b: When) -> When {
    match (a, b) {
        (When::Now, other) | (other, When::Now) => other,
        (When::End(None), _) | (_, When::End(None)) => When::End(None),
        (When::End(Some(a)), When::End(Some(b))) => {
            // The outer one ends later.
            When::End(Some(if chain(layout, a).contains(&b) { b } else { a }))
        }
    }
}
