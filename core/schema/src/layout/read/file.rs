//! `file:` and `dialect:`.

use portolan_diagnostics::Diagnostic;
use portolan_syntax::{
    keys::{Keys, bad, boolean},
    yaml::{Entry, NodeKind},
};

use super::words::{self, flag, word};
use crate::copybook::{CopybookOptions, OccursDepending, ReferenceFormat};
use crate::layout::{
    Alignment, BinarySizes, Block, ByteOrder, Delimited, Dialect, Encoding, FileFormat, Framing, LengthForm,
    LineEnd, Overpunch, Prefix,
    grammar::{BLOCK, DIALECT, FILE, LENGTH},
};

/// The file, and what pictures leave open. `copybook_only`: nothing but a copybook says what its records are.
pub(super) fn file(
    file: Option<&Entry>,
    dialect: Option<&Entry>,
    copybook_only: bool,
    findings: &mut Vec<Diagnostic>,
) -> (FileFormat, CopybookOptions) {
    let mut format = FileFormat::default();
    if copybook_only {
        format.framing = Framing::Shaped;
    }
    if let Some(mut keys) = file.and_then(|file| Keys::of(&file.value, &FILE, findings)) {
        read(&mut keys, &mut format, copybook_only, findings);
        keys.done(findings);
    }
    let mut made = Dialect::of(format.encoding);
    if !format.encoding.is_ebcdic() {
        made.float = crate::layout::FloatStandard::Ieee;
    }
    let mut copybooks = CopybookOptions::default();
    if let Some(mut keys) = dialect.and_then(|dialect| Keys::of(&dialect.value, &DIALECT, findings)) {
        dialect_keys(&mut keys, &mut made, &mut copybooks, findings);
        keys.done(findings);
    }
    copybooks.dialect = made;
    (format, copybooks)
}

fn read(keys: &mut Keys<'_>, format: &mut FileFormat, copybook_only: bool, findings: &mut Vec<Diagnostic>) {
    let encoded = keys.take("encoding");
    if let Some(encoding) = encoded.and_then(|e| words::encoding(e, findings)) {
        format.encoding = encoding;
    }
    let number = |keys: &mut Keys<'_>, key, most, findings: &mut Vec<Diagnostic>| {
        keys.take(key).and_then(|e| words::whole(e, 0, most, findings)).unwrap_or(0)
    };
    format.margins.0 = number(keys, "header-bytes", i64::MAX, findings) as u64;
    format.margins.1 = number(keys, "trailer-bytes", 1 << 20, findings) as u64;
    format.record_margins.0 = number(keys, "record-header-bytes", 65_536, findings) as u32;
    format.record_margins.1 = number(keys, "record-trailer-bytes", 65_536, findings) as u32;
    format.header_lines = number(keys, "header-lines", 1000, findings) as u32;
    format.wrapped = flag(keys.take("wrapped"), findings);
    format.short = keys.take("short-lines").and_then(|e| word(e, words::SHORT, findings)).unwrap_or_default();
    format.long = keys.take("long-lines").and_then(|e| word(e, words::LONG, findings)).unwrap_or_default();
    format.blank_lines =
        keys.take("blank-lines").and_then(|e| word(e, words::BLANK_LINES, findings)).unwrap_or(false);
    format.compression =
        keys.take("compression").and_then(|e| word(e, words::COMPRESSION, findings)).unwrap_or_default();
    if let Some(entry) = keys.take("comments") {
        let one = |entry: &Entry| entry.value.scalar().map(|s| vec![s.text.clone()]);
        format.comments = match &entry.value.kind {
            NodeKind::Sequence(items) => {
                items.iter().filter_map(|item| item.scalar()).map(|s| s.text.clone()).collect()
            }
            _ => one(entry).unwrap_or_default(),
        };
        if format.comments.iter().any(String::is_empty) {
            findings.push(bad(entry.value.span, "every line begins with nothing"));
        }
    }
    if let Some(mut block) = keys.take("block").and_then(|e| Keys::of(&e.value, &BLOCK, findings)) {
        let records = block.require("records", findings).and_then(|e| words::whole(e, 1, 65_536, findings));
        let fill = block.require("fill", findings).and_then(|e| words::character(e, findings));
        let partial = block.take("partial").and_then(|e| boolean(e, findings)).unwrap_or(true);
        block.done(findings);
        if let (Some(records), Some(fill)) = (records, fill) {
            format.block = Some(Block { records: records as u32, fill, partial });
        }
    }
    format.framing = framing(keys, copybook_only, format.encoding, findings);
    if let (Encoding::Utf16(_), Framing::Lines { .. } | Framing::Delimited(_), Some(encoded)) =
        (format.encoding, &format.framing, encoded)
    {
        findings.push(bad(encoded.value.span, "lines are not found in UTF-16, where an end of a line has two bytes").help(
            "write the file as UTF-8; in records of a fixed length, or with a length before them, UTF-16 is read",
        ));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Lines,
    Fixed,
    Rdw,
    Bdw,
    Prefix,
    Field,
    Shaped,
    Delimited,
}

