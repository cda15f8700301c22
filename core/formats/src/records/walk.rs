//! Where the parts of one record are. Most records answer that when they are compiled; lists of varying length, texts of
//! characters and what stands behind them answer it for each record.

use std::ops::Range;

use bumpalo::Bump;
use portolan_schema::layout::{Extent, Start, Times};

use super::{
    formula::{Facts, Place},
    part::{Form, Part},
};
use crate::Value;

/// A part and where it is.
#[derive(Clone, Copy)]
pub(super) struct Found<'p> {
    pub(super) part: &'p Part,
    /// Where its first occurrence begins.
    pub(super) start: usize,
    /// How often it is there; 0 where its condition does not hold.
    pub(super) count: usize,
}

/// What is told of each part: where it is, and how long an occurrence is that begins at a place.
pub(super) type See<'s, 'p> = dyn FnMut(Found<'p>, &dyn Fn(usize) -> usize) + 's;
/// One occurrence of a list of groups, for counts within it: they count what is in the same occurrence.
#[derive(Clone, Copy)]
pub(super) struct Occurrence<'p> {
    /// The list.
    pub(super) part: &'p Part,
    /// Where the occurrence begins.
    pub(super) base: usize,
    /// The occurrence that it is in.
    pub(super) outer: Option<&'p Occurrence<'p>>,
}

/// A group that is being walked through: where those of its parts begin that were passed, so that what depends on them need not find
/// them again.
#[derive(Clone, Copy)]
pub(super) struct Walked<'p> {
    parts: &'p [Part],
    base: usize,
    begins: &'p [usize],
    /// The group that it is in.
    outer: Option<&'p Walked<'p>>,
}

/// Gives each of some parts that begin at `base`, in their order; the byte after the last.
pub(super) fn each<'p>(
    parts: &'p [Part],
    base: usize,
    facts: &Facts<'_>,
    arena: &Bump,
    see: &mut See<'_, 'p>,
) -> usize {
    let mut cursor = Cursor::new(base, parts.len(), arena);
    for part in parts {
        let start = cursor.start(part, facts);
        let after = {
            let walked = cursor.walked(parts, facts);
            let facts = &Facts { walked: Some(&walked), ..*facts };
            let times = times(part, parts, start, facts, arena);
            let length = |at: usize| length(part, parts, at, facts, arena);
            see(Found { part, start, count: times.count }, &length);
            After::find(part, start, times, &length)
        };
        cursor.pass(part, start, after);
    }
    cursor.end
}

/// How far the parts of a group have come.
struct Cursor<'a> {
    base: usize,
    begins: bumpalo::collections::Vec<'a, usize>,
    next: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    fn new(base: usize, parts: usize, arena: &'a Bump) -> Self {
        let begins = bumpalo::collections::Vec::with_capacity_in(parts, arena);
        Self { base, begins, next: base, end: base }
    }

    /// Where the next part begins.
    fn start(&self, part: &Part, facts: &Facts<'_>) -> usize {
        match part.start {
            Start::At(offset) => self.base.saturating_add(offset as usize),
            Start::Next => self.next,
            Start::Like(other) => self.begins.get(other as usize).copied().unwrap_or(self.next),
            Start::FromEnd(bytes) => facts.end().saturating_sub(bytes as usize).max(self.base),
        }
    }

    /// What is known while the next part is looked at.
    fn walked<'s>(&'s self, parts: &'s [Part], facts: &Facts<'s>) -> Walked<'s> {
        Walked { parts, base: self.base, begins: &self.begins, outer: facts.walked }
    }

    fn pass(&mut self, part: &Part, start: usize, after: After) {
        self.begins.push(start);
        let in_sequence = !matches!(part.start, Start::Like(_) | Start::FromEnd(_));
        if in_sequence && (after.there || part.start == Start::Next) {
            self.next = after.end;
        }
        if part.overlaid {
            self.next = self.next.max(after.end).max(start.saturating_add(part.room()));
        }
        self.end = self.end.max(after.end);
    }
}

/// What stands behind a part.
#[derive(Clone, Copy)]
struct After {
    /// The part is there by its condition.
    there: bool,
    /// The byte after its room.
    end: usize,
}

