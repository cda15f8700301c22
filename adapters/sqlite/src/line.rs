//! Lines: the messages of an order key that others of the key wait for. These questions are answered by an index, however
//! long a line is.

use portolan_delivery::{MessageId, OrderKey};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::row::{BEGUN, PARKED, message_id};

/// What leads to the index `messages_line`, and is its condition.
macro_rules! in_line {
    () => {
        "messages INDEXED BY messages_line WHERE order_key IS NOT NULL AND state <> 2 AND NOT (state = 3 AND passes)"
    };
}
pub(crate) use in_line;

/// A line, by its key. The route is the key's only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) key: OrderKey,
    pub(crate) route: i64,
}

/// Somebody in a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seq: i64,
    pub(crate) id: MessageId,
    pub(crate) state: i64,
    pub(crate) at: i64,
}

impl Place {
    /// Whether an attempt is recorded that has no outcome.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(self.state, 1 | BEGUN)
    }
}

impl Line {
    pub(crate) fn new(key: OrderKey, route: i64) -> Self {
        Self { key, route }
    }

    /// Of a row, whose columns these are.
    pub(crate) fn of(row: &Row<'_>, key: usize, route: usize) -> rusqlite::Result<Option<Self>> {
        let key: Option<[u8; 32]> = row.get(key)?;
        Ok(match key {
            Some(key) => Some(Self::new(OrderKey(key), row.get(route)?)),
            None => None,
        })
    }

    /// Whether anybody is in it.
    pub(crate) fn is_taken(&self, connection: &Connection) -> rusqlite::Result<bool> {
        connection
            .prepare_cached(concat!("SELECT 1 FROM ", in_line!(), " AND order_key = ?1 LIMIT 1"))?
            .exists([&self.key.0])
    }

    /// Who is claimed, or may be: one at most.
    pub(crate) fn active(&self, connection: &Connection) -> rusqlite::Result<Option<Place>> {
        // One that is in a file is claimed.
        let sql = concat!(
            "SELECT seq, id, CASE WHEN state = 9 AND EXISTS (SELECT 1 FROM in_file WHERE message = seq) THEN 1 ELSE state END, at FROM ",
            in_line!(),
            " AND order_key = ?1 AND state IN (0, 1, 4, 7, 8, 9) AND route = ?2 LIMIT 1"
        );
        self.place(connection, sql, &[&self.key.0, &self.route])
    }

    /// The first that is parked.
    pub(crate) fn parked(&self, connection: &Connection) -> rusqlite::Result<Option<Place>> {
        self.first(connection, PARKED)
    }

    /// The first dead letter that holds.
    pub(crate) fn held(&self, connection: &Connection) -> rusqlite::Result<Option<Place>> {
        self.first(connection, 3)
    }

    fn first(&self, connection: &Connection, state: i64) -> rusqlite::Result<Option<Place>> {
        let sql = concat!(
            "SELECT seq, id, state, at FROM ",
            in_line!(),
            " AND order_key = ?1 AND state = ?3 AND route = ?2 ORDER BY seq LIMIT 1"
        );
        self.place(connection, sql, &[&self.key.0, &self.route, &state])
    }

    fn place(
        &self,
        connection: &Connection,
        sql: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> rusqlite::Result<Option<Place>> {
        let place = |row: &Row<'_>| {
            Ok(Place { seq: row.get(0)?, id: message_id(row, 1)?, state: row.get(2)?, at: row.get(3)? })
        };
        connection.prepare_cached(sql)?.query_row(parameters, place).optional()
    }
}

/// For whom a parked message waits: for the one at work, or for the first.
pub(crate) fn ahead(connection: &Connection, line: &Line) -> rusqlite::Result<Option<MessageId>> {
    let active = line.active(connection)?;
    if let Some(at_work) = active.filter(Place::is_at_work) {
        return Ok(Some(at_work.id));
    }
    let others = [active, line.held(connection)?, line.parked(connection)?];
    Ok(others.into_iter().flatten().min_by_key(|place| place.seq).map(|first| first.id))
}
