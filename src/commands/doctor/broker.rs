//! RabbitMQ: its nodes, the queues that the routes need, what its user may do, and whether it takes messages.

use std::sync::Arc;

use portolan_rabbitmq::{Found, Inspected, Needs, OpenError, Options, Probe, Rights};
use uuid::Uuid;

use super::{
    certificates,
    finding::{Check, Finding, Findings},
    queue::READABLE,
};
use crate::{commands::topology, config::Strangers};

const TODO: &str =
    "see that the broker runs, and `queue` in the configuration; `rabbitmqctl status` on its machine";

pub(super) async fn check(
    options: &Options,
    strangers: &Strangers,
    routes: &[Arc<str>],
    ledger: impl Future<Output = Option<Uuid>>,
    findings: &Findings<'_>,
) {
    let check = Check::new("queue", "RabbitMQ");
    let mut reached = false;
    let probed = async {
        let nodes = portolan_rabbitmq::probe(options).await;
        reached = nodes.iter().flatten().any(|node| node.connected.is_ok());
        connected(nodes)
    };
    findings.of(&check, probed).await;
    if !reached {
        return;
    }
    let ingress: Vec<_> = strangers.ingress.iter().map(|named| named.value.clone()).collect();
    let needs = Needs { routes, ingress: &ingress };
    let rights = async { allowed(portolan_rabbitmq::rights(options).await, options) };
    let queues = async {
        // The queues of a prefix are one ledger's.
        let options = Options { ledger: ledger.await, ..options.clone() };
        compared(portolan_rabbitmq::inspect(&options, needs).await)
    };
    let [permissions, topology] =
        ["RabbitMQ, permissions", "RabbitMQ, queues"].map(|of| Check::new("queue", of));
    tokio::join!(findings.of(&permissions, rights), findings.of(&topology, queues));
}

/// Each node by itself: a gateway needs one of them.
fn connected(probed: Result<Vec<Probe>, OpenError>) -> Vec<Finding> {
    let nodes = match probed {
        Ok(nodes) => nodes,
        Err(error) => return vec![Check::new("queue", "RabbitMQ").problem(error.to_string(), TODO)],
    };
    let any = nodes.iter().any(|node| node.connected.is_ok());
    let found = nodes.into_iter().flat_map(|node| {
        let name = format!("RabbitMQ {}", node.server);
        let check = Check::new("queue", &name);
        let connected = match node.connected {
            Ok(took) => {
                check.ok(format!("takes the credentials and has the virtual host; {} ms", took.as_millis()))
            }
            Err(error) if any => check.warning(error.to_string(), TODO),
            Err(error) => check.problem(error.to_string(), TODO),
        };
        let readable = node.readable_password.then(|| check.warning(READABLE, "write amqps:// in `queue`"));
        let certificate = certificates::shown(name, &node.certificates);
        [Some(connected), readable, certificate].into_iter().flatten()
    });
    found.collect()
}

fn allowed(asked: Result<Rights, OpenError>, options: &Options) -> Vec<Finding> {
    let check = Check::new("queue", "RabbitMQ, permissions");
    let Rights { missing, blocked } = match asked {
        Ok(rights) => rights,
        Err(error) => return vec![check.problem(error.to_string(), TODO)],
    };
    let allowed = match missing.is_empty() {
        true => check.ok("the user may make queues, write to them and read from them"),
        false => check.problem(
            format!(
                "the user lacks the permission to {} queues named `{}.route...`",
                missing.join(" and "),
                options.queue_prefix
            ),
            "`rabbitmqctl set_permissions` gives them; deployments/rabbitmq/definitions.json shows which",
        ),
    };
    let takes = blocked.then(|| {
        Check::new("queue", "RabbitMQ, alarms").problem(
            "it takes no messages, as its memory or disk is short",
            "`rabbitmqctl status` shows the alarm: make room, or raise the limit",
        )
    });
    [Some(allowed), takes].into_iter().flatten().collect()
}

/// What is missing a gateway makes; what differs it refuses.
fn compared(inspected: Result<Vec<Inspected>, OpenError>) -> Vec<Finding> {
    let check = Check::new("queue", "RabbitMQ, queues");
    let all = match inspected {
        Ok(all) => all,
        Err(error) => return vec![check.problem(error.to_string(), TODO)],
    };
    let wrong = all.iter().filter_map(|one| {
        let problem = one.found.as_ref().err()?;
        let said = problem.to_string();
        let (said, todo) = said.split_once("; ").unwrap_or((&said, "`portolan topology` compares them"));
        Some(Check::new("queue", format!("RabbitMQ {}", one.queue)).problem(said, todo))
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return wrong;
    }
    let missing = all.iter().filter(|one| matches!(one.found, Ok(Found::Missing))).count();
    let said = topology::counted(&all);
    vec![check.ok(match missing {
        0 => format!("{said}, as the routes need them"),
        _ => format!("{said} needed, of which {missing} not there yet; a gateway that starts makes them"),
    })]
}
