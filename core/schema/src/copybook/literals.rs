//! Literals, figurative constants and named values.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "Literals", "Figurative constants", "VALUE clause".

use super::{
    parse::Parser,
    syntax::{Named, Value},
    token::Kind,
};

impl Parser<'_> {
    /// What remains of an entry that names a value.
    pub(super) fn constant(&mut self, name: Option<Named>) {
        self.eat(&["CONSTANT"]);
        self.eat(&["IS"]);
        self.eat(&["GLOBAL"]);
        self.eat(&["AS", "VALUE", "VALUES"]);
        self.eat(&["IS", "ARE"]);
        let values = self.values();
        match (name, values.into_iter().next()) {
            (Some(name), Some((value, _))) => {
                self.constants.insert(name.text.to_ascii_uppercase(), value);
                // Expressions of constants are no values here; what uses one says so.
                self.skip();
            }
            (name, _) => {
                let at = name.map(|name| name.span).or(self.last());
                self.syntax("a constant has a name and a value: `78 A VALUE 5.`", at);
                self.skip();
            }
        }
    }

    /// A whole number: as it stands there, or a constant.
    pub(super) fn number(&mut self) -> Option<u32> {
        let token = self.peek().filter(|token| token.kind == Kind::Word)?;
        let number = match self.constants.get(&token.text.to_ascii_uppercase()) {
            Some(Value::Number(number)) => number.parse().ok()?,
            _ if token.text.bytes().all(|b| b.is_ascii_digit()) => token.text.parse().ok()?,
            _ => return None,
        };
        self.at += 1;
        Some(number)
    }

    /// Values, each with whether it is the beginning of a range.
    pub(super) fn values(&mut self) -> Vec<(Value, bool)> {
        let mut values = Vec::new();
        while let Some(value) = self.value() {
            let range = self.eat(&["THROUGH", "THRU"]);
            if range {
                self.value();
            }
            values.push((value, range));
        }
        values
    }

    fn value(&mut self) -> Option<Value> {
        let token = self.peek()?;
        let value = match token.kind {
            Kind::Literal => literal(&token.text),
            Kind::Unclosed => {
                self.syntax("the literal is not closed in its line", Some(token.span));
                Value::Text(String::new())
            }
            Kind::Word => match token.text.to_ascii_uppercase().as_str() {
                "ZERO" | "ZEROS" | "ZEROES" => Value::Zeros,
                "SPACE" | "SPACES" => Value::Spaces,
                "HIGH-VALUE" | "HIGH-VALUES" => Value::High,
                "LOW-VALUE" | "LOW-VALUES" | "NULL" | "NULLS" => Value::Low,
                "QUOTE" | "QUOTES" => Value::All("\"".to_owned()),
                "ALL" => {
                    self.at += 1;
                    return Some(match self.value()? {
                        Value::Text(text) => Value::All(text),
                        other => other,
                    });
                }
                word => match self.constants.get(word) {
                    Some(value) => value.clone(),
                    None if is_numeric(word) => Value::Number(token.text.to_string()),
                    None => return None,
                },
            },
            Kind::Period | Kind::Pseudo => return None,
        };
        self.at += 1;
        Some(value)
    }
}

/// Whether a word is a numeric literal: digits, perhaps a sign and a point.
fn is_numeric(word: &str) -> bool {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let points = digits.bytes().filter(|b| matches!(b, b'.' | b',')).count();
    points <= 1
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
}

/// What a literal says, quotes and doubling taken away.
fn literal(text: &str) -> Value {
    let open = text.find(['"', '\'']).unwrap_or(0);
    let (prefix, quoted) = text.split_at(open);
    let quote = quoted.get(..1).unwrap_or_default();
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if prefix.to_ascii_uppercase().ends_with('X') {
        let digits: Vec<u8> =
            inside.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        return Value::Octets(
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect(),
        );
    }
    Value::Text(inside.replace(&format!("{quote}{quote}"), quote))
}