const KINDS: &[(&str, Kind)] = &[
    ("lines", Kind::Lines),
    ("fixed", Kind::Fixed),
    ("rdw", Kind::Rdw),
    ("bdw", Kind::Bdw),
    ("length-prefix", Kind::Prefix),
    ("length-field", Kind::Field),
    ("shaped", Kind::Shaped),
    ("delimited", Kind::Delimited),
];

fn framing(
    keys: &mut Keys<'_>,
    copybook_only: bool,
    encoding: Encoding,
    findings: &mut Vec<Diagnostic>,
) -> Framing {
    let declared = keys.take("framing");
    let kind = declared.and_then(|e| word(e, KINDS, findings));
    let kind = kind.unwrap_or(if copybook_only { Kind::Shaped } else { Kind::Lines });
    let length = keys.take("record-length").and_then(|e| words::length(e, findings));
    let order = keys.take("byte-order").and_then(|e| word(e, words::BYTE_ORDER, findings));
    let order = order.unwrap_or(ByteOrder::Big);
    let block_order = keys.take("block-byte-order").and_then(|e| word(e, words::BYTE_ORDER, findings));
    // A descriptor word counts itself; other lengths that do are rare.
    let inclusive = keys.take("inclusive").and_then(|e| boolean(e, findings));
    let inclusive = inclusive.unwrap_or(matches!(kind, Kind::Rdw | Kind::Bdw));
    let block_inclusive = keys.take("block-inclusive").and_then(|e| boolean(e, findings)).unwrap_or(true);
    let adjust =
        keys.take("adjust").and_then(|e| words::whole(e, -65_536, 65_536, findings)).unwrap_or(0) as i32;
    let end = keys.take("line-end").and_then(|e| line_end(e, findings)).unwrap_or(LineEnd::Any);
    let line_ends = flag(keys.take("line-ends-between"), findings);
    let declared_length = keys.take("length");
    let delimited = delimited(keys, end.clone(), findings);
    const FORM: &[(&str, bool)] = &[("binary", true), ("decimal", false)];
    let written_out = match (kind, declared_length) {
        (Kind::Rdw | Kind::Bdw, Some(entry)) => {
            let keys = Keys::of(&entry.value, &LENGTH, findings);
            keys.is_some_and(|mut keys| {
                keys.take("width");
                let binary = keys.take("form").and_then(|e| word(e, FORM, findings)).unwrap_or(true);
                keys.done(findings);
                !binary
            })
        }
        _ => false,
    };
    // An RDW is 4 bytes: a length, then zeros; little-endian writers put both the other way round, and some write four digits.
    let descriptor = |order, inclusive: bool| {
        let (at, width, form) = match (written_out, order) {
            (true, _) => (0, 4, LengthForm::Decimal),
            (false, ByteOrder::Big) => (0, 2, LengthForm::Binary(order)),
            (false, ByteOrder::Little) => (2, 2, LengthForm::Binary(order)),
        };
        Prefix {
            bytes: 4,
            at,
            width,
            form,
            adjust: adjust - if inclusive { 4 } else { 0 },
            zeros: !written_out,
        }
    };
    match kind {
        Kind::Lines => Framing::Lines { end, length },
        Kind::Fixed => match length {
            Some(length) => Framing::Fixed { length, line_ends },
            None => Framing::Shaped,
        },
        Kind::Shaped => Framing::Shaped,
        Kind::Rdw => Framing::Prefixed(descriptor(order, inclusive)),
        Kind::Bdw => Framing::Blocked(
            Prefix {
                adjust: if block_inclusive { -4 } else { 0 },
                zeros: false,
                ..descriptor(block_order.unwrap_or(order), false)
            },
            descriptor(order, inclusive),
        ),
        Kind::Delimited => Framing::Delimited(delimited),
        Kind::Prefix | Kind::Field => {
            let span = declared.map(|e| e.value.span);
            let keys = declared_length.and_then(|e| Keys::of(&e.value, &LENGTH, findings));
            let Some(mut keys) = keys else {
                if let Some(span) = span {
                    findings.push(bad(span, "where the length of a record stands is missing").help(
                        "write `length: { width: 2 }` beside it, with `at:` and `form: decimal` where needed",
                    ));
                }
                return Framing::Shaped;
            };
            let at = keys.take("at").and_then(|e| words::length(e, findings)).unwrap_or(1) - 1;
            let width = keys.require("width", findings).and_then(|e| words::whole(e, 1, 10, findings));
            let width = width.unwrap_or(2) as u32;
            let binary = keys.take("form").and_then(|e| word(e, FORM, findings)).unwrap_or(true);
            let prefix = keys.take("prefix").and_then(|e| words::length(e, findings)).unwrap_or(at + width);
            keys.done(findings);
            if binary && width > 8 {
                findings.extend(span.map(|span| bad(span, "a binary length has 8 bytes at most")));
            }
            let _ = encoding;
            let form = if binary { LengthForm::Binary(order) } else { LengthForm::Decimal };
            match kind {
                Kind::Prefix => {
                    let bytes = prefix.max(at + width);
                    let adjust = adjust - if inclusive { bytes as i32 } else { 0 };
                    Framing::Prefixed(Prefix { bytes, at, width, form, adjust, zeros: false })
                }
                _ => Framing::LengthField { at, width, form, adjust },
            }
        }
    }
}

