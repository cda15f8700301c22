//! Expressions: what parses, what does not, and where.

use proptest::prelude::*;

use super::*;

/// The tree with parentheses everywhere, so that precedence shows.
fn show(e: &Expression) -> String {
    let list = |items: &[Expression]| items.iter().map(show).collect::<Vec<_>>().join(", ");
    match &e.kind {
        ExpressionKind::Path(path) => dotted(path),
        ExpressionKind::Text(text) => format!("{text:?}"),
        ExpressionKind::Integer(n) => n.to_string(),
        ExpressionKind::Decimal(d) => format!("{}e-{}", d.mantissa, d.scale),
        ExpressionKind::Bool(b) => b.to_string(),
        ExpressionKind::List(items) => format!("[{}]", list(items)),
        ExpressionKind::Call { name, receiver: Some(r), arguments } => {
            format!("{}.{}({})", show(r), name.name, list(arguments))
        }
        ExpressionKind::Call { name, receiver: None, arguments } => {
            format!("{}({})", name.name, list(arguments))
        }
        ExpressionKind::Not(a) => format!("(!{})", show(a)),
        ExpressionKind::Negate(a) => format!("(-{})", show(a)),
        ExpressionKind::And(a, b) => format!("({} && {})", show(a), show(b)),
        ExpressionKind::Or(a, b) => format!("({} || {})", show(a), show(b)),
        ExpressionKind::Compare(c, a, b) => format!("({} {c:?} {})", show(a), show(b)),
        ExpressionKind::In(a, b) => format!("({} in {})", show(a), show(b)),
        ExpressionKind::Arithmetic(o, a, b) => format!("({} {o:?} {})", show(a), show(b)),
        ExpressionKind::Conditional(a, b, c) => format!("({} ? {} : {})", show(a), show(b), show(c)),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let shown = match parse(text) {
        Ok(e) => show(&e),
        Err(e) => format!("{}..{} {}", e.place.start, e.place.end, e.message),
    };
    assert_eq!(shown, expected);
}

#[test]
fn a_leaf_that_is_only_a_path_takes_every_name() {
    check("in", "in");
    check("body.package.Straße", "body.package.Straße");
    check("CLAIM-RECORD.claim-id", "CLAIM_RECORD.claim_id");
    check("a.`in`", "a.in");
}

#[test]
fn precedence_is_that_of_cel() {
    check("a + b * c == d && e || f", "((((a Add (b Multiply c)) Equal d) && e) || f)");
    check("a ? b : c ? d : e", "(a ? b : (c ? d : e))");
    check("!a.b && -c < 1", "((!a.b) && ((-c) Less 1))");
    check("(a || b) && c", "((a || b) && c)");
    check("x.trim().truncate(35)", "x.trim().truncate(35)");
    check("a.`in` in ['x', \"y\"]", "(a.in in [\"x\", \"y\"])");
}

#[test]
fn literals_are_exact() {
    check("decimal(1.10)", "decimal(110e-2)");
    check("-5 + 0", "(-5 Add 0)");
    check(r"f('it\'s', r'\d', '\u00e4')", "f(\"it's\", \"\\\\d\", \"ä\")");
}

#[test]
fn errors_say_where() {
    check("a +", "3..3 the expression ends where a value should follow");
    check("a = b", "2..3 `=` has no meaning in an expression");
    check("f(a", "3..3 the expression ends where `)` should follow");
    check("a and b", "2..5 `and` stands where an operator should");
    check("code == 01", "8..10 a number does not begin with 0");
    check("items[0]", "5..6 an index or a literal message is not part of the language");
    check("x == null", "5..9 `null` is not part of the language");
    check("'abc", "0..4 this text is not closed: a quote is missing");
    check("''.a", "3..4 only a path has fields");
}

#[test]
fn bounds_hold() {
    for text in [
        "(".repeat(4000),
        "!".repeat(4000),
        "a+".repeat(2000) + "a",
        "x".to_owned() + &".f()".repeat(900),
        "[".repeat(4000),
    ] {
        assert!(parse(&text).is_err());
    }
    assert!(parse(&"a".repeat(MAX_LENGTH + 1)).is_err());
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[a-c0-9 .,'\"`\\\\()+*/%?:!<>=&|{}\\[\\]\\-äx]{0,60}") {
        match parse(&text) {
            Ok(e) => prop_assert!(text.get(e.place).is_some()),
            Err(e) => prop_assert!(text.get(e.place).is_some()),
        }
    }
}
