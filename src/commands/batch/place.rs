//! Where a file is, as far as the configuration and this machine's folders say.

use std::{collections::BTreeMap, path::Path};

use portolan_batch::FolderSource;
use portolan_delivery::{FileState, FileView};

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
    let at = |place: &Path, name: &str| {
        let path = options.path.join(place).join(name);
        match path.symlink_metadata() {
            Ok(_) => path.display().to_string(),
            Err(_) => format!("{} (not there now, or not to be seen from here)", path.display()),
        }
    };
    let receipt = ("receipt", at(&options.receipts, &format!("{name}.json")));
    match file.record.state {
        FileState::Open => vec![("where", format!("{}, where it is being taken", options.path.display()))],
        FileState::Refused => vec![("where", at(&options.rejected, name)), receipt],
        FileState::Taken => {
            let mut places = vec![("where", at(&options.archive, name)), receipt];
            if file.record.counts.rejected > 0 {
                places.push(("rejects", at(&options.rejected, name)));
            }
            places
        }
    }
}
