//! What to do about an error of a file of records: which key of the layout says otherwise.
//!
//! The bytes that are found tell more than the kind of the error: an EBCDIC file that is read as ASCII is no matter of one value.

use portolan_formats::{
    ValueProblem,
    records::{FrameError, Misplaced, Problem, RecordError, RecordErrorKind},
};
use portolan_schema::layout::{
    Base, Encoding, Fill, Form, Framing, Item, ItemContent, Layout, LineEnd, Moment, Overpunch, Side, Sign,
    Storage, Times, Zoned,
};

/// What to do, of a problem with a field or with a whole record.
pub(super) fn of(problem: &Problem, item: Option<&Item>, layout: &Layout) -> Option<&'static str> {
    let error = &problem.error;
    let storage = item.and_then(|item| match &item.content {
        ItemContent::Value(storage) => Some(storage),
        _ => None,
    });
    if problem.warning {
        return None;
    }
    of_the_file(error, storage, layout)
        .or_else(|| of_the_value(error, storage?))
        .or_else(|| of_the_list(error, layout))
        .or_else(|| of_the_kind(&error.kind, &layout.file.framing))
}

/// The file is framed, or encoded, otherwise.
fn of_the_file(error: &RecordError, storage: Option<&Storage>, layout: &Layout) -> Option<&'static str> {
    let (raw, encoding) = (error.raw.as_slice(), layout.file.encoding);
    let is_text = storage.is_none_or(|storage| {
        matches!(
            storage.form,
            Form::Text(_)
                | Form::Zoned(_)
                | Form::Edited(_)
                | Form::Moment(Moment { base: Base::Text(_), .. })
        )
    });
    let unreadable = matches!(
        error.kind,
        RecordErrorKind::Misplaced(_)
            | RecordErrorKind::Value(_)
            | RecordErrorKind::NotListed
            | RecordErrorKind::Filler
            | RecordErrorKind::Frame(FrameError::Truncated { .. } | FrameError::TooLong | FrameError::NoKind)
    );
    let is_blank = raw.iter().all(|byte| *byte == blank(encoding.is_ebcdic()));
    match (&error.kind, &layout.file.framing) {
        (RecordErrorKind::Frame(FrameError::ByteOrderMark), _) => {
            return Some("`header-bytes: 3` under `file:` passes over the mark");
        }
        (
            RecordErrorKind::Misplaced(Misplaced::Unexpected(_)) | RecordErrorKind::Short { .. },
            Framing::Lines { .. },
        ) if is_blank && error.field.is_none() => {
            return Some("`blank-lines: skip` under `file:` passes over lines without anything");
        }
        (RecordErrorKind::Long { .. }, Framing::Lines { end, .. })
            if *end != LineEnd::Any && raw.iter().any(|byte| matches!(byte, b'\r' | b'\n')) =>
        {
            return Some("its lines end otherwise than `line-end` says: `line-end: any` takes each");
        }
        (_, Framing::Lines { .. } | Framing::Delimited(_) | Framing::Fixed { .. }) if is_utf_16(raw) => {
            return Some("these are characters of UTF-16: write the file as UTF-8, with `iconv` for one");
        }
        (_, Framing::Shaped | Framing::Fixed { .. })
            if unreadable && error.record == 1 && is_descriptor(raw) =>
        {
            return Some(
                "a length seems to stand before each record: `framing: rdw` under `file:`, with a copybook alone `--framing rdw`; `bdw` where one stands before each block too",
            );
        }
        (_, Framing::Fixed { line_ends: false, .. }) if unreadable && is_text && has_line_ends(raw) => {
            return Some(
                "its records are followed by line ends: `line-ends-between: true` under `file:`, or `framing: lines`",
            );
        }
        _ => {}
    }
    let said = match storage.map(|storage| &storage.form) {
        Some(Form::Text(text)) => text.encoding,
        _ => encoding,
    };
    if unreadable && is_text { of_the_encoding(error, said) } else { None }
}

/// A byte order mark, or every other byte a zero.
fn is_utf_16(raw: &[u8]) -> bool {
    let other = |from: usize| raw.len() >= 4 && raw.iter().skip(from).step_by(2).all(|byte| *byte == 0);
    raw.starts_with(b"\xFF\xFE") || raw.starts_with(b"\xFE\xFF") || (other(0) != other(1))
}

