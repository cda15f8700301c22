//! Files as an operator sees them.

use std::time::Duration;

use portolan_delivery::{FileCounts, FileHash, FileProgress, FileReceipt, FileState, FileView};
use serde_json::{Value, json};

use crate::commands::queue::view::time;

/// Which way a file goes.
pub(super) const DIRECTION: &str = "in";

/// So many digits of a hash tell files apart, for people.
const DIGITS: usize = 12;

/// The beginning of a hash.
pub(super) fn short(hash: FileHash) -> String {
    let mut text = hash.to_string();
    text.truncate(DIGITS);
    text
}

/// `taken`, or `open: verifying, 45 %, about 3 s left`
pub(super) fn state(file: &FileView) -> String {
    let state = file.record.state.name();
    match &file.progress {
        Some(progress) if file.record.state == FileState::Open => {
            let bytes = file.record.arrival.bytes;
            let left = progress.left(bytes).map(|left| format!(", about {} left", span(left)));
            format!(
                "{state}: {}, {} %{}",
                progress.phase.name(),
                progress.percent(bytes),
                left.unwrap_or_default()
            )
        }
        _ => state.to_owned(),
    }
}

/// `releasing since TIME: 45 % (45 of 100 bytes), 40000 records, 9000 records/s, about 3 s of this left`
pub(super) fn progress(progress: &FileProgress, of_bytes: u64) -> String {
    let FileProgress { phase, since, bytes, records, records_passed, .. } = progress;
    let mut text = format!(
        "{} since {}: {} % ({bytes} of {of_bytes} bytes), {records} records",
        phase.name(),
        time(*since),
        progress.percent(of_bytes)
    );
    if *records_passed > 0 {
        text.push_str(&format!(" ({records_passed} of them durable before)"));
    }
    if let Some(rate) = progress.rate() {
        text.push_str(&format!(", {rate} records/s"));
    }
    if let Some(left) = progress.left(of_bytes) {
        text.push_str(&format!(", about {} of this left", span(left)));
    }
    text
}

/// `3 s`, `2 min 5 s`, `1 h 4 min`: no more exact than an estimate is.
pub(super) fn span(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A file for programs.
pub(super) fn file(file: &FileView) -> Value {
    let FileView { record, system, progress } = file;
    let arrival = &record.arrival;
    json!({
        "direction": DIRECTION,
        "route": arrival.route,
        "system": system,
        "name": arrival.name,
        "sha256": arrival.hash.to_string(),
        "bundle": arrival.bundle.to_string(),
        "bytes": arrival.bytes,
        "received": time(arrival.received),
        "state": record.state.name(),
        "gateway": record.gateway.0.to_string(),
        "position": record.position,
        "counts": record.counts,
        "ended": record.ended.map(time),
        "released": record.release.as_ref().map(|release| json!({ "at": time(release.at), "reason": &*release.reason })),
        "progress": progress.as_ref().map(|progress| json!({
            "phase": progress.phase.name(),
            "since": time(progress.since),
            "at": time(progress.at),
            "bytes": progress.bytes,
            "bytes_passed": progress.bytes_passed,
            "records": progress.records,
            "records_passed": progress.records_passed,
            "counts": progress.counts,
            "records_per_second": progress.rate(),
            "left_s": progress.left(arrival.bytes).map(|left| left.as_secs()),
        })),
    })
}

/// What became of a file's messages: while it is verified so far, of one that was refused as its receipt says.
pub(super) fn counts(file: &FileView, receipt: Option<&FileReceipt>) -> FileCounts {
    let FileView { record, progress, .. } = file;
    let known = match record.state {
        FileState::Open => progress.as_ref().map(|progress| progress.counts),
        FileState::Refused | FileState::Released => receipt.map(|receipt| receipt.counts),
        FileState::Taken => None,
    };
    known.unwrap_or(record.counts)
}

/// The receipt of a file that ended.
pub(super) fn receipt(file: &FileView) -> Option<FileReceipt> {
    file.record.receipt.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

#[cfg(test)]
mod tests {
    use portolan_delivery::{FilePhase, Timestamp};

    use super::*;

    #[test]
    fn how_far_a_file_is() {
        let at = |seconds: i64| FileProgress {
            phase: FilePhase::Releasing,
            since: Timestamp(1_763_900_000_000_000),
            at: Timestamp(1_763_900_000_000_000 + seconds * 1_000_000),
            bytes: 600,
            bytes_passed: 400,
            records: 60,
            records_passed: 40,
            counts: FileCounts::default(),
        };
        assert_eq!(
            progress(&at(400), 1000),
            "releasing since 2025-11-23T12:13:20.000Z: 60 % (600 of 1000 bytes), 60 records (40 of them durable before), \
             0 records/s, about 13 min 20 s of this left"
        );
        assert_eq!(
            progress(&FileProgress { records_passed: 0, bytes_passed: 0, ..at(0) }, 1000),
            "releasing since 2025-11-23T12:13:20.000Z: 60 % (600 of 1000 bytes), 60 records"
        );
        for (seconds, expected) in [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3600 + 240, "1 h 4 min")] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }
}
