//! Conditions and computed values of a layout, written as the layout writes them.

use portolan_syntax::expression::{Arithmetic, Comparison};

use crate::layout::{
    Characters, CheckDigit, FileValue, Formula, Layout, Matches, NodeId, Reference, Rule, Test,
};

/// How tightly the parts of an expression bind, from the loosest.
const OR: u8 = 1;
const AND: u8 = 2;
const COMPARE: u8 = 3;
const ADD: u8 = 4;
const MULTIPLY: u8 = 5;
const SINGLE: u8 = 6;

/// A condition in words: `column 1 is "6" and columns 2-7 are digits`.
pub(super) fn rule(layout: &Layout, node: NodeId, rule: &Rule) -> String {
    let tests = |tests: &Vec<Test>| {
        let all: Vec<String> = tests.iter().map(|one| test(layout, node, one)).collect();
        all.join(" and ")
    };
    let any: Vec<String> = rule.any.iter().map(tests).collect();
    any.join(", or ")
}

fn test(layout: &Layout, node: NodeId, test: &Test) -> String {
    match test {
        Test::Columns { from, to: Some(to), matches } if to - from <= 1 => {
            format!("column {to} {}", matching(matches, false))
        }
        Test::Columns { from, to: Some(to), matches } => {
            format!("columns {}-{to} {}", from + 1, matching(matches, true))
        }
        Test::Columns { from, to: None, matches } => {
            format!("columns {}- {}", from + 1, matching(matches, true))
        }
        Test::Value(reference, matches) => {
            format!("{} {}", field(layout, node, reference), matching(matches, false))
        }
        Test::Length(from, to) if from == to => format!("it has {from} bytes"),
        Test::Length(from, to) => format!("it has {from} to {to} bytes"),
        Test::Number(1, 1) => "it is the first record".to_owned(),
        Test::Number(from, to) if from == to => format!("it is record {from}"),
        Test::Number(from, to) => format!("it is one of records {from} to {to}"),
        Test::Last => "it is the last record".to_owned(),
        Test::Formula(of) => formula(layout, node, of),
    }
}

fn matching(matches: &Matches, several: bool) -> String {
    let is = if several { "are" } else { "is" };
    match matches {
        Matches::Literals(texts) => format!("{is} {}", one_of(texts)),
        Matches::Range(from, to) => format!("{is} {from:?} to {to:?}"),
        Matches::Pattern(pattern) => format!("{} /{pattern}/", if several { "match" } else { "matches" }),
        Matches::Characters(characters) => format!("{is} {}", class(characters)),
        Matches::Blank => format!("{is} blank"),
        Matches::Not(inner) => match &**inner {
            Matches::Literals(texts) => format!("{is} not {}", one_of(texts)),
            other => format!("{is} not what {}", matching(other, several)),
        },
    }
}

fn one_of(texts: &[Box<str>]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}

/// Characters of a kind, in a word.
pub(super) fn class(characters: &Characters) -> String {
    match characters {
        Characters::Alphabetic => "letters".to_owned(),
        Characters::Digits => "digits".to_owned(),
        Characters::Alphanumeric => "letters or digits".to_owned(),
        Characters::Printable => "printable".to_owned(),
        Characters::Listed(listed) => format!("of [{listed}]"),
    }
}

/// A field, by the names that lead to it from the record that asks.
pub(super) fn field(layout: &Layout, node: NodeId, reference: &Reference) -> String {
    let mut names = Vec::new();
    if reference.record != node {
        names.push(name(layout, node, reference.record));
    }
    let mut items = layout.node(reference.record).shape.as_ref().map_or(&[][..], |shape| &shape.items);
    for index in &reference.item {
        let Some(item) = items.get(*index as usize) else { break };
        names.push(item.name.to_string());
        items = item.items();
    }
    names.join(".")
}