/// What looks like a record or block descriptor word: a length, and two zeros.
fn is_descriptor(raw: &[u8]) -> bool {
    matches!(raw, [high, low, 0, 0, ..] if (*high, *low) != (0, 0))
}

/// A line end before a record, or among nothing but printable characters.
fn has_line_ends(raw: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let printable = raw.iter().all(|byte| is_end(byte) || matches!(byte, b' '..=b'~'));
    raw.first().is_some_and(is_end) || printable && raw.iter().any(is_end)
}

/// The encoding that bytes seem to have, where it is not the one that is said.
fn of_the_encoding(error: &RecordError, said: Encoding) -> Option<&'static str> {
    let raw = error.raw.as_slice();
    let most = |is: &dyn Fn(&u8) -> bool| {
        raw.len() > 1 && raw.iter().filter(|byte| is(byte)).count() * 2 > raw.len()
    };
    let ascii = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
    // Letters, digits and blanks of any page.
    let ebcdic = |byte: &u8| matches!(byte, 0x40 | 0x81..=0x89 | 0x91..=0x99 | 0xA2..=0xA9 | 0xC1..=0xC9 | 0xD1..=0xD9 | 0xE2..=0xE9 | 0xF0..=0xF9);
    let unreadable =
        matches!(error.kind, RecordErrorKind::Value(ValueProblem::NoCharacter | ValueProblem::Utf8));
    // What is shown may end within a character.
    let cut = |error: std::str::Utf8Error| {
        let whole = raw.get(..error.valid_up_to()).unwrap_or_default();
        error.error_len().is_none() && !whole.is_ascii()
    };
    let utf8 = std::str::from_utf8(raw).map_or_else(cut, |_| true);
    Some(match said {
        said if said.is_ebcdic() && raw.is_ascii() && most(&ascii) => {
            "these are characters of ASCII: `encoding: ascii` under `file:`"
        }
        Encoding::Ascii if unreadable && utf8 => {
            "these are characters of UTF-8: `encoding: utf-8` under `file:`; columns and `length` count bytes, `characters` counts characters"
        }
        Encoding::Ascii | Encoding::Utf8 if !utf8 && most(&ebcdic) => {
            "these are characters of EBCDIC: `encoding: cp037` under `file:`, with a copybook alone `--encoding cp037`; or the page of those who wrote it"
        }
        Encoding::Ascii | Encoding::Utf8 if unreadable && raw.iter().any(ascii) => {
            "these are no characters of UTF-8 either: `encoding: iso-8859-1` or `windows-1252` under `file:`"
        }
        Encoding::Ascii | Encoding::Utf8 if unreadable => {
            "is the file written in another encoding? `encoding` under `file:` says which"
        }
        _ => return None,
    })
}

/// The field is another, or has bytes that stand for no value.
fn of_the_value(error: &RecordError, storage: &Storage) -> Option<&'static str> {
    let RecordErrorKind::Value(problem) = &error.kind else { return None };
    let raw = error.raw.as_slice();
    let ebcdic = match &storage.form {
        Form::Zoned(form) => form.ebcdic,
        Form::Edited(form) => form.ebcdic,
        Form::Moment(Moment { base: Base::Text(encoding), .. }) => encoding.is_ebcdic(),
        Form::Text(_) => return None,
        _ => false,
    };
    let zero = if ebcdic { 0xF0 } else { b'0' };
    let all = |wanted: u8| !raw.is_empty() && raw.iter().all(|byte| *byte == wanted);
    Some(match (&storage.form, problem) {
        _ if all(blank(ebcdic)) => {
            "`null: blanks` on the field, or on the layout, says that blanks are no value"
        }
        _ if all(0x00) => {
            "`null: low-values` on the field, or on the layout, says that such bytes are no value"
        }
        _ if all(0xFF) => {
            "`null: high-values` on the field, or on the layout, says that such bytes are no value"
        }
        (Form::Moment(_), _) if all(zero) => "`null: zeros` on the field says that zeros are no value",
        (Form::Moment(_), _) if all(zero + 9) => "`null: nines` on the field says that nines are no value",
        (_, ValueProblem::NoSuchDay | ValueProblem::NoSuchTime) => {
            "are its parts in the order that the layout says? If such a text stands for no value, `null:` on the field lists it"
        }
        (Form::Zoned(form), ValueProblem::Lexical) => return of_the_digits(raw, form),
        (Form::Packed(_), _)
            if raw.iter().all(u8::is_ascii_digit) || raw.iter().all(|byte| (0xF0..=0xF9).contains(byte)) =>
        {
            "its digits are characters: it has no `usage`"
        }
        _ => return None,
    })
}

