//! Text that stands for other text: the pairs of `REPLACING` and `REPLACE`.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "COPY statement" and "REPLACE statement"; ISO/IEC 1989:2014, 7.2.3 and 7.2.4.

use super::token::{Kind, Token};

/// What stands for what.
#[derive(Debug, Clone)]
pub(super) struct Replacement {
    pub(super) pattern: Vec<Token>,
    pub(super) by: Vec<Token>,
    pub(super) part: Part,
}

/// How much of a word is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Leading,
    Trailing,
}

/// A pattern of more words is refused.
pub(super) const MAX_PATTERN: usize = 1000;

/// Replaces what the pairs name, the first that matches at each place. What was put in is not compared again. `None` where more
/// than `limit` words would come out.
pub(super) fn replace(tokens: Vec<Token>, pairs: &[Replacement], limit: usize) -> Option<Vec<Token>> {
    if pairs.is_empty() {
        return (tokens.len() <= limit).then_some(tokens);
    }
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    // Nothing came for what stood here: what follows is glued to what was before it.
    let mut glued = None;
    while let Some(token) = tokens.get(at) {
        if out.len() > limit {
            return None;
        }
        let rest = tokens.get(at..).unwrap_or_default();
        let first = glued.take().map_or(token.glued, |glued: bool| glued && token.glued);
        let Some((pair, length)) = pairs.iter().find_map(|pair| Some((pair, pair.matches(rest)?))) else {
            out.push(Token { glued: first, ..token.clone() });
            at += 1;
            continue;
        };
        at += length;
        let put = pair.put(token);
        if put.is_empty() {
            glued = Some(first);
        }
        for (index, mut new) in put.into_iter().enumerate() {
            if index == 0 {
                new.glued = first;
            }
            out.push(new);
        }
    }
    (out.len() <= limit).then_some(out)
}

impl Replacement {
    /// How many of the tokens it replaces, if it does.
    fn matches(&self, tokens: &[Token]) -> Option<usize> {
        let first = tokens.first()?;
        match self.part {
            Part::Whole => {
                let here = tokens.get(..self.pattern.len())?;
                let same = here.iter().zip(&self.pattern).all(|(token, pattern)| token.same(pattern));
                (same && !self.pattern.is_empty()).then_some(self.pattern.len())
            }
            Part::Leading | Part::Trailing => {
                let part = self.pattern.first()?;
                (first.kind == Kind::Word && self.cut(first, part).is_some()).then_some(1)
            }
        }
    }

    /// What is left of a word without the part.
    fn cut<'a>(&self, token: &'a Token, part: &Token) -> Option<&'a str> {
        let (text, part) = (&*token.text, &*part.text);
        let at = text.len().checked_sub(part.len())?;
        let (found, rest) = match self.part {
            Part::Trailing => (text.get(at..)?, text.get(..at)?),
            _ => (text.get(..part.len())?, text.get(part.len()..)?),
        };
        found.eq_ignore_ascii_case(part).then_some(rest)
    }

    fn put(&self, token: &Token) -> Vec<Token> {
        if self.part == Part::Whole {
            return self.by.clone();
        }
        let rest = self.pattern.first().and_then(|part| self.cut(token, part)).unwrap_or_default();
        let by = self.by.first().map(|by| &*by.text).unwrap_or_default();
        let text = match self.part {
            Part::Trailing => format!("{rest}{by}"),
            _ => format!("{by}{rest}"),
        };
        if text.is_empty() { Vec::new() } else { vec![Token { text: text.into(), ..token.clone() }] }
    }
}
