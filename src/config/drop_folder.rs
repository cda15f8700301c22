//! A system that drops files into a folder.

use std::time::Duration;

use portolan_batch::{Complete, FolderOptions, FolderSource};
use portolan_mapping::yaml::{Entry, Node, NodeKind};

use super::{
    grammar,
    keys::{Group, Reader},
};

/// How often a folder is looked into, where nothing is said.
const EVERY: Duration = Duration::from_secs(1);

/// Whether a system is a folder.
pub(super) fn is_one(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Mapping(entries) if entries.iter().any(|entry| entry.key == "batch"))
}

pub(super) fn folder(entry: &Entry, reader: &mut Reader<'_>) -> Option<FolderSource> {
    let what = format!("the system `{}`", entry.key);
    let mut keys = Group::called(&what, &entry.value, &grammar::FOLDER_SYSTEM, reader)?;
    let batch = keys.require("batch", reader);
    keys.finish(reader);
    let mut keys = Group::of(&batch?.value, &grammar::FOLDER, reader)?;
    let path = keys.require("folder", reader).and_then(|e| reader.text(e));
    let mut options =
        FolderOptions::new(path.as_ref().map(|path| reader.folder.join(&path.value)).unwrap_or_default());
    for (key, place) in [
        ("archive", &mut options.archive),
        ("rejected", &mut options.rejected),
        ("duplicate", &mut options.duplicate),
        ("receipts", &mut options.receipts),
    ] {
        if let Some(text) = keys.take(key).and_then(|e| reader.text(e)) {
            *place = text.value.into();
        }
    }
    if let Some(entry) = keys.take("complete") {
        options.complete = complete(entry, reader).unwrap_or_default();
    }
    if let Some(bytes) = keys.take("max-bytes").and_then(|e| reader.bytes(e)) {
        options.max_bytes = bytes as u64;
    }
    let every = keys.take("every").and_then(|e| reader.duration(e)).unwrap_or(EVERY);
    keys.finish(reader);
    path?;
    Some(FolderSource { system: entry.key.as_str().into(), options, every })
}

fn complete(entry: &Entry, reader: &mut Reader<'_>) -> Option<Complete> {
    if let NodeKind::Scalar(_) = &entry.value.kind {
        let text = reader.text(entry)?;
        if text.value != "renamed" {
            reader.bad(
                text.span,
                "`complete` is `renamed`, or a group with `done-file`, `manifest` or `quiet`",
            );
            return None;
        }
        return Some(Complete::Renamed);
    }
    let mut keys = Group::of(&entry.value, &grammar::COMPLETE, reader)?;
    let done = keys.take("done-file").and_then(|e| reader.text(e));
    let manifest = keys.take("manifest").and_then(|e| reader.text(e));
    let quiet = keys.take("quiet").and_then(|e| reader.duration(e));
    keys.finish(reader);
    match (done, manifest, quiet) {
        (Some(suffix), None, None) => Some(Complete::DoneFile { suffix: suffix.value }),
        (None, Some(names), None) => match names.value.parse() {
            Ok(names) => Some(Complete::Manifest { names }),
            Err(problem) => {
                reader.bad(names.span, format!("{problem}"));
                None
            }
        },
        (None, None, Some(quiet)) => Some(Complete::Quiet(quiet)),
        _ => {
            reader.bad(entry.value.span, "`complete` has one of `done-file`, `manifest` and `quiet`");
            None
        }
    }
}
