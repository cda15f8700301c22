//! Routes that an operator holds up, and messages that nobody waits for any more.

use std::sync::Arc;

use portolan_delivery::{
    Control, Controls, DeliveryError, MessageId, Outcome, Record, RequestKey, Timestamp,
};

use crate::{error::failed, intents::columns, ledger::Inner};

impl Inner {
    /// A parcel that is on its way finds that the message does not wait.
    pub(crate) async fn withdraw_waiting(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<bool, DeliveryError> {
        let (reply, failure) = columns(&outcome)?;
        // Alone in its line before it locks its row, as the others are.
        let rows = self.pool.query(
            self.soon(),
            "WITH line AS MATERIALIZED (
                 SELECT portolan.lock_line(order_key) FROM portolan.messages WHERE id = $1),
             withdrawn AS (
                 UPDATE portolan.messages SET state = 2, at = $2, reply = $3, failure = $4
                 WHERE id = $1 AND (SELECT count(*) FROM line) > 0
                   AND (state IN (0, 4) OR ($5 AND state = 2 AND at = $2)) RETURNING order_key)
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM withdrawn",
            |again| vec![&id.0, &now.0, &reply, &failure, again],
        );
        Ok(self.opened(&rows.await.map_err(failed)?))
    }

    pub(crate) async fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> Result<Option<Record>, DeliveryError> {
        let name = &*route;
        let rows = self.pool.query(
            self.soon(),
            "SELECT message FROM portolan.request_keys WHERE route = $1 AND caller = $2 AND id = $3",
            |_| vec![&name, &key.caller, &key.id],
        );
        match rows.await.map_err(failed)?.first().and_then(|row| row.try_get(0).ok()) {
            Some(id) => self.get(MessageId(id)).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn control(&self, route: Arc<str>, control: Control) -> Result<(), DeliveryError> {
        let (name, control_name) = (&*route, control.name());
        let said = match control {
            Control::Running => {
                let sql = "DELETE FROM portolan.controls WHERE route = $1";
                self.pool.query(self.soon(), sql, |_| vec![&name]).await
            }
            Control::Paused | Control::Draining => {
                let sql = "INSERT INTO portolan.controls (route, control) VALUES ($1, $2)
                           ON CONFLICT (route) DO UPDATE SET control = excluded.control";
                self.pool.query(self.soon(), sql, |_| vec![&name, &control_name]).await
            }
        };
        said.map(drop).map_err(failed)
    }

    pub(crate) async fn controls(&self) -> Result<Controls, DeliveryError> {
        let sql = "SELECT route, control FROM portolan.controls";
        let rows = self.pool.query(self.soon(), sql, |_| Vec::new()).await.map_err(failed)?;
        let read = |row: &tokio_postgres::Row| {
            let control = Control::named(row.try_get(1).ok()?)?;
            Some((row.try_get::<_, &str>(0).ok()?.into(), control))
        };
        Ok(rows.iter().filter_map(read).collect())
    }
}
