//! COBOL's PICTURE: what a character string such as `S9(7)V99` or `ZZ,ZZ9.99-` says of a value.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "PICTURE clause"; ISO/IEC 1989:2014, 13.18.40. More is read than compilers
//! take: `S9(3).99`, which copybooks have and which can only mean a zoned number with its point written.

use std::ops::Range;

use super::Digits;

/// No number has more digits; those that `P` stands for count as well.
const MAX_DIGITS: u32 = 38;
/// No picture that is made up for readers is longer, written out.
const MAX_EDITED: u32 = 255;
/// No item has more characters.
const MAX_LENGTH: u32 = 0x0FFF_FFFF;

/// A picture, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// As it was written.
    pub text: String,
    /// What kind of value it is of.
    pub category: Category,
    /// Of a number: the digits that are stored, and where the point is.
    pub digits: Option<Digits>,
    /// Whether the value may be negative.
    pub signed: bool,
    /// How many characters it has; an operational sign (`S`) and an assumed point (`V`) are none.
    pub length: u32,
    /// Of an edited picture, its symbols written out: no repetitions, capital letters. Empty otherwise.
    pub symbols: String,
}

/// The kinds of value that pictures tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// `A`
    Alphabetic,
    /// `X`, or a mixture with `A` and `9`
    Alphanumeric,
    /// `XX/XX`
    AlphanumericEdited,
    /// `S9(5)V99`
    Numeric,
    /// `ZZ,ZZ9.99-`
    NumericEdited,
    /// Digits, perhaps a sign, and a written point: `S9(3).99`
    Pointed,
    /// `+9.9(8)E+99`
    ExternalFloat,
    /// `N`
    National,
    /// `NN/NN`
    NationalEdited,
    /// `G`, which may hold `B`
    DoubleByte,
}

/// What pictures mean by points, commas and the currency sign (the SPECIAL-NAMES paragraph of a program).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notation {
    /// Points and commas change places (`DECIMAL-POINT IS COMMA`).
    pub decimal_comma: bool,
    /// The currency sign besides `$` and whatever Unicode knows as one.
    pub currency: char,
}

impl Default for Notation {
    fn default() -> Self {
        Self { decimal_comma: false, currency: '$' }
    }
}

/// Why a text is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PictureError {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// Which bytes of the text it speaks of.
    pub range: Range<usize>,
}

impl Picture {
    /// Reads a picture in the usual notation.
    pub fn parse(text: &str) -> Result<Self, PictureError> {
        Self::parse_in(text, Notation::default())
    }

    /// Reads a picture in the notation of a program.
    pub fn parse_in(text: &str, notation: Notation) -> Result<Self, PictureError> {
        let runs = runs(text, notation)?;
        let picture = Reading { text, runs: &runs, notation };
        if runs.is_empty() {
            return Err(picture.error("a picture is missing", 0..text.len()));
        }
        picture.read()
    }
}

/// A symbol, and how often it stands there in a row.
#[derive(Debug, Clone)]
struct Run {
    symbol: Symbol,
    count: u32,
    range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    /// A capital letter of a data position or of an operation: `A B E G N P S V X Z 9 0 / * + -`.
    Plain(char),
    /// What separates the fraction.
    Point,
    /// What separates thousands.
    Comma,
    /// `CR` or `DB`.
    Ledger(bool),
    /// A currency sign.
    Currency(char),
}

/// Cuts a text into symbols: repetition is counted, case is gone.
fn runs(text: &str, notation: Notation) -> Result<Vec<Run>, PictureError> {
    let wrong = |message: String, range: Range<usize>| Err(PictureError { message, range });
    let mut runs: Vec<Run> = Vec::new();
    let mut at = 0;
    let mut total = 0u32;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let start = at;
        at += c.len_utf8();
        let capital = c.to_ascii_uppercase();
        let next = text.as_bytes().get(at).map(u8::to_ascii_uppercase);
        let symbol = match (capital, next) {
            ('C', Some(b'R')) | ('D', Some(b'B')) => {
                at += 1;
                Symbol::Ledger(capital == 'C')
            }
            (',', _) => {
                if notation.decimal_comma {
                    Symbol::Point
                } else {
                    Symbol::Comma
                }
            }
            ('.', _) => {
                if notation.decimal_comma {
                    Symbol::Comma
                } else {
                    Symbol::Point
                }
            }
            (
                'A' | 'B' | 'E' | 'G' | 'N' | 'P' | 'S' | 'V' | 'X' | 'Z' | '9' | '0' | '/' | '*' | '+' | '-',
                _,
            ) => Symbol::Plain(capital),
            _ if c == notation.currency || is_currency(c) => Symbol::Currency(c),
            _ => return wrong(format!("`{c}` means nothing in a picture"), start..at),
        };
        let mut count = 1;
        if text.as_bytes().get(at) == Some(&b'(') {
            let open = at;
            let close = text[open..].find(')').map(|n| open + n);
            let Some(close) = close else {
                return wrong("the parenthesis is not closed".to_owned(), open..text.len());
            };
            let inside = text[open + 1..close].trim();
            at = close + 1;
            count = match inside.parse::<u32>() {
                Ok(0) => return wrong("a symbol stands there no times".to_owned(), open..at),
                Ok(n) if n <= MAX_LENGTH && inside.bytes().all(|b| b.is_ascii_digit()) => n,
                Ok(_) => return wrong("there is no field that long".to_owned(), open..at),
                Err(_) => {
                    return wrong("how often the symbol stands there is a whole number".to_owned(), open..at);
                }
            };
        }
        total = total.saturating_add(count);
        if total > MAX_LENGTH {
            return wrong("there is no field that long".to_owned(), start..at);
        }
        match runs.last_mut() {
            Some(last) if last.symbol == symbol => {
                last.count += count;
                last.range.end = at;
            }
            _ => runs.push(Run { symbol, count, range: start..at }),
        }
    }
    Ok(runs)
}

