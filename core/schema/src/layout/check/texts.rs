//! Whether a text can be the value of a field: what conditions expect, constants, the texts that a field may have.

use portolan_syntax::Decimal;

use crate::layout::{
    Characters, Digits, Extent, Form, ItemContent, Notation, Packed, PackedSign, Picture, Sign, Storage, Text,
};

/// What keeps a field from ever being this text; a sentence without a full stop.
pub(super) fn misfit(storage: &Storage, extent: Extent, text: &str) -> Option<String> {
    match &storage.form {
        Form::Text(form) => text_misfit(form, extent, text),
        Form::Zoned(_) | Form::Packed(_) | Form::Binary(_) | Form::Edited(_) => number_misfit(storage, text),
        // What a date, a float or octets may look like is for those to say who read them.
        Form::Octets | Form::Float(_) | Form::Moment(_) => None,
    }
}

fn text_misfit(form: &Text, extent: Extent, text: &str) -> Option<String> {
    let has = text.chars().count() as u64;
    let room = match extent {
        Extent::Bytes(bytes) | Extent::Counted(bytes) => {
            form.encoding.width().map(|width| u64::from(bytes / width))
        }
        Extent::Characters(characters) => Some(u64::from(characters)),
        Extent::Rest => None,
    };
    if let Some(room) = room.filter(|room| has > *room) {
        return Some(format!("it has {has} characters, and the field {room}"));
    }
    let characters = form.chars.as_ref()?;
    let wrong = text.chars().find(|c| !is_of(characters, *c))?;
    Some(format!("`{wrong}` is none of the characters that the field may have"))
}

fn number_misfit(storage: &Storage, text: &str) -> Option<String> {
    let Some(number) = Decimal::parse(text.trim()) else {
        return Some("it is no number, and the field holds one".to_owned());
    };
    let digits = digits(storage)?;
    let number = number.normalized();
    let whole = whole_digits(number);
    let room = digits.whole;
    if whole > room {
        return Some(format!("it has {}, and the field {room}", before_the_point(whole)));
    }
    if u32::from(number.scale) > digits.fraction {
        let fraction = digits.fraction;
        return Some(format!("it has {} digits after the point, and the field {fraction}", number.scale));
    }
    (number.mantissa < 0 && !digits.signed).then(|| "it is negative, and the field has no sign".to_owned())
}

/// `7 digits`, before the point.
pub(super) fn before_the_point(digits: u32) -> String {
    match digits {
        1 => "1 digit before the point".to_owned(),
        digits => format!("{digits} digits before the point"),
    }
}

/// How many digits of a number stand before the point; none of what is less than one.
pub(super) fn whole_digits(number: Decimal) -> u32 {
    let scale = 10u128.checked_pow(u32::from(number.scale)).unwrap_or(u128::MAX);
    let whole = number.mantissa.unsigned_abs() / scale;
    whole.checked_ilog10().map_or(0, |log| log + 1)
}

/// What numbers a field has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Digits before the point.
    pub(super) whole: u32,
    /// Digits after it.
    pub(super) fraction: u32,
    /// It may be negative.
    pub(super) signed: bool,
}

/// What numbers a field holds; `None` where that is no matter of digits.
pub(super) fn digits(storage: &Storage) -> Option<Room> {
    let room = |digits: Digits, signed: bool| {
        let (count, scale) = (i32::from(digits.count), i32::from(digits.scale));
        Room { whole: (count - scale).max(0) as u32, fraction: scale.max(0) as u32, signed }
    };
    match &storage.form {
        // A point that is written need not be where the picture says.
        Form::Zoned(zoned) if zoned.point.is_some() => None,
        Form::Zoned(zoned) => Some(room(zoned.digits, zoned.sign != Sign::Unsigned)),
        Form::Packed(Packed { digits, sign }) => Some(room(*digits, *sign == PackedSign::Signed)),
        Form::Binary(binary) => {
            let digits = Digits { count: binary.digits?, scale: binary.scale };
            Some(room(digits, binary.signed))
        }
        Form::Edited(edited) => {
            let notation = Notation { decimal_comma: edited.decimal_comma, ..Notation::default() };
            let picture = Picture::parse_in(&edited.picture, notation).ok()?;
            Some(room(picture.digits?, picture.signed))
        }
        _ => None,
    }
}

/// The storage of an item that has a value.
pub(super) fn storage(content: &ItemContent) -> Option<&Storage> {
    match content {
        ItemContent::Value(storage) => Some(storage),
        _ => None,
    }
}

/// Whether a character is one of a class.
pub(super) fn is_of(characters: &Characters, c: char) -> bool {
    match characters {
        Characters::Alphabetic => c.is_ascii_alphabetic() || c == ' ',
        Characters::Digits => c.is_ascii_digit(),
        Characters::Alphanumeric => c.is_ascii_alphanumeric() || c == ' ',
        Characters::Printable => c.is_ascii_graphic() || c == ' ',
        Characters::Listed(listed) => listed.contains(c),
    }
}
