//! `grpc.health.v1.Health`: whether the gateway accepts messages, as a whole (the empty service name) and by service. A
//! service that no route serves is unknown.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{Failure, FaultClass, Status};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};

use crate::{codec, refusal, service::Service};

/// The intake cannot tell when its readiness changes, so watchers look this often.
const LOOK: Duration = Duration::from_millis(500);

/// `Check`.
pub(crate) fn check(service: &Service, payload: &[u8]) -> Result<Bytes, Failure> {
    match status(service, &decode(payload)?) {
        ServingStatus::ServiceUnknown => Err(Failure::new(
            Status::NotFound,
            FaultClass::Request,
            "SERVICE_NOT_SERVED",
            "no route serves this service",
        )),
        status => Ok(encode(status)),
    }
}

/// `Watch`: the status now, and again whenever it has changed; ends when the source shuts down.
pub(crate) fn watch(
    service: Arc<Service>,
    payload: &[u8],
) -> Result<mpsc::Receiver<Result<Bytes, Failure>>, Failure> {
    let name = decode(payload)?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut draining = service.draining.clone();
        let mut told = None;
        loop {
            let now = status(&service, &name);
            if told != Some(now) {
                told = Some(now);
                let Some(frame) = codec::framed(&encode(now)) else { return };
                if sender.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
            if *draining.borrow_and_update() {
                drop(sender.send(Err(refusal::draining())).await);
                return;
            }
            tokio::select! {
                () = sender.closed() => return,
                _ = draining.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    });
    Ok(receiver)
}

fn decode(payload: &[u8]) -> Result<String, Failure> {
    HealthCheckRequest::decode(payload)
        .map(|request| request.service)
        .map_err(|_| refusal::malformed_message("grpc.health.v1.HealthCheckRequest"))
}

fn encode(status: ServingStatus) -> Bytes {
    HealthCheckResponse { status: status as i32 }.encode_to_vec().into()
}

fn status(service: &Service, name: &str) -> ServingStatus {
    let intake = &*service.intake;
    let known = || service.descriptors.current(intake).serves(intake, service.options.reflection, name);
    if !name.is_empty() && !known() {
        ServingStatus::ServiceUnknown
    } else if intake.accepting() && !*service.draining.borrow() {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
