//! Lists: gone through by `each:`, or written out where they have one item.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Checker,
    rules::{Filled, Target},
    scope::{Opened, Place, What},
};
use crate::{
    expression::{ExpressionKind, Leaf},
    file::{Placed, Rule},
    ir::{NilPolicy, WriteContent},
};

impl Checker<'_> {
    /// The place of an `each:`.
    pub(super) fn list(&mut self, leaf: &Leaf) -> Option<Place> {
        let parsed = self.parsed(leaf)?;
        let ExpressionKind::Path(path) = &parsed.kind else {
            let message = "`each` goes through a list of the source, named by its path";
            let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(&parsed.place), "");
            let help = "write `each: item in path.to.list`; functions are for what fills the item";
            self.findings.push(finding.help(help));
            return None;
        };
        let place = self.path(path, leaf)?;
        if matches!(place.what, What::List { .. }) {
            return Some(place);
        }
        let message = format!("`{}` is {}, and `each` goes through a list", place.path, place.describe());
        self.report(Code::MAP_CARDINALITY, message, leaf, &parsed.place);
        None
    }

    pub(super) fn each(
        &mut self,
        variable: &str,
        list: &Place,
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
        let What::List { slot, item: items, .. } = list.what else { return None };
        let opened = self.scope.item(list)?;
        let known = self.scope.settled.len();
        self.scope.settled.extend(list.optional.iter().copied());
        self.scope.opened.push(Opened::Item(variable.to_owned(), opened));
        let filled = item(self, Target { list: false, required: false, ..target });
        self.scope.opened.pop();
        self.scope.settled.truncate(known);
        let content = Box::new(filled?.content);
        let content = WriteContent::Each { list: slot, frame: items.frame, item: items.slot, nil, content };
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
