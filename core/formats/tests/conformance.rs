//! What every format must do: random trees of values are written, read back through a selection of everything, and
//! are equal. A new format joins with a line at the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bumpalo::Bump;
use portolan_formats::{
    Captured, DateTime, Decimal, Decoder, NodeId, Reader, Rows, Selected, Selection, Slot, Unknown, Value,
    Writer, protobuf::ProtobufWriter, xml::XmlWriter,
};
use portolan_schema::{
    Content, Document, Facets, Field, FieldId, Name, Occurs, Presence, ProtoKind, Record, RecordId, Scalar,
    ScalarKind, Schema, TypeId, Wire,
};
use proptest::prelude::*;

/// A value that owns its text.
#[derive(Debug, Clone, PartialEq)]
enum Leaf {
    Text(String),
    Bytes(Vec<u8>),
    Bool(bool),
    Integer(i128),
    Decimal(i64, u8),
    Double(f64),
    Seconds(i64),
    Span(i64, i32),
}

#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Leaf(Leaf),
    Record(Vec<(usize, Tree)>),
    List(Vec<Tree>),
}

const KINDS: [(ProtoKind, fn() -> ScalarKind); 13] = [
    (ProtoKind::String, || ScalarKind::String),
    (ProtoKind::Bytes, || ScalarKind::Base64),
    (ProtoKind::Bool, || ScalarKind::Bool),
    (ProtoKind::Int64, || ScalarKind::Integer { signed: true, bits: 64 }),
    (ProtoKind::Sint64, || ScalarKind::Integer { signed: true, bits: 64 }),
    (ProtoKind::Sfixed64, || ScalarKind::Integer { signed: true, bits: 64 }),
    (ProtoKind::Uint64, || ScalarKind::Integer { signed: false, bits: 64 }),
    (ProtoKind::Int32, || ScalarKind::Integer { signed: true, bits: 32 }),
    (ProtoKind::Decimal, || ScalarKind::Decimal),
    (ProtoKind::Double, || ScalarKind::Double),
    (ProtoKind::Timestamp, || ScalarKind::DateTime),
    (ProtoKind::Duration, || ScalarKind::Duration),
    (ProtoKind::StringValue, || ScalarKind::String),
];

fn leaf(kind: usize) -> BoxedStrategy<Leaf> {
    let text = proptest::collection::vec(
        prop_oneof![
            Just('a'),
            Just('&'),
            Just('<'),
            Just('>'),
            Just('"'),
            Just('\r'),
            Just('\n'),
            Just(' '),
            Just('ü'),
            Just('\u{FFFD}'),
            Just('𝄞')
        ],
        0..200,
    )
    .prop_map(|chars| Leaf::Text(chars.into_iter().collect()));
    match KINDS[kind].0 {
        ProtoKind::String | ProtoKind::StringValue => text.boxed(),
        ProtoKind::Bytes => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Leaf::Bytes).boxed(),
        ProtoKind::Bool => any::<bool>().prop_map(Leaf::Bool).boxed(),
        ProtoKind::Uint64 => any::<u64>().prop_map(|n| Leaf::Integer(n.into())).boxed(),
        ProtoKind::Int32 => any::<i32>().prop_map(|n| Leaf::Integer(n.into())).boxed(),
        ProtoKind::Decimal => (any::<i64>(), 0u8..20).prop_map(|(m, s)| Leaf::Decimal(m, s)).boxed(),
        ProtoKind::Double => {
            any::<f64>().prop_filter("one NaN is not another", |f| !f.is_nan()).prop_map(Leaf::Double).boxed()
        }
        ProtoKind::Timestamp => (-60_000_000_000i64..250_000_000_000).prop_map(Leaf::Seconds).boxed(),
        ProtoKind::Duration => (0i64..300_000_000_000, 0i32..1_000_000_000, any::<bool>())
            .prop_map(|(s, n, negative)| if negative { Leaf::Span(-s, -n) } else { Leaf::Span(s, n) })
            .boxed(),
        _ => any::<i64>().prop_map(|n| Leaf::Integer(n.into())).boxed(),
    }
}

/// Fields: one of each kind, a list of each kind, one inner record, a list of inner records.
fn record(depth: u32) -> BoxedStrategy<Vec<(usize, Tree)>> {
    let field = (0..KINDS.len() * 2 + 2).prop_flat_map(move |index| {
        let tree = if index < KINDS.len() {
            leaf(index).prop_map(Tree::Leaf).boxed()
        } else if index < KINDS.len() * 2 {
            let item = leaf(index - KINDS.len()).prop_map(Tree::Leaf);
            proptest::collection::vec(item, 1..4).prop_map(Tree::List).boxed()
        } else if depth == 0 {
            Just(Tree::Leaf(Leaf::Bool(false))).boxed()
        } else if index == KINDS.len() * 2 {
            record(depth - 1).prop_map(Tree::Record).boxed()
        } else {
            proptest::collection::vec(record(depth - 1).prop_map(Tree::Record), 1..4)
                .prop_map(Tree::List)
                .boxed()
        };
        tree.prop_map(move |tree| (index, tree))
    });
    proptest::collection::vec(field, 0..8)
        .prop_map(move |mut fields| {
            fields.retain(|(index, _)| depth > 0 || *index < KINDS.len() * 2);
            fields.sort_by_key(|(index, _)| *index);
            fields.dedup_by_key(|(index, _)| *index);
            fields
        })
        .boxed()
}

