//! Whether the user may do at the broker what a gateway does, and whether the broker takes messages now. Tried on a queue that
//! is not there, so nothing is made or changed. For `portolan doctor`.

use std::time::Duration;

use lapin::{
    BasicProperties, Channel, Connection,
    options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions},
    types::ShortString,
};
use portolan_delivery::MessageId;
use tokio::time::timeout;

use crate::{
    OpenError, Options, ServeError,
    brokers::Brokers,
    connection::{Live, Seen, Target, Watch},
    tls::Tls,
    topology::{ACCESS_REFUSED, Topology, away, reply_code},
};

/// What the broker says to a gateway's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The permissions that are missing of `configure`, `write` and `read`.
    pub missing: Vec<&'static str>,
    /// Whether it takes no messages now, as its memory or disk is short.
    pub blocked: bool,
}

/// Asks one of the nodes.
///
/// # Errors
/// No broker can be reached, or it does not answer.
pub async fn rights(options: &Options) -> Result<Rights, OpenError> {
    let patience = options.confirm_timeout;
    let tls = Tls::new(options.tls.clone());
    let target = Target::new(Brokers::parse(&options.url)?, tls, "portolan doctor", patience);
    let Live { connection, mut watch } = target.connect().await?;
    let nothing = Topology::new(options).queue(&format!("doctor-{}", MessageId::generate()))?;
    let asked = async {
        let mut missing = Vec::new();
        let mut judge = |permission, done: lapin::Result<()>| match done {
            Err(error) if reply_code(&error) == Some(ACCESS_REFUSED) => {
                missing.push(permission);
                Ok(())
            }
            // That there is no such queue is known.
            Err(error) if reply_code(&error).is_none() => Err(away(error)),
            Ok(()) | Err(_) => Ok(()),
        };
        judge("configure", configure(&channel(&connection).await?, &nothing).await)?;
        judge("read", read(&channel(&connection).await?, &nothing).await)?;
        // Last: a broker that is short of memory reads nothing more on a connection that publishes.
        // The first that it reads it still answers, and says only then that it is blocked.
        let twice = async {
            write(&connection, &nothing).await?;
            write(&connection, &nothing).await
        };
        let written = tokio::select! {
            done = twice => Some(done),
            () = blocked(&mut watch) => None,
        };
        let blocked = written.is_none();
        judge("write", written.unwrap_or(Ok(())))?;
        Ok(Rights { missing, blocked })
    };
    let late = |_| Err(ServeError::Away(format!("no answer within {patience:?}")));
    let rights = timeout(patience, asked).await.unwrap_or_else(late);
    // That it fails is the broker's to know; one that reads nothing does not answer.
    let _ = timeout(Duration::from_secs(1), connection.close(200, "OK".into())).await;
    Ok(rights?)
}

/// Each for one question: a refusal closes it.
async fn channel(connection: &Connection) -> Result<Channel, ServeError> {
    connection.create_channel().await.map_err(away)
}

async fn configure(channel: &Channel, nothing: &ShortString) -> lapin::Result<()> {
    channel.queue_delete(nothing.clone(), QueueDeleteOptions::default()).await.map(drop)
}

async fn read(channel: &Channel, nothing: &ShortString) -> lapin::Result<()> {
    channel.basic_get(nothing.clone(), BasicGetOptions::default()).await.map(drop)
}

/// Comes back, as nobody can take it.
async fn write(connection: &Connection, nothing: &ShortString) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let published =
        channel.basic_publish("".into(), nothing.clone(), options, &[], BasicProperties::default()).await?;
    published.await.map(drop)
}

async fn blocked(watch: &mut Watch) {
    while !matches!(watch.next().await, Seen::Blocked(true)) {}
}
