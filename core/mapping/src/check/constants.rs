//! What was probably meant as a constant, and reads like a path or an expression.

use portolan_diagnostics::Edit;

use super::{Checker, scope::Place};
use crate::{
    expression::{Expression, Leaf, Segment},
    parse::{Guess, guess},
};

impl Checker<'_> {
    /// A rule's expression as a syntax tree, with the cure where it reads like a constant.
    pub(super) fn written(&mut self, leaf: &Leaf) -> Option<Expression> {
        leaf.parse()
            .map_err(|mut finding| {
                if let Some(constant) = like_constant(leaf) {
                    finding.help = vec![format!("a constant is written {constant}")];
                    finding.edit = leaf.plain.then(|| Edit {
                        span: leaf.span,
                        old: leaf.text.to_string(),
                        new: constant,
                    });
                }
                self.findings.push(finding);
            })
            .ok()
    }

    /// The place that a rule's path names; a single name that nothing has may have been meant as a constant.
    pub(super) fn named(&mut self, path: &[Segment], leaf: &Leaf) -> Option<Place> {
        let known = self.findings.len();
        let place = self.path(path, leaf);
        if let (None, [only], Some(constant)) = (&place, path, like_constant(leaf))
            && let Some(finding) = self.findings.get_mut(known)
            && (finding.help.is_empty() || only.name.chars().all(|c| !c.is_lowercase()))
        {
            finding.help.push(format!("a constant is written {constant}"));
            // A constant, or a name with a slip: that is for a person to say.
            finding.edit = None;
        }
        place
    }
}

/// A constant as it should be written, where a rule reads like one.
fn like_constant(leaf: &Leaf) -> Option<String> {
    let text = &*leaf.text;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '+' | ' ' | '#');
    let fits = text.len() <= 64 && text.contains(char::is_alphanumeric) && text.chars().all(plain);
    let bare = leaf.plain && guess(text) == Guess::Text && !text.contains([':', '#', '+', ' ']);
    fits.then(|| if bare { format!("{{ const: {text} }}") } else { format!("{{ const: \"{text}\" }}") })
}
