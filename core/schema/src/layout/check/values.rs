//! Values that a field can never have: constants, listed texts, totals and counts that need more room than it has.

use portolan_diagnostics::{Code, Diagnostic};
use portolan_syntax::expression::Arithmetic;

use super::texts::{Room, before_the_point, digits, misfit, storage, whole_digits};
use crate::{
    Occurs, TypeId,
    layout::{
        Base, Binary, CheckDigit, Extent, Form, Formula, Item, Layout, MomentKind, Node, NodeId, PackedSign,
        Reference, Sign, Storage, Times, pattern, read::Spans,
    },
};

/// Checks what an item's value may be.
pub(super) fn check(
    layout: &Layout,
    id: NodeId,
    item: &Item,
    path: &[u32],
    spans: &Spans,
    findings: &mut Vec<Diagnostic>,
) {
    counted(layout, id, item, path, spans, findings);
    let Some(stored) = storage(&item.content) else { return };
    room(item, stored, path, spans, findings);
    let mut never = |key: &str, what: &str, why: String| {
        let message = format!("`{}` cannot be {what}: {why}", item.name);
        findings.push(Diagnostic::error(Code::LAYOUT_NEVER, message).at(spans.key(path, key), ""));
    };
    if let Some(default) = &item.default
        && let Some(why) = misfit(stored, item.extent, default)
    {
        never("default", &format!("its default `{default}`"), why);
    }
    for value in listed(layout, id, path).into_iter().flatten() {
        if let Some(why) = misfit(stored, item.extent, value) {
            never("values", &format!("`{value}`"), why);
            break;
        }
    }
    let Some(check) = &item.value else { return };
    if let Formula::Text(text) = &check.formula {
        if let Some(why) = misfit(stored, item.extent, text) {
            never("value", &format!("`{text}`"), why);
        }
        return;
    }
    let (Some(room), Some(need)) = (digits(stored), need(layout, &check.formula)) else { return };
    let mut tight = |message: String, help: &str| {
        let finding = Diagnostic::warning(Code::LAYOUT_NEVER, message).at(spans.key(path, "value"), "");
        findings.push(finding.help(help));
    };
    if need.whole > room.whole {
        let message = format!(
            "`{}` holds {}, and what it is computed from has {}",
            item.name,
            before_the_point(room.whole),
            need.whole
        );
        tight(message, "widen its picture, or keep the last digits: `... % 10000`");
    } else if need.fraction > room.fraction {
        let message = format!(
            "`{}` holds {} digits after the point, and what it is computed from has {}",
            item.name, room.fraction, need.fraction
        );
        tight(message, "write the point into its picture: `9(8)V99`");
    }
}

/// Dates and digits that need more bytes than there are.
fn room(item: &Item, stored: &Storage, path: &[u32], spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let Extent::Bytes(bytes) = item.extent else { return };
    // Of a picture its length is told of already.
    let digits = spans.has(path, "digits");
    let mut short = |key: &str, message: String| {
        let finding = Diagnostic::error(Code::LAYOUT_LENGTH, message).at(spans.key(path, key), "");
        findings.push(finding);
    };
    match &stored.form {
        Form::Moment(moment) => {
            let need = pattern::length(&moment.parts);
            let (has, what) = match &moment.base {
                Base::Text(encoding) => (bytes / encoding.width().unwrap_or(1), "characters"),
                Base::Packed(packed) => (u32::from(packed.digits.count), "digits"),
                Base::Binary(Binary { digits: Some(digits), .. }) => (u32::from(*digits), "digits"),
                Base::Binary(_) => return,
            };
            if need > has {
                let key = match moment.kind {
                    MomentKind::Date => "date",
                    MomentKind::Time => "time",
                    MomentKind::DateTime => "datetime",
                };
                short(
                    key,
                    format!("`{}` has {need} {what}, and the field {has}", pattern::text(&moment.parts)),
                );
            }
        }
        Form::Zoned(zoned) if digits => {
            let beside =
                u32::from(matches!(zoned.sign, Sign::Separate(_))) + u32::from(zoned.point.is_some());
            let need = u32::from(zoned.digits.count) + beside;
            if need > bytes {
                short(
                    "digits",
                    format!("{} digits need {need} bytes, and the field has {bytes}", zoned.digits.count),
                );
            }
        }
        Form::Packed(packed) if digits => {
            let nibbles = u32::from(packed.digits.count) + u32::from(packed.sign != PackedSign::None);
            if nibbles.div_ceil(2) > bytes {
                let need = nibbles.div_ceil(2);
                short(
                    "digits",
                    format!("{} digits need {need} bytes, and the field has {bytes}", packed.digits.count),
                );
            }
        }
        _ => {}
    }
}

