//! The ledger beside a transport, for one gateway: the same file, in which messages are also handed out to be published.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{
    Accept, Accepted, BoxFuture, BundleHash, Claim, Claimed, Control, Controls, Count, DeadLetter,
    DeliveryError, Failure, Filter, GatewayId, MessageId, Outcome, Page, Reconciled, Record, RequestKey,
    Start, Timestamp,
    composite::{Ledger, Parcel, Unclaimed},
};

use crate::{OpenError, Options, ledger::Role, outbox::Outbox, row::OUT, store::Store};

/// The ledger in one SQLite file, for [`portolan_delivery::composite::Composite`]. Dropping it ends its threads, once what
/// they were given is committed.
pub struct SqliteLedger {
    store: Store,
    outbox: Arc<Outbox>,
}

impl SqliteLedger {
    /// Opens the file, making it where there is none; a queue's file may become a ledger, and the other way round. What was
    /// handed out before, and not seen to be published, goes back into the outbox. At most one process has a file open.
    /// Blocks; questions and [`Ledger::ready`] need a tokio runtime later.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(path.as_ref(), &options, Role::Ledger)?, outbox: Arc::default() })
    }
}

/// How long ago a message was due, at least, whose parcel may be lost.
const REPUBLISH_AFTER: Duration = Duration::from_secs(60);
/// So often a claim may look for parcels that were lost.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

fn a_while_ago() -> Timestamp {
    let after = i64::try_from(REPUBLISH_AFTER.as_micros()).unwrap_or(i64::MAX);
    Timestamp(Timestamp::now().0.saturating_sub(after))
}

impl Ledger for SqliteLedger {
    /// What is due at once is handed out by the same commit: whoever accepts publishes it.
    fn insert(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        let outbox = self.outbox.clone();
        Box::pin(self.store.write(move |ledger| {
            let (id, received) = (accept.envelope.id, accept.envelope.received);
            let due = matches!(accept.start, Start::Due(due) if due <= received);
            let handed_out = due && outbox.has_room();
            ledger.mark_published(&outbox.many_confirmed())?;
            let accepted = ledger.accept(accept, if handed_out { OUT } else { 0 })?;
            if handed_out && matches!(accepted, Accepted::New(_)) {
                outbox.hand_out((id, 1), received);
            }
            Ok(accepted)
        }))
    }

    fn due<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Parcel>, DeliveryError>> {
        let (outbox, except) = (self.outbox.clone(), except.to_vec());
        Box::pin(self.store.write(move |ledger| {
            ledger.mark_published(&outbox.many_confirmed())?;
            ledger.take_back(&outbox.overdue(now))?;
            let due = ledger.hand_out(limit, &except, now)?;
            due.iter().for_each(|parcel| outbox.hand_out((parcel.id, parcel.attempt), now));
            Ok(due)
        }))
    }

    /// Remembered, and written once there are many: what is claimed soon need not be.
    fn mark_published<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.outbox.confirm((parcel.id, parcel.attempt));
        Box::pin(std::future::ready(Ok(())))
    }

    /// By when they were due: when they were published is not kept, so that what is worked off late may be asked for early.
    fn unclaimed(&self) -> BoxFuture<'_, Result<Vec<Unclaimed>, DeliveryError>> {
        let outbox = self.outbox.clone();
        Box::pin(async move {
            self.store.write(move |ledger| ledger.mark_published(&outbox.confirmed())).await?;
            self.store.unclaimed(a_while_ago()).await
        })
    }

    fn republish<'a>(&'a self, route: &'a Arc<str>, limit: u64) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        let name = route.clone();
        Box::pin(async move {
            let parcels =
                self.store.write(move |ledger| ledger.republish(&name, a_while_ago(), limit)).await?;
            if parcels > 0 {
                let why = "due a while ago, published, not claimed, and not in the queue: published again";
                tracing::warn!(%route, parcels, "{why}");
            }
            Ok(parcels)
        })
    }

    fn claim<'a>(
        &'a self,
        parcel: &'a Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Claimed>, DeliveryError>> {
        let (outbox, id, attempt) = (self.outbox.clone(), parcel.id, parcel.attempt);
        Box::pin(self.store.write(move |ledger| {
            let claimed = ledger.claim_announced(id, attempt, gateway, now)?;
            outbox.spent((id, attempt));
            Ok(claimed)
        }))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            tokio::select! {
                () = self.store.ready() => {}
                () = self.outbox.until_overdue() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        })
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>, DeliveryError>> {
        self.store.settled(ids)
    }

    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.finish(claim, outcome, now)
    }

    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.retry_at(claim, due, failure, now)
    }

    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.bury(claim, dead, now)
    }

    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>> {
        self.store.reconcile(gateway, now)
    }

    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.store.get(id)
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>> {
        self.store.list(filter)
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>> {
        self.store.counts()
    }

    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.retry(id, bundle, now)
    }

    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.resolve(id, outcome, now)
    }

    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.store.withdraw(id, outcome, now)
    }

    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.store.recall(route, key)
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.control(route, control)
    }

    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>> {
        self.store.controls()
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.keep_bundle(hash, content)
    }

    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>> {
        self.store.bundle(hash)
    }

    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        self.store.forget(before, limit)
    }
}
