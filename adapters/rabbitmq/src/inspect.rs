//! What there is at the broker, against what routes need. For `portolan topology`.

use std::{sync::Arc, time::Duration};

use lapin::{Connection, types::ShortString};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    OpenError, Options, QueueType, ServeError,
    brokers::Brokers,
    connection::Target,
    tls::Tls,
    topology::{Purpose, Topology, Wanted},
};

/// What gateways need at the broker.
#[derive(Debug, Clone, Copy)]
pub struct Needs<'a> {
    /// Whose parcels travel.
    pub routes: &'a [Arc<str>],
    /// Into which strangers publish.
    pub ingress: &'a [Arc<str>],
}

/// A queue that a route needs, or an exchange.
#[derive(Debug)]
pub struct Inspected {
    /// Whose it is; an exchange is nobody's own.
    pub route: Option<Arc<str>>,
    /// Its name.
    pub queue: String,
    /// What it is to be; where there is none, a topic exchange.
    pub queue_type: Option<QueueType>,
    /// What it is.
    pub found: Result<Found, ServeError>,
}

/// What there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is as it is to be.
    There {
        /// That wait for a consumer.
        messages: u32,
        /// Gateways that listen.
        consumers: u32,
    },
    /// It is an exchange, and is there.
    Exchange,
    /// There is none.
    Missing,
    /// There was none until now.
    Made,
}

/// Looks at what is needed, and makes nothing.
///
/// # Errors
/// No broker can be reached.
pub async fn inspect(options: &Options, needs: Needs<'_>) -> Result<Vec<Inspected>, OpenError> {
    each(options, needs, false).await
}

/// Makes what is missing, and changes nothing that is there.
///
/// # Errors
/// No broker can be reached.
pub async fn apply(options: &Options, needs: Needs<'_>) -> Result<Vec<Inspected>, OpenError> {
    each(options, needs, true).await
}

async fn each(options: &Options, needs: Needs<'_>, make: bool) -> Result<Vec<Inspected>, OpenError> {
    let (topology, patience) = (Topology::new(options), options.confirm_timeout);
    let tls = Tls::new(options.tls.clone());
    let target = Target::new(Brokers::parse(&options.url)?, tls, "portolan topology", patience);
    let live = target.connect().await?;
    let exchange = |name: Result<ShortString, ServeError>, found| Inspected {
        route: None,
        queue: name.map_or_else(|_| options.queue_prefix.clone(), |name| name.to_string()),
        queue_type: None,
        found,
    };
    let mut look = Look { topology: &topology, connection: &live.connection, patience, make };
    let mut inspected = Vec::new();
    if let Some(ledger) = options.ledger {
        let owner = exchange(topology.ledger(), look.ledger(ledger).await);
        // Among queues of others nothing is made.
        look.make &= owner.found.is_ok();
        inspected.push(owner);
    }
    let strangers = |route| [(route, Purpose::Ingress), (route, Purpose::Refused)];
    let parcels = needs.routes.iter().map(|route| (route, Purpose::Parcels));
    for (route, purpose) in parcels.chain(needs.ingress.iter().flat_map(strangers)) {
        let (queue, found) = match topology.wanted(purpose, route) {
            Ok(wanted) => (wanted.queue.to_string(), look.queue(&wanted).await),
            Err(error) => (route.to_string(), Err(error)),
        };
        let (route, queue_type) = (Some(Arc::clone(route)), Some(options.queue_type));
        inspected.push(Inspected { route, queue, queue_type, found });
    }
    if !needs.ingress.is_empty() {
        inspected.push(exchange(topology.ingress(), look.ingress(needs.ingress).await));
    }
    if options.events {
        inspected.push(exchange(topology.events(), look.events().await));
    }
    // That it fails is the broker's to know.
    let _ = live.connection.close(200, "OK".into()).await;
    Ok(inspected)
}

/// How it is looked at.
struct Look<'a> {
    topology: &'a Topology,
    connection: &'a Connection,
    patience: Duration,
    make: bool,
}

impl Look<'_> {
    async fn queue(&self, wanted: &Wanted) -> Result<Found, ServeError> {
        let looked = async {
            match wanted.look(self.connection).await? {
                // Only a declaration compares arguments; of what is there it makes nothing.
                Some(queue) => {
                    wanted.declare(self.connection).await?;
                    Ok(Found::There { messages: queue.message_count(), consumers: queue.consumer_count() })
                }
                None if self.make => wanted.declare(self.connection).await.map(|_| Found::Made),
                None => Ok(Found::Missing),
            }
        };
        let late = || Err(ServeError::NoAnswer { queue: wanted.queue.to_string(), patience: self.patience });
        timeout(self.patience, looked).await.unwrap_or_else(|_| late())
    }

    /// Whose the queues are. Only a declaration compares.
    async fn ledger(&self, ledger: Uuid) -> Result<Found, ServeError> {
        let claim = async || self.topology.claim(self.connection, ledger).await;
        match self.exchange(self.topology.ledger(), claim).await? {
            Found::Exchange if !self.make => {
                let late = |_| Err(ServeError::Away(format!("no answer within {:?}", self.patience)));
                timeout(self.patience, claim()).await.unwrap_or_else(late)?;
                Ok(Found::Exchange)
            }
            found => Ok(found),
        }
    }

    async fn events(&self) -> Result<Found, ServeError> {
        let make = async || self.topology.declare_events(self.connection).await;
        self.exchange(self.topology.events(), make).await
    }

    /// With the ways from it to the queues, which cannot be looked at.
    async fn ingress(&self, routes: &[Arc<str>]) -> Result<Found, ServeError> {
        let make = async || {
            for route in routes {
                self.topology.declare_ingress(self.connection, route).await?;
            }
            Ok(())
        };
        self.exchange(self.topology.ingress(), make).await
    }

    async fn exchange(
        &self,
        name: Result<ShortString, ServeError>,
        make: impl AsyncFnOnce() -> Result<(), ServeError>,
    ) -> Result<Found, ServeError> {
        let looked = async {
            let there = self.topology.has_exchange(self.connection, &name?).await?;
            if self.make {
                make().await?;
            }
            Ok(match (there, self.make) {
                (true, _) => Found::Exchange,
                (false, true) => Found::Made,
                (false, false) => Found::Missing,
            })
        };
        let late = || Err(ServeError::Away(format!("no answer within {:?}", self.patience)));
        timeout(self.patience, looked).await.unwrap_or_else(|_| late())
    }
}
