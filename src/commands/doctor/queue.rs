//! The queue and the ledger: whether they are there, take these credentials, and have the same time.

use std::path::Path;

use super::{
    certificates, clock,
    finding::{Check, Finding},
};
use crate::config::{Ledger, Queue};

/// Gateways say when messages are due, and the server who is alive.
const CLOCK: clock::Bounds = clock::Bounds {
    agree: 2,
    too_far: 30,
    todo: "let both machines follow NTP: gateways say when messages are due, and the server who is alive",
};

pub(super) async fn check(queue: &Queue) -> Vec<Finding> {
    match queue {
        Queue::Sqlite(path) => file("queue", path).await,
        Queue::RabbitMq { broker, ledger, .. } => {
            let (broker, ledger) = tokio::join!(portolan_rabbitmq::probe(broker), async {
                match ledger {
                    Ledger::Postgres(options) => postgres(portolan_postgres::probe(options).await),
                    Ledger::Sqlite(path) => file("ledger", path).await,
                }
            });
            let mut findings = rabbitmq(broker);
            findings.extend(ledger);
            findings
        }
    }
}

async fn file(what: &'static str, path: &Path) -> Vec<Finding> {
    let check = Check::new(what, path.display());
    let path = path.to_owned();
    // Nobody cancels it.
    match tokio::task::spawn_blocking(move || portolan_sqlite::probe(&path)).await {
        Ok(probed) => vec![sqlite(&check, probed)],
        Err(_) => Vec::new(),
    }
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

/// Each node by itself: a gateway needs one of them.
fn rabbitmq(probed: Result<Vec<portolan_rabbitmq::Probe>, portolan_rabbitmq::OpenError>) -> Vec<Finding> {
    let todo =
        "see that the broker runs, and `queue` in the configuration; `rabbitmqctl status` on its machine";
    let nodes = match probed {
        Ok(nodes) => nodes,
        Err(error) => return vec![Check::new("queue", "RabbitMQ").problem(error.to_string(), todo)],
    };
    let any = nodes.iter().any(|node| node.connected.is_ok());
    let found = nodes.into_iter().flat_map(|node| {
        let name = format!("RabbitMQ {}", node.server);
        let check = Check::new("queue", &name);
        let connected = match node.connected {
            Ok(took) => {
                check.ok(format!("takes the credentials and has the virtual host; {} ms", took.as_millis()))
            }
            Err(error) if any => check.warning(error.to_string(), todo),
            Err(error) => check.problem(error.to_string(), todo),
        };
        let readable = node.readable_password.then(|| check.warning(READABLE, "write amqps:// in `queue`"));
        let certificate = certificates::shown(name, &node.certificates);
        [Some(connected), readable, certificate].into_iter().flatten()
    });
    found.collect()
}

const READABLE: &str = "the password crosses the network without TLS";

fn postgres(probed: Result<portolan_postgres::Probe, portolan_postgres::OpenError>) -> Vec<Finding> {
    let check = Check::new("ledger", "PostgreSQL");
    let probe = match probed {
        Ok(probe) => probe,
        Err(error) => {
            let todo = "see that the server runs, and `ledger` in the configuration";
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
    let clocks = clock::check(&Check::new("clock", "PostgreSQL"), probe.clocks, &CLOCK);
    let readable = probe
        .readable_password
        .then(|| check.warning(READABLE, "write `sslmode=require` into the URL of `ledger`"));
    let certificate = certificates::shown("PostgreSQL", &probe.certificates);
    [Some(server), readable, certificate, Some(clocks)].into_iter().flatten().collect()
}
