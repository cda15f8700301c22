//! Reconcile: the attempts of gateways that are no more. One process has the file at a time, so every claim that is not
//! this gateway's is one of those.

use portolan_delivery::{
    GatewayId, Lost, MessageId, Orphan, Reconciled, Timestamp, settle_lost, unreadable_row,
};
use uuid::Uuid;

use super::{
    Ledger,
    settle::{ClaimedRow, Ended},
};
use crate::{
    error::Trouble,
    row::{Rest, damaged, from_json, message_id},
};

/// Claims settled at a time, so that memory does not grow with their number.
const CHUNK: i64 = 500;

impl Ledger {
    pub(crate) fn reconcile(&mut self, gateway: GatewayId, now: Timestamp) -> Result<Reconciled, Trouble> {
        self.tally()?;
        self.end_cuts(None)?;
        let mut reconciled = Reconciled::default();
        loop {
            let lost = self.lost(gateway)?;
            if lost.is_empty() {
                return Ok(reconciled);
            }
            for (row, orphan, settled) in lost {
                match settled {
                    Some(Lost::Again(failure)) => {
                        self.wait_again(&row, now, &failure, now, Ended::Lost)?;
                        reconciled.requeued.push(orphan);
                    }
                    Some(Lost::Bury(letter)) => {
                        self.bury_row(&row, &letter, now, Ended::Lost)?;
                        reconciled.buried.push(orphan);
                    }
                    None => {
                        self.end_attempt(&row, Some(&unreadable_row().failure), now, Ended::Lost)?;
                        self.bury_damaged(row.seq, row.line, now)?;
                        reconciled.buried.push(orphan);
                    }
                }
            }
        }
    }

    /// Some of them, each with what becomes of it; nothing where its row cannot be read.
    fn lost(&self, gateway: GatewayId) -> Result<Vec<(ClaimedRow, Orphan, Option<Lost>)>, Trouble> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, route, attempt, started, order_key, lost, id, envelope, bundle, received, gateway, ticket IS NOT NULL
             FROM messages INDEXED BY messages_claimed
             WHERE state = 1 AND gateway <> ?1 LIMIT ?2",
        )?;
        let mut rows = statement.query((gateway.0.as_bytes(), CHUNK))?;
        let mut lost = Vec::new();
        while let Some(row) = rows.next()? {
            let claimed = ClaimedRow::read(row)?;
            let orphan = self.orphan(row, &claimed);
            let settled = match self.settled(row, &claimed, orphan.gateway) {
                Ok(settled) => Some(settled),
                Err(Trouble::Refused(_)) => None,
                Err(error) => return Err(error),
            };
            lost.push((claimed, orphan, settled));
        }
        Ok(lost)
    }

    /// As far as its row can be read.
    fn orphan(&self, row: &rusqlite::Row<'_>, claimed: &ClaimedRow) -> Orphan {
        Orphan {
            id: message_id(row, 6).unwrap_or(MessageId(Uuid::nil())),
            route: self.route_names.get(&claimed.route).cloned().unwrap_or_default(),
            received: Timestamp(row.get(9).unwrap_or_default()),
            gateway: GatewayId(Uuid::from_bytes(row.get(10).unwrap_or_default())),
        }
    }

    fn settled(
        &self,
        row: &rusqlite::Row<'_>,
        claimed: &ClaimedRow,
        gateway: GatewayId,
    ) -> Result<Lost, Trouble> {
        let id: MessageId = message_id(row, 6)?;
        let rest: Rest = from_json(row.get_ref(7)?.as_str().map_err(|_| damaged(id))?, id)?;
        let route = self.route_names.get(&claimed.route).cloned().ok_or_else(|| damaged(id))?;
        let bundle = self.bundle_hashes.get(&row.get(8)?).copied().ok_or_else(|| damaged(id))?;
        let envelope = rest.envelope(id, route, bundle, Timestamp(row.get(9)?));
        Ok(settle_lost(&envelope, row.get(11)?, claimed.lost.saturating_add(1), gateway))
    }
}
