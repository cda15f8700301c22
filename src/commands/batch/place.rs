//! Where a file is, as far as the configuration and this machine's folders say.

use std::{collections::BTreeMap, path::Path};

use portolan_batch::FolderSource;
use portolan_delivery::{FileReceipt, FileState, FileView};

/// Where a file was set aside, its receipt, and what was rejected of it.
pub(super) fn places(
    file: &FileView,
    folders: &BTreeMap<String, FolderSource>,
) -> Vec<(&'static str, String)> {
    let name = &*file.record.arrival.name;
    let known = file.system.as_deref().and_then(|system| folders.get(system));
    // Where there is one folder only, it is that.
    let Some(source) = known.or_else(|| folders.values().next().filter(|_| folders.len() == 1)) else {
        return Vec::new();
    };
    let options = &source.options;
    // Of several files with one name the later ones have the time behind it.
    let receipts = options.path.join(&options.receipts);
    let state = match file.record.state {
        FileState::Released => FileState::Refused,
        state => state,
    };
    let behind = suffix(&receipts, name, (&file.record.arrival.hash.to_string(), state));
    let at = |place: &Path, name: &str| {
        let folder = options.path.join(place);
        let path = match folder.join(format!("{name}{behind}")) {
            with if behind.is_empty() || with.symlink_metadata().is_ok() => with,
            _ => folder.join(name),
        };
        match path.symlink_metadata() {
            Ok(_) => path.display().to_string(),
            Err(_) => format!("{} (not there now, or not to be seen from here)", path.display()),
        }
    };
    let receipt = ("receipt", at(&options.receipts, &format!("{name}.json")));
    match file.record.state {
        FileState::Open => vec![("where", format!("{}, where it is being taken", options.path.display()))],
        FileState::Refused | FileState::Released => vec![("where", at(&options.rejected, name)), receipt],
        FileState::Taken => {
            let mut places = vec![("where", at(&options.archive, name)), receipt];
            if file.record.counts.rejected > 0 {
                places.push(("rejects", at(&options.rejected, name)));
            }
            places
        }
    }
}

/// What stands behind the name of a file's receipt: the last one that has its hash, and says what became of it.
fn suffix(receipts: &Path, name: &str, (hash, state): (&str, FileState)) -> String {
    /// Receipts that are looked at.
    const MOST: usize = 1000;
    let begins = format!("{name}.json");
    let entries = std::fs::read_dir(receipts).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let of_it = named.filter_map(|found| found.strip_prefix(&begins).map(str::to_owned)).take(MOST);
    let is_of_it = |behind: &String| {
        let text = std::fs::read(receipts.join(format!("{begins}{behind}"))).unwrap_or_default();
        let receipt: Option<FileReceipt> = serde_json::from_slice(&text).ok();
        receipt.is_some_and(|receipt| receipt.sha256 == hash && receipt.state == state.name())
    };
    of_it.into_iter().filter(is_of_it).max().unwrap_or_default()
}
