//! Numbers made up for readers: COBOL's numeric-edited pictures (ISO/IEC 1989:2014, 13.18.40.3 and 14.9.25), both ways.
//!
//! Writing edits as `MOVE` does. Reading takes what editing could have made, and leading zeros where the picture suppresses them.

use super::{limit, stored_units, value};
use crate::{Decimal, Value, ValueProblem, records::codepage::Transcoder};
use portolan_schema::layout::{Digits, Edited, Encoding};

/// Longer pictures are none.
const LONGEST: usize = 249;

/// Reads and writes numbers of one edited picture.
#[derive(Debug, Clone)]
pub(in crate::records) struct EditedCodec {
    /// None where the picture is not understood: then nothing is read or written.
    symbols: Vec<Symbol>,
    digits: Digits,
    length: usize,
    transcoder: Transcoder,
    ebcdic: bool,
    blank_when_zero: bool,
    /// What is written before the first digit, wherever it is.
    float: Option<Float>,
    signed: bool,
}

/// A position of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    /// `9`
    Digit,
    /// `Z`, `*` and all but the first of what floats: a digit, or this in the place of a leading zero.
    Suppressed(u8),
    /// The first of what floats: never a digit.
    Room,
    /// `,`, `B`, `0` and `/`, as they are written.
    Inserted(u8),
    /// `.`, or `V`, which is not written.
    Point(Option<u8>),
    /// `+` or `-` that does not float.
    Sign(u8),
    /// `CR` or `DB`, where the number is negative.
    Credit([u8; 2]),
    /// A currency sign that does not float: any character of ASCII that means nothing else.
    Currency(u8),
}

/// What is written before the first digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Float {
    /// `+`: the sign.
    Sign,
    /// `-`: the sign, where it is minus.
    Minus,
    /// A currency sign.
    Currency(u8),
}

impl EditedCodec {
    pub(in crate::records) fn compile(form: &Edited) -> Self {
        let encoding = if form.ebcdic { Encoding::find("cp037") } else { None };
        let mut codec = Self {
            symbols: Vec::new(),
            digits: Digits { count: 0, scale: 0 },
            length: 0,
            transcoder: Transcoder::new(encoding.unwrap_or(Encoding::Ascii)),
            ebcdic: form.ebcdic,
            blank_when_zero: form.blank_when_zero,
            float: None,
            signed: false,
        };
        if codec.understand(form.picture.as_bytes(), form.decimal_comma).is_none() {
            codec.symbols.clear();
        }
        codec
    }

    pub(in crate::records) fn is_ebcdic(&self) -> bool {
        self.ebcdic
    }

    /// How many digits stand after the point.
    pub(in crate::records) fn scale(&self) -> i8 {
        self.digits.scale
    }

    /// The greatest number.
    pub(in crate::records) fn greatest(&self) -> i128 {
        limit(self.digits.count) - 1
    }

    /// How many characters it has.
    pub(in crate::records) fn length(&self) -> usize {
        self.length
    }

