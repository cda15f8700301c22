//! No transport: for who asks the ledger and decides, and leaves what is to be done then to a gateway.

use std::sync::Arc;

use super::{Parcel, Received, Transport};
use crate::{BoxFuture, BrokerState, DeliveryError, Event};

/// Carries nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unconnected;

impl Transport for Unconnected {
    fn serve<'a>(&'a self, _: &'a [Arc<str>]) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        Box::pin(async { Ok(None) })
    }

    fn publish(&self, _: Parcel) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async { Err(DeliveryError::Unavailable("there is no way to the queue here".to_owned())) })
    }

    fn receive<'a>(
        &'a self,
        _: usize,
        _: &'a [Arc<str>],
    ) -> BoxFuture<'a, Result<Vec<Received>, DeliveryError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn depth<'a>(&'a self, _: &'a Arc<str>) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        Box::pin(async { Err(DeliveryError::Unavailable("there is no way to the queue here".to_owned())) })
    }

    fn acknowledge(&self, _: u64) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async { Ok(()) })
    }

    fn release(&self, _: u64) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async { Ok(()) })
    }

    fn announce(&self, _: Event) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async { Err(DeliveryError::Unavailable("there is no way to the queue here".to_owned())) })
    }

    fn state(&self) -> BrokerState {
        BrokerState { connected: false, blocked: false }
    }

    fn arrived(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}
