//! Files that came in, between the ledger's terms and the wire's.

use std::sync::Arc;

use bytes::Bytes;
use portolan_delivery as delivery;
use portolan_delivery::{BundleHash, FileHash, GatewayId};

use super::{Malformed, number, required, required_time, time_in, time_out};
use crate::wire;

const STATES: [(delivery::FileState, wire::FileState); 4] = [
    (delivery::FileState::Open, wire::FileState::Open),
    (delivery::FileState::Taken, wire::FileState::Taken),
    (delivery::FileState::Refused, wire::FileState::Refused),
    (delivery::FileState::Released, wire::FileState::Released),
];

const PHASES: [(delivery::FilePhase, wire::Phase); 2] = [
    (delivery::FilePhase::Verifying, wire::Phase::Verifying),
    (delivery::FilePhase::Releasing, wire::Phase::Releasing),
];

pub(crate) fn file_filter_out(filter: delivery::FileFilter) -> wire::ListFilesRequest {
    wire::ListFilesRequest {
        route: filter.route.unwrap_or_default(),
        open: filter.open,
        called: filter.called.unwrap_or_default(),
        page_size: u32::try_from(filter.limit).unwrap_or(u32::MAX),
        direction: wire::Direction::In.into(),
    }
}

pub(crate) fn file_filter_in(request: wire::ListFilesRequest) -> delivery::FileFilter {
    delivery::FileFilter {
        route: Some(request.route).filter(|route| !route.is_empty()),
        open: request.open,
        called: Some(request.called).filter(|called| !called.is_empty()),
        limit: usize::try_from(request.page_size).unwrap_or(0),
    }
}

pub(super) fn hash(bytes: &Bytes, what: &'static str) -> Result<[u8; 32], Malformed> {
    <[u8; 32]>::try_from(&bytes[..]).map_err(|_| Malformed(what))
}

pub(crate) fn file_hash_in(bytes: &Bytes) -> Result<FileHash, Malformed> {
    hash(bytes, "sha256").map(FileHash)
}

pub(crate) fn file_out(view: delivery::FileView) -> wire::File {
    let delivery::FileView { record, system, progress } = view;
    let delivery::FileRecord { arrival, state, gateway, position, counts, ended, receipt, release } = record;
    wire::File {
        direction: wire::Direction::In.into(),
        route: arrival.route.to_string(),
        name: arrival.name.to_string(),
        sha256: Bytes::copy_from_slice(&arrival.hash.0),
        bundle: Bytes::copy_from_slice(&arrival.bundle.0),
        bytes: arrival.bytes,
        receive_time: Some(time_out(arrival.received)),
        state: number(&STATES, state),
        gateway: gateway.0.to_string(),
        position,
        counts: Some(counts_out(counts)),
        end_time: ended.map(time_out),
        receipt: receipt.map(|receipt| receipt.to_string()),
        system: system.map(|system| system.to_string()),
        progress: progress.map(progress_out),
        release: release.map(release_out),
        ..wire::File::default()
    }
}

pub(crate) fn file_in(file: wire::File) -> Result<delivery::FileView, Malformed> {
    if file.direction != i32::from(wire::Direction::In) {
        return Err(Malformed("direction"));
    }
    let arrival = delivery::Arrival {
        hash: file_hash_in(&file.sha256)?,
        route: Arc::from(file.route),
        bundle: BundleHash(hash(&file.bundle, "bundle")?),
        name: Arc::from(file.name),
        bytes: file.bytes,
        received: required_time(file.receive_time, "receive_time")?,
    };
    Ok(delivery::FileView {
        record: delivery::FileRecord {
            arrival,
            state: required(&STATES, file.state, "state")?,
            gateway: GatewayId(file.gateway.parse().map_err(|_| Malformed("gateway"))?),
            position: file.position,
            counts: counts_in(file.counts)?,
            ended: file.end_time.map(|time| time_in(time, "end_time")).transpose()?,
            receipt: file.receipt.map(Arc::from),
            release: file.release.map(release_in).transpose()?,
        },
        system: file.system.map(Arc::from),
        progress: file.progress.map(progress_in).transpose()?,
    })
}

fn release_out(release: delivery::FileRelease) -> wire::FileRelease {
    wire::FileRelease { at: Some(time_out(release.at)), reason: release.reason.to_string() }
}

fn release_in(release: wire::FileRelease) -> Result<delivery::FileRelease, Malformed> {
    let at = required_time(release.at, "release.at")?;
    Ok(delivery::FileRelease { at, reason: Arc::from(release.reason) })
}

pub(super) fn counts_out(counts: delivery::FileCounts) -> wire::FileCounts {
    let delivery::FileCounts { messages, skipped, rejected } = counts;
    wire::FileCounts { messages, skipped, rejected }
}

pub(super) fn counts_in(counts: Option<wire::FileCounts>) -> Result<delivery::FileCounts, Malformed> {
    let wire::FileCounts { messages, skipped, rejected } = counts.ok_or(Malformed("counts"))?;
    Ok(delivery::FileCounts { messages, skipped, rejected })
}

fn progress_out(progress: delivery::FileProgress) -> wire::FileProgress {
    wire::FileProgress {
        phase: number(&PHASES, progress.phase),
        since: Some(time_out(progress.since)),
        at: Some(time_out(progress.at)),
        bytes: progress.bytes,
        bytes_passed: progress.bytes_passed,
        records: progress.records,
        records_passed: progress.records_passed,
        counts: Some(counts_out(progress.counts)),
    }
}

fn progress_in(progress: wire::FileProgress) -> Result<delivery::FileProgress, Malformed> {
    Ok(delivery::FileProgress {
        phase: required(&PHASES, progress.phase, "phase")?,
        since: required_time(progress.since, "since")?,
        at: required_time(progress.at, "at")?,
        bytes: progress.bytes,
        bytes_passed: progress.bytes_passed,
        records: progress.records,
        records_passed: progress.records_passed,
        counts: counts_in(progress.counts)?,
    })
}