fn line_end(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<LineEnd> {
    let scalar = entry.value.scalar().filter(|scalar| !scalar.text.is_empty());
    let Some(scalar) = scalar else {
        findings.push(bad(entry.value.span, "`line-end` is `lf`, `crlf`, `cr`, `any`, or a text in quotes"));
        return None;
    };
    Some(match (scalar.plain, scalar.text.as_str()) {
        (true, "lf") => LineEnd::Lf,
        (true, "crlf") => LineEnd::CrLf,
        (true, "cr") => LineEnd::Cr,
        (true, "any") => LineEnd::Any,
        (_, text) => LineEnd::Bytes(text.as_bytes().to_vec()),
    })
}

fn delimited(keys: &mut Keys<'_>, end: LineEnd, findings: &mut Vec<Diagnostic>) -> Delimited {
    let byte = |keys: &mut Keys<'_>, key, findings: &mut Vec<Diagnostic>| {
        let entry = keys.take(key)?;
        let scalar = entry.value.scalar()?;
        match (scalar.plain, scalar.text.as_str()) {
            (true, "tab") => Some(Some(b'\t')),
            (true, "none") => Some(None),
            (_, text) if text.len() == 1 => Some(Some(text.as_bytes()[0])),
            _ => {
                findings.push(bad(entry.value.span, format!("`{key}` is one character of ASCII")));
                None
            }
        }
    };
    let delimiter = byte(keys, "delimiter", findings).flatten().unwrap_or(b',');
    let quote = byte(keys, "quote", findings).unwrap_or(Some(b'"'));
    let escape = byte(keys, "escape", findings).flatten();
    let quote_all = flag(keys.take("quote-all"), findings);
    let titles = keys.take("titles").and_then(|e| boolean(e, findings)).unwrap_or(true);
    let trailing = flag(keys.take("trailing-delimiter"), findings);
    Delimited { delimiter, quote, escape, quote_all, titles, trailing, end }
}

