//! Claim: the oldest due messages of the routes that are served, each with an attempt recorded.

use std::sync::Arc;

use portolan_delivery::{Claim, Claimed, GatewayId, MessageId, Timestamp};

use super::Ledger;
use crate::{
    error::Trouble,
    line::Line,
    row::{Rest, bytes, damaged, from_json, message_id},
};

/// Messages that one claim takes, at most: they are all in memory.
const LIMIT: usize = 1000;

impl Ledger {
    pub(crate) fn claim(
        &mut self,
        gateway: GatewayId,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<Vec<Claimed>, Trouble> {
        let (routes, due) = self.due_now(limit, except, now)?;
        let mut claimed = Vec::with_capacity(due.len());
        for seq in due {
            claimed.extend(self.take(seq, gateway, now)?);
        }
        for route in routes {
            self.refresh_due(route)?;
        }
        Ok(claimed)
    }

    /// What is due, oldest due first, and of which routes, whose next due time is to be read again then. Looks only at routes
    /// of which a message may be due: a route that is passed over costs nothing, however long its backlog.
    pub(super) fn due_now(
        &mut self,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<(Vec<i64>, Vec<i64>), Trouble> {
        self.passed_over = except.iter().filter_map(|name| self.routes.get(name).copied()).collect();
        let limit = limit.min(LIMIT);
        let routes: Vec<i64> = self
            .due
            .iter()
            .filter(|(route, due)| **due <= now && !self.passed_over.contains(route))
            .map(|(route, _)| *route)
            .collect();
        let mut due = Vec::from_iter(self.next_suspect(now)?);
        for route in &routes {
            self.due_of_route(*route, limit, now, &mut due)?;
        }
        due.sort_unstable();
        due.truncate(limit);
        Ok((routes, due.into_iter().map(|(_, seq)| seq).collect()))
    }

    fn due_of_route(
        &self,
        route: i64,
        limit: usize,
        now: Timestamp,
        due: &mut Vec<(i64, i64)>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at, seq FROM messages INDEXED BY messages_waiting
             WHERE state = 0 AND lost < 2 AND route = ?1 AND at <= ?2 ORDER BY at, seq LIMIT ?3",
        )?;
        let mut rows = statement.query((route, now.0, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        while let Some(row) = rows.next()? {
            due.push((row.get(0)?, row.get(1)?));
        }
        Ok(())
    }

    /// Records an attempt. A row that cannot be read is set aside, or it would stop all others each time anew.
    pub(super) fn take(
        &mut self,
        seq: i64,
        gateway: GatewayId,
        now: Timestamp,
    ) -> Result<Option<Claimed>, Trouble> {
        let read = self.read(seq, gateway);
        let claimed = match read {
            Ok(claimed) => claimed,
            Err(Trouble::Refused(_)) => return self.set_aside(seq, now).map(|()| None),
            Err(error) => return Err(error),
        };
        self.connection
            .prepare_cached(
                "UPDATE messages SET state = 1, attempt = attempt + 1, at = ?2, started = max(?2, received), gateway = ?3 WHERE seq = ?1",
            )?
            .execute((seq, now.0, gateway.0.as_bytes()))?;
        Ok(Some(claimed))
    }

    fn read(&self, seq: i64, gateway: GatewayId) -> Result<Claimed, Trouble> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, route, bundle, received, attempt, envelope, payload, ticket FROM messages WHERE seq = ?1",
        )?;
        let mut rows = statement.query([seq])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let id: MessageId = message_id(row, 0)?;
        let route = self.route_names.get(&row.get(1)?).cloned().ok_or_else(|| damaged(id))?;
        let bundle = self.bundle_hashes.get(&row.get(2)?).copied().ok_or_else(|| damaged(id))?;
        let rest: Rest = from_json(row.get_ref(5)?.as_str().map_err(|_| damaged(id))?, id)?;
        let attempt = row.get::<_, u32>(4)?.saturating_add(1);
        Ok(Claimed {
            claim: Claim { id, attempt, gateway },
            envelope: rest.envelope(id, route, bundle, Timestamp(row.get(3)?)),
            payload: bytes(row, 6)?.unwrap_or_default(),
            ticket: bytes(row, 7)?,
        })
    }

    fn set_aside(&mut self, seq: i64, now: Timestamp) -> Result<(), Trouble> {
        let line = self
            .connection
            .prepare_cached("SELECT order_key, route FROM messages WHERE seq = ?1")?
            .query_row([seq], |row| Line::of(row, 0, 1))?;
        self.bury_damaged(seq, line, now)
    }
}
