//! Questions: each on a connection that only reads, beside the writer and not behind it. A connection sees what was
//! committed when the question began.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use portolan_delivery::{
    BundleHash, Control, Controls, Count, DeliveryError, Filter, MessageId, Page, Record, RequestKey,
    StateKind, Timestamp, composite::Unclaimed,
};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Semaphore;

use crate::{
    error::{Trouble, describe},
    line::in_line,
    row::{self, Detail, class_name, record, select, suspects},
};

/// A few connections, one for each question that runs.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Semaphore,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        let free = Semaphore::new(connections.len());
        Self { idle: Arc::new(Mutex::new(connections)), free }
    }

    /// Asks on a thread that may block.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, DeliveryError> {
        let gone = || DeliveryError::Unavailable("the queue is closed".to_owned());
        let _permit = self.free.acquire().await.map_err(|_| gone())?;
        let idle = self.idle.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or_else(gone)?;
            let answer = question(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer.map_err(|trouble| match trouble {
                Trouble::Refused(why) => why,
                Trouble::Sqlite(error) => {
                    DeliveryError::Unavailable(format!("the queue cannot be read: {}", describe(&error)))
                }
            })
        });
        answer.await.map_err(|_| DeliveryError::Unavailable("the question was interrupted".to_owned()))?
    }
}

pub(crate) fn get(connection: &Connection, id: MessageId) -> Result<Option<Record>, Trouble> {
    let mut statement = connection.prepare_cached(&select("WHERE m.id = ?1"))?;
    let mut rows = statement.query([id.0.as_bytes()])?;
    rows.next()?.map(|row| record(connection, row, Detail::Whole)).transpose()
}

pub(crate) fn recall(
    connection: &Connection,
    route: &str,
    key: &RequestKey,
) -> Result<Option<Record>, Trouble> {
    let mut statement = connection.prepare_cached(&select(
        "JOIN request_keys k ON k.message = m.seq WHERE r.name = ?1 AND k.route = r.number AND k.caller = ?2 AND k.id = ?3",
    ))?;
    let mut rows = statement.query((route, &key.caller, &key.id))?;
    rows.next()?.map(|row| record(connection, row, Detail::Whole)).transpose()
}

pub(crate) fn controls(connection: &Connection) -> Result<Controls, Trouble> {
    let mut statement = connection.prepare_cached("SELECT route, control FROM controls")?;
    let mut rows = statement.query([])?;
    let mut controls = Controls::new();
    while let Some(row) = rows.next()? {
        let control = Control::named(row.get_ref(1)?.as_str().unwrap_or_default());
        controls.extend(
            control
                .map(|control| Ok::<_, rusqlite::Error>((row.get::<_, String>(0)?.into(), control)))
                .transpose()?,
        );
    }
    Ok(controls)
}

/// Of these messages, those that nobody works on any more.
pub(crate) fn settled(connection: &Connection, mut ids: Vec<MessageId>) -> Result<Vec<MessageId>, Trouble> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM messages WHERE id = ?1 AND state NOT IN (2, 3)")?;
    let mut settled = Vec::with_capacity(ids.len());
    for id in ids.drain(..) {
        if !statement.exists([id.0.as_bytes()])? {
            settled.push(id);
        }
    }
    Ok(settled)
}

/// Of a route `r`, what is with the transport.
macro_rules! published {
    () => {
        "messages INDEXED BY messages_out WHERE state IN (7, 8) AND state = 8 AND route = r.number"
    };
}

/// The routes that have parcels which were due so early and are published, each with the number of all that are.
pub(crate) fn unclaimed(connection: &Connection, due_before: Timestamp) -> Result<Vec<Unclaimed>, Trouble> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT r.name, (SELECT count(*) FROM ",
        published!(),
        ") FROM routes r WHERE EXISTS (SELECT 1 FROM ",
        published!(),
        " AND at <= ?1)"
    ))?;
    let mut rows = statement.query([due_before.0])?;
    let mut unclaimed = Vec::new();
    while let Some(row) = rows.next()? {
        let (route, parcels) = (row.get::<_, String>(0)?.into(), row.get::<_, i64>(1)?);
        unclaimed.push(Unclaimed { route, parcels: u64::try_from(parcels).unwrap_or(0) });
    }
    Ok(unclaimed)
}

pub(crate) fn bundle(connection: &Connection, hash: BundleHash) -> Result<Option<Bytes>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT content FROM bundles WHERE hash = ?1")?;
    let mut rows = statement.query([&hash.0[..]])?;
    Ok(rows.next()?.map(|row| row::bytes(row, 0)).transpose()?.flatten())
}

/// Messages on a page, at most.
const PAGE: usize = 1000;
/// Rows that are looked at for one page, at most, so that a rare route does not read the whole file: the page then is
/// shorter than it could be, and the next begins where this one stopped looking.
const LOOKED_AT: usize = 20_000;

// Each of the small states has an index that leads only to its own; INDEXED BY, or the planner may prefer to read
// everything in the order of the answer.
const WAITING: &str = concat!(
    "SELECT seq, route FROM messages INDEXED BY messages_waiting WHERE state = 0 AND lost < 2 UNION ALL SELECT seq, route FROM ",
    suspects!(),
    " AND state = 0 UNION ALL SELECT seq, route FROM ",
    in_line!(),
    " AND state = 5 UNION ALL SELECT seq, route FROM messages INDEXED BY messages_out WHERE state IN (7, 8)
     UNION ALL SELECT message, route FROM gathering"
);
const CLAIMED: &str = "SELECT seq, route FROM messages INDEXED BY messages_claimed WHERE state = 1
    UNION ALL SELECT seq, route FROM messages WHERE state = 4 AND seq > (SELECT seq FROM tally)
    UNION ALL SELECT message, route FROM in_file";
