//! How one value lies in its bytes: what a COBOL picture and usage say, or a specification's "right justified, zero filled".

use super::Encoding;

/// How one value lies in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// What the bytes mean.
    pub form: Form,
    /// Bytes that stand for no value; the first is what is written for none.
    pub nulls: Vec<Null>,
    /// What is done with bytes that cannot be read.
    pub invalid: Invalid,
}

impl Storage {
    /// The same with a sign before its digits: how a number is read and written whose sign is in another field. `None` of what has no
    /// digits, or a sign of its own.
    pub fn with_sign_before(&self) -> Option<Self> {
        let Form::Zoned(zoned) = &self.form else { return None };
        let zoned = Zoned { sign: Sign::Separate(Side::Left), ..zoned.clone() };
        let plain = matches!(&self.form, Form::Zoned(form) if form.sign == Sign::Unsigned);
        plain.then(|| Self { form: Form::Zoned(zoned), ..self.clone() })
    }
}

/// What the bytes of a field mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Characters.
    Text(Text),
    /// Octets, whatever they are.
    Octets,
    /// Digits as characters: `DISPLAY`.
    Zoned(Zoned),
    /// Two digits a byte: `COMP-3`, `COMP-6`.
    Packed(Packed),
    /// A binary integer: `COMP`, `COMP-5`, `COMP-9`.
    Binary(Binary),
    /// `COMP-1`, `COMP-2`.
    Float(Float),
    /// A number made up for readers: `ZZ,ZZ9.99-`.
    Edited(Edited),
    /// A date, a time, or both.
    Moment(Moment),
}

impl Form {
    /// What it is, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Octets => "octets",
            Self::Zoned(_) => "zoned",
            Self::Packed(_) => "packed",
            Self::Binary(_) => "binary",
            Self::Float(_) => "float",
            Self::Edited(_) => "edited",
            Self::Moment(_) => "moment",
        }
    }
}

/// Characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// By which bytes are characters.
    pub encoding: Encoding,
    /// What fills the field up.
    pub pad: char,
    /// At which side the text stands.
    pub justified: Side,
    /// From which sides padding is taken away on reading.
    pub trim: Trim,
    /// Characters that the encoding does not have are written by their nearest ones.
    pub transliterate: bool,
    /// What the text may consist of.
    pub chars: Option<Characters>,
}

/// A side of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where reading begins.
    Left,
    /// Where it ends.
    Right,
}

/// From which sides padding is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// Before the text.
    pub left: bool,
    /// After it.
    pub right: bool,
}

/// What a text may consist of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Characters {
    /// `A` to `Z`, `a` to `z` and blanks.
    Alphabetic,
    /// `0` to `9`.
    Digits,
    /// Letters and digits of ASCII, and blanks.
    Alphanumeric,
    /// What ASCII prints.
    Printable,
    /// One of these.
    Listed(String),
}

/// What a number is made of, whatever its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// Digits stored, 1 to 38.
    pub count: u8,
    /// How many of them stand after the point; more than `count`, or negative, where the picture scales by `P`.
    pub scale: i8,
}

/// Digits as characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zoned {
    /// Whether the digits are EBCDIC's (`F0` to `F9`) or ASCII's.
    pub ebcdic: bool,
    /// The digits.
    pub digits: Digits,
    /// Where the sign is.
    pub sign: Sign,
    /// What fills the field where it has more room than digits.
    pub fill: Fill,
    /// Zero is written as blanks, and blanks are read as zero.
    pub blank_when_zero: bool,
    /// The point is written, as this character, and need not be where `digits` says.
    pub point: Option<char>,
}

/// What fills a number's field where it has more room than digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// `0` before the first digit.
    Zero,
    /// Blanks before the first digit.
    Blank,
    /// Blanks after the last digit.
    BlankAfter,
}

/// Where the sign of a zoned number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It has none.
    Unsigned,
    /// `+` or `-` in a byte of its own.
    Separate(Side),
    /// `-` before the first digit of a negative number, and nothing before others, where `+` is read.
    Minus,
    /// In the zone of the first or last digit.
    Overpunch(Side, Overpunch),
}

/// How a digit carries a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overpunch {
    /// EBCDIC zones: `C` plus, `D` minus, `F` none.
    Ebcdic,
    /// ASCII zones as GnuCOBOL and Micro Focus have them: `0` to `9` plus, `p` to `y` minus.
    Ascii,
    /// EBCDIC's, translated to ASCII as text: `{ABCDEFGHI` plus, `}JKLMNOPQR` minus.
    Translated,
}

