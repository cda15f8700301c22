//! What can never be taken goes to the route's refused queue: as it was, with the reason. Only once it is there is it taken out
//! of the ingress.

use std::time::Duration;

use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use portolan_delivery::{Failure, rpc};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    ServeError,
    topology::{Purpose, Topology, away},
};

/// The way to the refused queues, on one connection. One publication at a time, so that one which comes back is known.
pub(super) struct Refusals<'a> {
    connection: &'a Connection,
    topology: &'a Topology,
    patience: Duration,
    channel: Mutex<Option<Channel>>,
}

impl<'a> Refusals<'a> {
    pub(super) fn new(connection: &'a Connection, topology: &'a Topology, patience: Duration) -> Self {
        Self { connection, topology, patience, channel: Mutex::default() }
    }

    /// `Ok` once it is there for sure.
    pub(super) async fn refuse(
        &self,
        route: &str,
        properties: &BasicProperties,
        body: &[u8],
        failure: &Failure,
    ) -> Result<(), ServeError> {
        let mut open = self.channel.lock().await;
        // Gone unless all goes well.
        let channel = open.take().filter(|channel| channel.status().connected());
        let publish = async {
            let channel = match channel {
                Some(channel) => channel,
                None => {
                    self.topology.wanted(Purpose::Refused, route)?.declare(self.connection).await?;
                    let channel = self.connection.create_channel().await.map_err(away)?;
                    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(away)?;
                    channel
                }
            };
            let queue = self.topology.refused_of(route)?;
            let options = BasicPublishOptions { mandatory: true, immediate: false };
            let properties = with_reason(properties, failure);
            let sent = channel.basic_publish("".into(), queue, options, body, properties).await;
            match sent.map_err(away)?.await.map_err(away)? {
                Confirmation::Ack(None) => Ok(channel),
                _ => Err(ServeError::Away("it did not take a message that is refused".to_owned())),
            }
        };
        let late = || Err(ServeError::Away(format!("no answer within {:?}", self.patience)));
        *open = Some(timeout(self.patience, publish).await.unwrap_or_else(|_| late())?);
        Ok(())
    }
}

/// Headers that would send a copy elsewhere.
const COPIES: [&str; 2] = ["CC", "BCC"];

/// As they were, with the reason; what the broker would act on anew stands in headers: who published it, which is checked
/// against who publishes now; when it expires; where copies go.
fn with_reason(properties: &BasicProperties, failure: &Failure) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in properties.headers().iter().flat_map(|headers| headers.inner()) {
        let name =
            if COPIES.contains(&name.as_str()) { format!("portolan-{name}").into() } else { name.clone() };
        headers.insert(name, value.clone());
    }
    let mut header = |name: &str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    header("portolan-status", failure.status.name());
    header("portolan-reason", &failure.reason);
    header("portolan-message", rpc::cut(&failure.message, rpc::MAX_MESSAGE));
    if let Some(first) = failure.fields.first() {
        header("portolan-field", &first.field);
    }
    let aside =
        [("portolan-user-id", properties.user_id()), ("portolan-expiration", properties.expiration())];
    for (name, value) in aside.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        header(name, value.as_str());
    }
    type With = fn(BasicProperties, ShortString) -> BasicProperties;
    let texts: [(&Option<ShortString>, With); 7] = [
        (properties.content_type(), BasicProperties::with_content_type),
        (properties.content_encoding(), BasicProperties::with_content_encoding),
        (properties.correlation_id(), BasicProperties::with_correlation_id),
        (properties.reply_to(), BasicProperties::with_reply_to),
        (properties.message_id(), BasicProperties::with_message_id),
        (properties.kind(), BasicProperties::with_type),
        (properties.app_id(), BasicProperties::with_app_id),
    ];
    let mut refused = BasicProperties::default().with_headers(headers).with_delivery_mode(2);
    for (value, with) in texts {
        if let Some(value) = value {
            refused = with(refused, value.clone());
        }
    }
    if let Some(priority) = properties.priority() {
        refused = refused.with_priority(*priority);
    }
    match properties.timestamp() {
        Some(timestamp) => refused.with_timestamp(*timestamp),
        None => refused,
    }
}

#[cfg(test)]
mod tests {
    use portolan_delivery::{FaultClass, Status};

    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_is_acted_on() {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut headers = FieldTable::default();
        headers.insert("X-Purpose".into(), text("benefit"));
        headers.insert("CC".into(), text("elsewhere"));
        headers.insert("portolan-reason".into(), text("forged"));
        let properties = BasicProperties::default()
            .with_headers(headers)
            .with_content_type("application/json".into())
            .with_message_id("claim-1".into())
            .with_user_id("stranger".into())
            .with_expiration("1000".into())
            .with_reply_to("me".into())
            .with_timestamp(7);
        let failure =
            Failure::new(Status::InvalidArgument, FaultClass::Request, "REASON", "why").at_field("f", "why");
        let refused = with_reason(&properties, &failure);
        let kept = refused.headers().clone().unwrap();
        let mut expected = FieldTable::default();
        for (name, value) in [
            ("X-Purpose", "benefit"),
            ("portolan-CC", "elsewhere"),
            ("portolan-status", "INVALID_ARGUMENT"),
            ("portolan-reason", "REASON"),
            ("portolan-message", "why"),
            ("portolan-field", "f"),
            ("portolan-user-id", "stranger"),
            ("portolan-expiration", "1000"),
        ] {
            expected.insert(name.into(), text(value));
        }
        assert_eq!(kept, expected);
        let plain = BasicProperties::default()
            .with_headers(expected)
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id("claim-1".into())
            .with_reply_to("me".into())
            .with_timestamp(7);
        assert_eq!(refused, plain);
    }
}
