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
    /// It is of a kind that stands there as often as it may.
    #[error("`{found}` may stand here at most {}: {expected}", times(*most))]
    TooMany {
        /// What it is, or is the beginning of.
        found: String,
        /// How often it may stand there.
        most: u32,
        /// What may stand here.
        expected: String,
    },
    /// Something that must be there was not there before it.
    #[error("{} missing before it", are(.0))]
    Missing(Vec<String>),
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
        let Some((level, index)) = self.find(position, is) else { return Err(self.misplaced(position, is)) };
        let missing = self.missing(position, level, index);
        if !missing.is_empty() {
            let names = missing.into_iter().map(|id| self.name(id).to_owned());
            return Err(Misplaced::Missing(names.collect()));
        }
        self.enter(position, level, index, moves).ok_or_else(|| Misplaced::Unexpected(String::new()))
    }

    /// Where a record may stand that is none of those before it: the level that is open, and the child there. The way goes on from it.
    fn find(&self, position: &mut Position, is: &mut dyn FnMut(NodeId) -> bool) -> Option<(usize, usize)> {
        let Position { open, way } = position;
        for (level, Open { node, at, counts }) in open.iter().enumerate().rev() {
            let (children, order) = self.children(*node);
            let from = match order {
                Order::Any => 0,
                Order::Declared => *at,
            };
            for (index, child) in children.iter().enumerate().skip(from) {
                way.clear();
                let most = self.place(*child).occurs.max;
                if most.is_none_or(|most| counts[index] < most) && self.begins(*child, is, way) {
                    return Some((level, index));
                }
            }
        }
        None
    }

    /// What had to be there before a child of a level, from the inside outwards.
    fn missing(&self, position: &Position, level: usize, index: usize) -> Vec<NodeId> {
        let within = position.open[level + 1..].iter().rev();
        let mut missing: Vec<NodeId> = within.flat_map(|open| self.lacking(open)).collect();
        let around = &position.open[level];
        let (children, order) = self.children(around.node);
        if order == Order::Declared {
            let passed = around.at..index;
            let lacks = |index: &usize| around.counts[*index] < self.place(children[*index]).occurs.min;
            missing.extend(passed.filter(lacks).map(|index| children[index]));
        }
        missing
    }

    /// Why a record may stand nowhere.
    fn misplaced(&self, position: &Position, is: &mut dyn FnMut(NodeId) -> bool) -> Misplaced {
        let expected = self.expected(position);
        let known =
            self.nodes.iter().enumerate().filter(|(_, place)| place.is_record && place.rule.is_some());
        let found = known.map(|(id, _)| NodeId(id as u32)).find(|id| is(*id));
        let Some(found) = found else { return Misplaced::Unexpected(expected) };
        match self.exhausted(position, found) {
            Some((full, most)) => Misplaced::TooMany { found: self.name(full).to_owned(), most, expected },
            None => Misplaced::OutOfPlace { found: self.name(found).to_owned(), expected },
        }
    }

    /// What a record is, or is the beginning of, that stands where it may already as often as it may.
    fn exhausted(&self, position: &Position, record: NodeId) -> Option<(NodeId, u32)> {
        let mut around = Some(record);
        while let Some(node) = around {
            let Place { parent, occurs, .. } = self.place(node);
            let open = position.open.iter().find(|open| open.node == *parent);
            if let (Some(open), Some(most)) = (open, occurs.max) {
                let (children, order) = self.children(open.node);
                let index = children.iter().position(|child| *child == node)?;
                let here = order == Order::Any || index == open.at;
                if here && open.counts[index] >= most {
                    return Some((node, most));
                }
            }
            if self.first(*parent.as_ref()?) != record {
                return None;
            }
            around = *parent;
        }
        None
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

    /// What had to be there in a group that is open.
    fn lacking(&self, open: &Open) -> impl Iterator<Item = NodeId> {
        let (children, _) = self.children(open.node);
        let counted = children.iter().zip(&open.counts);
        counted.filter(|(id, count)| **count < self.place(**id).occurs.min).map(|(id, _)| *id)
    }

    /// Goes the way from a child of a level; the record at its end.
    fn enter(
        &self,
        position: &mut Position,
        level: usize,
        index: usize,
        moves: &mut Vec<Move>,
    ) -> Option<NodeId> {
        while position.open.len() > level + 1 {
            if let Some(node) = position.open.pop().and_then(|open| open.node) {
                moves.push(Move::Close(node));
            }
        }
        let mut index = index;
        let Position { open, way } = position;
        for (step, id) in way.iter().enumerate() {
            if let Some(open) = open.last_mut() {
                open.at = index;
                open.counts[index] += 1;
            }
            moves.push(Move::Open(*id));
            let children = &self.place(*id).children;
            if !children.is_empty() {
                open.push(Open { node: Some(*id), at: 0, counts: vec![0; children.len()] });
            }
            if let Some(next) = way.get(step + 1) {
                index = children.iter().position(|child| child == next).unwrap_or(0);
            }
        }
        way.last().copied()
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
            if self.lacking(open).next().is_some() {
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
        let missing = position.open.iter().rev().find_map(|open| self.lacking(open).next());
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

    /// Goes on behind an error: where the record may stand but for what is missing, or as if it stood where its kind may, its groups
    /// begun anew. What is missing before it has been told of.
    pub(super) fn recover(
        &self,
        position: &mut Position,
        facts: &Facts<'_>,
        arena: &Bump,
        moves: &mut Vec<Move>,
    ) -> Option<NodeId> {
        moves.clear();
        let place = self.find(position, &mut |id| self.matches(id, facts, arena));
        let (level, index) = match place {
            Some(place) => place,
            None => self.resume(position, facts, arena)?,
        };
        let found = self.enter(position, level, index, moves);
        for Open { node, at, counts } in &mut position.open {
            if let (children, Order::Declared) = self.children(*node) {
                for (child, count) in children.iter().zip(counts).take(*at) {
                    *count = self.place(*child).occurs.min.max(*count);
                }
            }
        }
        found
    }

    /// Where a record of a known kind would stand, as deep as what it is in is open and does not begin with it.
    fn resume(&self, position: &mut Position, facts: &Facts<'_>, arena: &Bump) -> Option<(usize, usize)> {
        let records =
            self.nodes.iter().enumerate().filter(|(_, place)| place.is_record && place.rule.is_some());
        let found = records.map(|(id, _)| NodeId(id as u32)).find(|id| self.matches(*id, facts, arena))?;
        let Position { open, way } = position;
        way.clear();
        let mut around = Some(found);
        while let Some(node) = around {
            way.insert(0, node);
            around = self.place(node).parent;
        }
        let mut level = 0;
        while level + 1 < open.len() && level + 1 < way.len() && open[level + 1].node == Some(way[level]) {
            level += 1;
        }
        while level > 0 && open[level].node.is_some_and(|group| self.first(group) == found) {
            level -= 1;
        }
        way.drain(..level);
        let (children, _) = self.children(open[level].node);
        let index = children.iter().position(|child| Some(child) == way.first())?;
        Some((level, index))
    }
}

fn times(most: u32) -> String {
    match most {
        1 => "once".to_owned(),
        most => format!("{most} times"),
    }
}

fn are(names: &[String]) -> String {
    match names {
        [one] => format!("`{one}` is"),
        names => format!("`{}` are", names.join("`, `")),
    }
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => "nothing may follow".to_owned(),
        [one] => format!("{one} is expected"),
        [before @ .., last] => format!("{} or {last} is expected", before.join(", ")),
    }
}
