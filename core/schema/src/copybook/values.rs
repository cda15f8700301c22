//! What VALUE clauses mean: what is written where nothing is given, and which values have names (level 88).

use std::collections::BTreeMap;

use portolan_syntax::Decimal;

use super::syntax::{Condition, Value};
use crate::{
    EnumValue, Enumeration,
    layout::{Filler, Fillers, Form, Storage},
};

/// What is written out of a VALUE is never longer.
const MAX_WRITTEN: usize = 4096;

/// What a value is as the type model writes it: text without its padding, numbers without leading zeros. `None` where it is none
/// (`HIGH-VALUES`).
pub(super) fn lexical(value: &Value, storage: &Storage, length: u32) -> Option<String> {
    let text = matches!(storage.form, Form::Text(_));
    let number = |written: &str| {
        let written = written.trim().replace(',', ".");
        let written = written.strip_prefix('+').unwrap_or(&written);
        // COBOL writes `.5` as well as `0.5`.
        let whole = match written.strip_prefix('-') {
            Some(rest) if rest.starts_with('.') => format!("-0{rest}"),
            None if written.starts_with('.') => format!("0{written}"),
            _ => written.to_owned(),
        };
        Decimal::parse(&whole).map(|decimal| decimal.normalized().to_string())
    };
    match value {
        _ if storage.form == Form::Octets => None,
        // What is longer than the item is cut, as a compiler does with a warning.
        Value::Text(written) | Value::Number(written) if text => {
            let written: String = written.chars().take(length as usize).collect();
            Some(trimmed(&written, storage))
        }
        Value::Text(written) | Value::Number(written) => number(written),
        Value::Zeros if text => repeated("0", length),
        Value::Zeros => Some("0".to_owned()),
        Value::Spaces if text => Some(String::new()),
        Value::All(part) if text => repeated(part, length).map(|written| trimmed(&written, storage)),
        Value::Spaces | Value::All(_) | Value::High | Value::Low | Value::Octets(_) => None,
    }
}

fn trimmed(text: &str, storage: &Storage) -> String {
    let Form::Text(form) = &storage.form else { return text.to_owned() };
    let text = if form.trim.left { text.trim_start_matches(' ') } else { text };
    // Behind the text a field is filled up with blanks: they are no part of a value in any case.
    text.trim_end_matches(' ').to_owned()
}

fn repeated(part: &str, length: u32) -> Option<String> {
    let length = length as usize;
    (length <= MAX_WRITTEN && !part.is_empty()).then(|| part.chars().cycle().take(length).collect())
}

/// The values that have names. Others may occur as well.
pub(super) fn enumeration(conditions: &[Condition], storage: &Storage, length: u32) -> Option<Enumeration> {
    let mut values: Vec<EnumValue> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for condition in conditions {
        for value in &condition.values {
            let Some(name) = lexical(value, storage, length) else { continue };
            match places.get(&name).and_then(|place| values.get_mut(*place)) {
                // A value of several conditions has all of their names.
                Some(EnumValue { doc: Some(doc), .. }) if doc.len() < MAX_WRITTEN => {
                    doc.push_str(", ");
                    doc.push_str(&condition.name);
                }
                Some(_) => {}
                None => {
                    places.insert(name.clone(), values.len());
                    values.push(EnumValue { name, number: None, doc: Some(condition.name.clone()) });
                }
            }
        }
    }
    (!values.is_empty()).then_some(Enumeration { values, open: true })
}

/// What stands in bytes without a name.
pub(super) fn filler(value: Option<&Value>, storage: &Storage, length: u32) -> Filler {
    let display = matches!(storage.form, Form::Text(_));
    let digits = match &storage.form {
        Form::Zoned(zoned) => Some(usize::from(zoned.digits.count)),
        _ => None,
    };
    let fill = match value {
        Some(Value::Text(text)) if display => Fillers::Text(text.as_str().into()),
        Some(Value::All(part)) if display => {
            repeated(part, length).map_or(Fillers::Blanks, |text| Fillers::Text(text.into()))
        }
        Some(Value::Number(number)) if digits.is_some_and(|n| number.len() <= n) && plain(number) => {
            Fillers::Text(format!("{number:0>width$}", width = digits.unwrap_or(0)).into())
        }
        Some(Value::High) => Fillers::Byte(0xFF),
        Some(Value::Low) => Fillers::Byte(0),
        Some(Value::Octets(octets)) if octets.len() == 1 => {
            Fillers::Byte(octets.first().copied().unwrap_or(0))
        }
        Some(Value::Zeros) if display || digits.is_some() => Fillers::Zeros,
        Some(Value::Spaces) => Fillers::Blanks,
        _ if display => Fillers::Blanks,
        _ if digits.is_some() => Fillers::Zeros,
        _ => match &storage.form {
            Form::Edited(_) => Fillers::Blanks,
            _ => Fillers::Byte(0),
        },
    };
    Filler { fill, exact: false }
}

fn plain(number: &str) -> bool {
    number.bytes().all(|b| b.is_ascii_digit())
}
