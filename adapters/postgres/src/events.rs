//! Events that wait to be announced. What leaves them is a trigger (`events.sql`).

use bytes::Bytes;
use portolan_delivery::{DeliveryError, Event, KeptEvent, MessageId, Timestamp, composite::Unannounced};
use tokio_postgres::{Error, Row};

use crate::{error::failed, ledger::Inner, row::attempt_number};

impl Inner {
    /// Taken for a while, so that of several gateways one announces; who dies over it leaves it to the others.
    pub(crate) async fn unannounced(&self, limit: usize) -> Result<Vec<Unannounced>, DeliveryError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.pool.query(
            self.soon(),
            "WITH untold AS (
                 SELECT number FROM portolan.events WHERE taken IS NULL OR taken < clock_timestamp()
                 ORDER BY number LIMIT $1 FOR UPDATE SKIP LOCKED),
             taken AS (
                 UPDATE portolan.events e SET taken = clock_timestamp() + interval '10 s'
                 FROM untold WHERE e.number = untold.number RETURNING e.*)
             SELECT number, message, route, attempt, at, dead, envelope, failure, reply FROM taken ORDER BY number",
            |_| vec![&limit],
        );
        rows.await.map_err(failed)?.iter().map(unannounced).collect::<Result<_, _>>().map_err(failed)
    }

    pub(crate) async fn mark_announced(&self, numbers: &[i64]) -> Result<(), DeliveryError> {
        let sql = "DELETE FROM portolan.events WHERE number = ANY($1)";
        self.pool.query(self.soon(), sql, |_| vec![&numbers]).await.map(drop).map_err(failed)
    }
}

fn unannounced(row: &Row) -> Result<Unannounced, Error> {
    let kept = KeptEvent {
        message: MessageId(row.try_get(1)?),
        route: row.try_get::<_, &str>(2)?.into(),
        attempt: attempt_number(row.try_get(3)?),
        at: Timestamp(row.try_get(4)?),
        dead: row.try_get(5)?,
        envelope: row.try_get(6)?,
        failure: row.try_get(7)?,
        reply: row.try_get::<_, Option<&[u8]>>(8)?.map(Bytes::copy_from_slice),
    };
    Ok(Unannounced { number: row.try_get(0)?, event: Event::from(kept) })
}
