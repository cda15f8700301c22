//! The systems: whether they answer, how fast, with which certificate and what time.

use std::time::Duration;

use futures_util::future::join_all;
use portolan_delivery::Timestamp;
use portolan_soap::{Probe, ProbeError, probe};

use super::{
    certificates, clock,
    finding::{Check, Finding, Findings},
    queue::READABLE,
};
use crate::config::{Config, SystemKind};

/// Nothing here goes by a system's clock.
const CLOCK: clock::Bounds = clock::Bounds {
    agree: 5,
    too_far: u64::MAX,
    todo: "one of the two is wrong: let this machine follow NTP, and tell the system's owner",
};

/// All of them at once: one that hangs holds up no other.
pub(super) async fn check(config: &Config, findings: &Findings<'_>) {
    let asked = config.systems.iter().map(|(name, system)| async move {
        let SystemKind::Soap { options, .. } = &system.kind;
        let probed = async {
            let readable = options.readable_password().then(|| readable(name));
            readable.into_iter().chain(of(name, probe(options).await, Timestamp::now())).collect()
        };
        findings.of(&Check::new("system", name), probed).await;
    });
    join_all(asked).await;
}

fn of(name: &str, probed: Result<Probe, ProbeError>, now: Timestamp) -> Vec<Finding> {
    let check = Check::new("system", name);
    let probe = match probed {
        Ok(probe) => probe,
        Err(error) => return vec![check.problem(error.said, error.todo)],
    };
    let mut findings = vec![answer(&check, &probe)];
    findings.extend(certificates::shown(name, &probe.certificates));
    if let Some(date) = probe.date {
        findings.push(clock::check(&Check::new("clock", name), (date.into(), now), &CLOCK));
    }
    findings
}

fn readable(name: &str) -> Finding {
    let todo = "write https:// in its `endpoint`, or `type: digest` under `ws-security`";
    Check::new("system", name).warning(READABLE, todo)
}

fn answer(check: &Check, probe: &Probe) -> Finding {
    let ms = |time: Duration| time.as_millis();
    let times = format!("connected in {} ms, answered in {} ms", ms(probe.connected), ms(probe.answered));
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
