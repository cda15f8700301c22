//! Files: begun, taken block by block, ended.

use std::sync::Arc;

use portolan_delivery::{
    Accepted, Arrival, Arrived, Block, BundleHash, DeliveryError, FileCounts, FileFilter, FileHash,
    FileRecord, FileState, GatewayId, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::Ledger;
use crate::error::Trouble;

impl Ledger {
    /// One process has the file of the ledger open, so what another gateway began is of one that is no more.
    pub(crate) fn begin_file(&mut self, arrival: Arrival, gateway: GatewayId) -> Result<Arrived, Trouble> {
        self.kept(arrival.bundle)?;
        let route = self.route(&arrival.route)?;
        let known = one(&self.connection, route, arrival.hash)?;
        match known {
            Some(known) if known.state == FileState::Taken => return Ok(Arrived::Known(Box::new(known))),
            Some(mut known) if known.state == FileState::Open => {
                self.connection
                    .prepare_cached("UPDATE files SET gateway = ?3 WHERE route = ?1 AND hash = ?2")?
                    .execute((route, &arrival.hash.0[..], gateway.0.as_bytes()))?;
                known.gateway = gateway;
                return Ok(Arrived::Open(Box::new(known)));
            }
            _ => {}
        }
        self.connection
            .prepare_cached(
                "INSERT INTO files
                     (route, hash, bundle, name, bytes, received, state, gateway, position, messages, skipped, rejected)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, 0, 0, 0, 0)
                 ON CONFLICT (route, hash) DO UPDATE SET
                     bundle = excluded.bundle, name = excluded.name, received = excluded.received, state = 0,
                     gateway = excluded.gateway, position = 0, messages = 0, skipped = 0, rejected = 0, ended = NULL,
                     receipt = NULL",
            )?
            .execute((
                route,
                &arrival.hash.0[..],
                &arrival.bundle.0[..],
                &*arrival.name,
                i64::try_from(arrival.bytes).unwrap_or(i64::MAX),
                arrival.received.0,
                gateway.0.as_bytes(),
            ))?;
        Ok(Arrived::Open(Box::new(FileRecord {
            arrival,
            state: FileState::Open,
            gateway,
            position: 0,
            counts: FileCounts::default(),
            ended: None,
            receipt: None,
        })))
    }

    pub(crate) fn accept_block(&mut self, block: Block, gateway: GatewayId) -> Result<bool, Trouble> {
        let route = self.route(&block.route)?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let moved = self
            .connection
            .prepare_cached(
                "UPDATE files SET position = ?5, messages = ?6, skipped = ?7, rejected = ?8
                 WHERE route = ?1 AND hash = ?2 AND gateway = ?3 AND position = ?4 AND state = 0",
            )?
            .execute((
                route,
                &block.file.0[..],
                gateway.0.as_bytes(),
                number(block.from),
                number(block.to),
                number(block.counts.messages),
                number(block.counts.skipped),
                number(block.counts.rejected),
            ))?;
        if moved == 0 {
            return Ok(false);
        }
        for accept in block.messages {
            let id = accept.envelope.id;
            // Its id is of its place in the file: one that is there already is the same.
            if let Accepted::Conflict(_) = self.accept(accept, 0)? {
                let why = format!("message {id} is there with other content");
                return Err(DeliveryError::Fatal(why).into());
            }
        }
        self.settle_sent(&block.answers, block.now)?;
        Ok(true)
    }

    pub(crate) fn end_file(
        &mut self,
        route: &Arc<str>,
        file: FileHash,
        state: FileState,
        receipt: &str,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let route = self.route(route)?;
        self.connection
            .prepare_cached(
                "UPDATE files SET state = ?3, receipt = ?4, ended = ?5 WHERE route = ?1 AND hash = ?2 AND state = 0",
            )?
            .execute((route, &file.0[..], number_of(state), receipt, now.0))?;
        Ok(())
    }
}

/// What is known of a file; `$receipt` is its last column.
macro_rules! columns {
    ($receipt:literal) => {
        concat!(
            "SELECT r.name, f.hash, f.bundle, f.name, f.bytes, f.received, f.state, f.gateway, f.position, f.messages,
             f.skipped, f.rejected, f.ended, ",
            $receipt,
            " FROM files f JOIN routes r ON r.number = f.route "
        )
    };
}

fn one(connection: &Connection, route: i64, file: FileHash) -> rusqlite::Result<Option<FileRecord>> {
    connection
        .prepare_cached(concat!(columns!("f.receipt"), "WHERE f.route = ?1 AND f.hash = ?2"))?
        .query_row((route, &file.0[..]), record)
        .optional()
}

/// A file with its receipt.
pub(crate) fn file(
    connection: &Connection,
    route: &str,
    file: FileHash,
) -> rusqlite::Result<Option<FileRecord>> {
    connection
        .prepare_cached(concat!(columns!("f.receipt"), "WHERE r.name = ?1 AND f.hash = ?2"))?
        .query_row((route, &file.0[..]), record)
        .optional()
}

/// The newest files. Receipts may be long: they are left out.
pub(crate) fn files(connection: &Connection, filter: &FileFilter) -> rusqlite::Result<Vec<FileRecord>> {
    let open = if filter.open { "AND f.state = 0 " } else { "" };
    let (first, last) = filter.hashes().unzip();
    let limit = i64::try_from(filter.most()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&format!(
            concat!(
                columns!("NULL"),
                "WHERE (?1 IS NULL OR r.name = ?1) AND (?2 IS NULL OR f.name = ?2 OR f.hash BETWEEN ?3 AND ?4) {}
                 ORDER BY f.seq DESC LIMIT ?5"
            ),
            open
        ))?
        .query_map((&filter.route, &filter.called, first.map(|h| h.0), last.map(|h| h.0), limit), record)?
        .collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let whole = |index| row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or(0));
    let name: String = row.get(3)?;
    let route: String = row.get(0)?;
    Ok(FileRecord {
        arrival: Arrival {
            hash: FileHash(row.get(1)?),
            route: route.into(),
            bundle: BundleHash(row.get(2)?),
            name: name.into(),
            bytes: whole(4)?,
            received: Timestamp(row.get(5)?),
        },
        state: match row.get(6)? {
            0 => FileState::Open,
            1 => FileState::Taken,
            _ => FileState::Refused,
        },
        gateway: GatewayId(Uuid::from_bytes(row.get(7)?)),
        position: whole(8)?,
        counts: FileCounts { messages: whole(9)?, skipped: whole(10)?, rejected: whole(11)? },
        ended: row.get::<_, Option<i64>>(12)?.map(Timestamp),
        receipt: row.get::<_, Option<String>>(13)?.map(Into::into),
    })
}

fn number_of(state: FileState) -> i64 {
    match state {
        FileState::Open => 0,
        FileState::Taken => 1,
        FileState::Refused => 2,
    }
}
