//! Lists: gone through by `each:`, or written out where they have one item.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Checker,
    rules::{Filled, Target},
    scope::Opened,
    sequences::Sequence,
};
use crate::{
    expression::{ExpressionKind, Leaf},
    file::{Placed, Rule},
    ir::{NilPolicy, WriteContent},
};

impl Checker<'_> {
    /// The list of an `each:`.
    pub(super) fn list(&mut self, leaf: &Leaf) -> Option<Sequence> {
        let parsed = self.parsed(leaf)?;
        match &parsed.kind {
            ExpressionKind::Path(_) | ExpressionKind::Call { .. } => self.sequence(&parsed, leaf),
            _ => {
                let message = "`each` goes through a list";
                let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(&parsed.place), "");
                let help =
                    "name a list of the source: `each: item in path.to.list`; or make one: x.split(',')";
                self.findings.push(finding.help(help));
                None
            }
        }
    }

    pub(super) fn each(
        &mut self,
        variable: &str,
        sequence: &Sequence,
        nil: NilPolicy,
        target: Target<'_>,
        span: Span,
        item: impl FnOnce(&mut Self, Target<'_>) -> Option<Filled>,
    ) -> Option<Filled> {
        if !target.list {
            let message = format!("`{}` is a single value, and `each` fills a list", target.name);
            self.findings.push(Diagnostic::error(Code::MAP_CARDINALITY, message).at(span, ""));
            return None;
        }
        if nil == NilPolicy::Keep && !target.nillable {
            let message = format!("`{}` has no nil to keep", target.name);
            let finding = Diagnostic::error(Code::MAP_TYPE, message).at(span, "");
            self.findings.push(finding.help("skip nil items, or refuse them: `nil: skip`, `nil: refuse`"));
        }
        let known = self.scope.settled.len();
        self.scope.settled.extend(sequence.settled.iter().copied());
        self.scope.opened.push(Opened::Item(variable.to_owned(), sequence.item.clone()));
        let filled = item(self, Target { list: false, required: false, ..target });
        self.scope.opened.pop();
        self.scope.settled.truncate(known);
        let content = Box::new(filled?.content);
        let content = match sequence.plain() {
            Some((list, frame, item)) => WriteContent::Each { list, frame, item, nil, content },
            None => WriteContent::Through { list: sequence.list.clone(), nil, content },
        };
        Some(Filled { content, always: false })
    }

    /// A list of one item.
    pub(super) fn one(&mut self, item: &Placed<Rule>, target: Target<'_>, span: Span) -> Option<Filled> {
        if !target.list {
            let message = format!("`{}` is a single value, and this fills a list", target.name);
            let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(span, "");
            self.findings.push(finding.help("leave the brackets out"));
            return None;
        }
        self.content(item, Target { list: false, required: false, ..target })
    }
}