/// The same contract in either format: `wire` gives each field its form.
fn contract(element: Option<Name>, wire: impl Fn(u32, ProtoKind, bool) -> Wire) -> (Schema, Document) {
    let mut schema = Schema::default();
    let id = schema.add_record(Record {
        name: Name::plain("Tree"),
        content: Content::Unordered,
        ..Record::default()
    });
    let scalars: Vec<_> = KINDS
        .iter()
        .map(|(kind, scalar)| {
            let name = Name::plain(format!("{kind:?}"));
            schema.add_scalar(Scalar { name, kind: scalar(), facets: Facets::default(), enumeration: None })
        })
        .collect();
    let mut fields = Vec::new();
    let mut add = |ty, occurs: Occurs, kind| {
        let number = fields.len() as u32 + 1;
        fields.push(Field {
            name: format!("f{number}"),
            ty,
            occurs,
            presence: Presence::Explicit,
            nillable: false,
            default: None,
            fixed: None,
            choice: None,
            redact: false,
            xsi_type: None,
            wire: wire(number, kind, occurs.is_list()),
            doc: None,
        });
    };
    for (scalar, (kind, _)) in scalars.iter().zip(KINDS) {
        add(TypeId::Scalar(*scalar), Occurs::OPTIONAL, kind);
    }
    for (scalar, (kind, _)) in scalars.iter().zip(KINDS) {
        add(TypeId::Scalar(*scalar), Occurs::ANY, kind);
    }
    add(TypeId::Record(id), Occurs::OPTIONAL, ProtoKind::Message);
    add(TypeId::Record(id), Occurs::ANY, ProtoKind::Message);
    schema.record_mut(id).fields = fields;
    (schema, Document { record: id, element, roots: Vec::new(), encoded: false, excerpt: None })
}

fn value<'a>(leaf: &'a Leaf) -> Value<'a> {
    match leaf {
        Leaf::Text(text) => Value::Text(text),
        Leaf::Bytes(bytes) => Value::Bytes(bytes),
        Leaf::Bool(value) => Value::Bool(*value),
        Leaf::Integer(value) => Value::Integer(*value),
        Leaf::Decimal(mantissa, scale) => {
            Value::Decimal(Decimal { mantissa: (*mantissa).into(), scale: *scale })
        }
        Leaf::Double(value) => Value::Double(*value),
        Leaf::Seconds(seconds) => {
            Value::DateTime(DateTime::utc(jiff::Timestamp::from_second(*seconds).unwrap()))
        }
        Leaf::Span(seconds, nanoseconds) => {
            Value::Duration(jiff::SignedDuration::new(*seconds, *nanoseconds))
        }
    }
}

fn write<W: Writer>(fields: &[(usize, Tree)], compiled: &[W::Field], out: &mut Vec<u8>) {
    for (index, tree) in fields {
        let field = &compiled[*index];
        let inner = |fields: &[(usize, Tree)], out: &mut Vec<u8>| {
            let mark = W::begin(field, 0, out);
            write::<W>(fields, compiled, out);
            W::end(field, mark, out);
        };
        match tree {
            Tree::Leaf(leaf) => W::scalar(field, value(leaf), 0, out).unwrap(),
            Tree::Record(fields) => inner(fields, out),
            Tree::List(items) if matches!(items[0], Tree::Record(_)) => {
                for item in items {
                    let Tree::Record(fields) = item else { unreachable!() };
                    inner(fields, out);
                }
            }
            Tree::List(items) => {
                let mark = W::list(field, 0, out);
                for item in items {
                    let Tree::Leaf(leaf) = item else { unreachable!() };
                    W::item(field, value(leaf), 0, out).unwrap();
                }
                W::list_end(field, mark, out);
            }
        }
    }
}

/// Everything, as deep as the trees are.
fn select(
    selection: &mut Selection,
    schema: &Schema,
    node: NodeId,
    depth: u32,
) -> Vec<(Selected, Option<Inner>)> {
    let record = selection.node_at(node).record;
    (0..schema.record(record).fields.len() as u32)
        .map(|field| {
            let selected = selection.field(schema, node, FieldId(field));
            let inner = selected.node.or(selected.item.and_then(|i| i.node));
            let inner = inner.filter(|_| depth > 0);
            (selected, inner.map(|inner| Inner(select(selection, schema, inner, depth - 1))))
        })
        .collect()
}

