//! Every example of the reference is held to what it says.

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::Unknown;
use portolan_schema::{Document, Record, Schema};

use super::*;
use crate::{
    functions::{
        LIBRARY,
        forms::{self, FORMS},
        lists::LISTS,
    },
    run::alone,
    secret::Key,
};

#[test]
fn examples_give_what_they_say() {
    let mut route = crate::check::tests::route();
    let banks = include_str!("../../tests/calendars/federal-reserve.yaml");
    let banks = crate::parse::calendar(SourceId(0), banks, None, &mut Vec::new()).unwrap();
    let place = |value: &str| Placed { value: value.to_owned(), span: Span::new(SourceId(0), 0..0) };
    route.calendars = vec![CalendarFile {
        name: Placed { value: "banks".into(), span: Span::new(SourceId(0), 0..0) },
        file: place("federal-reserve.yaml"),
        calendar: Some(banks.into()),
    }];
    let keys = [("rfc4231".into(), Key::new(b"Jefe").unwrap())];
    let secrets = Secrets::Known(keys.into());
    let mut schema = Schema::default();
    let record = schema.add_record(Record::default());
    let document = Document { record, element: None, roots: Vec::new(), encoded: false, excerpt: None };
    let of_library = LIBRARY.iter().map(|function| (function.name, function.examples));
    let of_lists = LISTS.iter().map(|function| (function.name, function.examples));
    for (name, examples) in of_library.chain(of_lists) {
        assert!(!examples.is_empty(), "{name} has no example");
        for (text, expected) in examples {
            let span = Span::new(SourceId(0), 0..text.len());
            let leaf = Leaf { text: (*text).into(), plain: true, span, verbatim: Some(0) };
            let (mut findings, mut uses) = (Vec::new(), super::tables::Uses::new(&[], &route.calendars));
            let message = Source::new(&schema, &document, Unknown::Refuse);
            let mut checker =
                Checker::new(message, None, &schema, &route, &secrets, &mut uses, &mut findings);
            let typed = checker.leaf(&leaf);
            let locals = checker.locals;
            let shown = match typed.map(|typed| alone(&typed.expr, &schema, locals)) {
                Some(Ok(Some(value))) => value,
                Some(Ok(None)) => "absent".to_owned(),
                _ => "error".to_owned(),
            };
            assert_eq!(shown, *expected, "{text} {findings:?}");
        }
    }
}

/// The example's reply is translated with the expression in the place of a text field.
#[test]
fn examples_of_forms_give_what_they_say() {
    let with_attribute =
        "<person xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns=\"urn:register\">";
    let person = forms::SAMPLE.replace("<person>", with_attribute);
    let reply = format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><PersonQueryResponse \
         xmlns=\"urn:register\"><response>{person}</response></PersonQueryResponse></e:Body></e:Envelope>"
    );
    for form in FORMS {
        assert!(!form.examples.is_empty(), "{} has no example", form.name);
        for (text, expected) in form.examples {
            assert_eq!(given(text, &reply), *expected, "{text}");
        }
    }
}

/// What the example's `full_name` holds where an expression fills it.
fn given(text: &str, reply: &str) -> String {
    let mapping = include_str!("examples/registry.yaml");
    let rule = "full_name: GivenName.trim() + ' ' + Surname.trim()";
    assert!(mapping.contains(rule) && mapping.contains(forms::TABLES));
    let mapping = mapping.replace(rule, &format!("full_name: \"string({text})\""));
    let files = portolan_schema::Memory::default()
        .with("m.yaml", mapping)
        .with("registry.proto", include_str!("examples/registry.proto"))
        .with("register.wsdl", include_str!("examples/register.wsdl"));
    let mut sources = portolan_diagnostics::Sources::default();
    let checked = crate::load::load("m.yaml", &files, &mut sources, &crate::load::Standing::default());
    let Some(route) = checked.value.and_then(|mut routes| routes.pop()) else { return "error".to_owned() };
    let context = crate::run::Context {
        message_id: "m",
        route: "r",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let environment = crate::run::Environment { context, metadata: &[], original: None };
    let mut out = Vec::new();
    let mut scratch = crate::run::Scratch::default();
    match route.compile().reply.run(reply.as_bytes(), &environment, &mut scratch, &mut out) {
        Ok(_) => {}
        Err(_) => return "error".to_owned(),
    }
    // Field 1 of the reply, which comes first: its key, its length, its text.
    match out.as_slice() {
        [0x0a, length, rest @ ..] => String::from_utf8(rest[..usize::from(*length)].to_vec()).unwrap(),
        _ => "absent".to_owned(),
    }
}
