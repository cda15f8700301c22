//! The route of the benchmark, as the checker would hand it to the plan: contracts and rules made by hand.

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::{NodeId, Selected, Selection, Unknown};
use portolan_mapping::{
    functions,
    ir::{Constant, Expr, Reply, Side, SourceSlot, Tables, Translation, Write, WriteContent},
    plan::{Contracts, Plan, ReplyPlan},
};
use portolan_schema::{
    Content, Document, Facets, Field, FieldId, Name, Occurs, Presence, ProtoKind, Record, RecordId, Scalar,
    ScalarKind, Schema, TypeId, Wire,
};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ORDERS: &str = "http://example.com/services/orders/2021/03";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

/// How a field is converted, on the way out and on the way back.
#[derive(Clone, Copy, PartialEq)]
enum Conversion {
    Same,
    Money,
    Instant,
}

use Conversion::{Instant, Money, Same};
use ProtoKind::{Bool, Int32, Int64, String as Text, Uint32};

const FIELDS: [(&str, ProtoKind, Conversion); 20] = [
    ("OrderId", Text, Same),
    ("CustomerId", Text, Same),
    ("Name", Text, Same),
    ("Street", Text, Same),
    ("City", Text, Same),
    ("PostalCode", Text, Same),
    ("Country", Text, Same),
    ("Email", Text, Same),
    ("Phone", Text, Same),
    ("Status", Text, Same),
    ("Currency", Text, Same),
    ("Amount", Int64, Money),
    ("Tax", Int64, Money),
    ("ItemCount", Int32, Same),
    ("Version", Uint32, Same),
    ("Priority", Bool, Same),
    ("CreatedAt", Int64, Instant),
    ("UpdatedAt", Int64, Instant),
    ("Carrier", Text, Same),
    ("Note", Text, Same),
];

pub(crate) struct OrderRoute {
    pub(crate) request: Plan,
    pub(crate) reply: ReplyPlan,
}

impl OrderRoute {
    pub(crate) fn new() -> Self {
        let (modern, order) = protobuf();
        let (legacy, envelope) = soap();
        let tables = Tables::default();
        let contracts = |source, target| Contracts { source, target, original: None, tables: &tables };
        let request = Plan::compile(
            &request(&modern, &order, &legacy, &envelope),
            contracts((&modern, &order), (&legacy, &envelope)),
        );
        let response = response(&modern, &order, &legacy, &envelope);
        let reply = Reply { response, faults: None };
        let reply = ReplyPlan::compile(&reply, contracts((&legacy, &envelope), (&modern, &order)));
        Self { request, reply }
    }
}

fn field(name: &str, ty: TypeId, occurs: Occurs, wire: Wire) -> Field {
    let presence = match wire {
        Wire::Protobuf { .. } => Presence::Implicit,
        _ => Presence::Explicit,
    };
    Field {
        name: name.to_owned(),
        ty,
        occurs,
        presence,
        nillable: false,
        default: None,
        fixed: None,
        choice: None,
        redact: false,
        xsi_type: None,
        wire,
        doc: None,
    }
}

fn scalar(schema: &mut Schema, kind: ScalarKind) -> TypeId {
    let name = Name::plain(format!("{kind:?}"));
    TypeId::Scalar(schema.add_scalar(Scalar { name, kind, facets: Facets::default(), enumeration: None }))
}

fn kind(proto: ProtoKind) -> ScalarKind {
    match proto {
        Int64 => ScalarKind::Integer { signed: true, bits: 64 },
        Int32 => ScalarKind::Integer { signed: true, bits: 32 },
        Uint32 => ScalarKind::Integer { signed: false, bits: 32 },
        Bool => ScalarKind::Bool,
        _ => ScalarKind::String,
    }
}

fn protobuf() -> (Schema, Document) {
    let mut schema = Schema::default();
    let mut fields = Vec::new();
    for (i, (name, proto, _)) in FIELDS.into_iter().enumerate() {
        let ty = scalar(&mut schema, kind(proto));
        let wire = Wire::Protobuf { number: i as u32 + 1, kind: proto, packed: false, map: false };
        fields.push(field(name, ty, Occurs::OPTIONAL, wire));
    }
    let record = schema.add_record(Record { name: Name::plain("b.Order"), fields, ..Record::default() });
    (schema, Document { record, element: None, roots: Vec::new(), encoded: false, excerpt: None })
}

