//! Lists: gone through by `each:`, or written out item by item.

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
        self.scope.settled.extend(sequence.settled.iter().cloned());
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

    /// Items that are written out are not more than the contract takes, and not fewer.
    fn counted(&mut self, filled: &[Filled], items: &[Placed<Rule>], target: Target<'_>, span: Span) {
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let least = number(target.occurs.min);
        let count = |n: usize| if n == 1 { "1 item".to_owned() } else { format!("{n} items") };
        if filled.len() < least {
            let message =
                format!("`{}` has at least {}, and here are {}", target.name, count(least), filled.len());
            let finding = Diagnostic::error(Code::MAP_NEVER_FITS, message).at(span, "");
            self.findings.push(finding.help("write the items that are missing"));
        }
        let Some(most) = target.occurs.max.map(number) else { return };
        let Some(first) = items.get(most) else { return };
        let sure = filled.iter().filter(|item| item.always).count();
        let help = match most {
            1 => "leave the others out".to_owned(),
            _ => format!("leave all but {most} out"),
        };
        let finding = if sure > most {
            let message =
                format!("`{}` has at most {}, and here are {}", target.name, count(most), filled.len());
            Diagnostic::error(Code::MAP_NEVER_FITS, message)
        } else {
            let message = format!(
                "`{}` has at most {}: a message that has all of these {} is refused",
                target.name,
                count(most),
                filled.len()
            );
            Diagnostic::warning(Code::MAP_NEVER_FITS, message)
        };
        self.findings.push(finding.at(first.span, "the first that is too many").help(help));
    }

    /// Items that are written out.
    pub(super) fn items(&mut self, items: &[Placed<Rule>], target: Target<'_>, span: Span) -> Option<Filled> {
        if !target.list {
            let message = format!("`{}` is a single value, and this fills a list", target.name);
            let finding = Diagnostic::error(Code::MAP_CARDINALITY, message).at(span, "");
            self.findings.push(finding.help(match items {
                [_] => "leave the brackets out",
                _ => "choose by `cases:`, or put them together in an expression",
            }));
            return None;
        }
        let inside = Target { list: false, required: false, ..target };
        let filled: Vec<_> = items.iter().map(|item| self.content(item, inside)).collect();
        let mut filled = filled.into_iter().collect::<Option<Vec<_>>>()?;
        self.counted(&filled, items, target, span);
        if let [_] = items {
            return filled.pop();
        }
        let always = filled.iter().any(|item| item.always);
        let content = WriteContent::Items(filled.into_iter().map(|item| item.content).collect());
        Some(Filled { content, always })
    }
}
