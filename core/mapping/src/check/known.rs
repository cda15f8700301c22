//! What is known of a value goes through functions: a code of a contract that no call of `integer` can read is found before a
//! message brings it, and what a function makes of codes is known as well as they are.

use std::{ops::Range, sync::Arc};

use bumpalo::Bump;
use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::Value;

use super::{
    Checker,
    types::{Type, Values},
};
use crate::{
    expression::Leaf,
    functions::{Call, Function, Kind, Prepared},
    ir::{Constant, Expr},
    plan::value_of,
};

/// With more values than this, what a function makes of each is not looked at.
const MOST: usize = 10_000;
/// How many values a finding names.
const NAMED: usize = 12;

/// A call of a function whose arguments, after the first, are constants.
pub(super) struct Known<'c> {
    pub(super) function: &'static Function,
    pub(super) args: &'c [Expr],
    pub(super) prepared: &'c [Prepared],
    /// The type of the first argument.
    pub(super) first: &'c Type,
    /// The first argument, as it is written.
    pub(super) shown: &'c str,
}

/// What a function makes of one value.
enum Made {
    /// This text.
    Text(Arc<str>),
    /// True or false.
    Bool(bool),
    /// Something else, or nothing.
    Other,
    /// It refuses.
    Refused,
}

impl Known<'_> {
    /// What the function makes of a value; `None` where that depends on more than the value.
    fn made(&self, text: &str) -> Option<Made> {
        let first = match self.first.kind {
            Kind::Text => Value::Text(text),
            Kind::Integer => Value::Integer(text.parse().ok()?),
            _ => return None,
        };
        let constant = |argument: &Expr| match argument {
            Expr::Constant(constant) => Some(constant.clone()),
            _ => None,
        };
        let rest: Vec<Constant> = self.args.iter().skip(1).map(constant).collect::<Option<_>>()?;
        let values: Vec<Value<'_>> = [first].into_iter().chain(rest.iter().map(value_of)).collect();
        let arena = Bump::new();
        let mut call = Call { arena: &arena, prepared: self.prepared, received: jiff::Timestamp::UNIX_EPOCH };
        Some(match (self.function.eval)(&mut call, &values) {
            Ok(Value::Text(text)) => Made::Text(text.into()),
            Ok(Value::Bool(value)) => Made::Bool(value),
            Ok(_) => Made::Other,
            Err(_) => Made::Refused,
        })
    }

    /// What to write instead, where codes are names.
    fn instead(&self) -> Option<String> {
        let table = format!("lookup('table', {})", self.shown);
        match self.function.name {
            "integer" => Some(format!("translate the codes by a table with numbers: {table}")),
            "decimal" | "date" | "timestamp" => {
                Some(format!("translate the codes by a table: {}({table})", self.function.name))
            }
            _ => None,
        }
    }
}

impl Checker<'_> {
    /// Says which of the values that are known a function refuses, or that its condition holds of none; what is known of
    /// the result. `None` where it can only be refused.
    pub(super) fn known(&mut self, call: &Known<'_>, leaf: &Leaf, at: &Range<usize>) -> Option<Values> {
        let (values, zero, declared) = match &call.first.values {
            Values::Declared(known, zero) => (known, zero.as_ref(), true),
            Values::Written(known) => (known, None, false),
            Values::Names => return self.prefix(call, leaf, at),
            Values::Any => return Some(Values::Any),
        };
        if values.is_empty() || values.len() > MOST || call.function.sees_absent {
            return Some(Values::Any);
        }
        let made: Option<Vec<(&Arc<str>, Made)>> =
            values.iter().map(|text| Some((text, call.made(text)?))).collect();
        let Some(made) = made else { return Some(Values::Any) };
        // What stands for nothing in proto3 need not make sense.
        let wanted = || made.iter().filter(|(text, _)| zero != Some(*text));
        let refused: Vec<&str> =
            wanted().filter(|(_, made)| matches!(made, Made::Refused)).map(|(text, _)| &***text).collect();
        let all = refused.len() == wanted().count();
        if !refused.is_empty() {
            self.refused(call, &refused, all, declared, leaf, at);
        }
        if all && !refused.is_empty() {
            return None;
        }
        if declared && wanted().all(|(_, made)| matches!(made, Made::Bool(false))) {
            let shown = values.iter().take(NAMED).map(|text| &**text).collect::<Vec<_>>().join(", ");
            let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, "this condition never holds")
                .at(leaf.place(at), "");
            self.findings.push(finding.help(format!("the values of `{}` are {shown}", call.shown)));
        }
        let text = |made: &Made| match made {
            Made::Text(text) => Some(text.clone()),
            _ => None,
        };
        let mut texts: Vec<Arc<str>> = Vec::new();
        for (_, made) in &made {
            match made {
                Made::Text(text) if !texts.contains(text) => texts.push(text.clone()),
                Made::Text(_) | Made::Refused => {}
                Made::Bool(_) | Made::Other => return Some(Values::Any),
            }
        }
        let nothing = made.iter().find(|(text, _)| zero == Some(*text)).and_then(|(_, made)| text(made));
        Some(if declared { Values::Declared(texts, nothing) } else { Values::Written(texts) })
    }

    fn refused(
        &mut self,
        call: &Known<'_>,
        refused: &[&str],
        all: bool,
        declared: bool,
        leaf: &Leaf,
        at: &Range<usize>,
    ) {
        let (name, shown) = (call.function.name, call.shown);
        let listed = refused.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let finding = match (all, declared) {
            (true, true) => {
                let message = format!("`{name}` refuses every value of `{shown}`: {listed}");
                Diagnostic::error(Code::MAP_NEVER_FITS, message)
            }
            (true, false) => Diagnostic::error(Code::MAP_NEVER_FITS, format!("`{name}` refuses `{listed}`")),
            (false, _) => {
                let message = format!("`{name}` refuses some values of `{shown}`: {listed}");
                Diagnostic::warning(Code::MAP_UNCOVERED, message)
            }
        };
        let finding = finding.at(leaf.place(at), "");
        let help = if declared { call.instead() } else { None };
        self.findings.push(match (help, all) {
            (Some(help), _) => finding.help(help),
            (None, true) if declared => finding.help("compare it, or translate it by a table"),
            (None, true) => finding.help(match (name, call.args) {
                ("date", [_]) => "write it as 2024-01-31, or give its form: date(x, 'dd.MM.yyyy')".to_owned(),
                ("timestamp", [_]) => "write it as 2024-01-31T12:00:00Z, or give its form".to_owned(),
                _ => format!("what it takes: {}", super::calls::usage(call.function)),
            }),
            (None, false) => finding.help("choose by `cases:`, or translate them by a table first"),
        });
    }
}
