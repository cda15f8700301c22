//! `portolan topology`: what the routes need at the broker, what strangers do, and what there is.

use std::{path::PathBuf, sync::Arc};

use portolan_diagnostics::Sources;
use portolan_rabbitmq::{Found, Inspected, Needs, Options, QueueType};
use serde_json::json;
use uuid::Uuid;

use crate::{
    config::{self, Ledger, Queue},
    mappings,
    report::{Failure, Format, Report, plural},
    table::Table,
};

/// Show the queues that the routes need at RabbitMQ, and what strangers need, or make what is missing.
///
/// A gateway makes them itself when it starts, and its user must be allowed to. This is for looking before, and after an error.
/// What is there is never changed or deleted, nor are queues of routes that are gone.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  portolan topology
  portolan topology show --config /etc/portolan/portolan.yaml --format json
  portolan topology apply"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    show: Show,
}

/// What to do about the topology.
#[derive(clap::Subcommand)]
enum Command {
    Show(Show),
    Apply(Apply),
}

/// Show each queue that the routes need: whether it is there, and is what it is to be.
///
/// Exits 1 if one is missing or differs.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan topology show
  portolan topology show --format json")]
struct Show {
    #[command(flatten)]
    wanted: Wanted,
}

/// Make the queues that are missing.
///
/// Exits 1 if one cannot be made, or is there and differs: empty and delete that one by hand, or use its type.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan topology apply
  portolan topology apply --config /etc/portolan/portolan.yaml")]
struct Apply {
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(clap::Args)]
struct Wanted {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "portolan.yaml")]
    config: PathBuf,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let (wanted, apply) = match arguments.command {
        None => (arguments.show.wanted, false),
        Some(Command::Show(Show { wanted })) => (wanted, false),
        Some(Command::Apply(Apply { wanted })) => (wanted, true),
    };
    let format = wanted.format;
    compare(&wanted, apply, report).map_err(|failure| report.in_format(failure, format))
}

fn compare(wanted: &Wanted, apply: bool, report: &Report) -> Result<(), Failure> {
    let Needed { mut broker, ledger, routes, ingress } = needed(&wanted.config)?;
    let needs = Needs { routes: &routes, ingress: &ingress };
    let compared = super::small_runtime()?.block_on(async {
        broker.ledger = identity(&ledger).await;
        match apply {
            true => portolan_rabbitmq::apply(&broker, needs).await,
            false => portolan_rabbitmq::inspect(&broker, needs).await,
        }
    });
    let queues = compared.map_err(Failure::failed)?;
    match wanted.format {
        Format::Json => {
            let queues: Vec<_> = queues.iter().map(shown).collect();
            report.json(&json!({ "queues": queues }))?;
        }
        Format::Text => print(&queues, report),
    }
    match queues.iter().all(is_there) {
        true => Ok(()),
        false => Err(Failure::Findings),
    }
}

/// Whose the queues are to be. Of a ledger that is away, or was never opened, nobody can say; a file is its gateway's alone.
async fn identity(ledger: &Ledger) -> Option<Uuid> {
    match ledger {
        Ledger::Postgres(options) => portolan_postgres::probe(options).await.ok()?.identity,
        Ledger::Sqlite(_) => None,
    }
}

/// The broker, the routes that are to be served, and those into which strangers publish.
struct Needed {
    broker: Options,
    ledger: Ledger,
    routes: Vec<Arc<str>>,
    ingress: Vec<Arc<str>>,
}

fn needed(path: &std::path::Path) -> Result<Needed, Failure> {
    let mut sources = Sources::default();
    let loaded = config::load(path, &mut sources).into_result();
    let (config, _) = loaded.map_err(|found| Failure::configuration(found, &sources))?;
    let Queue::RabbitMq { broker, ledger, strangers } = &config.queue else {
        return Err(Failure::usage(
            "the queue is a SQLite file: there is no broker, and nothing to set up at one",
        )
        .help("queues are made at RabbitMQ, with queue: \"amqps://...\" in the configuration"));
    };
    let read = mappings::sound(&config, &mut sources)?;
    let kept = read.routes.iter().map(|found| &found.loaded.route).filter(|route| route.is_recorded());
    let mut routes: Vec<_> = kept.map(|route| Arc::from(&*route.name)).collect();
    routes.sort();
    let ingress = strangers.ingress.iter().map(|named| named.value.clone()).collect();
    Ok(Needed { broker: (**broker).clone(), ledger: ledger.clone(), routes, ingress })
}

fn is_there(queue: &Inspected) -> bool {
    matches!(queue.found, Ok(Found::There { .. } | Found::Exchange | Found::Made))
}

fn state(queue: &Inspected) -> &'static str {
    match queue.found {
        Ok(Found::There { .. } | Found::Exchange) => "there",
        Ok(Found::Made) => "made",
        Ok(Found::Missing) => "missing",
        Err(_) => "wrong",
    }
}

fn kind(queue: &Inspected) -> &'static str {
    match queue.queue_type {
        Some(QueueType::Quorum) => "quorum",
        Some(QueueType::Classic) => "classic",
        None => "topic",
    }
}

fn shown(queue: &Inspected) -> serde_json::Value {
    let mut shown =
        json!({ "route": queue.route, "queue": queue.queue, "type": kind(queue), "state": state(queue) });
    match &queue.found {
        Ok(Found::There { messages, consumers }) => {
            shown["messages"] = json!(messages);
            shown["consumers"] = json!(consumers);
        }
        Err(problem) => shown["problem"] = json!(problem.to_string()),
        Ok(Found::Exchange | Found::Missing | Found::Made) => {}
    }
    shown
}

/// `6 queues and 1 exchange`
pub(super) fn counted(inspected: &[Inspected]) -> String {
    let exchanges = inspected.iter().filter(|one| one.queue_type.is_none()).count();
    let queues = plural(inspected.len() - exchanges, "queue");
    if exchanges == 0 { queues } else { format!("{queues} and {}", plural(exchanges, "exchange")) }
}

fn print(queues: &[Inspected], report: &Report) {
    let mut table = Table::new(["QUEUE", "TYPE", "STATE", "MESSAGES", "GATEWAYS"]);
    for queue in queues {
        let (messages, consumers) = match queue.found {
            Ok(Found::There { messages, consumers }) => (messages.to_string(), consumers.to_string()),
            _ => ("-".to_owned(), "-".to_owned()),
        };
        table.row([
            queue.queue.clone(),
            kind(queue).to_owned(),
            state(queue).to_owned(),
            messages,
            consumers,
        ]);
    }
    table.print(report);
    for problem in queues.iter().filter_map(|queue| queue.found.as_ref().err()) {
        report.line(format_args!("\n{problem}"));
    }
    let count = |state_: &str| queues.iter().filter(|queue| state(queue) == state_).count();
    let mut said = counted(queues);
    for (state, what) in [("made", "made now"), ("missing", "missing"), ("wrong", "wrong")] {
        match count(state) {
            0 => {}
            some => said.push_str(&format!(", {some} {what}")),
        }
    }
    if count("missing") > 0 {
        said.push_str("; `portolan topology apply` makes what is missing, as does a gateway that starts");
    }
    report.line(format_args!("\n{said}"));
}
