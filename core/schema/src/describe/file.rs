//! How a file is cut into records, in sentences.

use crate::layout::{
    ByteOrder, Compression, FileFormat, Framing, LengthForm, LineEnd, Long, Prefix, Short, Verify,
};

/// A sentence for each thing that is said of a file.
pub(super) fn sentences(file: &FileFormat) -> Vec<String> {
    let mut all = vec![format!("{}, encoding {}", framing(&file.framing), file.encoding)];
    match file.margins {
        (0, 0) => {}
        (before, after) => {
            all.push(format!("{before} bytes before the first record, {after} after the last"))
        }
    }
    match file.record_margins {
        (0, 0) => {}
        (before, after) => {
            all.push(format!("{before} bytes of each record before its fields, {after} after them"));
        }
    }
    if file.wrapped {
        all.push("line ends may stand anywhere and belong to no record".to_owned());
    }
    if file.header_lines > 0 {
        all.push(format!("{} lines at the beginning are no records", file.header_lines));
    }
    if file.blank_lines {
        all.push("empty lines are passed over".to_owned());
    }
    if !file.comments.is_empty() {
        let begins: Vec<String> = file.comments.iter().map(|text| format!("{text:?}")).collect();
        all.push(format!("lines that begin with {} are no records", begins.join(" or ")));
    }
    match file.short {
        Short::Refuse => {}
        Short::Pad => all.push("records that are too short are read as if blanks followed".to_owned()),
        Short::Null => all.push("fields beyond the end of a record have no value".to_owned()),
    }
    if file.long == Long::Truncate {
        all.push("what stands behind the last field is passed over".to_owned());
    }
    if let Some(block) = &file.block {
        let partial = if block.partial { "" } else { ", which must be there" };
        all.push(format!(
            "blocks of {} records, the last one filled up with records of {:?}{partial}",
            block.records,
            block.fill.to_string()
        ));
    }
    match file.compression {
        Compression::Detect => {}
        Compression::None => all.push("never compressed".to_owned()),
        Compression::Gzip => all.push("compressed by gzip".to_owned()),
        Compression::Zip => all.push("compressed in a ZIP archive".to_owned()),
    }
    if file.verify == Verify::Warn {
        all.push("computed values that are otherwise are warned of".to_owned());
    }
    all
}

/// The word by which a layout names a framing.
pub(super) fn word(framing: &Framing) -> &'static str {
    match framing {
        Framing::Fixed { .. } => "fixed",
        Framing::Lines { .. } => "lines",
        Framing::Prefixed(prefix) if prefix.bytes == 4 && prefix.width == 2 => "rdw",
        Framing::Prefixed(_) => "length-prefix",
        Framing::Blocked(..) => "bdw",
        Framing::LengthField { .. } => "length-field",
        Framing::Shaped => "shaped",
        Framing::Delimited(_) => "delimited",
    }
}

fn framing(framing: &Framing) -> String {
    match framing {
        Framing::Fixed { length, line_ends: false } => {
            format!("records of {length} bytes, nothing between them")
        }
        Framing::Fixed { length, line_ends: true } => {
            format!("records of {length} bytes, line ends between them")
        }
        Framing::Lines { end, length: Some(length) } => format!("lines of {length} bytes, {}", line_end(end)),
        Framing::Lines { end, length: None } => format!("lines, {}", line_end(end)),
        Framing::Prefixed(prefix) => format!("{} before each record", prefixed(prefix, "RDW")),
        Framing::Blocked(block, record) => {
            format!(
                "{} before each block, {} before each record",
                prefixed(block, "BDW"),
                prefixed(record, "RDW")
            )
        }
        Framing::LengthField { at, width, form, adjust } => {
            let last = at.saturating_add(*width);
            format!("each record has its length in columns {}-{last}{}", at + 1, number(*form, *adjust))
        }
        Framing::Shaped => "records as long as their fields, nothing between them".to_owned(),
        Framing::Delimited(delimited) => {
            let titles = if delimited.titles { ", the first line names the columns" } else { "" };
            let between = if delimited.trailing { "between and behind them" } else { "between them" };
            let quote = match delimited.quote {
                Some(quote) => format!("quotes {:?}", char::from(quote).to_string()),
                None => "no quotes".to_owned(),
            };
            let delimiter = char::from(delimited.delimiter).to_string();
            format!("values with {delimiter:?} {between}, {quote}{titles}, {}", line_end(&delimited.end))
        }
    }
}

fn line_end(end: &LineEnd) -> String {
    match end {
        LineEnd::Lf => "LF at the end".to_owned(),
        LineEnd::CrLf => "CR LF at the end".to_owned(),
        LineEnd::Cr => "CR at the end".to_owned(),
        LineEnd::Any => "any line end".to_owned(),
        LineEnd::Bytes(bytes) => {
            let shown: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("{} at the end", shown.join(" "))
        }
    }
}

fn prefixed(prefix: &Prefix, usual: &str) -> String {
    let last = prefix.at.saturating_add(prefix.width);
    let form = number(prefix.form, prefix.adjust);
    match (prefix.bytes, prefix.width) {
        (4, 2) => format!("{usual}{form}"),
        (bytes, width) if bytes == width => format!("a length of {bytes} bytes{form}"),
        (bytes, _) => format!("{bytes} bytes, the length in bytes {}-{last}{form}", prefix.at + 1),
    }
}

fn number(form: LengthForm, adjust: i32) -> String {
    let form = match form {
        LengthForm::Binary(ByteOrder::Big) => " (binary",
        LengthForm::Binary(ByteOrder::Little) => " (binary, least significant byte first",
        LengthForm::Decimal => " (in digits",
    };
    match adjust {
        0 => format!("{form})"),
        less if less < 0 => format!("{form}, {} more than what follows)", less.unsigned_abs()),
        more => format!("{form}, {more} less than what follows)"),
    }
}