/// The signs of currencies (Unicode, category Sc), as far as they are used.
fn is_currency(c: char) -> bool {
    matches!(c, '$' | '¢'..='¥' | '\u{20A0}'..='\u{20C0}' | '؋' | '฿' | '﷼')
}

/// A picture that is being understood.
struct Reading<'a> {
    text: &'a str,
    runs: &'a [Run],
    notation: Notation,
}

impl Reading<'_> {
    fn error(&self, message: impl Into<String>, range: Range<usize>) -> PictureError {
        PictureError { message: message.into(), range }
    }

    fn whole(&self, message: impl Into<String>) -> PictureError {
        self.error(message, 0..self.text.len())
    }

    fn has(&self, symbols: &[char]) -> bool {
        self.find(symbols).is_some()
    }

    fn find(&self, symbols: &[char]) -> Option<&Run> {
        self.runs.iter().find(|run| matches!(run.symbol, Symbol::Plain(c) if symbols.contains(&c)))
    }

    /// The first run that is none of these.
    fn other_than(&self, symbols: &[char]) -> Option<&Run> {
        self.runs.iter().find(|run| !matches!(run.symbol, Symbol::Plain(c) if symbols.contains(&c)))
    }

    fn read(&self) -> Result<Picture, PictureError> {
        if self.has(&['N']) {
            return self.characters(&['N'], &['B', '0', '/'], Category::National, Category::NationalEdited);
        }
        if self.has(&['G']) {
            return self.characters(&['G', 'B'], &[], Category::DoubleByte, Category::DoubleByte);
        }
        if self.has(&['X', 'A']) {
            let plain = if self.has(&['X', '9']) { Category::Alphanumeric } else { Category::Alphabetic };
            return self.characters(&['X', 'A', '9'], &['B', '0', '/'], plain, Category::AlphanumericEdited);
        }
        if let Some(exponent) = self.find(&['E']) {
            return self.external_float(exponent);
        }
        match self.other_than(&['S', 'V', 'P', '9']) {
            None => self.numeric(),
            Some(Run { symbol: Symbol::Point, .. }) if self.is_pointed() => self.pointed(),
            Some(_) => super::editing::read(self.text, self.elements()?, self.notation.decimal_comma),
        }
    }

    /// A picture of characters, which some symbols only separate.
    fn characters(
        &self,
        data: &[char],
        inserted: &[char],
        plain: Category,
        edited: Category,
    ) -> Result<Picture, PictureError> {
        let known: Vec<char> = data.iter().chain(inserted).copied().collect();
        if let Some(run) = self.other_than(&known) {
            let shown = &self.text[run.range.clone()];
            return Err(self.error(format!("`{shown}` does not go with characters"), run.range.clone()));
        }
        let category = if self.other_than(data).is_some() { edited } else { plain };
        let length = self.runs.iter().map(|run| run.count).sum();
        Ok(self.picture(category, None, false, length, String::new()))
    }

    /// Digits, a sign, an assumed point, scaling.
    fn numeric(&self) -> Result<Picture, PictureError> {
        let (digits, signed) = self.digits()?;
        Ok(self.picture(Category::Numeric, Some(digits), signed, u32::from(digits.count), String::new()))
    }

    /// Digits, perhaps a sign, one point.
    fn is_pointed(&self) -> bool {
        let known = |run: &&Run| match run.symbol {
            Symbol::Plain('S' | '9') => false,
            Symbol::Point => run.count > 1,
            _ => true,
        };
        self.runs.iter().filter(|run| run.symbol == Symbol::Point).count() == 1
            && !self.runs.iter().any(|run| known(&run))
            && self.has(&['9'])
    }

    fn pointed(&self) -> Result<Picture, PictureError> {
        let (digits, signed) = self.digits()?;
        let symbols = super::editing::spelled(&self.elements()?, self.notation.decimal_comma);
        Ok(self.picture(Category::Pointed, Some(digits), signed, u32::from(digits.count) + 1, symbols))
    }

    /// The digits of a picture of `S`, `9`, `P` and a point.
    fn digits(&self) -> Result<(Digits, bool), PictureError> {
        let mut signed = false;
        let mut point = None;
        let (mut before, mut after, mut left, mut right) = (0u32, 0u32, 0u32, 0u32);
        for (index, run) in self.runs.iter().enumerate() {
            let wrong = |message: &str| Err(self.error(message, run.range.clone()));
            match run.symbol {
                Symbol::Plain('S') if index > 0 || run.count > 1 => {
                    return wrong("`S` stands once, before everything else");
                }
                Symbol::Plain('S') => signed = true,
                Symbol::Plain('V') | Symbol::Point if point.is_some() || run.count > 1 => {
                    return wrong("there is one point only");
                }
                Symbol::Plain('V') | Symbol::Point => point = Some(index),
                Symbol::Plain('9') if right > 0 => {
                    return wrong("digits stand on one side of `P` only");
                }
                Symbol::Plain('9') if point.is_some() => after += run.count,
                Symbol::Plain('9') => before += run.count,
                _ if before + after == 0 && left == 0 => left = run.count,
                _ if before + after > 0 && right == 0 => right = run.count,
                _ => return wrong("`P` stands in one row, before the digits or after them"),
            }
        }
        if before + after == 0 {
            return Err(self.whole("there is no digit in it"));
        }
        if before + after + left + right > MAX_DIGITS {
            return Err(self.whole(format!("more than {MAX_DIGITS} digits")));
        }
        if left > 0 && right > 0 {
            return Err(self.whole("`P` stands in one row, before the digits or after them"));
        }
        // `P` on the left means that the point is before it, on the right that it is after it: a `V` elsewhere contradicts.
        if left > 0 && before > 0 && after > 0 || right > 0 && after > 0 {
            return Err(self.whole("`V` and `P` put the point in two places"));
        }
        let count = before + after;
        let scale = match (left, right) {
            (0, 0) => after as i8,
            (0, right) => -(right as i8),
            (left, _) => (left + count) as i8,
        };
        Ok((Digits { count: count as u8, scale }, signed))
    }

    /// `+9.9(8)E+99`: a mantissa with its point, then the exponent.
    fn external_float(&self, exponent: &Run) -> Result<Picture, PictureError> {
        let shape = self.runs.iter().map(|run| match run.symbol {
            Symbol::Plain(c) => c,
            Symbol::Point => '.',
            _ => '?',
        });
        let shape: String = shape.collect();
        let plain = shape.replace('-', "+").replace('V', ".");
        let sound = ["+9.9E+9", "+9.E+9", "+.9E+9"].contains(&plain.as_str());
        let two = self.runs.last().is_some_and(|run| run.count == 2);
        if !sound || !two || exponent.count > 1 {
            return Err(self.whole("a number with an exponent is written as `+9.9(8)E+99`"));
        }
        let length = self.runs.iter().filter(|r| r.symbol != Symbol::Plain('V')).map(|r| r.count).sum();
        Ok(self.picture(Category::ExternalFloat, None, true, length, String::new()))
    }

    /// The symbols one by one, each with its place.
    fn elements(&self) -> Result<Vec<(char, Range<usize>)>, PictureError> {
        let total: u32 = self.runs.iter().map(|run| run.count).sum();
        if total > MAX_EDITED {
            return Err(self.whole(format!("an edited picture has at most {MAX_EDITED} characters")));
        }
        let each = |run: &Run| {
            let symbol = match run.symbol {
                Symbol::Plain(c) => c,
                Symbol::Point => '.',
                Symbol::Comma => ',',
                Symbol::Ledger(true) => 'C',
                Symbol::Ledger(false) => 'D',
                Symbol::Currency(c) => c,
            };
            std::iter::repeat_n((symbol, run.range.clone()), run.count as usize)
        };
        Ok(self.runs.iter().flat_map(each).collect())
    }

    fn picture(
        &self,
        category: Category,
        digits: Option<Digits>,
        signed: bool,
        length: u32,
        symbols: String,
    ) -> Picture {
        Picture { text: self.text.to_owned(), category, digits, signed, length, symbols }
    }
}
