//! `Delivery` over two stores that share no transaction: a transport and a ledger.
//!
//! The ledger is the truth; the transport only says that something is to be done. So every step may be lost or repeated:
//!
//! ```text
//! accept   ledger: message, key, outbox row -> transport: publish, confirm -> ledger: published
//! block    ledger: messages, outbox rows, how far the file has come -> the same for each, while the next block is stored
//! claim    ledger: what is due -> transport: publish -> ledger: published
//!          transport: receive -> ledger: the attempt, if it is the one that is due (inbox)
//! settle   ledger: outcome, or due again, or dead -> transport: acknowledge
//! announce ledger: what was not announced -> transport: announce, confirm -> ledger: announced
//! ```
//!
//! A process that dies before *published* publishes twice, one that dies before *acknowledge* receives again: the inbox
//! absorbs both, for the parcel announces an attempt that has begun. A process that dies between attempt and outcome
//! leaves a claim, which `reconcile` settles. Retries wait in the ledger; the next claim publishes what is due by then, and
//! from time to time what the transport lost (`lost.rs`). So do messages that are parked behind another of their order key:
//! whatever settles that one puts the next into the outbox.

mod ahead;
mod announce;
mod files;
mod held_back;
mod ledger;
mod lost;
mod transport;
mod unconnected;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use bytes::Bytes;
use futures_util::future::join_all;

use ahead::Ahead;
use files::Entering;
use held_back::HeldBack;
pub use ledger::{Ledger, Unannounced};
use lost::Asked;
pub use lost::Unclaimed;
pub use transport::{Parcel, Received, Transport};
pub use unconnected::Unconnected;

use crate::{
    Accept, Accepted, BoxFuture, BrokerState, BundleHash, Claim, Claimed, Control, Controls, Count, CutStore,
    DeadLetter, Delivery, DeliveryError, Failure, FileStore, Filter, GatewayId, MessageId, MessageStore,
    Outcome, Page, Reconciled, Record, RequestKey, Start, Timestamp,
};

/// A transport and a ledger behind one promise.
pub struct Composite<T, L> {
    transport: T,
    ledger: L,
    /// What to acknowledge once a claim is settled. Lost with the process, and then delivered again.
    held: Mutex<HashMap<Claim, u64>>,
    /// The routes whose queues are listened to. One change at a time.
    served: futures_util::lock::Mutex<Vec<Arc<str>>>,
    ahead: Ahead,
    held_back: HeldBack,
    asked_for_lost: Asked,
    entering: Entering,
}

impl<T: Transport, L: Ledger> Composite<T, L> {
    /// Over these two.
    pub fn new(transport: T, ledger: L) -> Self {
        Self {
            transport,
            ledger,
            held: Mutex::default(),
            served: futures_util::lock::Mutex::default(),
            ahead: Ahead::default(),
            held_back: HeldBack::default(),
            asked_for_lost: Asked::default(),
            entering: Entering::default(),
        }
    }

    /// From time to time, lets the ledger publish again what the transport lost.
    async fn look_for_lost(&self, now: Timestamp) -> Result<(), DeliveryError> {
        if !self.asked_for_lost.is_due(now) {
            return Ok(());
        }
        let mut problem = Ok(());
        for unclaimed in self.ledger.unclaimed().await? {
            let looked = async {
                let there = self.transport.depth(&unclaimed.route).await?;
                match unclaimed.missing(there) {
                    0 => Ok(0),
                    missing => self.ledger.republish(&unclaimed.route, missing).await,
                }
            };
            match looked.await {
                Ok(lost::CHUNK..) => self.asked_for_lost.again(),
                Ok(_) => {}
                Err(error) => problem = Err(error),
            }
        }
        problem
    }

