//! `portolan check --fix`: the cures that findings offer, made in the files.

use std::{io::Write, path::Path};

use portolan_diagnostics::{Diagnostic, Edit, Source, SourceId, Sources, Span, cured};

use crate::report::{Failure, Report, plural};

/// Cures what has exactly one cure, and says so on standard error; whether anything was changed.
pub(super) fn fix(findings: &[Diagnostic], sources: &Sources, report: &Report) -> Result<bool, Failure> {
    let mut changed = false;
    for (id, file) in sources.iter() {
        let Some((text, done)) = cured(findings, id, sources) else { continue };
        // The text of a configuration hides its secrets, so it is not what stands in the file.
        if std::fs::read_to_string(&*file.name).ok().as_deref() != Some(&*file.text) {
            report.note(format_args!(
                "{} is left as it is: it holds secrets, or was changed meanwhile",
                file.name
            ));
            continue;
        }
        replace(file, &text).map_err(|problem| {
            Failure::failed(format_args!("`{}` cannot be written: {problem}", file.name))
        })?;
        changed = true;
        report.note(format_args!("{}: {} cured", file.name, plural(done.len(), "finding")));
        for edit in done.iter().filter_map(|index| findings.get(*index)?.edit.as_ref()) {
            report.note(told(edit, id, sources));
        }
    }
    Ok(changed)
}

/// `  6:5: ArticelNumber is now ArticleNumber`
fn told(edit: &Edit, id: SourceId, sources: &Sources) -> String {
    let place = edit.place(sources).and_then(|place| sources.position(Span::new(id, place)));
    let place = place.map(|at| format!("{}:{}: ", at.line, at.column)).unwrap_or_default();
    format!("  {place}{} is now {}", edit.old, edit.new)
}

/// Writes beside the file, with its permissions, and puts that in its place: whoever reads it meanwhile has the one or the other.
fn replace(file: &Source, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = std::fs::canonicalize(Path::new(&*file.name))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".portolan-fix");
    let beside = path.with_file_name(name);
    let written = std::fs::File::create(&beside).and_then(|mut new| {
        new.set_permissions(std::fs::metadata(&path)?.permissions())?;
        new.write_all(text.as_bytes())?;
        new.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&beside, &path));
    if moved.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    moved
}
