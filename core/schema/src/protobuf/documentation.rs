//! Comments of a `.proto`, by the place of what they speak of (`SourceCodeInfo` in descriptor.proto).

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// The comments of every file that was asked for.
#[derive(Default)]
pub(super) struct Documentation {
    files: HashMap<String, HashMap<Vec<i32>, String>>,
}

impl Documentation {
    /// The comment before (or behind) the declaration at `path`.
    pub(super) fn of(&mut self, file: &FileDescriptor, path: &[i32]) -> Option<String> {
        let comments = self.files.entry(file.name().to_owned()).or_insert_with(|| comments(file));
        comments.get(path).cloned()
    }
}

fn comments(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    locations
        .filter_map(|location| {
            let text = location.leading_comments.as_deref().or(location.trailing_comments.as_deref())?;
            let text = text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned();
            (!text.is_empty()).then(|| (location.path.clone(), text))
        })
        .collect()
}
