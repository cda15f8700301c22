//! What there is at the broker, against what routes need. For `portolan topology`.

use std::{sync::Arc, time::Duration};

use lapin::Connection;
use tokio::time::timeout;

use crate::{
    OpenError, Options, QueueType, ServeError, brokers::Brokers, connection::Target, tls::Tls,
    topology::Topology,
};

/// A queue that a route needs.
#[derive(Debug)]
pub struct Inspected {
    /// Whose it is.
    pub route: Arc<str>,
    /// Its name.
    pub queue: String,
    /// What it is to be.
    pub queue_type: QueueType,
    /// What it is.
    pub found: Result<Found, ServeError>,
}

/// What there is of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is as it is to be.
    There {
        /// That wait for a consumer.
        messages: u32,
        /// Gateways that listen.
        consumers: u32,
    },
    /// There is none.
    Missing,
    /// There was none until now.
    Made,
}

/// Looks at the queues of these routes, and makes none.
///
/// # Errors
/// No broker can be reached.
pub async fn inspect(options: &Options, routes: &[Arc<str>]) -> Result<Vec<Inspected>, OpenError> {
    each(options, routes, false).await
}

/// Makes the queues of these routes that are missing, and changes none that is there.
///
/// # Errors
/// No broker can be reached.
pub async fn apply(options: &Options, routes: &[Arc<str>]) -> Result<Vec<Inspected>, OpenError> {
    each(options, routes, true).await
}

async fn each(options: &Options, routes: &[Arc<str>], make: bool) -> Result<Vec<Inspected>, OpenError> {
    let (topology, patience) = (Topology::new(options), options.confirm_timeout);
    let tls = Tls::new(options.tls.clone());
    let target = Target::new(Brokers::parse(&options.url)?, tls, "portolan topology", patience);
    let live = target.connect().await?;
    let mut inspected = Vec::new();
    for route in routes {
        inspected.push(Inspected {
            route: Arc::clone(route),
            queue: topology.queue(route).map_or_else(|_| route.to_string(), |queue| queue.to_string()),
            queue_type: options.queue_type,
            found: look(&topology, &live.connection, route, patience, make).await,
        });
    }
    // That it fails is the broker's to know.
    let _ = live.connection.close(200, "OK".into()).await;
    Ok(inspected)
}

async fn look(
    topology: &Topology,
    connection: &Connection,
    route: &str,
    patience: Duration,
    make: bool,
) -> Result<Found, ServeError> {
    let looked = async {
        let there = topology.look(connection, route).await?;
        let Some(queue) = there else {
            return match make {
                true => topology.declare(connection, route).await.map(|_| Found::Made),
                false => Ok(Found::Missing),
            };
        };
        // Only a declaration compares arguments; of what is there it makes nothing.
        topology.declare(connection, route).await?;
        Ok(Found::There { messages: queue.message_count(), consumers: queue.consumer_count() })
    };
    timeout(patience, looked).await.unwrap_or_else(|_| Err(topology.unanswered(route, patience)))
}
