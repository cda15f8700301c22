//! The names of `context`: what is known of a message besides its content.

use portolan_diagnostics::{Code, Diagnostic};

use super::scope::{Place, What};
use crate::{
    expression::{Leaf, Segment},
    ir::{ContextField, Given, Side},
};

/// Those that may be asked for.
pub(super) type Contextual = [(&'static str, ContextField)];

pub(super) const MESSAGE: &Contextual = &[
    ("message_id", ContextField::MessageId),
    ("route", ContextField::Route),
    ("caller", ContextField::Caller),
    ("received", ContextField::Received),
    ("attempt", ContextField::Attempt),
    ("request_id", ContextField::RequestId),
];

/// Those around the messages of a file, which has no caller; `received` is when it was cut.
pub(super) const AROUND: &Contextual = &[
    ("sequence", ContextField::Sequence),
    ("route", ContextField::Route),
    ("received", ContextField::Received),
];

/// Of a file that tells what became of another, `received`: when that was found.
pub(super) const TOLD: &Contextual = &[("route", ContextField::Route), ("received", ContextField::Received)];

/// What a path that begins with `context` leads to, and what of it comes behind.
pub(super) fn context<'p>(
    path: &'p [Segment],
    leaf: &Leaf,
    names: &Contextual,
) -> Result<(Place, &'p [Segment]), Diagnostic> {
    let name = path.get(1).map_or("", |s| s.name.as_str());
    match names.iter().find(|(n, _)| *n == name) {
        Some((_, field)) => {
            let place = Place {
                path: format!("context.{name}"),
                side: Side::Message,
                what: What::Context(*field),
                optional: match field {
                    ContextField::Caller | ContextField::RequestId => vec![Given::Context(*field)],
                    _ => Vec::new(),
                },
                implicit: false,
                alias: None,
            };
            Ok((place, &path[2..]))
        }
        None => {
            let place = path.get(1).or(path.first()).map_or(0..0, |s| s.place.clone());
            let message = format!("`context` has no `{name}`");
            let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(leaf.place(&place), "");
            let all: Vec<&str> = names.iter().map(|(n, _)| *n).collect();
            Err(finding.did_you_mean(name, all.iter().copied()).help(format!("it has {}", all.join(", "))))
        }
    }
}
