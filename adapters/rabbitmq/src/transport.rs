//! Both connections together.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use lapin::options::{BasicAckOptions, BasicNackOptions};
use portolan_delivery::{
    BoxFuture, BrokerState, DeliveryError, Event,
    composite::{Parcel, Received, Transport},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    OpenError, Options, ServeError, brokers::Brokers, connection::Target, consumer::Consumers, inbox::Inbox,
    publisher::Publisher, tls::Tls, topology::Topology,
};

/// What those who ask for other queues wait for a broker that may be away.
const PROMPT: Duration = Duration::from_secs(1);

/// Parcels over RabbitMQ. It connects again by itself; dropped, it closes its connections.
pub struct RabbitTransport {
    publisher: Arc<Publisher>,
    consumers: Arc<Consumers>,
    inbox: Arc<Inbox>,
    ask: mpsc::Sender<oneshot::Sender<Result<(), ServeError>>>,
    patience: Duration,
    receive_wait: Duration,
    supervisors: [JoinHandle<()>; 2],
}

impl RabbitTransport {
    /// Connects twice: a broker that holds back those who publish does not hold back who consumes.
    ///
    /// # Errors
    /// The URL is not valid, no broker can be reached now, its queues are another ledger's, or what strangers listen to differs. Later brokers may come and go.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let brokers = Brokers::parse(&options.url)?;
        let (topology, events) = (Arc::new(Topology::new(&options)), options.events);
        let patience = options.confirm_timeout;
        let tls = Tls::new(options.tls.clone());
        let target = |name| Target::new(brokers.clone(), tls.clone(), name, patience);
        let inbox = Arc::new(Inbox::default());
        let consumers = Arc::new(Consumers::new(
            target("portolan consumes"),
            Arc::clone(&topology),
            Arc::clone(&inbox),
            options.prefetch,
            patience,
        ));
        let publisher = Arc::new(Publisher::new(
            target("portolan publishes"),
            Arc::clone(&topology),
            Arc::clone(&consumers),
            patience,
        ));
        let (publishing, consuming) = (publisher.connect().await?, consumers.connect().await?);
        if let Some(ledger) = options.ledger {
            topology.claim(&publishing.connection, ledger).await?;
        }
        if events {
            topology.declare_events(&publishing.connection).await?;
        }
        let (ask, asked) = mpsc::channel(1);
        let supervisors = [
            tokio::spawn({
                let publisher = Arc::clone(&publisher);
                async move { publisher.supervise(publishing).await }
            }),
            tokio::spawn({
                let consumers = Arc::clone(&consumers);
                async move { consumers.supervise(consuming, asked).await }
            }),
        ];
        let receive_wait = options.receive_wait;
        let transport = Self { publisher, consumers, inbox, ask, patience, receive_wait, supervisors };
        // Both have begun: from here on, what is not connected is away.
        transport.publisher.begun().await;
        let _ = transport.serve(&[]).await;
        Ok(transport)
    }

    /// Declares and consumes the queues of these routes, and no longer those of others. Their parcels that were
    /// delivered and not received go back to the queue.
    ///
    /// # Errors
    /// The first queue that could not be served; the others are. It is tried again from time to time, and after a
    /// connection was lost. A broker that is away is told at once.
    pub async fn serve(&self, routes: &[Arc<str>]) -> Result<(), ServeError> {
        self.consumers.want(routes);
        let asking = async {
            let (answer, answered) = oneshot::channel();
            self.ask.send(answer).await.ok()?;
            answered.await.ok()
        };
        let away = |reason: String| Err(ServeError::Away(reason));
        let mut asking = pin!(asking);
        let prompt = timeout(PROMPT, &mut asking).await;
        if prompt.is_err() && !(self.is_connected() && self.publisher.answers().await) {
            return away("it is away".to_owned());
        }
        let answered = match prompt {
            Ok(answered) => Ok(answered),
            // A queue that does not answer is known as such after `patience`, and a moment.
            Err(_) => timeout(2 * self.patience, asking).await,
        };
        match answered {
            Ok(Some(result)) => result,
            Ok(None) => away("the connection was lost".to_owned()),
            Err(_) => away(format!("no answer within {:?}", self.patience)),
        }
    }

    /// Whether both connections are there now.
    pub fn is_connected(&self) -> bool {
        self.publisher.is_connected() && self.inbox.is_connected()
    }

    /// What was said to the broker about a delivery. A connection that ends just then may never tell that it was not sent.
    async fn said(&self, saying: impl Future<Output = lapin::Result<()>>) -> Result<(), DeliveryError> {
        let unavailable = |problem| Err(DeliveryError::Unavailable(format!("RabbitMQ: {problem}")));
        match timeout(self.patience, saying).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => unavailable(error.to_string()),
            Err(_) => unavailable(format!("nothing could be sent within {:?}", self.patience)),
        }
    }
}

