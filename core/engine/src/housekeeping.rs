//! What is done from time to time: old messages are forgotten; those who listen are told of outcomes; and where several
//! gateways share the work, those that died are cleaned up after, whoever waits here for a message is told when it was settled
//! elsewhere, and routes are held up here that were held up there.

use std::{sync::Arc, time::Duration};

use portolan_delivery::Timestamp;

use crate::engine::Engine;

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
    while goes_on(&engine, EVERY).await {
        let retention = i64::try_from(engine.options.retention.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp(Timestamp::now().0.saturating_sub(retention));
        loop {
            match engine.delivery.forget(before, AT_A_TIME).await {
                Ok(AT_A_TIME) if !*engine.stop.borrow() => tokio::task::yield_now().await,
                Ok(_) => break,
                Err(error) => {
                    tracing::error!(error = %engine.failed(error), "old messages cannot be removed");
                    break;
                }
            }
        }
    }
}

/// Settles the attempts of gateways that died.
pub(crate) async fn reconcile(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(5);
    while goes_on(&engine, EVERY).await {
        match engine.delivery.reconcile(engine.gateway, Timestamp::now()).await {
            Ok(settled) if settled.requeued + settled.buried > 0 => tracing::warn!(
                requeued = settled.requeued,
                unknown = settled.buried,
                "another gateway ended in the middle of attempts; those of unknown outcome are dead letters now"
            ),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = %engine.failed(error), "the attempts of gateways that died cannot be settled");
            }
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
        match engine.delivery.announce().await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                return tracing::warn!(error = %engine.failed(error), "outcomes cannot be announced now; they are later");
            }
        }
    }
}

/// Looks whether messages that somebody here waits for were settled elsewhere. One question for all of them. Also while the
/// engine stops: its calls end when they are answered.
pub(crate) async fn tell_waiters(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_millis(200);
    const AT_A_TIME: usize = 1000;
    loop {
        tokio::time::sleep(EVERY).await;
        for ids in engine.waiters.awaited().chunks(AT_A_TIME) {
            match engine.delivery.settled(ids).await {
                Ok(settled) => settled.into_iter().for_each(|id| engine.waiters.dismiss(id)),
                // Who waits has a deadline, and is not the one to tell.
                Err(error) => {
                    tracing::warn!(%error, "whether messages were settled elsewhere cannot be looked up");
                }
            }
        }
    }
}

/// Looks which routes are held up: another gateway may have been told.
pub(crate) async fn learn_controls(engine: Arc<Engine>) {
    const EVERY: Duration = Duration::from_secs(1);
    while goes_on(&engine, EVERY).await {
        if let Err(error) = engine.learn_controls().await {
            tracing::warn!(%error, "which routes are held up cannot be looked up");
        }
    }
}