    /// Publishes what is due, so that a claim finds it; as a scheduler would.
    async fn publish_due(
        &self,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let wanted = self.ahead.wanted(limit, now);
        if limit == 0 || wanted == 0 {
            return Ok(());
        }
        self.publish_all_entered(now).await;
        let held_back = self.held_back.routes(now);
        let except = [except, &held_back].concat();
        let due = self.ledger.due(wanted, &except, now).await?;
        // At once, so that confirms and commits are shared; begun in order, which a transport keeps.
        let published = join_all(due.iter().map(|parcel| self.publish(parcel, now))).await;
        let with_transport = published.iter().filter(|published| published.is_ok()).count();
        self.ahead.published(with_transport, wanted);
        published.into_iter().collect()
    }

    async fn publish(&self, parcel: &Parcel, now: Timestamp) -> Result<(), DeliveryError> {
        let published = self.transport.publish(parcel.clone()).await;
        self.held_back.published(&parcel.route, &published, now);
        published?;
        self.ledger.mark_published(parcel).await
    }

    /// After an outcome is in the ledger. That the parcel is not acknowledged harms nothing: it comes again and is
    /// absorbed.
    async fn acknowledge(&self, claim: Claim) {
        let tag = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&claim);
        if let Some(tag) = tag {
            let _ = self.transport.acknowledge(tag).await;
        }
    }

    /// After an attempt to settle: refused or done, the attempt is over.
    async fn settled(&self, claim: Claim, result: Result<(), DeliveryError>) -> Result<(), DeliveryError> {
        if matches!(result, Ok(()) | Err(DeliveryError::Superseded(_))) {
            self.acknowledge(claim).await;
        }
        result
    }

    async fn accept_message(&self, accept: Accept) -> Result<Accepted, DeliveryError> {
        let now = accept.envelope.received;
        let parcel = first_parcel(&accept, now);
        let accepted = self.ledger.insert(accept).await?;
        if let (Some(parcel), Accepted::New(_)) = (parcel, &accepted)
            && !self.held_back.holds(&parcel.route)
        {
            // The message is durable. If the transport is away, a later claim publishes it, and no caller waits for that.
            let _ = self.publish(&parcel, now).await;
        }
        Ok(accepted)
    }

    async fn claim_messages(
        &self,
        gateway: GatewayId,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<Vec<Claimed>, DeliveryError> {
        // What cannot be published holds up nothing that was.
        let looked = self.look_for_lost(now).await;
        let published = self.publish_due(limit, except, now).await;
        let mut claimed = Vec::new();
        let received = self.claim_received(&mut claimed, gateway, limit, except, now).await;
        // What was claimed is worked on; nobody else would.
        if claimed.is_empty() {
            self.ahead.received(0, now);
            looked.and(published).and(received)?;
        }
        // What came later may be due for longer.
        claimed.sort_by_key(|(due, _)| *due);
        Ok(claimed.into_iter().map(|(_, message)| message).collect())
    }

    async fn claim_received(
        &self,
        claimed: &mut Vec<(Timestamp, Claimed)>,
        gateway: GatewayId,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        // Parcels that came again take up room: go on until there is none, or nothing more to receive.
        while claimed.len() < limit {
            let received = self.transport.receive(limit - claimed.len(), except).await?;
            if received.is_empty() {
                break;
            }
            self.ahead.received(received.len(), now);
            let attempts = received.iter().map(|one| self.ledger.claim(&one.parcel, gateway, now));
            let mut failed = Ok(());
            for (Received { tag, parcel }, attempt) in received.iter().zip(join_all(attempts).await) {
                match attempt {
                    Ok(Some(message)) => {
                        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(message.claim, *tag);
                        claimed.push((parcel.due, message));
                    }
                    // That this fails harms nothing: it comes again.
                    Ok(None) => drop(self.transport.acknowledge(*tag).await),
                    Err(error) => {
                        // Where this fails too, it comes again with the connection's end.
                        let _ = self.transport.release(*tag).await;
                        failed = Err(error);
                    }
                }
            }
            failed?;
        }
        Ok(())
    }
}