/// The only texts that a field may have.
pub(super) fn listed<'l>(layout: &'l Layout, id: NodeId, path: &[u32]) -> Option<Vec<&'l str>> {
    let node = layout.node(id);
    let (last, around) = path.split_last()?;
    let mut record = node.record;
    let mut items = node.shape.as_ref()?.items.as_slice();
    for index in around {
        let item = items.get(*index as usize)?;
        if let crate::layout::ItemContent::Group(inner, _) = &item.content {
            record = *inner;
        }
        items = item.items();
    }
    let field = items.get(*last as usize)?.field?;
    let TypeId::Scalar(scalar) = layout.schema.field(record, field).ty else { return None };
    let enumeration = layout.schema.scalar(scalar).enumeration.as_ref().filter(|values| !values.open)?;
    Some(enumeration.values.iter().map(|value| value.name.as_str()).collect())
}

/// A count whose field cannot say the most.
fn counted(
    layout: &Layout,
    id: NodeId,
    item: &Item,
    path: &[u32],
    spans: &Spans,
    findings: &mut Vec<Diagnostic>,
) {
    let Times::Counted { most, by, words, .. } = &item.times else { return };
    let shape = layout.node(id).shape.as_ref();
    let Some(count) = shape.and_then(|shape| shape.at(by)).filter(|_| !by.is_empty()) else { return };
    if let Some((word, number)) = words.iter().find(|(_, number)| number > most) {
        let message = format!("`{word}` means {number}, and there are {most} at most");
        findings.push(Diagnostic::error(Code::LAYOUT_NEVER, message).at(spans.key(path, "counts"), ""));
    }
    let Some(room) = storage(&count.content).and_then(digits).filter(|_| words.is_empty()) else { return };
    let says = 10u64.checked_pow(room.whole).map_or(u64::MAX, |power| power - 1);
    if says < u64::from(*most) {
        let message = format!("`{}` counts to {says}, and there may be {most}", count.name);
        let finding = Diagnostic::warning(Code::LAYOUT_NEVER, message).at(spans.key(path, "occurs"), "");
        findings.push(
            finding
                .at(spans.key(by, "picture"), "the count")
                .help("correct the greater, or widen the picture"),
        );
    }
}

/// Room that a computed value surely needs for some record; `None` where that cannot be said.
fn need(layout: &Layout, formula: &Formula) -> Option<Room> {
    let whole = |whole: u32| Room { whole, fraction: 0, signed: false };
    let greater = |a: Room, b: Room| Room {
        whole: a.whole.max(b.whole),
        fraction: a.fraction.max(b.fraction),
        signed: a.signed || b.signed,
    };
    Some(match formula {
        Formula::Number(number) => {
            let number = number.normalized();
            Room {
                whole: whole_digits(number),
                fraction: u32::from(number.scale),
                signed: number.mantissa < 0,
            }
        }
        Formula::Field(reference) | Formula::Sum(reference, _) => of_field(layout, reference)?,
        Formula::Count(nodes, _) => whole(most(layout, nodes).checked_ilog10().map_or(1, |log| log + 1)),
        Formula::Ordinal(_) | Formula::File(_) => whole(1),
        Formula::CheckDigit(CheckDigit::Mod97, _) => whole(2),
        Formula::CheckDigit(..) => whole(1),
        Formula::Negate(a) => need(layout, a)?,
        Formula::Conditional(_, a, b) => greater(need(layout, a)?, need(layout, b)?),
        Formula::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, a, b) => {
            greater(need(layout, a)?, need(layout, b)?)
        }
        Formula::Arithmetic(Arithmetic::Remainder, a, b) => {
            let a = need(layout, a)?;
            let Formula::Number(modulus) = &**b else { return None };
            // The remainder of a power of ten has a digit less.
            let modulus = modulus.to_integer()?.unsigned_abs().checked_sub(1)?;
            let digits = modulus.checked_ilog10().map_or(1, |log| log + 1);
            Room { whole: a.whole.min(digits), ..a }
        }
        _ => return None,
    })
}

fn of_field(layout: &Layout, reference: &Reference) -> Option<Room> {
    let item = layout.node(reference.record).shape.as_ref()?.at(&reference.item)?;
    digits(storage(&item.content)?)
}

/// How many records of these kinds there may be at most, as far as the layout bounds them; 1 where it does not.
fn most(layout: &Layout, nodes: &[NodeId]) -> u32 {
    let bounded = |node: &Node| match node.occurs {
        Occurs { max: Some(max), .. } => max,
        Occurs { max: None, .. } => 1,
    };
    nodes.iter().map(|id| bounded(layout.node(*id))).fold(0, u32::saturating_add).max(1)
}