/// What stands among the digits of a number.
fn of_the_digits(raw: &[u8], form: &Zoned) -> Option<&'static str> {
    let (zone, blank) = (if form.ebcdic { 0xF0 } else { b'0' }, blank(form.ebcdic));
    let is_digit = |byte: &u8| (zone..=zone + 9).contains(byte);
    let is_sign = |byte: &u8| matches!((form.ebcdic, byte), (false, b'+' | b'-') | (true, 0x4E | 0x60));
    let digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(is_digit);
    let from = raw.iter().position(|byte| *byte != blank)?;
    let to = raw.iter().rposition(|byte| *byte != blank)?;
    let number = raw.get(from..=to)?;
    let (first, behind) = number.split_first()?;
    let (last, before) = number.split_last()?;
    let carries = |byte: &u8| carries_sign(*byte, form.ebcdic);
    Some(match form.sign {
        Sign::Separate(_) if digits(number) => {
            "the layout says that a sign stands beside the digits, and there is none: `sign: none`, or a picture without `S`"
        }
        Sign::Separate(Side::Right) if is_sign(first) && digits(behind) => {
            "the sign stands before the digits: `sign: leading-separate`"
        }
        Sign::Separate(Side::Left) if is_sign(last) && digits(before) => {
            "the sign stands behind the digits: `sign: trailing-separate`"
        }
        Sign::Unsigned | Sign::Overpunch(..) if is_sign(first) && digits(behind) => {
            "the sign has a place of its own: `sign: leading-separate`, with an `S` in the picture"
        }
        Sign::Unsigned | Sign::Overpunch(..) if is_sign(last) && digits(before) => {
            "the sign has a place of its own: `sign: trailing-separate`, with an `S` in the picture"
        }
        Sign::Unsigned if carries(last) && before.iter().all(is_digit) => {
            "the last digit carries a sign: it needs an `S` in the picture"
        }
        Sign::Unsigned | Sign::Separate(_) if carries(first) && digits(behind) => {
            "the first digit carries a sign: `sign: leading`, with an `S` in the picture"
        }
        Sign::Separate(_) if carries(last) && before.iter().all(is_digit) => {
            "the last digit carries the sign: `sign: trailing`"
        }
        Sign::Overpunch(Side::Right, _) if carries(first) && digits(behind) => {
            "the first digit carries the sign: `sign: leading`"
        }
        Sign::Overpunch(Side::Left, _) if carries(last) && digits(before) => {
            "the last digit carries the sign: `sign: trailing`"
        }
        Sign::Overpunch(Side::Right, Overpunch::Translated)
            if carries(last) && before.iter().all(is_digit) =>
        {
            "the sign is that of GnuCOBOL and Micro Focus: `overpunch: ascii`"
        }
        Sign::Overpunch(Side::Right, Overpunch::Ascii) if carries(last) && before.iter().all(is_digit) => {
            "the sign is that of EBCDIC, translated: `overpunch: translated`"
        }
        _ if from > 0 && form.fill == Fill::Zero && digits(number) => {
            "blanks stand before its digits: `pad: blank` on the field"
        }
        _ if number.iter().filter(|byte| !is_digit(byte)).count() == 1
            && point(number, form.ebcdic)
            && form.point.is_none() =>
        {
            "the point is written: `point:` on the field says which character it is"
        }
        _ => return None,
    })
}

/// Whether a character is a digit with a sign, by any of the ways to write one.
fn carries_sign(byte: u8, ebcdic: bool) -> bool {
    match ebcdic {
        true => matches!(byte, 0xC0..=0xC9 | 0xD0..=0xD9),
        false => matches!(byte, b'{' | b'A'..=b'I' | b'}' | b'J'..=b'R' | b'p'..=b'y'),
    }
}

fn point(number: &[u8], ebcdic: bool) -> bool {
    number.iter().any(|byte| matches!((ebcdic, byte), (false, b'.' | b',') | (true, 0x4B | 0x6B)))
}

fn blank(ebcdic: bool) -> u8 {
    if ebcdic { 0x40 } else { b' ' }
}

