//! What a copybook does not say itself: by which compiler, and on which machine, its records were written.

use super::{
    Binary, ByteOrder, Category, Digits, Edited, Encoding, Extent, Fill, Float, FloatStandard, Form, Invalid,
    Notation, Overpunch, Packed, PackedSign, Picture, Side, Sign, Storage, Text, Trim, Usage, Zoned,
};

/// What pictures and usages mean in the files of one compiler and machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Of characters.
    pub encoding: Encoding,
    /// Of characters with the usage `NATIONAL`.
    pub national: Encoding,
    /// Which byte comes first in `COMP` and `BINARY`; also in floating-point numbers.
    pub order: ByteOrder,
    /// Which byte comes first in `COMP-5`, and in what has no picture.
    pub native: ByteOrder,
    /// The standard of `COMP-1` and `COMP-2`.
    pub float: FloatStandard,
    /// How the digit that carries a sign is written.
    pub overpunch: Overpunch,
    /// How many bytes binary numbers have.
    pub binary_sizes: BinarySizes,
    /// A `COMP` number has no more digits than its picture (`TRUNC(STD)`).
    pub binary_truncate: bool,
    /// How many bytes a pointer has.
    pub pointer: u32,
    /// Where synchronized numbers begin.
    pub alignment: Alignment,
    /// What pictures mean by points, commas and currency signs.
    pub notation: Notation,
    /// From which sides padding is taken away from texts.
    pub trim: Trim,
}

/// How many bytes a binary number of so many digits has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BinarySizes {
    /// 2, 4 or 8 (IBM); beyond 18 digits, which IBM does not have, as few as hold them and a sign (Cobrix).
    #[default]
    TwoFourEight,
    /// 1, 2, 4 or 8; 16 beyond 18 digits (GnuCOBOL).
    OneTwoFourEight,
    /// As few as hold them (Micro Focus, `IBMCOMP` off).
    Fewest,
}

/// Where synchronized numbers begin, and where the slack bytes before them are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Alignment {
    /// Binary numbers at half words or words, `COMP-2` at double words. Slack before the first number of a group stands before the
    /// group (IBM).
    #[default]
    Words,
    /// Each at a multiple of its own size. Slack stands within the group (GnuCOBOL).
    Natural,
}

/// What an item's other clauses say of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clauses {
    /// `SIGN LEADING` or `TRAILING`, and whether `SEPARATE`.
    pub sign: Option<(Side, bool)>,
    /// `JUSTIFIED RIGHT`
    pub justified_right: bool,
    /// `BLANK WHEN ZERO`
    pub blank_when_zero: bool,
}

impl Dialect {
    /// IBM's, with the encoding and all that follows from it: `0` to `9` with EBCDIC zones, or what transfer as text makes of
    /// those in ASCII.
    pub fn of(encoding: Encoding) -> Self {
        let ebcdic = encoding.is_ebcdic();
        Self {
            encoding,
            national: Encoding::Utf16(ByteOrder::Big),
            order: ByteOrder::Big,
            native: ByteOrder::Big,
            float: FloatStandard::Ibm,
            overpunch: if ebcdic { Overpunch::Ebcdic } else { Overpunch::Translated },
            binary_sizes: BinarySizes::TwoFourEight,
            binary_truncate: true,
            pointer: 4,
            alignment: Alignment::Words,
            notation: Notation::default(),
            trim: Trim { left: true, right: true },
        }
    }

    /// GnuCOBOL's defaults on a machine with the least significant byte first and addresses of 64 bits.
    pub fn gnucobol() -> Self {
        Self {
            native: ByteOrder::Little,
            float: FloatStandard::Ieee,
            overpunch: Overpunch::Ascii,
            binary_sizes: BinarySizes::OneTwoFourEight,
            pointer: 8,
            alignment: Alignment::Natural,
            ..Self::of(Encoding::Ascii)
        }
    }

    /// The multiple at which a synchronized item of so many bytes begins; 1 where it does not matter.
    pub fn aligned(&self, usage: Usage, bytes: u32) -> u32 {
        match usage {
            Usage::Comp1 | Usage::Comp2 | Usage::Index | Usage::Pointer => bytes,
            Usage::Binary | Usage::Native | Usage::CompX | Usage::Little | Usage::Bytes(..) => {
                match self.alignment {
                    Alignment::Words if bytes >= 4 => 4,
                    Alignment::Natural if matches!(bytes, 4 | 8 | 16) => bytes,
                    _ if bytes == 2 => 2,
                    _ => 1,
                }
            }
            _ => 1,
        }
    }