const DEAD: &str = "SELECT seq, route FROM messages INDEXED BY messages_dead WHERE state = 3";

pub(crate) fn list(connection: &Connection, filter: &Filter) -> Result<Page, Trouble> {
    let limit = if filter.limit == 0 { 100 } else { filter.limit.min(PAGE) };
    let before = filter.before.map(|id| place(connection, id)).transpose()?.unwrap_or(i64::MAX);
    let source = match filter.state {
        Some(StateKind::Waiting) => WAITING,
        Some(StateKind::Claimed) => CLAIMED,
        Some(StateKind::Dead) => DEAD,
        None if filter.class.is_some() => DEAD,
        _ => "SELECT seq, route FROM messages",
    };
    // The rows are read in their order, as far as there is room on the page.
    let mut found = connection
        .prepare_cached(&format!("SELECT seq, route FROM ({source}) WHERE seq < ?1 ORDER BY seq DESC"))?;
    let mut seen = connection.prepare_cached("SELECT state, class, id FROM messages WHERE seq = ?1")?;
    let mut whole = connection.prepare_cached(&select("WHERE m.seq = ?1"))?;
    let route = match &filter.route {
        Some(name) => match route(connection, name)? {
            Some(number) => Some(number),
            None => return Ok(Page::default()),
        },
        None => None,
    };
    let class = filter.class.map(class_name).transpose()?;
    let mut page = Page::default();
    let mut rows = found.query([before])?;
    let mut last = None;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if page.records.len() == limit || looked_at == LOOKED_AT {
            page.next = last;
            break;
        }
        looked_at += 1;
        let (seq, of): (i64, i64) = (row.get(0)?, row.get(1)?);
        let fits = seen.query_row([seq], |row| {
            last = Some(row::message_id(row, 2)?);
            // Of the other states there is nothing else in the source.
            let finished = filter.state != Some(StateKind::Finished) || row.get::<_, i64>(0)? == 2;
            let class = class.as_deref();
            Ok(finished && class.is_none_or(|class| row.get_ref(1).is_ok_and(|c| c.as_str() == Ok(class))))
        });
        if fits.optional()? != Some(true) || route.is_some_and(|route| route != of) {
            continue;
        }
        let mut records = whole.query([seq])?;
        if let Some(row) = records.next()? {
            match record(connection, row, Detail::Listed) {
                Ok(record) => page.records.push(record),
                // A damaged row must not hide the others.
                Err(Trouble::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(page)
}

/// Where in the order of acceptance a message is, or was.
fn place(connection: &Connection, id: MessageId) -> rusqlite::Result<i64> {
    let exactly = connection
        .prepare_cached("SELECT seq FROM messages WHERE id = ?1")?
        .query_row([id.0.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(seq) = exactly {
        return Ok(seq);
    }
    let older: Option<i64> = connection
        .prepare_cached("SELECT seq FROM messages WHERE id < ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([id.0.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(older.map_or(0, |seq| seq.saturating_add(1)))
}

fn route(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT number FROM routes WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(crate) fn counts(connection: &Connection) -> Result<Vec<Count>, Trouble> {
    let mut counts = Vec::new();
    for (kind, source) in
        [(StateKind::Waiting, WAITING), (StateKind::Claimed, CLAIMED), (StateKind::Dead, DEAD)]
    {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT r.name, c.messages, m.received FROM
               (SELECT route, count(*) AS messages, min(seq) AS oldest FROM ({source}) GROUP BY route) c
             JOIN messages m ON m.seq = c.oldest JOIN routes r ON r.number = c.route ORDER BY r.name"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let messages = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            counts.push(Count { route: row.get(0)?, state: kind, messages, oldest: Timestamp(row.get(2)?) });
        }
    }
    Ok(counts)
}

/// What one search for old messages found, and where the next one begins.
pub(crate) struct Old {
    pub(crate) found: Vec<i64>,
    pub(crate) next: i64,
}

/// Finds up to `limit` messages that were finished before `before`, looking at so many rows at most and going on next
/// time: what is unfinished at the old end of the file is passed over, and not again and again.
pub(crate) fn old(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
    from: i64,
) -> Result<Old, Trouble> {
    let mut old = Old { found: Vec::new(), next: 0 };
    let mut looked_at = 0;
    let spans = if from > 0 { vec![(from, i64::MAX), (0, from)] } else { vec![(0, i64::MAX)] };
    let mut statement = connection.prepare_cached(
        "SELECT seq, state, at, received FROM messages WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
    )?;
    for (after, until) in spans {
        let mut rows = statement.query((after, until))?;
        while let Some(row) = rows.next()? {
            // Whatever was received later was finished later.
            if row.get::<_, i64>(3)? >= before.0 {
                break;
            }
            let seq = row.get(0)?;
            if row.get::<_, i64>(1)? == 2 && row.get::<_, i64>(2)? < before.0 {
                old.found.push(seq);
            }
            looked_at += 1;
            if old.found.len() >= limit || looked_at >= LOOKED_AT {
                old.next = seq;
                return Ok(old);
            }
        }
    }
    Ok(old)
}
