//! Rules that a contract has and that are not enforced: named once each, with the places that have them.

use std::collections::{BTreeMap, HashMap};

use portolan_diagnostics::{Code, Diagnostic, SourceId, Sources, Span};
use prost_reflect::DescriptorPool;

use super::types::LeftOutRule;

/// Enough places to see that there are many.
const PLACES: usize = 10;

/// A note for each kind of rule.
pub(super) fn findings(
    left_out: &[LeftOutRule],
    pool: &DescriptorPool,
    ids: &HashMap<String, SourceId>,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let mut places: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for rule in left_out {
        if let Some(span) = place(rule, pool, ids, sources) {
            places.entry(&rule.name).or_default().push(span);
        }
    }
    let finding = |(name, mut spans): (&str, Vec<Span>)| {
        spans.sort_by_key(|span| (span.source, span.start));
        spans.dedup();
        let finding = Diagnostic::note(Code::PROTO_UNSUPPORTED, format!("the rule `{name}` is not enforced"));
        let at = |finding: Diagnostic, (i, span): (usize, Span)| {
            finding.at(span, if i == 0 { "" } else { "and here" })
        };
        spans.into_iter().take(PLACES).enumerate().fold(finding, at).help(
            "`require` in the mapping can ask the same of a request; docs/reference/contracts.md has what is enforced",
        )
    };
    places.into_iter().map(finding).collect()
}

/// The first line of the declaration, where it stands in one of the user's files.
fn place(
    rule: &LeftOutRule,
    pool: &DescriptorPool,
    ids: &HashMap<String, SourceId>,
    sources: &Sources,
) -> Option<Span> {
    let id = *ids.get(&rule.file)?;
    let text = &sources.get(id)?.text;
    let file = pool.get_file_by_name(&rule.file)?;
    let locations = file.file_descriptor_proto().source_code_info.as_ref()?;
    let location = locations.location.iter().find(|location| location.path == rule.path)?;
    let line = usize::try_from(*location.span.first()?).ok()?;
    let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let line = text.get(start..)?.lines().next()?;
    let indent = line.len() - line.trim_start().len();
    Some(Span::new(id, start + indent..start + line.trim_end().len()))
}