    /// How many bytes a binary number has.
    pub fn binary_bytes(&self, usage: Usage, digits: u32, signed: bool) -> u32 {
        match (usage, self.binary_sizes, digits) {
            (Usage::CompX, ..) | (_, BinarySizes::Fewest, _) => fewest(digits, signed),
            (Usage::Little, _, 0..=2) | (_, BinarySizes::OneTwoFourEight, 0..=2) => 1,
            (_, _, 0..=4) => 2,
            (_, _, 5..=9) => 4,
            (_, _, 10..=18) => 8,
            (_, BinarySizes::OneTwoFourEight, _) => 16,
            (_, BinarySizes::TwoFourEight, _) => fewest(digits, true),
        }
    }
}

impl Default for Dialect {
    /// IBM's, with code page 037.
    fn default() -> Self {
        Self::of(Encoding::find("ebcdic").unwrap_or(Encoding::Ascii))
    }
}

/// How many bytes hold every number of so many digits.
fn fewest(digits: u32, signed: bool) -> u32 {
    let largest = 10u128.checked_pow(digits).map_or(u128::MAX, |power| power - 1);
    let bits = 128 - largest.leading_zeros() + u32::from(signed);
    bits.div_ceil(8).max(1)
}

/// How a value with such a picture and usage is stored, and how many bytes it has. The error is a sentence without a full stop.
///
/// `NATIONAL` and `DISPLAY-1` are what pictures of `N` and `G` mean without any usage.
pub fn storage(
    picture: Option<&Picture>,
    usage: Usage,
    clauses: &Clauses,
    dialect: &Dialect,
) -> Result<(Storage, Extent), String> {
    let Some(picture) = picture else { return bare(usage, dialect) };
    if usage.is_bare() {
        return Err(format!("{usage} has no picture"));
    }
    let (form, bytes) = match (picture.category, usage) {
        (Category::Numeric, Usage::Display) => display(picture, clauses, dialect)?,
        (Category::Numeric, Usage::National | Usage::DoubleByte) => {
            return Err(format!("digits with the usage {usage} are not read"));
        }
        (Category::Numeric, _) => computational(picture, usage, clauses, dialect)?,
        (Category::Pointed, Usage::Display) => display(picture, clauses, dialect)?,
        (Category::NumericEdited, Usage::Display) => edited(picture, clauses, dialect)?,
        (Category::ExternalFloat, _) => return Err("numbers with an exponent are not read".to_owned()),
        (Category::Alphanumeric, Usage::CompX | Usage::Native) => {
            let order = if usage == Usage::CompX { dialect.order } else { dialect.native };
            if !(1..=16).contains(&picture.length) {
                return Err(format!("{usage} has 1 to 16 bytes"));
            }
            (Form::Binary(Binary { signed: false, order, scale: 0, digits: None }), picture.length)
        }
        (Category::Alphabetic | Category::Alphanumeric | Category::AlphanumericEdited, Usage::Display) => {
            (text(dialect.encoding, clauses, dialect), picture.length)
        }
        (Category::National | Category::NationalEdited, Usage::Display | Usage::National) => {
            (text(dialect.national, clauses, dialect), picture.length.saturating_mul(2))
        }
        // Characters of two bytes without the shifts between which mixed text has them: no encoding here is that.
        (Category::DoubleByte, Usage::Display | Usage::DoubleByte) => {
            (Form::Octets, picture.length.saturating_mul(2))
        }
        (_, _) => return Err(format!("`{}` does not go with the usage {usage}", picture.text)),
    };
    Ok((stored(form), Extent::Bytes(bytes)))
}

fn stored(form: Form) -> Storage {
    Storage { form, nulls: Vec::new(), invalid: Invalid::Refuse }
}

fn text(encoding: Encoding, clauses: &Clauses, dialect: &Dialect) -> Form {
    Form::Text(Text {
        encoding,
        pad: ' ',
        justified: if clauses.justified_right { Side::Right } else { Side::Left },
        trim: dialect.trim,
        transliterate: false,
        chars: None,
    })
}

