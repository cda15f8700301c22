//! Mapping files as they are written: YAML lowered to [`MappingFile`], with every finding at once.

mod batch;
mod calendar;
mod keys;
mod outgoing;
mod route;
mod rules;
mod traps;

use portolan_diagnostics::{Checked, Code, Diagnostic, Severity, SourceId, Sources};

pub use calendar::calendar;
pub(crate) use route::status_name;
pub(crate) use traps::{Guess, guess};

use crate::{
    file::MappingFile,
    yaml::{self, NodeKind},
};

/// How large a mapping file may be.
const MAX_BYTES: usize = 1 << 20;

/// Reads a mapping file that is one of `sources`. Routes that could not be read whole are left out.
pub fn parse(source: SourceId, sources: &Sources) -> Checked<MappingFile> {
    let mut findings = Vec::new();
    let text = sources.get(source).map(|f| f.text.clone()).unwrap_or_default();
    if text.len() > MAX_BYTES {
        let message = format!("a mapping file has at most {MAX_BYTES} bytes");
        let finding = Diagnostic::error(Code::FILE_UNREADABLE, message);
        return Checked {
            value: None,
            diagnostics: vec![finding.at(portolan_diagnostics::Span::new(source, 0..0), "")],
        };
    }
    let mut routes: Vec<crate::file::MappingRoute> = Vec::new();
    let mut batches: Vec<crate::file::BatchRoute> = Vec::new();
    let documents = yaml::read(source, &text, &mut findings);
    if documents.is_empty() && findings.is_empty() {
        let finding = Diagnostic::error(Code::YAML_MISSING_KEY, "this file declares no route");
        findings.push(finding.at(portolan_diagnostics::Span::new(source, 0..0), ""));
    }
    // What YAML itself refused is not known by the route that it belongs to.
    let unreadable = failed(&findings);
    for document in &documents {
        // An empty document follows a `---` at the end.
        if matches!(&document.kind, NodeKind::Scalar(s) if s.text.is_empty()) && documents.len() > 1 {
            continue;
        }
        let before = findings.len();
        if batch::has_file(document, "source") {
            let Some(mut route) = batch::route(document, &mut findings) else { continue };
            route.broken |= unreadable || failed(&findings[before..]);
            batches.push(route);
            continue;
        }
        let read = match batch::has_file(document, "target") {
            true => outgoing::route(document, &mut findings),
            false => route::route(document, &mut findings),
        };
        let Some(mut route) = read else { continue };
        route.broken |= unreadable || failed(&findings[before..]);
        let namesake =
            |r: &&crate::file::MappingRoute| r.name.value == route.name.value && !r.name.value.is_empty();
        match routes.iter().find(namesake) {
            Some(first) => findings.push(
                Diagnostic::error(
                    Code::ROUTE_DUPLICATE,
                    format!("two routes are named `{}`", route.name.value),
                )
                .at(route.name.span, "")
                .at(first.name.span, "the first one"),
            ),
            None => routes.push(route),
        }
    }
    Checked { value: Some(MappingFile { source, batches, routes }), diagnostics: findings }
}

fn failed(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|d| d.severity == Severity::Error)
}

/// The rules of a system's standing headers (`header:` in the gateway's configuration), of which `node` is the value.
pub fn standing_header(node: &yaml::Node) -> Checked<crate::file::Placed<crate::file::Rule>> {
    let mut diagnostics = Vec::new();
    let value = rules::rule(node, "header", node.span, &mut diagnostics);
    Checked { value, diagnostics }
}

#[cfg(test)]
mod tests;
