//! GnuCOBOL as the judge: a program that it compiles says where the items of generated copybooks lie, and how long they are.
//!
//! `tests/install` installs it. Without it nothing is compared, and the test says so.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

#[path = "generated/mod.rs"]
mod generated;

use std::{fmt::Write as _, process::Command};

use generated::{Compiler, Kind, Node, Style, Times, name, record, style, without_slack, written};
use portolan_diagnostics::Sources;
use portolan_schema::{
    Memory, Reading, Schema,
    copybook::{self, CopybookOptions},
    layout::{Dialect, Extent, Item, Start},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

/// Copybooks that are compared, all in one program.
const COPYBOOKS: usize = 120;

#[test]
fn gnucobol_has_items_at_the_same_places() {
    let there = Command::new("cobc").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        println!("cobc is not there, {COPYBOOKS} copybooks not compared: run tests/install");
        return;
    }
    let mut runner = TestRunner::deterministic();
    let mut storage = String::new();
    let mut questions = String::new();
    let mut expected = Vec::new();
    for index in 0..COPYBOOKS {
        let mut nodes = record(Compiler::Gnu, false).new_tree(&mut runner).unwrap().current();
        without_slack_in_lists(&mut nodes);
        let style = style().new_tree(&mut runner).unwrap().current();
        let prefix = format!("R{index}-");
        let style = Style { free: false, currency_inside: true, prefix: prefix.clone(), ..style };
        let text = written(&nodes, &style);
        storage.push_str(&text);
        let _ = writeln!(questions, "           SET P TO ADDRESS OF {prefix}0.\n           MOVE N TO B.");
        ask(&nodes, &prefix, 0, &mut questions);
        expected.extend(found(&text, &prefix));
    }
    let said = run(&storage, &questions);
    assert_eq!(said.len(), expected.len());
    for ((said, expected), index) in said.iter().zip(&expected).zip(0..) {
        assert_eq!(said, expected, "item {index}: GnuCOBOL's on the left");
    }
    println!("{} items of {COPYBOOKS} copybooks lie where GnuCOBOL has them", said.len());
    assert!(said.len() > 500);
}

/// GnuCOBOL 3 moves the last item of an occurrence to the end of its slack bytes, which belong behind it.
fn without_slack_in_lists(nodes: &mut [Node]) {
    for node in nodes {
        let list = node.times != Times::Once;
        if let Kind::Group(inner) = &mut node.kind {
            if list { without_slack(inner) } else { without_slack_in_lists(inner) }
        }
    }
}

/// Statements that print name, place and length of each named value.
fn ask(nodes: &[Node], prefix: &str, lists: usize, out: &mut String) {
    for node in nodes {
        let lists = lists + usize::from(node.times != Times::Once);
        match &node.kind {
            Kind::Group(inner) => ask(inner, prefix, lists, out),
            Kind::Value { .. } => {
                let Some(number) = node.name else { continue };
                let name = name(number).replace("ITEM-", prefix);
                let first =
                    if lists > 0 { format!("({})", ["1"; 8][..lists].join(" ")) } else { String::new() };
                let _ = writeln!(
                    out,
                    "           SET P TO ADDRESS OF {name}{first}.\n           COMPUTE D = N - B.\n           \
                     MOVE FUNCTION LENGTH({name}{first}) TO L.\n           DISPLAY '{name} ' D ' ' L."
                );
            }
        }
    }
}

/// The same by the reader.
fn found(text: &str, prefix: &str) -> Vec<(String, u64, u64)> {
    let mut sources = Sources::default();
    let source = sources.add("r.cpy", text);
    let options = CopybookOptions { dialect: Dialect::gnucobol(), ..CopybookOptions::default() };
    let read = copybook::read(
        source,
        &mut Reading { resolver: &Memory::default(), sources: &mut sources },
        &options,
    );
    let lowered = read.value.unwrap().lower(0, &options, &mut Schema::default());
    let mut out = Vec::new();
    placed(&lowered.value.unwrap().1.items, 0, &mut out);
    // As the program writes names.
    let plain = prefix.to_lowercase().replace('-', "_");
    out.retain(|(name, ..)| name.starts_with(&plain));
    out.into_iter().map(|(name, at, length)| (name.replace('_', "-").to_uppercase(), at, length)).collect()
}

fn placed(items: &[Item], base: u64, out: &mut Vec<(String, u64, u64)>) {
    for item in items {
        let mut start = item.start;
        while let Start::Like(index) = start {
            start = items[index as usize].start;
        }
        let (Start::At(at), Extent::Bytes(bytes)) = (start, item.extent) else { panic!("{item:?}") };
        let at = base + u64::from(at);
        if item.field.is_some() && item.items().is_empty() {
            out.push((item.name.to_string(), at, u64::from(bytes)));
        }
        placed(item.items(), at, out);
    }
}

/// What the program prints.
fn run(storage: &str, questions: &str) -> Vec<(String, u64, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let program = format!(
        "       IDENTIFICATION DIVISION.
       PROGRAM-ID. PLACES.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  P USAGE POINTER.
       01  N REDEFINES P BINARY-DOUBLE UNSIGNED.
       01  B BINARY-DOUBLE UNSIGNED.
       01  D PIC 9(9).
       01  L PIC 9(9).
{storage}       PROCEDURE DIVISION.
{questions}           STOP RUN.
"
    );
    std::fs::write(folder.path().join("places.cob"), program).unwrap();
    let compiled = Command::new("cobc")
        .args(["-x", "-flarger-redefines-ok", "-o", "places", "places.cob"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = Command::new(folder.path().join("places")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[0].to_owned(), words[1].parse().unwrap(), words[2].parse().unwrap())
    };
    String::from_utf8(output.stdout).unwrap().lines().map(line).collect()
}
