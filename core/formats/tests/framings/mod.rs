//! A layout for each way in which files are cut into records, and what must hold of any bytes that are read by it: for tests here
//! and for the fuzz target `records`.

#![allow(dead_code, reason = "each of the tests takes what it needs")]

use std::sync::Arc;

use portolan_diagnostics::{Severity, Sources, render};
use portolan_formats::records::{Decoder, Problem, RecordFile, RecordWriter, input};
use portolan_schema::{Memory, Reading, layout, layout::Compression};

/// Fields of each kind in ASCII: 30 bytes.
const FIELDS: &str = "
    fields:
      id: { length: 4, picture: 9(4) }
      name: { length: 8 }
      amount: { picture: S9(5)V99, usage: comp-3 }
      due: { length: 6, date: yyMMdd, null: zeros }
      balance: { picture: S9(3)V99 }
      _filler: { length: 1, filler: true }
      count: { picture: 9(4), usage: comp }
";

/// The same as characters only, as lines have them.
const TEXTS: &str = "
    fields:
      id: { length: 4, picture: 9(4) }
      name: { length: 8 }
      amount: { picture: S9(5)V99 }
      edited: { picture: ZZ9.99- }
      due: { length: 8, date: yyyyMMdd, null: [blanks, zeros] }
";

/// Lists, counted and not, and what shares its bytes.
const LISTS: &str = "
    fields:
      how_many: { picture: 9(2) }
      kind: { length: 1 }
      parts:
        occurs: 0..20
        depending-on: how_many
        fields: { id: { length: 3 }, sums: { picture: S9(4), usage: comp-3, occurs: 2 } }
      rates: { picture: 9V99, occurs: 3 }
      last: { length: 5 }
      number: { redefines: last, picture: 9(5) }
";

