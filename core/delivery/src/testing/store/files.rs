//! Files, beside the messages that they become.

use std::sync::Arc;

use super::Store;
use crate::{
    Accepted, Arrival, Arrived, Block, DeliveryError, FileCounts, FileEnd, FileFilter, FileHash, FileRecord,
    FileRelease, FileState, GatewayId, MessageId, composite::first_parcel,
};

impl Store {
    fn file(&mut self, route: &Arc<str>, hash: FileHash) -> Option<&mut FileRecord> {
        self.files.iter_mut().find(|file| file.arrival.route == *route && file.arrival.hash == hash)
    }

    pub(in crate::testing) fn begin_file(
        &mut self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> Result<Arrived, DeliveryError> {
        self.kept(arrival.bundle)?;
        let alive = self.alive.clone();
        let anew = FileRecord {
            arrival,
            state: FileState::Open,
            gateway,
            position: 0,
            counts: FileCounts::default(),
            ended: None,
            receipt: None,
            release: None,
        };
        let Some(known) = self.file(&anew.arrival.route, anew.arrival.hash) else {
            self.files.push(anew.clone());
            return Ok(Arrived::Open(Box::new(anew)));
        };
        match known.state {
            FileState::Taken => return Ok(Arrived::Known(Box::new(known.clone()))),
            FileState::Open if known.gateway != gateway && alive.contains(&known.gateway) => {
                return Ok(Arrived::Elsewhere(Box::new(known.clone())));
            }
            FileState::Open => known.gateway = gateway,
            FileState::Refused => *known = anew,
            FileState::Released => *known = FileRecord { release: known.release.take(), ..anew },
        }
        let known = known.clone();
        let Arrival { route, hash, received, .. } = &known.arrival;
        let of = |record| MessageId::of_record(route, *hash, *received, record);
        let brought = of(0)..=of(known.position);
        self.hand_back(|message| brought.contains(&message));
        Ok(Arrived::Open(Box::new(known)))
    }

    /// What was handed out with its block is due again, where nobody has claimed it.
    pub(in crate::testing) fn hand_back(&mut self, is_one: impl Fn(MessageId) -> bool) {
        let rows = self.rows.values_mut().filter(|row| row.is_unclaimed() && row.next_attempt() == 1);
        rows.filter(|row| is_one(row.record.envelope.id)).for_each(|row| row.published = false);
    }

    pub(in crate::testing) fn accept_block(
        &mut self,
        block: Block,
        gateway: GatewayId,
    ) -> Result<bool, DeliveryError> {
        block.messages.iter().try_for_each(|accept| self.kept(accept.envelope.bundle))?;
        let Some(file) = self.file(&block.route, block.file) else { return Ok(false) };
        if file.state != FileState::Open || file.gateway != gateway || file.position != block.from {
            return Ok(false);
        }
        (file.position, file.counts) = (block.to, block.counts);
        for accept in block.messages {
            // Whoever accepts the block publishes it.
            let out = first_parcel(&accept, block.now).filter(|_| accept.envelope.order.is_none());
            if let Accepted::Conflict(id) = self.insert(accept)? {
                return Err(DeliveryError::Fatal(format!("message {id} is there with other content")));
            }
            out.iter().for_each(|parcel| self.mark_published(parcel));
        }
        self.settle_sent(block.answers, block.now);
        Ok(true)
    }

    pub(in crate::testing) fn end_file(&mut self, end: FileEnd, gateway: GatewayId) -> bool {
        match self.file(&end.route, end.file) {
            Some(file) if file.state == FileState::Open && file.gateway == gateway => {
                (file.state, file.ended, file.receipt) = (end.state, Some(end.now), Some(end.receipt));
                true
            }
            _ => false,
        }
    }

    pub(in crate::testing) fn release_file(
        &mut self,
        route: &Arc<str>,
        hash: FileHash,
        release: FileRelease,
    ) -> bool {
        match self.file(route, hash) {
            Some(file) if file.state == FileState::Refused => {
                (file.state, file.release) = (FileState::Released, Some(release));
                true
            }
            _ => false,
        }
    }

    pub(in crate::testing) fn released(&self) -> Vec<FileRecord> {
        let open = |file: &&FileRecord| matches!(file.state, FileState::Open | FileState::Released);
        let released = self.files.iter().filter(|file| file.release.is_some()).filter(open);
        let released = released.map(|file| FileRecord { receipt: None, ..file.clone() });
        released.take(FileFilter::MOST).collect()
    }

    pub(in crate::testing) fn files(&self, filter: &FileFilter) -> Vec<FileRecord> {
        let hashes = filter.hashes();
        let called = |file: &FileRecord| {
            let by_hash = hashes.is_some_and(|(first, last)| (first..=last).contains(&file.arrival.hash));
            filter.called.as_deref().is_none_or(|called| *file.arrival.name == *called || by_hash)
        };
        let files = self.files.iter().rev().filter(|file| {
            (!filter.open || matches!(file.state, FileState::Open | FileState::Released))
                && filter.route.as_deref().is_none_or(|route| *file.arrival.route == *route)
                && called(file)
        });
        files.take(filter.most()).map(|file| FileRecord { receipt: None, ..file.clone() }).collect()
    }

    pub(in crate::testing) fn one_file(&self, route: &str, hash: FileHash) -> Option<FileRecord> {
        self.files.iter().find(|file| *file.arrival.route == *route && file.arrival.hash == hash).cloned()
    }

    pub(in crate::testing) fn gone(&self, mut gateways: Vec<GatewayId>) -> Vec<GatewayId> {
        gateways.retain(|gateway| !self.alive.contains(gateway));
        gateways
    }
}
