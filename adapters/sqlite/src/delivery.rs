//! `Delivery` over one SQLite file.

use std::{path::Path, sync::Arc};

use portolan_delivery::{
    Accept, Accepted, BoxFuture, Claimed, CutStore, Delivery, DeliveryError, FileStore, GatewayId, Timestamp,
};

use crate::{OpenError, Options, file::SqliteFile, ledger::Role, store::Store};

/// The queue and the ledger in one SQLite file.
pub type SqliteDelivery = SqliteFile<Queue>;

/// All that there is.
#[derive(Debug)]
pub struct Queue;

impl SqliteDelivery {
    /// Opens the file, making it where there is none, and starts the writer's and the checkpoints' threads. At most
    /// one process has a file open. Blocks; questions and [`Delivery::ready`] need a tokio runtime later.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(path.as_ref(), &options, Role::Queue)?, role: Queue })
    }
}

impl Delivery for SqliteDelivery {
    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.accept(accept, 0)))
    }

    fn claim<'a>(
        &'a self,
        gateway: GatewayId,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, DeliveryError>> {
        let except = except.to_vec();
        Box::pin(self.store.write(move |ledger| ledger.claim(gateway, limit, &except, now)))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.store.ready())
    }

    fn files(&self) -> Option<&dyn FileStore> {
        Some(self)
    }

    fn cuts(&self) -> Option<&dyn CutStore> {
        Some(self)
    }
}
