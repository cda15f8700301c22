//! Connections: a fixed number, each reopened when it is found closed. Statements are pipelined on each and prepared once.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use portolan_delivery::Outage;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Row, Statement, types::ToSql};

use crate::{
    error::{exhausted, late, passes},
    way::Way,
};

/// Parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The connections.
pub(crate) struct Pool {
    way: Way,
    slots: Vec<Slot>,
    next: AtomicUsize,
    /// Of statements that are tried for ever.
    outage: Outage,
    /// Connections that were given up with a statement under way, which the server may yet get and carry out.
    doubted: Mutex<HashSet<Session>>,
    ending: tokio::sync::Mutex<()>,
}

/// A connection, as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Session {
    process: i32,
    /// A process id is used again.
    started: String,
}

type Slot = tokio::sync::Mutex<Option<Arc<Connection>>>;

/// What a server may take to say which connection it is.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// Between two tries, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Why there is no answer.
enum Failed {
    /// There is no connection.
    Connecting(tokio_postgres::Error),
    /// It was sent, or was to be.
    Asking(tokio_postgres::Error),
    /// Nothing was said in time.
    Late,
}

/// How long a statement is tried again while the database is away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as this process lives: the outcome of an attempt must be recorded.
    Forever,
    /// Somebody waits for it.
    For(Duration),
}

struct Connection {
    client: Client,
    session: Session,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl Connection {
    async fn open(way: &Way) -> Result<Self, tokio_postgres::Error> {
        let (client, _) = way.connect().await?;
        let known = client.query_one(
            "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            &[],
        );
        let row = timeout(KNOWN_WITHIN, known).await.unwrap_or_else(|_| Err(late()))?;
        let session = Session { process: row.try_get(0)?, started: row.try_get(1)? };
        Ok(Self { client, session, statements: Mutex::default() })
    }

    async fn query(
        &self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let known = self.statements.lock().get(sql).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(sql).await?;
                self.statements.lock().insert(sql, statement.clone());
                statement
            }
        };
        self.client.query(&statement, parameters).await
    }
}

impl Pool {
    pub(crate) fn new(way: Way, size: usize) -> Self {
        let slots = (0..size.max(1)).map(|_| tokio::sync::Mutex::default()).collect();
        Self {
            way,
            slots,
            next: AtomicUsize::new(0),
            outage: Outage::default(),
            doubted: Mutex::default(),
            ending: tokio::sync::Mutex::default(),
        }
    }

    /// Once, on the next connection. One that does not answer in time is given up: what else would be sent on it would only
    /// gather there.
    async fn once(
        &self,
        within: Option<Duration>,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failed> {
        let slot = &self.slots[self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len()];
        let mut used = None;
        let asked = self.ask(slot, sql, parameters, &mut used);
        let Some(within) = within else { return asked.await };
        let answer = timeout(within, asked).await.unwrap_or(Err(Failed::Late));
        if let (Some(used), Err(Failed::Late | Failed::Asking(_))) = (used, &answer)
            && !matches!(&answer, Err(Failed::Asking(error)) if error.as_db_error().is_some())
        {
            self.doubted.lock().insert(used.session.clone());
            // Whoever has the slot locked is about to connect.
            if let Ok(mut slot) = slot.try_lock() {
                drop(slot.take_if(|open| Arc::ptr_eq(open, &used)));
            }
        }
        answer
    }

    /// Returns once no connection that was given up with a statement under way is left at the server: from then on nothing that
    /// was sent on one is carried out any more. Else what a network held back could be, after what undoes it.
    pub(crate) async fn fence(&self) {
        let mut wait = Duration::from_millis(20);
        while !self.doubted.lock().is_empty() {
            // On a connection of its own: one of the slots may be held back as well.
            let ended = async { self.end_doubted(&Connection::open(&self.way).await?).await };
            if ended.await.is_err() {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }

    /// Ends those connections by this one.
    async fn end_doubted(&self, by: &Connection) -> Result<(), tokio_postgres::Error> {
        let _alone = self.ending.lock().await;
        loop {
            let doubted = self.doubted.lock().iter().next().cloned();
            let Some(session) = doubted else { return Ok(()) };
            let parameters: Parameters<'_> = &[&session.process, &session.started];
            let ended = by.query(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2",
                parameters,
            );
            match timeout(KNOWN_WITHIN, ended).await.unwrap_or_else(|_| Err(late())) {
                Ok(rows) if rows.first().and_then(|row| row.try_get(0).ok()) == Some(0_i64) => {}
                Ok(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
                // It answers, and never will do it.
                Err(error) if error.as_db_error().is_some() && !passes(&error) => {
                    let problem = crate::error::brief(&error);
                    tracing::error!(
                        problem,
                        "PostgreSQL does not end a connection that was given up; what was sent on it may yet be done"
                    );
                }
                Err(error) => return Err(error),
            }
            self.doubted.lock().remove(&session);
        }
    }

    async fn ask(
        &self,
        slot: &Slot,
        sql: &'static str,
        parameters: Parameters<'_>,
        used: &mut Option<Arc<Connection>>,
    ) -> Result<Vec<Row>, Failed> {
        let connection = {
            let mut slot = slot.lock().await;
            match slot.as_ref().filter(|open| !open.client.is_closed()) {
                Some(open) => open.clone(),
                None => {
                    let open = Arc::new(Connection::open(&self.way).await.map_err(Failed::Connecting)?);
                    // What takes the place of others ends them first.
                    self.end_doubted(&open).await.map_err(Failed::Connecting)?;
                    *slot = Some(open.clone());
                    open
                }
            }
        };
        *used = Some(connection.clone());
        connection.query(sql, parameters).await.map_err(Failed::Asking)
    }

    /// A statement that can be sent again; it is told by `again` whether an earlier one may have taken effect.
    pub(crate) async fn query<'a>(
        &self,
        patience: Patience,
        sql: &'static str,
        parameters: impl Fn(&'a bool) -> Vec<&'a (dyn ToSql + Sync)>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let began = Instant::now();
        let mut wait = Duration::from_millis(20);
        let mut again: &'static bool = &false;
        let mut known = None;
        loop {
            let within = match patience {
                Patience::Forever => None,
                Patience::For(limit) => Some(limit.saturating_sub(began.elapsed())),
            };
            let (error, passes) = match self.once(within, sql, &parameters(again)).await {
                Ok(rows) => {
                    if *again && let Some(lasted) = self.outage.is_over(Instant::now().into_std()) {
                        tracing::info!(
                            after_s = lasted.as_secs(),
                            "outcomes are recorded in PostgreSQL again"
                        );
                    }
                    return Ok(rows);
                }
                // Whatever is said by a server that lets nobody in (one whose disk is full calls that an internal error), it is no
                // answer to the statement, which may have been carried out on the connection before.
                Err(Failed::Connecting(error)) => (error, true),
                // What was said before says more.
                Err(Failed::Late) => (known.take().unwrap_or_else(late), true),
                Err(Failed::Asking(error)) => {
                    let passes = passes(&error);
                    (error, passes)
                }
            };
            let goes_on = passes
                && match patience {
                    Patience::Forever => true,
                    Patience::For(limit) => !exhausted(&error) && began.elapsed() + wait < limit,
                };
            if !goes_on {
                return Err(error);
            }
            if patience == Patience::Forever && wait == LONGEST_WAIT {
                let problem = crate::error::brief(&error);
                if self.outage.is_news(&problem, Instant::now().into_std()) {
                    tracing::error!(
                        problem,
                        "outcomes cannot be recorded in PostgreSQL now; it is tried again and again"
                    );
                }
            }
            again = &true;
            known = Some(error);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
