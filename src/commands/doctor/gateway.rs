//! The gateway itself: whether one runs and takes calls, or could listen where it is to; and the collector of its traces.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use portolan_console::{AdminToken, ConsoleClient, Health, health};
use portolan_delivery::{Count, Operator as _, StateKind};

use super::finding::{Check, Finding, Findings};
use crate::{
    commands::gateway::reachable,
    config::{Config, Telemetry},
    report::plural,
    traces,
};

pub(super) async fn check(config: &Config, admin: Option<SocketAddr>, findings: &Findings<'_>) {
    let collected = async {
        if let Some(telemetry) = &config.telemetry {
            let check = Check::new("traces", "telemetry");
            findings.of(&check, async { vec![traced(&check, telemetry).await] }).await;
        }
    };
    let check = Check::new("gateway", admin.unwrap_or_else(|| reachable(config.listen.http)));
    tokio::join!(findings.of(&check, running(config, admin)), collected);
}

async fn traced(check: &Check, telemetry: &Telemetry) -> Finding {
    match traces::reach(&telemetry.collector).await {
        Ok(()) => check.ok("the collector takes connections"),
        Err(()) => check.warning(
            "the collector does not answer, and spans are lost",
            "see that it runs, and `telemetry` in the configuration",
        ),
    }
}

async fn running(config: &Config, admin: Option<SocketAddr>) -> Vec<Finding> {
    let address = admin.unwrap_or_else(|| reachable(config.listen.http));
    let check = Check::new("gateway", address);
    if address.port() == 0 {
        return vec![
            check.ok("`listen.http` takes a free port at each start; name a running gateway by --admin"),
        ];
    }
    match health(address).await {
        Ok(Health::Ready) => {
            let mut findings = vec![check.ok("runs and takes calls")];
            findings.extend(admin_api(config, address).await);
            findings
        }
        Ok(Health::NotReady) => {
            let todo = "it drains, or its queue is away: its log says which";
            let mut findings = vec![check.problem("runs and takes no calls", todo)];
            findings.extend(admin_api(config, address).await);
            findings
        }
        Ok(Health::Stranger) => {
            vec![check.problem("something else answers there", "give `listen.http` another address")]
        }
        Err(_) if admin.is_some() => {
            vec![check.problem("no gateway answers", "its `portolan ready` line shows `http=ADDRESS`")]
        }
        Err(_) => {
            let mut findings = vec![check.ok("no gateway runs")];
            let places = [("listen.http", config.listen.http), ("listen.grpc", config.listen.grpc.listen)];
            findings.extend(places.map(|(name, address)| place(name, address)));
            findings
        }
    }
}

async fn admin_api(config: &Config, address: SocketAddr) -> Vec<Finding> {
    let check = Check::new("admin API", address);
    let token = match AdminToken::read(&config.admin_token()) {
        Ok(token) => token,
        Err(problem) => {
            let said = format!("the admin token cannot be read: {problem}");
            return vec![check.problem(said, "run as the user that runs the gateway")];
        }
    };
    let asked = async {
        let client = ConsoleClient::connect(address, &token).await.map_err(|error| error.to_string())?;
        let told = tokio::try_join!(client.routes(), client.counts());
        told.map_err(|error| error.to_string())
    };
    match asked.await {
        Ok((routes, counts)) => {
            let answers = check.ok(format!("answers; routes served: {}", routes.len()));
            std::iter::once(answers).chain(undecided(&counts)).collect()
        }
        Err(said) => vec![check.problem(said, "is it a gateway of this configuration? see `admin-token`")],
    }
}

/// What waits for a person.
fn undecided(counts: &[Count]) -> Option<Finding> {
    let dead = counts.iter().filter(|count| count.state == StateKind::Dead);
    let messages: u64 = dead.clone().map(|count| count.messages).sum();
    let letters = plural(usize::try_from(messages).unwrap_or(usize::MAX), "dead letter");
    let said = format!("waiting for a decision: {letters} of {}", plural(dead.count(), "route"));
    let todo = "`portolan queue list --state dead`, and `portolan queue show ID` says what to do";
    (messages > 0).then(|| Check::new("queue", "dead letters").warning(said, todo))
}

/// Whether a gateway could listen there.
fn place(name: &'static str, address: SocketAddr) -> Finding {
    let check = Check::new("listen", format!("{name} {address}"));
    match TcpListener::bind(address) {
        Ok(_) => check.ok("free"),
        Err(problem) => {
            let todo = match problem.kind() {
                ErrorKind::AddrInUse => "another program listens there: stop it, or choose another port",
                ErrorKind::AddrNotAvailable => {
                    "this machine has no such address: 0.0.0.0 listens on all that it has"
                }
                ErrorKind::PermissionDenied => {
                    "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); choose a higher one"
                }
                _ => "choose another address",
            };
            check.problem(format!("cannot be listened at: {problem}"), todo)
        }
    }
}
