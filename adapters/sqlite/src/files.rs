//! Files, whatever else the file of messages is: of a queue, or of the ledger beside a transport.

use std::sync::Arc;

use portolan_delivery::{
    Arrival, Arrived, Block, BoxFuture, DeliveryError, FileEnd, FileFilter, FileHash, FileRecord,
    FileRelease, FileStore, GatewayId,
};

use crate::{
    beside_transport::BesideTransport, delivery::Queue, file::SqliteFile, ledger::files, outbox::Outbox,
};

/// What is handed out to be published, where anything is.
pub(crate) trait HandsOut: Send + Sync + 'static {
    /// Where that is remembered.
    fn outbox(&self) -> Option<Arc<Outbox>>;
}

impl HandsOut for Queue {
    fn outbox(&self) -> Option<Arc<Outbox>> {
        None
    }
}

impl HandsOut for BesideTransport {
    fn outbox(&self) -> Option<Arc<Outbox>> {
        Some(self.0.clone())
    }
}

impl<Role: HandsOut> FileStore for SqliteFile<Role> {
    fn begin_file(
        &self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<Arrived, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.begin_file(arrival, gateway)))
    }

    /// What is due at once is handed out by the same commit: whoever accepts publishes it.
    fn accept_block(&self, block: Block, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        let outbox = self.role.outbox();
        Box::pin(self.store.write(move |ledger| ledger.accept_block(block, gateway, outbox.as_deref())))
    }

    fn end_file(&self, end: FileEnd, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.end_file(&end, gateway)))
    }

    fn release_file(
        &self,
        route: Arc<str>,
        file: FileHash,
        release: FileRelease,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.release_file(&route, file, &release)))
    }

    fn released(&self) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        Box::pin(self.store.readers.ask(|connection| Ok(files::released(connection)?)))
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| Ok(files::files(connection, &filter)?)))
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileRecord>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| Ok(files::file(connection, &route, file)?)))
    }

    /// One process has the file of messages open: all others are no more.
    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, DeliveryError>> {
        Box::pin(std::future::ready(Ok(gateways)))
    }
}
