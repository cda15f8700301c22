//! Connections: a fixed number, each reopened when it is found closed. Statements are pipelined on each and prepared once.

use std::{
    collections::HashMap,
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
}

type Slot = tokio::sync::Mutex<Option<Arc<Connection>>>;

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
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl Connection {
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
        Self { way, slots, next: AtomicUsize::new(0), outage: Outage::default() }
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
        let asked = self.ask(slot, sql, parameters);
        let Some(within) = within else { return asked.await };
        timeout(within, asked).await.unwrap_or_else(|_| {
            // Whoever has it locked is about to connect.
            drop(slot.try_lock().ok().and_then(|mut slot| slot.take()));
            Err(Failed::Late)
        })
    }

    async fn ask(
        &self,
        slot: &Slot,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failed> {
        let connection = {
            let mut slot = slot.lock().await;
            match slot.as_ref().filter(|open| !open.client.is_closed()) {
                Some(open) => open.clone(),
                None => {
                    let (client, _) = self.way.connect().await.map_err(Failed::Connecting)?;
                    let open = Arc::new(Connection { client, statements: Mutex::default() });
                    *slot = Some(open.clone());
                    open
                }
            }
        };
        connection.query(sql, parameters).await.map_err(Failed::Asking)
    }

    /// A statement that can be sent again; it is told by `again` whether an earlier one may have taken effect.
    pub(crate) async fn query<'a>(
        &self,
        patience: Patience,
        sql: &'static str,
        parameters: impl Fn(&'a bool) -> Vec<&'a (dyn ToSql + Sync)>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        const LONGEST: Duration = Duration::from_secs(2);
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
            if patience == Patience::Forever && wait == LONGEST {
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
            wait = (wait * 2).min(LONGEST);
        }
    }
}
