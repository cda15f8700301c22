//! Encoded documents whose elements refer to one another: `href="#id"` stands for the element of that id
//! (SOAP 1.1, section 5.4.1; SOAP 1.2 part 2, section 3.1.5.3).
//!
//! The elements with ids are gathered when the first reference is met. What references may cost is bounded: a
//! few lines that refer to one another could otherwise unfold without end.

use super::{
    names::Prefixes,
    node::Entry,
    read::{MAX_DEPTH, Reading, XmlReader, text},
    scan::{Scanner, Tag, Token},
    text::attribute_value,
};
use crate::{ReadError, ReadErrorKind};
use std::{collections::HashMap, mem};

/// Elements that may be referred to.
const MAX_TARGETS: usize = 10_000;
/// How often the document may be read over by following references.
const MAX_UNFOLDED: usize = 16;
const SMALL: usize = 64 << 10;

/// What can be referred to, and what following it has cost so far.
#[derive(Default)]
pub(super) struct References<'a> {
    targets: Option<HashMap<&'a str, Target<'a>>>,
    /// Bytes read by following.
    followed: usize,
}

/// An element with an id: its tag, where it goes on, and what its prefixes stand for.
#[derive(Clone)]
struct Target<'a> {
    tag: Tag<'a>,
    tokens: Scanner<'a>,
    prefixes: Prefixes<'a>,
}

impl XmlReader {
    /// The reference that an element of an encoded document is, if it is one.
    pub(super) fn refers<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        tag: Tag<'a>,
    ) -> Result<Option<&'a str>, ReadError> {
        if tag.attributes.is_empty() {
            return Ok(None);
        }
        for i in 0..reading.attributes.len() {
            let attribute = reading.attributes[i];
            let refers = match (attribute.prefix, attribute.local) {
                ("", "href") => true,
                ("", _) => false,
                (prefix, "ref") => reading
                    .prefixes
                    .resolve(prefix)
                    .is_some_and(|namespace| self.soap.contains(&namespace.id)),
                _ => false,
            };
            if refers {
                let value = reading.settle(attribute_value(attribute.value, reading.arena))?.trim_ascii();
                return Ok(Some(value.strip_prefix('#').unwrap_or(value)));
            }
        }
        Ok(None)
    }

    /// Reads the element of an id in the place of the empty one that refers to it.
    pub(super) fn follow<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        id: &'a str,
        entry: &Entry,
        row: usize,
        depth: u32,
    ) -> Result<(), ReadError> {
        let depth = depth.checked_sub(1).ok_or_else(|| reading.error(ReadErrorKind::TooDeep))?;
        if !text(reading)?.trim_ascii().is_empty() {
            return Err(reading.error(ReadErrorKind::UnexpectedContent));
        }
        let targets = match reading.references.targets.take() {
            Some(targets) => targets,
            None => self.targets(reading)?,
        };
        let target = targets.get(id).cloned();
        reading.references.targets = Some(targets);
        let target = target.ok_or_else(|| reading.error(ReadErrorKind::Reference))?;
        let begun = target.tokens.at();
        let tokens = mem::replace(&mut reading.tokens, target.tokens);
        let prefixes = mem::replace(&mut reading.prefixes, target.prefixes);
        if !target.tag.attributes.is_empty() {
            self.declare(reading, target.tag)?;
        }
        self.element(reading, target.tag, entry, row, depth)?;
        reading.references.followed += reading.tokens.at() - begun + 1;
        if reading.references.followed > MAX_UNFOLDED * reading.tokens.len() + SMALL {
            return Err(reading.error(ReadErrorKind::TooLarge));
        }
        (reading.tokens, reading.prefixes) = (tokens, prefixes);
        Ok(())
    }

    /// Every element with an id, by reading the whole document over.
    fn targets<'a>(&self, reading: &mut Reading<'_, 'a>) -> Result<HashMap<&'a str, Target<'a>>, ReadError> {
        let restarted = reading.tokens.restarted();
        let tokens = mem::replace(&mut reading.tokens, restarted);
        let prefixes = mem::take(&mut reading.prefixes);
        let (mut targets, mut scopes, mut declared) = (HashMap::new(), Vec::new(), 0usize);
        loop {
            match reading.next()? {
                Token::Start(tag) => {
                    if scopes.len() >= MAX_DEPTH as usize {
                        return Err(reading.error(ReadErrorKind::TooDeep));
                    }
                    let before = reading.prefixes.clone();
                    scopes.push(before.depth());
                    declared += before.depth();
                    reading.attributes.clear();
                    if !tag.attributes.is_empty() {
                        self.declare(reading, tag)?;
                    }
                    let id = reading.attributes.iter().find(|a| a.local == "id").map(|a| a.value);
                    if let Some(id) = id {
                        let id = reading.settle(attribute_value(id, reading.arena))?;
                        let target = Target { tag, tokens: reading.tokens.clone(), prefixes: before };
                        targets.entry(id).or_insert(target);
                    }
                    if targets.len() > MAX_TARGETS || declared > MAX_UNFOLDED * reading.tokens.len() + SMALL {
                        return Err(reading.error(ReadErrorKind::TooLarge));
                    }
                }
                Token::End => {
                    if let Some(scope) = scopes.pop() {
                        reading.prefixes.leave(scope);
                    }
                }
                Token::Eof => break,
                Token::Text(_) | Token::CData(_) => {}
            }
        }
        (reading.tokens, reading.prefixes) = (tokens, prefixes);
        Ok(targets)
    }
}
