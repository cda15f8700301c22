//! Copybooks out of nothing: entries of every kind, written in any of the ways in which people write them, and what their offsets
//! and lengths are by arithmetic that shares nothing with the reader's.

#![allow(dead_code, reason = "each of the tests takes what it needs")]

use proptest::prelude::*;

/// An entry of level 02 and below.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// `None` for a filler.
    pub(crate) name: Option<u32>,
    pub(crate) kind: Kind,
    pub(crate) times: Times,
    /// It has the bytes of the entry before it.
    pub(crate) redefines: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Value {
        /// Its picture and its other clauses.
        clauses: Vec<String>,
        bytes: u64,
        /// The multiple at which it begins; 1 where it is not synchronized.
        multiple: u64,
        /// Entries of level 88.
        conditions: Vec<String>,
    },
    Group(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    Fixed(u64),
    Depending(u64, u64),
}

/// What compilers differ in, as far as these copybooks show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compiler {
    Ibm,
    /// What GnuCOBOL has as well, and only that.
    Gnu,
}

/// A value: clauses, bytes, multiple when synchronized, conditions.
fn value(compiler: Compiler) -> BoxedStrategy<Kind> {
    let made = |clauses: Vec<String>, bytes: u64, multiple: u64| Kind::Value {
        clauses,
        bytes,
        multiple,
        conditions: Vec::new(),
    };
    let pic = |text: String| vec!["PIC".to_owned(), text];
    let text = (1u64..30, any::<bool>(), any::<bool>()).prop_map(move |(n, just, named)| {
        let mut clauses = vec![if just { "PICTURE IS" } else { "PIC" }.to_owned(), format!("X({n:02})")];
        if just {
            clauses.push("JUSTIFIED RIGHT".to_owned());
        } else {
            clauses.push("VALUE 'it''s, a. text'".to_owned());
        }
        let conditions = if named {
            vec!["VALUE 'A'".to_owned(), "VALUES ARE 'B' THRU 'D', SPACES".to_owned()]
        } else {
            vec![]
        };
        Kind::Value { clauses, bytes: if just { n } else { n.max(20) }, multiple: 1, conditions }
    });
    let text = text.prop_map(|kind| match kind {
        Kind::Value { mut clauses, bytes, multiple, conditions } => {
            clauses[1] = format!("X({bytes})");
            Kind::Value { clauses, bytes, multiple, conditions }
        }
        group => group,
    });
    let zoned = (1u64..18, 0u64..5, any::<bool>(), 0u8..4).prop_map(move |(n, v, s, sign)| {
        let fraction = if v > 0 { format!("V9({v})") } else { String::new() };
        let mut clauses = pic(format!("{}9({n}){fraction}", if s { "S" } else { "" }));
        let separate = s && sign >= 2;
        if s {
            clauses.push(
                ["SIGN LEADING", "TRAILING", "SIGN IS LEADING SEPARATE CHARACTER", "SIGN TRAILING SEPARATE"]
                    [usize::from(sign)]
                .to_owned(),
            );
        }
        made(clauses, n + v + u64::from(separate), 1)
    });
    let usages = (1u64..17, any::<bool>(), 0usize..8, any::<bool>()).prop_map(move |(n, s, usage, sync)| {
        let signed = s && usage != 4;
        let words = [
            "COMP-3",
            "USAGE IS PACKED-DECIMAL",
            "COMP",
            "BINARY",
            "COMP-6",
            "COMP-5",
            "COMPUTATIONAL-4",
            "USAGE COMP-3",
        ];
        let mut clauses = pic(format!("{}9({n})", if signed { "S" } else { "" }));
        clauses.insert(if n % 2 == 0 { 0 } else { 2 }, words[usage].to_owned());
        let binary = match (compiler, n) {
            (Compiler::Gnu, 1..=2) => 1,
            (_, 1..=4) => 2,
            (_, 5..=9) => 4,
            _ => 8,
        };
        let bytes = match usage {
            0 | 1 | 7 => n / 2 + 1,
            4 => n.div_ceil(2),
            _ => binary,
        };
        let multiple = match (usage, compiler) {
            (0 | 1 | 4 | 7, _) => 1,
            (_, Compiler::Ibm) => bytes.min(4),
            (_, Compiler::Gnu) => bytes,
        };
        if sync {
            clauses.push("SYNC".to_owned());
        }
        made(clauses, bytes, if sync { multiple } else { 1 })
    });
    let floats = (any::<bool>(), any::<bool>()).prop_map(move |(double, sync)| {
        let mut clauses = vec![if double { "COMP-2" } else { "USAGE COMP-1" }.to_owned()];
        if sync {
            clauses.push("SYNCHRONIZED".to_owned());
        }
        let bytes = if double { 8 } else { 4 };
        made(clauses, bytes, if sync { bytes } else { 1 })
    });
    let edited = prop_oneof![
        Just(("ZZ,ZZ9.99-", 10)),
        Just(("$$,$$9.99CR", 11)),
        Just(("Z(5)9", 6)),
        Just(("99/99/9999", 10)),
        Just(("+9(6).9(2)", 10)),
        Just(("***,**9.99", 10)),
        Just(("X(3)/XX", 6)),
        Just(("A(3)", 3)),
        Just(("9(3)P(2)", 3)),
        Just(("VP(2)9(3)", 3)),
        Just(("SV9(4)", 4)),
    ];
    let edited = edited.prop_map(move |(picture, bytes)| made(pic(picture.to_owned()), bytes, 1));
    let common = prop_oneof![3 => text, 3 => zoned, 4 => usages, 1 => floats, 3 => edited].boxed();
    if compiler == Compiler::Gnu {
        return common;
    }
    let own = prop_oneof![
        (1u64..9).prop_map(move |n| made(pic(format!("N({n})")), 2 * n, 1)),
        Just(made(vec!["USAGE POINTER".to_owned()], 4, 1)),
        Just(made(pic("S9(3).99".to_owned()), 6, 1)),
        Just(made(pic("9(19)".to_owned()).into_iter().chain(["COMP".to_owned()]).collect(), 9, 1)),
    ];
    prop_oneof![8 => common, 1 => own].boxed()
}

