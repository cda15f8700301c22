//! Mapping files as no person writes them: every mapping of the repository, mutated 2,000 times from fixed seeds. Nothing
//! panics, no file takes more work than its size allows, and every finding has a place in the file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(unsafe_code, reason = "counting what is allocated needs an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    path::{Path, PathBuf},
};

use portolan_diagnostics::{Rendered, Sources, render};
use portolan_mapping::{
    check::{Contracts, check},
    load::{LoadedRoute, Standing, load},
    parse::parse,
    secret::Secrets,
};
use portolan_schema::{Directory, Memory};

const MUTATIONS: u64 = 2000;

/// Allocations that a file may cost, for each of its bytes: what a pass over it in a circle would go beyond. Work is counted
/// so, and not by the clock, because the same file then costs the same everywhere.
const WORK_PER_BYTE: u64 = 20;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; what is added neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller has it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller has it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn mutated_mappings_are_read_to_their_end() {
    let seeds = seeds();
    assert!(seeds.len() >= 8, "{} mappings", seeds.len());
    let (mut findings, mut dearest) = (0usize, (0, 0));
    for number in 0..MUTATIONS {
        let mut random = Random(number);
        let seed = &seeds[random.below(seeds.len())];
        let text = mutated(&seed.text, &mut random);
        let before = ALLOCATIONS.with(Cell::get);
        findings += found(&seed.routes, &text, number);
        let work = (ALLOCATIONS.with(Cell::get) - before) / (text.len() as u64 + 100);
        dearest = dearest.max((work, number));
    }
    // A mutation that changes nothing is rare, and one that is found wanting the rule.
    assert!(findings as u64 > MUTATIONS, "{findings} findings");
    let (work, number) = dearest;
    println!("{findings} findings; mutation {number} cost most, {work} allocations for each byte");
    assert!(work < WORK_PER_BYTE, "mutation {number} cost {work} allocations for each byte");
}

#[test]
fn bytes_that_are_no_text_have_a_place_too() {
    let mut sources = Sources::default();
    let memory = Memory::default().with("m.yaml", b"route: x\nsource: \xff\n".as_slice());
    let read = load("m.yaml", &memory, &mut sources, &Standing::default());
    let shown: Vec<_> = read.diagnostics.iter().map(|d| Rendered::new(d, &sources)).collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].position.map(|p| (p.line, p.column)), Some((2, 9)));
}

/// Reads and checks a text by the contracts of its seed; how much was found, each with a place.
fn found(routes: &[LoadedRoute], text: &str, number: u64) -> usize {
    let mut sources = Sources::default();
    let id = sources.add("m.yaml", text);
    let parsed = parse(id, &sources);
    let mut findings = parsed.diagnostics;
    for (index, route) in parsed.value.iter().flat_map(|file| &file.routes).enumerate() {
        let like = &routes[index % routes.len()];
        let contracts = Contracts { source: &like.source, target: &like.target };
        findings.extend(check(route, contracts, None, &Secrets::Unknown).diagnostics);
    }
    for finding in &findings {
        let placed = finding.labels.first().is_some_and(|label| {
            let range = label.span.start as usize..label.span.end as usize;
            label.span.source != id || text.get(range).is_some()
        });
        assert!(placed, "mutation {number}: {finding:?} has no place in\n{text}");
    }
    for finding in findings.iter().take(20) {
        render(finding, &sources, false);
        if let Some(edit) = &finding.edit {
            edit.place(&sources);
        }
    }
    findings.len()
}

/// A mapping of the repository, with the contracts of its routes.
struct Seed {
    text: String,
    routes: Vec<LoadedRoute>,
}

fn seeds() -> Vec<Seed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["mappings", "tests", "docs/errors/example", "core/mapping/src/check/examples"] {
        walk(&root.join(folder), &mut files);
    }
    files.sort();
    let seed = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok().filter(|text| text.contains("\nrequest:"))?;
        let resolver = Directory::new(path.parent()?);
        let read =
            load(path.file_name()?.to_str()?, &resolver, &mut Sources::default(), &Standing::default());
        Some(Seed { text, routes: read.value.unwrap_or_default() })
    };
    let mut seeds: Vec<Seed> = files.into_iter().filter_map(seed).collect();
    // Some find their contracts only where their test has put them; they are read by those of another.
    let others = seeds.iter().find(|seed| !seed.routes.is_empty()).unwrap().routes.clone();
    for seed in seeds.iter_mut().filter(|seed| seed.routes.is_empty()) {
        seed.routes.clone_from(&others);
    }
    seeds
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true if path.ends_with("node_modules") => {}
            true => walk(&path, found),
            false => found.extend(path.extension().is_some_and(|e| e == "yaml").then_some(path)),
        }
    }
}

/// One to four changes of a text.
fn mutated(text: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.below(4) {
        text = match random.below(4) {
            0 => bytes(&text, random),
            1 => lines(&text, random),
            2 => tokens(&text, random),
            _ => indentation(&text, random),
        };
    }
    text
}

/// Some characters are replaced by ones that mean something to YAML or to expressions.
fn bytes(text: &str, random: &mut Random) -> String {
    const SIGNS: &[char] = &[
        ':',
        '-',
        '{',
        '}',
        '[',
        ']',
        ',',
        '#',
        '&',
        '*',
        '!',
        '|',
        '>',
        '\'',
        '"',
        '%',
        '@',
        '`',
        '\\',
        '(',
        ')',
        '.',
        ' ',
        '\n',
        '\t',
        '0',
        '~',
        '\u{feff}',
        'ä',
        '\u{0}',
        '\u{1f600}',
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(chars.len().max(1)).min(chars.len());
        let end = (at + random.below(3)).min(chars.len());
        let count = random.below(3);
        let new: Vec<char> = (0..count).map(|_| SIGNS[random.below(SIGNS.len())]).collect();
        chars.splice(at..end, new);
    }
    chars.into_iter().collect()
}

/// A line is left out, written twice, or changes its place.
fn lines(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (one, other) = (random.below(lines.len().max(1)), random.below(lines.len().max(1)));
    match random.below(3) {
        _ if lines.is_empty() => {}
        0 => {
            lines.remove(one);
        }
        1 => lines.insert(other, lines[one]),
        _ => lines.swap(one, other),
    }
    lines.concat()
}

/// A word or a sign is left out, written twice, or changes its place with another: keys and values alike.
fn tokens(text: &str, random: &mut Random) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    let (one, other) = (random.below(tokens.len().max(1)), random.below(tokens.len().max(1)));
    match random.below(3) {
        _ if tokens.is_empty() => {}
        0 => {
            tokens.remove(one);
        }
        1 => tokens.insert(other, tokens[one]),
        _ => tokens.swap(one, other),
    }
    tokens.concat()
}

/// A line begins further to the right, or to the left.
fn indentation(text: &str, random: &mut Random) -> String {
    let wanted = random.below(text.lines().count().max(1));
    let shift = random.below(5);
    let shifted =
        text.split_inclusive('\n').enumerate().map(|(number, line)| match (number == wanted, shift) {
            (false, _) => line.to_owned(),
            (true, 0) => format!("\t{line}"),
            (true, 1 | 2) => format!("{}{line}", " ".repeat(shift)),
            (true, _) => line.strip_prefix("  ").unwrap_or(line).to_owned(),
        });
    shifted.collect()
}

/// Numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (bound.max(1) as u64)).unwrap()
    }
}
