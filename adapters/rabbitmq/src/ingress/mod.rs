//! The source for strangers: what they publish into a route is a call, acknowledged once it is durable. See decision 0016, and
//! `docs/amqp.md` for what they are told.

mod refusal;
mod request;
mod taking;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use lapin::Connection;
use portolan_delivery::Intake;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    OpenError, Options, ServeError,
    brokers::Brokers,
    connection::{Live, Seen, Target, Watch},
    tls::Tls,
    topology::Topology,
};
use refusal::Refusals;
use taking::Taking;

/// When a queue that cannot be consumed is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// What strangers may do.
#[derive(Debug, Clone)]
pub struct IngressOptions {
    /// The broker.
    pub broker: Options,
    /// The routes into which they may publish.
    pub routes: Vec<Arc<str>>,
    /// A longer body is refused.
    pub max_request_bytes: usize,
}

/// Queues into which strangers publish, declared.
pub struct Ingress {
    target: Target,
    topology: Topology,
    routes: Vec<Arc<str>>,
    max_request_bytes: usize,
    prefetch: u16,
    patience: Duration,
    first: Live,
}

impl Ingress {
    /// Connects, and declares what strangers publish to.
    ///
    /// # Errors
    /// No broker can be reached now, or something is there that differs. Later, brokers may come and go.
    pub async fn open(options: IngressOptions) -> Result<Self, OpenError> {
        let IngressOptions { broker, routes, max_request_bytes } = options;
        let topology = Topology::new(&broker);
        let patience = broker.confirm_timeout;
        let tls = Tls::new(broker.tls.clone());
        let target =
            Target::new(Brokers::parse(&broker.url)?, tls, "portolan takes from strangers", patience);
        let first = target.connect().await?;
        for route in &routes {
            match timeout(patience, topology.declare_ingress(&first.connection, route)).await {
                // One queue that does not answer stops no other: it is looked after again and again.
                Ok(Err(ServeError::Away(_))) | Err(_) => {}
                Ok(declared) => declared?,
            }
        }
        let prefetch = broker.prefetch.max(1);
        Ok(Self { target, topology, routes, max_request_bytes, prefetch, patience, first })
    }

    /// Takes, until `shutdown` resolves and what was begun is answered. What is held then, since it cannot be taken now, goes
    /// back to its queue.
    pub async fn serve(self, intake: Arc<dyn Intake>, shutdown: impl Future<Output = ()>) {
        let Self { target, topology, routes, max_request_bytes, prefetch, patience, mut first } = self;
        let stop = watch::Sender::new(false);
        let work = async {
            loop {
                let Live { connection, watch } = &mut first;
                let connection: &Connection = connection;
                let refusals = Refusals::new(connection, &topology, patience);
                let taking = routes.iter().map(|route| Taking {
                    connection,
                    topology: &topology,
                    refusals: &refusals,
                    intake: &*intake,
                    route: route.clone(),
                    max_request_bytes,
                    prefetch,
                    patience,
                });
                let all = taking.map(|taking| take(taking, stop.subscribe()));
                let lost = tokio::select! {
                    _ = join_all(all) => None,
                    reason = over(connection, watch) => Some(reason),
                };
                let _ = timeout(Duration::from_secs(1), connection.close(200, "OK".into())).await;
                let Some(reason) = lost else { return };
                target.lost(&reason);
                let mut stopping = stop.subscribe();
                first = tokio::select! {
                    live = target.reconnect() => live,
                    _ = stopping.wait_for(|stop| *stop) => return,
                };
            }
        };
        let mut work = std::pin::pin!(work);
        tokio::select! {
            () = &mut work => return,
            () = shutdown => {}
        }
        stop.send_replace(true);
        work.await;
    }
}

/// Takes from a route's queue, again and again, as it may be gone for a while.
async fn take(taking: Taking<'_>, mut stop: watch::Receiver<bool>) {
    loop {
        match taking.run(stop.clone()).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(route = &*taking.route, %error, "strangers' messages are not taken now")
            }
        }
        tokio::select! {
            () = sleep(AGAIN) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Resolves when the connection is over, with the reason.
async fn over(connection: &Connection, watch: &mut Watch) -> String {
    loop {
        if let Seen::Look(error) = watch.next().await
            && let Some(reason) = Live::over(connection, error)
        {
            return reason;
        }
    }
}