/// The entries of a record, named apart.
pub(crate) fn record(compiler: Compiler, depending: bool) -> impl Strategy<Value = Vec<Node>> {
    let times = move || {
        let counted = (0u64..3, 1u64..4).prop_map(|(least, more)| Times::Depending(least, least + more));
        let fixed = (1u64..5).prop_map(Times::Fixed);
        let weight = if depending { 2 } else { 0 };
        prop_oneof![8 => Just(Times::Once), 3 => fixed, weight => counted]
    };
    let node = move |kind: BoxedStrategy<Kind>| {
        (kind, times(), 0u8..8, 0u8..6).prop_map(|(kind, times, redefines, filler)| Node {
            name: (filler > 0).then_some(0),
            kind,
            times,
            redefines: redefines == 0,
        })
    };
    let tree = node(value(compiler)).prop_recursive(3, 24, 5, move |inner| {
        let group = prop::collection::vec(inner, 1..5).prop_map(Kind::Group).boxed();
        node(group)
    });
    prop::collection::vec(tree, 1..7).prop_map(|mut nodes| {
        let mut names = 0;
        number(&mut nodes, &mut names, false, false);
        nodes
    })
}

/// Gives names, and takes away what no copybook may have: redefinitions of nothing, of lists and by lists, slack within them, lists
/// of varying length within them; and what counts a list comes before it.
fn number(nodes: &mut Vec<Node>, names: &mut u32, shared: bool, repeated: bool) {
    let mut index = 0;
    while index < nodes.len() {
        let lists = |node: &Node| node.times != Times::Once || varies(node);
        let before = index
            .checked_sub(1)
            .and_then(|before| nodes.get(before))
            .is_some_and(|n| n.name.is_some() && !lists(n) && !n.redefines);
        let before_slack =
            index.checked_sub(1).and_then(|before| nodes.get(before)).is_some_and(|n| multiple(n) > 1);
        let node = &mut nodes[index];
        node.redefines =
            node.redefines && before && node.times == Times::Once && !before_slack && !varies(node);
        if matches!(node.times, Times::Depending(..)) && (shared || node.redefines) {
            node.times = Times::Once;
        }
        *names += 1;
        node.name = node.name.map(|_| *names);
        let shared = shared || node.redefines;
        let many = repeated || node.times != Times::Once;
        match &mut node.kind {
            Kind::Group(inner) => number(inner, names, shared, many),
            Kind::Value { clauses, multiple, .. } if shared => {
                *multiple = 1;
                clauses.retain(|clause| !clause.starts_with("SYNC"));
            }
            Kind::Value { .. } => {}
        }
        if matches!(node.times, Times::Depending(..)) {
            *names += 1;
            let clauses = vec!["PIC".to_owned(), "9(4)".to_owned()];
            let kind = Kind::Value { clauses, bytes: 4, multiple: 1, conditions: Vec::new() };
            nodes.insert(index, Node { name: Some(*names), kind, times: Times::Once, redefines: false });
            index += 1;
        }
        index += 1;
    }
}

