//! The port `Ledger` over the pool.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_delivery::{
    Accept, Accepted, Arrival, Arrived, Block, BoxFuture, Built, BundleHash, Claim, Claimed, Control,
    Controls, Count, CutMessage, CutPage, CutPlace, CutRecord, CutStore, DeadLetter, DeliveryError, Failure,
    FileAnswer, FileEnd, FileFilter, FileHash, FileRecord, FileRelease, FileStore, Filter, GatewayId,
    Gathered, LateMessage, MessageId, MessageStore, Outcome, Page, Reconciled, Record, RequestKey, SentIn,
    SentMessage, Timestamp,
    composite::{Ledger, Parcel, Unannounced, Unclaimed},
};
use tokio::{sync::Notify, task::JoinHandle};
use uuid::Uuid;

use crate::{
    OpenError, Options,
    error::failed,
    leases::Leases,
    pool::{Patience, Pool},
    schema,
    together::Together,
    way::Way,
};

/// What the intents share.
pub(crate) struct Inner {
    pub(crate) pool: Arc<Pool>,
    /// What shares statements.
    pub(crate) together: Together,
    /// For questions about many messages, behind which no intent is to wait.
    pub(crate) slow: Pool,
    pub(crate) leases: Arc<Leases>,
    /// This process, as a holder of bundles.
    pub(crate) process: Uuid,
    /// Where it runs, for people.
    pub(crate) host: String,
    patience: Duration,
    pub(crate) republish_after: Duration,
    changed: Notify,
    /// When the next retry that this process scheduled is due.
    pub(crate) next_due: Mutex<Option<Timestamp>>,
}

impl Inner {
    pub(crate) fn soon(&self) -> Patience {
        Patience::For(self.patience)
    }

    /// Of what nobody waits for, and costs much to begin anew.
    pub(crate) fn patiently(&self) -> Patience {
        Patience::For(self.patience.max(Duration::from_secs(30)))
    }

    /// A message waits, from `due` on.
    pub(crate) fn waits(&self, due: Timestamp) {
        if due == Timestamp::NEVER {
            return;
        }
        {
            let mut next = self.next_due.lock();
            *next = Some(next.map_or(due, |next| next.min(due)));
        }
        self.changed.notify_one();
    }

    /// What other gateways left in the outbox is looked for this often.
    const LOOK_AGAIN: Duration = Duration::from_millis(500);

    async fn ready(&self) {
        let look_again = Timestamp::now().plus(Self::LOOK_AGAIN);
        loop {
            let next = self.next_due.lock().map_or(look_again, |due| due.min(look_again));
            let now = Timestamp::now();
            if next <= now {
                return;
            }
            let _ = tokio::time::timeout(next.since(now), self.changed.notified()).await;
        }
    }
}

/// The ledger of several gateways, in one PostgreSQL database. Dropping it ends its lease's renewal.
pub struct PostgresLedger {
    inner: Arc<Inner>,
    renewal: JoinHandle<()>,
}

impl PostgresLedger {
    /// Connects, brings the tables up to date, and takes a lease. Needs a tokio runtime.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let way = Way::of(&options, "portolan")?;
        schema::migrate(&way).await?;
        Self::over(way, &options).await
    }

    /// The same for who only looks and decides: the tables stay as the gateways made them, and must be of this version.
    pub async fn attend(options: Options) -> Result<Self, OpenError> {
        let way = Way::of(&options, "portolan")?;
        schema::verify(&way).await?;
        Self::over(way, &options).await
    }

    /// What tells this ledger from every other one.
    pub async fn identity(&self) -> Result<Uuid, DeliveryError> {
        let rows = self.inner.pool.query(self.inner.soon(), "SELECT id FROM portolan.identity", |_| vec![]);
        let rows = rows.await.map_err(failed)?;
        let row = rows
            .first()
            .ok_or_else(|| DeliveryError::Fatal("the ledger has lost its identity".to_owned()))?;
        row.try_get(0).map_err(failed)
    }

    async fn over(way: Way, options: &Options) -> Result<Self, OpenError> {
        let slow = Pool::new(way.clone(), 2);
        // Behind nothing: who renews too late is taken for dead.
        let leases = Leases::new(Pool::new(way.clone(), 1), options.lease);
        let by_index = way.clone().with(BY_INDEX);
        let pool = Arc::new(Pool::new(by_index.clone(), options.connections));
        // For what may be lost with the server's memory, and is then done again: it waits for no sync.
        let hasty = Arc::new(Pool::new(by_index.with("-c synchronous_commit=off"), 1));
        let process = Uuid::now_v7();
        let taken = leases.take(process, None, Patience::For(options.patience)).await;
        taken.map_err(|error| way.failed(&error))?;
        let renewal = tokio::spawn(leases.clone().keep());
        let together = Together::new(&pool, &hasty, Patience::For(options.patience));
        let inner = Inner {
            pool,
            together,
            slow,
            leases,
            process,
            host: options.host.clone(),
            patience: options.patience,
            republish_after: options.republish_after,
            changed: Notify::new(),
            next_due: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner), renewal })
    }
}

impl Drop for PostgresLedger {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Statements of intents are planned once for each connection, at a time when the table may be empty. They find their rows by
/// an index nevertheless, and go on doing so when it has millions.
const BY_INDEX: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off \
                        -c enable_hashjoin=off -c enable_mergejoin=off";

impl Ledger for PostgresLedger {
    fn insert(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        Box::pin(self.inner.insert(accept))
    }

    fn due<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Parcel>, DeliveryError>> {
        Box::pin(self.inner.due(limit, except, now))
    }

