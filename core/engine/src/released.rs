//! Files that were refused, and that an operator lets be taken all the same.

use std::sync::Arc;

use portolan_delivery::{FileHash, FileRecord, FileRelease, FileState, OperatorError, Timestamp};

use crate::engine::Engine;

/// Bytes that a reason may have.
const LONGEST_REASON: usize = 1000;

impl Engine {
    /// Lets a file be taken that was refused, and gives it as it is then.
    pub(crate) async fn release_file(
        &self,
        route: &Arc<str>,
        file: FileHash,
        reason: Arc<str>,
    ) -> Result<FileRecord, OperatorError> {
        let refused = |why: String| Err(OperatorError::Refused(why));
        let Some(store) = self.delivery.files() else {
            return refused("this queue takes no files".to_owned());
        };
        // It stands in a line of the receipt.
        let words: Vec<_> = reason.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let reason: Arc<str> =
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").into();
        if reason.is_empty() || reason.len() > LONGEST_REASON {
            return refused(format!("a release says why, in 1 to {LONGEST_REASON} bytes"));
        }
        let release = FileRelease { at: Timestamp::now(), reason };
        let done = store.release_file(route.clone(), file, release).await;
        let done = done.map_err(|error| self.failed(error))?;
        let known = store.file(route.clone(), file).await.map_err(|error| self.failed(error))?;
        match known {
            Some(record) if done => Ok(record),
            Some(record) => refused(why_not(&record)),
            None => refused(format!("no file with SHA-256 {file} came to route {route}")),
        }
    }
}

/// Why a file is not released, and what to do.
fn why_not(record: &FileRecord) -> String {
    let (name, route) = (&record.arrival.name, &record.arrival.route);
    let what = match (record.state, &record.release) {
        (FileState::Taken, _) => {
            "was taken: there is nothing to release. Messages of it that failed are in its reject file, to be corrected and dropped".to_owned()
        }
        (FileState::Open, _) => "is being taken: wait for what becomes of it".to_owned(),
        (FileState::Released, Some(release)) => format!(
            "was released {} already, and is taken when it is found; where it is not there any more, drop it again",
            release.at.to_rfc3339()
        ),
        (FileState::Released | FileState::Refused, _) => {
            "was begun or refused by a gateway meanwhile: release it again".to_owned()
        }
    };
    format!("file {name} of route {route} {what}")
}
