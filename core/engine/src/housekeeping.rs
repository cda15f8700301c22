//! What is done from time to time: old messages are forgotten; those who listen are told of outcomes; and where several
//! gateways share the work, those that died are cleaned up after, whoever waits here for a message is told when it was settled
//! elsewhere, and routes are held up here that were held up there.

use std::{sync::Arc, time::Duration};

use portolan_delivery::Timestamp;

use crate::{engine::Engine, settle, trouble::Trouble};

/// Waits; `false` once the engine stops.
async fn goes_on(engine: &Engine, interval: Duration) -> bool {
    let mut stop = engine.stop.subscribe();
    tokio::select! {
        () = tokio::time::sleep(interval) => true,
        _ = stop.wait_for(|stop| *stop) => false,
    }
}

/// Forgets what is past its retention, a little at a time.
pub(crate) async fn forget(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(30);
    const AT_A_TIME: usize = 500;
    let trouble = Trouble::new("old messages cannot be removed");
    while goes_on(&engine, EVERY).await {
        let retention = i64::try_from(engine.options.retention.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp(Timestamp::now().0.saturating_sub(retention));
        loop {
            let removed = engine.delivery.forget(before, AT_A_TIME).await;
            let removed = removed.map_err(|error| engine.failed(error));
            trouble.tell(&removed);
            match removed {
                Ok(AT_A_TIME) if !*engine.stop.borrow() => tokio::task::yield_now().await,
                _ => break,
            }
        }
    }
}

/// Settles the attempts of gateways that died.
pub(crate) async fn reconcile(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(5);
    let trouble = Trouble::new("the attempts of gateways that died cannot be settled");
    while goes_on(&engine, EVERY).await {
        let settled = engine.delivery.reconcile(engine.gateway, Timestamp::now()).await;
        let settled = settled.map_err(|error| engine.failed(error));
        trouble.tell(&settled);
        if let Ok(settled) = settled {
            settle::reconciled(&engine.metrics, &settled);
        }
    }
}

/// Tells those who listen of outcomes: at once of those of this process, and from time to time of what others left.
pub(crate) async fn announce(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(5);
    loop {
        announce_all(&engine).await;
        let goes_on = tokio::select! {
            () = engine.happened.notified() => true,
            goes_on = goes_on(&engine, EVERY) => goes_on,
        };
        if !goes_on {
            return;
        }
    }
}

/// Tells of all outcomes that are not told yet. Where that fails, they are told later.
pub(crate) async fn announce_all(engine: &Engine) {
    loop {
        let told = engine.delivery.announce().await.map_err(|error| engine.failed(error));
        engine.unannounced.tell(&told);
        if !told.is_ok_and(|told| told > 0) {
            return;
        }
    }
}

/// Looks whether messages that somebody here waits for were settled elsewhere. One question for all of them. Also while the
/// engine stops: its calls end when they are answered.
pub(crate) async fn tell_waiters(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_millis(200);
    const AT_A_TIME: usize = 1000;
    let trouble = Trouble::new("whether messages were settled elsewhere cannot be looked up");
    loop {
        tokio::time::sleep(EVERY).await;
        for ids in engine.waiters.awaited().chunks(AT_A_TIME) {
            let settled = engine.delivery.settled(ids).await;
            // Who waits has a deadline, and is not the one to tell.
            trouble.tell(&settled);
            settled.into_iter().flatten().for_each(|id| engine.waiters.dismiss(id));
        }
    }
}

/// Looks which routes are held up: another gateway may have been told.
pub(crate) async fn learn_controls(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(1);
    let trouble = Trouble::new("which routes are held up cannot be looked up");
    while goes_on(&engine, EVERY).await {
        trouble.tell(&engine.learn_controls().await);
    }
}
