//! Every example of the reference is held to what it says.

use bumpalo::Bump;
use portolan_diagnostics::{SourceId, Span};
use portolan_formats::{Unknown, Value, lexical};
use portolan_schema::{Document, Record, Schema};

use super::*;
use crate::{
    functions::{Call, LIBRARY},
    ir::Constant,
};

/// Evaluates an expression that reads nothing.
fn evaluate<'a>(expr: &'a Expr, arena: &'a Bump) -> Option<Value<'a>> {
    match expr {
        Expr::Constant(Constant::Text(text)) => Some(Value::Text(text)),
        Expr::Constant(Constant::Integer(n)) => Some(Value::Integer(*n)),
        Expr::Constant(Constant::Decimal(d)) => Some(Value::Decimal(*d)),
        Expr::Constant(Constant::Bool(b)) => Some(Value::Bool(*b)),
        Expr::Call { function, args, prepared, .. } => {
            let arguments: Option<Vec<_>> = args.iter().map(|a| evaluate(a, arena)).collect();
            let mut call = Call { arena, prepared, received: jiff::Timestamp::UNIX_EPOCH };
            (LIBRARY[*function].eval)(&mut call, &arguments?).ok()
        }
        other => panic!("an example uses {other:?}"),
    }
}

#[test]
fn examples_give_what_they_say() {
    let route = crate::check::tests::route();
    let mut schema = Schema::default();
    let record = schema.add_record(Record::default());
    let document = Document { record, element: None, roots: Vec::new(), encoded: false };
    for function in LIBRARY {
        assert!(!function.examples.is_empty(), "{} has no example", function.name);
        for (text, expected) in function.examples {
            let span = Span::new(SourceId(0), 0..text.len());
            let leaf = Leaf { text: (*text).into(), plain: true, span, verbatim: Some(0) };
            let (mut findings, mut uses) = (Vec::new(), super::tables::Uses::new(&[]));
            let message = Source::new(&schema, &document, Unknown::Refuse);
            let typed = Checker::new(message, None, &schema, &route, &mut uses, &mut findings).leaf(&leaf);
            let arena = Bump::new();
            let value = typed.as_ref().and_then(|t| evaluate(&t.expr, &arena));
            let mut shown = Vec::new();
            let shown = match value {
                Some(Value::Absent) => "absent".to_owned(),
                Some(value) if lexical::write_any(value, &mut shown).is_ok() => {
                    String::from_utf8(shown).unwrap()
                }
                _ => "error".to_owned(),
            };
            assert_eq!(shown, *expected, "{text} {findings:?}");
        }
    }
}