/// A record that is as long as its lists can make it.
fn of_the_list(error: &RecordError, layout: &Layout) -> Option<&'static str> {
    let RecordErrorKind::Long { found, .. } = error.kind else { return None };
    let shape = layout.node(layout.find(error.name.as_deref()?)?).shape.as_ref()?;
    let longest = shape.length.1.is_some_and(|most| most as usize == found);
    let grows = |item: &Item| matches!(&item.times, Times::Counted { room: false, by, .. } if !by.is_empty());
    (longest && any(&shape.items, &grows)).then_some(
        "its list takes room for the most that there may be: `room: true` on it, of a copybook `odo: maximum` under `dialect:`",
    )
}

fn any(items: &[Item], is: &dyn Fn(&Item) -> bool) -> bool {
    items.iter().any(|item| is(item) || any(item.items(), is))
}

/// What can be said whatever the bytes are.
fn of_the_kind(kind: &RecordErrorKind, framing: &Framing) -> Option<&'static str> {
    let by_length = matches!(framing, Framing::Prefixed(_) | Framing::Blocked(..));
    Some(match kind {
        // The length was misread more likely than the record was cut.
        RecordErrorKind::Short { .. } | RecordErrorKind::Long { .. } if by_length => {
            "does the length before it count itself, is its other byte the first, or does the length of a block stand before it? See `inclusive`, `byte-order` and `framing: bdw`"
        }
        RecordErrorKind::Value(ValueProblem::Sign) => {
            "`negative` and `positive` of the field list what the other may say"
        }
        RecordErrorKind::Value(
            ValueProblem::Lexical | ValueProblem::OutOfRange | ValueProblem::NoCharacter,
        ) => {
            "`null:` on the field names bytes that stand for no value, `invalid: null` takes any that cannot be read for it"
        }
        RecordErrorKind::Short { .. } => {
            "`short-lines: pad` under `file:` reads shorter records as if blanks followed"
        }
        RecordErrorKind::Long { .. } => {
            "`long-lines: truncate` under `file:` passes over what is behind the last field"
        }
        RecordErrorKind::NotListed => "add it to `values` of the field, if it may be there",
        RecordErrorKind::Verify { partial: true, .. } => {
            "it is a consequence, where what could not be read belongs to it: see to that first"
        }
        RecordErrorKind::Verify { .. } => {
            "`verify: warn` on the field, or on the layout, takes what is otherwise with a warning"
        }
        RecordErrorKind::Count { .. } => "`occurs` of the list, or its `length`, says how many there may be",
        RecordErrorKind::NoVariant => "`otherwise: ignore` beside the variants takes a record without one",
        RecordErrorKind::Filler => "without `exact` the filler may be anything",
        RecordErrorKind::Misplaced(Misplaced::Unexpected(_)) => {
            "`unknown: skip` on the layout passes over records of no known kind"
        }
        RecordErrorKind::Misplaced(Misplaced::TooMany { .. }) => "`occurs` says how often it may stand there",
        RecordErrorKind::Misplaced(Misplaced::Missing(_) | Misplaced::Ends(_)) => {
            "`occurs: 0..1` says that it may be missing; `portolan describe` prints which records follow which, and how often"
        }
        RecordErrorKind::Misplaced(_) => {
            "`portolan describe` prints which records follow which, and how often"
        }
        RecordErrorKind::Frame(FrameError::NotDigits | FrameError::Length(_) | FrameError::TooLong) => {
            "is the file framed otherwise? See `framing`, `byte-order` and `inclusive` under `file:`"
        }
        RecordErrorKind::Title { .. } => {
            "`title:` on a field says how its column is titled; `titles: false` under `file:` says that the first line is a record. Are `encoding` and `delimiter` right?"
        }
        RecordErrorKind::Columns { .. } => {
            "is `delimiter` under `file:` right? `short-lines: null` takes lines that end early, `long-lines: truncate` those that go on"
        }
        RecordErrorKind::Frame(FrameError::Segment) => {
            "have it written with records that do not span blocks (`RECFM=VB`), or joined when it is transferred"
        }
        RecordErrorKind::Frame(FrameError::BehindQuote | FrameError::OpenQuote) => {
            "`quote: none` under `file:` says that quotes are text; a quote within a quoted value is doubled, or `escape` says what stands before it"
        }
        RecordErrorKind::Frame(FrameError::Truncated { .. }) => {
            "is the file whole, and `framing` under `file:` what it is?"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
