//! Calls: the forms that speak of presence and tables, and the functions of the library.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic, nearest};

use super::{
    Checker,
    expression::Typed,
    known::Known,
    scope::What,
    types::{Type, Values, name},
};
use crate::{
    expression::{Expression, ExpressionKind as Kinds, Leaf, Segment},
    functions::{
        self, Form, Function, Kind, Outcome, forms,
        lists::{self, Gives},
    },
    ir::{Constant, ContextField, Expr, Given, RowsFrom},
};

/// What other languages call our functions, separators left out.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("trim", &["strip", "chomp"]),
    ("size", &["len", "length", "count"]),
    ("upper", &["touppercase", "toupper", "uppercase", "ucase", "upperascii"]),
    ("lower", &["tolowercase", "tolower", "lowercase", "lcase", "lowerascii"]),
    ("substring", &["substr", "slice", "mid"]),
    ("truncate", &["left", "cut"]),
    ("pad_left", &["lpad", "padstart", "zfill", "rjust"]),
    ("pad_right", &["rpad", "padend", "ljust"]),
    ("matches", &["regex", "match", "test"]),
    ("string", &["str", "tostring", "text"]),
    ("integer", &["int", "toint", "parseint", "long", "uint"]),
    ("decimal", &["double", "float", "number", "tonumber", "bigdecimal"]),
    ("date", &["todate", "parsedate"]),
    ("timestamp", &["datetime", "todatetime"]),
    ("format", &["formatdate", "dateformat", "strftime"]),
    ("default", &["coalesce", "ifnull", "nvl", "orelse", "getordefault"]),
    ("has", &["isset", "ispresent", "notnull"]),
    ("exists", &["any", "some"]),
    ("all", &["every"]),
    ("distinct", &["unique", "uniq", "dedup"]),
    ("group", &["groupby", "groupingby", "partition"]),
    ("join", &["concat", "implode"]),
    ("split", &["explode", "tokenize"]),
    ("sort", &["orderby", "sorted", "sortby"]),
    ("hmac_sha256", &["hmac", "hmacsha256", "sign", "mac"]),
    ("hex", &["tohex", "hexencode", "hexlower"]),
    ("base64", &["tobase64", "base64encode", "b64"]),
    ("add_business_days", &["workday", "addworkdays", "addworkingdays", "plusbusinessdays"]),
    (
        "adjust_business_day",
        &["nextbusinessday", "previousbusinessday", "followingbusinessday", "precedingbusinessday"],
    ),
    ("business_days_between", &["networkdays", "busdaycount", "workdaysbetween", "workingdaysbetween"]),
    ("is_business_day", &["isworkday", "isworkingday", "isbusday"]),
    ("now", &["today", "currenttime", "sysdate"]),
];

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        function: &Segment,
        receiver: Option<&Expression>,
        arguments: &[Expression],
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let all: Vec<&Expression> = receiver.into_iter().chain(arguments).collect();
        match (function.name.as_str(), all.as_slice()) {
            ("has", [x]) => self.has(x, leaf, at),
            ("isnil", [x]) => self.isnil(x, leaf, at),
            ("size" | "min" | "max", [x]) if self.is_sequence(x, leaf) => {
                self.folded(function, &all, leaf, at)
            }
            ("default", [x, y]) => self.default(x, y, leaf, at),
            ("nullif", [x, y]) => self.nullif(x, y, leaf, at),
            ("lookup", [table, key]) => self.lookup(table, key, leaf, at),
            ("lookup_key", [table, value]) => self.lookup_key(table, value, leaf, at),
            ("amount", [x]) => self.amount_of(x, leaf, at),
            ("money", _) => {
                let message = "`money` fills a google.type.Money, and stands alone";
                let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(at), "");
                self.findings.push(finding.help("write field: money(amount, 'EUR')"));
                None
            }
            ("now", []) => {
                Some(Typed::new(Expr::Context(ContextField::Received), Type::any(Kind::DateTime), at))
            }
            (name, _)
                if functions::find(name).is_none()
                    && let Some(form) = forms::find(name) =>
            {
                let message = format!("`{name}` is not called like this");
                let finding = Diagnostic::error(Code::EXPR_ARGUMENTS, message).at(leaf.place(at), "");
                self.findings.push(finding.help(format!("write {}", form.usage)));
                None
            }
            (name, _) if let Some(known) = lists::find(name) => match known.gives {
                Gives::Value => self.folded(function, &all, leaf, at),
                Gives::List => {
                    let message = "this is a list, and a single value is wanted here";
                    let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(leaf.place(at), "");
                    self.findings.push(finding.help("take one item: first(x); or join them: x.join(', ')"));
                    None
                }
            },
            (name, _) => match functions::find(name) {
                Some((index, known)) => self.library(index, known, receiver.is_some(), &all, leaf, at),
                None => {
                    let message = format!("there is no function `{name}`");
                    let finding = Diagnostic::error(Code::EXPR_UNKNOWN_FUNCTION, message)
                        .at(leaf.place(&function.place), "");
                    let names =
                        functions::LIBRARY.iter().map(|f| f.name).chain(forms::FORMS.iter().map(|f| f.name));
                    let names = names.chain(lists::LISTS.iter().map(|f| f.name));
                    let elsewhere = ELSEWHERE.iter().find(|(_, theirs)| {
                        theirs.iter().any(|t| t.eq_ignore_ascii_case(&name.replace('_', "")))
                    });
                    self.findings.push(match elsewhere {
                        Some((ours, _)) => finding.help(format!("did you mean `{ours}`?")),
                        None => finding.did_you_mean(name, names),
                    });
                    None
                }
            },
        }
    }

    fn only_a_path(&mut self, x: &Expression, function: &str, leaf: &Leaf) -> Option<super::scope::Place> {
        match &x.kind {
            Kinds::Path(path) => self.path(path, leaf),
            _ => {
                self.report(Code::EXPR_ARGUMENTS, format!("`{function}` takes a path"), leaf, &x.place);
                None
            }
        }
    }

    fn has(&mut self, x: &Expression, leaf: &Leaf, at: &Range<usize>) -> Option<Typed> {
        let place = self.only_a_path(x, "has", leaf)?;
        let given = match &place.what {
            What::Record { slot, .. } => slot.map(Given::Slot),
            What::List { slot, .. } | What::Scalar { slot, .. } => Some(Given::Slot(*slot)),
            What::Context(_) | What::Metadata(_) => place.optional.first().cloned(),
            // An item that a step of a list made: an absent one was left out.
            What::Local(..) => None,
            What::Group(_) | What::Members(_) => {
                let message = format!("`{}` is always there", place.path);
                let finding = Diagnostic::error(Code::EXPR_UNSUPPORTED, message).at(leaf.place(&x.place), "");
                self.findings.push(finding.help("a group has an item at least: leave the test out"));
                return None;
            }
        };
        let sure =
            !matches!(place.what, What::List { .. }) && !place.implicit && !self.scope.maybe_absent(&place);
        // A root of a reply may be the other half of a choice, fault or answer: to ask for it is never wrong.
        if sure && (place.path.contains('.') || matches!(place.what, What::Local(..))) {
            let shown = leaf.text.get(x.place.clone()).filter(|_| !place.path.contains('.'));
            let message = format!("`{}` is always there", shown.unwrap_or(&place.path));
            let finding = Diagnostic::warning(Code::MAP_ALWAYS_PRESENT, message).at(leaf.place(at), "");
            self.findings.push(finding.help("the contract requires it: leave the test out"));
        }
        let expr = given.map_or(Expr::Constant(Constant::Bool(true)), Expr::Has);
        Some(Typed::new(expr, Type::any(Kind::Bool), at))
    }

    fn isnil(&mut self, x: &Expression, leaf: &Leaf, at: &Range<usize>) -> Option<Typed> {
        let place = self.only_a_path(x, "isnil", leaf)?;
        match place.what {
            What::Scalar { slot, .. } | What::Record { slot: Some(slot), .. } => {
                Some(Typed::new(Expr::IsNil(slot), Type::any(Kind::Bool), at))
            }
            _ => {
                self.report(Code::EXPR_ARGUMENTS, format!("`{}` cannot be nil", place.path), leaf, &x.place);
                None
            }
        }
    }

    fn default(&mut self, x: &Expression, y: &Expression, leaf: &Leaf, at: &Range<usize>) -> Option<Typed> {
        let (x, y) = (self.value(x, leaf), self.value(y, leaf));
        let (x, y) = (x?, y?);
        let Some(ty) = x.ty.either(&y.ty) else {
            let message =
                format!("`default` gives one kind of value, not {} or {}", name(x.ty.kind), name(y.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, at);
            return None;
        };
        let expr = Expr::Default(Box::new(x.expr), Box::new(y.expr));
        Some(Typed { expr, ty, absent: y.absent, optional: y.optional, place: at.clone() })
    }

    fn nullif(&mut self, x: &Expression, y: &Expression, leaf: &Leaf, at: &Range<usize>) -> Option<Typed> {
        let (x, y) = (self.value(x, leaf), self.value(y, leaf));
        let (x, y) = (x?, y?);
        if x.ty.either(&y.ty).is_none() {
            let message = format!("{} is not compared with {}", name(x.ty.kind), name(y.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, at);
            return None;
        }
        self.never_equal(&x, &y, leaf);
        let y = self.present(y, leaf)?;
        let ty = x.ty.clone();
        let expr = Expr::NullIf(Box::new(x.expr), Box::new(y.expr));
        Some(Typed { expr, ty, absent: true, optional: x.optional, place: at.clone() })
    }

    fn lookup(
        &mut self,
        table: &Expression,
        key: &Expression,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let index = self.table(table, "lookup", "key", leaf);
        let key_typed = self.value(key, leaf);
        let (index, tables) = (index?, self.tables);
        let key_typed = key_typed?;
        if !matches!(key_typed.ty.kind, Kind::Text | Kind::Integer) {
            let message = format!(
                "the key of a table is text or a whole number, and this is {}",
                name(key_typed.ty.kind)
            );
            self.report(Code::MAP_TYPE, message, leaf, &key.place);
            return None;
        }
        let table = &tables[index];
        let table_name = &table.name;
        let literal = match &key_typed.expr {
            Expr::Constant(constant) => Some(written(constant)),
            _ => None,
        };
        // What one row is asked for says nothing of the others.
        self.uses.asked(index, if literal.is_some() { &Values::Any } else { &key_typed.ty.values });
        if let Some(key_text) = literal.filter(|key| !table.rows.contains_key(key.as_str()))
            && table.default.is_none()
            && table.origin != RowsFrom::Nowhere
        {
            let message = format!("table `{table_name}` has no row for {key_text}");
            let finding = Diagnostic::error(Code::MAP_UNCOVERED, message).at(leaf.place(&key.place), "");
            let finding = finding.at(table.span, "the table");
            let finding = finding.did_you_mean(&key_text, table.rows.keys().map(|row| &**row)).for_a_person();
            self.findings
                .push(finding.help("add the row, or say what any other code becomes: `default: ...`"));
            return None;
        }
        if key_typed.ty.values == Values::Names {
            self.qualified_rows(table);
        }
        if let (Values::Declared(known, zero), None) = (&key_typed.ty.values, &table.default)
            && table.origin != RowsFrom::Nowhere
        {
            let missing: Vec<&str> = known
                .iter()
                .filter(|k| zero.as_ref() != Some(*k) && !table.rows.contains_key(*k))
                .map(|k| &**k)
                .collect();
            if !missing.is_empty() {
                let message = format!("table `{table_name}` has no row for {}", missing.join(", "));
                let mut finding = Diagnostic::error(Code::MAP_UNCOVERED, message)
                    .at(leaf.place(at), "")
                    .at(table.span, "the table");
                let strange = |row: &&Arc<str>| !known.contains(row);
                for row in table.rows.keys().filter(strange) {
                    let Some(meant) = nearest(row, missing.iter().copied()) else { continue };
                    if let Some(place) = table.places.get(row) {
                        finding = finding
                            .at(place.key, "this row")
                            .help(format!("did you mean `{meant}` by `{row}`?"));
                        if let [_] = missing.as_slice() {
                            finding = finding.edit(place.key, &**row, meant);
                        }
                    }
                    self.uses.explained(index, row.clone());
                }
                self.findings
                    .push(finding.help("add the rows, or say what any other code becomes: `default: ...`"));
            }
        }
        // What stands in rows that never come fits or not, and nobody sees it.
        let comes = |key: &Arc<str>| match &key_typed.ty.values {
            Values::Declared(known, _) | Values::Written(known) => known.contains(key),
            Values::Any => true,
            Values::Names => !key.contains(':'),
        };
        let rows = table.rows.iter().filter(|(key, _)| comes(key)).map(|(_, value)| value);
        let mut values: Vec<&Constant> = rows.chain(&table.default).collect();
        values.sort_by_key(|v| written(v));
        let numbers = values.iter().all(|v| matches!(v, Constant::Integer(_)));
        let kind = if numbers && !values.is_empty() { Kind::Integer } else { Kind::Text };
        let ty = Type {
            kind,
            values: Values::Written(values.into_iter().map(|v| written(v).as_str().into()).collect()),
        };
        let (absent, optional) = (key_typed.absent, key_typed.optional);
        let expr = Expr::Lookup { table: index, key: Box::new(key_typed.expr), span: leaf.place(at) };
        Some(Typed { expr, ty, absent, optional, place: at.clone() })
    }

    /// The table that a name in quotes names.
    fn table(&mut self, table: &Expression, function: &str, what: &str, leaf: &Leaf) -> Option<usize> {
        let Kinds::Text(table_name) = &table.kind else {
            let message = format!("`{function}` takes the name of a table in quotes, then the {what}");
            let finding = Diagnostic::error(Code::EXPR_ARGUMENTS, message).at(leaf.place(&table.place), "");
            self.findings.push(finding.help(format!("write {function}('table', {what})")));
            return None;
        };
        let tables = self.tables;
        let index = tables.iter().position(|t| t.name == *table_name);
        if index.is_none() {
            let message = format!("there is no table `{table_name}`");
            let finding =
                Diagnostic::error(Code::MAP_UNKNOWN_TABLE, message).at(leaf.place(&table.place), "");
            self.findings.push(finding.did_you_mean(table_name, tables.iter().map(|t| &*t.name)));
        }
        index
    }

    /// `lookup_key(table, value)`: the other way round.
    fn lookup_key(
        &mut self,
        table: &Expression,
        value: &Expression,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let index = self.table(table, "lookup_key", "value", leaf);
        let typed = self.value(value, leaf);
        let (index, typed) = (index?, typed?);
        self.uses.asked(index, &Values::Any);
        let table = self.tables.get(index)?;
        if !matches!(typed.ty.kind, Kind::Text | Kind::Integer) {
            let message =
                format!("the value of a row is text or a whole number, and this is {}", name(typed.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, &value.place);
            return None;
        }
        let mut by_value: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (key, value) in &table.rows {
            by_value.entry(written(value)).or_default().push(key);
        }
        if let Some((value, keys)) = by_value.iter_mut().find(|(_, keys)| keys.len() > 1) {
            keys.sort_unstable();
            let message = format!(
                "the table `{}` has `{value}` in more rows than one: {}",
                table.name,
                keys.join(", ")
            );
            let mut finding = Diagnostic::error(Code::TABLE_INVALID, message).at(leaf.place(at), "");
            if let Some(place) = keys.last().and_then(|key| table.places.get(*key)) {
                finding = finding.at(place.value, "here too");
            }
            self.findings
                .push(finding.help("only a table whose values are all different leads back to its keys"));
            return None;
        }
        if let Values::Declared(known, zero) = &typed.ty.values
            && table.origin != RowsFrom::Nowhere
        {
            let open = |known: &&Arc<str>| zero.as_ref() != Some(*known) && !by_value.contains_key(&***known);
            let missing: Vec<&str> = known.iter().filter(open).map(|k| &**k).collect();
            if !missing.is_empty() {
                let message = format!("the table `{}` has no row with {}", table.name, missing.join(", "));
                let finding = Diagnostic::error(Code::MAP_UNCOVERED, message).at(leaf.place(at), "");
                self.findings.push(finding.at(table.span, "the table").help("add the rows"));
            }
        }
        let mut keys: Vec<Arc<str>> = table.rows.keys().cloned().collect();
        keys.sort_unstable();
        let ty = Type { kind: Kind::Text, values: Values::Written(keys) };
        let (absent, optional) = (typed.absent, typed.optional);
        let expr = Expr::LookupKey { table: index, value: Box::new(typed.expr), span: leaf.place(at) };
        Some(Typed { expr, ty, absent, optional, place: at.clone() })
    }

    /// A function of the library.
    fn library(
        &mut self,
        index: usize,
        function: &'static Function,
        as_method: bool,
        given: &[&Expression],
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let least = function.parameters.iter().filter(|p| !p.optional).count();
        if given.len() < least || given.len() > function.parameters.len() || (as_method && !function.receiver)
        {
            let finding = Diagnostic::error(
                Code::EXPR_ARGUMENTS,
                format!("`{}` is not called like this", function.name),
            );
            self.findings.push(finding.at(leaf.place(at), "").help(format!("write {}", usage(function))));
            return None;
        }
        let (mut args, mut kinds) = (Vec::new(), Vec::new());
        let (mut absent, mut optional, mut prepared, mut failed) = (false, Vec::new(), Vec::new(), false);
        for (position, (expression, parameter)) in given.iter().zip(function.parameters).enumerate() {
            let Some(typed) = self.value(expression, leaf) else {
                failed = true;
                continue;
            };
            let fits = parameter.kinds.contains(&typed.ty.kind)
                || (typed.ty.kind == Kind::Integer && parameter.kinds.contains(&Kind::Decimal));
            if !fits {
                let wanted = parameter.kinds.iter().map(|k| name(*k)).collect::<Vec<_>>().join(" or ");
                let message = format!(
                    "`{}` wants {wanted} for its {}, and this is {}",
                    function.name,
                    parameter.name,
                    name(typed.ty.kind)
                );
                let finding =
                    Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(&expression.place), "");
                let hint =
                    (typed.ty.kind != Kind::Text && parameter.kinds.contains(&Kind::Text)).then(|| {
                        let shown = leaf.text.get(expression.place.clone()).unwrap_or("x");
                        match typed.ty.kind {
                            Kind::Bytes => format!("convert it: hex({shown}) or base64({shown})"),
                            _ => format!("convert it: string({shown})"),
                        }
                    });
                self.findings.push(hint.into_iter().fold(finding, Diagnostic::help));
                failed = true;
                continue;
            }
            if parameter.form != Form::Value && !matches!(typed.expr, Expr::Constant(_)) {
                let message = format!("the {} of `{}` is a constant", parameter.name, function.name);
                self.report(Code::EXPR_ARGUMENTS, message, leaf, &expression.place);
                failed = true;
                continue;
            }
            if let Expr::Constant(Constant::Text(text)) = &typed.expr
                && let Some(fault) = functions::fault_of_constant(function.name, position, text)
            {
                self.report(Code::EXPR_ARGUMENTS, fault, leaf, &expression.place);
                failed = true;
                continue;
            }
            if let Expr::Constant(Constant::Text(text)) = &typed.expr {
                match self.prepared(parameter.form, text, leaf.place(&expression.place)) {
                    Ok(made) => prepared.extend(made),
                    Err(finding) => {
                        self.findings.extend(finding);
                        failed = true;
                        continue;
                    }
                }
            }
            kinds.push(typed.ty.clone());
            if position == 0 {
                absent |= typed.absent && !function.sees_absent;
                if !function.sees_absent {
                    optional.clone_from(&typed.optional);
                }
                args.push(typed.expr);
            } else {
                match self.present(typed, leaf) {
                    Some(typed) => args.push(typed.expr),
                    None => failed = true,
                }
            }
        }
        if failed {
            return None;
        }
        let given_kinds: Vec<Kind> = kinds.iter().map(|t| t.kind).collect();
        if let Some(fault) = functions::fault_of_arguments(function.name, &given_kinds, &prepared) {
            self.report(Code::EXPR_ARGUMENTS, fault, leaf, at);
            return None;
        }
        let mut values = Values::Any;
        if let (Some(first), Some(place)) = (kinds.first(), given.first().map(|e| e.place.clone())) {
            let shown = leaf.text.get(place).unwrap_or("x");
            let known = Known { function, args: &args, prepared: &prepared, first, shown };
            values = self.known(&known, leaf, at)?;
        }
        let ty = match function.result {
            Outcome::Kind(kind) => Type::any(kind),
            Outcome::Either if kinds.iter().any(|t| t.kind == Kind::Decimal) => Type::any(Kind::Decimal),
            Outcome::Either => Type::any(kinds.first().map_or(Kind::Text, |t| t.kind)),
            Outcome::Perhaps(kind) => {
                absent = true;
                Type::any(kind)
            }
            Outcome::SameAs(position) => Type::any(kinds.get(position).map_or(Kind::Text, |t| t.kind)),
        };
        let ty = if ty.kind == Kind::Text { Type { values, ..ty } } else { ty };
        let expr = Expr::Call { function: index, args, prepared, span: leaf.place(at) };
        Some(Typed { expr, ty, absent, optional, place: at.clone() })
    }
}

/// `x.truncate(length)`, as the reference shows it.
pub(super) fn usage(function: &Function) -> String {
    let shown =
        |p: &functions::Parameter| if p.optional { format!("[{}]", p.name) } else { p.name.to_owned() };
    let names: Vec<String> = function.parameters.iter().map(shown).collect();
    match (function.receiver, names.split_first()) {
        (true, Some((first, rest))) => format!("{first}.{}({})", function.name, rest.join(", ")),
        _ => format!("{}({})", function.name, names.join(", ")),
    }
}

/// A constant as it would be written.
pub(crate) fn written(constant: &Constant) -> String {
    match constant {
        Constant::Absent => String::new(),
        Constant::Text(text) => text.to_string(),
        Constant::Bool(b) => b.to_string(),
        Constant::Integer(n) => n.to_string(),
        Constant::Decimal(d) => {
            let digits = d.mantissa.unsigned_abs().to_string();
            let scale = usize::from(d.scale);
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            let sign = if d.mantissa < 0 { "-" } else { "" };
            if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
        }
        Constant::Date(date) => date.to_string(),
    }
}