pub(crate) fn varies(node: &Node) -> bool {
    let within = match &node.kind {
        Kind::Group(inner) => inner.iter().any(varies),
        Kind::Value { .. } => false,
    };
    within || matches!(node.times, Times::Depending(..))
}

/// Takes SYNCHRONIZED away.
pub(crate) fn without_slack(nodes: &mut [Node]) {
    for node in nodes {
        match &mut node.kind {
            Kind::Value { clauses, multiple, .. } => {
                *multiple = 1;
                clauses.retain(|clause| !clause.starts_with("SYNC"));
            }
            Kind::Group(inner) => without_slack(inner),
        }
    }
}

/// The greatest multiple at which something in it begins.
fn multiple(node: &Node) -> u64 {
    match &node.kind {
        Kind::Value { multiple, .. } => *multiple,
        Kind::Group(inner) => inner.iter().map(multiple).max().unwrap_or(1),
    }
}

/// Name, first byte and length of one occurrence.
pub(crate) type Placed = (Option<u32>, u64, u64);

/// Where entries lie that begin at a byte, all that varies at its most; gives the byte behind them.
///
/// Slack of IBM's is found as its reference says it: before each synchronized value, whatever groups begin there with it.
pub(crate) fn place(nodes: &[Node], from: u64, compiler: Compiler, out: &mut Vec<Placed>) -> u64 {
    let mut at = from;
    // Where the bytes began that a redefinition shares.
    let mut shared = from;
    for node in nodes {
        let begin = if node.redefines { shared } else { at };
        let mark = out.len();
        out.push((node.name, 0, 0));
        let (start, end) = match &node.kind {
            Kind::Value { bytes, multiple, .. } => {
                let start = begin.next_multiple_of(*multiple);
                (start, start + bytes)
            }
            Kind::Group(inner) => {
                let end = place(inner, begin, compiler, out);
                // IBM's slack before the first value is before the group; GnuCOBOL's is in it.
                let first = if compiler == Compiler::Ibm { out[mark + 1].1 } else { begin };
                let one = end - first;
                let length = match node.times {
                    Times::Once => one,
                    _ => one.next_multiple_of(multiple(node)),
                };
                (first, first + length)
            }
        };
        let most = match node.times {
            Times::Once => 1,
            Times::Fixed(n) | Times::Depending(_, n) => n,
        };
        out[mark] = (node.name, start, end - start);
        shared = start;
        at = at.max(start + (end - start) * most);
    }
    at
}

/// How a copybook is written.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) free: bool,
    pub(crate) small: bool,
    pub(crate) numbered: bool,
    pub(crate) step: u8,
    /// Entries go on in the next line after so many words.
    pub(crate) words: usize,
    pub(crate) comments: bool,
    /// A currency sign does not begin a line, where GnuCOBOL sees a directive.
    pub(crate) currency_inside: bool,
    /// What names begin with.
    pub(crate) prefix: String,
}