impl After {
    fn find(part: &Part, start: usize, times: Often, length: &dyn Fn(usize) -> usize) -> Self {
        let room = match &part.times {
            Times::Counted { most, room: true, .. } => *most as usize,
            _ => times.count,
        };
        let end = match (times.end, part.varies, part.extent) {
            (Some(end), ..) => end,
            (None, false, Extent::Bytes(bytes)) => {
                start.saturating_add((bytes as usize).saturating_mul(room))
            }
            _ => (0..room).fold(start, |at, _| at.saturating_add(length(at))),
        };
        Self { there: times.there, end }
    }
}

/// How often a part is there.
#[derive(Clone, Copy)]
struct Often {
    /// Its condition holds.
    there: bool,
    count: usize,
    /// The byte after the last, where looking for how many there are has found it.
    end: Option<usize>,
}

/// Whether a part that begins at `start` is there by its condition, and how often.
fn times(part: &Part, siblings: &[Part], start: usize, facts: &Facts<'_>, arena: &Bump) -> Often {
    if let (Times::Counted { most, by, .. }, Some(rule)) = (&part.times, &part.when)
        && by.is_empty()
    {
        // Each says of itself that it is one.
        let (mut at, mut count) = (start, 0);
        while count < *most as usize && at < facts.end() && rule.holds(&Facts { from: at, ..*facts }, arena) {
            at = at.saturating_add(length(part, siblings, at, facts, arena).max(1));
            count += 1;
        }
        return Often { there: true, count, end: Some(at) };
    }
    let there = part.when.as_ref().is_none_or(|rule| rule.holds(facts, arena));
    Often { there, count: if there { said(part, facts, arena) } else { 0 }, end: None }
}

/// How often a part is there where its condition holds.
pub(super) fn said(part: &Part, facts: &Facts<'_>, arena: &Bump) -> usize {
    match &part.times {
        Times::Once => 1,
        Times::Fixed(times) => *times as usize,
        Times::Counted { most, by, words, .. } => number_of(by, words, facts, arena).min(*most as usize),
    }
}

/// The number that an item of the same record says; 0 where it says none.
fn number_of(item: &[u32], words: &[(Box<str>, u32)], facts: &Facts<'_>, arena: &Bump) -> usize {
    let Some(node) = facts.node else { return 0 };
    let place = Place { record: node, item: item.into(), own: true, previous: false, listed: false };
    match place.value(facts, arena) {
        Some(Value::Integer(count)) => usize::try_from(count).unwrap_or(0),
        Some(Value::Text(text)) => match words.iter().find(|(word, _)| **word == *text) {
            Some((_, count)) => *count as usize,
            None => text.trim().parse().unwrap_or(0),
        },
        _ => 0,
    }
}

/// How many bytes an occurrence of a part has that begins at `at`.
fn length(part: &Part, siblings: &[Part], at: usize, facts: &Facts<'_>, arena: &Bump) -> usize {
    match part.extent {
        Extent::Bytes(bytes) if !part.varies => bytes as usize,
        Extent::Bytes(_) => {
            let occurrence = Occurrence { part, base: at, outer: facts.within };
            let facts = Facts { within: Some(&occurrence), ..*facts };
            each(part.parts(), at, &facts, arena, &mut |_, _| {}).saturating_sub(at)
        }
        Extent::Characters(count) => {
            let rest = facts.record.get(at..).unwrap_or_default();
            characters(rest, count as usize)
        }
        Extent::Counted(_) => measured(part, facts, arena),
        Extent::Rest => facts.record.len().saturating_sub(at.saturating_add(behind(siblings))),
    }
}

/// How long a part is of which another says it.
pub(super) fn measured(part: &Part, facts: &Facts<'_>, arena: &Bump) -> usize {
    let Extent::Counted(most) = part.extent else { return 0 };
    let by = part.measured.as_deref().unwrap_or_default();
    number_of(by, &[], facts, arena).min(most as usize)
}

/// How many bytes stand behind what takes the rest of a record.
pub(super) fn behind(siblings: &[Part]) -> usize {
    let behind = siblings.iter().map(|part| match part.start {
        Start::FromEnd(bytes) => bytes as usize,
        _ => 0,
    });
    behind.max().unwrap_or(0)
}

/// The bytes of so many characters of UTF-8.
pub(super) fn characters(bytes: &[u8], count: usize) -> usize {
    let begins = |byte: &u8| *byte & 0xC0 != 0x80;
    let starts = bytes.iter().enumerate().filter(|(_, byte)| begins(byte)).map(|(at, _)| at);
    starts.take(count + 1).nth(count).unwrap_or(bytes.len())
}

