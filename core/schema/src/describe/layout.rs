//! A layout as its users read it beside the printed specification: the file, the tree of its records, and a ruler for each.

use std::fmt::Write as _;

use super::{
    file, formula,
    rows::{Place, Row, rows},
    usual::Usual,
};
use crate::{
    Occurs,
    layout::{Extent, Layout, Node, NodeId, Order, Times, UnknownRecords},
};

/// How wide a line is before what is said of a field goes on in the next one.
const WIDTH: usize = 120;
/// What is said of a field has this much room at least.
const LEAST_NOTES: usize = 36;
/// Names wider than this do not push the other columns away.
const MAX_NAME: usize = 40;

/// A layout for people; of one record only, where `only` says which. Without `framed` it is a copybook's, which says nothing of a file.
pub fn describe_layout(layout: &Layout, only: Option<NodeId>, framed: bool) -> String {
    let mut out = String::new();
    let usual = if framed { Usual::of(layout) } else { Usual::bare() };
    let _ = writeln!(out, "{} {}", if framed { "layout" } else { "copybook" }, layout.name);
    for line in layout.schema.record(layout.root).doc.as_deref().into_iter().flat_map(str::lines) {
        let _ = writeln!(out, "  # {line}");
    }
    if framed {
        for sentence in file::sentences(&layout.file) {
            let _ = writeln!(out, "  {sentence}");
        }
        if let Some(says) = usual.says() {
            let _ = writeln!(out, "  {says}");
        }
        if layout.unknown == UnknownRecords::Skip {
            out.push_str("  records of no known kind are passed over\n");
        }
        if only.is_none() {
            out.push('\n');
            tree(&mut out, layout);
        }
    }
    let mut early = false;
    for (id, node) in layout.nodes() {
        if only.is_none_or(|only| only == id) && node.shape.is_some() {
            early |= record(&mut out, layout, (id, node), framed, &usual);
        }
    }
    if let Some(id) = only.filter(|id| layout.node(*id).shape.is_none()) {
        let within: Vec<String> = layout.node(id).children.iter().map(|child| layout.path(*child)).collect();
        let _ = writeln!(out, "\n{} is a group of {}", layout.path(id), within.join(", "));
    }
    if early {
        out.push_str("\n`9+` is column 9 at the earliest: what stands before it varies in length.\n");
    }
    out
}

