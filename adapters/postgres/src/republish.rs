//! Parcels that are published and not claimed: the transport may have lost them.

use std::{sync::Arc, time::Duration};

use portolan_delivery::{DeliveryError, composite::Unclaimed};

use crate::{error::failed, ledger::Inner};

/// What a file brought counts as published while it is being published: so new, it is not missed yet.
const ENTERING: Duration = Duration::from_secs(10);

impl Inner {
    pub(crate) async fn unclaimed(&self) -> Result<Vec<Unclaimed>, DeliveryError> {
        let age = self.republish_after.as_secs_f64();
        let settled = self.republish_after.min(ENTERING).as_secs_f64();
        // Where none is old, which is almost always, the index says so at once; it cannot by `clock_timestamp()`.
        let rows = self.slow.query(
            self.soon(),
            "SELECT route, count(*) FROM portolan.messages
             WHERE state = 0 AND published AND published_at <= statement_timestamp() - make_interval(secs => $2) AND EXISTS (
                 SELECT 1 FROM portolan.messages
                 WHERE state = 0 AND published AND published_at <= statement_timestamp() - make_interval(secs => $1))
             GROUP BY route HAVING min(published_at) <= statement_timestamp() - make_interval(secs => $1)",
            |_| vec![&age, &settled],
        );
        let rows = rows.await.map_err(failed)?;
        let one = |row: &tokio_postgres::Row| {
            let parcels = u64::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0);
            Ok(Unclaimed { route: row.try_get::<_, &str>(0)?.into(), parcels })
        };
        rows.iter().map(one).collect::<Result<_, _>>().map_err(failed)
    }

    pub(crate) async fn republish(&self, route: &Arc<str>, limit: u64) -> Result<u64, DeliveryError> {
        let age = self.republish_after.as_secs_f64();
        let (name, limit) = (&**route, i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.pool.query(
            self.soon(),
            "WITH lost AS (
                 SELECT id FROM portolan.messages
                 WHERE state = 0 AND published AND route = $1
                   AND published_at <= statement_timestamp() - make_interval(secs => $2)
                 ORDER BY published_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             UPDATE portolan.messages m SET published = false, taken = NULL FROM lost WHERE m.id = lost.id
             RETURNING 1",
            |_| vec![&name, &age, &limit],
        );
        let parcels = rows.await.map_err(failed)?.len();
        if parcels > 0 {
            tracing::warn!(
                route = name,
                parcels,
                "published a while ago, not claimed, and not in the queue: published again"
            );
        }
        Ok(u64::try_from(parcels).unwrap_or(u64::MAX))
    }
}
