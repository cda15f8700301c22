//! Every copybook of the corpus, as it is; and every offset, length and level that Cobrix found in those of which it printed them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

use std::path::{Path, PathBuf};

use portolan_diagnostics::Sources;
use portolan_schema::{
    Memory, Reading, Schema,
    copybook::{self, Copybook, CopybookOptions, FillerNames, OccursDepending},
    layout::{Extent, Item, Shape, Start, Times},
};

/// The copybooks, and where they lie; none where the corpus is not there, which is never copied into the repository.
fn copybooks() -> (PathBuf, Vec<PathBuf>) {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let root = std::env::var_os("PORTOLAN_CORPUS").map_or(default, PathBuf::from).join("fixed-width/cobrix");
    let entries = std::fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "cob")).collect();
    files.sort();
    (root, files)
}

fn read(path: &Path) -> Copybook {
    let mut sources = Sources::default();
    let text = std::fs::read_to_string(path).unwrap();
    let source = sources.add(path.display().to_string(), text);
    let resolver = Memory::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let checked = copybook::read(source, &mut reading, &CopybookOptions::default());
    assert!(checked.diagnostics.is_empty(), "{}: {:#?}", path.display(), checked.diagnostics);
    checked.value.unwrap()
}

/// As Cobrix reads by default, every filler kept.
fn lowered(copybook: &Copybook, record: usize) -> Shape {
    let options = CopybookOptions {
        occurs: OccursDepending::Maximum,
        value_fillers: FillerNames::Numbered,
        ..CopybookOptions::default()
    };
    let mut schema = Schema::default();
    let checked = copybook.lower(record, &options, &mut schema);
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    checked.value.unwrap().1
}

#[test]
fn reads_the_copybooks_of_the_corpus() {
    let (_, files) = copybooks();
    if files.is_empty() {
        println!("corpus not found, 14 cases not run");
        return;
    }
    let mut lengths = Vec::new();
    for file in &files {
        let copybook = read(file);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for record in 0..copybook.records().count() {
            let shape = lowered(&copybook, record);
            assert_eq!(Some(shape.length.0), shape.length.1);
            lengths.push((name.clone(), shape.length.1.unwrap()));
        }
    }
    let lengths: Vec<_> = lengths.iter().map(|(name, length)| (name.as_str(), *length)).collect();
    assert_eq!(lengths, LENGTHS);
}

/// How long each record is, all that varies at its most.
const LENGTHS: &[(&str, u32)] = &[
    ("test10_copybook.cob", 46),
    ("test12_copybook.cob", 46),
    ("test12_copybook.cob", 46),
    ("test12_copybook_a.cob", 46),
    ("test12_copybook_b.cob", 46),
    ("test13a_file_header_footer.cob", 45),
    ("test14_copybook.cob", 64),
    ("test19_display_num.cob", 80),
    ("test1_copybook.cob", 2202),
    ("test1a_copybook.cob", 2173),
    ("test21_copybook.cob", 9),
    ("test3_copybook.cob", 45),
    ("test4_copybook.cob", 64),
    ("test6_copybook.cob", 1493),
    ("test7_fillers.cob", 60),
];

#[test]
fn offsets_lengths_and_levels_are_those_that_cobrix_prints() {
    let (root, files) = copybooks();
    if files.is_empty() {
        println!("corpus not found, 8 cases not run");
        return;
    }
    let cases = [
        ("test6_copybook.cob", "test6_expected/test6_layout.txt"),
        ("test7_fillers.cob", "test7_expected/test7_layout.txt"),
        ("test7_fillers.cob", "test7_expected/test7a_layout.txt"),
        ("test7_fillers.cob", "test7_expected/test7b_layout.txt"),
        ("test7_fillers.cob", "test7_expected/test7c_layout.txt"),
        ("test7_fillers.cob", "test7_expected/test7d_layout.txt"),
        ("test13a_file_header_footer.cob", "test13_expected/test13a_layout.txt"),
        ("test19_display_num.cob", "test19_display_num_expected/test19_layout.txt"),
    ];
    let mut compared = 0;
    for (file, layout) in cases {
        let copybook = read(&root.join(file));
        let shape = lowered(&copybook, 0);
        let mut placed = vec![(1, shape.length.1.unwrap())];
        place(&shape.items, 1, &mut placed);
        let levels = copybook.levels(0);
        assert_eq!(levels.len(), placed.len());
        let found: Vec<_> =
            levels.iter().zip(placed).map(|((level, _), (at, length))| (*level, at, length)).collect();
        let text = std::fs::read_to_string(root.join(layout)).unwrap();
        let expected: Vec<_> = text.lines().skip(2).map(line).collect();
        compared += expected.len();
        assert_eq!(found, expected, "{layout}");
    }
    println!("{compared} items compared");
    assert!(compared >= 290, "{compared}");
}

/// Level, first byte from 1, and length of a line of a printed layout.
fn line(line: &str) -> (u8, u32, u32) {
    let words: Vec<&str> = line.split_whitespace().collect();
    // One of them has no level for its record.
    let level = words[0].parse().unwrap_or(1);
    let number = |from_end: usize| words[words.len() - from_end].parse().unwrap();
    (level, number(3), number(1))
}

/// First byte from 1 and length of each item, in order. Of items that share bytes Cobrix prints the length of the longest.
fn place(items: &[Item], base: u32, out: &mut Vec<(u32, u32)>) {
    let bytes = |item: &Item| match (item.extent, &item.times) {
        (Extent::Bytes(bytes), Times::Once) => bytes,
        other => panic!("{other:?}"),
    };
    let at = |item: &Item| match item.start {
        Start::At(at) => at,
        Start::Like(index) => match items[index as usize].start {
            Start::At(at) => at,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    for item in items {
        let length = items.iter().filter(|other| at(other) == at(item)).map(bytes).max().unwrap_or(0);
        out.push((base + at(item), length));
        place(item.items(), base + at(item), out);
    }
}

#[test]
fn fillers_are_called_what_cobrix_calls_them() {
    let (root, files) = copybooks();
    if files.is_empty() {
        println!("corpus not found, 2 cases not run");
        return;
    }
    let check = |names: FillerNames, layout: &str| {
        let options =
            CopybookOptions { value_fillers: names, group_fillers: names, ..CopybookOptions::default() };
        let copybook = read(&root.join("test7_fillers.cob"));
        let shape = copybook.lower(0, &options, &mut Schema::default()).value.unwrap().1;
        let mut found = Vec::new();
        names_of(&shape.items, &mut found);
        let text = std::fs::read_to_string(root.join(layout)).unwrap();
        let expected =
            text.lines().skip(3).filter_map(|line| line.split_whitespace().nth(1)).map(str::to_lowercase);
        assert_eq!(found, expected.collect::<Vec<_>>());
    };
    check(FillerNames::Numbered, "test7_expected/test7c_layout.txt");
    check(FillerNames::AfterPrevious, "test7_expected/test7d_layout.txt");
}

fn names_of(items: &[Item], out: &mut Vec<String>) {
    for item in items {
        out.push(item.name.to_string());
        names_of(item.items(), out);
    }
}
