//! What waits to be published: taken for a while, so that of several gateways one publishes; who dies over it leaves it to the
//! others. And whose turn it is of those over which gateways died.

use std::sync::Arc;

use portolan_delivery::{DeliveryError, GatewayId, MessageId, Timestamp, composite::Parcel};
use tokio_postgres::Row;

use crate::{error::failed, intents::number, ledger::Inner, pool::Patience, row::attempt_number};

impl Inner {
    pub(crate) async fn due(
        &self,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<Vec<Parcel>, DeliveryError> {
        let except: Vec<&str> = except.iter().map(|route| &**route).collect();
        let mut due = Vec::new();
        if limit > 0 && self.look_ahead(&except, now).await? {
            due = self.next_suspect(&except, now).await?;
        }
        let rest = i64::try_from(limit.saturating_sub(due.len())).unwrap_or(i64::MAX);
        let rows = self.pool.query(
            self.soon(),
            "WITH due AS (
                 SELECT id FROM portolan.messages
                 WHERE state = 0 AND NOT published AND lost < 2 AND at <= $1 AND route <> ALL($2)
                   AND (taken IS NULL OR taken < clock_timestamp())
                 ORDER BY at, seq LIMIT $3 FOR UPDATE SKIP LOCKED),
             taken AS (
                 UPDATE portolan.messages m SET taken = clock_timestamp() + interval '10 s'
                 FROM due WHERE m.id = due.id RETURNING m.id, m.route, m.attempt, m.at, m.seq)
             SELECT id, route, attempt, at FROM taken ORDER BY at, seq",
            |_| vec![&now.0, &except, &rest],
        );
        due.extend(rows.await.map_err(failed)?.iter().filter_map(parcel));
        due.sort_by_key(|parcel| parcel.due);
        Ok(due)
    }

    /// Remembers when the next message is due. Whether there are suspects that are due now.
    async fn look_ahead(&self, except: &[&str], now: Timestamp) -> Result<bool, DeliveryError> {
        *self.next_due.lock() = None;
        let rows = self.pool.query(
            self.soon(),
            "SELECT (SELECT min(at) FROM portolan.messages
                     WHERE state = 0 AND NOT published AND lost < 2 AND at > $1 AND route <> ALL($2)),
                 EXISTS (SELECT FROM portolan.messages
                         WHERE lost >= 2 AND state IN (0, 1) AND state = 0 AND NOT published AND at <= $1)",
            |_| vec![&now.0, &except],
        );
        let rows = rows.await.map_err(failed)?;
        let Some(row) = rows.first() else { return Ok(false) };
        if let Ok(Some(due)) = row.try_get::<_, Option<i64>>(0) {
            let mut earliest = self.next_due.lock();
            *earliest = Some(earliest.map_or(Timestamp(due), |known| known.min(Timestamp(due))));
        }
        Ok(row.try_get(1).unwrap_or(false))
    }

    /// The suspect whose turn it is, if any.
    async fn next_suspect(&self, except: &[&str], now: Timestamp) -> Result<Vec<Parcel>, DeliveryError> {
        let rows = self.pool.query(
            self.soon(),
            "SELECT id, route, attempt, at FROM portolan.next_suspect($1, $2)",
            |_| vec![&now.0, &except],
        );
        Ok(rows.await.map_err(failed)?.iter().filter_map(parcel).collect())
    }

    /// Envelope and payload of a suspect whose parcel came (columns 2 and 3), while no other one is claimed. If another one is,
    /// the parcel is spent, and its turn comes again.
    pub(crate) async fn claim_suspect(
        &self,
        parcel: &Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> Result<Option<Row>, DeliveryError> {
        let attempt = number(parcel.attempt);
        let rows = self.pool.query(
            Patience::Forever,
            "UPDATE portolan.messages SET state = 1, attempt = $2, gateway = $3, started = greatest($4, received), at = $4
             WHERE id = $1 AND lost >= 2 AND ((state = 0 AND attempt = $2 - 1 AND portolan.no_suspect_claimed())
                 OR ($5 AND state = 1 AND attempt = $2 AND gateway = $3 AND at = $4))
             RETURNING id, attempt, envelope, payload, ticket",
            |again| vec![&parcel.id.0, &attempt, &gateway.0, &now.0, again],
        );
        if let Some(row) = rows.await.map_err(failed)?.pop() {
            return Ok(Some(row));
        }
        let back = self.pool.query(
            self.soon(),
            "UPDATE portolan.messages SET published = false, taken = NULL
             WHERE id = $1 AND lost >= 2 AND state = 0 AND attempt = $2 - 1",
            |_| vec![&parcel.id.0, &attempt],
        );
        back.await.map(|_| None).map_err(failed)
    }
}

/// Of the columns `id, route, attempt, at`.
fn parcel(row: &Row) -> Option<Parcel> {
    Some(Parcel {
        id: MessageId(row.try_get(0).ok()?),
        route: row.try_get::<_, &str>(1).ok()?.into(),
        attempt: attempt_number(row.try_get(2).ok()?).saturating_add(1),
        due: Timestamp(row.try_get(3).ok()?),
    })
}
