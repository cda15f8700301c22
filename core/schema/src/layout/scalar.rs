//! What a mapping sees of a stored value: the kind and the bounds that every contract's scalars have.

use super::{
    Base, Binary, Digits, Edited, Extent, Float, Form, Moment, MomentKind, Notation, Packed, PackedSign,
    Picture, Side, Sign, Storage, Text, Zoned,
};
use crate::{Facets, Name, Scalar, ScalarKind};

/// No number has more digits.
const MAX_DIGITS: u32 = 38;

/// The scalar of the one type model that a stored value is. Its name is the picture that it could have.
pub fn scalar(storage: &Storage, extent: Extent) -> Scalar {
    let bytes = match extent {
        Extent::Bytes(bytes) | Extent::Counted(bytes) => Some(bytes),
        Extent::Characters(_) | Extent::Rest => None,
    };
    match &storage.form {
        Form::Text(text) => text_scalar(text, extent),
        Form::Octets => {
            let facets = Facets { max_length: bytes.map(u64::from), ..Facets::default() };
            let name = bytes.map_or_else(|| "octets".to_owned(), |bytes| format!("octets({bytes})"));
            made(name, ScalarKind::Hex, facets)
        }
        Form::Zoned(zoned) => zoned_scalar(zoned),
        Form::Packed(packed) => packed_scalar(packed),
        Form::Binary(binary) => binary_scalar(binary, bytes.unwrap_or(0)),
        Form::Float(float) => float_scalar(*float, bytes.unwrap_or(8)),
        Form::Edited(edited) => edited_scalar(edited),
        Form::Moment(moment) => moment_scalar(moment),
    }
}

fn made(name: String, kind: ScalarKind, facets: Facets) -> Scalar {
    Scalar { name: Name::plain(name), kind, facets, enumeration: None }
}

fn text_scalar(text: &Text, extent: Extent) -> Scalar {
    let characters = match extent {
        Extent::Bytes(bytes) | Extent::Counted(bytes) => match text.encoding {
            super::Encoding::Utf16(_) => Some(bytes / 2),
            // Where characters differ in length, no more of them than bytes.
            _ => Some(bytes),
        },
        Extent::Characters(characters) => Some(characters),
        Extent::Rest => None,
    };
    let letter = if matches!(text.encoding, super::Encoding::Utf16(_)) { 'N' } else { 'X' };
    let mut name = characters.map_or_else(|| "text".to_owned(), |n| format!("PIC {}", repeated(letter, n)));
    if text.justified == Side::Right {
        name.push_str(" JUST RIGHT");
    }
    let facets = Facets { max_length: characters.map(u64::from), ..Facets::default() };
    made(name, ScalarKind::String, facets)
}

fn zoned_scalar(zoned: &Zoned) -> Scalar {
    let sign = match zoned.sign {
        Sign::Unsigned | Sign::Minus | Sign::Overpunch(Side::Right, _) => "",
        Sign::Overpunch(Side::Left, _) => " SIGN LEADING",
        Sign::Separate(Side::Left) => " SIGN LEADING SEPARATE",
        Sign::Separate(Side::Right) => " SIGN TRAILING SEPARATE",
    };
    let signed = zoned.sign != Sign::Unsigned;
    let mut picture = picture(zoned.digits, signed, zoned.point.unwrap_or('V'));
    picture.push_str(sign);
    if zoned.blank_when_zero {
        picture.push_str(" BLANK WHEN ZERO");
    }
    number(picture, zoned.digits, signed)
}

fn packed_scalar(packed: &Packed) -> Scalar {
    let signed = packed.sign == PackedSign::Signed;
    let usage = if packed.sign == PackedSign::None { "COMP-6" } else { "COMP-3" };
    number(format!("{} {usage}", picture(packed.digits, signed, 'V')), packed.digits, signed)
}

fn edited_scalar(edited: &Edited) -> Scalar {
    let notation = Notation { decimal_comma: edited.decimal_comma, ..Notation::default() };
    let name = format!("PIC {}", shortened(&edited.picture));
    match Picture::parse_in(&edited.picture, notation) {
        Ok(Picture { digits: Some(digits), signed, .. }) => number(name, digits, signed),
        _ => made(name, ScalarKind::Decimal, Facets::default()),
    }
}

