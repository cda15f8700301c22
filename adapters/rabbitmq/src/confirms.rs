//! Which publication was confirmed, and which came back.
//!
//! lapin hands a returned message to whichever publication is confirmed next, which need not be the one that was
//! returned: the broker confirms in any order, and several at once. So no confirm is believed by itself. When some have
//! come, all others are looked at once more: the one that was given the returned message was resolved no later, hence is
//! seen now. A message is told by what is in it.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use lapin::{Confirmation, PublisherConfirm};
use parking_lot::Mutex;
use portolan_delivery::composite::Parcel;
use tokio::sync::{Notify, OwnedSemaphorePermit, RwLock, RwLockReadGuard, oneshot};

use crate::parcel;

/// What became of a publication.
#[derive(Debug)]
pub(crate) enum Verdict {
    Confirmed,
    /// There is no such queue.
    Returned,
    Refused,
    /// Nothing was said in time.
    Late,
    Failed(String),
}

/// Publications of one channel that wait for their confirm.
#[derive(Default)]
pub(crate) struct Confirms {
    /// Read: from before a publication until it is among `pending`. Written: no publication is in between.
    sending: RwLock<()>,
    /// None when the channel is over.
    pending: Mutex<Option<Vec<Pending>>>,
    added: Notify,
}

struct Pending {
    parcel: Parcel,
    confirm: PublisherConfirm,
    answer: oneshot::Sender<Verdict>,
    /// Bounds how many there are.
    _permit: OwnedSemaphorePermit,
}

type Resolved = (Pending, lapin::Result<Confirmation>);

impl Confirms {
    pub(crate) fn new() -> Self {
        Self { pending: Mutex::new(Some(Vec::new())), ..Self::default() }
    }

    /// To be held while publishing, and given to [`Confirms::add`].
    pub(crate) async fn begin(&self) -> RwLockReadGuard<'_, ()> {
        self.sending.read().await
    }

    pub(crate) fn add(
        &self,
        _begun: RwLockReadGuard<'_, ()>,
        parcel: Parcel,
        confirm: PublisherConfirm,
        permit: OwnedSemaphorePermit,
    ) -> oneshot::Receiver<Verdict> {
        let (answer, verdict) = oneshot::channel();
        if let Some(pending) = &mut *self.pending.lock() {
            pending.push(Pending { parcel, confirm, answer, _permit: permit });
            self.added.notify_one();
        }
        verdict
    }

    /// The same of several.
    pub(crate) fn add_all(
        &self,
        _begun: RwLockReadGuard<'_, ()>,
        sent: impl Iterator<Item = (Parcel, PublisherConfirm, OwnedSemaphorePermit)>,
    ) -> Vec<oneshot::Receiver<Verdict>> {
        let mut all = self.pending.lock();
        let added = sent.map(|(parcel, confirm, permit)| {
            let (answer, verdict) = oneshot::channel();
            if let Some(pending) = &mut *all {
                pending.push(Pending { parcel, confirm, answer, _permit: permit });
            }
            verdict
        });
        let verdicts = added.collect();
        drop(all);
        self.added.notify_one();
        verdicts
    }

    /// Who waits is told that nobody answers.
    pub(crate) fn close(&self) {
        self.pending.lock().take();
    }

    /// Answers, until [`Confirms::close`].
    pub(crate) async fn collect(&self) {
        let mut returned: HashMap<Parcel, usize> = HashMap::new();
        let mut next = Vec::new();
        loop {
            let batch = if next.is_empty() { self.some_resolved().await } else { std::mem::take(&mut next) };
            let settled = self.sending.write().await;
            next = poll_fn(|context| Poll::Ready(self.take_resolved(context))).await;
            drop(settled);
            if batch.iter().chain(&next).any(|(_, result)| !can_be_told(result)) {
                // Something came back that we did not send: nothing can be said of the rest.
                return self.close();
            }
            for (_, result) in batch.iter().chain(&next) {
                if let Some(parcel) = returned_parcel(result) {
                    *returned.entry(parcel).or_default() += 1;
                }
            }
            next = next.into_iter().map(without_message).collect();
            for (pending, result) in batch {
                let verdict = if take_one(&mut returned, &pending.parcel) {
                    Verdict::Returned
                } else {
                    match result {
                        Ok(Confirmation::Ack(_)) => Verdict::Confirmed,
                        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => Verdict::Refused,
                        Err(error) => Verdict::Failed(error.to_string()),
                    }
                };
                // Who asked may have gone.
                let _ = pending.answer.send(verdict);
            }
        }
    }

    async fn some_resolved(&self) -> Vec<Resolved> {
        let mut added = pin!(self.added.notified());
        poll_fn(|context| {
            loop {
                let resolved = self.take_resolved(context);
                if !resolved.is_empty() {
                    return Poll::Ready(resolved);
                }
                if added.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                added.set(self.added.notified());
            }
        })
        .await
    }

    fn take_resolved(&self, context: &mut Context<'_>) -> Vec<Resolved> {
        let mut resolved = Vec::new();
        let mut all = self.pending.lock();
        let Some(pending) = &mut *all else { return resolved };
        let mut index = 0;
        while let Some(one) = pending.get_mut(index) {
            match Pin::new(&mut one.confirm).poll(context) {
                Poll::Ready(result) => resolved.push((pending.swap_remove(index), result)),
                Poll::Pending => index += 1,
            }
        }
        resolved
    }
}

/// Whether what was returned, if anything, can be told.
fn can_be_told(result: &lapin::Result<Confirmation>) -> bool {
    !matches!(result, Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))))
        || returned_parcel(result).is_some()
}

fn returned_parcel(result: &lapin::Result<Confirmation>) -> Option<Parcel> {
    let (Ok(Confirmation::Ack(message)) | Ok(Confirmation::Nack(message))) = result else { return None };
    let delivery = &message.as_ref()?.delivery;
    parcel::decode(&delivery.properties, &delivery.data).ok()
}

/// So that it is counted once.
fn without_message((pending, result): Resolved) -> Resolved {
    let result = result.map(|confirmation| match confirmation {
        Confirmation::Ack(_) => Confirmation::Ack(None),
        Confirmation::Nack(_) => Confirmation::Nack(None),
        other => other,
    });
    (pending, result)
}

fn take_one(returned: &mut HashMap<Parcel, usize>, parcel: &Parcel) -> bool {
    let Some(count) = returned.get_mut(parcel) else { return false };
    *count -= 1;
    if *count == 0 {
        returned.remove(parcel);
    }
    true
}
