//! The systems: whether they answer, how fast, with which certificate and what time; whether their folders can be used.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use portolan_batch::{FolderOptions, KeyFile, Pattern, Strangers};
use portolan_delivery::Timestamp;
use portolan_grpc::system::{self as grpc, Health};
use portolan_soap::{self as soap, SoapOptions};

use super::{
    certificates, clock,
    configuration::Patterns,
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
pub(super) async fn check(config: &Config, patterns: &Patterns, findings: &Findings<'_>) {
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
    let opened = config.folders.iter().map(|(name, source)| async move {
        let check = Check::new("system", name);
        let taken = patterns.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        findings.of(&check, by_folder(&check, &source.options, taken)).await;
    });
    join(join_all(asked), join_all(opened)).await;
}

async fn by_folder(check: &Check, options: &FolderOptions, patterns: &[Pattern]) -> Vec<Finding> {
    let key = options.sftp.as_ref().and_then(|sftp| sftp.key.as_ref());
    let readable = key.and_then(|key| key_that_others_read(check, key));
    let (begun, asked, patterns) = (Instant::now(), options.clone(), patterns.to_vec());
    let probed = tokio::task::spawn_blocking(move || portolan_batch::probe(&asked, &patterns)).await;
    let lies_there = probed.iter().flatten().find_map(|strangers| of_nobody(check, strangers));
    let found = match probed {
        Ok(Ok(_)) => match options.sftp {
            Some(_) => check.ok(format!(
                "it lets the user in, and the folder can be written to; answered in {} ms",
                begun.elapsed().as_millis()
            )),
            None => check.ok("its folder can be written to"),
        },
        Ok(Err(error)) => check.problem(error.said, error.todo),
        Err(panicked) => check.problem(panicked.to_string(), "report this as a bug"),
    };
    readable.into_iter().chain([found]).chain(lies_there).collect()
}

fn of_nobody(check: &Check, strangers: &Strangers) -> Option<Finding> {
    let Strangers { names, count } = strangers;
    let more = if *count > names.len() as u64 { ", ..." } else { "" };
    (*count > 0).then(|| {
        check.warning(
            format!("{count} in its folder by names that no route takes: {}{more}", names.join(", ")),
            "correct the `pattern` of a route (capital letters are not small ones), or take away what does not belong there",
        )
    })
}

fn key_that_others_read(check: &Check, key: &KeyFile) -> Option<Finding> {
    let mode = fs::metadata(&key.path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        check.warning("others than its owner can read its `key`", format!("chmod 600 {}", key.path.display()))
    })
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