/// Gives every occurrence of a part, in every occurrence of the lists around it.
pub(super) fn occurrences(
    parts: &[Part],
    path: &[u32],
    base: usize,
    facts: &Facts<'_>,
    arena: &Bump,
    see: &mut dyn FnMut(&Facts<'_>, &Part, Range<usize>),
) {
    let Some((index, rest)) = path.split_first() else { return };
    let Some(part) = parts.get(*index as usize) else { return };
    let Some(mut at) = begin(parts, *index as usize, base, facts, arena) else { return };
    let times = times(part, parts, at, facts, arena);
    for _ in 0..times.count {
        let end = at.saturating_add(length(part, parts, at, facts, arena));
        let occurrence = Occurrence { part, base: at, outer: facts.within };
        let facts = Facts { within: Some(&occurrence), ..*facts };
        match rest {
            [] => see(&facts, part, at..end),
            rest => occurrences(part.parts(), rest, at, &facts, arena, see),
        }
        at = end;
    }
}

/// The part of an index at each level, and where its first occurrence is.
pub(super) fn find<'p>(
    form: &'p Form,
    path: &[u32],
    facts: &Facts<'_>,
    arena: &Bump,
) -> Option<(&'p Part, Range<usize>)> {
    if let Some(known) = fixed(&form.parts, path) {
        return Some(known);
    }
    let mut parts = form.parts.as_slice();
    let mut base = 0;
    let (last, around) = path.split_last()?;
    for index in around {
        let part = parts.get(*index as usize)?;
        base = match occurrence(part, facts) {
            Some(base) => base,
            None => begin(parts, *index as usize, base, facts, arena)?,
        };
        parts = part.parts();
    }
    let part = parts.get(*last as usize)?;
    let start = begin(parts, *last as usize, base, facts, arena)?;
    Some((part, start..start.saturating_add(length(part, parts, start, facts, arena))))
}

/// Where the occurrence of a list begins that is looked at.
fn occurrence(part: &Part, facts: &Facts<'_>) -> Option<usize> {
    let mut around = facts.within;
    while let Some(occurrence) = around {
        if std::ptr::eq(occurrence.part, part) {
            return Some(occurrence.base);
        }
        around = occurrence.outer;
    }
    None
}

/// Where the first occurrence of a part begins, if it is there. Parts before it may be counted by what stands before them, never by what
/// is looked for.
fn begin(parts: &[Part], index: usize, base: usize, facts: &Facts<'_>, arena: &Bump) -> Option<usize> {
    let part = parts.get(index)?;
    if let Some(start) = passed(parts, index, base, facts) {
        return (times(part, parts, start, facts, arena).count > 0).then_some(start);
    }
    let mut cursor = Cursor::new(base, index, arena);
    for part in parts.get(..index)? {
        let start = cursor.start(part, facts);
        let after = {
            let walked = cursor.walked(parts, facts);
            let facts = &Facts { walked: Some(&walked), ..*facts };
            let length = |at: usize| length(part, parts, at, facts, arena);
            After::find(part, start, times(part, parts, start, facts, arena), &length)
        };
        cursor.pass(part, start, after);
    }
    let start = cursor.start(part, facts);
    let walked = cursor.walked(parts, facts);
    let facts = Facts { walked: Some(&walked), ..*facts };
    (times(part, parts, start, &facts, arena).count > 0).then_some(start)
}

/// Where a part begins of a group that is being walked through.
fn passed(parts: &[Part], index: usize, base: usize, facts: &Facts<'_>) -> Option<usize> {
    let mut around = facts.walked;
    while let Some(walked) = around {
        if std::ptr::eq(walked.parts, parts) && walked.base == base {
            return walked.begins.get(index).copied();
        }
        around = walked.outer;
    }
    None
}

/// The same where nothing before it varies.
fn fixed<'p>(parts: &'p [Part], path: &[u32]) -> Option<(&'p Part, Range<usize>)> {
    let mut parts = parts;
    let mut base = 0;
    let mut found = None;
    for index in path {
        let part = parts.get(*index as usize)?;
        let start = match part.start {
            Start::At(offset) => base + offset as usize,
            Start::Like(other) => match parts.get(other as usize)?.start {
                Start::At(offset) => base + offset as usize,
                _ => return None,
            },
            Start::Next | Start::FromEnd(_) => return None,
        };
        if part.when.is_some() || matches!(part.times, Times::Counted { .. }) {
            return None;
        }
        let Extent::Bytes(bytes) = part.extent else { return None };
        found = Some((part, start..start + bytes as usize));
        parts = part.parts();
        base = start;
    }
    found
}
