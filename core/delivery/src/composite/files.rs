//! Files over a ledger and a transport: the ledger has the file and its messages in one transaction; what is due of a block is then
//! published, as what is accepted by calls is. A process that dies in between leaves the rest in the outbox, and so to the next claim.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{Composite, Ledger, Transport, first_parcel};
use crate::{
    Arrival, Arrived, Block, BoxFuture, DeliveryError, FileEnd, FileFilter, FileHash, FileRecord, FileStore,
    GatewayId,
};

impl<T: Transport, L: Ledger> Composite<T, L> {
    async fn accept_and_publish(&self, block: Block, gateway: GatewayId) -> Result<bool, DeliveryError> {
        let (now, route) = (block.now, block.route.clone());
        // Which of a key are parked, the ledger knows: those that are not leave by the outbox.
        let unordered = block.messages.iter().filter(|accept| accept.envelope.order.is_none());
        let parcels: Vec<_> = unordered.filter_map(|accept| first_parcel(accept, now)).collect();
        let accepted = self.ledger.accept_block(block, gateway).await?;
        if accepted && !self.held_back.holds(&route) {
            // They are durable. What cannot be published now, a later claim publishes.
            join_all(parcels.iter().map(|parcel| self.publish(parcel, now))).await;
        }
        Ok(accepted)
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
        self.ledger.end_file(end, gateway)
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
