//! Copybooks of every kind of entry, in fixed and in free form: their items lie where simple arithmetic has them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

#[path = "generated/mod.rs"]
mod generated;

use generated::{
    Compiler, Node, Placed, Style, Times, name, place, record, style, varies, without_slack, written,
};
use portolan_diagnostics::{Sources, render};
use portolan_schema::{
    Memory, Reading, Schema,
    copybook::{self, CopybookOptions, OccursDepending},
    layout::{Alignment, BinarySizes, Dialect, Extent, Item, Shape, Start},
};
use proptest::prelude::*;

fn lowered(files: &[(&str, String)], options: &CopybookOptions) -> Shape {
    let resolver =
        files.iter().fold(Memory::new(""), |memory, (name, text)| memory.with(*name, text.as_bytes()));
    let mut sources = Sources::default();
    let source = sources.add(files[0].0, files[0].1.as_str());
    let read = copybook::read(source, &mut Reading { resolver: &resolver, sources: &mut sources }, options);
    let mut found = read.diagnostics;
    let mut schema = Schema::default();
    let lowered = read.value.unwrap().lower(0, options, &mut schema);
    found.extend(lowered.diagnostics);
    let shown: Vec<_> = found.iter().map(|found| render(found, &sources, false)).collect();
    assert!(shown.is_empty(), "{}\n{}", shown.join("\n"), files[0].1);
    lowered.value.unwrap().1
}

/// Name, first byte and length of each named item.
fn placed(items: &[Item], base: u64, out: &mut Vec<(String, u64, u64)>) {
    for item in items {
        let at = base + u64::from(start(items, item));
        let Extent::Bytes(bytes) = item.extent else { panic!("{item:?}") };
        if item.field.is_some() {
            out.push((item.name.to_string(), at, u64::from(bytes)));
        }
        placed(item.items(), at, out);
    }
}

fn start(items: &[Item], item: &Item) -> u32 {
    match item.start {
        Start::At(at) => at,
        Start::Like(index) => start(items, &items[index as usize]),
        other => panic!("{other:?}"),
    }
}

/// The same of the entries, groups without a name and all that hold no name left out.
fn expected(nodes: &[Node], compiler: Compiler) -> (Vec<(String, u64, u64)>, u64) {
    let mut all: Vec<Placed> = Vec::new();
    let end = place(nodes, 0, compiler, &mut all);
    let named = all.into_iter().filter_map(|(number, at, length)| Some((number?, at, length)));
    let named = named.map(|(number, at, length)| (name(number).to_lowercase().replace('-', "_"), at, length));
    (named.collect(), end)
}

/// Whether it is a value with a name, or something in it is.
fn is_seen(node: &Node) -> bool {
    match &node.kind {
        generated::Kind::Value { .. } => node.name.is_some(),
        generated::Kind::Group(inner) => inner.iter().any(is_seen),
    }
}

fn bytes(nodes: &[Node], count: fn(u64, u64) -> u64) -> u64 {
    let mut at = 0u64;
    let mut shared = 0;
    for node in nodes {
        let one = match &node.kind {
            generated::Kind::Value { bytes, .. } => *bytes,
            generated::Kind::Group(inner) => bytes(inner, count),
        };
        let times = match node.times {
            Times::Once => 1,
            Times::Fixed(n) => n,
            Times::Depending(least, most) => count(least, most),
        };
        let begin = if node.redefines { shared } else { at };
        shared = begin;
        at = at.max(begin + one * times);
    }
    at
}

fn gnu() -> Dialect {
    Dialect {
        alignment: Alignment::Natural,
        binary_sizes: BinarySizes::OneTwoFourEight,
        ..Dialect::default()
    }
}

fn compare(nodes: &[Node], style: &Style, compiler: Compiler, copied: bool) {
    let dialect = if compiler == Compiler::Gnu { gnu() } else { Dialect::default() };
    let options = CopybookOptions { occurs: OccursDepending::Maximum, dialect, ..CopybookOptions::default() };
    let files = if copied {
        // The same through COPY, every name with a tag that is replaced.
        let body = written(nodes, &Style { prefix: ":T:-".to_owned(), ..style.clone() });
        let copy = match style.free {
            true => "copy body replacing ==:t:== by ==item==.\n",
            false => "       COPY BODY REPLACING ==:T:== BY ==ITEM==.\n",
        };
        vec![("r.cpy", copy.to_owned()), ("body.cpy", body)]
    } else {
        vec![("r.cpy", written(nodes, style))]
    };
    let shape = lowered(&files, &options);
    let (expected, end) = expected(nodes, compiler);
    let mut found = Vec::new();
    placed(&shape.items, 0, &mut found);
    // A group in which nothing has a name is not seen; nor are fillers, which are named by their number where they are groups.
    found.retain(|(name, ..)| !name.starts_with("filler"));
    let seen: std::collections::BTreeSet<_> = found.iter().map(|(name, ..)| name.clone()).collect();
    let unseen = names_of_unseen(nodes);
    let expected: Vec<_> = expected.into_iter().filter(|(name, ..)| !unseen.contains(name)).collect();
    assert!(unseen.iter().all(|name| !seen.contains(name)), "{unseen:?}");
    assert_eq!(found, expected, "{}", files.last().unwrap().1);
    assert_eq!(shape.length, (end as u32, Some(end as u32)), "{}", files.last().unwrap().1);
}

/// The names of groups in which nothing has one.
fn names_of_unseen(nodes: &[Node]) -> Vec<String> {
    let mut out = Vec::new();
    for node in nodes {
        if let generated::Kind::Group(inner) = &node.kind {
            if !is_seen(node) {
                out.extend(node.name.map(|number| name(number).to_lowercase().replace('-', "_")));
            }
            out.extend(names_of_unseen(inner));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn items_lie_where_arithmetic_has_them(nodes in record(Compiler::Ibm, true), style in style(), copied in any::<bool>()) {
        compare(&nodes, &style, Compiler::Ibm, copied);
    }

    #[test]
    fn and_where_gnucobol_has_them(nodes in record(Compiler::Gnu, false), style in style()) {
        compare(&nodes, &style, Compiler::Gnu, false);
    }

    #[test]
    fn lists_of_real_size_move_what_follows(mut nodes in record(Compiler::Ibm, true), style in style()) {
        without_slack(&mut nodes);
        let shape = lowered(&[("r.cpy", written(&nodes, &style))], &CopybookOptions::default());
        let (least, most) = (bytes(&nodes, |least, _| least), bytes(&nodes, |_, most| most));
        prop_assert_eq!(shape.length, (least as u32, Some(most as u32)));
        prop_assert_eq!(moves(&shape.items), nodes.iter().rev().skip(1).any(varies), "{}", written(&nodes, &style));
    }

    #[test]
    fn whatever_the_text_it_ends_without_a_panic(text in "[ \\n0-9]{0,4}([0-9 ]{1,3}[A-Z. ()9XV'=:*>-]{0,24}\\n?){0,12}") {
        let mut sources = Sources::default();
        let source = sources.add("r.cpy", text);
        let options = CopybookOptions::default();
        let read = copybook::read(source, &mut Reading { resolver: &Memory::default(), sources: &mut sources }, &options);
        if let Some(copybook) = read.value {
            for record in 0..copybook.records().count() {
                let _ = copybook.lower(record, &options, &mut Schema::default());
            }
        }
    }
}

/// Whether one of the items at the top begins where the one before it ends.
fn moves(items: &[Item]) -> bool {
    items.iter().any(|item| item.start == Start::Next)
}