/// A record as the one that asks names it: without what both are in.
pub(super) fn name(layout: &Layout, node: NodeId, record: NodeId) -> String {
    let whole = layout.path(record);
    let Some(parent) = layout.node(node).parent else { return whole };
    let mut around = Some(parent);
    while let Some(known) = around {
        let before = format!("{}.", layout.path(known));
        if let Some(rest) = whole.strip_prefix(&before) {
            return rest.to_owned();
        }
        around = layout.node(known).parent;
    }
    whole
}

/// A computed value.
pub(super) fn formula(layout: &Layout, node: NodeId, of: &Formula) -> String {
    written(layout, node, of, 0)
}

/// The same in parentheses where what is around it binds tighter.
fn written(layout: &Layout, node: NodeId, of: &Formula, around: u8) -> String {
    let part = |of: &Formula, around: u8| written(layout, node, of, around);
    let binary = |sign: &str, own: u8, a: &Formula, b: &Formula| {
        let text = format!("{} {sign} {}", part(a, own), part(b, own + 1));
        if own < around { format!("({text})") } else { text }
    };
    let call = |function: &str, of: String, condition: &Option<Box<Formula>>| match condition {
        Some(condition) => format!("{function}({of}, {})", part(condition, 0)),
        None => format!("{function}({of})"),
    };
    match of {
        Formula::Text(text) => format!("{text:?}"),
        Formula::Number(number) => {
            let mut out = Vec::new();
            number.write(&mut out);
            String::from_utf8(out).unwrap_or_default()
        }
        Formula::Field(reference) => field(layout, node, reference),
        Formula::Previous(reference, first) => call("previous", field(layout, node, reference), first),
        Formula::Has(reference) => format!("has({})", field(layout, node, reference)),
        Formula::Count(nodes, condition) => {
            let names: Vec<String> = nodes.iter().map(|id| name(layout, node, *id)).collect();
            call("count", names.join(", "), condition)
        }
        Formula::Items(reference, condition) => call("count", field(layout, node, reference), condition),
        Formula::Sum(reference, condition) => call("sum", field(layout, node, reference), condition),
        Formula::Ordinal(of) => format!("ordinal({})", name(layout, node, *of)),
        Formula::File(value) => match value {
            FileValue::Blocks => "file.blocks".to_owned(),
            FileValue::Records => "file.records".to_owned(),
            FileValue::Number => "file.number".to_owned(),
        },
        Formula::CheckDigit(kind, a) => {
            let function = match kind {
                CheckDigit::Aba => "aba",
                CheckDigit::Mod10 => "mod10",
                CheckDigit::Mod11 => "mod11",
                CheckDigit::Mod97 => "mod97",
            };
            format!("{function}({})", part(a, 0))
        }
        Formula::Negate(a) => format!("-{}", part(a, SINGLE)),
        Formula::Not(a) => format!("!{}", part(a, SINGLE)),
        Formula::And(a, b) => binary("&&", AND, a, b),
        Formula::Or(a, b) => binary("||", OR, a, b),
        Formula::Compare(how, a, b) => {
            let sign = match how {
                Comparison::Equal => "==",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            binary(sign, COMPARE, a, b)
        }
        Formula::Arithmetic(how, a, b) => match how {
            Arithmetic::Add => binary("+", ADD, a, b),
            Arithmetic::Subtract => binary("-", ADD, a, b),
            Arithmetic::Multiply => binary("*", MULTIPLY, a, b),
            Arithmetic::Divide => binary("/", MULTIPLY, a, b),
            Arithmetic::Remainder => binary("%", MULTIPLY, a, b),
            Arithmetic::Negate => part(a, around),
        },
        Formula::In(a, list) => {
            let items: Vec<String> = list.iter().map(|item| part(item, 0)).collect();
            let text = format!("{} in [{}]", part(a, ADD), items.join(", "));
            if COMPARE < around { format!("({text})") } else { text }
        }
        Formula::Conditional(a, b, c) => {
            let text = format!("{} ? {} : {}", part(a, OR), part(b, OR), part(c, 0));
            if around > 0 { format!("({text})") } else { text }
        }
    }
}