fn binary_scalar(binary: &Binary, bytes: u32) -> Scalar {
    if let Some(count) = binary.digits {
        let digits = Digits { count, scale: binary.scale };
        return number(format!("{} COMP", picture(digits, binary.signed, 'V')), digits, binary.signed);
    }
    let signed = if binary.signed { "" } else { "unsigned " };
    let bits = bytes.saturating_mul(8);
    if binary.scale <= 0 {
        let known = if binary.scale == 0 && matches!(bits, 8 | 16 | 32 | 64) { bits as u8 } else { 0 };
        let mut facets = Facets::default();
        if known == 0 {
            facets.total_digits = Some(digits_of(bits, binary.signed, binary.scale));
        }
        let kind = ScalarKind::Integer { signed: binary.signed, bits: known };
        return made(format!("{signed}binary({bytes})"), kind, facets);
    }
    let facets = Facets {
        total_digits: Some(digits_of(bits, binary.signed, binary.scale)),
        fraction_digits: Some(binary.scale.unsigned_abs().into()),
        min_inclusive: (!binary.signed).then(|| "0".to_owned()),
        ..Facets::default()
    };
    made(format!("{signed}binary({bytes}) scale {}", binary.scale), ScalarKind::Decimal, facets)
}

/// How many digits the largest number of so many bits has.
fn digits_of(bits: u32, signed: bool, scale: i8) -> u32 {
    let bits = bits.saturating_sub(u32::from(signed));
    let largest = if bits >= 128 { u128::MAX } else { (1u128 << bits) - 1 };
    let digits = largest.checked_ilog10().map_or(1, |log| log + 1);
    let right = if scale < 0 { u32::from(scale.unsigned_abs()) } else { 0 };
    digits.max(u32::from(scale.max(0).unsigned_abs())).saturating_add(right).min(MAX_DIGITS)
}

fn float_scalar(_: Float, bytes: u32) -> Scalar {
    match bytes {
        4 => made("COMP-1".to_owned(), ScalarKind::Float, Facets::default()),
        _ => made("COMP-2".to_owned(), ScalarKind::Double, Facets::default()),
    }
}

fn moment_scalar(moment: &Moment) -> Scalar {
    let kind = match moment.kind {
        MomentKind::Date => ScalarKind::Date,
        MomentKind::Time => ScalarKind::Time,
        MomentKind::DateTime => ScalarKind::DateTime,
    };
    let mut name: String = moment.parts.iter().map(super::Part::spelled).collect();
    match moment.base {
        Base::Text(_) => {}
        Base::Packed(_) => name.push_str(" COMP-3"),
        Base::Binary(_) => name.push_str(" COMP"),
    }
    made(name, kind, Facets::default())
}

/// A number with exact digits: whole where nothing stands after the point.
fn number(name: String, digits: Digits, signed: bool) -> Scalar {
    let count = u32::from(digits.count);
    if digits.scale <= 0 {
        let total = count + u32::from(digits.scale.unsigned_abs());
        let facets = Facets { total_digits: Some(total), ..Facets::default() };
        return made(name, ScalarKind::Integer { signed, bits: 0 }, facets);
    }
    let fraction = u32::from(digits.scale.unsigned_abs());
    let facets = Facets {
        total_digits: Some(count.max(fraction)),
        fraction_digits: Some(fraction),
        min_inclusive: (!signed).then(|| "0".to_owned()),
        ..Facets::default()
    };
    made(name, ScalarKind::Decimal, facets)
}

/// `PIC S9(7)V99`, by the digits.
fn picture(digits: Digits, signed: bool, point: char) -> String {
    let count = u32::from(digits.count);
    let scale = u32::from(digits.scale.unsigned_abs());
    let sign = if signed { "S" } else { "" };
    let nines = |n: u32| if n == 0 { String::new() } else { repeated('9', n) };
    let number = match digits.scale {
        ..0 => format!("{}{}", nines(count), repeated('P', scale)),
        0 if point != 'V' => format!("{}{point}", nines(count)),
        0 => nines(count),
        _ if scale > count => format!("V{}{}", repeated('P', scale - count), nines(count)),
        _ => format!("{}{point}{}", nines(count - scale), nines(scale)),
    };
    format!("PIC {sign}{number}")
}

/// A symbol so many times, as specifications print it.
fn repeated(symbol: char, times: u32) -> String {
    match times {
        0..=2 => std::iter::repeat_n(symbol, times as usize).collect(),
        _ => format!("{symbol}({times})"),
    }
}

/// A picture that was written out, with its repetitions counted.
fn shortened(symbols: &str) -> String {
    let mut out = String::new();
    let mut rest = symbols.chars().peekable();
    while let Some(symbol) = rest.next() {
        let mut times = 1;
        while rest.next_if_eq(&symbol).is_some() {
            times += 1;
        }
        // Short rows read better as they are: `ZZ9`.
        match times {
            1..=3 => out.extend(std::iter::repeat_n(symbol, times as usize)),
            _ => out.push_str(&repeated(symbol, times)),
        }
    }
    out
}