    fn mark_published<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.inner.together.mark_published(parcel))
    }

    /// Nothing is to be done: the block's statement said so.
    fn entered<'a>(&'a self, _: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn take_back<'a>(&'a self, parcels: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.inner.take_back(parcels))
    }

    fn unclaimed(&self) -> BoxFuture<'_, Result<Vec<Unclaimed>, DeliveryError>> {
        Box::pin(self.inner.unclaimed())
    }

    fn republish<'a>(&'a self, route: &'a Arc<str>, limit: u64) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        Box::pin(self.inner.republish(route, limit))
    }

    fn claim<'a>(
        &'a self,
        parcel: &'a Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Claimed>, DeliveryError>> {
        Box::pin(self.inner.claim(parcel, gateway, now))
    }

    fn unannounced(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Unannounced>, DeliveryError>> {
        Box::pin(self.inner.unannounced(limit))
    }

    fn mark_announced<'a>(&'a self, numbers: &'a [i64]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.inner.mark_announced(numbers))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.inner.ready())
    }
}

impl FileStore for PostgresLedger {
    fn begin_file(
        &self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<Arrived, DeliveryError>> {
        Box::pin(self.inner.begin_file(arrival, gateway))
    }

    fn accept_block(&self, block: Block, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.accept_block(block, gateway))
    }

    fn end_file(&self, end: FileEnd, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.end_file(end, gateway))
    }

    fn release_file(
        &self,
        route: Arc<str>,
        file: FileHash,
        release: FileRelease,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.release_file(route, file, release))
    }

    fn released(&self) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        Box::pin(self.inner.released())
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        Box::pin(self.inner.files(filter))
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileRecord>, DeliveryError>> {
        Box::pin(self.inner.file(route, file))
    }

    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, DeliveryError>> {
        Box::pin(self.inner.gone(gateways))
    }
}

impl CutStore for PostgresLedger {
    fn gathered(&self) -> BoxFuture<'_, Result<Vec<Gathered>, DeliveryError>> {
        Box::pin(self.inner.gathered())
    }

    fn cut(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>> {
        Box::pin(self.inner.cut(route, limit, now))
    }

    fn cuts(&self, open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<CutRecord>, DeliveryError>> {
        Box::pin(self.inner.cuts(open, limit))
    }

    fn hold(&self, cut: (Arc<str>, u64), gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.hold(cut, gateway))
    }

    fn forget_cut(
        &self,
        cut: (Arc<str>, u64),
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.forget_cut(cut, gateway))
    }

    fn cut_messages(
        &self,
        cut: (Arc<str>, u64),
        page: CutPage,
    ) -> BoxFuture<'_, Result<Vec<CutMessage>, DeliveryError>> {
        Box::pin(self.inner.cut_messages(cut, page))
    }

    fn late(
        &self,
        route: Arc<str>,
        now: Timestamp,
        delivered: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LateMessage>, DeliveryError>> {
        Box::pin(self.inner.late(route, now, delivered, limit))
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, DeliveryError>> {
        Box::pin(self.inner.sent_in(messages))
    }

    fn note_keys(
        &self,
        cut: (Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.note_keys(cut, keys))
    }

    fn cut_ready(&self, cut: (Arc<str>, u64), built: Built) -> BoxFuture<'_, Result<Built, DeliveryError>> {
        Box::pin(self.inner.cut_ready(cut, built))
    }

    fn cut_delivered(
        &self,
        cut: (Arc<str>, u64),
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.cut_delivered(cut, now))
    }

    fn sent_by(
        &self,
        route: Arc<str>,
        keys: Vec<String>,
    ) -> BoxFuture<'_, Result<Vec<Vec<SentMessage>>, DeliveryError>> {
        Box::pin(self.inner.sent_by(route, keys))
    }

    fn settle_sent(
        &self,
        answers: Vec<FileAnswer>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<MessageId>, DeliveryError>> {
        Box::pin(self.inner.settle_sent(answers, now))
    }
}

impl MessageStore for PostgresLedger {
    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.finish(claim, outcome, now))
    }

    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let settled = self.inner.wait_again(claim, due, &failure, now, 0).await?;
            if settled { Ok(()) } else { Err(DeliveryError::Superseded(claim)) }
        })
    }

    fn poll_at(
        &self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<Bytes>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.poll_at(claim, due, ticket, now))
    }

    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let settled = self.inner.bury(claim, &dead, now, 0).await?;
            if settled { Ok(()) } else { Err(DeliveryError::Superseded(claim)) }
        })
    }

    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>> {
        Box::pin(self.inner.reconcile(gateway, now))
    }

    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        Box::pin(self.inner.get(id))
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>> {
        Box::pin(self.inner.list(filter))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>> {
        Box::pin(self.inner.counts())
    }

    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.retry(id, bundle, now))
    }

    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.resolve(id, outcome, now))
    }

    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.withdraw_waiting(id, outcome, now))
    }

    fn erase(&self, id: MessageId, outcome: Failure) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.inner.erase(id, outcome))
    }

    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        Box::pin(self.inner.recall(route, key))
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.control(route, control))
    }

    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>> {
        Box::pin(self.inner.controls())
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.inner.keep_bundle(hash, content))
    }

    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>> {
        Box::pin(self.inner.bundle(hash))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_available(&self) -> bool {
        !self.inner.leases.is_away()
    }

    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>, DeliveryError>> {
        Box::pin(self.inner.settled(ids))
    }

    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        Box::pin(self.inner.forget(before, limit))
    }
}
