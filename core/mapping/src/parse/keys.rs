//! Keys that a mapping does not have, and that somebody may well look for in it.

use portolan_diagnostics::{Code, Diagnostic};
use portolan_syntax::yaml::Entry;

pub(super) use portolan_syntax::keys::{
    Keys, bad, boolean, duration, entries, items, leaf, shared, text, text_of,
};

/// Keys of the language that a later version reads.
const LATER: &[&str] = &["order", "batch"];

/// Keys of the gateway's configuration.
const ELSEWHERE: &[&str] = &["listen", "queue", "systems", "routes", "secrets"];

/// Keys of a system there.
const OF_SYSTEMS: &[&str] = &["auth", "endpoint", "tls", "max-concurrency", "username", "password"];

/// Reports every key that nobody asked for.
pub(super) trait Finish {
    /// Of a group as it is.
    fn finish(self, findings: &mut Vec<Diagnostic>);

    /// Of a group with further keys that a later version reads.
    fn finish_but(self, later: &[&str], findings: &mut Vec<Diagnostic>);
}

impl Finish for Keys<'_> {
    fn finish(self, findings: &mut Vec<Diagnostic>) {
        self.finish_but(&[], findings);
    }

    fn finish_but(self, later: &[&str], findings: &mut Vec<Diagnostic>) {
        self.done_with(&|entry| elsewhere(entry, later), findings);
    }
}

/// What is known of a key that is no mistake everywhere.
fn elsewhere(entry: &Entry, later: &[&str]) -> Option<Diagnostic> {
    let of_system = OF_SYSTEMS.contains(&entry.key.as_str());
    if of_system || ELSEWHERE.contains(&entry.key.as_str()) {
        let message = format!("`{}` belongs in portolan.yaml", entry.key);
        let help = match of_system {
            true => {
                "a mapping is the same everywhere; what differs between environments stands there, under `systems:`"
            }
            false => "a mapping is the same everywhere; what differs between environments stands there",
        };
        return Some(Diagnostic::error(Code::YAML_UNKNOWN_KEY, message).at(entry.key_span, "").help(help));
    }
    LATER.iter().chain(later).any(|l| *l == entry.key).then(|| {
        Diagnostic::error(Code::YAML_UNKNOWN_KEY, format!("`{}` is not built yet", entry.key))
            .at(entry.key_span, "")
            .help("it is part of the language, and comes with a later version")
    })
}
