//! Files that are made of messages, whatever else the file of messages is: the queue, or the ledger beside a transport.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Built, CutMessage, CutPage, CutPlace, CutRecord, CutStore, DeliveryError, FileAnswer,
    GatewayId, Gathered, LateMessage, MessageId, SentIn, SentMessage, Timestamp,
};
use rusqlite::Connection;

use crate::{
    file::SqliteFile,
    ledger::{
        cut::{self, Cut},
        cuts,
    },
};

impl<Role: Send + Sync + 'static> CutStore for SqliteFile<Role> {
    fn gathered(&self) -> BoxFuture<'_, Result<Vec<Gathered>, DeliveryError>> {
        Box::pin(self.store.readers.ask(|connection| Ok(cuts::gathered(connection)?)))
    }

    fn cut(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>> {
        self.cut_telling(route, limit, now, Box::new(|_| ()))
    }

    fn cut_telling(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
        mut step: Box<dyn FnMut(&CutRecord) + Send>,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>> {
        Box::pin(async move {
            let store = &self.store;
            let mut cut = store.write(move |ledger| ledger.begin_cut(&route, limit, now, cut::FIRST)).await?;
            loop {
                cut = match cut {
                    Cut::Nothing => return Ok(None),
                    Cut::Whole(cut) => return Ok(Some(cut)),
                    Cut::Begun(begun) => {
                        step(&begun.cut);
                        store.write(move |ledger| ledger.go_on(begun, cut::STEP)).await?
                    }
                }
            }
        })
    }

    fn cuts(&self, open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<CutRecord>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| Ok(cuts::cuts(connection, open, limit)?)))
    }

    /// One process has the file of messages open: nobody else is at it.
    fn hold(&self, cut: (Arc<str>, u64), _: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| cuts::is_open(connection, &cut)))
    }

    fn forget_cut(&self, cut: (Arc<str>, u64), _: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.forget_cut(&cut)))
    }

    fn cut_messages(
        &self,
        cut: (Arc<str>, u64),
        page: CutPage,
    ) -> BoxFuture<'_, Result<Vec<CutMessage>, DeliveryError>> {
        let page = move |connection: &Connection| cuts::cut_messages(connection, &cut, &page);
        Box::pin(self.store.readers.ask(page))
    }

    fn late(
        &self,
        route: Arc<str>,
        now: Timestamp,
        delivered: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LateMessage>, DeliveryError>> {
        let late = move |connection: &Connection| cuts::late(connection, &route, now, delivered, limit);
        Box::pin(self.store.readers.ask(late))
    }

    fn note_keys(
        &self,
        cut: (Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.note_keys(&cut, &keys)))
    }

    fn cut_ready(&self, cut: (Arc<str>, u64), built: Built) -> BoxFuture<'_, Result<Built, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.cut_ready(&cut, built)))
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
