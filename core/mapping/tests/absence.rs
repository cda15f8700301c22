//! Absence, defaults and demands at run time: what is written, what is left out, what is an error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::{Selection, Unknown};
use portolan_mapping::{
    functions,
    ir::{Constant, Expr, Side, SourceSlot, Tables, Translation, Write, WriteContent},
    plan::{Contracts, Plan},
    run::{Context, Environment, RunError, Scratch},
};
use portolan_schema::{
    Document, Facets, Field, FieldId, Name, Occurs, Presence, ProtoKind, Record, RecordId, Scalar,
    ScalarKind, Schema, TypeId, Wire,
};

fn field(name: &str, ty: TypeId, occurs: Occurs, presence: Presence, wire: Wire) -> Field {
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

fn scalar(schema: &mut Schema, kind: ScalarKind, facets: Facets) -> TypeId {
    let name = Name::plain(format!("{kind:?}"));
    TypeId::Scalar(schema.add_scalar(Scalar { name, kind, facets, enumeration: None }))
}

/// `street` (1) and `cents` (2) without presence, `city` (3) with it.
fn source() -> (Schema, Document) {
    let mut schema = Schema::default();
    let text = scalar(&mut schema, ScalarKind::String, Facets::default());
    let number = scalar(&mut schema, ScalarKind::Integer { signed: true, bits: 64 }, Facets::default());
    let wire = |number, kind| Wire::Protobuf { number, kind, packed: false, map: false };
    let fields = vec![
        field("street", text, Occurs::OPTIONAL, Presence::Implicit, wire(1, ProtoKind::String)),
        field("cents", number, Occurs::OPTIONAL, Presence::Implicit, wire(2, ProtoKind::Int64)),
        field("city", text, Occurs::OPTIONAL, Presence::Explicit, wire(3, ProtoKind::String)),
    ];
    let record = schema.add_record(Record { name: Name::plain("Source"), fields, ..Record::default() });
    (schema, Document { record, element: None, roots: Vec::new(), encoded: false, excerpt: None })
}

/// `<T><Address><City/><Street/></Address>?<Amount/></T>`: a city of at most 5 characters is demanded of an address.
fn target() -> (Schema, Document, RecordId) {
    let mut schema = Schema::default();
    let text = scalar(&mut schema, ScalarKind::String, Facets::default());
    let short = scalar(&mut schema, ScalarKind::String, Facets { max_length: Some(5), ..Facets::default() });
    let most = Facets { max_inclusive: Some("9999.99".to_owned()), ..Facets::default() };
    let amount = scalar(&mut schema, ScalarKind::Decimal, most);
    let element = |name: &str, ty, occurs| {
        field(name, ty, occurs, Presence::Explicit, Wire::Element(Name::plain(name)))
    };
    let fields = vec![element("City", short, Occurs::ONCE), element("Street", text, Occurs::OPTIONAL)];
    let address = schema.add_record(Record { name: Name::plain("Address"), fields, ..Record::default() });
    let fields = vec![
        element("Address", TypeId::Record(address), Occurs::OPTIONAL),
        element("Amount", amount, Occurs::ONCE),
    ];
    let record = schema.add_record(Record { name: Name::plain("T"), fields, ..Record::default() });
    (
        schema,
        Document {
            record,
            element: Some(Name::plain("T")),
            roots: Vec::new(),
            encoded: false,
            excerpt: None,
        },
        address,
    )
}

fn run(input: &[u8]) -> Result<String, RunError> {
    let (source, source_document) = source();
    let (target, target_document, address) = target();
    let span = Span::new(SourceId(0), 0..0);
    let mut selection = Selection::new(&source_document, Unknown::Refuse);
    let mut path = |index: u32, name: &str| Expr::Field {
        slot: SourceSlot {
            side: Side::Message,
            slot: selection.field(&source, Selection::ROOT, FieldId(index)).slot,
        },
        record: source_document.record,
        field: FieldId(index),
        path: name.into(),
    };
    let write = |record, index, content| Write { record, field: FieldId(index), content, span };
    let children = vec![
        write(address, 0, WriteContent::Scalar(path(2, "city"))),
        write(address, 1, WriteContent::Scalar(path(0, "street"))),
    ];
    let (function, _) = functions::find("decimal").unwrap();
    let args = vec![path(1, "cents"), Expr::Constant(Constant::Integer(2))];
    let amount = Expr::Call { function, args, prepared: Vec::new(), span };
    let translation = Translation {
        selection,
        original: None,
        require: Vec::new(),
        fail: Vec::new(),
        given: None,
        locals: 0,
        write: vec![
            write(target_document.record, 0, WriteContent::Record { given: None, write: children }),
            write(target_document.record, 1, WriteContent::Scalar(amount)),
        ],
    };
    let tables = Tables::default();
    let contracts = Contracts {
        source: (&source, &source_document),
        target: (&target, &target_document),
        original: None,
        tables: &tables,
    };
    let context = Context {
        message_id: "m",
        route: "r",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let environment = Environment { context, metadata: &[], original: None };
    let mut out = Vec::new();
    Plan::compile(&translation, contracts).run(input, &environment, &mut Scratch::default(), &mut out)?;
    Ok(String::from_utf8(out).unwrap().split_once("?>").unwrap().1.to_owned())
}

#[test]
fn what_is_not_there_is_left_out_or_named() {
    for (input, expected) in [
        // Nothing: the optional address is left out, the demanded amount stands for its default.
        (&b""[..], "<T><Amount>0.00</Amount></T>"),
        (b"\x10\x05\x1a\x04Rome", "<T><Address><City>Rome</City></Address><Amount>0.05</Amount></T>"),
        // With presence, an empty text is there.
        (b"\x1a\x00", "<T><Address><City></City></Address><Amount>0.00</Amount></T>"),
        (
            b"\x0a\x01<\x1a\x01&",
            "<T><Address><City>&amp;</City><Street>&lt;</Street></Address><Amount>0.00</Amount></T>",
        ),
        // A street makes the address exist, and an address needs a city.
        (b"\x0a\x01S", "`Address.City` is required and has no value"),
        (b"\x1a\x06Lisboa", "`city` to `Address.City`: the value is too long"),
        (b"\x1a\x01\x01", "`city` to `Address.City`: the value holds a character that XML cannot carry"),
        (b"\x1a\x01\xff", "`city` to `Address.City`: the value is not valid UTF-8"),
        (b"\x22\x00", "the document is refused at `4`: field number 4 is not in the contract (near byte 1)"),
    ] {
        let found = run(input).unwrap_or_else(|error| error.to_string());
        assert_eq!(found, expected, "{input:x?}");
    }
}
