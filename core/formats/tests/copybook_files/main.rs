//! Copybooks of every kind of entry with data: records of random values that fit are written in every framing, read again, compared,
//! and written again byte for byte. Then bytes of the file are changed, and whatever is still read is written as it stands there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

#[path = "../framings/mod.rs"]
mod framings;
#[path = "../../../schema/tests/generated/mod.rs"]
mod generated;
mod values;

use std::{collections::BTreeMap, sync::Arc};

use framings::{Framed, decoded, encoded, there_and_back};
use generated::{Compiler, Node, Style, record, style, written};
use portolan_diagnostics::{Severity, Sources, render};
use portolan_formats::records::RecordFile;
use portolan_schema::{
    Memory, Reading,
    layout::{self, Item, Layout},
};
use proptest::prelude::*;
use values::{Filler, Random, Tree, line, missing, parsed};

/// How files are cut. The length of each record stands in its first five bytes.
const FRAMINGS: &[&str] = &[
    "framing: shaped",
    "framing: fixed",
    "framing: lines, line-end: lf",
    "framing: lines, line-end: crlf",
    "framing: lines, line-end: cr",
    "framing: lines, line-end: any",
    "framing: lines, line-end: '~~'",
    "framing: rdw, inclusive: false",
    "framing: rdw, inclusive: true, byte-order: little",
    "framing: rdw, inclusive: false, adjust: -3, record-header-bytes: 2",
    "framing: bdw",
    "framing: bdw, inclusive: true, block-byte-order: little",
    "framing: length-prefix, length: { width: 2 }",
    "framing: length-prefix, length: { width: 4, at: 3, prefix: 9 }, byte-order: little, inclusive: true",
    "framing: length-prefix, length: { width: 6, form: decimal }, adjust: 1",
    "framing: length-field, length: { at: 1, width: 5, form: decimal }",
    "framing: length-field, length: { at: 3, width: 5, form: decimal }, adjust: 3, record-header-bytes: 2, record-trailer-bytes: 1, header-bytes: 4, trailer-bytes: 2",
];

/// A file to be made.
#[derive(Debug, Clone)]
struct Made {
    copybooks: Vec<(Vec<Node>, Style)>,
    framing: usize,
    encoding: &'static str,
    odo: &'static str,
    /// Of items that share bytes, one is chosen by the layout.
    chosen: bool,
    seed: u64,
}

fn made() -> impl Strategy<Value = Made> {
    let encodings = prop_oneof![Just("ascii"), Just("cp037"), Just("cp1140"), Just("iso-8859-1")];
    let copybooks = prop::collection::vec((record(Compiler::Ibm, true), style()), 1..4);
    let odo = prop_oneof![Just("real"), Just("maximum")];
    (copybooks, 0..FRAMINGS.len(), encodings, odo, any::<bool>(), any::<u64>()).prop_map(
        |(copybooks, framing, encoding, odo, chosen, seed)| Made {
            copybooks,
            framing,
            encoding,
            odo,
            chosen,
            seed,
        },
    )
}

/// A copybook that begins with the record's length and kind.
fn with_head(nodes: &[Node], style: &Style) -> String {
    let style = Style { free: false, ..style.clone() };
    let text = written(nodes, &style);
    let first = text.to_lowercase().find("item-0.").unwrap();
    let end = first + text[first..].find('\n').unwrap() + 1;
    let level = 1 + style.step;
    let head = format!("       {level:02} RECORD-LENGTH PIC 9(5).\n       {level:02} RECORD-KIND PIC X.\n");
    format!("{}{head}{}", &text[..end], &text[end..])
}

/// Names of items that share bytes: of the first, and of one of them.
fn choices(items: &[Item], random: &mut Random, out: &mut Vec<(String, String)>) {
    let mut index = 0;
    while index < items.len() {
        let over = items[index + 1..].iter().take_while(|item| item.redefines()).count();
        let named = |item: &Item| item.field.is_some() && !item.name.is_empty();
        if over > 0 && items[index..=index + over].iter().all(named) {
            let chosen = index + random.below(over as u64 + 1) as usize;
            out.push((items[index].name.to_string(), items[chosen].name.to_string()));
        }
        for item in &items[index..=index + over] {
            if over == 0 {
                choices(item.items(), random, out);
            }
        }
        index += over + 1;
    }
}

fn layout_text(made: &Made, framing: &str, chosen: &[Vec<(String, String)>]) -> String {
    let mut text = format!(
        "layout: made\nfile: {{ {framing}, encoding: {} }}\ndialect: {{ odo: {} }}\ncopybooks:\n",
        made.encoding, made.odo
    );
    for index in 0..made.copybooks.len() {
        text.push_str(&format!("  book{index}: book{index}.cpy\n"));
    }
    text.push_str("order: any\nrecords:\n");
    for index in 0..made.copybooks.len() {
        let kind = char::from(b'A' + index as u8);
        text.push_str(&format!(
            "  kind{index}:\n    occurs: 0..\n    copybook: book{index}\n    when: {{ record_kind: {kind} }}\n"
        ));
        if let Some(chosen) = chosen.get(index).filter(|chosen| !chosen.is_empty()) {
            text.push_str("    redefines:\n");
            for (first, chosen) in chosen {
                text.push_str(&format!("      {first}: {chosen}\n"));
            }
        }
    }
    text
}

