//! What remembers messages, whoever carries them: attempts are settled there, operators ask and decide there. The part that
//! [`crate::Delivery`] and [`crate::composite::Ledger`] have in common.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    BoxFuture, BundleHash, Claim, Control, Controls, Count, DeadLetter, DeliveryError, Failure, Filter,
    GatewayId, MessageId, Outcome, Page, Reconciled, Record, RequestKey, Timestamp,
};

/// Messages that are durable. Each method is one transaction.
pub trait MessageStore: Send + Sync + 'static {
    /// Records the outcome of an attempt. The message is finished.
    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Records that an attempt failed and when the next may begin.
    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Records that the system has taken the request and answers it later, and when it may be asked for the answer: by an
    /// attempt like any other, which may be repeated. `ticket` is what it said when it took the request, and stays with the
    /// message from then on; `None` where it was asked for the answer and has none yet. Of such questions in a row, the
    /// last is remembered.
    fn poll_at(
        &self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<Bytes>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Makes the message a dead letter.
    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Settles the attempts of gateways that are no more: what may be repeated is due again, what may not becomes a dead
    /// letter of class UNKNOWN. Called at start, and by clusters from time to time.
    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>>;

    /// A message with its attempts and its payload.
    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>>;

    /// Messages by filter, newest first, without payloads.
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>>;

    /// How many messages there are by route and state, finished ones left out.
    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>>;

    /// An operator's decision: a dead letter is due again, on its own bundle or on a newer one. Its deadline, which has
    /// mostly passed when a person looks, does not hold any more; nobody waits for the answer, as with an operation, so a
    /// retry that fails is a dead letter again. A system that has taken the request is asked for the answer. Of how many gateways died over it, it keeps the count
    /// ([`crate::is_suspect`]).
    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// An operator's decision: a dead letter is finished with this outcome.
    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Finishes a message that waits, without an attempt: its caller waits for it no longer. `false` where it does not wait,
    /// or not any more; then nothing is changed.
    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// Takes payload, answer and ticket of a finished message away for good, and leaves this outcome in their place; of its
    /// attempts' failures the words go that are made of what the system answered ([`Failure::without_words`]). What is known of
    /// it otherwise stays, and so does its request key, for no less and no longer than before. `false` where it is not
    /// finished, or not there; then nothing is changed.
    fn erase(&self, id: MessageId, outcome: Failure) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// The message that has this request key.
    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>>;

    /// How a route is to be served from now on; other gateways learn it when they next ask for [`MessageStore::controls`].
    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// The routes that are not simply to run, whether or not they are served.
    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>>;

    /// Keeps a bundle while any message refers to it, and as long as this process runs; keeping it twice changes nothing.
    /// A message of a bundle that is not kept is not accepted.
    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// A kept bundle.
    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>>;

    /// Whether other processes settle messages, too: who waits for one then asks [`MessageStore::settled`] from time to time,
    /// and [`MessageStore::reconcile`] is called again and again.
    fn is_shared(&self) -> bool;

    /// Whether messages can be made durable now, as far as is known without asking: readiness follows it.
    fn is_available(&self) -> bool {
        true
    }

    /// Which of these messages are settled or gone; asked only where others settle messages, too.
    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>, DeliveryError>>;

    /// Removes up to `limit` messages that were finished before `before`, and bundles that nothing refers to and that
    /// this process did not keep. Returns how many messages were removed: fewer than `limit` is no proof that there are
    /// no more, since one call looks only so far.
    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>>;
}