impl Transport for RabbitTransport {
    fn serve<'a>(&'a self, routes: &'a [Arc<str>]) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        Box::pin(async move {
            match Self::serve(self, routes).await {
                // Served as soon as the broker is back: the ledger keeps messages until then.
                Err(error @ (ServeError::Away(_) | ServeError::NoAnswer { .. })) => {
                    tracing::warn!(%error, "queues are not served now; they are looked after again and again");
                    Ok(Some(format!("queues are not served now: {error}")))
                }
                Err(error) => Err(error.into()),
                Ok(()) => Ok(None),
            }
        })
    }

    fn publish(&self, parcel: Parcel) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let sending = Sending { inbox: &self.inbox, parcel: &parcel, confirmed: false };
            self.inbox.sending(&parcel);
            let result = self.publisher.publish(&parcel).await;
            sending.done(result.is_ok());
            result
        })
    }

    fn publish_all<'a>(&'a self, parcels: &'a [Parcel]) -> BoxFuture<'a, Vec<Result<(), DeliveryError>>> {
        Box::pin(async move {
            let sending = |parcel: &'a Parcel| {
                self.inbox.sending(parcel);
                Sending { inbox: &self.inbox, parcel, confirmed: false }
            };
            let sending: Vec<_> = parcels.iter().map(sending).collect();
            let results = self.publisher.publish_all(parcels).await;
            sending.into_iter().zip(&results).for_each(|(sending, result)| sending.done(result.is_ok()));
            results
        })
    }

    fn receive<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
    ) -> BoxFuture<'a, Result<Vec<Received>, DeliveryError>> {
        Box::pin(async move { Ok(self.inbox.receive(limit, except, self.receive_wait).await) })
    }

    fn depth<'a>(&'a self, route: &'a Arc<str>) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        Box::pin(self.publisher.depth(route))
    }

    fn acknowledge(&self, tag: u64) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            // Of a connection that is gone: it comes again, and is absorbed.
            let Some((channel, delivery_tag)) = self.inbox.release(tag) else { return Ok(()) };
            self.said(channel.basic_ack(delivery_tag, BasicAckOptions::default())).await
        })
    }

    fn release(&self, tag: u64) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let Some((channel, delivery_tag)) = self.inbox.release(tag) else { return Ok(()) };
            let options = BasicNackOptions { multiple: false, requeue: true };
            self.said(channel.basic_nack(delivery_tag, options)).await
        })
    }

    fn announce(&self, event: Event) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move { self.publisher.announce(&event).await })
    }

    fn state(&self) -> BrokerState {
        BrokerState { connected: self.is_connected(), blocked: self.publisher.is_blocked() }
    }

    fn arrived(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.inbox.something())
    }
}

impl fmt::Debug for RabbitTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitTransport").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl Drop for RabbitTransport {
    fn drop(&mut self) {
        self.supervisors.iter().for_each(JoinHandle::abort);
        // The last handles of channels that consume.
        self.inbox.disconnected();
    }
}

/// A publication that is under way, also if its caller goes.
struct Sending<'a> {
    inbox: &'a Inbox,
    parcel: &'a Parcel,
    confirmed: bool,
}

impl Sending<'_> {
    fn done(mut self, confirmed: bool) {
        self.confirmed = confirmed;
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.inbox.sent(self.parcel, self.confirmed);
    }
}
