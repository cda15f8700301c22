//! What stands around the messages of a file that is made: headers and trailers, checked against the rules for them.

use std::{collections::HashMap, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_formats::Unknown;
use portolan_schema::{
    Document, Schema,
    layout::{Excerpt, Framing, Layout, NodeId},
};

use super::{
    Checker, Source,
    context::AROUND,
    outgoing::{CheckedAround, CheckedFile, CheckedGroup, by_themselves, chain, cut, named, paths},
    scope::Opened,
    tables,
};
use crate::{
    expression::Leaf,
    file::{self, FieldRule, FileTarget, Placed, Rule},
    ir::Side,
    secret::Secrets,
};

/// What stands around the messages of a file.
pub(super) struct Making<'a> {
    pub(super) file: &'a FileTarget,
    pub(super) layout: &'a Arc<Layout>,
    pub(super) node: NodeId,
    /// What a message is.
    pub(super) source: (&'a Schema, &'a Document),
    pub(super) secrets: &'a Secrets,
}

/// A record around messages, with the rules for it.
pub(super) struct Stands<'a> {
    pub(super) node: NodeId,
    rules: Vec<&'a FieldRule>,
    span: Span,
    /// The groups that it is in, from the outermost.
    within: Vec<NodeId>,
}

impl Stands<'_> {
    /// Its rules.
    pub(super) fn direction(&self) -> file::Direction {
        let fields = self.rules.iter().map(|rule| (*rule).clone()).collect();
        written(Placed { value: Rule::Fields(fields), span: self.span })
    }
}

/// The rules of a record of which nothing has to be used.
pub(super) fn written(body: Placed<Rule>) -> file::Direction {
    file::Direction {
        span: body.span,
        require: Vec::new(),
        fail: Vec::new(),
        from: None,
        header: None,
        body: Some(body),
        ignore: Vec::new(),
        unknown: Unknown::Ignore,
    }
}