    /// The number.
    pub(in crate::records) fn read(&self, bytes: &[u8]) -> Result<Value<'static>, ValueProblem> {
        let mut buffer = [0; LONGEST];
        let text = buffer.get_mut(..bytes.len()).ok_or(ValueProblem::Lexical)?;
        if self.symbols.is_empty() || bytes.len() != self.length || !self.transcoder.decode_ascii(bytes, text)
        {
            return Err(ValueProblem::Lexical);
        }
        let units = match self.is_zero(text) {
            true => 0,
            false => self.parse(text).ok_or(ValueProblem::Lexical)?,
        };
        value(units, self.digits.scale)
    }

    /// Writes a number so that it fills the field.
    pub(in crate::records) fn write(&self, number: Decimal, out: &mut [u8]) -> Result<(), ValueProblem> {
        if self.symbols.is_empty() {
            return Err(ValueProblem::WrongKind);
        }
        let units = stored_units(number, self.digits)?;
        if units < 0 && !self.signed {
            return Err(ValueProblem::OutOfRange);
        }
        let mut buffer = [b' '; LONGEST];
        let text = buffer.get_mut(..out.len()).filter(|text| text.len() == self.length);
        let text =
            text.ok_or(if out.len() < self.length { ValueProblem::TooLong } else { ValueProblem::TooShort })?;
        if units != 0 || !self.blank_when_zero {
            self.edit(units, text);
        }
        if self.transcoder.encode_ascii(text, out) { Ok(()) } else { Err(ValueProblem::NotEncodable) }
    }

    /// The symbols of a picture; `None` where it is not one.
    fn understand(&mut self, picture: &[u8], decimal_comma: bool) -> Option<()> {
        let point = if decimal_comma { b',' } else { b'.' };
        // A symbol that stands there again and again floats; there is one such at most.
        let again = |symbol: u8| picture.iter().filter(|other| **other == symbol).count() > 1;
        let mut floats = picture.iter().copied().filter(|symbol| may_float(*symbol) && again(*symbol));
        let float = floats.next();
        let one = floats.all(|other| Some(other) == float);
        let (mut whole, mut fraction, mut scaled) = (0u8, 0u8, (0u8, 0u8));
        let (mut after_point, mut room_left) = (false, true);
        let mut rest = picture;
        while let Some((symbol, after)) = rest.split_first() {
            rest = after;
            let position = match symbol {
                b'9' => Symbol::Digit,
                b'Z' => Symbol::Suppressed(b' '),
                b'*' => Symbol::Suppressed(b'*'),
                symbol if Some(*symbol) == float => {
                    if std::mem::take(&mut room_left) {
                        Symbol::Room
                    } else {
                        Symbol::Suppressed(b' ')
                    }
                }
                b'+' | b'-' => Symbol::Sign(*symbol),
                symbol if may_float(*symbol) => Symbol::Currency(*symbol),
                b'C' | b'D' => {
                    let (last, after) = rest.split_first()?;
                    rest = after;
                    Some([*symbol, *last])
                        .filter(|both| both == b"CR" || both == b"DB")
                        .map(Symbol::Credit)?
                }
                b'B' => Symbol::Inserted(b' '),
                b'0' | b'/' => Symbol::Inserted(*symbol),
                symbol if *symbol == point && !after_point => Symbol::Point(Some(*symbol)),
                b'.' | b',' => Symbol::Inserted(*symbol),
                b'V' if !after_point => Symbol::Point(None),
                b'P' if whole + fraction == 0 => {
                    scaled.0 = scaled.0.checked_add(1)?;
                    continue;
                }
                b'P' => {
                    scaled.1 = scaled.1.checked_add(1)?;
                    continue;
                }
                _ => return None,
            };
            match position {
                Symbol::Digit | Symbol::Suppressed(_) if after_point => fraction = fraction.checked_add(1)?,
                Symbol::Digit | Symbol::Suppressed(_) => whole = whole.checked_add(1)?,
                Symbol::Point(_) => after_point = true,
                Symbol::Sign(_) | Symbol::Credit(_) => self.signed = true,
                _ => {}
            }
            self.length += position.length();
            self.symbols.push(position);
        }
        let count = whole.checked_add(fraction).filter(|count| (1..=38).contains(count))?;
        let scale = match scaled {
            (0, 0) => i8::try_from(fraction).ok()?,
            (before, 0) => i8::try_from(count.checked_add(before)?).ok()?,
            (0, behind) if fraction == 0 => -i8::try_from(behind).ok()?,
            _ => return None,
        };
        self.digits = Digits { count, scale };
        self.float = match float {
            Some(b'+') => Some(Float::Sign),
            Some(b'-') => Some(Float::Minus),
            other => other.map(Float::Currency),
        };
        self.signed |= matches!(self.float, Some(Float::Sign | Float::Minus));
        (self.length <= LONGEST && one).then_some(())
    }

    /// What fills a field of zero in which every digit is suppressed.
    fn fill(&self) -> Option<u8> {
        let fills = self.symbols.iter().filter_map(|symbol| match symbol {
            Symbol::Suppressed(fill) => Some(*fill),
            _ => None,
        });
        if self.symbols.contains(&Symbol::Digit) { None } else { fills.max() }
    }

    /// Whether the text is how zero looks where that is not by its digits.
    fn is_zero(&self, text: &[u8]) -> bool {
        let mut zero = [b' '; LONGEST];
        let blanks = text.iter().all(|byte| *byte == b' ') && self.blank_when_zero;
        let suppressed = self.fill().is_some() && {
            let zero = &mut zero[..text.len()];
            self.edit(0, zero);
            zero == text
        };
        blanks || suppressed
    }

    fn parse(&self, text: &[u8]) -> Option<i128> {
        let (mut units, mut found, mut started, mut negative, mut floated) =
            (0i128, false, false, false, false);
        let mut leading = None;
        let mut rest = text;
        for symbol in &self.symbols {
            let given;
            (given, rest) = rest.split_at_checked(symbol.length())?;
            let byte = given.first().copied().unwrap_or_default();
            let floats = match self.float {
                Some(Float::Currency(sign)) => byte == sign,
                Some(Float::Sign) => matches!(byte, b'+' | b'-'),
                Some(Float::Minus) => byte == b'-',
                None => false,
            };
            match *symbol {
                Symbol::Digit | Symbol::Suppressed(_) if byte.is_ascii_digit() => {
                    units = units * 10 + i128::from(byte - b'0');
                    (found, started) = (true, true);
                }
                Symbol::Room | Symbol::Suppressed(_) | Symbol::Inserted(_) if floats && !started => {
                    negative |= byte == b'-';
                    (floated, started) = (true, true);
                }
                Symbol::Suppressed(fill) if byte == fill && !started => leading = Some(fill),
                Symbol::Room if byte == b' ' => leading = Some(b' '),
                Symbol::Inserted(inserted) if byte == inserted => {}
                Symbol::Inserted(_) if Some(byte) == leading && !started => {}
                Symbol::Point(None) => started = true,
                Symbol::Point(Some(point)) if byte == point => started = true,
                Symbol::Sign(b'+') if matches!(byte, b'+' | b'-') => negative |= byte == b'-',
                // Editing never writes a plus here, and programs that are not COBOL's do.
                Symbol::Sign(b'-') if matches!(byte, b' ' | b'+' | b'-') => negative |= byte == b'-',
                Symbol::Credit(letters) if given == letters => negative = true,
                Symbol::Credit(_) if given == b"  " => {}
                Symbol::Currency(sign) if byte == sign => {}
                _ => return None,
            }
        }
        // What floats is there, unless it is a minus that is not.
        let complete = floated || matches!(self.float, None | Some(Float::Minus));
        (found && complete).then_some(if negative { -units } else { units })
    }

    /// Edits as `MOVE` does. The text is as long as the picture, and blank.
    fn edit(&self, units: i128, text: &mut [u8]) {
        if let Some(fill) = self.fill().filter(|_| units == 0) {
            // Nothing of the number is left but the point among asterisks.
            let point = self.symbols.iter().scan(0, |at, symbol| {
                let place = *at;
                *at += symbol.length();
                Some((place, *symbol))
            });
            text.fill(fill);
            for (place, symbol) in point {
                if let (Symbol::Point(Some(point)), b'*') = (symbol, fill) {
                    text[place] = point;
                }
            }
            return;
        }
        let negative = units < 0;
        let mut buffer = itoa::Buffer::new();
        let written = buffer.format(units.unsigned_abs()).as_bytes();
        let zeros = usize::from(self.digits.count).saturating_sub(written.len());
        let mut digits = std::iter::repeat_n(b'0', zeros).chain(written.iter().copied());
        let (mut started, mut leading, mut at) = (false, None, 0);
        for symbol in &self.symbols {
            let begins = match *symbol {
                Symbol::Digit | Symbol::Suppressed(_) => {
                    let digit = digits.next().unwrap_or(b'0');
                    match *symbol {
                        Symbol::Suppressed(fill) if !started && digit == b'0' => {
                            text[at] = fill;
                            leading = Some(fill);
                            false
                        }
                        _ => {
                            text[at] = digit;
                            true
                        }
                    }
                }
                Symbol::Room => {
                    leading = Some(b' ');
                    false
                }
                Symbol::Inserted(inserted) => {
                    text[at] = leading.filter(|_| !started).unwrap_or(inserted);
                    false
                }
                Symbol::Point(point) => {
                    if let Some(point) = point {
                        text[at] = point;
                    }
                    true
                }
                Symbol::Sign(sign) => {
                    text[at] = match sign {
                        _ if negative => b'-',
                        b'+' => b'+',
                        _ => b' ',
                    };
                    false
                }
                Symbol::Credit(letters) => {
                    if negative {
                        text[at..at + 2].copy_from_slice(&letters);
                    }
                    false
                }
                Symbol::Currency(sign) => {
                    text[at] = sign;
                    false
                }
            };
            if begins && !std::mem::replace(&mut started, true) {
                let float = match self.float {
                    Some(Float::Currency(sign)) => Some(sign),
                    Some(Float::Sign | Float::Minus) if negative => Some(b'-'),
                    Some(Float::Sign) => Some(b'+'),
                    _ => None,
                };
                if let (Some(float), Some(before)) = (float, at.checked_sub(1)) {
                    text[before] = float;
                }
            }
            at += symbol.length();
        }
    }
}

/// Whether a symbol is a sign or a currency sign: what means nothing else.
fn may_float(symbol: u8) -> bool {
    symbol.is_ascii_graphic() && !b"9Z*CRDB0/.,VPSEAXNG".contains(&symbol)
}

impl Symbol {
    /// How many characters it is.
    fn length(self) -> usize {
        match self {
            Self::Point(None) => 0,
            Self::Credit(_) => 2,
            _ => 1,
        }
    }
}
