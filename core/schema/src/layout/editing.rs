//! Number-edited pictures: which digits they show, and in which order their symbols may stand.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "PICTURE clause editing"; ISO/IEC 1989:2014, 13.18.40.5.

use std::ops::Range;

use super::{Category, Digits, Picture, PictureError};

const MAX_DIGITS: usize = 38;

/// A symbol with its place. Points and commas are those of the usual notation; `C` and `D` are `CR` and `DB`.
pub(super) type Element = (char, Range<usize>);

/// Understands the symbols of a picture that is made up for readers.
pub(super) fn read(text: &str, elements: Vec<Element>, decimal_comma: bool) -> Result<Picture, PictureError> {
    let wrong = |message: &str, range: &Range<usize>| {
        Err(PictureError { message: message.to_owned(), range: range.clone() })
    };
    let whole = 0..text.len();
    let floating = floating(&elements);
    let (mut digits, mut fraction) = (0usize, 0usize);
    let (mut left, mut right) = (0usize, 0usize);
    let mut signs: Option<&Element> = None;
    let mut suppression: Option<char> = None;
    let (mut point, mut nine, mut data) = (false, false, false);
    for (index, (symbol, range)) in elements.iter().enumerate() {
        let is_last = index + 1 == elements.len();
        let mut digit = false;
        match *symbol {
            '9' => (digit, nine) = (true, true),
            'Z' | '*' => {
                if suppression.is_some_and(|other| other != *symbol) {
                    return wrong("zeros are suppressed in one way only", range);
                }
                if nine && !point {
                    return wrong("a suppressed zero does not stand after `9`", range);
                }
                if nine {
                    return wrong("after the point all digits are suppressed, or none", range);
                }
                if floating.is_some() {
                    return wrong("zeros are suppressed, or a symbol floats; not both", range);
                }
                suppression = Some(*symbol);
                digit = true;
            }
            '.' | 'V' if point => return wrong("there is one point only", range),
            '.' | 'V' => point = true,
            'P' if digits == 0 && right == 0 => left += 1,
            'P' => right += 1,
            ',' | 'B' | '0' | '/' => {}
            '+' | '-' | 'C' | 'D' => {
                let floats = floating == Some(*symbol);
                let known = signs.is_some_and(|(other, _)| !floats || other != symbol);
                if known {
                    return wrong("there is one sign only", range);
                }
                if floats {
                    // The first of them is only a sign.
                    digit = signs.is_some();
                    if digit && nine {
                        return wrong("a floating symbol does not stand after `9`", range);
                    }
                } else if !is_last && (data || matches!(symbol, 'C' | 'D')) {
                    return wrong("a sign stands before the digits, or after them", range);
                }
                signs = Some(&elements[index]);
            }
            'S' => return wrong("`S` does not go with editing: a sign is `+`, `-`, `CR` or `DB`", range),
            'E' | 'A' | 'X' | 'N' | 'G' => return wrong("this does not go with digits", range),
            currency => {
                let before = elements.iter().take(index).filter(|(other, _)| *other == currency).count();
                let floats = floating == Some(currency);
                digit = floats && before > 0;
                if digit && nine {
                    return wrong("a floating symbol does not stand after `9`", range);
                }
                let trailing =
                    elements.iter().skip(index + 1).all(|(c, _)| matches!(c, '+' | '-' | 'C' | 'D'));
                if !floats && (before > 0 || data && !trailing) {
                    return wrong("a currency sign stands before the digits, or after them", range);
                }
            }
        }
        if digit {
            if right > 0 {
                return wrong("digits stand on one side of `P` only", range);
            }
            data = true;
            digits += 1;
            fraction += usize::from(point);
        }
    }
    if digits == 0 {
        return wrong("there is no digit in it", &whole);
    }
    if digits + left + right > MAX_DIGITS {
        return wrong("more than 38 digits", &whole);
    }
    if right > 0 && (left > 0 || fraction > 0) || left > 0 && (1..digits).contains(&fraction) {
        return wrong("`P` and the point contradict each other", &whole);
    }
    let scale = match (left, right) {
        (0, 0) => fraction as i8,
        (0, right) => -(right as i8),
        (left, _) => (left + digits) as i8,
    };
    let width = |(symbol, _): &Element| match symbol {
        'V' | 'P' => 0,
        'C' | 'D' => 2,
        _ => 1,
    };
    Ok(Picture {
        text: text.to_owned(),
        category: Category::NumericEdited,
        digits: Some(Digits { count: digits as u8, scale }),
        signed: signs.is_some(),
        length: elements.iter().map(width).sum(),
        symbols: spelled(&elements, decimal_comma),
    })
}

/// The symbol that stands in place of leading zeros, if one of `+`, `-` or a currency sign stands there more than once.
fn floating(elements: &[Element]) -> Option<char> {
    let fixed =
        |c: char| matches!(c, '9' | 'Z' | '*' | '.' | 'V' | 'P' | ',' | 'B' | '0' | '/' | 'C' | 'D' | 'S');
    let mut found = None;
    for (symbol, _) in elements.iter().filter(|(c, _)| !fixed(*c)) {
        if elements.iter().filter(|(other, _)| other == symbol).count() > 1 {
            found = found.or(Some(*symbol));
        }
    }
    found
}

/// The picture written out, in its own notation.
pub(super) fn spelled(elements: &[Element], decimal_comma: bool) -> String {
    let mut out = String::with_capacity(elements.len() + 1);
    for (symbol, _) in elements {
        match symbol {
            'C' => out.push_str("CR"),
            'D' => out.push_str("DB"),
            '.' if decimal_comma => out.push(','),
            ',' if decimal_comma => out.push('.'),
            c => out.push(*c),
        }
    }
    out
}
