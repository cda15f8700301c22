//! Leases: who is alive, by the server's clock. A gateway whose lease ran out may have its attempts settled by others; what
//! it then still tells is refused row by row, since a claim is good only while its row says so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use portolan_delivery::Outage;
use uuid::Uuid;

use crate::pool::{Patience, Pool};

/// What this process holds.
pub(crate) struct Leases {
    pool: Pool,
    held: Mutex<Held>,
    length: Duration,
    /// Whether the last renewal failed.
    away: AtomicBool,
    outage: Outage,
}

/// Ids, and for each that is a gateway's where it runs.
#[derive(Default, Clone)]
struct Held {
    ids: Vec<Uuid>,
    hosts: Vec<Option<String>>,
}

impl Leases {
    pub(crate) fn new(pool: Pool, length: Duration) -> Arc<Self> {
        Arc::new(Self {
            pool,
            held: Mutex::default(),
            length,
            away: AtomicBool::new(false),
            outage: Outage::default(),
        })
    }

    /// How long one holds.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// Takes a lease, a gateway's with where it runs, which is renewed from then on.
    pub(crate) async fn take(
        &self,
        id: Uuid,
        host: Option<&str>,
        patience: Patience,
    ) -> Result<(), tokio_postgres::Error> {
        {
            let mut held = self.held.lock();
            if !held.ids.contains(&id) {
                held.ids.push(id);
                held.hosts.push(host.map(str::to_owned));
            }
        }
        self.renew(patience).await
    }

    async fn renew(&self, patience: Patience) -> Result<(), tokio_postgres::Error> {
        let Held { ids, hosts } = self.held.lock().clone();
        let seconds = self.length.as_secs_f64();
        self.pool
            .query(
                patience,
                "INSERT INTO portolan.leases (id, host, expires)
                 SELECT id, host, clock_timestamp() + make_interval(secs => $3)
                 FROM unnest($1::uuid[], $2::text[]) AS held (id, host)
                 ON CONFLICT (id) DO UPDATE SET expires = excluded.expires",
                |_| vec![&ids as _, &hosts as _, &seconds as _],
            )
            .await
            .map(drop)
    }

    /// Whether the database was away when it was last asked.
    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    fn tell(&self, problem: Option<String>) {
        let now = Instant::now();
        match problem {
            Some(problem) if self.outage.is_news(&problem, now) => tracing::warn!(
                problem,
                "PostgreSQL is away: the lease could not be renewed, and others may take this gateway for dead"
            ),
            Some(problem) => tracing::debug!(problem, "the lease could not be renewed"),
            None => {
                if let Some(lasted) = self.outage.is_over(now) {
                    tracing::info!(after_s = lasted.as_secs(), "PostgreSQL is back");
                }
            }
        }
    }

    /// Renews for as long as the process lives.
    pub(crate) async fn keep(self: Arc<Self>) {
        let every = self.length / 3;
        loop {
            tokio::time::sleep(every).await;
            let renewed = tokio::time::timeout(every, self.renew(Patience::For(every))).await;
            let problem = match renewed {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(crate::error::brief(&error)),
                Err(_) => Some(format!("no answer within {every:?}")),
            };
            self.away.store(problem.is_some(), Ordering::Relaxed);
            self.tell(problem);
        }
    }
}