fn read(text: &str, books: &[String]) -> Layout {
    let mut resolver = Memory::new("").with("made.yaml", text.as_bytes());
    for (index, book) in books.iter().enumerate() {
        resolver = resolver.with(format!("book{index}.cpy"), book.as_bytes());
    }
    let mut sources = Sources::default();
    let read = layout::read("made.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let errors: Vec<_> = read.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    let shown: Vec<String> = errors.iter().map(|found| render(found, &sources, false)).collect();
    assert!(shown.is_empty(), "{}\n{text}\n{}", shown.join("\n"), books.join("\n"));
    read.value.unwrap()
}

fn items(layout: &Layout, index: usize) -> &[Item] {
    let id = layout.find(&format!("kind{index}")).unwrap();
    &layout.node(id).shape.as_ref().unwrap().items
}

fn check(made: &Made) -> Result<(), TestCaseError> {
    let mut random = Random::new(made.seed);
    let books: Vec<String> = made.copybooks.iter().map(|(nodes, style)| with_head(nodes, style)).collect();
    let mut framing = FRAMINGS[made.framing].to_owned();
    let mut layout = read(&layout_text(made, "framing: shaped", &[]), &books);
    let mut chosen = Vec::new();
    if made.chosen {
        for index in 0..books.len() {
            chosen.push(Vec::new());
            choices(items(&layout, index), &mut random, &mut chosen[index]);
        }
        layout = read(&layout_text(made, "framing: shaped", &chosen), &books);
    }
    if framing == "framing: fixed" {
        let longest = layout.nodes.iter().filter_map(|node| node.shape.as_ref()?.length.1).max().unwrap();
        framing = format!("framing: fixed, record-length: {}", longest + 7);
    }
    let layout = read(&layout_text(made, &framing, &chosen), &books);
    let file = RecordFile::compile(Arc::new(layout));

    let mut lines = Vec::new();
    for _ in 0..1 + random.below(6) {
        let index = random.below(books.len() as u64) as usize;
        let kind = char::from(b'A' + index as u8);
        let given = BTreeMap::from([
            ("record_kind".to_owned(), format!("\"{kind}\"")),
            // It is written by what frames records.
            ("record_length".to_owned(), "0".to_owned()),
        ]);
        let mut members = Filler::new(&mut random, given).record(items(file.layout(), index));
        if framing.contains("length-field") {
            members.remove("record_length");
        }
        lines.push((format!("kind{index}"), members));
    }
    let given: String = lines.iter().map(|(record, members)| line(record, members) + "\n").collect();
    let mut bytes = match encoded(&file, given.as_bytes()) {
        Ok(bytes) => bytes,
        // A number in binary may look like a line end, and the layout cannot be meant for such a file.
        Err(error) if framing.contains("lines") && error.to_string().contains("a line end within") => {
            return Err(TestCaseError::reject("a line end within"));
        }
        Err(error) => panic!("{error}\n{}", books.join("\n")),
    };
    let (head, tail) = file.layout().file.margins;
    bytes.splice(0..0, vec![b'H'; head as usize]);
    bytes.extend(vec![b'T'; tail as usize]);
    // Nor for one in which something else looks like one.
    if framing.contains("lines") {
        let end = if framing.contains("crlf") { 2 } else { usize::from(framing.contains("~~")) + 1 };
        let plain = encoded(
            &RecordFile::compile(Arc::new(read(&layout_text(made, "framing: shaped", &chosen), &books))),
            given.as_bytes(),
        )
        .unwrap();
        prop_assume!(bytes.len() == plain.len() + end * lines.len());
        prop_assume!(!plain.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0x1A | b'~')));
    }

    let (read, problems) = decoded(&file, &bytes);
    let shown = String::from_utf8_lossy(&read).into_owned();
    if let Some(problem) = problems.first() {
        panic!("{}: {:02x?}\n{framing}\n{given}\n{}", problem.error, problem.error.raw, books.join("\n"));
    }
    let records: Vec<&str> = shown.lines().filter(|line| !line.contains("\"_record\":\"_other\"")).collect();
    assert_eq!(records.len(), lines.len(), "{framing}\n{given}\n{shown}");
    for (said, (_, members)) in records.iter().zip(&lines) {
        let missing = missing(&Tree::Group(members.clone()), Some(&parsed(said)));
        assert!(
            missing.is_none(),
            "{}\n{framing}\n{given}\n{shown}\n{}",
            missing.unwrap_or_default(),
            books.join("\n")
        );
    }
    let again = encoded(&file, &read).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert!(again == bytes, "{bytes:02x?}\n{again:02x?}\n{framing}\n{shown}\n{}", books.join("\n"));

    // The same with some of its bytes changed, cut off or doubled.
    let framed = Framed { name: "made", file, sample: String::new() };
    for _ in 0..6 {
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, random.below(256) as u8),
                2 => {
                    bytes.remove(at);
                }
                _ => bytes[at] = random.below(256) as u8,
            }
            if bytes.is_empty() {
                break;
            }
        }
        there_and_back(&framed, &bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: std::env::var("CASES").ok().and_then(|c| c.parse().ok()).unwrap_or(200), max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_and_written_again(made in made()) {
        check(&made)?;
    }
}
