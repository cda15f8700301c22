//! The line that names the columns of delimited values: it must name those of the layout, in their order.

use std::ops::Range;

use bumpalo::Bump;
use portolan_schema::layout::{Framing, Short, Times};

use super::{
    FrameError, RecordErrorKind, RecordFile, delimited,
    frame::ending,
    part::{Form, Part, PartKind},
};

/// No line has more.
const MAX_TITLES: usize = 1 << 16;

/// The first column that is named otherwise than in the layout, and where its title is.
pub(super) fn check(file: &RecordFile, line: &[u8]) -> Result<(), (RecordErrorKind, Range<usize>)> {
    let (Framing::Delimited(how), Some(form)) = (&file.layout.file.framing, file.titled()) else {
        return Ok(());
    };
    let arena = Bump::new();
    let Some((titles, columns)) = delimited::unfold(line, how, &arena) else {
        return Err((FrameError::LineEnd.into(), 0..line.len()));
    };
    let wanted = of(form);
    match (how.trailing, line.last() == Some(&how.delimiter)) {
        (true, false) => return Err((RecordErrorKind::Unterminated, 0..line.len())),
        (false, true) if columns.len() == wanted.len() + 1 => {
            return Err((RecordErrorKind::Trailing, 0..line.len()));
        }
        _ => {}
    }
    let may_miss = file.layout.file.short != Short::Refuse || form.most != Some(form.least);
    for index in 0..columns.len().max(wanted.len()) {
        let found = columns.get(index).map(|column| text(file, &titles[column.clone()]));
        let expected = wanted.get(index).map(Option::as_deref);
        let sound = match (&found, expected) {
            (Some(found), Some(Some(expected))) => is_same(found, expected),
            // A filler has no title of its own, and what lines may leave out need not be there.
            (_, Some(None)) => true,
            (None, Some(_)) => may_miss,
            (_, None) => false,
        };
        if !sound {
            let expected = expected.flatten().map(Into::into);
            let found = found.map(String::into_boxed_str);
            let kind = RecordErrorKind::Title { column: index + 1, found, expected };
            return Err((kind, delimited::place(line, how, index)));
        }
    }
    Ok(())
}

/// The line as the layout writes it.
pub(super) fn write(file: &RecordFile, out: &mut Vec<u8>) {
    let (Framing::Delimited(how), Some(form)) = (&file.layout.file.framing, file.titled()) else { return };
    let title = |title: &str| {
        let mut bytes = Vec::new();
        // What the encoding does not have is written as it can be.
        let _ = file.text.encode(title, true, &mut bytes);
        bytes
    };
    let titles: Vec<Vec<u8>> =
        of(form).iter().map(|wanted| title(wanted.as_deref().unwrap_or_default())).collect();
    delimited::fold(&titles, how, out);
    out.extend_from_slice(ending(&how.end));
}

/// The titles of all columns; `None`: any. Those of a list have the item's number behind them: `phone_2`.
fn of(form: &Form) -> Vec<Option<String>> {
    let mut titles = Vec::new();
    each(&form.parts, "", &mut titles);
    titles
}

fn each(parts: &[Part], number: &str, titles: &mut Vec<Option<String>>) {
    for part in parts {
        let items = match part.times {
            Times::Once => None,
            Times::Fixed(most) | Times::Counted { most, .. } => Some(most),
        };
        for index in 1..=items.unwrap_or(1) {
            if titles.len() > MAX_TITLES {
                return;
            }
            let number = items.map_or(number.to_owned(), |_| format!("{number}_{index}"));
            match &part.kind {
                PartKind::Group(inner) => each(inner, &number, titles),
                _ => titles.push(part.title.as_ref().map(|title| format!("{title}{number}"))),
            }
        }
    }
}

fn text(file: &RecordFile, bytes: &[u8]) -> String {
    let mut text = String::new();
    match file.text.decode(bytes, &mut text) {
        Ok(()) => text,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Whether two titles are the same but for capital letters, and for what separates words.
fn is_same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.trim().to_lowercase().replace([' ', '-'], "_");
    plain(a) == plain(b)
}
