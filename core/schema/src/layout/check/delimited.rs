//! What lines of delimited values cannot have: they are values in a row, each as long as it is.

use portolan_diagnostics::{Code, Diagnostic};

use super::{MAX_FINDINGS, each};
use crate::layout::{
    Extent, FileValue, Formula, Framing, Item, Layout, Node, NodeId, Order, Start, read::Spans,
};

/// Checks the items of a record whose values are delimited.
pub(super) fn check(layout: &Layout, id: NodeId, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let Framing::Delimited(_) = &layout.file.framing else { return };
    let Some(shape) = &layout.node(id).shape else { return };
    let before = findings.len();
    each(&shape.items, &mut Vec::new(), &mut |path, item| {
        if findings.len() - before >= MAX_FINDINGS {
            return;
        }
        if let Some((what, help)) = refused(item) {
            let message = format!("`{}` {what}, which delimited values cannot have", item.name);
            findings
                .push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(spans.item(path), "").help(help));
        }
        if item.value.as_ref().is_some_and(|value| known_later(layout, id, &value.formula)) {
            let message = format!(
                "`{}` is computed of what follows its line, and a delimited line is not written over",
                item.name
            );
            let finding = Diagnostic::warning(Code::LAYOUT_NEVER, message).at(spans.key(path, "value"), "");
            findings
                .push(finding.help("reading verifies it; `encode` wants it given, and writes what is given"));
        }
    });
}

/// What an item has that only bytes at fixed places have, and what to do instead.
fn refused(item: &Item) -> Option<(&'static str, &'static str)> {
    Some(match (item.start, item.extent) {
        (Start::Like(_), _) => ("shares its bytes with another", "leave `redefines` out"),
        (Start::FromEnd(_), _) => ("counts from the end", "leave `from-end` out: fields are in their order"),
        (_, Extent::Counted(_)) => {
            ("has its length in another", "leave `depending-on` out: a value ends at the delimiter")
        }
        _ => return None,
    })
}

/// Whether a formula of a record needs what comes after it.
fn known_later(layout: &Layout, id: NodeId, formula: &Formula) -> bool {
    let later = |counted: NodeId| comes_later(layout, id, counted);
    let any = |formula: &Formula| known_later(layout, id, formula);
    match formula {
        Formula::Count(nodes, _) => nodes.first().copied().is_some_and(later),
        Formula::Items(reference, _) | Formula::Sum(reference, _) => {
            reference.record != id && later(reference.record)
        }
        Formula::File(FileValue::Blocks | FileValue::Records) => {
            let last = layout.top.last() == Some(&id) && layout.order == Order::Declared;
            !(last && layout.node(id).occurs.max == Some(1))
        }
        Formula::CheckDigit(_, a) | Formula::Negate(a) | Formula::Not(a) => any(a),
        Formula::Arithmetic(_, a, b) | Formula::Compare(_, a, b) | Formula::And(a, b) | Formula::Or(a, b) => {
            any(a) || any(b)
        }
        Formula::In(a, list) => any(a) || list.iter().any(any),
        Formula::Conditional(a, b, c) => any(a) || any(b) || any(c),
        _ => false,
    }
}

/// Whether records that are counted come after the record that counts them.
fn comes_later(layout: &Layout, id: NodeId, counted: NodeId) -> bool {
    let (mine, theirs) = (chain(layout, id), chain(layout, counted));
    let around = mine.iter().find(|around| theirs.contains(around) && **around != counted).copied();
    if around == Some(id) {
        return true;
    }
    let of = |node: &Node| (node.order, node.children.clone());
    let (order, beside) = around.map_or((layout.order, layout.top.clone()), |around| of(layout.node(around)));
    let at = |chain: &[NodeId]| beside.iter().position(|node| chain.contains(node));
    id != counted && (order == Order::Any || at(&theirs) > at(&mine))
}

/// A record or group, and those around it from the inside outwards.
fn chain(layout: &Layout, id: NodeId) -> Vec<NodeId> {
    std::iter::successors(Some(id), |id| layout.node(*id).parent).collect()
}
