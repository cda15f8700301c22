//! Files: begun, taken block by block, ended.

use portolan_delivery::{
    Accepted, Arrival, Arrived, Block, BundleHash, DeliveryError, FileCounts, FileEnd, FileFilter, FileHash,
    FileRecord, FileRelease, FileState, GatewayId, MessageId, Start, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::Ledger;
use crate::{error::Trouble, outbox::Outbox, row::OUT};

impl Ledger {
    /// One process has the file of the ledger open, so what another gateway began is of one that is no more.
    pub(crate) fn begin_file(&mut self, arrival: Arrival, gateway: GatewayId) -> Result<Arrived, Trouble> {
        self.kept(arrival.bundle)?;
        let route = self.route(&arrival.route)?;
        let known = one(&self.connection, route, arrival.hash)?;
        let mut release = None;
        match known {
            Some(known) if known.state == FileState::Taken => return Ok(Arrived::Known(Box::new(known))),
            Some(known) if known.state == FileState::Released => release = known.release,
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
                     receipt = NULL, released = ?8, release_reason = ?9",
            )?
            .execute((
                route,
                &arrival.hash.0[..],
                &arrival.bundle.0[..],
                &*arrival.name,
                i64::try_from(arrival.bytes).unwrap_or(i64::MAX),
                arrival.received.0,
                gateway.0.as_bytes(),
                release.as_ref().map(|release| release.at.0),
                release.as_ref().map(|release| &*release.reason),
            ))?;
        Ok(Arrived::Open(Box::new(FileRecord {
            arrival,
            state: FileState::Open,
            gateway,
            position: 0,
            counts: FileCounts::default(),
            ended: None,
            receipt: None,
            release,
        })))
    }

    /// All of it or nothing: where one of its messages is refused, the others are taken back.
    pub(crate) fn accept_block(
        &mut self,
        block: Block,
        gateway: GatewayId,
        outbox: Option<&Outbox>,
    ) -> Result<bool, Trouble> {
        if let Some(outbox) = outbox {
            self.mark_published(&outbox.many_confirmed())?;
        }
        let outbox = outbox.filter(|outbox| outbox.has_room());
        let (now, newest) = (block.now, self.newest);
        self.connection.execute_batch("SAVEPOINT block")?;
        let accepted = self.move_on(block, gateway, outbox.is_some());
        if let Err(Trouble::Refused(_)) = accepted {
            self.connection.execute_batch("ROLLBACK TO block")?;
            self.newest = newest;
        }
        self.connection.execute_batch("RELEASE block")?;
        let handed_out = accepted?;
        if let (Some(outbox), Some(handed_out)) = (outbox, &handed_out) {
            handed_out.iter().for_each(|id| outbox.hand_out((*id, 1), now));
        }
        Ok(handed_out.is_some())
    }

    /// The messages that were handed out, to be published, where any are; `None` where the file is not where the block begins.
    fn move_on(
        &mut self,
        block: Block,
        gateway: GatewayId,
        hands_out: bool,
    ) -> Result<Option<Vec<MessageId>>, Trouble> {
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
            return Ok(None);
        }
        let mut handed_out = Vec::new();
        for accept in block.messages {
            let id = accept.envelope.id;
            let due = matches!(accept.start, Start::Due(due) if due <= block.now);
            let out = hands_out && due && accept.envelope.order.is_none();
            match self.accept(accept, if out { OUT } else { 0 })? {
                Accepted::New(_) if out => handed_out.push(id),
                // Its id is of its place in the file: one that is there already is the same.
                Accepted::New(_) | Accepted::Parked | Accepted::Repeated(_) => {}
                Accepted::Conflict(_) => {
                    let why = format!("message {id} is there with other content");
                    return Err(DeliveryError::Fatal(why).into());
                }
            }
        }
        self.settle_sent(&block.answers, block.now)?;
        Ok(Some(handed_out))
    }

    pub(crate) fn end_file(&mut self, end: &FileEnd, gateway: GatewayId) -> Result<bool, Trouble> {
        let route = self.route(&end.route)?;
        let ended = self
            .connection
            .prepare_cached(
                "UPDATE files SET state = ?4, receipt = ?5, ended = ?6
                 WHERE route = ?1 AND hash = ?2 AND gateway = ?3 AND state = 0",
            )?
            .execute((
                route,
                &end.file.0[..],
                gateway.0.as_bytes(),
                number_of(end.state),
                &*end.receipt,
                end.now.0,
            ))?;
        Ok(ended == 1)
    }

    pub(crate) fn release_file(
        &mut self,
        route: &str,
        file: FileHash,
        release: &FileRelease,
    ) -> Result<bool, Trouble> {
        let released = self
            .connection
            .prepare_cached(
                "UPDATE files SET state = 3, released = ?3, release_reason = ?4
                 WHERE route = (SELECT number FROM routes WHERE name = ?1) AND hash = ?2 AND state = 2",
            )?
            .execute((route, &file.0[..], release.at.0, &*release.reason))?;
        Ok(released == 1)
    }
}

/// What is known of a file; `$receipt` is its last column.
macro_rules! columns {
    ($receipt:literal) => {
        concat!(
            "SELECT r.name, f.hash, f.bundle, f.name, f.bytes, f.received, f.state, f.gateway, f.position, f.messages,
             f.skipped, f.rejected, f.ended, f.released, f.release_reason, ",
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

/// Those that were released and have not ended since, without their receipts.
pub(crate) fn released(connection: &Connection) -> rusqlite::Result<Vec<FileRecord>> {
    let limit = i64::try_from(FileFilter::MOST).unwrap_or(i64::MAX);
    connection
        .prepare_cached(concat!(
            columns!("NULL"),
            "WHERE f.released IS NOT NULL AND f.state IN (0, 3) ORDER BY f.seq LIMIT ?1"
        ))?
        .query_map((limit,), record)?
        .collect()
}

/// The newest files. Receipts may be long: they are left out.
pub(crate) fn files(connection: &Connection, filter: &FileFilter) -> rusqlite::Result<Vec<FileRecord>> {
    // Each by an index of its own.
    const OPEN: &str = "AND f.seq IN (SELECT seq FROM files WHERE state = 0
        UNION ALL SELECT seq FROM files WHERE released IS NOT NULL AND state IN (0, 3) AND state = 3) ";
    let open = if filter.open { OPEN } else { "" };
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
            2 => FileState::Refused,
            _ => FileState::Released,
        },
        gateway: GatewayId(Uuid::from_bytes(row.get(7)?)),
        position: whole(8)?,
        counts: FileCounts { messages: whole(9)?, skipped: whole(10)?, rejected: whole(11)? },
        ended: row.get::<_, Option<i64>>(12)?.map(Timestamp),
        release: match (row.get::<_, Option<i64>>(13)?, row.get::<_, Option<String>>(14)?) {
            (Some(at), Some(reason)) => Some(FileRelease { at: Timestamp(at), reason: reason.into() }),
            _ => None,
        },
        receipt: row.get::<_, Option<String>>(15)?.map(Into::into),
    })
}

fn number_of(state: FileState) -> i64 {
    match state {
        FileState::Open => 0,
        FileState::Taken => 1,
        FileState::Refused => 2,
        FileState::Released => 3,
    }
}
