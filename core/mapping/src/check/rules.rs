//! Rules meet the target: every field known, filled once, by something that it can hold, and none forgotten.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_formats::{Value, lexical::Form};
use portolan_schema::{Field, FieldId, Occurs, RecordId, TypeId};

use super::{
    Checker,
    outcome::truth,
    scope::{Opened, Place, What},
    sequences::Sequence,
    types::kind_of,
};
use crate::{
    expression::{Expression, ExpressionKind, Leaf},
    file::{Case, FieldRule, Placed, Rule},
    functions::Kind,
    ir::{Constant, Expr, NilPolicy, Write, WriteContent},
};

/// How many rules a direction may have, groups written out.
const MAX_RULES: usize = 20_000;
/// How deep rules may nest, groups written out.
const MAX_DEPTH: usize = 64;
/// How deep groups of `maps:` may name one another.
const MAX_GROUPS: usize = 16;

/// Content for a field, and whether it is there whenever its record is.
pub(super) struct Filled {
    pub(super) content: WriteContent,
    pub(super) always: bool,
}

/// A field to be filled: itself, or an item of it.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) name: &'t str,
    pub(super) ty: TypeId,
    pub(super) list: bool,
    /// How often the field may stand.
    pub(super) occurs: Occurs,
    pub(super) nillable: bool,
    pub(super) required: bool,
}

impl<'t> Target<'t> {
    pub(super) fn of(field: &'t Field) -> Self {
        Self {
            name: &field.name,
            ty: field.ty,
            list: field.occurs.is_list(),
            occurs: field.occurs,
            nillable: field.nillable,
            required: is_required(field),
        }
    }
}