/// What has no picture.
fn bare(usage: Usage, dialect: &Dialect) -> Result<(Storage, Extent), String> {
    let float = || Form::Float(Float { standard: dialect.float, order: float_order(dialect) });
    let binary = |signed| Form::Binary(Binary { signed, order: dialect.native, scale: 0, digits: None });
    let (form, bytes) = match usage {
        Usage::Comp1 => (float(), 4),
        Usage::Comp2 => (float(), 8),
        Usage::Bytes(bytes, signed) => (binary(signed), u32::from(bytes)),
        Usage::Index => (binary(true), 4),
        Usage::Pointer => (binary(false), dialect.pointer),
        _ => return Err(format!("the usage {usage} needs a picture")),
    };
    Ok((stored(form), Extent::Bytes(bytes)))
}

/// IBM's floating-point numbers begin with the sign on every machine; IEEE's lie as the machine has them.
fn float_order(dialect: &Dialect) -> ByteOrder {
    match dialect.float {
        FloatStandard::Ibm => ByteOrder::Big,
        FloatStandard::Ieee => dialect.native,
    }
}

fn digits(picture: &Picture) -> Result<Digits, String> {
    picture.digits.ok_or_else(|| format!("`{}` has no digits", picture.text))
}

/// Digits as characters, perhaps with a point that is written.
fn display(picture: &Picture, clauses: &Clauses, dialect: &Dialect) -> Result<(Form, u32), String> {
    one_byte_a_digit(dialect)?;
    let digits = digits(picture)?;
    let sign = match clauses.sign {
        // SIGN SEPARATE makes a sign of its own even where the picture has no `S`: Cobrix reads it so.
        Some((side, true)) => Sign::Separate(side),
        _ if !picture.signed => Sign::Unsigned,
        Some((side, false)) => Sign::Overpunch(side, dialect.overpunch),
        None => Sign::Overpunch(Side::Right, dialect.overpunch),
    };
    let separate = u32::from(matches!(sign, Sign::Separate(_)));
    let point = (picture.category == Category::Pointed).then(|| point(dialect));
    let zoned = Zoned {
        ebcdic: dialect.encoding.is_ebcdic(),
        digits,
        sign,
        fill: Fill::Zero,
        blank_when_zero: clauses.blank_when_zero,
        point,
    };
    Ok((Form::Zoned(zoned), picture.length + separate))
}

fn point(dialect: &Dialect) -> char {
    if dialect.notation.decimal_comma { ',' } else { '.' }
}

fn edited(picture: &Picture, clauses: &Clauses, dialect: &Dialect) -> Result<(Form, u32), String> {
    one_byte_a_digit(dialect)?;
    let form = Form::Edited(Edited {
        ebcdic: dialect.encoding.is_ebcdic(),
        picture: picture.symbols.clone(),
        decimal_comma: dialect.notation.decimal_comma,
        blank_when_zero: clauses.blank_when_zero,
    });
    Ok((form, picture.length))
}

/// Numbers as characters are read where a digit is a byte.
fn one_byte_a_digit(dialect: &Dialect) -> Result<(), String> {
    match dialect.encoding {
        Encoding::Utf16(_) => Err("digits in UTF-16 are not read".to_owned()),
        _ => Ok(()),
    }
}

/// Packed and binary numbers.
fn computational(
    picture: &Picture,
    usage: Usage,
    clauses: &Clauses,
    dialect: &Dialect,
) -> Result<(Form, u32), String> {
    let digits = digits(picture)?;
    if clauses.blank_when_zero {
        return Err(format!("BLANK WHEN ZERO does not go with the usage {usage}"));
    }
    let count = u32::from(digits.count);
    let signed = picture.signed;
    let packed = |sign| Form::Packed(Packed { digits, sign });
    let binary =
        |order, bound: Option<u8>| Form::Binary(Binary { signed, order, scale: digits.scale, digits: bound });
    let bytes = dialect.binary_bytes(usage, count, signed);
    let bound = dialect.binary_truncate.then_some(digits.count);
    Ok(match usage {
        Usage::Packed if signed => (packed(PackedSign::Signed), count / 2 + 1),
        Usage::Packed => (packed(PackedSign::Unsigned), count / 2 + 1),
        Usage::PackedUnsigned if signed => return Err(format!("{usage} has no sign")),
        Usage::PackedUnsigned => (packed(PackedSign::None), count.div_ceil(2)),
        Usage::Binary => (binary(dialect.order, bound), bytes),
        Usage::Little => (binary(ByteOrder::Little, bound), bytes),
        Usage::Native => (binary(dialect.native, None), bytes),
        Usage::CompX => (binary(dialect.order, None), bytes),
        _ => return Err(format!("`{}` does not go with the usage {usage}", picture.text)),
    })
}