fn dialect_keys(
    keys: &mut Keys<'_>,
    dialect: &mut Dialect,
    copybooks: &mut CopybookOptions,
    findings: &mut Vec<Diagnostic>,
) {
    // What a compiler does by default comes first: the other keys change it.
    const COMPILERS: &[(&str, bool)] = &[("ibm", false), ("gnucobol", true)];
    if keys.take("compiler").and_then(|e| word(e, COMPILERS, findings)).unwrap_or(false) {
        let encoding = dialect.encoding;
        *dialect = Dialect { encoding, ..Dialect::gnucobol() };
        if encoding.is_ebcdic() {
            dialect.overpunch = Overpunch::Ebcdic;
        }
    }
    if let Some(order) = keys.take("byte-order").and_then(|e| word(e, words::BYTE_ORDER, findings)) {
        dialect.order = order;
        dialect.native = order;
    }
    if let Some(order) = keys.take("native-byte-order").and_then(|e| word(e, words::BYTE_ORDER, findings)) {
        dialect.native = order;
    }
    if let Some(float) = keys.take("float").and_then(|e| word(e, words::FLOAT, findings)) {
        dialect.float = float;
    }
    if let Some(overpunch) = keys.take("overpunch").and_then(|e| word(e, words::OVERPUNCH, findings)) {
        dialect.overpunch = overpunch;
    }
    const SIZES: &[(&str, BinarySizes)] = &[
        ("2-4-8", BinarySizes::TwoFourEight),
        ("1-2-4-8", BinarySizes::OneTwoFourEight),
        ("fewest", BinarySizes::Fewest),
    ];
    if let Some(sizes) = keys.take("binary-sizes").and_then(|e| word(e, SIZES, findings)) {
        dialect.binary_sizes = sizes;
    }
    const ALIGNMENTS: &[(&str, Alignment)] = &[("words", Alignment::Words), ("natural", Alignment::Natural)];
    if let Some(alignment) = keys.take("alignment").and_then(|e| word(e, ALIGNMENTS, findings)) {
        dialect.alignment = alignment;
    }
    if let Some(bytes) = keys.take("pointer-bytes").and_then(|e| words::whole(e, 4, 8, findings)) {
        dialect.pointer = bytes as u32;
    }
    if let Some(truncate) = keys.take("truncate-binary").and_then(|e| boolean(e, findings)) {
        dialect.binary_truncate = truncate;
    }
    dialect.notation.decimal_comma = flag(keys.take("decimal-comma"), findings);
    if let Some(currency) = keys.take("currency").and_then(|e| words::character(e, findings)) {
        dialect.notation.currency = currency;
    }
    const ODO: &[(&str, OccursDepending)] =
        &[("real", OccursDepending::Real), ("maximum", OccursDepending::Maximum)];
    if let Some(odo) = keys.take("odo").and_then(|e| word(e, ODO, findings)) {
        copybooks.occurs = odo;
    }
    const FORMATS: &[(&str, Option<ReferenceFormat>)] =
        &[("detect", None), ("fixed", Some(ReferenceFormat::Fixed)), ("free", Some(ReferenceFormat::Free))];
    if let Some(format) = keys.take("format").and_then(|e| word(e, FORMATS, findings)) {
        copybooks.format = format;
    }
}