/// Two digits a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// The digits.
    pub digits: Digits,
    /// The last nibble.
    pub sign: PackedSign,
}

/// What the last nibble of a packed number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackedSign {
    /// `C` plus, `D` minus; `A`, `E` and `F` are read as plus, `B` as minus.
    Signed,
    /// `F`; any sign that is not minus is read.
    Unsigned,
    /// A digit like the others: `COMP-6`, BCD.
    None,
}

/// A binary integer in two's complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    /// Whether it may be negative.
    pub signed: bool,
    /// Which byte comes first.
    pub order: ByteOrder,
    /// How many of its decimal digits stand after the point.
    pub scale: i8,
    /// How many digits may be written; `None` is as many as the bytes hold (`COMP-5`).
    pub digits: Option<u8>,
}

/// Which byte comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The most significant.
    Big,
    /// The least significant.
    Little,
}

/// A binary floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Float {
    /// By which standard.
    pub standard: FloatStandard,
    /// Which byte comes first.
    pub order: ByteOrder,
}

/// By which standard a floating-point number is stored; its width is the field's: 4 or 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatStandard {
    /// IEEE 754.
    Ieee,
    /// IBM hexadecimal (z/Architecture Principles of Operation, chapter 18).
    Ibm,
}

/// A number-edited picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Whether its characters are EBCDIC's.
    pub ebcdic: bool,
    /// The picture, written out: no repetitions, capital letters.
    pub picture: String,
    /// Points and commas change places (`DECIMAL-POINT IS COMMA`).
    pub decimal_comma: bool,
    /// Zero is written as blanks.
    pub blank_when_zero: bool,
}

/// A date, a time, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// How its digits lie there.
    pub base: Base,
    /// Its parts, in their order.
    pub parts: Vec<Part>,
    /// The first year that two digits stand for: 1970 means 1970 to 2069.
    pub century: u16,
    /// Which value it is.
    pub kind: MomentKind,
}

/// How the digits of a date lie in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// As characters.
    Text(Encoding),
    /// As a packed number.
    Packed(Packed),
    /// As a binary number.
    Binary(Binary),
}

/// A part of a written date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `yyyy`
    Year,
    /// `yy`
    ShortYear,
    /// `C` of `CYYMMDD`: centuries since 1900.
    Century,
    /// `MM`
    Month,
    /// `MMM`: `JAN`, `Feb`.
    MonthName,
    /// `dd`
    Day,
    /// `DDD`: day of the year.
    DayOfYear,
    /// `HH`
    Hour,
    /// `mm`
    Minute,
    /// `ss`
    Second,
    /// `SSS`: so many digits of a fraction.
    Fraction(u8),
    /// Anything else, as it is.
    Literal(char),
}

impl Part {
    /// As a layout writes it.
    pub fn spelled(&self) -> String {
        match self {
            Self::Year => "yyyy".to_owned(),
            Self::ShortYear => "yy".to_owned(),
            Self::Century => "C".to_owned(),
            Self::Month => "MM".to_owned(),
            Self::MonthName => "MMM".to_owned(),
            Self::Day => "dd".to_owned(),
            Self::DayOfYear => "DDD".to_owned(),
            Self::Hour => "HH".to_owned(),
            Self::Minute => "mm".to_owned(),
            Self::Second => "ss".to_owned(),
            Self::Fraction(digits) => "S".repeat(usize::from(*digits)),
            Self::Literal(c) => c.to_string(),
        }
    }
}

/// Which value a [`Moment`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentKind {
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// Both.
    DateTime,
}

/// Bytes that stand for no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Null {
    /// Blanks in the field's encoding; where its form has none (octets, packed, binary), `40`. In an ASCII file that is `Byte(0x20)`.
    Blanks,
    /// Zero digits, or binary zeros where the form is binary or packed.
    Zeros,
    /// Nines.
    Nines,
    /// Bytes of `00`.
    LowValues,
    /// Bytes of `FF`.
    HighValues,
    /// This byte, all over.
    Byte(u8),
    /// This text, padded.
    Text(String),
}

/// What is done with bytes that cannot be read as their form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Invalid {
    /// The record is refused.
    #[default]
    Refuse,
    /// There is no value; the bytes are kept beside the record.
    Null,
}