fn soap() -> (Schema, Document) {
    let mut schema = Schema::default();
    let text = scalar(&mut schema, ScalarKind::String);
    let element = |namespace: &str, name: &str, ty, occurs| {
        field(name, ty, occurs, Wire::Element(Name::new(namespace, name)))
    };
    let record = |schema: &mut Schema, name: &str, open, fields| {
        let record = Record {
            name: Name::plain(name),
            fields,
            open,
            content: Content::Unordered,
            ..Record::default()
        };
        TypeId::Record(schema.add_record(record))
    };
    let mut fields = Vec::new();
    for (name, proto, conversion) in FIELDS {
        let kind = match conversion {
            Same => kind(proto),
            Money => ScalarKind::Decimal,
            Instant => ScalarKind::DateTime,
        };
        let ty = scalar(&mut schema, kind);
        fields.push(element(ORDERS, name, ty, Occurs::ONCE));
    }
    let order = record(&mut schema, "Order", false, fields);
    let wrapper = record(&mut schema, "Wrapper", false, vec![element(ORDERS, "Order", order, Occurs::ONCE)]);
    let body =
        record(&mut schema, "Body", false, vec![element(ORDERS, "GetOrderResponse", wrapper, Occurs::ONCE)]);
    let attribute = |name: &str, namespace: &str| {
        field(name, text, Occurs::OPTIONAL, Wire::Attribute(Name::new(namespace, name)))
    };
    let password = vec![attribute("Type", ""), field("value", text, Occurs::ONCE, Wire::Text)];
    let password = record(&mut schema, "Password", false, password);
    let token = vec![
        element(SECURITY, "Username", text, Occurs::ONCE),
        element(SECURITY, "Password", password, Occurs::ONCE),
    ];
    let token = record(&mut schema, "UsernameToken", false, token);
    let security =
        vec![attribute("mustUnderstand", SOAP), element(SECURITY, "UsernameToken", token, Occurs::ONCE)];
    let security = record(&mut schema, "Security", false, security);
    let header = vec![
        element(SECURITY, "Security", security, Occurs::OPTIONAL),
        element(ADDRESSING, "Action", text, Occurs::OPTIONAL),
        element(ADDRESSING, "MessageID", text, Occurs::OPTIONAL),
        element(ADDRESSING, "RelatesTo", text, Occurs::OPTIONAL),
    ];
    let header = record(&mut schema, "Header", true, header);
    let envelope =
        vec![element(SOAP, "Header", header, Occurs::OPTIONAL), element(SOAP, "Body", body, Occurs::ONCE)];
    let TypeId::Record(envelope) = record(&mut schema, "Envelope", false, envelope) else { unreachable!() };
    (
        schema,
        Document {
            record: envelope,
            element: Some(Name::new(SOAP, "Envelope")),
            roots: Vec::new(),
            encoded: false,
            excerpt: None,
        },
    )
}

fn span() -> Span {
    Span::new(SourceId(0), 0..0)
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let (function, _) = functions::find(name).unwrap();
    Expr::Call { function, args, prepared: Vec::new(), span: span() }
}

fn path(record: RecordId, index: usize, selected: Selected) -> Expr {
    Expr::Field {
        slot: SourceSlot { side: Side::Message, slot: selected.slot },
        record,
        field: FieldId(index as u32),
        path: FIELDS[index].0.into(),
    }
}

fn write(record: RecordId, index: usize, content: WriteContent) -> Write {
    Write { record, field: FieldId(index as u32), content, span: span() }
}

fn parent(
    schema: &Schema,
    record: RecordId,
    index: usize,
    children: impl FnOnce(RecordId) -> Vec<Write>,
) -> Write {
    let TypeId::Record(inner) = schema.field(record, FieldId(index as u32)).ty else { unreachable!() };
    write(record, index, WriteContent::Record { given: None, write: children(inner) })
}

fn request(modern: &Schema, order: &Document, legacy: &Schema, envelope: &Document) -> Translation {
    let mut selection = Selection::new(order, Unknown::Refuse);
    let two = || Expr::Constant(Constant::Integer(2));
    let mut fields = |record: RecordId| -> Vec<Write> {
        (0..FIELDS.len())
            .map(|i| {
                let selected = selection.field(modern, Selection::ROOT, FieldId(i as u32));
                let value = path(order.record, i, selected);
                let value = match FIELDS[i].2 {
                    Same => value,
                    Money => call("decimal", vec![value, two()]),
                    Instant => call("timestamp", vec![value]),
                };
                write(record, i, WriteContent::Scalar(value))
            })
            .collect()
    };
    let text = |text: &str| WriteContent::Scalar(Expr::Constant(Constant::Text(text.into())));
    let root = envelope.record;
    let header = parent(legacy, root, 0, |header| {
        let security = parent(legacy, header, 0, |security| {
            let token = parent(legacy, security, 1, |token| {
                let password = parent(legacy, token, 1, |password| {
                    vec![
                        write(
                            password,
                            0,
                            text(
                                "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText",
                            ),
                        ),
                        write(password, 1, text("not-a-secret-just-a-bench")),
                    ]
                });
                vec![write(token, 0, text("svc-orders-gateway")), password]
            });
            vec![write(security, 0, text("1")), token]
        });
        vec![
            security,
            write(
                header,
                1,
                text("http://example.com/services/orders/2021/03/OrderService/GetOrderResponse"),
            ),
            write(header, 2, text("urn:uuid:6f2a1d7e-50a3-4a8e-b0d6-7f5bb9e0a111")),
            write(header, 3, text("urn:uuid:0b8d7f4e-3d5b-4a57-9f77-2b0a4bd0c222")),
        ]
    });
    let body = parent(legacy, root, 1, |body| {
        vec![parent(legacy, body, 0, |wrapper| vec![parent(legacy, wrapper, 0, &mut fields)])]
    });
    Translation {
        locals: 0,
        selection,
        original: None,
        require: Vec::new(),
        fail: Vec::new(),
        given: None,
        write: vec![header, body],
    }
}

fn response(modern: &Schema, order: &Document, legacy: &Schema, envelope: &Document) -> Translation {
    let _ = modern;
    let mut selection = Selection::new(envelope, Unknown::Refuse);
    let mut at: NodeId = Selection::ROOT;
    let mut record = envelope.record;
    for index in [1, 0, 0] {
        let selected = selection.field(legacy, at, FieldId(index));
        let (Some(node), TypeId::Record(inner)) = (selected.node, selected.ty) else { unreachable!() };
        (at, record) = (node, inner);
    }
    let write = (0..FIELDS.len())
        .map(|i| {
            let value = path(record, i, selection.field(legacy, at, FieldId(i as u32)));
            let value = match FIELDS[i].2 {
                Same => value,
                Money => call("unscaled", vec![value, Expr::Constant(Constant::Integer(2))]),
                Instant => call("epoch", vec![value]),
            };
            write(order.record, i, WriteContent::Scalar(value))
        })
        .collect();
    Translation {
        selection,
        original: None,
        require: Vec::new(),
        fail: Vec::new(),
        given: None,
        write,
        locals: 0,
    }
}
