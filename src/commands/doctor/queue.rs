//! The queue and the ledger: whether they are there, take these credentials, and have the same time.

use std::path::Path;

use tokio::sync::oneshot;

use super::{
    broker, certificates, clock,
    finding::{Check, Finding, Findings},
};
use crate::{
    config::{Config, Ledger, Queue},
    report::plural,
};

/// Gateways say when messages are due, and the server who is alive.
const CLOCK: clock::Bounds = clock::Bounds {
    agree: 2,
    too_far: 30,
    todo: "let both machines follow NTP: gateways say when messages are due, and the server who is alive",
};

/// What is said of a password that others could read.
pub(super) const READABLE: &str = "the password crosses the network without TLS";

pub(super) async fn check(config: &Config, routes: &[std::sync::Arc<str>], findings: &Findings<'_>) {
    match &config.queue {
        Queue::Sqlite(path) => file("queue", path, findings).await,
        Queue::RabbitMq { broker, ledger, strangers } => {
            let (identity, known) = oneshot::channel();
            let ledger = async move {
                match ledger {
                    Ledger::Postgres(options) => {
                        let probed = async {
                            let probed = portolan_postgres::probe(options).await;
                            // Who is to know it may have found something else to tell.
                            let _ = identity.send(probed.as_ref().ok().and_then(|probe| probe.identity));
                            postgres(probed)
                        };
                        findings.of(&Check::new("ledger", "PostgreSQL"), probed).await;
                    }
                    Ledger::Sqlite(path) => file("ledger", path, findings).await,
                }
            };
            let known = async { known.await.ok().flatten() };
            tokio::join!(broker::check(broker, strangers, routes, known, findings), ledger);
        }
    }
}

async fn file(what: &'static str, path: &Path, findings: &Findings<'_>) {
    let check = Check::new(what, path.display());
    let path = path.to_owned();
    let probed = async {
        // Nobody cancels it.
        let probed = tokio::task::spawn_blocking(move || portolan_sqlite::probe(&path)).await;
        probed.map(|probed| sqlite(&check, probed)).into_iter().collect()
    };
    findings.of(&check, probed).await;
}

fn sqlite(check: &Check, probed: Result<portolan_sqlite::Probe, portolan_sqlite::OpenError>) -> Finding {
    use portolan_sqlite::{OpenError, Probe};
    match probed {
        Ok(Probe::Absent) => check.ok("not there yet; the first start makes it"),
        Ok(Probe::InUse) => check.ok("in use by a gateway"),
        Ok(Probe::Free) => check.ok("sound, and in use by nobody"),
        Err(error) => {
            let todo = match error {
                OpenError::Newer { .. } => "use the portolan that wrote it, or a newer one",
                OpenError::Foreign { .. } => "give the queue a file of its own",
                OpenError::Database { .. } => "keep a copy, and recover it with `sqlite3 FILE .recover`",
                OpenError::File { .. } | OpenError::InUse { .. } => "run as the user that runs the gateway",
            };
            // What comes after the semicolon is advice, for whoever starts a gateway.
            check.problem(error.to_string().split(';').next().unwrap_or_default(), todo)
        }
    }
}

fn postgres(probed: Result<portolan_postgres::Probe, portolan_postgres::OpenError>) -> Vec<Finding> {
    use portolan_postgres::OpenError;
    let check = Check::new("ledger", "PostgreSQL");
    let probe = match probed {
        Ok(probe) => probe,
        Err(error) => {
            let todo = match error {
                OpenError::Newer { .. } => "no gateway of this version starts there",
                _ => "see that the server runs, and `ledger` in the configuration",
            };
            return vec![check.problem(error.to_string(), todo)];
        }
    };
    let tables = match probe.tables {
        Some(version) => format!("tables of version {version}"),
        None => "no tables yet, the first start makes them".to_owned(),
    };
    let said = format!("PostgreSQL {}, {tables}", probe.server);
    let server = match probe.standby {
        false => check.ok(said),
        true => check
            .problem(format!("{said}; it is a standby, which takes nothing"), "name the primary in `ledger`"),
    };
    let allowed = (!probe.allowed && !probe.standby).then(|| {
        check.problem(
            "the user may not make or change the schema `portolan`, and a gateway that starts must",
            "GRANT CREATE ON DATABASE ... TO the user, or CREATE SCHEMA portolan AUTHORIZATION the user",
        )
    });
    let gateways = gateways(&probe.gateways);
    let clocks = clock::check(&Check::new("clock", "PostgreSQL"), probe.clocks, &CLOCK);
    let readable = probe
        .readable_password
        .then(|| check.warning(READABLE, "write `sslmode=require` into the URL of `ledger`"));
    let certificate = certificates::shown("PostgreSQL", &probe.certificates);
    [Some(server), allowed, readable, certificate, Some(clocks)]
        .into_iter()
        .flatten()
        .chain(gateways)
        .collect()
}

/// Who shares the work, as the ledger knows them.
fn gateways(all: &[portolan_postgres::Gateway]) -> Vec<Finding> {
    /// Of more the number is told.
    const NAMED: usize = 20;
    let check = Check::new("gateways", "PostgreSQL");
    let (alive, gone): (Vec<_>, Vec<_>) = all.iter().partition(|gateway| gateway.alive);
    let named = alive.iter().take(NAMED).map(|gateway| format!("{} on {}", gateway.id, gateway.host));
    let named: Vec<_> = named.collect();
    let alive = match alive.len() {
        0 => check.ok("none is alive"),
        count => check.ok(format!("{} alive: {}", plural(count, "gateway"), named.join(", "))),
    };
    // One that ended in good order has none.
    let left = gone.iter().filter(|gateway| gateway.at_work > 0).map(|gateway| {
        check.warning(
            format!(
                "{} on {} has ended, and {} of it wait to be settled",
                gateway.id,
                gateway.host,
                plural(gateway.at_work, "attempt")
            ),
            "any gateway that runs settles them within a lease (`lease`); start one where none does",
        )
    });
    std::iter::once(alive).chain(left).collect()
}
