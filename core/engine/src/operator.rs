//! The engine as operators see it: the ledger's questions, and decisions about dead letters.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Count, Failure, FaultClass, Filter, MessageId, Operator, OperatorError, Outcome, Page, Record,
    Resolution, RouteView, State, Status, Timestamp, Version,
};

use crate::{
    engine::{Engine, StartError, VersionError},
    translate::{Context, Verdict},
    waiters::Settled,
};

/// What the console holds.
#[derive(Clone)]
pub struct EngineOperator(pub Arc<Engine>);

impl Operator for EngineOperator {
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>> {
        Box::pin(async move { Ok(self.0.delivery.list(filter).await?) })
    }

    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Record, OperatorError>> {
        Box::pin(async move { self.0.record(id).await })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>> {
        Box::pin(async move { Ok(self.0.delivery.counts().await?) })
    }

    fn retry(&self, id: MessageId, version: Version) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let bundle = match version {
                Version::Same => None,
                Version::Newest => {
                    let record = self.0.record(id).await?;
                    let name = record.envelope.route;
                    let table = self.0.table.load();
                    let route = table.by_name.get(&name).ok_or_else(|| {
                        OperatorError::Refused(format!(
                            "route {name} is not served now, so it has no newest version"
                        ))
                    })?;
                    Some(route.bundle)
                }
            };
            Ok(self.0.delivery.retry(id, bundle, Timestamp::now()).await?)
        })
    }

    fn resolve(&self, id: MessageId, resolution: Resolution) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let record = self.0.record(id).await?;
            if !matches!(record.state, State::Dead { .. }) {
                return Err(portolan_delivery::DeliveryError::NotDead(id).into());
            }
            let outcome = self.0.outcome(&record, resolution).await?;
            self.0.delivery.resolve(id, outcome.clone(), Timestamp::now()).await?;
            self.0.waiters.settle(id, || Settled::Finished(outcome));
            Ok(())
        })
    }

    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>> {
        Box::pin(async move { Ok(self.0.table.load().views()) })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>> {
        Box::pin(async move {
            self.0.reload_routes().await.map_err(|e| match e {
                StartError::Delivery(error) => OperatorError::Delivery(error),
                StartError::Load(findings) => OperatorError::Findings(findings.to_string()),
            })?;
            Ok(self.0.table.load().views())
        })
    }
}

impl Engine {
    async fn record(&self, id: MessageId) -> Result<Record, OperatorError> {
        let record = self.delivery.get(id).await?;
        record.ok_or(OperatorError::Delivery(portolan_delivery::DeliveryError::NotFound(id)))
    }

    /// What an operator found out, as the outcome that the caller is told.
    async fn outcome(&self, record: &Record, resolution: Resolution) -> Result<Outcome, OperatorError> {
        let id = record.envelope.id;
        let failed = |status, reason, message: String| {
            let failure = Failure::new(status, FaultClass::Refused, reason, message);
            Outcome::Failed(failure.with("route", &record.envelope.route).with("message", id))
        };
        let reply = match resolution {
            Resolution::CallerReply(bytes) => return Ok(Outcome::Reply(bytes)),
            Resolution::Failed { status, message } => {
                return Ok(failed(status, "RESOLVED_AS_FAILED", message));
            }
            Resolution::Discarded { reason } => {
                return Ok(failed(
                    Status::Cancelled,
                    "DISCARDED",
                    format!("an operator discarded the request: {reason}"),
                ));
            }
            Resolution::SystemReply(reply) => reply,
        };
        let route = self.version(&record.envelope.route, record.envelope.bundle).await;
        let route = route.map_err(|error| match error {
            VersionError::Load(findings) => OperatorError::Findings(findings.to_string()),
            other => OperatorError::Refused(other.to_string()),
        })?;
        let attempt = record.attempts.last().map_or(1, |a| a.number);
        match route.translate.reply(&reply, &record.payload, Context::of(&record.envelope, attempt)) {
            Verdict::Reply(bytes) => Ok(Outcome::Reply(bytes)),
            Verdict::Refused(failure) => Ok(Outcome::Failed(failure.with("message", id))),
            Verdict::NotDone(failure) | Verdict::Unreadable(failure) => Err(OperatorError::Refused(format!(
                "the mapping makes no outcome of this reply: {}",
                if failure.personal { "its rule asks for another attempt" } else { &failure.message }
            ))),
        }
    }
}
