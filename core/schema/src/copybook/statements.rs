//! The statements by which a copybook takes text from others: COPY, REPLACE, and what other tools write for COPY.

use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};

use super::{
    replace::{MAX_PATTERN, Part, Replacement},
    token::{Kind, Token},
};

/// `COPY name [OF library] [REPLACING ...].`
pub(super) struct Copy {
    pub(super) name: String,
    pub(super) library: Option<String>,
    pub(super) replacing: Vec<Replacement>,
    pub(super) at: Span,
}

/// A place among tokens.
pub(super) struct Cursor<'t> {
    pub(super) tokens: &'t [Token],
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'t Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    fn eat(&mut self, words: &[&str]) -> bool {
        let here = self.peek().is_some_and(|token| words.iter().any(|word| token.is(word)));
        self.at += usize::from(here);
        here
    }

    /// A name as it stands there, or in quotes.
    fn member(&mut self) -> Option<String> {
        let first = self.peek().filter(|token| matches!(token.kind, Kind::Word | Kind::Literal))?;
        self.at += 1;
        if first.kind == Kind::Literal {
            return Some(first.text.trim_matches(['"', '\'']).to_owned());
        }
        let mut name = first.text.to_string();
        while let Some(more) = self.peek().filter(|token| token.glued && token.kind == Kind::Word) {
            name.push_str(&more.text);
            self.at += 1;
        }
        Some(name)
    }

    pub(super) fn copy(&mut self, ends_with_period: bool) -> Result<Copy, Box<Diagnostic>> {
        let at = self.next().map_or(Span::new(SourceId(0), 0..0), |token| token.span);
        let syntax =
            |message: &str, at| Box::new(Diagnostic::error(Code::COPYBOOK_SYNTAX, message).at(at, ""));
        let Some(name) = self.member() else { return Err(syntax("COPY names no copybook", at)) };
        if !ends_with_period {
            self.period();
            return Ok(Copy { name, library: None, replacing: Vec::new(), at });
        }
        let library = if self.eat(&["OF", "IN"]) { self.member() } else { None };
        if self.eat(&["SUPPRESS"]) {
            self.eat(&["PRINTING"]);
        }
        let replacing = if self.eat(&["REPLACING"]) { self.pairs(at)? } else { Vec::new() };
        if !self.period() && self.peek().is_some() {
            return Err(syntax("COPY ends with a period", at));
        }
        Ok(Copy { name, library, replacing, at })
    }

    pub(super) fn replace(&mut self) -> Result<Vec<Replacement>, Box<Diagnostic>> {
        let at = self.next().map_or(Span::new(SourceId(0), 0..0), |token| token.span);
        self.eat(&["ALSO"]);
        self.eat(&["LAST"]);
        let pairs = if self.eat(&["OFF"]) { Vec::new() } else { self.pairs(at)? };
        self.period();
        Ok(pairs)
    }

    fn period(&mut self) -> bool {
        let here = self.peek().is_some_and(|token| token.kind == Kind::Period);
        self.at += usize::from(here);
        here
    }

    /// `==a== BY ==b==`, as often as it stands there.
    fn pairs(&mut self, at: Span) -> Result<Vec<Replacement>, Box<Diagnostic>> {
        let syntax = |message: &str| Box::new(Diagnostic::error(Code::COPYBOOK_SYNTAX, message).at(at, ""));
        let mut pairs = Vec::new();
        loop {
            let part = match () {
                () if self.eat(&["LEADING"]) => Part::Leading,
                () if self.eat(&["TRAILING"]) => Part::Trailing,
                () => Part::Whole,
            };
            let here = self.at;
            let Some(pattern) = self.operand() else { break };
            let is_pair = self.eat(&["BY"]);
            let by = self.operand().filter(|_| is_pair);
            let Some(by) = by else {
                self.at = here;
                self.skip();
                return Err(syntax("what is replaced stands before BY, what it is replaced by after it"));
            };
            if part != Part::Whole && (pattern.len() != 1 || by.len() > 1) {
                return Err(syntax("LEADING and TRAILING compare one word"));
            }
            if pattern.is_empty() {
                return Err(syntax("nothing can be replaced by something"));
            }
            if pattern.len() > MAX_PATTERN || by.len() > MAX_PATTERN {
                let message = format!("more than {MAX_PATTERN} words are compared or put in");
                return Err(Box::new(Diagnostic::error(Code::COPYBOOK_REFUSED, message).at(at, "")));
            }
            pairs.push(Replacement { pattern, by, part });
        }
        if pairs.is_empty() { Err(syntax("nothing is replaced here")) } else { Ok(pairs) }
    }

    /// Pseudo-text, a literal, or a word.
    fn operand(&mut self) -> Option<Vec<Token>> {
        let first = self.peek()?;
        match first.kind {
            Kind::Pseudo => {
                let rest = self.tokens.get(self.at + 1..)?;
                let length = rest.iter().position(|token| token.kind == Kind::Pseudo)?;
                self.at += length + 2;
                let mut words = rest.get(..length)?.to_vec();
                if let Some(first) = words.first_mut() {
                    first.glued = false;
                }
                Some(words)
            }
            Kind::Period | Kind::Unclosed => None,
            Kind::Word | Kind::Literal => {
                self.at += 1;
                let mut words = vec![first.clone()];
                while let Some(more) = self.peek().filter(|token| token.glued && token.kind == Kind::Word) {
                    words.push(more.clone());
                    self.at += 1;
                }
                Some(words)
            }
        }
    }

    /// Goes behind the next period.
    fn skip(&mut self) {
        while self.next().is_some_and(|token| token.kind != Kind::Period) {}
    }

    /// `EXEC ... END-EXEC`: what it includes, if it does.
    pub(super) fn embedded(&mut self) -> Option<Copy> {
        let start = self.next()?;
        let includes = self.eat(&["SQL"]) && self.eat(&["INCLUDE"]);
        let name = if includes { self.member() } else { None };
        while self.next().is_some_and(|token| !token.is("END-EXEC")) {}
        self.period();
        let name = name.filter(|name| !name.eq_ignore_ascii_case("SQLCA"))?;
        Some(Copy { name, library: None, replacing: Vec::new(), at: start.span })
    }
}
