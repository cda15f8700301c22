//! One route's ingress queue, consumed: a few messages at a time, each acknowledged once it is durable or refused for good.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Connection, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use portolan_delivery::{Answer, Call, Failure, Intake, Status, Timestamp};
use tokio::{sync::watch, time::timeout};

use super::{
    refusal::Refusals,
    request::{self, Request},
};
use crate::{
    ServeError,
    topology::{Topology, away},
};

/// The wait before a message is tried again that cannot be taken now, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Takes from the queue of a route.
pub(super) struct Taking<'a> {
    pub(super) connection: &'a Connection,
    pub(super) topology: &'a Topology,
    pub(super) refusals: &'a Refusals<'a>,
    pub(super) intake: &'a dyn Intake,
    pub(super) route: Arc<str>,
    pub(super) max_request_bytes: usize,
    /// Messages that are held at a time.
    pub(super) prefetch: u16,
    /// What the broker may take to begin.
    pub(super) patience: Duration,
}

/// What becomes of a message.
enum Taken {
    /// It is durable.
    Yes,
    /// Not now.
    NotNow,
    /// Never.
    Never(Failure),
}

impl Taking<'_> {
    /// Until told to stop; an error where the queue is gone, or the channel.
    pub(super) async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), ServeError> {
        let late = || Err(ServeError::Away(format!("no answer within {:?}", self.patience)));
        let started = timeout(self.patience, self.start()).await;
        let (channel, mut consumer) = started.unwrap_or_else(|_| late())?;
        let mut at_work = FuturesUnordered::new();
        let stopping = stop.clone();
        loop {
            tokio::select! {
                delivery = consumer.next() => match delivery {
                    Some(Ok(delivery)) => at_work.push(self.settle(delivery, stopping.clone())),
                    Some(Err(error)) => return Err(away(error)),
                    None => return Err(ServeError::Away("the queue is gone".to_owned())),
                },
                Some(()) = at_work.next(), if !at_work.is_empty() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        // What is delivered from here on goes back with the channel.
        let _ = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await;
        while at_work.next().await.is_some() {}
        let _ = channel.close(200, "OK".into()).await;
        Ok(())
    }

    async fn start(&self) -> Result<(Channel, Consumer), ServeError> {
        self.topology.declare_ingress(self.connection, &self.route).await?;
        let channel = self.connection.create_channel().await.map_err(away)?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await.map_err(away)?;
        let (queue, options) = (self.topology.ingress_of(&self.route)?, BasicConsumeOptions::default());
        let consumer = channel.basic_consume(queue, "".into(), options, FieldTable::default());
        let consumer = consumer.await.map_err(away)?;
        Ok((channel, consumer))
    }

    /// Brings a message to its end here: acknowledged, or held until the stop and then left to come again.
    async fn settle(&self, delivery: Delivery, mut stop: watch::Receiver<bool>) {
        let Delivery { properties, data, acker, .. } = delivery;
        let body = Bytes::from(data);
        let mut pause = FIRST_PAUSE;
        loop {
            let settled = match self.take(&properties, &body).await {
                Taken::Yes => true,
                Taken::NotNow => false,
                Taken::Never(failure) => self.refuse(&properties, &body, &failure).await,
            };
            if settled {
                // That this fails is seen with the connection; it comes again, and is known by its id.
                let _ = acker.ack(BasicAckOptions::default()).await;
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn take(&self, properties: &BasicProperties, body: &Bytes) -> Taken {
        // Not served for the moment: it was reloaded.
        let Some(method) = self.intake.method(&self.route) else { return Taken::NotNow };
        let Request { metadata, caller } = match request::read(properties, body.len(), self.max_request_bytes)
        {
            Ok(request) => request,
            Err(failure) => {
                self.intake.refused(&method, &failure);
                return Taken::Never(failure);
            }
        };
        let (payload, received) = (body.clone(), Timestamp::now());
        let call = Call { method, payload, metadata, deadline: None, caller, received };
        match self.intake.call(call).await {
            Answer::Operation(_) | Answer::Reply(_) => Taken::Yes,
            Answer::Failed(failure) if passes(failure.status) => Taken::NotNow,
            Answer::Failed(failure) => Taken::Never(failure),
        }
    }

    /// Whether it is in the refused queue.
    async fn refuse(&self, properties: &BasicProperties, body: &[u8], failure: &Failure) -> bool {
        let route = &*self.route;
        match self.refusals.refuse(route, properties, body, failure).await {
            Ok(()) => {
                let reason = &*failure.reason;
                tracing::warn!(
                    route,
                    reason,
                    "a stranger's message is refused; it is in the route's refused queue"
                );
                true
            }
            Err(error) => {
                tracing::warn!(route, %error, "a stranger's message cannot be put aside now");
                false
            }
        }
    }
}

/// Whether the same message may be taken later: it is not at fault.
fn passes(status: Status) -> bool {
    matches!(
        status,
        Status::Unavailable
            | Status::ResourceExhausted
            | Status::DeadlineExceeded
            | Status::Cancelled
            | Status::Unimplemented
    )
}
