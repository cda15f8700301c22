//! What is said of a file, to operators.

use portolan_delivery::{
    Arrival, Dropped, FileCounts, FileReceipt, FileRecord, FileState, ReleaseTold, Timestamp,
};

use crate::seen::Seen;

/// What is said of a file that ended.
pub(crate) fn receipt(record: &FileRecord, state: FileState, seen: &Seen, ended: Timestamp) -> FileReceipt {
    let arrival = &record.arrival;
    let counts = match state {
        FileState::Refused => FileCounts { messages: 0, ..seen.counts },
        _ => seen.counts,
    };
    FileReceipt {
        name: arrival.name.to_string(),
        route: arrival.route.to_string(),
        sha256: arrival.hash.to_string(),
        bytes: arrival.bytes,
        state: state.name().to_owned(),
        received: arrival.received.to_rfc3339(),
        ended: ended.to_rfc3339(),
        records: seen.records,
        counts,
        reason: seen.refused.clone().or_else(|| seen.overruled.clone()),
        released: record.release.as_ref().map(ReleaseTold::from),
        skipped_by_reason: seen.skipped.clone(),
        errors: seen.errors.clone(),
        acknowledgement: None,
        not_acknowledged: None,
    }
}

/// What is said of a file whose content was taken before.
pub(crate) fn duplicate(dropped: &Dropped, record: &FileRecord) -> FileReceipt {
    let Arrival { route, name: before, received: first, .. } = &record.arrival;
    let reason = format!("what is in it was taken as {before}, which came {}", first.to_rfc3339());
    let (named, times) =
        ((dropped.name.to_string(), route.to_string()), (dropped.received, Timestamp::now()));
    FileReceipt {
        sha256: dropped.hash.to_string(),
        bytes: dropped.bytes,
        ..FileReceipt::unread(named, "duplicate", reason, times)
    }
}
