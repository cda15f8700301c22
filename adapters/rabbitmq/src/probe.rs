//! Whether a broker takes the credentials and has the virtual host, without making anything. For `portolan doctor`.

use std::time::{Duration, Instant};

use lapin::uri::AMQPUri;

use crate::{OpenError, Options, connection::Target};

/// Connects, and leaves; gives what that took.
pub async fn probe(options: &Options) -> Result<Duration, OpenError> {
    let uri: AMQPUri = options.url.parse().map_err(|_| OpenError::Url)?;
    let target = Target { uri, name: "portolan doctor", timeout: options.confirm_timeout };
    let began = Instant::now();
    let live = target.connect().await?;
    let took = began.elapsed();
    // That it fails is the broker's to know.
    let _ = live.connection.close(200, "OK".into()).await;
    Ok(took)
}
