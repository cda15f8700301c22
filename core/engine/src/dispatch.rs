//! Work that waits in the queue: operations, retries, and what an earlier run left. One loop claims as much as there is
//! room for; each message is a task of its own, so that a slow system holds up nothing but its own routes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_delivery::{
    Claimed, DeadLetter, Failure, FaultClass, Idempotency, Outcome, Party, Status, Timestamp,
};

use crate::{
    attempt::{self, Brought},
    engine::Engine,
    route::Route,
    settle,
    translate::Context,
};

/// Attempts at work, by system.
type Busy = Arc<Mutex<HashMap<Arc<str>, usize>>>;

/// Claims and works until the engine stops.
pub(crate) async fn run(engine: Arc<Engine>) {
    let busy = Busy::default();
    let mut stop = engine.stop.subscribe();
    loop {
        let ready = engine.delivery.ready();
        let freed = engine.freed.notified();
        match claim(&engine, &busy).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(%error, "messages cannot be claimed");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tokio::select! {
            () = ready => {}
            () = freed => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Claims what there is room for; returns how many messages that were.
async fn claim(engine: &Arc<Engine>, busy: &Busy) -> Result<usize, portolan_delivery::DeliveryError> {
    if *engine.stop.borrow() {
        return Ok(0);
    }
    let limit = engine.options.dispatch_concurrency;
    let (full, room) = {
        let busy = busy.lock();
        let table = engine.table.load();
        let at_work = |system: &Arc<str>| busy.get(system).copied().unwrap_or(0);
        let full: Vec<Arc<str>> =
            table.by_name.values().filter(|r| at_work(&r.system) >= limit).map(|r| r.name.clone()).collect();
        let open = table.by_name.values().filter(|r| at_work(&r.system) < limit);
        // A system may be claimed for up to its own room, whatever the mix of routes: the least room bounds the claim.
        let room = open.map(|r| limit - at_work(&r.system)).min().unwrap_or(limit);
        (full, room)
    };
    let claimed = engine.delivery.claim(engine.gateway, room, &full, Timestamp::now()).await;
    let claimed = claimed.map_err(|e| engine.failed(e))?;
    let count = claimed.len();
    for message in claimed {
        let work = engine.work();
        let (engine, busy) = (engine.clone(), busy.clone());
        let system = engine.table.load().by_name.get(&message.envelope.route).map(|r| r.system.clone());
        let system = system.unwrap_or_else(|| message.envelope.route.clone());
        *busy.lock().entry(system.clone()).or_insert(0) += 1;
        tokio::spawn(async move {
            let id = message.claim.id;
            if let Err(error) = work_on(&engine, message).await {
                tracing::error!(%id, %error, "an attempt could not be settled");
            }
            if let Some(count) = busy.lock().get_mut(&system) {
                *count -= 1;
            }
            engine.freed.notify_one();
            drop(work);
        });
    }
    Ok(count)
}

/// One attempt at a claimed message.
async fn work_on(engine: &Arc<Engine>, claimed: Claimed) -> Result<(), portolan_delivery::DeliveryError> {
    let Claimed { claim, envelope, payload } = claimed;
    let now = Timestamp::now();
    let context = Context::of(&envelope, claim.attempt);
    if envelope.deadline.is_some_and(|deadline| deadline <= now) {
        let why = "the deadline passed before an attempt could begin; nothing was sent by this attempt";
        let expired = Failure::new(Status::DeadlineExceeded, FaultClass::Expired, "EXPIRED", why)
            .with("route", &envelope.route)
            .with("message", claim.id);
        settle::finish(engine, claim, Outcome::Failed(expired), now).await?;
        return Ok(());
    }
    let route = match engine.version(&envelope.route, envelope.bundle).await {
        Ok(route) => route,
        Err(error) => {
            let failure = Failure::new(
                Status::Internal,
                FaultClass::Internal,
                "VERSION_UNAVAILABLE",
                error.to_string(),
            )
            .with("route", &envelope.route)
            .with("message", claim.id);
            let letter = DeadLetter { failure, at_fault: Party::Gateway, reply: None };
            engine.delivery.bury(claim, letter.clone(), now).await.map_err(|e| engine.failed(e))?;
            engine.waiters.settle(claim.id, || crate::waiters::Settled::Dead(letter));
            return Ok(());
        }
    };
    let brought = match translated(&route, context, &payload) {
        Ok(request) => {
            let key = match &envelope.idempotency {
                Idempotency::Key(key) => Some(key.clone()),
                _ => None,
            };
            attempt::ask(&route, context, &payload, request, key, settle::patience(&route, &envelope, now))
                .await
        }
        Err(failure) => Brought::Unreadable(DeadLetter { failure, at_fault: Party::Gateway, reply: None }),
    };
    settle::attempt(engine, &route, &envelope, claim, brought).await?;
    Ok(())
}

/// The request again, from the bytes that came in. It was translated once at accept, so a failure here means that an
/// operator chose a version that does not take it.
fn translated(route: &Route, context: Context<'_>, payload: &[u8]) -> Result<Bytes, Failure> {
    let mut request = Vec::with_capacity(payload.len() * 4 + 1024);
    match route.translate.request(payload, context, &mut request) {
        Ok(_) => Ok(request.into()),
        Err(failure) => Err(attempt::signed(failure, route, context)),
    }
}

/// Forgets what is past its retention, a little at a time.
pub(crate) async fn housekeeping(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(30);
    const AT_A_TIME: usize = 500;
    let mut stop = engine.stop.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let retention = i64::try_from(engine.options.retention.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp(Timestamp::now().0.saturating_sub(retention));
        loop {
            match engine.delivery.forget(before, AT_A_TIME).await {
                Ok(AT_A_TIME) if !*stop.borrow() => tokio::task::yield_now().await,
                Ok(_) => break,
                Err(error) => {
                    tracing::error!(error = %engine.failed(error), "old messages cannot be removed");
                    break;
                }
            }
        }
    }
}
