//! Whether the brokers take the credentials and have the virtual host, without making anything. For `portolan doctor`.

use std::time::{Duration, Instant};

use crate::{OpenError, Options, brokers::Brokers, connection::Target};

/// A node that was tried.
#[derive(Debug)]
pub struct Probe {
    /// Host and port.
    pub server: String,
    /// What connecting took, or why there is no connection.
    pub connected: Result<Duration, OpenError>,
}

/// Connects to each node of the URL, and leaves.
pub async fn probe(options: &Options) -> Result<Vec<Probe>, OpenError> {
    let mut probes = Vec::new();
    for broker in Brokers::parse(&options.url)?.each() {
        let server = broker.to_string();
        let target = Target::new(broker, "portolan doctor", options.confirm_timeout);
        let began = Instant::now();
        let live = target.connect().await;
        let took = began.elapsed();
        let connected = match live {
            Ok(live) => {
                // That it fails is the broker's to know.
                let _ = live.connection.close(200, "OK".into()).await;
                Ok(took)
            }
            Err(error) => Err(error),
        };
        probes.push(Probe { server, connected });
    }
    Ok(probes)
}
