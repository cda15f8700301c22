//! `Delivery` over one SQLite file.

use std::{path::Path, sync::Arc};

use portolan_delivery::{
    Accept, Accepted, BoxFuture, Built, Claimed, CutMessage, CutPlace, CutRecord, CutStore, Delivery,
    DeliveryError, FileAnswer, FileStore, GatewayId, Gathered, MessageId, SentIn, SentMessage, Timestamp,
};

use crate::{
    OpenError, Options,
    file::SqliteFile,
    ledger::{Role, cuts},
    store::Store,
};

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

impl CutStore for SqliteDelivery {
    fn gathered(&self) -> BoxFuture<'_, Result<Vec<Gathered>, DeliveryError>> {
        Box::pin(self.store.readers.ask(|connection| Ok(cuts::gathered(connection)?)))
    }

    fn cut(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.cut(&route, limit, now)))
    }

    fn cuts(&self, open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<CutRecord>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| Ok(cuts::cuts(connection, open, limit)?)))
    }

    fn cut_messages(
        &self,
        cut: (Arc<str>, u64),
        after: Option<CutPlace>,
        limit: usize,
        late: Option<Timestamp>,
    ) -> BoxFuture<'_, Result<Vec<CutMessage>, DeliveryError>> {
        Box::pin(
            self.store
                .readers
                .ask(move |connection| cuts::cut_messages(connection, &cut, after.as_ref(), limit, late)),
        )
    }

    fn note_keys(
        &self,
        cut: (Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.note_keys(&cut, &keys)))
    }

    fn cut_ready(&self, cut: (Arc<str>, u64), built: Built) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.cut_ready(&cut, &built)))
    }

    fn cut_delivered(
        &self,
        cut: (Arc<str>, u64),
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.cut_delivered(&cut, now)))
    }

    fn sent_by(
        &self,
        route: Arc<str>,
        keys: Vec<String>,
    ) -> BoxFuture<'_, Result<Vec<Vec<SentMessage>>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| cuts::sent_by(connection, &route, &keys)))
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| Ok(cuts::sent_in(connection, messages)?)))
    }

    fn settle_sent(
        &self,
        answers: Vec<FileAnswer>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<MessageId>, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.settle_sent(&answers, now)))
    }
}
