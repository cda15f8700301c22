//! Outcomes, told to those who listen. What a process that dies did not get to, the next one that asks tells; what it told
//! and did not note, it tells again.

use futures_util::future::join_all;

use super::{Composite, Ledger, Transport};
use crate::DeliveryError;

/// Events that are in memory at a time, each with its reply.
const AT_A_TIME: usize = 32;

impl<T: Transport, L: Ledger> Composite<T, L> {
    pub(super) async fn announce_some(&self) -> Result<usize, DeliveryError> {
        let events = self.ledger.unannounced(AT_A_TIME).await?;
        // At once, so that confirms are shared; begun in order, which a transport keeps.
        let announced = join_all(events.iter().map(|one| self.transport.announce(one.event.clone()))).await;
        let told = events.iter().zip(&announced).filter(|(_, announced)| announced.is_ok());
        let told: Vec<i64> = told.map(|(one, _)| one.number).collect();
        if !told.is_empty() {
            self.ledger.mark_announced(&told).await?;
        }
        announced.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(told.len())
    }
}
