//! The engine as source adapters see it.

use std::{sync::Arc, time::Duration};

use portolan_delivery::{
    Answer, BoxFuture, Call, DeliveryError, Failure, FaultClass, Intake, MessageId, OperationFilter,
    OperationPage, OperationView, Record, Status, Timestamp,
};

use crate::{
    call, cancel, delete,
    engine::Engine,
    guarded::{Panicked, guarded},
    listing, operations, settle,
    trace::Trail,
};

/// What source adapters hold.
#[derive(Clone)]
pub struct EngineIntake(pub Arc<Engine>);

impl Intake for EngineIntake {
    fn serves(&self, method: &str) -> bool {
        self.0.route_for(method).is_some()
    }

    fn method(&self, route: &str) -> Option<Arc<str>> {
        self.0.table.load().by_name.get(route).map(|route| route.method.clone())
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let Some(route) = self.0.route_for(&call.method) else {
                self.0.metrics.unrouted();
                return Answer::Failed(not_served());
            };
            let counted = route.metrics.call();
            let id = MessageId::generate();
            let trail =
                Trail::new(self.0.options.tracer.as_ref(), call::header(&call.metadata, "traceparent"));
            let step = trail.call(&route, id);
            let answer = match self.0.is_accepting() {
                true => match guarded(call::answer(&self.0, route, call, id, step.trail())).await {
                    Ok(answer) => answer,
                    Err(Panicked) => Answer::Failed(settle::panic_failure()),
                },
                false => Answer::Failed(not_accepting()),
            };
            step.answered(&answer);
            counted.answered(&answer);
            answer
        })
    }

    fn refused(&self, method: &str, failure: &Failure) {
        match self.0.route_for(method) {
            Some(route) => route.metrics.refused(failure.status),
            None => self.0.metrics.unrouted(),
        }
    }

    fn operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<OperationView, Failure>> {
        Box::pin(async move { self.0.operation(id, caller.as_deref()).await })
    }

    fn wait_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<OperationView, Failure>> {
        Box::pin(async move {
            // Registered before looking: what is settled in between is not missed.
            let mut waiting = self.0.waiters.register(id);
            let view = self.0.operation(id, caller.as_deref()).await?;
            if operations::done(&view) {
                return Ok(view);
            }
            let mut stop = self.0.stop.subscribe();
            tokio::select! {
                _ = waiting.settled() => {}
                () = tokio::time::sleep(until.since(Timestamp::now())) => {}
                // It may be asked for again wherever the next gateway runs; nobody holds up a drain by waiting.
                _ = stop.wait_for(|stop| *stop) => {}
            }
            self.0.operation(id, caller.as_deref()).await
        })
    }

    fn operations(&self, filter: OperationFilter) -> BoxFuture<'_, Result<OperationPage, Failure>> {
        Box::pin(async move { listing::list(&self.0, filter).await })
    }

    fn cancel_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { cancel::cancel(&self.0, id, caller.as_deref()).await })
    }

    fn delete_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { delete::delete(&self.0, id, caller.as_deref()).await })
    }

    fn descriptors(&self) -> (u64, Vec<Arc<[u8]>>) {
        let table = self.0.table.load();
        let mut all: Vec<_> = table.by_name.values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        (table.generation, all.into_iter().map(|r| r.descriptors.clone()).collect())
    }

    fn accepting(&self) -> bool {
        self.0.is_ready()
    }
}

fn not_served() -> Failure {
    let why = "no route serves this method";
    Failure::new(Status::Unimplemented, FaultClass::Request, "METHOD_NOT_SERVED", why)
}

fn not_accepting() -> Failure {
    let why = "the gateway is shutting down or cannot make requests durable";
    Failure::new(Status::Unavailable, FaultClass::Unsent, "NOT_ACCEPTING", why)
        .retry_after(Duration::from_secs(1))
}

impl Engine {
    /// An operation by id, as its caller sees it.
    pub(crate) async fn operation(
        &self,
        id: MessageId,
        caller: Option<&str>,
    ) -> Result<OperationView, Failure> {
        let record = self.own(id, caller).await?;
        let response_type = match self.version(&record.envelope.route, record.envelope.bundle).await {
            Ok(route) => route.response_type.clone(),
            Err(error) => {
                tracing::error!(%id, %error, "the version of an operation's route cannot be had");
                let why = "the version of the route with which the operation began cannot be served";
                return Err(Failure::new(Status::Internal, FaultClass::Internal, "VERSION_UNAVAILABLE", why));
            }
        };
        Ok(operations::view(record, &response_type))
    }

    /// The message behind a caller's operation. Somebody else's is not told from one that does not exist.
    pub(crate) async fn own(&self, id: MessageId, caller: Option<&str>) -> Result<Record, Failure> {
        let record = self.delivery.get(id).await.map_err(|error| self.unreadable(error))?;
        let there = |record: &Record| {
            operations::is_of(&record.envelope, caller) && !delete::is_deleted(&record.state)
        };
        record.filter(there).ok_or_else(|| {
            let why = "there is no such operation, or it was deleted, or forgotten after its retention";
            Failure::new(Status::NotFound, FaultClass::Request, operations::NOT_FOUND, why)
                .at_field("name", why)
        })
    }

    /// The ledger did not answer a caller's question, or did not do as it was told.
    pub(crate) fn unreadable(&self, error: DeliveryError) -> Failure {
        tracing::error!(error = %self.failed(error), "the ledger cannot be read");
        let why = "the ledger cannot be read now";
        Failure::new(Status::Unavailable, FaultClass::Internal, "QUEUE_UNAVAILABLE", why)
            .retry_after(Duration::from_secs(1))
    }
}
