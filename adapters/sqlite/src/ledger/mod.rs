//! The intents, each a few statements inside the writer's transaction, and what the writer keeps in memory to make them
//! few: the numbers of routes and bundles, and when each route's next message is due.

mod accept;
mod bundle;
mod claim;
pub(crate) mod cut;
pub(crate) mod cuts;
pub(crate) mod events;
pub(crate) mod files;
mod forget;
mod gather;
mod line;
mod operate;
mod outbox;
mod reconcile;
mod settle;
mod suspects;
mod tally;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use portolan_delivery::{BundleHash, DeliveryError, MessageId, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::{error::Trouble, line::Line};
use suspects::Turn;

/// What the file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Queue and ledger in one.
    Queue,
    /// The ledger beside a transport.
    Ledger,
}

/// The writer's connection and memory. As the one writer of the file it may remember what it has written.
pub(crate) struct Ledger {
    connection: Connection,
    routes: HashMap<Arc<str>, i64>,
    route_names: HashMap<i64, Arc<str>>,
    bundles: HashMap<BundleHash, i64>,
    bundle_hashes: HashMap<i64, BundleHash>,
    /// Bundles that this process serves or may serve: kept since it began, though nothing refers to them yet.
    served: HashSet<i64>,
    /// How this transaction changes the number of messages by bundle, of those that are counted.
    uses: HashMap<i64, i64>,
    /// The last message that is counted, as in the table `tally`.
    counted: i64,
    /// The last message.
    newest: i64,
    /// The earliest due time of each route that has waiting messages; may be too early, never too late.
    due: HashMap<i64, Timestamp>,
    /// Routes that the last claim passed over: that they are due is no reason to claim again.
    passed_over: HashSet<i64>,
    /// When a suspect may be claimed; may be too early, never too late.
    suspect_due: Option<Timestamp>,
    turn: Option<Turn>,
}

impl Ledger {
    pub(crate) fn load(connection: Connection, role: Role) -> rusqlite::Result<Self> {
        let mut ledger = Self {
            connection,
            routes: HashMap::new(),
            route_names: HashMap::new(),
            bundles: HashMap::new(),
            bundle_hashes: HashMap::new(),
            served: HashSet::new(),
            uses: HashMap::new(),
            counted: 0,
            newest: 0,
            due: HashMap::new(),
            passed_over: HashSet::new(),
            suspect_due: None,
            turn: None,
        };
        ledger.load_names()?;
        ledger.catch_up()?;
        ledger.recall(role == Role::Queue)?;
        if role == Role::Ledger {
            ledger.leave_events()?;
        }
        for route in ledger.route_names.keys().copied().collect::<Vec<_>>() {
            ledger.refresh_due(route)?;
        }
        ledger.next_suspect(Timestamp::now())?;
        Ok(ledger)
    }

    fn load_names(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare("SELECT number, name FROM routes")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (number, name): (i64, String) = (row.get(0)?, row.get(1)?);
            let name: Arc<str> = name.into();
            self.routes.insert(name.clone(), number);
            self.route_names.insert(number, name);
        }
        let mut statement = self.connection.prepare("SELECT number, hash FROM bundles")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (number, hash) = (row.get(0)?, BundleHash(row.get(1)?));
            self.bundles.insert(hash, number);
            self.bundle_hashes.insert(number, hash);
        }
        Ok(())
    }

    pub(crate) fn begin(&self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    pub(crate) fn commit(&mut self) -> rusqlite::Result<()> {
        self.tally_in_time()?;
        self.write_uses()?;
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Once a transaction and not once a message: the row would be written over and over.
    fn write_uses(&mut self) -> rusqlite::Result<()> {
        for (bundle, change) in self.uses.drain().filter(|(_, change)| *change != 0) {
            self.connection
                .prepare_cached("UPDATE bundle_uses SET messages = messages + ?2 WHERE bundle = ?1")?
                .execute((bundle, change))?;
        }
        Ok(())
    }

    /// After a failure. The queue is not written again, so what is remembered does not matter any more.
    pub(crate) fn roll_back(&self) {
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    /// When a claim may next find something.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let due = self.due.iter().filter(|(route, _)| !self.passed_over.contains(route)).map(|(_, due)| *due);
        due.chain(self.suspect_due).min()
    }

    /// The number of a route, which is made where there is none.
    fn route(&mut self, name: &Arc<str>) -> Result<i64, Trouble> {
        if let Some(number) = self.routes.get(name) {
            return Ok(*number);
        }
        self.connection.prepare_cached("INSERT INTO routes (name) VALUES (?1)")?.execute([&**name])?;
        let number = self.connection.last_insert_rowid();
        self.routes.insert(name.clone(), number);
        self.route_names.insert(number, name.clone());
        Ok(number)
    }

    /// The number of a kept bundle. A message must not be accepted whose bundle would be missing after a restart.
    fn kept(&self, hash: BundleHash) -> Result<i64, Trouble> {
        self.bundles.get(&hash).copied().ok_or_else(|| {
            DeliveryError::Unavailable(format!("bundle {hash} is not kept; keep it before its messages"))
                .into()
        })
    }

    /// A message of this route waits until `due`.
    fn waits(&mut self, route: i64, due: Timestamp) {
        if due == Timestamp::NEVER {
            return;
        }
        let earliest = self.due.entry(route).or_insert(due);
        *earliest = due.min(*earliest);
    }

    /// Reads again when the route's next message is due.
    fn refresh_due(&mut self, route: i64) -> rusqlite::Result<()> {
        let next: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT at FROM messages INDEXED BY messages_waiting WHERE state = 0 AND lost < 2 AND route = ?1 ORDER BY at LIMIT 1",
            )?
            .query_row([route], |row| row.get(0))
            .optional()?;
        match next {
            Some(at) if at != Timestamp::NEVER.0 => self.due.insert(route, Timestamp(at)),
            _ => self.due.remove(&route),
        };
        Ok(())
    }

    /// What an operator decides on: a dead letter's place.
    fn dead(&self, id: MessageId) -> Result<DeadRow, Trouble> {
        let found = self
            .connection
            .prepare_cached("SELECT seq, route, bundle, state, order_key FROM messages WHERE id = ?1")?
            .query_row([id.0.as_bytes()], |row| {
                let line = Line::of(row, 4, 1)?;
                let dead = DeadRow { seq: row.get(0)?, route: row.get(1)?, bundle: row.get(2)?, line };
                Ok((dead, row.get::<_, i64>(3)?))
            })
            .optional()?;
        match found {
            None => Err(DeliveryError::NotFound(id).into()),
            Some((dead, 3)) => Ok(dead),
            Some(_) => Err(DeliveryError::NotDead(id).into()),
        }
    }
}

/// A dead letter's place.
struct DeadRow {
    seq: i64,
    route: i64,
    bundle: i64,
    line: Option<Line>,
}