/// The name of a layout, how its file is cut, and its records.
const LAYOUTS: &[(&str, &str, &str)] = &[
    ("fixed", "framing: fixed, record-length: 30", FIELDS),
    ("fixed with line ends", "framing: fixed, record-length: 34, line-ends-between: true", TEXTS),
    ("fixed with margins", "framing: fixed, record-length: 34, record-header-bytes: 3, record-trailer-bytes: 1, header-bytes: 5, trailer-bytes: 4", FIELDS),
    ("fixed ebcdic", "framing: fixed, record-length: 30, encoding: cp037", FIELDS),
    ("shaped", "framing: shaped", LISTS),
    ("shaped ebcdic", "framing: shaped, encoding: cp1047", LISTS),
    ("lines", "framing: lines", TEXTS),
    ("lines lf", "framing: lines, line-end: lf, comments: ['#', '//'], blank-lines: skip, header-lines: 1", TEXTS),
    ("lines crlf", "framing: lines, line-end: crlf, short-lines: pad, long-lines: truncate", TEXTS),
    ("lines cr", "framing: lines, line-end: cr, short-lines: 'null'", TEXTS),
    ("lines other", "framing: lines, line-end: '~~'", TEXTS),
    ("lines of lists", "framing: lines, line-end: lf", LISTS),
    ("lines in blocks", "framing: lines, record-length: 34, short-lines: pad, block: { records: 4, fill: '9' }", TEXTS),
    ("lines utf-8", "framing: lines, encoding: utf-8, short-lines: pad", "
    fields: { id: { characters: 3 }, name: { characters: 8, pad: '*', justify: right }, rest: { length: 4 } }
"),
    ("lines ebcdic", "framing: lines, line-end: lf, encoding: cp273, short-lines: pad", TEXTS),
    ("rdw", "framing: rdw", LISTS),
    ("rdw little", "framing: rdw, byte-order: little, inclusive: true", FIELDS),
    ("rdw adjusted", "framing: rdw, inclusive: false, adjust: -4, encoding: cp037, short-lines: pad", LISTS),
    ("bdw", "framing: bdw, encoding: cp037", LISTS),
    ("bdw little", "framing: bdw, block-byte-order: little, inclusive: true, block-inclusive: false", FIELDS),
    ("binary prefix", "framing: length-prefix, byte-order: little, length: { width: 2 }", LISTS),
    ("wide prefix", "framing: length-prefix, length: { width: 4, at: 3, prefix: 8 }, inclusive: true", FIELDS),
    ("decimal prefix", "framing: length-prefix, length: { width: 4, form: decimal }", LISTS),
    ("decimal prefix ebcdic", "framing: length-prefix, length: { width: 5, form: decimal }, encoding: cp500", LISTS),
    ("length field", "framing: length-field, length: { at: 1, width: 2, form: decimal }, adjust: 5", "
    fields: { said: { picture: 9(2) }, text: { length: 4 }, how_many: { length: 1 }, more: { length: 3, occurs: 0..9, depending-on: how_many } }
"),
    ("length field binary", "framing: length-field, length: { at: 3, width: 2 }", "
    fields: { kind: { length: 2 }, said: { picture: 9(4), usage: comp-5 }, number: { picture: S9(7), usage: comp-3 } }
"),
    ("delimited", "framing: delimited, titles: false, short-lines: pad", "
    fields: { id: { length: 4 }, name: { length: 20 }, amount: { type: decimal, signed: true, length: 12, scale: 2 }, due: { length: 10, date: yyyy-MM-dd, null: blanks } }
"),
    ("delimited escaped", "framing: delimited, delimiter: ';', quote: \"'\", escape: '\\', line-end: crlf", "
    fields: { id: { length: 4 }, name: { length: 20 }, flag: { length: 1 } }
"),
    ("delimited plain", "framing: delimited, delimiter: '|', quote: none, titles: false, quote-all: true", "
    fields: { id: { length: 4 }, name: { length: 20 }, more: { length: 3, occurs: 1 } }
"),
    ("delimited lists", "framing: delimited, trailing-delimiter: true, encoding: utf-8, short-lines: 'null'", "
    fields:
      how_many: { length: 2, type: integer }
      marks: { length: 3, occurs: 0..3, depending-on: how_many }
      sums: { occurs: 2, fields: { id: { length: 2, title: No }, sum: { length: 9, type: decimal, scale: 2, signed: true } } }
      rest: { length: 2, filler: zeros }
"),
    ("compressed", "framing: lines, line-end: lf, compression: gzip", TEXTS),
    ("zipped", "framing: lines, line-end: lf, compression: zip", TEXTS),
    ("either", "framing: fixed, record-length: 30, compression: detect", FIELDS),
];

/// Records within records, with totals before and behind what they count.
const NESTED: &str = "
layout: nested
file: { framing: lines, line-end: lf, record-length: 30, short-lines: pad }
common: { tag: { columns: 1 } }
records:
  head:
    when: { 1: H }
    fields: { lines: { columns: 2-6, picture: 9(5), value: file.records } , total: { columns: 7-15, picture: S9(7)V99, value: sum(batch.entry.amount) }, _rest: { columns: 16-30, filler: true } }
  batch:
    occurs: 0..
    records:
      open: { when: { 1: B }, fields: { number: { columns: 2-5, picture: 9(4), value: ordinal(batch) }, kind: { columns: 6-8 }, _rest: { columns: 9-30, filler: true } } }
      entry:
        when: { 1: E }
        occurs: 0..
        fields: { amount: { columns: 2-8, picture: S9(5)V99 }, _rest: { columns: 21-30, filler: true } }
        variants:
          by: open.kind
          text: { is: [TXT], fields: { note: { columns: 9-20 } } }
          code: { is: [COD], fields: { code: { columns: 9-12, picture: 9(4) }, _more: { columns: 13-20, filler: zeros } } }
          otherwise: ignore
        records:
          note: { when: { 1: N }, occurs: 0..3, fields: { text: { columns: 2-30 } } }
      close: { when: { 1: C }, fields: { count: { columns: 2-6, picture: 9(5), value: count(entry) + count(entry.note) }, _rest: { columns: 7-30, filler: true } } }
  tail: { when: { 1: T }, fields: { batches: { columns: 2-5, picture: 9(4), value: count(batch) }, _rest: { columns: 6-30, filler: true } } }
";

/// A kind of file.
pub(crate) struct Framed {
    pub(crate) name: &'static str,
    pub(crate) file: RecordFile,
    /// Lines of which a file of it can be made.
    pub(crate) sample: String,
}

/// Lines for records of such fields.
fn sample(name: &str, record: &str) -> String {
    let lines: &[&str] = match record {
        FIELDS => &[
            r#"{"id":1,"name":"FIRST","amount":-1.5,"due":"2025-11-29","balance":-1.25,"count":7}"#,
            r#"{"id":9999,"name":"","amount":99999.99,"due":null,"balance":999.99,"count":9999}"#,
        ],
        TEXTS => &[
            r#"{"id":1,"name":"FIRST","amount":-1.5,"edited":-1.5,"due":"2025-11-29"}"#,
            r#"{"id":0,"name":"0 9","amount":99999.99,"edited":0,"due":null}"#,
        ],
        LISTS => &[
            r#"{"how_many":2,"kind":"A","parts":[{"id":"abc","sums":[1,-2]},{"id":"","sums":[0,9999]}],"rates":[1.5,0,9.99],"last":"00012"}"#,
            r#"{"how_many":0,"kind":"","parts":[],"rates":[0,0,0],"last":"ab"}"#,
        ],
        _ => match name {
            "lines utf-8" => {
                &[r#"{"id":"äöü","name":"ß€","rest":"ab"}"#, r#"{"id":"a","name":"","rest":""}"#]
            }
            "length field" => &[
                r#"{"text":"ab","how_many":"2","more":["abc","d"]}"#,
                r#"{"text":"","how_many":"0","more":[]}"#,
            ],
            "length field binary" => &[r#"{"kind":"A","number":-1234567}"#],
            "delimited" => &[
                r#"{"id":"1","name":"a, \"b\"\n c","amount":-1.25,"due":"2025-11-29"}"#,
                r#"{"id":"","name":"","amount":0,"due":null}"#,
            ],
            "delimited lists" => &[
                r#"{"how_many":2,"marks":["a","\"b"],"sums":[{"id":"1","sum":-1.25},{"id":"","sum":0}]}"#,
                r#"{"how_many":0,"marks":[],"sums":[{"id":"1","sum":7},{"id":"2","sum":-0.5}]}"#,
            ],
            "delimited escaped" => &[r#"{"id":"1","name":"a; 'b' \\\r\n c","flag":"x"}"#],
            _ => &[r#"{"id":"1","name":"a b","more":"c"}"#],
        },
    };
    lines.join("\n")
}

const NESTED_SAMPLE: &str = r#"{"_record":"head"}
{"_record":"batch.open","kind":"TXT"}
{"_record":"batch.entry","amount":-1.5,"text":{"note":"a note"}}
{"_record":"batch.entry.note","text":"more of it"}
{"_record":"batch.close"}
{"_record":"batch.open","kind":"COD"}
{"_record":"batch.entry","amount":99999.99,"code":{"code":12}}
{"_record":"batch.close"}
{"_record":"tail"}"#;

/// All of them.
pub(crate) fn layouts() -> Vec<Framed> {
    let mut all: Vec<Framed> = LAYOUTS
        .iter()
        .map(|(name, file, record)| {
            let text =
                format!("layout: it\nfile: {{ {file} }}\nrecords:\n  record:\n    occurs: 0..{record}");
            Framed { name, file: compiled(&text, ""), sample: sample(name, record) }
        })
        .collect();
    all.push(Framed { name: "nested", file: compiled(NESTED, ""), sample: NESTED_SAMPLE.to_owned() });
    all
}

/// Compiles a layout, which may name a copybook `book.cpy`.
pub(crate) fn compiled(text: &str, copybook: &str) -> RecordFile {
    let resolver = Memory::new("").with("it.yaml", text.as_bytes()).with("book.cpy", copybook.as_bytes());
    let mut sources = Sources::default();
    let read = layout::read("it.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let errors: Vec<String> = read
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| render(found, &sources, false))
        .collect();
    assert!(errors.is_empty(), "{}\n{text}\n{copybook}", errors.join("\n"));
    RecordFile::compile(Arc::new(read.value.expect("nothing is wrong with it")))
}

/// A file as lines of JSON, and what is wrong with it.
pub(crate) fn decoded(file: &RecordFile, bytes: &[u8]) -> (Vec<u8>, Vec<Problem>) {
    let mut decoder = Decoder::new(file, bytes, true);
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    while let Some((line, found)) = decoder.next() {
        lines.extend_from_slice(line);
        problems.extend_from_slice(found);
    }
    (lines, problems)
}

/// The file of such lines.
pub(crate) fn encoded(file: &RecordFile, lines: &[u8]) -> Result<Vec<u8>, String> {
    let lines = std::str::from_utf8(lines).map_err(|error| error.to_string())?;
    let mut writer = RecordWriter::new(file);
    let mut out = Vec::new();
    for line in lines.lines() {
        writer.line(line, &mut out).map_err(|error| format!("{error}: {line}"))?;
    }
    writer.finish(&mut out).map_err(|error| error.to_string())?;
    for (at, bytes) in writer.patches() {
        let at = at as usize;
        out[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    Ok(out)
}

/// What unpacks is read; where nothing is wrong with it, its lines are the same file again, byte for byte.
pub(crate) fn there_and_back(framed: &Framed, bytes: &[u8]) {
    let mut unpacked = Vec::new();
    let bytes = match framed.file.layout().file.compression {
        Compression::None => bytes,
        compression => {
            let read = input::open(bytes, compression)
                .and_then(|mut input| std::io::Read::read_to_end(&mut input, &mut unpacked));
            match read {
                Ok(_) => &unpacked,
                // As it is, then.
                Err(_) => bytes,
            }
        }
    };
    let (lines, problems) = decoded(&framed.file, bytes);
    for problem in &problems {
        assert!(problem.error.record > 0, "{}: {}", framed.name, problem.error);
        assert!(problem.error.offset <= bytes.len() as u64, "{}: {}", framed.name, problem.error);
    }
    if problems.iter().any(|problem| !problem.warning) {
        return;
    }
    match encoded(&framed.file, &lines) {
        Ok(again) => assert!(
            again == bytes,
            "{}: {bytes:02x?} is {}, written {again:02x?}",
            framed.name,
            String::from_utf8_lossy(&lines)
        ),
        Err(error) => panic!("{}: {bytes:02x?}: {error}", framed.name),
    }
}
