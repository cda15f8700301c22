//! Which record comes next: the tree of a layout as a machine that moves with every record.
//!
//! A record is looked for where the last one stood: another one of its kind, then what may follow it, then what may follow what it
//! is in. What was passed over on the way and had to be there is an error, and nothing is guessed.

use bumpalo::Bump;
use portolan_schema::{
    Occurs,
    layout::{Layout, NodeId, Order, UnknownRecords},
};

use super::{formula::Facts, rule::Rule};

/// The records of a layout, compiled.
#[derive(Debug)]
pub(super) struct Structure {
    nodes: Vec<Place>,
    top: Vec<NodeId>,
    order: Order,
    pub(super) unknown: UnknownRecords,
}

#[derive(Debug)]
struct Place {
    name: Box<str>,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    occurs: Occurs,
    order: Order,
    rule: Option<Rule>,
    is_record: bool,
}

/// Where in a file a reader or writer is.
#[derive(Debug, Clone)]
pub(super) struct Position {
    /// What is open, from the file inwards.
    open: Vec<Open>,
    /// The way to the record that is looked for: memory that every record uses anew.
    way: Vec<NodeId>,
}

#[derive(Debug, Clone)]
struct Open {
    /// `None` is the file.
    node: Option<NodeId>,
    /// The child that stood last, where children follow one another in order.
    at: usize,
    /// How often each child stood there; only of those before `at` and itself where they are in order.
    counts: Vec<u32>,
}

/// What a record does to the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// A group, or a record with records within, has ended.
    Close(NodeId),
    /// A group has begun, or a record.
    Open(NodeId),
}

/// Why a record cannot stand where it does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// It is none that may stand here.
    #[error("it is none of the records that may stand here: {0}")]
    Unexpected(String),
    /// It is of a known kind, and stands in the wrong place.
    #[error("`{found}` cannot stand here: {expected}")]
    OutOfPlace {
        /// What it is.
        found: String,
        /// What may stand here.
        expected: String,
    },
    /// Something that must be there was not there before it.
    #[error("`{0}` is missing before it")]
    Missing(String),
    /// The file ends too early.
    #[error("the file ends without `{0}`")]
    Ends(String),
}

impl Structure {
    pub(super) fn compile(layout: &Layout) -> Self {
        let nodes = layout.nodes().map(|(id, node)| Place {
            name: layout.path(id).into(),
            parent: node.parent,
            children: node.children.clone(),
            occurs: node.occurs,
            order: node.order,
            rule: node.when.as_ref().map(|rule| Rule::compile(layout, id, rule)),
            is_record: node.shape.is_some(),
        });
        Self { nodes: nodes.collect(), top: layout.top.clone(), order: layout.order, unknown: layout.unknown }
    }

