//! Files over a ledger and a transport: the ledger has the file and its messages in one transaction; what is due of a block is then
//! published, as what is accepted by calls is, while the ledger is at the next block. A process that dies in between leaves the rest in the
//! outbox, and so to the next claim.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{join, join_all};

use super::{Composite, Ledger, Parcel, Transport, first_parcel};
use crate::{
    Arrival, Arrived, Block, BoxFuture, DeliveryError, FileEnd, FileFilter, FileHash, FileRecord,
    FileRelease, FileStore, GatewayId, Timestamp,
};

/// Parcels of the last block of each file that is being taken: durable, and not published yet.
#[derive(Default)]
pub(super) struct Entering {
    parcels: Mutex<HashMap<OfFile, Vec<Parcel>>>,
    /// Held while a claim publishes them: no file ends before that is done, since nobody goes on with one that ended.
    by_claim: futures_util::lock::Mutex<()>,
}

/// A file of a route.
type OfFile = (Arc<str>, FileHash);

impl Entering {
    fn put(&self, route: Arc<str>, file: FileHash, parcels: Vec<Parcel>) {
        self.parcels().insert((route, file), parcels);
    }

    fn take(&self, route: &Arc<str>, file: FileHash) -> Vec<Parcel> {
        self.parcels().remove(&(route.clone(), file)).unwrap_or_default()
    }

    fn take_all(&self) -> Vec<Vec<Parcel>> {
        self.parcels().drain().map(|(_, parcels)| parcels).collect()
    }

    fn parcels(&self) -> MutexGuard<'_, HashMap<OfFile, Vec<Parcel>>> {
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport, L: Ledger> Composite<T, L> {
    /// Publishes what the last blocks of all files brought: whoever claims does not wait for the next ones.
    pub(super) async fn publish_all_entered(&self, now: Timestamp) {
        let _publishing = self.entering.by_claim.lock().await;
        let files = self.entering.take_all();
        join_all(files.iter().map(|parcels| self.publish_block(parcels, now))).await;
    }

    async fn accept_and_publish(&self, block: Block, gateway: GatewayId) -> Result<bool, DeliveryError> {
        let (now, route, file) = (block.now, block.route.clone(), block.file);
        // Which of a key are parked, the ledger knows: those that are not leave by the outbox.
        let unordered = block.messages.iter().filter(|accept| accept.envelope.order.is_none());
        let parcels: Vec<_> = unordered.filter_map(|accept| first_parcel(accept, now)).collect();
        let before = self.publish_entered(&route, file, now);
        let (accepted, ()) = join(self.ledger.accept_block(block, gateway), before).await;
        if accepted? {
            self.entering.put(route, file, parcels);
            return Ok(true);
        }
        Ok(false)
    }

    /// Publishes what the last block brought. What cannot be published now, a later claim publishes: it is durable.
    async fn publish_entered(&self, route: &Arc<str>, file: FileHash, now: Timestamp) {
        let parcels = self.entering.take(route, file);
        self.publish_block(&parcels, now).await;
    }

    /// Of one route.
    async fn publish_block(&self, parcels: &[Parcel], now: Timestamp) {
        let Some(route) = parcels.first().map(|first| first.route.clone()) else { return };
        if self.held_back.holds(&route) {
            return self.take_back(parcels).await;
        }
        let results = self.transport.publish_all(parcels).await;
        results.iter().for_each(|published| self.held_back.published(&route, published, now));
        let (mut entered, mut left) = (Vec::with_capacity(parcels.len()), Vec::new());
        for (parcel, published) in parcels.iter().zip(results) {
            if published.is_ok() { &mut entered } else { &mut left }.push(parcel.clone());
        }
        // What is not noted is published once more, and absorbed.
        let _ = self.ledger.entered(&entered).await;
        if !left.is_empty() {
            self.take_back(&left).await;
        }
    }

    /// What cannot be published now leaves by the outbox. Where the ledger is away as well, it is found once it is missed, or when the file
    /// goes on.
    async fn take_back(&self, parcels: &[Parcel]) {
        let _ = self.ledger.take_back(parcels).await;
    }

    async fn publish_and_end(&self, end: FileEnd, gateway: GatewayId) -> Result<bool, DeliveryError> {
        self.publish_entered(&end.route, end.file, end.now).await;
        drop(self.entering.by_claim.lock().await);
        self.ledger.end_file(end, gateway).await
    }
}

impl<T: Transport, L: Ledger> FileStore for Composite<T, L> {
    fn begin_file(
        &self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<Arrived, DeliveryError>> {
        self.ledger.begin_file(arrival, gateway)
    }

    fn accept_block(&self, block: Block, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.accept_and_publish(block, gateway))
    }

    fn end_file(&self, end: FileEnd, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.publish_and_end(end, gateway))
    }

    fn release_file(
        &self,
        route: Arc<str>,
        file: FileHash,
        release: FileRelease,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.ledger.release_file(route, file, release)
    }

    fn released(&self) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        self.ledger.released()
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        self.ledger.files(filter)
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileRecord>, DeliveryError>> {
        self.ledger.file(route, file)
    }

    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, DeliveryError>> {
        self.ledger.gone(gateways)
    }
}
