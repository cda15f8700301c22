//! What a field says of itself by other fields: how often it is there, how long it is, and its sign.

use portolan_syntax::{
    expression::Leaf,
    keys::{Keys, boolean, entries, leaf, text},
    yaml::{Entry, Node, NodeKind},
};

use super::{Builder, Waiting, field::Place, words};
use crate::{
    Occurs,
    layout::{Extent, Form, Storage, Times, Trim},
};

impl<'a> Builder<'a> {
    /// `sign-in:` with `negative:` and `positive:`.
    #[allow(clippy::type_complexity, reason = "the three keys together")]
    pub(super) fn sign_elsewhere(
        &mut self,
        keys: &mut Keys<'a>,
    ) -> Option<(Leaf, Box<[Box<str>]>, Box<[Box<str>]>)> {
        let by = keys.take("sign-in").and_then(|e| leaf(e, self.findings));
        let negative = keys.take("negative");
        let positive = keys.take("positive");
        match (by, negative, positive) {
            (Some(by), Some(negative), Some(positive)) => {
                let texts = |entry: &Entry| -> Box<[Box<str>]> {
                    let one = |node: &Node| node.scalar().map(|scalar| scalar.text.as_str().into());
                    match &entry.value.kind {
                        NodeKind::Sequence(items) => items.iter().filter_map(one).collect(),
                        _ => one(&entry.value).into_iter().collect(),
                    }
                };
                Some((by, texts(negative), texts(positive)))
            }
            (None, None, None) => None,
            (by, negative, positive) => {
                let span = by.map(|by| by.span).or(negative.or(positive).map(|entry| entry.key_span))?;
                self.invalid(span, "`sign-in`, `negative` and `positive` belong together")
                    .help
                    .push("write `sign-in: debit_or_credit`, `negative: D` and `positive: C`".to_owned());
                None
            }
        }
    }

    /// How long a field is of which another says it: its declared length is the most.
    pub(super) fn measured(
        &mut self,
        by: &Leaf,
        storage: &mut Storage,
        extent: Extent,
        entry: &Entry,
    ) -> Option<Extent> {
        let Extent::Bytes(most) = extent else {
            self.invalid(
                by.span,
                "a field of which another says how long it is has a `length`: the most that it can be",
            );
            return None;
        };
        match &mut storage.form {
            Form::Octets => {}
            Form::Text(text) => {
                // It has no room that would have to be filled up.
                let trimmed = |keys: &[Entry]| keys.iter().any(|key| key.key == "trim");
                if !matches!(&entry.value.kind, NodeKind::Mapping(keys) if trimmed(keys)) {
                    text.trim = Trim { left: false, right: false };
                }
            }
            form => {
                let message =
                    format!("another field says how long a text or bytes are; this is {}", form.word());
                self.invalid(by.span, message);
                return None;
            }
        }
        Some(Extent::Counted(most))
    }

    /// `occurs:` with what counts it; without it, what says how long the one field is.
    pub(super) fn times(
        &mut self,
        place: Place,
        path: &[u32],
        conditional: bool,
        keys: &mut Keys<'a>,
    ) -> (Times, Option<Leaf>) {
        let occurs = keys.take("occurs").and_then(|e| self.occurs_of(e).map(|occurs| (occurs, e)));
        let by = keys.take("depending-on").and_then(|e| leaf(e, self.findings));
        match occurs {
            None => (Times::Once, by),
            Some((occurs, entry)) => (self.repeated(place, path, conditional, occurs, entry, by, keys), None),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "they are what a list is declared by")]
    fn repeated(
        &mut self,
        place: Place,
        path: &[u32],
        conditional: bool,
        occurs: Occurs,
        entry: &Entry,
        by: Option<Leaf>,
        keys: &mut Keys<'a>,
    ) -> Times {
        let counts = keys.take("counts");
        let room = keys.take("room").and_then(|e| boolean(e, self.findings)).unwrap_or(false);
        let Some(most) = occurs.max.filter(|most| *most <= 65_536) else {
            self.invalid(entry.value.span, "a field stands there 65,536 times at most");
            return Times::Once;
        };
        match by {
            Some(by) => {
                let mut words = Vec::new();
                if let Some(counts) = counts
                    && let Some(counts) = entries(&counts.value, "`counts`", self.findings)
                {
                    for count in counts {
                        if let Some(number) = words::whole(count, 0, 65_536, self.findings) {
                            words.push((count.key.as_str().into(), number as u32));
                        }
                    }
                }
                self.pend(place.node, path, Waiting::Counted(by));
                Times::Counted { least: occurs.min, most, by: Vec::new(), words, room }
            }
            // As often as its condition holds where the next one would begin.
            None if conditional && occurs.min < most => {
                Times::Counted { least: occurs.min, most, by: Vec::new(), words: Vec::new(), room: false }
            }
            None if occurs.min == most && most > 1 => Times::Fixed(most),
            None if most == 1 => Times::Once,
            None => {
                self.invalid(entry.value.span, "how often it stands there must be known")
                    .help
                    .push("write one number, name the field that says it in `depending-on:`, or say by `when:` what each begins with".to_owned());
                Times::Once
            }
        }
    }

    /// `1`, `0..1`, `0..`, `2..5`.
    pub(super) fn occurs_of(&mut self, entry: &Entry) -> Option<Occurs> {
        let written = text(entry, self.findings)?;
        let number = |text: &str| text.parse::<u32>().ok();
        let occurs = match written.value.split_once("..") {
            None => number(&written.value).map(|n| Occurs { min: n, max: Some(n) }),
            Some((min, "")) => number(min).map(|min| Occurs { min, max: None }),
            Some((min, max)) => number(min).zip(number(max)).map(|(min, max)| Occurs { min, max: Some(max) }),
        };
        let occurs = occurs.filter(|occurs| occurs.max.is_none_or(|max| max > 0 && max >= occurs.min));
        if occurs.is_none() {
            let message = format!("`{}` does not say how often", written.value);
            self.invalid(written.span, message)
                .help
                .push("write `1`, `0..1`, `0..`, `1..` or `2..5`".to_owned());
        }
        occurs
    }
}
