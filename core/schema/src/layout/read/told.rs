//! What tells a record from others is written into it where nobody says it: the code in its first columns. To mappings it is a field that
//! is always the same.

use crate::layout::{
    Extent, Filler, Fillers, Form, Framing, Item, ItemContent, Layout, Matches, NodeId, Start, Storage, Test,
    Times,
};

/// Gives the fields for which a record's `when:` names one text that text as their default, where they have none.
pub(super) fn defaults(layout: &mut Layout) {
    for index in 0..layout.nodes.len() {
        let id = NodeId(index as u32);
        let node = layout.node(id);
        let Some([tests]) = node.when.as_ref().map(|rule| rule.any.as_slice()) else { continue };
        let told: Vec<(Vec<u32>, Box<str>)> =
            tests.iter().filter_map(|test| told(layout, id, test)).collect();
        let record = layout.nodes[index].record;
        let Some(shape) = &mut layout.nodes[index].shape else { continue };
        for (path, text) in told {
            // Those within groups are left: mappings may see the group otherwise.
            if let ([index], Some(field)) = (path.as_slice(), shape.at(&path).and_then(|item| item.field))
                && shape.items.get(*index as usize).is_some_and(|item| !item.redefines())
            {
                layout.schema.record_mut(record).fields[field.0 as usize].fixed = Some(text.to_string());
            }
            if let Some(item) =
                shape.at_mut(&path).filter(|item| item.default.is_none() && item.value.is_none())
            {
                item.default = Some(text);
            }
        }
    }
}

/// Gives records fillers where their `when:` asks for a text in columns of which they have no field: so that it is written.
pub(super) fn fillers(layout: &mut Layout) {
    if matches!(layout.file.framing, Framing::Delimited(_)) {
        return;
    }
    for node in &mut layout.nodes {
        let (Some([tests]), Some(shape)) =
            (node.when.as_ref().map(|rule| rule.any.as_slice()), &mut node.shape)
        else {
            continue;
        };
        for test in tests {
            let Test::Columns { from, to: Some(to), matches: Matches::Literals(texts) } = test else {
                continue;
            };
            let [text] = texts.as_slice() else { continue };
            let wide = text.chars().count() as u64 == u64::from(to - from);
            if !wide || shape.items.iter().any(|item| covers(item, 0, *from, *to)) {
                continue;
            }
            shape.items.push(Item {
                name: "".into(),
                title: None,
                field: None,
                start: Start::At(*from),
                extent: Extent::Bytes(to - from),
                times: Times::Once,
                content: ItemContent::Filler(Filler { fill: Fillers::Text(text.clone()), exact: false }),
                when: None,
                measured: None,
                sign: None,
                variant: false,
                value: None,
                require: None,
                default: None,
            });
        }
    }
}

/// Whether an item may have bytes of these columns; `base` is where its group begins.
fn covers(item: &Item, base: u32, from: u32, to: u32) -> bool {
    let Start::At(start) = item.start else { return false };
    let start = base.saturating_add(start);
    // Of variants, their own fields say.
    if !item.items().is_empty() && item.when.is_some() {
        return item.items().iter().any(|inner| covers(inner, start, from, to));
    }
    let times = match item.times {
        Times::Once => 1,
        Times::Fixed(times) => times,
        Times::Counted { most, .. } => most,
    };
    let end = match item.extent {
        Extent::Bytes(bytes) => start.saturating_add(bytes.saturating_mul(times)),
        Extent::Characters(_) | Extent::Counted(_) | Extent::Rest => u32::MAX,
    };
    start < to && from < end
}

/// The item that is one value of a line between delimiters, where it is known how many values come before it.
fn value_at(items: &[Item], from: u32, to: u32) -> Option<usize> {
    let at = usize::try_from(from).ok().filter(|_| to == from + 1)?;
    let is_one = |item: &Item| item.times == Times::Once && item.when.is_none() && item.items().is_empty();
    items.get(..=at)?.iter().all(is_one).then_some(at)
}

/// The field that a test is about, and what must stand there.
fn told(layout: &Layout, id: NodeId, test: &Test) -> Option<(Vec<u32>, Box<str>)> {
    match test {
        Test::Columns { from, to: Some(to), matches: Matches::Literals(texts) } => {
            let [text] = texts.as_slice() else { return None };
            let items = &layout.node(id).shape.as_ref()?.items;
            let is = |storage: &Storage| matches!(storage.form, Form::Text(_) | Form::Zoned(_));
            let fits = |item: &Item| {
                item.times == Times::Once
                    && matches!(&item.content, ItemContent::Value(storage) if is(storage))
            };
            let at = match layout.file.framing {
                Framing::Delimited(_) => value_at(items, *from, *to).filter(|at| fits(&items[*at]))?,
                _ => items.iter().position(|item| {
                    item.start == Start::At(*from) && item.extent == Extent::Bytes(to - from) && fits(item)
                })?,
            };
            Some((vec![at as u32], text.clone()))
        }
        Test::Value(reference, Matches::Literals(texts)) if reference.record == id => {
            let [text] = texts.as_slice() else { return None };
            Some((reference.item.clone(), text.clone()))
        }
        _ => None,
    }
}
