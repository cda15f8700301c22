//! Delimited values, both ways, by the `csv` crate's core: a line becomes its values, one after another, with the place of each.

use std::ops::Range;

use bumpalo::Bump;
use portolan_schema::layout::{Delimited, Long, Short};

use super::{FrameError, RecordErrorKind, RecordFile, part::Form};

/// A line's values without quotes and escapes, and where each of them is.
pub(super) type Unfolded<'a> = (&'a [u8], &'a [Range<usize>]);

/// Takes a line apart. `None`: it is not one record of delimited values.
pub(super) fn unfold<'a>(line: &[u8], delimited: &Delimited, arena: &'a Bump) -> Option<Unfolded<'a>> {
    let mut builder = csv_core::ReaderBuilder::new();
    builder.delimiter(delimited.delimiter);
    match delimited.quote {
        Some(quote) => builder.quote(quote),
        None => builder.quoting(false),
    };
    if let Some(escape) = delimited.escape {
        builder.escape(Some(escape)).double_quote(false);
    }
    let mut reader = builder.build();
    let mut out = bumpalo::vec![in arena; 0u8; line.len() + 1];
    let mut ends = bumpalo::vec![in arena; 0usize; line.len() + 2];
    let (mut read, mut written, mut values) = (0, 0, 0);
    loop {
        let rest = line.get(read..)?;
        let (result, consumed, wrote, ended) =
            reader.read_record(rest, out.get_mut(written..)?, ends.get_mut(values..)?);
        read += consumed;
        written += wrote;
        values += ended;
        match result {
            // What follows an end of a line within would be lost.
            csv_core::ReadRecordResult::Record if read < line.len() => return None,
            csv_core::ReadRecordResult::Record => break,
            // An empty rest, next time, tells it that nothing follows.
            csv_core::ReadRecordResult::InputEmpty => {}
            csv_core::ReadRecordResult::End => break,
            _ => return None,
        }
    }
    let mut columns = bumpalo::collections::Vec::with_capacity_in(values, arena);
    let mut from = 0;
    for end in ends.iter().take(values) {
        columns.push(from..*end);
        from = *end;
    }
    if delimited.trailing && columns.len() > 1 && columns.last().is_some_and(Range::is_empty) {
        columns.pop();
    }
    if columns.is_empty() {
        // An empty line is one empty value.
        columns.push(0..0);
    }
    out.truncate(written);
    Some((out.into_bump_slice(), columns.into_bump_slice()))
}

/// What is wrong with a line of so many values; `None` values: it is no such line.
pub(super) fn columns(
    how: &Delimited,
    form: &Form,
    file: &RecordFile,
    line: &[u8],
    values: Option<usize>,
) -> Option<RecordErrorKind> {
    let Some(values) = values else { return Some(FrameError::LineEnd.into()) };
    if is_behind_quote(line, how) {
        return Some(FrameError::BehindQuote.into());
    }
    let most = form.most.unwrap_or(usize::MAX);
    match (how.trailing, line.last() == Some(&how.delimiter)) {
        (true, false) => Some(RecordErrorKind::Unterminated),
        (false, true) if values == most.saturating_add(1) => Some(RecordErrorKind::Trailing),
        _ => miscounted(file, values, form.least, most),
    }
}

/// Whether anything stands behind a quoted value but a delimiter (RFC 4180, 2.5 to 2.7).
fn is_behind_quote(line: &[u8], how: &Delimited) -> bool {
    let Some(quote) = how.quote.filter(|quote| line.contains(quote)) else { return false };
    let (mut at, mut begins) = (0, true);
    while let Some(byte) = line.get(at) {
        if !(begins && *byte == quote) {
            begins = *byte == how.delimiter;
            at += 1;
            continue;
        }
        at += 1;
        while let Some(byte) = line.get(at) {
            at += match (*byte == quote, how.escape) {
                (true, None) if line.get(at + 1) == Some(&quote) => 2,
                (true, _) => break,
                (false, Some(escape)) if *byte == escape => 2,
                (false, _) => 1,
            };
        }
        at += 1;
        if line.get(at).is_some_and(|byte| *byte != how.delimiter) {
            return true;
        }
        begins = false;
    }
    false
}

/// More values than fields, or fewer, where the layout does not take them.
pub(super) fn miscounted(
    file: &RecordFile,
    found: usize,
    least: usize,
    most: usize,
) -> Option<RecordErrorKind> {
    let (short, long) = (file.layout.file.short, file.layout.file.long);
    let wrong = found < least && short == Short::Refuse || found > most && long == Long::Refuse;
    wrong.then_some(RecordErrorKind::Columns { found, most })
}

/// Where in a line a value stands, with the quotes around it: of its place among the values, from 0.
pub(super) fn place(line: &[u8], delimited: &Delimited, index: usize) -> Range<usize> {
    let (mut from, mut at) = (0, 0);
    let (mut quoted, mut escaped) = (false, false);
    for (position, byte) in line.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if quoted && Some(*byte) == delimited.escape {
            escaped = true;
        } else if Some(*byte) == delimited.quote {
            quoted = !quoted;
        } else if *byte == delimited.delimiter && !quoted {
            if at == index {
                return from..position;
            }
            at += 1;
            from = position + 1;
        }
    }
    if at == index { from..line.len() } else { line.len()..line.len() }
}

/// Writes values as a line, without its end.
pub(super) fn fold(values: &[Vec<u8>], delimited: &Delimited, out: &mut Vec<u8>) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(delimited.delimiter);
        }
        let Some(quote) = delimited.quote else {
            out.extend_from_slice(value);
            continue;
        };
        let special = |byte: &u8| {
            *byte == quote
                || *byte == delimited.delimiter
                || matches!(byte, b'\r' | b'\n')
                || Some(*byte) == delimited.escape
        };
        // An empty line would be no record.
        let lone = values.len() == 1 && value.is_empty() && !delimited.trailing;
        if !delimited.quote_all && !lone && !value.iter().any(special) {
            out.extend_from_slice(value);
            continue;
        }
        out.push(quote);
        for byte in value {
            if *byte == quote || Some(*byte) == delimited.escape {
                out.push(delimited.escape.unwrap_or(quote));
            }
            out.push(*byte);
        }
        out.push(quote);
    }
    if delimited.trailing {
        out.push(delimited.delimiter);
    }
}
