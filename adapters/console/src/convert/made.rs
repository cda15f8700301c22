//! Files that are made of messages, between the ledger's terms and the wire's.

use std::sync::Arc;

use bytes::Bytes;
use portolan_delivery as delivery;
use portolan_delivery::{BundleHash, CutState, FileHash, MadeFile, MadeView};

use super::{
    Malformed,
    files::{counts_in, counts_out, file_filter_out, hash},
    id_in, number, required, required_time, time_in, time_out,
};
use crate::wire;

const STATES: [(CutState, wire::FileState); 3] = [
    (CutState::Open, wire::FileState::Open),
    (CutState::Ready, wire::FileState::Ready),
    (CutState::Delivered, wire::FileState::Delivered),
];

pub(crate) fn made_filter_out(filter: delivery::FileFilter) -> wire::ListFilesRequest {
    wire::ListFilesRequest { direction: wire::Direction::Out.into(), ..file_filter_out(filter) }
}

fn messages(messages: u64) -> Option<wire::FileCounts> {
    Some(counts_out(delivery::FileCounts { messages, ..delivery::FileCounts::default() }))
}

pub(crate) fn made_out(view: MadeView) -> wire::File {
    let MadeView { file, system, trouble } = view;
    let file = match file {
        MadeFile::Gathering(gathered) => wire::File {
            route: gathered.route.to_string(),
            receive_time: Some(time_out(gathered.oldest)),
            state: wire::FileState::Gathering.into(),
            counts: messages(gathered.messages),
            ..wire::File::default()
        },
        MadeFile::Cut(cut) => cut_record_out(cut),
    };
    wire::File {
        direction: wire::Direction::Out.into(),
        system: system.map(|system| system.to_string()),
        trouble: trouble.map(|trouble| trouble.to_string()),
        ..file
    }
}

fn cut_record_out(cut: delivery::CutRecord) -> wire::File {
    wire::File {
        route: cut.route.to_string(),
        name: cut.name.map(|name| name.to_string()).unwrap_or_default(),
        sha256: cut.hash.map(|hash| Bytes::copy_from_slice(&hash.0)).unwrap_or_default(),
        bundle: Bytes::copy_from_slice(&cut.bundle.0),
        bytes: cut.bytes,
        receive_time: Some(time_out(cut.at)),
        state: number(&STATES, cut.state),
        counts: messages(cut.messages),
        end_time: cut.delivered.map(time_out),
        sequence: cut.sequence,
        outstanding: cut.outstanding,
        ..wire::File::default()
    }
}

pub(crate) fn made_in(file: wire::File) -> Result<MadeView, Malformed> {
    if file.direction != i32::from(wire::Direction::Out) {
        return Err(Malformed("direction"));
    }
    let (system, trouble) = (file.system.clone().map(Arc::from), file.trouble.clone().map(Arc::from));
    let file = match file.state == i32::from(wire::FileState::Gathering) {
        true => MadeFile::Gathering(delivery::Gathered {
            route: Arc::from(file.route),
            messages: counts_in(file.counts)?.messages,
            oldest: required_time(file.receive_time, "receive_time")?,
        }),
        false => MadeFile::Cut(cut_record_in(file)?),
    };
    Ok(MadeView { file, system, trouble })
}

fn cut_record_in(file: wire::File) -> Result<delivery::CutRecord, Malformed> {
    Ok(delivery::CutRecord {
        route: Arc::from(file.route),
        sequence: file.sequence,
        bundle: BundleHash(hash(&file.bundle, "bundle")?),
        at: required_time(file.receive_time, "receive_time")?,
        messages: counts_in(file.counts)?.messages,
        state: required(&STATES, file.state, "state")?,
        name: Some(file.name).filter(|name| !name.is_empty()).map(Arc::from),
        hash: match file.sha256.is_empty() {
            true => None,
            false => Some(FileHash(hash(&file.sha256, "sha256")?)),
        },
        bytes: file.bytes,
        delivered: file.end_time.map(|time| time_in(time, "end_time")).transpose()?,
        outstanding: file.outstanding,
        aside: None,
    })
}

pub(crate) fn sent_out(sent: delivery::SentIn) -> wire::SentIn {
    wire::SentIn {
        id: sent.message.to_string(),
        sequence: sent.sequence,
        name: sent.name.map(|name| name.to_string()),
        state: number(&STATES, sent.state),
    }
}

pub(crate) fn sent_in(sent: wire::SentIn) -> Result<delivery::SentIn, Malformed> {
    Ok(delivery::SentIn {
        message: id_in(&sent.id)?,
        sequence: sent.sequence,
        name: sent.name.map(Arc::from),
        state: required(&STATES, sent.state, "state")?,
    })
}

pub(crate) fn decision_out(decision: delivery::FileDecision) -> wire::FileDecision {
    match decision {
        delivery::FileDecision::Retry => wire::FileDecision::Retry(wire::Empty {}),
        delivery::FileDecision::Refuse { reason } => wire::FileDecision::Refuse(wire::RefuseFile { reason }),
    }
}

pub(crate) fn decision_in(decision: Option<wire::FileDecision>) -> Result<delivery::FileDecision, Malformed> {
    match decision {
        Some(wire::FileDecision::Retry(_)) => Ok(delivery::FileDecision::Retry),
        Some(wire::FileDecision::Refuse(wire::RefuseFile { reason })) => {
            Ok(delivery::FileDecision::Refuse { reason })
        }
        None => Err(Malformed("decision")),
    }
}

pub(crate) fn cut_out(cut: delivery::CutNow) -> wire::CutFileResponse {
    let delivery::CutNow { file, left, trouble } = cut;
    let view = |cut| made_out(MadeView { file: MadeFile::Cut(cut), system: None, trouble: None });
    wire::CutFileResponse { file: file.map(view), left, trouble }
}

pub(crate) fn cut_in(response: wire::CutFileResponse) -> Result<delivery::CutNow, Malformed> {
    let wire::CutFileResponse { file, left, trouble } = response;
    Ok(delivery::CutNow { file: file.map(cut_record_in).transpose()?, left, trouble })
}
