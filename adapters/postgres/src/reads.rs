//! Questions: get, list, counts, a bundle.

use bytes::Bytes;
use portolan_delivery::{
    Attempt, BundleHash, Count, DeliveryError, Filter, MessageId, Page, Record, StateKind, Timestamp,
};

use tokio_postgres::Row;

use crate::{
    error::{damaged, failed},
    ledger::Inner,
    row::{attempt_number, class_name, columns, from_json, kind, numbers, record},
};

/// A row of a list, with the last attempt of a message that waits.
fn listed(row: &Row) -> Result<Record, DeliveryError> {
    let mut record = record(row, Vec::new(), false)?;
    let bad = |_| damaged(record.envelope.id);
    let ended: Option<i64> = row.try_get(11).map_err(bad)?;
    let failure: Option<&str> = row.try_get(12).map_err(bad)?;
    if let (Some(last), Some(ended), Some(failure)) = (record.attempts.last_mut(), ended, failure) {
        last.ended = Some(Timestamp(ended));
        last.failure = from_json(failure, record.envelope.id)?;
    }
    record.ticket = row.try_get::<_, bool>(13).map_err(bad)?.then(Bytes::new);
    Ok(record)
}

impl Inner {
    pub(crate) async fn get(&self, id: MessageId) -> Result<Option<Record>, DeliveryError> {
        let query = |sql| self.pool.query(self.soon(), sql, |_| vec![&id.0 as _]);
        // The attempts first: one that ends in between is then told by the message's own row.
        let attempts = query(
            "SELECT number, started, ended, failure FROM (
                 SELECT * FROM portolan.attempts WHERE message = $1 ORDER BY number DESC LIMIT 1000
             ) last ORDER BY number",
        );
        let rows = attempts.await.map_err(failed)?;
        let mut attempts = Vec::with_capacity(rows.len() + 1);
        for row in rows {
            let bad = |_| damaged(id);
            attempts.push(Attempt {
                number: attempt_number(row.try_get(0).map_err(bad)?),
                started: Timestamp(row.try_get(1).map_err(bad)?),
                ended: Some(Timestamp(row.try_get(2).map_err(bad)?)),
                failure: from_json(row.try_get(3).map_err(bad)?, id)?,
            });
        }
        let message = query(concat!(
            "SELECT ",
            columns!(),
            ", m.payload, m.reply, m.ticket FROM portolan.messages m WHERE m.id = $1"
        ));
        let rows = message.await.map_err(failed)?;
        let Some(row) = rows.first() else { return Ok(None) };
        record(row, attempts, true).map(Some)
    }

    /// Of these messages, those that nobody works on any more.
    pub(crate) async fn settled(&self, ids: &[MessageId]) -> Result<Vec<MessageId>, DeliveryError> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let open = [numbers(StateKind::Waiting), numbers(StateKind::Claimed)].concat();
        let rows = self.pool.query(
            self.soon(),
            "SELECT asked.id FROM unnest($1::uuid[]) AS asked (id)
             WHERE NOT EXISTS (SELECT FROM portolan.messages m WHERE m.id = asked.id AND m.state = ANY($2::int2[]))",
            |_| vec![&ids as _, &open as _],
        );
        rows.await.map_err(failed)?.iter().map(|row| row.try_get(0).map(MessageId).map_err(failed)).collect()
    }

    pub(crate) async fn list(&self, filter: Filter) -> Result<Page, DeliveryError> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit.min(1000) };
        let asked = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let class = filter.class.map(class_name).transpose()?;
        let state = match filter.class {
            // Only dead letters have a class; saying so finds their index.
            Some(_) if filter.state.is_some_and(|state| state != StateKind::Dead) => {
                return Ok(Page::default());
            }
            Some(_) => Some(numbers(StateKind::Dead)),
            None => filter.state.map(numbers),
        };
        let before = filter.before.map(|id| id.0);
        let rows = self.slow.query(
            self.soon(),
            concat!(
                "SELECT ",
                columns!(),
                ", last.ended, last.failure, m.ticket IS NOT NULL
                 FROM (
                     SELECT * FROM portolan.messages
                     WHERE ($1::text IS NULL OR route = $1) AND ($2::int2[] IS NULL OR state = ANY($2))
                       AND ($3::text IS NULL OR class = $3) AND ($4::uuid IS NULL OR id < $4)
                     ORDER BY id DESC LIMIT $5) m
                 LEFT JOIN portolan.attempts last
                     ON m.state IN (0, 4) AND last.message = m.id AND last.number = m.attempt
                 ORDER BY m.id DESC"
            ),
            |_| vec![&filter.route as _, &state as _, &class as _, &before as _, &asked as _],
        );
        let rows = rows.await.map_err(failed)?;
        let mut page = Page::default();
        // A damaged row must not hide the others.
        page.records.extend(rows.iter().take(limit).filter_map(|row| listed(row).ok()));
        if rows.len() > limit {
            page.next = rows.get(limit - 1).and_then(|row| row.try_get(0).ok()).map(MessageId);
        }
        Ok(page)
    }

    pub(crate) async fn counts(&self) -> Result<Vec<Count>, DeliveryError> {
        // Each part by its own index: an index of one state is of no use to a question about several.
        let rows = self.slow.query(
            self.soon(),
            "SELECT route, 0::int2 AS of, count(*), min(received)
             FROM portolan.messages WHERE state IN (0, 4) GROUP BY route
             UNION ALL
             SELECT route, 1::int2, count(*), min(received)
             FROM portolan.messages WHERE state = 1 GROUP BY route
             UNION ALL
             SELECT route, 3::int2, count(*), min(received)
             FROM portolan.messages WHERE state = 3 GROUP BY route
             ORDER BY 1, 2",
            |_| Vec::new(),
        );
        let rows = rows.await.map_err(failed)?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                Some(Count {
                    route: row.try_get(0).ok()?,
                    state: kind(row.try_get(1).ok()?)?,
                    messages: u64::try_from(row.try_get::<_, i64>(2).ok()?).ok()?,
                    oldest: Timestamp(row.try_get(3).ok()?),
                })
            })
            .collect())
    }

    pub(crate) async fn bundle(&self, hash: BundleHash) -> Result<Option<Bytes>, DeliveryError> {
        let hash = hash.0.to_vec();
        let rows =
            self.pool.query(self.soon(), "SELECT content FROM portolan.bundles WHERE hash = $1", |_| {
                vec![&hash as _]
            });
        let rows = rows.await.map_err(failed)?;
        Ok(rows.first().and_then(|row| row.try_get::<_, &[u8]>(0).ok()).map(Bytes::copy_from_slice))
    }
}
