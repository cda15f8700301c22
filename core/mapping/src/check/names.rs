//! Qualified names (`fault.code`, any `QName`), which are read without their prefix: each stack chooses its own. What a mapping
//! says of one with a prefix never holds.

use std::{ops::Range, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic};
use portolan_schema::SoapVersion;

use super::{Checker, expression::Typed, known::Known, types::Values};
use crate::{
    expression::Leaf,
    ir::{Constant, Expr, Table},
};

impl Checker<'_> {
    /// A name with a prefix, where names are read without theirs; or one of the other version of SOAP.
    pub(super) fn never_named(&mut self, declared: &Typed, texts: &[Arc<str>], written: &Typed, leaf: &Leaf) {
        let version = match &declared.expr {
            Expr::Field { path, .. } if &**path == "fault.code" => self.soap,
            _ => None,
        };
        for text in texts {
            let (prefix, local) = text.rsplit_once(':').map_or((None, &**text), |(p, l)| (Some(p), l));
            let other = version.and_then(|version| of_version(local, version));
            let name = other.unwrap_or(local);
            let finding = match (prefix, other, version) {
                (Some(_), ..) => {
                    let message = format!("names are read without their prefix, so this is never `{text}`");
                    Diagnostic::error(Code::MAP_NEVER_FITS, message)
                }
                (None, Some(name), Some(version)) => {
                    let version = if version == SoapVersion::V11 { "1.1" } else { "1.2" };
                    let message = format!("SOAP {version}, which this operation speaks, calls this `{name}`");
                    Diagnostic::warning(Code::MAP_UNREACHABLE, message)
                }
                _ => continue,
            };
            let finding = finding.at(leaf.place(&written.place), "").help(format!("write '{name}'"));
            let old = leaf.text.get(written.place.clone()).unwrap_or_default();
            self.findings.push(match leaf.verbatim.is_some() && *old == format!("'{text}'") {
                true => finding.edit(leaf.place(&written.place), old, format!("'{name}'")),
                false => finding,
            });
        }
    }

    /// Rows for names with a prefix, which no key has that is read without its own.
    pub(super) fn qualified_rows(&mut self, table: &Table) {
        let mut rows: Vec<_> = table.places.iter().filter(|(row, _)| row.contains(':')).collect();
        rows.sort_by_key(|(_, place)| place.key.start);
        for (row, place) in rows {
            let local = row.rsplit(':').next().unwrap_or_default();
            let message = format!("the key `{row}` never comes: names are read without their prefix");
            let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(place.key, "");
            self.findings.push(finding.help(format!("write {local}")));
        }
    }

    /// A function that looks for a prefix in names that are read without theirs.
    pub(super) fn prefix(&mut self, call: &Known<'_>, leaf: &Leaf, at: &Range<usize>) -> Option<Values> {
        let colon = |argument: Option<&Expr>| match argument {
            Some(Expr::Constant(Constant::Text(text))) => text.contains(':').then(|| text.clone()),
            _ => None,
        };
        let Some(text) = colon(call.args.get(1)) else { return Some(Values::Any) };
        let message = "names are read without their prefix, so there is no `:` in this one";
        match call.function.name {
            // A pattern in which a colon need not be met is left alone.
            "matches" if !text.contains(['?', '*', '|', '[', '(', '{']) => {
                let finding = Diagnostic::error(Code::MAP_NEVER_FITS, message).at(leaf.place(at), "");
                self.findings.push(finding.help("leave the prefix out of the pattern"));
                None
            }
            "startsWith" | "endsWith" | "contains" => {
                let finding = Diagnostic::error(Code::MAP_NEVER_FITS, message).at(leaf.place(at), "");
                let local = text.rsplit(':').next().unwrap_or_default();
                self.findings.push(match local.is_empty() {
                    true => {
                        finding.help(format!("leave it out, or compare the name: {} == '...'", call.shown))
                    }
                    false => finding.help(format!("write {}.{}('{local}')", call.shown, call.function.name)),
                });
                None
            }
            "before" | "after" | "part" | "replace" => {
                let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(leaf.place(at), "");
                self.findings.push(finding.help(format!("leave it out: {}", call.shown)));
                Some(Values::Any)
            }
            _ => Some(Values::Any),
        }
    }
}

/// What a version of SOAP calls a fault code that the other version names.
fn of_version(local: &str, version: SoapVersion) -> Option<&'static str> {
    const NAMES: [(&str, &str); 2] = [("Client", "Sender"), ("Server", "Receiver")];
    // SOAP 1.1 qualifies its codes after a dot.
    let plain = local.split('.').next().unwrap_or(local);
    match version {
        SoapVersion::V12 => NAMES.iter().find(|(old, _)| *old == plain).map(|(_, new)| *new),
        SoapVersion::V11 => NAMES.iter().find(|(_, new)| *new == local).map(|(old, _)| *old),
    }
}
