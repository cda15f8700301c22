//! The systems: whether they answer, how fast, with which certificate and what time.

use std::time::Duration;

use futures_util::future::join_all;
use portolan_delivery::Timestamp;
use portolan_grpc::system::{self as grpc, Health};
use portolan_soap::{self as soap, SoapOptions};

use super::{
    certificates, clock,
    finding::{Check, Finding, Findings},
    queue::READABLE,
};
use crate::config::{Config, SystemKind, speaks_of_a_secret};

/// Nothing here goes by a system's clock.
const CLOCK: clock::Bounds = clock::Bounds {
    agree: 5,
    too_far: u64::MAX,
    todo: "one of the two is wrong: let this machine follow NTP, and tell the system's owner",
};

/// All of them at once: one that hangs holds up no other.
pub(super) async fn check(config: &Config, findings: &Findings<'_>) {
    let asked = config.systems.iter().map(|(name, system)| async move {
        let check = Check::new("system", name);
        let probed = async {
            match &system.kind {
                SystemKind::Soap { options, .. } => by_soap(&check, name, options).await,
                SystemKind::Grpc(options) => by_grpc(&check, name, options).await,
            }
        };
        findings.of(&check, probed).await;
    });
    join_all(asked).await;
}

async fn by_soap(check: &Check, name: &str, options: &SoapOptions) -> Vec<Finding> {
    let todo = "write https:// in its `endpoint`, or `type: digest` under `ws-security`";
    let readable = options.readable_password().then(|| check.warning(READABLE, todo));
    let found = match soap::probe(options).await {
        Ok(probe) => shown(name, answer(check, &probe), &probe.certificates, probe.date),
        Err(error) => vec![check.problem(error.said, error.todo)],
    };
    readable.into_iter().chain(found).collect()
}

async fn by_grpc(check: &Check, name: &str, options: &grpc::Options) -> Vec<Finding> {
    let secret = options.metadata.keys().any(|name| speaks_of_a_secret(name));
    let todo = "write https:// in its `address`";
    let readable = (options.readable() && secret).then(|| check.warning(READABLE, todo));
    let found = match grpc::probe(options).await {
        Ok(probe) => shown(name, health(check, &probe), &probe.certificates, probe.date),
        Err(error) => vec![check.problem(error.said, error.todo)],
    };
    readable.into_iter().chain(found).collect()
}

/// What was found of a system that answers, and what it showed of itself.
fn shown(
    name: &str,
    answer: Finding,
    certificates: &[Vec<u8>],
    date: Option<std::time::SystemTime>,
) -> Vec<Finding> {
    let clock =
        date.map(|date| clock::check(&Check::new("clock", name), (date.into(), Timestamp::now()), &CLOCK));
    [answer].into_iter().chain(certificates::shown(name, certificates)).chain(clock).collect()
}

fn times(connected: Duration, answered: Duration) -> String {
    format!("connected in {} ms, answered in {} ms", connected.as_millis(), answered.as_millis())
}

fn health(check: &Check, probe: &grpc::Probe) -> Finding {
    let times = times(probe.connected, probe.answered);
    match probe.health {
        Health::Serving => check.ok(format!("it serves, by its own account; {times}")),
        Health::NotTold => check.ok(format!("it speaks gRPC, and has no health service; {times}")),
        Health::NotServing => check.problem(
            format!("it does not serve now, by its own account; {times}"),
            "look into the system's own log",
        ),
        Health::RefusesUs => check.warning(
            format!("it does not tell its health to this gateway; {times}"),
            "see its `metadata` and `tls`, unless it answers every such question like this",
        ),
        Health::Failed(reason) => check.warning(
            format!("it answers the question for its health by {reason}; {times}"),
            "look into the system's own log",
        ),
    }
}

fn answer(check: &Check, probe: &soap::Probe) -> Finding {
    let times = times(probe.connected, probe.answered);
    let said = format!("HTTP {} to a GET; {times}", probe.status.as_u16());
    match probe.status.as_u16() {
        401 | 403 | 407 => {
            check.warning(said, "see its `auth` and `headers`, unless it refuses every GET like this")
        }
        404 | 410 => {
            check.warning(said, "see the path of its `endpoint`, unless it answers every GET like this")
        }
        300..=399 => check.warning(
            said,
            "write where it leads to into `endpoint`, unless it redirects every GET like this",
        ),
        502..=504 => check.problem(said, "what stands before the system does not reach it; is it up?"),
        _ => check.ok(said),
    }
}