struct Inner(Vec<(Selected, Option<Inner>)>);

/// What was captured, compared with what was written.
fn same(
    expected: &[(usize, Tree)],
    selected: &[(Selected, Option<Inner>)],
    decoders: &[Decoder],
    captured: &Captured<'_>,
    rows: &mut Rows,
) {
    let arena = Bump::new();
    for (index, (selected, inner)) in selected.iter().enumerate() {
        let slot = captured.get(rows.place(selected.slot));
        let Some((_, tree)) = expected.iter().find(|(i, _)| *i == index) else {
            assert_eq!(slot, Slot::Absent, "field {index}");
            continue;
        };
        let equal = |leaf: &Leaf, slot| {
            assert_eq!(decoders[index].value(slot, &arena).unwrap(), value(leaf), "field {index}");
        };
        match tree {
            Tree::Leaf(leaf) => equal(leaf, slot),
            Tree::Record(fields) => {
                assert_eq!(slot, Slot::Present);
                same(fields, &inner.as_ref().unwrap().0, decoders, captured, rows);
            }
            Tree::List(items) => {
                let Slot::List { mut first, count, .. } = slot else { panic!("not a list: {slot:?}") };
                assert_eq!(count as usize, items.len());
                for tree in items {
                    let item = selected.item.unwrap();
                    rows.enter(item.frame, first);
                    match tree {
                        Tree::Leaf(leaf) => equal(leaf, captured.get(rows.place(item.slot))),
                        Tree::Record(fields) => {
                            same(fields, &inner.as_ref().unwrap().0, decoders, captured, rows)
                        }
                        Tree::List(_) => unreachable!(),
                    }
                    if let Slot::Next(next) = captured.get(first as usize) {
                        first = next;
                    }
                }
            }
        }
    }
}

fn conforms<W: Writer>(schema: &Schema, document: &Document, fields: &[(usize, Tree)]) {
    let mut writer = W::new(schema, document);
    let count = schema.record(document.record).fields.len() as u32;
    let compiled: Vec<W::Field> =
        (0..count).map(|f| writer.field(schema, RecordId(document.record.0), FieldId(f), false)).collect();
    writer.seal(false);
    let mut out = Vec::new();
    writer.open(&mut out);
    write::<W>(fields, &compiled, &mut out);
    writer.close(0, &mut out).unwrap();

    let mut selection = Selection::new(document, Unknown::Refuse);
    let selected = select(&mut selection, schema, Selection::ROOT, 2);
    let reader = Reader::compile(schema, document, &selection);
    let decoders: Vec<_> =
        (0..count).map(|f| Decoder::compile(schema, document.record, FieldId(f))).collect();
    let (arena, mut captured) = (Bump::new(), Captured::default());
    reader
        .read(&out, &arena, &mut captured)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out)));
    let mut rows = Rows(vec![0; selection.widths().len()]);
    same(fields, &selected, &decoders, &captured, &mut rows);

    // No beginning of a document may be taken for a whole one in XML, and none may panic anywhere.
    for end in (0..out.len()).step_by(out.len() / 16 + 1) {
        let result = reader.read(&out[..end], &arena, &mut Captured::default());
        assert!(document.element.is_none() || result.is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn protobuf_reads_what_it_writes(fields in record(2)) {
        for packed in [false, true] {
            let (schema, document) = contract(None, |number, kind, list| {
                let number = if number == 3 { 400 } else { number };
                let numeric = matches!(kind, ProtoKind::Bool | ProtoKind::Int64 | ProtoKind::Sint64 | ProtoKind::Sfixed64 | ProtoKind::Uint64 | ProtoKind::Int32 | ProtoKind::Double);
                Wire::Protobuf { number, kind, packed: packed && list && numeric, map: false }
            });
            conforms::<ProtobufWriter>(&schema, &document, &fields);
        }
    }

    #[test]
    fn xml_reads_what_it_writes(fields in record(2)) {
        let root = Name::new("urn:one", "Tree");
        let (schema, document) = contract(Some(root), |number, _, _| {
            // Qualified and unqualified elements in one parent, as WSDLs have them.
            let namespace = ["urn:one", "", "urn:two"][number as usize % 3];
            Wire::Element(Name::new(namespace, format!("f{number}")))
        });
        conforms::<XmlWriter>(&schema, &document, &fields);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let wire = |number, kind, _| Wire::Protobuf { number, kind, packed: false, map: false };
        let (schema, document) = contract(None, wire);
        let mut selection = Selection::new(&document, Unknown::Ignore);
        select(&mut selection, &schema, Selection::ROOT, 2);
        let _ = Reader::compile(&schema, &document, &selection).read(&bytes, &Bump::new(), &mut Captured::default());
    }
}
