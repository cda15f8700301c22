//! Tokens as a syntax tree: CEL's grammar without indexes, messages, maps and bytes.

use std::ops::Range;

use crate::Decimal;
use portolan_diagnostics::Code;

use super::{
    Arithmetic, Comparison, Expression, ExpressionKind, MAX_DEPTH, Segment, SyntaxError,
    lexer::{Token, TokenKind, tokens, wrong},
};

/// Parses a text that is not only a path.
pub(super) fn parse(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let expression = parser.expression()?;
    match &parser.peek().kind {
        TokenKind::End => Ok(expression),
        _ => Err(parser.unexpected("an operator")),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Expression, SyntaxError>;

/// Binary operators by precedence, the loosest first.
const LEVELS: &[&[&str]] =
    &[&["||"], &["&&"], &["==", "!=", "<", "<=", ">", ">=", "in"], &["+", "-"], &["*", "/", "%"]];

impl Parser<'_> {
    /// The next token; the last one is the end and is never passed.
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn is(&self, symbol: &str) -> bool {
        match &self.peek().kind {
            TokenKind::Symbol(s) => *s == symbol,
            TokenKind::Name { name, escaped: false } => symbol == "in" && name == "in",
            _ => false,
        }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let there = self.is(symbol);
        self.next += usize::from(there);
        there
    }

    fn expect(&mut self, symbol: &str) -> Result<Range<usize>, SyntaxError> {
        if self.is(symbol) { Ok(self.advance().place) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    /// Whether a parenthesis is open here.
    fn is_open(&self) -> bool {
        let count = |symbol: &str| {
            let before = self.tokens.iter().take(self.next);
            before.filter(|t| matches!(&t.kind, TokenKind::Symbol(s) if *s == symbol)).count()
        };
        count("(") > count(")")
    }

    /// The next token is not what the grammar wants here.
    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let token = self.peek();
        let found = &self.text[token.place.clone()];
        let message = match token.kind {
            TokenKind::End => format!("the expression ends where {wanted} should follow"),
            _ => format!("`{found}` stands where {wanted} should"),
        };
        let (help, cure) = match found {
            "and" | "AND" => (Some("`and` is `&&`"), Some("&&")),
            "or" | "OR" => (Some("`or` is `||`"), Some("||")),
            "not" | "NOT" => (Some("`not` is `!`"), None),
            _ if self.is_open() => (Some("a parenthesis before it is still open: close it with `)`"), None),
            _ => (None, None),
        };
        SyntaxError { help: help.map(Into::into), cure, ..wrong(token.place.clone(), message) }
    }

    fn unsupported(&self, place: Range<usize>, what: &str, help: &str) -> SyntaxError {
        let message = format!("{what} is not part of the language");
        SyntaxError { code: Code::EXPR_UNSUPPORTED, message, place, help: Some(help.into()), cure: None }
    }

    /// Goes one level down, as far as the bound allows.
    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == MAX_DEPTH {
            return Err(wrong(self.peek().place.clone(), "this expression nests too deep"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn expression(&mut self) -> Parsed {
        self.deeper(|parser| {
            let condition = parser.binary(0)?;
            if !parser.accept("?") {
                return Ok(condition);
            }
            let yes = parser.expression()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            let place = condition.place.start..no.place.end;
            let kind = ExpressionKind::Conditional(Box::new(condition), Box::new(yes), Box::new(no));
            Ok(Expression { kind, place })
        })
    }

    fn binary(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|o| self.is(o)) {
            self.advance();
            let right = self.binary(level + 1)?;
            let place = left.place.start..right.place.end;
            left = Expression { kind: join(operator, Box::new(left), Box::new(right)), place };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let start = self.peek().place.start;
        let not = self.is("!");
        if !not && !self.is("-") {
            return self.member();
        }
        self.advance();
        let operand = self.deeper(Self::unary)?;
        let place = start..operand.place.end;
        let kind = match (not, operand.kind) {
            (true, kind) => ExpressionKind::Not(Box::new(Expression { kind, place: operand.place })),
            (false, ExpressionKind::Integer(n)) => ExpressionKind::Integer(-n),
            (false, ExpressionKind::Decimal(d)) => {
                ExpressionKind::Decimal(Decimal { mantissa: -d.mantissa, ..d })
            }
            (false, kind) => ExpressionKind::Negate(Box::new(Expression { kind, place: operand.place })),
        };
        Ok(Expression { kind, place })
    }

    /// A value with what follows its dots.
    fn member(&mut self) -> Parsed {
        let mut value = self.primary()?;
        loop {
            if self.is("[") || self.is("{") {
                let place = self.peek().place.clone();
                return Err(self.unsupported(
                    place,
                    "an index or a literal message",
                    "reach the items of a list by `each:`",
                ));
            }
            if !self.accept(".") {
                return Ok(value);
            }
            let name = self.name()?;
            if self.is("(") {
                value = self.call(name, Some(Box::new(value)))?;
                continue;
            }
            let place = value.place.start..name.place.end;
            match &mut value.kind {
                ExpressionKind::Path(path) => path.push(name),
                _ => return Err(wrong(name.place, "only a path has fields")),
            }
            value.place = place;
        }
    }

    fn name(&mut self) -> Result<Segment, SyntaxError> {
        match self.peek().kind {
            TokenKind::Name { .. } => {}
            _ => return Err(self.unexpected("a name")),
        }
        let token = self.advance();
        let TokenKind::Name { name, .. } = token.kind else {
            return Err(wrong(token.place, "a name is missing"));
        };
        Ok(Segment { name: name.replace('-', "_"), place: token.place })
    }

    fn call(&mut self, name: Segment, receiver: Option<Box<Expression>>) -> Parsed {
        self.expect("(")?;
        let arguments = self.list(")")?;
        let end = self.expect(")")?.end;
        let start = receiver.as_ref().map_or(name.place.start, |r| r.place.start);
        Ok(Expression { kind: ExpressionKind::Call { name, receiver, arguments }, place: start..end })
    }

    fn list(&mut self, close: &str) -> Result<Vec<Expression>, SyntaxError> {
        let mut items = Vec::new();
        while !self.is(close) {
            items.push(self.expression()?);
            if !self.accept(",") {
                break;
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Parsed {
        let token = self.peek().clone();
        let place = token.place.clone();
        let kind = match token.kind {
            TokenKind::Symbol("(") => {
                self.advance();
                let inner = self.expression()?;
                let end = self.expect(")")?.end;
                return Ok(Expression { place: place.start..end, ..inner });
            }
            TokenKind::Symbol("[") => {
                self.advance();
                let items = self.list("]")?;
                let end = self.expect("]")?.end;
                return Ok(Expression { kind: ExpressionKind::List(items), place: place.start..end });
            }
            TokenKind::Symbol("{") => {
                return Err(self.unsupported(
                    place,
                    "a literal message",
                    "write its fields as keys of the mapping",
                ));
            }
            TokenKind::Name { name, escaped: false } if name == "null" => {
                return Err(self.unsupported(place, "`null`", "test with `has(x)`, or leave the field out"));
            }
            TokenKind::Name { name, escaped: false } if name == "in" => {
                return Err(self.unexpected("a value"));
            }
            TokenKind::Name { name, escaped: false } if name == "true" || name == "false" => {
                self.advance();
                ExpressionKind::Bool(name == "true")
            }
            TokenKind::Name { .. } => {
                let name = self.name()?;
                if self.is("(") {
                    return self.call(name, None);
                }
                ExpressionKind::Path(vec![name])
            }
            TokenKind::Number => {
                self.advance();
                number(&self.text[place.clone()])
                    .ok_or_else(|| wrong(place.clone(), "this number has more than 38 digits"))?
            }
            TokenKind::Text(text) => {
                self.advance();
                ExpressionKind::Text(text.into())
            }
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Expression { kind, place })
    }
}

/// A number exactly as written.
fn number(text: &str) -> Option<ExpressionKind> {
    if text.len() > 39 {
        return None;
    }
    match text.split_once('.') {
        None => text.parse().ok().map(ExpressionKind::Integer),
        Some((whole, fraction)) => {
            let mantissa = format!("{whole}{fraction}").parse().ok()?;
            let scale = u8::try_from(fraction.len()).ok()?;
            Some(ExpressionKind::Decimal(Decimal { mantissa, scale }))
        }
    }
}

fn join(operator: &str, a: Box<Expression>, b: Box<Expression>) -> ExpressionKind {
    match operator {
        "||" => ExpressionKind::Or(a, b),
        "&&" => ExpressionKind::And(a, b),
        "in" => ExpressionKind::In(a, b),
        "==" => ExpressionKind::Compare(Comparison::Equal, a, b),
        "!=" => ExpressionKind::Compare(Comparison::NotEqual, a, b),
        "<" => ExpressionKind::Compare(Comparison::Less, a, b),
        "<=" => ExpressionKind::Compare(Comparison::LessOrEqual, a, b),
        ">" => ExpressionKind::Compare(Comparison::Greater, a, b),
        ">=" => ExpressionKind::Compare(Comparison::GreaterOrEqual, a, b),
        "+" => ExpressionKind::Arithmetic(Arithmetic::Add, a, b),
        "-" => ExpressionKind::Arithmetic(Arithmetic::Subtract, a, b),
        "*" => ExpressionKind::Arithmetic(Arithmetic::Multiply, a, b),
        "/" => ExpressionKind::Arithmetic(Arithmetic::Divide, a, b),
        _ => ExpressionKind::Arithmetic(Arithmetic::Remainder, a, b),
    }
}
