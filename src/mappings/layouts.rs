//! Layouts and copybooks among the files of a project, each checked by itself.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use portolan_diagnostics::{Severity, SourceId, Sources};
use portolan_schema::{Directory, Reading, Schema, copybook};

use super::Mappings;
use crate::layouts::is_copybook;

/// Checks layouts, then those copybooks that nothing read so far has: one that a layout names, or another one copies, was read with
/// what is said of it there, and may mean nothing without it. What was `named` is checked in any case.
pub(super) fn check(
    files: &[PathBuf],
    named: &dyn Fn(&Path) -> bool,
    resolver: &Directory,
    sources: &mut Sources,
    read: &mut Mappings,
) {
    let (copybooks, layouts): (Vec<&PathBuf>, Vec<&PathBuf>) =
        files.iter().partition(|path| is_copybook(path));
    for entry in layouts.into_iter().filter_map(|path| path.to_str()) {
        read.layout_files += 1;
        let checked = portolan_schema::layout::read(entry, &mut Reading { resolver, sources });
        let failed = checked.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
        read.layouts += usize::from(!failed);
        // What a layout says nothing of is told to whoever asks for that layout.
        let asked = named(Path::new(entry));
        for finding in checked.diagnostics {
            if (asked || finding.severity != Severity::Note) && !read.findings.contains(&finding) {
                read.findings.push(finding);
            }
        }
    }
    let known: HashSet<String> = sources.iter().map(|(_, source)| source.name.to_string()).collect();
    let mut copied: HashSet<SourceId> = HashSet::new();
    let mut checked = Vec::new();
    for path in copybooks {
        let Some(entry) = path.to_str() else { continue };
        if known.contains(entry) && !named(path) {
            read.layout_files += 1;
            read.layouts += 1;
            continue;
        }
        let options = copybook::CopybookOptions::default();
        let found = copybook::load(entry, None, &mut Reading { resolver, sources }, &options);
        let mut findings = found.diagnostics;
        let mut own = None;
        if let Some(copybook) = found.value {
            own = copybook.files.first().copied();
            copied.extend(copybook.files.iter().skip(1));
            for record in 0..copybook.records().count() {
                findings.extend(copybook.lower(record, &options, &mut Schema::default()).diagnostics);
            }
        }
        checked.push((path, own, findings));
    }
    for (path, own, findings) in checked {
        read.layout_files += 1;
        let passed_over = own.is_some_and(|own| copied.contains(&own)) && !named(path);
        if passed_over || findings.iter().all(|finding| finding.severity != Severity::Error) {
            read.layouts += 1;
        }
        if passed_over {
            continue;
        }
        for finding in findings {
            if !read.findings.contains(&finding) {
                read.findings.push(finding);
            }
        }
    }
    read.files += read.layout_files;
}
