//! Every example of the reference is held to what it says.

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::Unknown;
use portolan_schema::{Document, Record, Schema};

use super::*;
use crate::{
    functions::{LIBRARY, lists::LISTS},
    run::alone,
};

#[test]
fn examples_give_what_they_say() {
    let route = crate::check::tests::route();
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
            let (mut findings, mut uses) = (Vec::new(), super::tables::Uses::new(&[]));
            let message = Source::new(&schema, &document, Unknown::Refuse);
            let mut checker = Checker::new(message, None, &schema, &route, &mut uses, &mut findings);
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