/// Of a message that is due when it is accepted, and is not parked.
pub(crate) fn first_parcel(accept: &Accept, now: Timestamp) -> Option<Parcel> {
    match accept.start {
        Start::Due(due) if due <= now => {
            Some(Parcel { id: accept.envelope.id, route: accept.envelope.route.clone(), attempt: 1, due })
        }
        Start::Due(_) | Start::Now(_) => None,
    }
}

impl<T: Transport, L: Ledger> Delivery for Composite<T, L> {
    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        Box::pin(self.accept_message(accept))
    }

    fn claim<'a>(
        &'a self,
        gateway: GatewayId,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, DeliveryError>> {
        Box::pin(self.claim_messages(gateway, limit, except, now))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        let mut arrived = self.transport.arrived();
        let mut due = self.ledger.ready();
        Box::pin(std::future::poll_fn(move |context| {
            let first = arrived.as_mut().poll(context).is_ready();
            if first || due.as_mut().poll(context).is_ready() { Poll::Ready(()) } else { Poll::Pending }
        }))
    }

    fn serve<'a>(&'a self, routes: &'a [Arc<str>]) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        Box::pin(async move {
            // Messages of a route that is served no more finish nevertheless.
            let left = self.ledger.counts().await?;
            let left = left.into_iter().map(|count| Arc::from(count.route));
            let wanted: BTreeSet<Arc<str>> = routes.iter().cloned().chain(left).collect();
            let wanted = Vec::from_iter(wanted);
            let mut served = self.served.lock().await;
            let result = self.transport.serve(&wanted).await;
            match result {
                Ok(_) => *served = wanted,
                // Those before are in order, or were as far as they could be.
                Err(_) => drop(self.transport.serve(&served).await),
            }
            result
        })
    }

    fn announce(&self) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        Box::pin(self.announce_some())
    }

    fn files(&self) -> Option<&dyn FileStore> {
        Some(self)
    }

    /// Of files that are made the transport knows nothing: their messages are not published.
    fn cuts(&self) -> Option<&dyn CutStore> {
        Some(&self.ledger)
    }

    fn broker(&self) -> Option<BrokerState> {
        Some(self.transport.state())
    }
}

impl<T: Transport, L: Ledger> MessageStore for Composite<T, L> {
    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let result = self.ledger.finish(claim, outcome, now).await;
            self.settled(claim, result).await
        })
    }

    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let result = self.ledger.retry_at(claim, due, failure, now).await;
            self.settled(claim, result).await
        })
    }

    fn poll_at(
        &self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<Bytes>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let result = self.ledger.poll_at(claim, due, ticket, now).await;
            self.settled(claim, result).await
        })
    }

    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let result = self.ledger.bury(claim, dead, now).await;
            self.settled(claim, result).await
        })
    }

    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>> {
        self.ledger.reconcile(gateway, now)
    }

    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.ledger.get(id)
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>> {
        self.ledger.list(filter)
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>> {
        self.ledger.counts()
    }

    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.ledger.retry(id, bundle, now)
    }

    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.ledger.resolve(id, outcome, now)
    }

    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.ledger.withdraw(id, outcome, now)
    }

    fn erase(&self, id: MessageId, outcome: Failure) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.ledger.erase(id, outcome)
    }

    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.ledger.recall(route, key)
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.ledger.control(route, control)
    }

    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>> {
        self.ledger.controls()
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.ledger.keep_bundle(hash, content)
    }

    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>> {
        self.ledger.bundle(hash)
    }

    fn is_shared(&self) -> bool {
        self.ledger.is_shared()
    }

    fn is_available(&self) -> bool {
        // Without the transport messages are durable all the same, and go out when it is back.
        self.ledger.is_available()
    }

    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>, DeliveryError>> {
        self.ledger.settled(ids)
    }

    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        self.ledger.forget(before, limit)
    }
}
