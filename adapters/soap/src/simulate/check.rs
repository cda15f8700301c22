//! A request against its schema, as far as a strict legacy service would look: names, order, and what must be there.

use portolan_schema::{
    Content, Field, FieldId, Name, Occurs, Particle, Record, RecordId, Schema, TypeId, Wire,
};

use super::request::Element;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What is wrong with an element of this type, in words without values; `None` where nothing is.
pub(crate) fn complaint(schema: &Schema, ty: TypeId, element: &Element) -> Option<String> {
    let TypeId::Record(id) = ty else {
        let child = element.children.first()?;
        return Some(format!("`{}` is not expected in `{}`", child.name.local, element.name.local));
    };
    let says = |local: &str| element.attributes.iter().find(|(n, _)| n.namespace == XSI && n.local == local);
    // A nil element is empty; one that names its own type is not followed there.
    if says("nil").is_some_and(|(_, value)| matches!(value.trim(), "true" | "1")) || says("type").is_some() {
        return None;
    }
    let record = schema.record(id);
    missing_attribute(record, element)
        .or_else(|| unexpected(schema, record, element))
        .or_else(|| wrong_number(record, element))
        .or_else(|| out_of_order(record, element))
}

/// As [`complaint`], for a header: other parts than the declared ones may stand there.
pub(crate) fn header_complaint(
    schema: &Schema,
    header: RecordId,
    element: Option<&Element>,
) -> Option<String> {
    let nothing = Element { name: Name::plain("Header"), ..Element::default() };
    let element = element.unwrap_or(&nothing);
    let record = schema.record(header);
    let known = element.children.iter().filter_map(|child| Some((child, field_of(record, &child.name)?)));
    let inner = known.into_iter().find_map(|(child, (_, field))| complaint(schema, field.ty, child));
    inner.or_else(|| wrong_number(record, element))
}

fn field_of<'a>(record: &'a Record, name: &Name) -> Option<(FieldId, &'a Field)> {
    record.fields_with_ids().find(|(_, field)| matches!(&field.wire, Wire::Element(wire) if wire == name))
}

fn missing_attribute(record: &Record, element: &Element) -> Option<String> {
    record.fields.iter().find_map(|field| match &field.wire {
        Wire::Attribute(name)
            if field.occurs.min > 0 && !element.attributes.iter().any(|(n, _)| n == name) =>
        {
            Some(format!("attribute `{}` is missing from `{}`", name.local, element.name.local))
        }
        _ => None,
    })
}

fn unexpected(schema: &Schema, record: &Record, element: &Element) -> Option<String> {
    element.children.iter().find_map(|child| match field_of(record, &child.name) {
        Some((_, field)) => complaint(schema, field.ty, child),
        None if record.open => None,
        None => Some(format!("`{}` is not expected in `{}`", child.name, element.name.local)),
    })
}

fn wrong_number(record: &Record, element: &Element) -> Option<String> {
    record.fields.iter().find_map(|field| {
        let Wire::Element(name) = &field.wire else { return None };
        let count = element.children.iter().filter(|child| child.name == *name).count();
        if (count as u64) < u64::from(field.occurs.min) {
            return Some(format!("`{}` is missing from `{}`", name.local, element.name.local));
        }
        let most = field.occurs.max.map_or(u64::MAX, u64::from);
        (count as u64 > most)
            .then(|| format!("`{}` stands too often in `{}`", name.local, element.name.local))
    })
}

/// Only plain sequences of elements are judged; what stands in choices and groups may come in more than one order.
fn out_of_order(record: &Record, element: &Element) -> Option<String> {
    let Content::Ordered(Particle::Sequence(Occurs::ONCE, members)) = &record.content else { return None };
    let order: Vec<FieldId> =
        members.iter().map_while(|m| if let Particle::Field(id) = m { Some(*id) } else { None }).collect();
    if order.len() != members.len() {
        // A content model is often one sequence within another.
        let [Particle::Sequence(Occurs::ONCE, inner)] = &members[..] else { return None };
        let inner = Record {
            content: Content::Ordered(Particle::Sequence(Occurs::ONCE, inner.clone())),
            ..record.clone()
        };
        return out_of_order(&inner, element);
    }
    let place = |child: &Element| {
        let (id, _) = field_of(record, &child.name)?;
        order.iter().position(|other| *other == id)
    };
    let mut last = 0;
    element.children.iter().find_map(|child| {
        let at = place(child)?;
        let wrong = at < last;
        last = at.max(last);
        wrong.then(|| format!("`{}` stands in the wrong place in `{}`", child.name.local, element.name.local))
    })
}
