//! Whether the brokers take the credentials and have the virtual host, without making anything. For `portolan doctor`.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::{OpenError, Options, brokers::Brokers, connection::Target, tls::Tls};

/// A node that was tried.
#[derive(Debug)]
pub struct Probe {
    /// Host and port.
    pub server: String,
    /// What connecting took, or why there is no connection.
    pub connected: Result<Duration, OpenError>,
    /// Its certificate and intermediates, in DER; none without TLS.
    pub certificates: Vec<Vec<u8>>,
    /// Whether a password crosses a network that is not encrypted: AMQP always has one.
    pub readable_password: bool,
}

/// Connects to each node of the URL, to all at once, and leaves.
pub async fn probe(options: &Options) -> Result<Vec<Probe>, OpenError> {
    let brokers = Brokers::parse(&options.url)?;
    Ok(join_all(brokers.each().map(|broker| node(broker, options))).await)
}

async fn node(broker: Brokers, options: &Options) -> Probe {
    let server = broker.to_string();
    let readable_password = broker.are_far() && !broker.are_encrypted();
    let tls = Tls::new(options.tls.clone());
    let target = Target::new(broker, tls.clone(), "portolan doctor", options.confirm_timeout);
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
    Probe { server, connected, certificates: tls.shown.certificates(), readable_password }
}