impl Checker<'_> {
    /// What fills a target.
    pub(super) fn content(&mut self, rule: &Placed<Rule>, target: Target<'_>) -> Option<Filled> {
        self.rules += 1;
        if self.rules > MAX_RULES || self.depth == MAX_DEPTH {
            let message = format!("a mapping has at most {MAX_RULES} rules, {MAX_DEPTH} within one another");
            // Once is enough: every rule that follows goes past the limit too.
            if self.rules <= MAX_RULES + 1 {
                self.findings.push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(rule.span, ""));
            }
            return None;
        }
        self.depth += 1;
        let filled = self.filled(rule, target);
        self.depth -= 1;
        filled
    }

    fn filled(&mut self, rule: &Placed<Rule>, target: Target<'_>) -> Option<Filled> {
        if let TypeId::Record(id) = target.ty
            && self.target.record(id).is_missing
        {
            let message = format!("what `{}` holds is not declared in the contract", target.name);
            let finding = Diagnostic::error(Code::MAP_TYPE, message).at(rule.span, "");
            self.findings.push(finding.help("complete the contract (see its warnings), or leave it out"));
            return None;
        }
        match &rule.value {
            Rule::Cases(cases) => self.cases(cases, target, rule.span),
            Rule::Each { variable, list, nil, item } => {
                let inside = Target { list: false, required: false, ..target };
                let Some(sequence) = self.list(list) else { return self.lost(item, inside) };
                self.each(&variable.name, &sequence, *nil, target, rule.span, |c, t| c.content(item, t))
            }
            Rule::Expression(leaf) => self.expression(leaf, target),
            Rule::Broken => None,
            Rule::Items(items) => self.items(items, target, rule.span),
            Rule::Absent if target.required => {
                let message = format!("`{}` is required, and may not be left out", target.name);
                self.findings.push(Diagnostic::error(Code::MAP_REQUIRED_UNMAPPED, message).at(rule.span, ""));
                None
            }
            Rule::Absent => Some(Filled { content: WriteContent::Cases(Vec::new()), always: false }),
            _ if target.list => {
                let message = format!("`{}` is a list, and this fills a single value", target.name);
                let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(rule.span, "");
                let help =
                    "go through a list by { each: item in path, map: ... }, or write one item: [ ... ]";
                self.findings.push(finding.help(help));
                None
            }
            Rule::Constant(text) => {
                let TypeId::Scalar(id) = target.ty else { return self.not_a_value(target.name, rule.span) };
                let scalar = self.target.scalar(id);
                let (constant, hidden) = (self.constant(text, rule.span, scalar, target.name)?, text.hidden);
                if let Constant::Text(text) = &constant
                    && let Err(problem) =
                        Form::compile(self.target, id).write(Value::Text(text), &mut Vec::new())
                {
                    let message = match hidden {
                        true => format!("what this names never fits `{}`: it {problem}", target.name),
                        false => format!("this never fits `{}`: `{text}` {problem}", target.name),
                    };
                    self.findings.push(Diagnostic::error(Code::MAP_NEVER_FITS, message).at(rule.span, ""));
                }
                Some(Filled { content: WriteContent::Scalar(Expr::Constant(constant)), always: true })
            }
            Rule::Fields(fields) => self.record(fields, target, rule.span),
            Rule::Group(name) => self.group(name, target),
            Rule::From(from, inner) => self.from(from, inner, target),
        }
    }

    fn not_a_value(&mut self, name: &str, span: Span) -> Option<Filled> {
        let message = format!("`{name}` is a record, and this is a single value");
        let finding = Diagnostic::error(Code::MAP_TYPE, message).at(span, "");
        self.findings.push(finding.help("fill its fields: { from: path, map: { ... } }"));
        None
    }

    fn expression(&mut self, leaf: &Leaf, target: Target<'_>) -> Option<Filled> {
        let parsed = self.written(leaf)?;
        if let Some(filled) = self.money(&parsed, leaf, target) {
            return filled;
        }
        let place = match &parsed.kind {
            ExpressionKind::Path(path) => Some(self.named(path, leaf)?),
            _ => None,
        };
        if let Some(place) = &place
            && target.list
            && matches!(place.what, What::List { ty: TypeId::Scalar(_), .. })
            && matches!(target.ty, TypeId::Scalar(_))
        {
            // Two lists of plain values: the items need no name.
            let sequence = self.items_of(place)?;
            return self.unnamed(&sequence, &parsed, leaf, target);
        }
        let of_source = place.as_ref().is_some_and(|place| matches!(place.what, What::List { .. }));
        if target.list && !of_source && self.is_sequence(&parsed, leaf) {
            let sequence = self.sequence(&parsed, leaf)?;
            let single = !matches!(sequence.item.what, What::Record { .. } | What::Group(_));
            if !single || matches!(target.ty, TypeId::Record(_)) {
                let message = format!("the items of this list are not yet what `{}` holds", target.name);
                let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.span, "");
                self.findings
                    .push(finding.help(format!("name them: {{ each: item in {}, map: ... }}", leaf.text)));
                return None;
            }
            return self.unnamed(&sequence, &parsed, leaf, target);
        }
        if target.list {
            let message = format!("`{}` is a list, and this is a single value", target.name);
            let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(leaf.span, "");
            let list = matches!(place.as_ref().map(|p| &p.what), Some(What::List { .. }));
            self.findings.push(match list {
                true => finding.help(format!("go through it: {{ each: item in {}, map: ... }}", leaf.text)),
                false => finding.help(format!("write it as a list of one item: [ {} ]", leaf.text)),
            });
            return None;
        }
        self.scalar(&parsed, place.as_ref(), leaf, target)
    }

    /// A list whose items go into the target's as they are.
    fn unnamed(
        &mut self,
        sequence: &Sequence,
        parsed: &Expression,
        leaf: &Leaf,
        target: Target<'_>,
    ) -> Option<Filled> {
        self.each("", sequence, NilPolicy::Refuse, target, leaf.span, |c, target| {
            c.scalar(parsed, Some(&sequence.item), leaf, target)
        })
    }

    /// A single value for a single field.
    fn scalar(
        &mut self,
        parsed: &Expression,
        place: Option<&Place>,
        leaf: &Leaf,
        target: Target<'_>,
    ) -> Option<Filled> {
        let TypeId::Scalar(id) = target.ty else { return self.not_a_value(target.name, leaf.span) };
        let implicit = place.is_some_and(|p| p.implicit);
        let typed = match place {
            Some(place) => self.place(place, leaf, &parsed.place)?,
            None => self.value(parsed, leaf)?,
        };
        let target_scalar = self.target.scalar(id);
        let number = matches!(parsed.kind, ExpressionKind::Integer(_) | ExpressionKind::Decimal(_));
        if leaf.plain && number && kind_of(self.target, &target_scalar.kind) == Kind::Text {
            let message = format!("YAML readers take `{}` for a number", leaf.text);
            let finding = Diagnostic::error(Code::YAML_TRAP, message).at(leaf.span, "");
            let constant = format!("{{ const: \"{}\" }}", leaf.text);
            let finding = finding.help(format!("a constant is written {constant}"));
            self.findings.push(finding.edit(leaf.span, &*leaf.text, constant));
            return None;
        }
        let typed = self.assign(typed, target_scalar, target.name, leaf)?;
        let open = typed.optional.iter().any(|slot| !self.scope.settled.contains(slot));
        Some(Filled {
            content: WriteContent::Scalar(typed.expr),
            always: !typed.absent && !open && !implicit,
        })
    }

    fn from(&mut self, from: &Leaf, inner: &Placed<Rule>, target: Target<'_>) -> Option<Filled> {
        let Some(place) = self.opened(from) else { return self.lost(inner, target) };
        let given = match place.what {
            What::Record { slot, .. } => slot,
            _ => None,
        };
        let open = self.scope.maybe_absent(&place);
        let known = self.scope.settled.len();
        self.scope.settled.extend(place.optional.iter().cloned());
        self.scope.opened.push(Opened::Record(place));
        let filled = self.content(inner, target);
        self.scope.opened.pop();
        self.scope.settled.truncate(known);
        let Filled { content, always } = filled?;
        let WriteContent::Record { write, .. } = content else { return Some(Filled { content, always }) };
        Some(Filled { content: WriteContent::Record { given, write }, always: always && !open })
    }

    /// What is wrong with the content of a `from:` or `each:` that leads nowhere.
    fn lost(&mut self, inner: &Placed<Rule>, target: Target<'_>) -> Option<Filled> {
        self.scope.opened.push(Opened::Lost);
        self.content(inner, target);
        self.scope.opened.pop();
        None
    }

    /// The record of a `from:`.
    pub(super) fn opened(&mut self, from: &Leaf) -> Option<Place> {
        let parsed = self.parsed(from)?;
        let ExpressionKind::Path(path) = &parsed.kind else {
            self.report(Code::MAP_TYPE, "`from` names a record by its path", from, &parsed.place);
            return None;
        };
        let place = self.path(path, from)?;
        if matches!(place.what, What::Record { .. }) {
            return Some(place);
        }
        let message = format!("`{}` is {}, and `from` opens a record", place.path, place.describe());
        let code = if place.describe() == "a list" { Code::MAP_CARDINALITY } else { Code::MAP_TYPE };
        self.report(code, message, from, &parsed.place);
        None
    }

    fn group(&mut self, name: &Placed<String>, target: Target<'_>) -> Option<Filled> {
        let maps = self.maps;
        let Some(group) = maps.get(&name.value) else {
            let finding =
                Diagnostic::error(Code::MAP_UNKNOWN_PATH, format!("`maps` has no group `{}`", name.value));
            let finding =
                finding.at(name.span, "").did_you_mean(&name.value, maps.keys().map(String::as_str));
            self.findings.push(match finding.help.is_empty() {
                true => finding.help("write the group under `maps:`, or the fields here: map: { ... }"),
                false => finding,
            });
            return None;
        };
        if self.groups.contains(&name.value) || self.groups.len() == MAX_GROUPS {
            let finding = Diagnostic::error(
                Code::YAML_BAD_VALUE,
                format!("group `{}` leads back to itself", name.value),
            );
            self.findings.push(finding.at(name.span, "").at(group.span, "the group"));
            return None;
        }
        self.groups.push(name.value.clone());
        let filled = self.record(&group.value, target, name.span);
        self.groups.pop();
        filled
    }

    fn cases(&mut self, cases: &[Case], target: Target<'_>, span: Span) -> Option<Filled> {
        let known = self.scope.settled.len();
        let (mut filled, mut always, mut end): (Vec<_>, bool, Option<Span>) = (Vec::new(), true, None);
        let mut failed = cases.is_empty();
        self.said_twice(cases.iter().filter_map(|case| case.when.as_ref()));
        if failed {
            self.findings
                .push(Diagnostic::error(Code::YAML_BAD_VALUE, "`cases` is an empty list").at(span, ""));
        }
        for case in cases {
            if let Some(end) = end {
                let message = "this case and what follows it are never reached";
                let finding = Diagnostic::error(Code::MAP_UNREACHABLE, message).at(case.span, "");
                let finding = finding.at(end, "this one always holds");
                self.findings.push(finding.help("move the one that always holds to the end"));
                break;
            }
            let condition = case.when.as_ref().map(|leaf| (leaf, self.parsed(leaf)));
            let test = case.when.as_ref().map(|leaf| self.quietly_parsed(leaf));
            let content = match &condition {
                Some((leaf, Some(parsed))) => {
                    self.knowing(parsed, true, leaf, |c| c.content(&case.rule, target))
                }
                _ => self.content(&case.rule, target),
            };
            if let Some((leaf, Some(parsed))) = &condition {
                self.learn(parsed, false, leaf);
            }
            let holds = matches!(&test, Some(Some(test)) if truth(test) == Some(true));
            if case.when.is_none() || holds {
                end = Some(case.span);
            }
            if matches!(&test, Some(Some(test)) if truth(test) == Some(false)) {
                self.never_holds(case.when.as_ref().map_or(case.span, |leaf| leaf.span));
            }
            match (test, content) {
                (Some(Some(test)), Some(content)) => {
                    always &= content.always;
                    filled.push((Some(test), content.content));
                }
                (None, Some(content)) => {
                    always &= content.always;
                    filled.push((None, content.content));
                }
                _ => failed = true,
            }
        }
        self.scope.settled.truncate(known);
        let covered = end.is_some() || failed || self.cover(cases);
        if !covered {
            let message = "no `otherwise`: what no case covers would be dropped";
            let finding = Diagnostic::error(Code::MAP_UNCOVERED, message).at(span, "");
            let finding = finding.help("end it with `- { otherwise: ... }`");
            self.findings
                .push(finding.help("or say that it may be left out: `- { otherwise: { absent: true } }`"));
        }
        let all = always && end.is_some();
        (!failed).then_some(Filled { content: WriteContent::Cases(filled), always: all })
    }

    /// A condition whose syntax was reported already.
    fn quietly_parsed(&mut self, leaf: &Leaf) -> Option<Expr> {
        leaf.parse().ok()?;
        self.condition(leaf)
    }

    fn record(&mut self, fields: &[FieldRule], target: Target<'_>, span: Span) -> Option<Filled> {
        let TypeId::Record(id) = target.ty else {
            let message = format!("`{}` is a single value and has no fields", target.name);
            self.findings.push(Diagnostic::error(Code::MAP_TYPE, message).at(span, ""));
            return None;
        };
        if target.list {
            let message = format!("`{}` is a list, and this fills a single record", target.name);
            let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(span, "");
            let help = "go through a list by { each: item in path, map: ... }, or write one item: [ ... ]";
            self.findings.push(finding.help(help));
            return None;
        }
        let (write, always) = self.fields(id, fields, target.name, span);
        Some(Filled { content: WriteContent::Record { given: None, write }, always })
    }

    /// The fields of a target record; whether one of them is always there.
    pub(super) fn fields(
        &mut self,
        id: RecordId,
        fields: &[FieldRule],
        name: &str,
        span: Span,
    ) -> (Vec<Write>, bool) {
        let record = self.target.record(id);
        let mut filled: Vec<(FieldId, Span, Option<Filled>)> = Vec::new();
        for rule in fields {
            let Some((field, declared)) = record.find(&rule.field.value) else {
                let message = format!("`{name}` has no field `{}`", rule.field.value);
                let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(rule.field.span, "");
                // A field that a rule of its own fills is not what this one means.
                let open = record.fields.iter().filter(|f| fields.iter().all(|r| r.field.value != f.name));
                let meant = portolan_diagnostics::nearest(&rule.field.value, open.map(|f| f.name.as_str()));
                let finding = finding.did_you_mean(&rule.field.value, meant);
                self.findings.push(finding);
                if let Some((field, declared)) = meant.and_then(|name| record.find(name)) {
                    self.content(&rule.rule, Target::of(declared));
                    filled.push((field, rule.field.span, None));
                }
                continue;
            };
            if let Some((_, first, _)) = filled.iter().find(|(f, ..)| *f == field) {
                let finding = Diagnostic::error(
                    Code::MAP_DUPLICATE_TARGET,
                    format!("`{}` is filled twice", declared.name),
                );
                let finding = finding.at(rule.field.span, "").at(*first, "first here");
                self.findings.push(finding.help("leave one of them out; hyphens in names are underscores"));
                continue;
            }
            let content = self.content(&rule.rule, Target::of(declared));
            self.readable_secret(&rule.rule, declared, name);
            filled.push((field, rule.field.span, content));
        }
        self.choices(record, &filled);
        for (field, declared) in record.fields_with_ids() {
            let missing = !filled.iter().any(|(f, ..)| *f == field);
            if missing
                && is_required(declared)
                && let (Some(fixed), TypeId::Scalar(scalar)) = (&declared.fixed, declared.ty)
                && let Some(constant) = self.fixed(fixed, self.target.scalar(scalar))
            {
                let content = WriteContent::Scalar(Expr::Constant(constant));
                filled.push((field, span, Some(Filled { content, always: false })));
            }
        }
        self.unmapped(id, &filled, name, span);
        let always = filled.iter().any(|(.., f)| f.as_ref().is_some_and(|f| f.always));
        let mut write: Vec<Write> = filled
            .into_iter()
            .filter_map(|(field, span, filled)| {
                Some(Write { record: id, field, content: filled?.content, span })
            })
            .collect();
        write.sort_by_key(|w| w.field);
        (write, always)
    }

    /// Target fields that nothing fills.
    fn unmapped(&mut self, id: RecordId, filled: &[(FieldId, Span, Option<Filled>)], name: &str, span: Span) {
        let record = self.target.record(id);
        // Callers fill it, and nobody else.
        let is_theirs =
            |field: FieldId| self.target.rules(id, field).is_some_and(|rules| rules.behavior.input_only);
        let there = |field: FieldId| filled.iter().any(|(f, ..)| *f == field);
        let (mut required, mut optional): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
        let by_itself = |field: FieldId| self.by_themselves.contains(&(id, field));
        for (_, declared) in record
            .fields_with_ids()
            .filter(|(field, _)| !there(*field) && !is_theirs(*field) && !by_itself(*field))
        {
            if is_required(declared) && declared.fixed.is_none() {
                required.push(format!("`{}`", declared.name));
            } else if declared.choice.is_none() {
                optional.push(&declared.name);
            }
        }
        for (index, choice) in record.choices.iter().enumerate() {
            let members: Vec<(FieldId, &Field)> = record
                .fields_with_ids()
                .filter(|(_, f)| f.choice.is_some_and(|c| c.0 as usize == index))
                .collect();
            if choice.required && !members.is_empty() && !members.iter().any(|(f, _)| there(*f)) {
                let names: Vec<&str> = members.iter().map(|(_, f)| f.name.as_str()).collect();
                required.push(format!("one of `{}`", names.join("`, `")));
            }
        }
        if !required.is_empty() {
            let message = format!("`{name}` needs {}", required.join(", "));
            let finding =
                Diagnostic::error(Code::MAP_REQUIRED_UNMAPPED, message).at(span, "it is not filled here");
            self.findings.push(finding.help("the contract requires it: map it, or write { const: ... }"));
        }
        if !optional.is_empty() {
            let message = format!("nothing fills these fields of `{name}`: {}", optional.join(", "));
            let finding = Diagnostic::note(Code::MAP_TARGET_UNUSED, message).at(span, "");
            self.findings.push(finding.help(format!(
                "map them, or say that they stay empty: `{}: {{ absent: true }}`",
                optional[0]
            )));
        }
    }
}

/// Whether a record of the contract cannot be without a field.
pub(super) fn is_required(field: &Field) -> bool {
    field.occurs.min > 0 && field.choice.is_none() && field.default.is_none()
}