    /// The rules of all records.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.nodes.iter().filter_map(|place| place.rule.as_ref())
    }

    /// Before the first record.
    pub(super) fn start(&self) -> Position {
        Position { open: vec![Open { node: None, at: 0, counts: vec![0; self.top.len()] }], way: Vec::new() }
    }

    fn place(&self, id: NodeId) -> &Place {
        &self.nodes[id.0 as usize]
    }

    pub(super) fn name(&self, id: NodeId) -> &str {
        &self.place(id).name
    }

    fn children(&self, node: Option<NodeId>) -> (&[NodeId], Order) {
        match node {
            None => (&self.top, self.order),
            Some(node) => (&self.place(node).children, self.place(node).order),
        }
    }

    /// Places a record that was read.
    pub(super) fn read(
        &self,
        position: &mut Position,
        facts: &Facts<'_>,
        arena: &Bump,
        moves: &mut Vec<Move>,
    ) -> Result<NodeId, Misplaced> {
        self.advance(position, &mut |id| self.matches(id, facts, arena), moves)
    }

    /// By what a record is told from others.
    pub(super) fn rule(&self, id: NodeId) -> Option<&Rule> {
        self.place(id).rule.as_ref()
    }

    /// Places a record whose kind is known.
    pub(super) fn write(
        &self,
        position: &mut Position,
        kind: NodeId,
        moves: &mut Vec<Move>,
    ) -> Result<NodeId, Misplaced> {
        self.advance(position, &mut |id| id == kind, moves)
    }

    fn matches(&self, id: NodeId, facts: &Facts<'_>, arena: &Bump) -> bool {
        match &self.place(id).rule {
            None => true,
            Some(rule) => rule.holds(&Facts { node: Some(id), ..*facts }, arena),
        }
    }

    fn advance(
        &self,
        position: &mut Position,
        is: &mut dyn FnMut(NodeId) -> bool,
        moves: &mut Vec<Move>,
    ) -> Result<NodeId, Misplaced> {
        moves.clear();
        for level in (0..position.open.len()).rev() {
            let Open { node, at, .. } = position.open[level];
            let (children, order) = self.children(node);
            let mut missing = None;
            let candidates = match order {
                Order::Any => 0..children.len(),
                Order::Declared => at.min(children.len())..children.len(),
            };
            for index in candidates {
                let child = children[index];
                let (count, occurs) = (position.open[level].counts[index], self.place(child).occurs);
                let mut way = std::mem::take(&mut position.way);
                way.clear();
                let begins = occurs.max.is_none_or(|max| count < max) && self.begins(child, is, &mut way);
                if begins {
                    if let Some(missing) = missing.or_else(|| self.unfinished(position, level)) {
                        return Err(Misplaced::Missing(self.name(missing).to_owned()));
                    }
                    self.enter(position, level, index, &way, moves);
                    let last = way.last().copied();
                    position.way = way;
                    return last.ok_or_else(|| Misplaced::Unexpected(String::new()));
                }
                position.way = way;
                if order == Order::Declared && count < occurs.min && missing.is_none() {
                    missing = Some(child);
                }
            }
        }
        let expected = self.expected(position);
        let known =
            self.nodes.iter().enumerate().filter(|(_, place)| place.is_record && place.rule.is_some());
        let found = known.map(|(id, _)| NodeId(id as u32)).find(|id| is(*id));
        Err(match found {
            Some(found) => Misplaced::OutOfPlace { found: self.name(found).to_owned(), expected },
            None => Misplaced::Unexpected(expected),
        })
    }

    /// Whether a node begins with this record; the nodes that lead to it.
    fn begins(&self, id: NodeId, is: &mut dyn FnMut(NodeId) -> bool, path: &mut Vec<NodeId>) -> bool {
        path.push(id);
        let place = self.place(id);
        if place.is_record {
            if is(id) {
                return true;
            }
            path.pop();
            return false;
        }
        for child in &place.children {
            if self.begins(*child, is, path) {
                return true;
            }
            if place.order == Order::Declared && self.place(*child).occurs.min > 0 {
                break;
            }
        }
        path.pop();
        false
    }

    /// What had to be there in one of the groups that are open beneath a level.
    fn unfinished(&self, position: &Position, level: usize) -> Option<NodeId> {
        position.open[level + 1..].iter().rev().find_map(|open| self.lacks(open))
    }

    fn lacks(&self, open: &Open) -> Option<NodeId> {
        let (children, _) = self.children(open.node);
        let lacking =
            children.iter().zip(&open.counts).find(|(id, count)| **count < self.place(**id).occurs.min);
        lacking.map(|(id, _)| *id)
    }

    fn enter(
        &self,
        position: &mut Position,
        level: usize,
        index: usize,
        path: &[NodeId],
        moves: &mut Vec<Move>,
    ) {
        while position.open.len() > level + 1 {
            if let Some(node) = position.open.pop().and_then(|open| open.node) {
                moves.push(Move::Close(node));
            }
        }
        let mut index = index;
        for (step, id) in path.iter().enumerate() {
            if let Some(open) = position.open.last_mut() {
                open.at = index;
                open.counts[index] += 1;
            }
            moves.push(Move::Open(*id));
            let children = &self.place(*id).children;
            if !children.is_empty() {
                position.open.push(Open { node: Some(*id), at: 0, counts: vec![0; children.len()] });
            }
            if let Some(next) = path.get(step + 1) {
                index = children.iter().position(|child| child == next).unwrap_or(0);
            }
        }
    }

    /// What may stand at a position, for messages.
    fn expected(&self, position: &Position) -> String {
        let mut names: Vec<String> = Vec::new();
        for open in position.open.iter().rev() {
            let (children, order) = self.children(open.node);
            let from = if order == Order::Any { 0 } else { open.at.min(children.len()) };
            for (index, child) in children.iter().enumerate().skip(from) {
                let (count, occurs) = (open.counts[index], self.place(*child).occurs);
                if occurs.max.is_none_or(|max| count < max) {
                    names.push(format!("`{}`", self.name(self.first(*child))));
                }
                if order == Order::Declared && count < occurs.min {
                    return one_of(&names);
                }
            }
            if self.lacks(open).is_some() {
                break;
            }
        }
        one_of(&names)
    }

    /// The record with which a node begins.
    fn first(&self, id: NodeId) -> NodeId {
        let place = self.place(id);
        match place.children.first() {
            Some(child) if !place.is_record => self.first(*child),
            _ => id,
        }
    }

    /// After the last record: everything closes.
    pub(super) fn end(&self, position: &mut Position, moves: &mut Vec<Move>) -> Result<(), Misplaced> {
        moves.clear();
        let missing = position.open.iter().rev().find_map(|open| self.lacks(open));
        while position.open.len() > 1 {
            if let Some(node) = position.open.pop().and_then(|open| open.node) {
                moves.push(Move::Close(node));
            }
        }
        match missing {
            Some(missing) => Err(Misplaced::Ends(self.name(self.first(missing)).to_owned())),
            None => Ok(()),
        }
    }

    /// Goes on behind an error: as if what is of this kind stood where it may, its groups begun anew.
    pub(super) fn recover(
        &self,
        position: &mut Position,
        facts: &Facts<'_>,
        arena: &Bump,
        moves: &mut Vec<Move>,
    ) -> Option<NodeId> {
        moves.clear();
        let records =
            self.nodes.iter().enumerate().filter(|(_, place)| place.is_record && place.rule.is_some());
        let found = records.map(|(id, _)| NodeId(id as u32)).find(|id| self.matches(*id, facts, arena))?;
        let mut path = vec![found];
        let mut around = self.place(found).parent;
        while let Some(node) = around {
            path.insert(0, node);
            around = self.place(node).parent;
        }
        // As deep as it shares what is open.
        let mut level = 0;
        while level + 1 < position.open.len()
            && level + 1 < path.len()
            && position.open[level + 1].node == Some(path[level])
        {
            level += 1;
        }
        let (children, _) = self.children(position.open[level].node);
        let index = children.iter().position(|child| *child == path[level])?;
        let rest = path[level..].to_vec();
        self.enter(position, level, index, &rest, moves);
        Some(found)
    }
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => "nothing may follow".to_owned(),
        [one] => format!("{one} is expected"),
        [before @ .., last] => format!("{} or {last} is expected", before.join(", ")),
    }
}
