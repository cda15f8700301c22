//! Every example of the reference is held to what it says.

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::Unknown;
use portolan_schema::{Document, Record, Schema};

use super::*;
use crate::{
    functions::{LIBRARY, lists::LISTS},
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
    let document = Document { record, element: None, roots: Vec::new(), encoded: false };
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