pub(crate) fn style() -> impl Strategy<Value = Style> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 1u8..9, 1usize..8, any::<bool>()).prop_map(
        |(free, small, numbered, step, words, comments)| Style {
            free,
            small,
            numbered,
            step,
            words,
            comments,
            currency_inside: false,
            prefix: "ITEM-".to_owned(),
        },
    )
}

/// The text of a copybook.
pub(crate) fn written(nodes: &[Node], style: &Style) -> String {
    let mut out = String::new();
    entry(&mut out, style, 1, "01 ITEM-0");
    entries(&mut out, nodes, style, 1);
    out
}

pub(crate) fn name(number: u32) -> String {
    format!("ITEM-{number}")
}

fn entries(out: &mut String, nodes: &[Node], style: &Style, above: u8) {
    let level = above + style.step;
    let mut previous = None;
    for (index, node) in nodes.iter().enumerate() {
        let mut words = vec![format!("{level:02}"), node.name.map_or("FILLER".to_owned(), name)];
        if node.redefines {
            words.push(format!("REDEFINES {}", previous.map(name).unwrap_or_default()));
        }
        let mut clauses = match &node.kind {
            Kind::Value { clauses, .. } => clauses.clone(),
            Kind::Group(_) => Vec::new(),
        };
        if node.redefines || matches!(node.times, Times::Depending(..)) || node.name.is_none() {
            clauses.retain(|clause| !clause.starts_with("VALUE"));
        }
        match node.times {
            Times::Once => {}
            Times::Fixed(n) => {
                clauses.push(format!("OCCURS {n} TIMES INDEXED BY I-ITEM-{} J-ITEM-{}", out.len(), out.len()))
            }
            Times::Depending(least, most) => {
                let count = nodes[index - 1].name.map(name).unwrap_or_default();
                clauses.push(format!("OCCURS {least} TO {most} DEPENDING ON {count}"));
            }
        }
        words.extend(clauses);
        entry(out, style, level, &words.join(" "));
        match &node.kind {
            Kind::Value { conditions, .. } => {
                for (number, condition) in conditions.iter().enumerate() {
                    entry(out, style, level + 1, &format!("88 IS-ITEM-{}-{number} {condition}", out.len()));
                }
            }
            Kind::Group(inner) => entries(out, inner, style, level),
        }
        if !node.redefines {
            previous = node.name;
        }
    }
}

/// Writes the words of an entry, in as many lines as the style has.
fn entry(out: &mut String, style: &Style, level: u8, text: &str) {
    if style.comments {
        out.push_str(if style.free {
            "*> a comment. 05 X PIC X.\n"
        } else {
            "      * a comment. 05 X PIC X.\n"
        });
    }
    let text = format!("{}.", text.replace("ITEM-", &style.prefix));
    // Literals stay as they are, and in one line.
    let mut words: Vec<String> = Vec::new();
    for (index, part) in text.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(format!("'{part}'"));
        } else {
            let case = |word: &str| if style.small { word.to_lowercase() } else { word.to_owned() };
            words.extend(part.split(' ').filter(|word| !word.is_empty()).map(case));
        }
    }
    // What a quote doubles was cut there as well; a period and a comma belong to the word before them.
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        match joined.last_mut() {
            Some(last) if last.ends_with('\'') && word.starts_with(['\'', '.', ',']) => last.push_str(&word),
            _ => joined.push(word),
        }
    }
    let indent = usize::from(level % 5);
    let mut line = String::new();
    let mut lines = Vec::new();
    for (index, word) in joined.iter().enumerate() {
        let full = index > 1 && (index % style.words == 0 || line.len() + word.len() > 58);
        if full && !(style.currency_inside && word.starts_with('$')) {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
        line.push(' ');
    }
    lines.push(line);
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim_end();
        if style.free {
            let indent = if index == 0 { indent.min(3) } else { indent + 9 };
            out.push_str(&format!("{:indent$}{line}\n", ""));
        } else if style.numbered {
            let text = format!("{:indent$}{line}", "");
            out.push_str(&format!("{:06} {text:<65}05 B P\n", out.len() % 1_000_000));
        } else {
            out.push_str(&format!("       {:indent$}{line}\n", ""));
        }
    }
}
