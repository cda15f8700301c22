//! What cannot be right about a layout, found before any file is read.

mod apart;
mod delimited;
mod excluded;
mod names;
mod never;
mod places;
mod texts;
mod values;

use portolan_diagnostics::{Diagnostic, Severity};

use super::{Item, ItemContent, Layout, Times, read::Spans};

/// No more findings of one kind for one record: whoever has so many mends the first.
const MAX_FINDINGS: usize = 20;

/// Overlaps, gaps and lengths; names that mean two things; conditions that cannot tell records apart or never hold; values that their
/// fields cannot have.
pub(super) fn check(layout: &Layout, spans: &[Spans], findings: &mut Vec<Diagnostic>) {
    // A field that could not be read leaves a gap that is none.
    let whole = findings.iter().all(|finding| finding.severity != Severity::Error);
    names::check(layout, spans, findings);
    for (id, node) in layout.nodes() {
        let Some(places) = spans.get(id.0 as usize) else { continue };
        let Some(shape) = &node.shape else { continue };
        places::check(layout, node, places, whole, findings);
        delimited::check(layout, id, places, findings);
        if let Some(rule) = &node.when {
            never::check(layout, id, rule, places, &[], findings);
        }
        each(&shape.items, &mut Vec::new(), &mut |path, item| {
            // Of a list that ends where its condition does columns are counted from each of its items.
            let relative = matches!(&item.times, Times::Counted { by, .. } if by.is_empty());
            if let Some(rule) = item.when.as_ref().filter(|_| !relative) {
                never::check(layout, id, rule, places, path, findings);
            }
            if places.declares(path) {
                values::check(layout, id, item, path, places, findings);
            }
        });
        apart::variants(layout, id, places, findings);
    }
    // What could not be read of a condition tells nothing apart.
    if whole {
        apart::check(layout, spans, findings);
    }
}

/// Every item with its indexes, groups before what is in them.
fn each<'l>(items: &'l [Item], path: &mut Vec<u32>, see: &mut dyn FnMut(&[u32], &'l Item)) {
    for (index, item) in items.iter().enumerate() {
        path.push(index as u32);
        see(path, item);
        if let ItemContent::Group(_, items) = &item.content {
            each(items, path, see);
        }
        path.pop();
    }
}