/// The records as a tree: how often, and by what they are told apart.
fn tree(out: &mut String, layout: &Layout) {
    let mut lines: Vec<[String; 3]> = Vec::new();
    grow(layout, &layout.top, 0, &mut lines);
    let order = if layout.order == Order::Any { ", in any order" } else { "" };
    let _ = writeln!(out, "records{order}");
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let (name, occurs) = (width(0), width(1));
    for [record, often, when] in &lines {
        let line = format!("  {record:name$}  {often:occurs$}  {when}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn grow(layout: &Layout, nodes: &[NodeId], depth: usize, lines: &mut Vec<[String; 3]>) {
    for id in nodes {
        let node = layout.node(*id);
        let mut says = Vec::new();
        if let Some(rule) = &node.when {
            says.push(formula::rule(layout, *id, rule));
        }
        if node.shape.is_none() {
            says.push("a group of the records below".to_owned());
        }
        if node.order == Order::Any && node.children.len() > 1 {
            says.push("those below in any order".to_owned());
        }
        lines.push([format!("{}{}", "  ".repeat(depth), node.name), often(node.occurs), says.join("; ")]);
        grow(layout, &node.children, depth + 1, lines);
    }
}

/// How often a record stands there.
fn often(occurs: Occurs) -> String {
    match (occurs.min, occurs.max) {
        (1, Some(1)) => "once".to_owned(),
        (0, Some(1)) => "once or not".to_owned(),
        (0, None) => "any number".to_owned(),
        (least, None) => format!("{least} or more"),
        (least, Some(most)) if least == most => format!("{least} times"),
        (least, Some(most)) => format!("{least} to {most} times"),
    }
}

/// The ruler of a record; whether any of its fields has no fixed place.
fn record(
    out: &mut String,
    layout: &Layout,
    (id, node): (NodeId, &Node),
    framed: bool,
    usual: &Usual,
) -> bool {
    let Some(shape) = &node.shape else { return false };
    let length = match shape.length {
        (least, Some(most)) if least == most => format!("{least} bytes"),
        (least, Some(most)) => format!("{least} to {most} bytes"),
        (least, None) => format!("{least} bytes or more"),
    };
    let _ = writeln!(out, "\nrecord {}, {length}", layout.path(id));
    let doc = layout.schema.record(node.record).doc.as_deref();
    for line in doc.into_iter().flat_map(str::lines) {
        let _ = writeln!(out, "  # {line}");
    }
    if framed {
        if let Some(rule) = &node.when {
            let _ = writeln!(out, "  told by: {}", formula::rule(layout, id, rule));
        }
        for require in &node.require {
            let _ = writeln!(out, "  requires: {}", require.text);
        }
    }
    let rows = rows(layout, id, shape, usual);
    table(out, &rows);
    rows.iter().any(|row| matches!(row.place, Place::From(_) | Place::ValueFrom(_)))
}

fn table(out: &mut String, rows: &[Row]) {
    const HEADINGS: [&str; 6] = ["columns", "offset", "bytes", "name", "picture", "type"];
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            let name = if row.kind == "filler" { "-" } else { row.name.as_str() };
            let many = if matches!(row.times, Times::Once) { "" } else { "[]" };
            // Where a variant lies, its own fields say.
            let placed = row.kind != "variant";
            let shown = |text: String| if placed { text } else { String::new() };
            [
                shown(columns(row)),
                shown(offset(row.place)),
                shown(extent(row.extent)),
                format!("{}{name}{many}", "  ".repeat(row.depth)),
                row.picture.clone(),
                row.kind.clone(),
            ]
        })
        .collect();
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let widths = cells.iter().map(|row| row[column].chars().count());
        let least = HEADINGS[column].len();
        widths.filter(|width| column != 3 || *width <= MAX_NAME).max().unwrap_or(0).max(least)
    });
    let line = |cells: [&str; 6]| {
        let [columns, offset, bytes, name, picture, kind] = cells;
        let [a, b, c, d, e, f] = widths;
        format!("  {columns:>a$}  {offset:>b$}  {bytes:>c$}  {name:d$}  {picture:e$}  {kind:f$}")
    };
    let _ = writeln!(out, "{}", line(HEADINGS).trim_end());
    for (row, cells) in rows.iter().zip(&cells) {
        let start = line(cells.each_ref().map(String::as_str));
        let indent = start.chars().count() + 2;
        let mut notes = row.notes.join(", ");
        if let Some(doc) = row.doc.as_deref().and_then(|doc| doc.lines().next()) {
            if !notes.is_empty() {
                notes.push_str("  ");
            }
            notes.push_str(&format!("# {doc}"));
        }
        let mut wrapped = wrap(&notes, WIDTH.saturating_sub(indent).max(LEAST_NOTES)).into_iter();
        let first = wrapped.next().unwrap_or_default();
        let _ = writeln!(out, "{}", format!("{start}  {first}").trim_end());
        for more in wrapped {
            let _ = writeln!(out, "{:indent$}{more}", "");
        }
    }
}

/// Lines of at most so many characters, broken at blanks; words that are longer stay whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `4-13`, as specifications count; of a list its first item.
fn columns(row: &Row) -> String {
    let length = match row.extent {
        Extent::Bytes(bytes) => Some(bytes),
        Extent::Characters(_) | Extent::Counted(_) | Extent::Rest => None,
    };
    match (row.place, length) {
        (Place::At(at), Some(0 | 1)) => format!("{}", at.saturating_add(1)),
        (Place::At(at), Some(length)) => format!("{}-{}", at.saturating_add(1), at.saturating_add(length)),
        (Place::At(at), None) => format!("{}-", at.saturating_add(1)),
        (Place::From(at), _) => format!("{}+", at.saturating_add(1)),
        (Place::BeforeEnd(bytes), _) => format!("end-{bytes}"),
        (Place::Value(number), _) => number.to_string(),
        (Place::ValueFrom(number), _) => format!("{number}+"),
    }
}

fn offset(place: Place) -> String {
    match place {
        Place::At(at) => at.to_string(),
        Place::From(at) => format!("{at}+"),
        Place::BeforeEnd(_) | Place::Value(_) | Place::ValueFrom(_) => String::new(),
    }
}

fn extent(extent: Extent) -> String {
    match extent {
        Extent::Bytes(bytes) => bytes.to_string(),
        Extent::Characters(characters) => format!("{characters} chars"),
        Extent::Counted(most) => format!("to {most}"),
        Extent::Rest => "rest".to_owned(),
    }
}