impl<'a> Making<'a> {
    /// All of the file but what answers it.
    pub(super) fn made(
        &mut self,
        (route, name): (impl Into<super::Ground<'a>> + Copy, &str),
        (schema, document): (Arc<Schema>, Document),
        groups: Vec<CheckedGroup>,
        uses: &mut tables::Uses,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<CheckedFile> {
        let around = self.around(route, uses, findings);
        if let Some(calendar) = self.file.cut.as_ref().and_then(|cut| cut.value.calendar.as_ref()) {
            let ground: super::Ground<'a> = route.into();
            let index = ground.calendars.iter().position(|one| *one.name.value == *calendar.value);
            index.into_iter().for_each(|index| uses.asked_calendar(index));
        }
        Some(CheckedFile {
            layout: Arc::clone(self.layout),
            record: self.node,
            schema,
            document,
            sent: Excerpt::of(self.layout, self.node).1.excerpt?,
            name: named(self.file, name, findings)?,
            cut: cut(self.file),
            groups,
            around,
            answers: None,
        })
    }

    fn around(
        &mut self,
        route: impl Into<super::Ground<'a>> + Copy,
        uses: &mut tables::Uses,
        findings: &mut Vec<Diagnostic>,
    ) -> Vec<CheckedAround> {
        let stands = stands(
            (self.layout, self.file.layout.span),
            &chain(self.layout, self.node),
            self.file.file.as_ref(),
            findings,
        );
        stands.iter().filter_map(|one| self.one(one, route.into(), uses, findings)).collect()
    }

    fn one(
        &self,
        one: &Stands<'a>,
        ground: super::Ground<'a>,
        uses: &mut tables::Uses,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<CheckedAround> {
        let (schema, document) = Excerpt::alone(self.layout, one.node);
        let (source, message) = self.source;
        let by: Vec<&str> = self
            .file
            .group
            .iter()
            .filter(|rule| self.layout.find(&rule.group.value).is_some_and(|node| one.within.contains(&node)))
            .flat_map(|rule| rule.by.iter().map(|leaf| &*leaf.text))
            .collect();
        for field in &one.rules {
            grouped(&field.rule, &by, &ground, findings);
        }
        let mut checker = Checker::new(
            Source::new(source, message, Unknown::Ignore),
            None,
            &schema,
            ground,
            self.secrets,
            uses,
            findings,
        );
        checker.scope.context = AROUND;
        checker.by_themselves = by_themselves(&schema, &document);
        let name = match &message.excerpt {
            Some(excerpt) => excerpt.layout.node(excerpt.each).name.clone(),
            None => "body".to_owned(),
        };
        let first = checker.scope.root(Side::Message, std::slice::from_ref(&name), vec!["group".to_owned()]);
        // Of a message, only what it shares with the others of its group.
        let bare = Document { roots: Vec::new(), ..message.clone() };
        checker.scope.message.document = &bare;
        if let Some(place) = first.filter(|_| !by.is_empty()) {
            checker.scope.opened.push(Opened::Item("group".to_owned(), place));
        }
        let mut translation = checker.direction(&one.direction(), &document, None, false);
        translation.selection = checker.scope.message.selection;
        translation.locals = checker.locals;
        translation.given = None;
        Some(CheckedAround { node: one.node, schema: Arc::new(schema), document, translation })
    }
}

/// The records that stand around those of `chain`, from the top of the layout to the record of a message; all, where it is empty. Each with the
/// rules that `file` has for it. `whole` is where the layout is named.
pub(super) fn stands<'a>(
    (layout, whole): (&Layout, Span),
    chain: &[NodeId],
    file: Option<&'a Placed<Rule>>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Stands<'a>> {
    let mut given: HashMap<NodeId, (Vec<&'a FieldRule>, Span)> = HashMap::new();
    if let Some(Placed { value: Rule::Fields(rules), span }) = file {
        sort(layout, None, rules, *span, &mut given, findings);
    }
    let mut stands: Vec<Stands<'_>> = Vec::new();
    for depth in 0..chain.len().max(1) {
        let next = chain.get(depth);
        let siblings = match depth.checked_sub(1) {
            None => &layout.top,
            Some(depth) => &layout.node(chain[depth]).children,
        };
        for sibling in siblings {
            let node = layout.node(*sibling);
            let own = given.remove(sibling);
            let is_around = Some(sibling) == next && depth + 1 < chain.len();
            let wanted = match Some(sibling) == next {
                true => is_around && node.shape.is_some(),
                false => own.is_some() || node.occurs.min > 0,
            };
            if !wanted {
                continue;
            }
            if !is_around && node.children.iter().any(|child| layout.node(*child).occurs.min > 0) {
                let message = format!(
                    "`{}` has records within it, and stands beside the messages: that is not built yet",
                    layout.path(*sibling)
                );
                findings.push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(whole, ""));
                continue;
            }
            let (rules, span) = own.unwrap_or((Vec::new(), whole));
            let within = chain[..depth].iter().chain(is_around.then_some(sibling)).copied().collect();
            stands.push(Stands { node: *sibling, rules, span, within });
        }
    }
    for (node, (_, span)) in given {
        let node = layout.path(node);
        let finding = match chain.last() {
            Some(last) => {
                let message = format!("`{node}` does not stand around `{}`", layout.path(*last));
                let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(span, "");
                finding.help("rules for what stands within a message are written where its own are: under `request:`, or as `body:` of an acknowledgement")
            }
            None => {
                let message = format!("`{node}` stands within another record: that is not built yet");
                Diagnostic::error(Code::YAML_BAD_VALUE, message).at(span, "")
            }
        };
        findings.push(finding);
    }
    if matches!(layout.file.framing, Framing::Delimited(_)) {
        uncomputed(layout, &stands, findings);
    }
    stands
}

/// What a line of delimited values says of others is not computed yet when it is made by itself.
fn uncomputed(layout: &Layout, stands: &[Stands<'_>], findings: &mut Vec<Diagnostic>) {
    for one in stands {
        let items = layout.node(one.node).shape.iter().flat_map(|shape| &shape.items);
        for item in items.filter(|item| item.value.is_some()) {
            let message = format!(
                "`{}.{}` has a `value:` in a delimited line around messages: that is not built yet",
                layout.path(one.node),
                item.name
            );
            findings.push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(one.span, ""));
        }
    }
}

/// Tells rules for records from those for their fields.
fn sort<'a>(
    layout: &Layout,
    parent: Option<NodeId>,
    rules: &'a [FieldRule],
    span: Span,
    given: &mut HashMap<NodeId, (Vec<&'a FieldRule>, Span)>,
    findings: &mut Vec<Diagnostic>,
) {
    let children = match parent {
        None => &layout.top,
        Some(parent) => &layout.node(parent).children,
    };
    for rule in rules {
        let child = children.iter().find(|child| layout.node(**child).name == rule.field.value);
        match (child, &rule.rule.value) {
            (Some(child), Rule::Fields(within)) => {
                sort(layout, Some(*child), within, rule.field.span, given, findings);
                if layout.node(*child).shape.is_some() {
                    given.entry(*child).or_insert_with(|| (Vec::new(), rule.field.span));
                }
            }
            (Some(_), Rule::Broken) => {}
            (None, _) if parent.is_some_and(|parent| layout.node(parent).shape.is_some()) => {
                if let Some(parent) = parent {
                    given.entry(parent).or_insert_with(|| (Vec::new(), span)).0.push(rule);
                }
            }
            _ => {
                let names: Vec<&str> =
                    children.iter().map(|child| layout.node(*child).name.as_str()).collect();
                let message = format!("nothing here is a record named `{}`", rule.field.value);
                let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(rule.field.span, "");
                findings.push(super::scope::near_or_all(finding, &rule.field.value, &names));
            }
        }
    }
}

/// Reports what headers would take of one message that others of its group do not share.
fn grouped(rule: &Placed<Rule>, by: &[&str], ground: &super::Ground<'_>, findings: &mut Vec<Diagnostic>) {
    let leaf = |leaf: &Leaf, findings: &mut Vec<Diagnostic>| {
        let Ok(parsed) = leaf.parse() else { return };
        paths(&parsed, &mut |path| {
            let [first, rest @ ..] = path else { return };
            if first.name != "group" {
                return;
            }
            let wanted = rest.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join(".");
            if !by.contains(&wanted.as_str()) {
                let message = format!("`group.{wanted}` is not what its messages share");
                let finding =
                    Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(leaf.place(&first.place), "");
                findings.push(match by {
                    [] => finding.help("this record stands in no group of `group:`"),
                    by => finding
                        .help(format!("they share {}; add it to `by:` where it is wanted", by.join(", "))),
                });
            }
        });
    };
    match &rule.value {
        Rule::Expression(expression) => leaf(expression, findings),
        Rule::From(from, within) => {
            leaf(from, findings);
            grouped(within, by, ground, findings);
        }
        Rule::Each { list, item, .. } => {
            leaf(list, findings);
            grouped(item, by, ground, findings);
        }
        Rule::Fields(fields) => {
            fields.iter().for_each(|field| grouped(&field.rule, by, ground, findings));
        }
        Rule::Items(items) => items.iter().for_each(|item| grouped(item, by, ground, findings)),
        Rule::Cases(cases) => {
            for case in cases {
                case.when.iter().for_each(|when| leaf(when, findings));
                grouped(&case.rule, by, ground, findings);
            }
        }
        Rule::Group(name) => {
            let fields = ground.maps.get(&name.value).map(|fields| fields.value.as_slice());
            for field in fields.unwrap_or_default() {
                if !matches!(field.rule.value, Rule::Group(_)) {
                    grouped(&field.rule, by, ground, findings);
                }
            }
        }
        Rule::Constant(_) | Rule::Absent | Rule::Broken => {}
    }
}
