//! Gathers the entry and everything it imports before anything is compiled, so that all files are reported on at once.

use std::collections::{HashMap, HashSet, VecDeque};

use miette::Diagnostic as _;
use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};
use protox::file::{File, FileResolver, GoogleFileResolver};

use super::{compile::found, embedded};
use crate::{Reading, ResolveError, Resolved};

/// More files than any contract has; keeps the compiler's walk along imports shallow.
const MAX_FILES: usize = 512;
/// In all files together.
const MAX_BYTES: usize = 32 << 20;
/// Braces and brackets within one another. Messages end at 31 in protox; this bounds option values, too.
const MAX_NESTING: usize = 64;

/// The files of a contract, parsed.
pub(super) struct Loaded {
    /// The entry's name as an import would write it.
    pub(super) entry: String,
    /// By the name under which they are imported.
    pub(super) files: HashMap<String, File>,
    /// Where each of the user's files stands among the sources.
    pub(super) ids: HashMap<String, SourceId>,
    /// The user's files: the entry, then imports as they were met.
    pub(super) order: Vec<String>,
    /// What was found.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads and parses `entry` and all that it imports.
pub(super) fn load(entry: &str, import_paths: &[String], reading: &mut Reading<'_>) -> Loaded {
    let name = import_name(entry, import_paths);
    let mut loaded = Loaded {
        entry: name.clone(),
        files: HashMap::new(),
        ids: HashMap::new(),
        order: Vec::new(),
        diagnostics: Vec::new(),
    };
    let first = match reading.resolver.resolve(entry, None) {
        Ok(first) => first,
        Err(error) => {
            loaded.diagnostics.push(Diagnostic::error(Code::FILE_UNREADABLE, error.to_string()));
            return loaded;
        }
    };
    let beside = first.name.clone();
    let mut waiting = VecDeque::new();
    let mut known = HashSet::from([name.clone()]);
    let mut bytes = 0usize;
    take(&mut loaded, &mut waiting, &mut bytes, name, first, reading);
    while let Some((import, from)) = waiting.pop_front() {
        if !known.insert(import.clone()) {
            continue;
        }
        if known.len() > MAX_FILES {
            let refused =
                Diagnostic::error(Code::PROTO_INVALID, format!("more than {MAX_FILES} files are imported"));
            loaded.diagnostics.push(refused.at(from, "imported here"));
            break;
        }
        match find(&import, &beside, import_paths, reading) {
            Ok(Some(resolved)) => take(&mut loaded, &mut waiting, &mut bytes, import, resolved, reading),
            Ok(None) => match carried(&import) {
                Some(file) => {
                    let imports = &file.file_descriptor_proto().dependency;
                    waiting.extend(imports.iter().map(|i| (i.clone(), from)));
                    loaded.files.insert(import, file);
                }
                None => loaded.diagnostics.push(missing(&import, from, &beside, import_paths)),
            },
            Err(error) => {
                loaded.diagnostics.push(
                    Diagnostic::error(Code::FILE_UNREADABLE, error.to_string()).at(from, "imported here"),
                );
            }
        }
    }
    loaded
}

/// The name by which other files would import the entry: its path below the import path that holds it, else its plain name.
fn import_name(entry: &str, import_paths: &[String]) -> String {
    let plain = |s: &str| s.trim_start_matches("./").trim_end_matches('/').to_owned();
    let entry = plain(entry);
    let below = import_paths
        .iter()
        .filter_map(|path| entry.strip_prefix(&format!("{}/", plain(path))))
        .min_by_key(|s| s.len());
    below.or_else(|| entry.rsplit('/').next()).unwrap_or(&entry).to_owned()
}

fn find(
    import: &str,
    beside: &str,
    import_paths: &[String],
    reading: &Reading<'_>,
) -> Result<Option<Resolved>, ResolveError> {
    let under = |path: &String| format!("{}/{import}", path.trim_end_matches('/'));
    let places = std::iter::once((import.to_owned(), Some(beside)))
        .chain(import_paths.iter().map(|p| (under(p), None)));
    for (location, from) in places {
        match reading.resolver.resolve(&location, from) {
            Ok(resolved) => return Ok(Some(resolved)),
            Err(ResolveError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn carried(import: &str) -> Option<File> {
    match embedded::text(import) {
        Some(text) => File::from_source(import, text).ok(),
        None if import == "google/protobuf/descriptor.proto" => {
            let file = GoogleFileResolver::new().open_file(import).ok()?;
            Some(super::compile::with_debug_redact(file))
        }
        None => GoogleFileResolver::new().open_file(import).ok(),
    }
}

fn missing(import: &str, from: Span, beside: &str, import_paths: &[String]) -> Diagnostic {
    let folder = beside.rsplit_once('/').map_or("the folder of the entry", |(folder, _)| folder);
    let mut looked = vec![format!("`{folder}`")];
    looked.extend(import_paths.iter().map(|p| format!("`{p}`")));
    Diagnostic::error(Code::FILE_UNREADABLE, format!("the import `{import}` is not there"))
        .at(from, "imported here")
        .help(format!("it was looked for under {}", looked.join(", ")))
        .help("name the folder from which imports begin as an import path")
}

/// Parses a file and queues its imports with the places that name them.
fn take(
    loaded: &mut Loaded,
    waiting: &mut VecDeque<(String, Span)>,
    total: &mut usize,
    name: String,
    resolved: Resolved,
    reading: &mut Reading<'_>,
) {
    let Ok(text) = String::from_utf8(resolved.bytes) else {
        let message = format!("`{}` is not UTF-8 text", resolved.name);
        loaded.diagnostics.push(Diagnostic::error(Code::FILE_UNREADABLE, message).help("save it as UTF-8"));
        return;
    };
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    *total += text.len();
    let id = reading.sources.add(resolved.name.as_str(), text.as_str());
    loaded.ids.insert(name.clone(), id);
    loaded.order.push(name.clone());
    let refused = if *total > MAX_BYTES {
        Some((format!("the files are larger than {} MiB together", MAX_BYTES >> 20), 0))
    } else {
        too_deep(&text).map(|at| (format!("braces stand more than {MAX_NESTING} deep"), at))
    };
    if let Some((message, at)) = refused {
        loaded
            .diagnostics
            .push(Diagnostic::error(Code::PROTO_INVALID, message).at(Span::new(id, at..at + 1), ""));
        return;
    }
    match File::from_source(&name, &text) {
        Ok(file) => {
            let places = import_spans(&text);
            for import in &file.file_descriptor_proto().dependency {
                let place = places.iter().find(|(i, _)| i == import).map_or(0..0, |(_, place)| place.clone());
                waiting.push_back((import.clone(), Span::new(id, place)));
            }
            loaded.files.insert(name, file);
        }
        Err(error) => {
            let related = error.related().into_iter().flatten().filter(|e| e.labels().is_some());
            loaded.diagnostics.extend(found(&error, Some(id)));
            loaded.diagnostics.extend(related.flat_map(|e| found(e, Some(id))));
        }
    }
}

/// Where each import's name stands, quotes included.
fn import_spans(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut spans = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("import")
            && let Some(open) = line.find(['"', '\''])
            && let Some(close) = line[open + 1..].find(['"', '\''])
        {
            let range = open + 1..open + 1 + close;
            spans.push((line[range.clone()].to_owned(), offset + range.start - 1..offset + range.end + 1));
        }
        offset += line.len();
    }
    spans
}

/// The first bracket that stands too deep, comments and strings left out.
fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0usize, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = text[at..].find('\n').map_or(bytes.len(), |n| at + n);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text[at + 2..].find("*/").map_or(bytes.len(), |n| at + 2 + n + 1);
            }
            quote @ (b'"' | b'\'') => {
                at += 1;
                while bytes.get(at).is_some_and(|b| b != quote && *b != b'\n') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' | b'[' | b'(' | b'<' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Some(at);
                }
            }
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}
