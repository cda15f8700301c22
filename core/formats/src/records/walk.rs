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
    pub(super) index: usize,
    pub(super) part: &'p Part,
    /// Where its first occurrence begins.
    pub(super) start: usize,
    /// How often it is there; 0 where its condition does not hold.
    pub(super) count: usize,
}

/// Gives each of some parts that begin at `base`, in their order; the byte after the last.
pub(super) fn each<'p>(
    parts: &'p [Part],
    base: usize,
    facts: &Facts<'_>,
    arena: &Bump,
    see: &mut dyn FnMut(Found<'p>, &dyn Fn(usize) -> usize),
) -> usize {
    let mut begins = bumpalo::collections::Vec::with_capacity_in(parts.len(), arena);
    if let Some(columns) = facts.columns {
        return delimited(parts, columns, facts, arena, see);
    }
    let mut next = base;
    let mut end = base;
    for (index, part) in parts.iter().enumerate() {
        let start = match part.start {
            Start::At(offset) => base.saturating_add(offset as usize),
            Start::Next => next,
            Start::Like(other) => begins.get(other as usize).copied().unwrap_or(next),
            Start::FromEnd(bytes) => facts.record.len().saturating_sub(bytes as usize).max(base),
        };
        begins.push(start);
        let there = part.when.as_ref().is_none_or(|rule| rule.holds(facts, arena));
        let count = if there { count(part, facts, arena) } else { 0 };
        let length = |at: usize| length(part, parts, at, facts, arena);
        see(Found { index, part, start, count }, &length);
        let room = match &part.times {
            Times::Counted { most, room: true, .. } => *most as usize,
            _ => count,
        };
        let mut after = start;
        match (part.varies, part.extent) {
            (false, Extent::Bytes(bytes)) => {
                after = start.saturating_add((bytes as usize).saturating_mul(room));
            }
            _ => {
                for _ in 0..room {
                    after = after.saturating_add(length(after));
                }
            }
        }
        let in_sequence = !matches!(part.start, Start::Like(_) | Start::FromEnd(_));
        if in_sequence && (there || part.start == Start::Next) {
            next = after;
        }
        end = end.max(after);
    }
    end
}

/// The same of delimited values: each part is the value of its place.
fn delimited<'p>(
    parts: &'p [Part],
    columns: &[Range<usize>],
    facts: &Facts<'_>,
    arena: &Bump,
    see: &mut dyn FnMut(Found<'p>, &dyn Fn(usize) -> usize),
) -> usize {
    let mut at = 0;
    for (index, part) in parts.iter().enumerate() {
        let there = part.when.as_ref().is_none_or(|rule| rule.holds(facts, arena));
        let column = columns.get(at).cloned().unwrap_or(facts.record.len()..facts.record.len());
        let count = usize::from(there && at < columns.len());
        see(Found { index, part, start: column.start, count }, &|_| column.end - column.start);
        at += usize::from(there);
    }
    facts.record.len()
}

/// How often a part is there, where its condition holds.
fn count(part: &Part, facts: &Facts<'_>, arena: &Bump) -> usize {
    match &part.times {
        Times::Once => 1,
        Times::Fixed(times) => *times as usize,
        Times::Counted { most, by, words, .. } => {
            let Some(node) = facts.node else { return 0 };
            let place = Place { record: node, item: by.as_slice().into(), own: true };
            let count = match place.value(facts, arena) {
                Some(Value::Integer(count)) => usize::try_from(count).unwrap_or(0),
                Some(Value::Text(text)) => match words.iter().find(|(word, _)| **word == *text) {
                    Some((_, count)) => *count as usize,
                    None => text.trim().parse().unwrap_or(0),
                },
                _ => 0,
            };
            count.min(*most as usize)
        }
    }
}

/// How many bytes an occurrence of a part has that begins at `at`.
fn length(part: &Part, siblings: &[Part], at: usize, facts: &Facts<'_>, arena: &Bump) -> usize {
    match part.extent {
        Extent::Bytes(bytes) if !part.varies => bytes as usize,
        Extent::Bytes(_) => {
            each(part.parts(), at, facts, arena, &mut |_, _| {}).saturating_sub(at)
        }
        Extent::Characters(count) => {
            let rest = facts.record.get(at..).unwrap_or_default();
            characters(rest, count as usize)
        }
        Extent::Rest => {
            facts.record.len().saturating_sub(at.saturating_add(behind(siblings)))
        }
    }
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

/// The part of an index at each level, and where its first occurrence is.
pub(super) fn find<'p>(
    form: &'p Form,
    path: &[u32],
    facts: &Facts<'_>,
    arena: &Bump,
) -> Option<(&'p Part, Range<usize>)> {
    if let Some(known) = fixed(&form.parts, path).filter(|_| facts.columns.is_none()) {
        return Some(known);
    }
    let mut parts = form.parts.as_slice();
    let mut base = 0;
    let mut found = None;
    for index in path {
        let mut here = None;
        // Parts before it may be counted by what stands before them, never by what is looked for.
        let until = parts.get(..=*index as usize)?;
        each(until, base, facts, arena, &mut |part, length| {
            if part.index == *index as usize && part.count > 0 {
                here = Some((part.part, part.start, length(part.start)));
            }
        });
        let (part, start, length) = here?;
        found = Some((part, start..start.saturating_add(length)));
        parts = part.parts();
        base = start;
    }
    found
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
