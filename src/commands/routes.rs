//! `portolan routes`: what a gateway serves, how that fares, and which of it is held up.

use std::sync::Arc;

use portolan_delivery::{Control, RouteStatus, RouteView, system::Shut};
use serde_json::json;

use super::{
    gateway::{Gateway, Purpose, refused},
    queue::view,
};
use crate::{
    report::{Failure, Format, Report},
    table::Table,
};

/// List the routes with how they fare, or hold them up.
///
/// Through the running gateway's admin API; where none runs, on the database itself, which knows only the names of routes
/// that have messages or are held up. What is decided about a route holds for every gateway that shares the queue, and
/// until it is decided otherwise.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  portolan routes
  portolan routes list --admin 127.0.0.1:8080 --token-file portolan.db.admin-token --format json
  portolan routes pause benefits.submit-claim
  portolan routes resume benefits.submit-claim"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

/// What to do with routes.
#[derive(clap::Subcommand)]
enum Command {
    List(List),
    Pause(Pause),
    Resume(Resume),
    Drain(Drain),
}

/// List the routes, what waits in them, and why a system is not asked.
///
/// Whether a system is away is what the gateway that is asked has found; others may not know yet.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan routes list
  portolan routes list --format json")]
struct List {
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Accept messages, and do not work on them.
///
/// Callers who would wait for an answer are told at once that it is not to be had now: UNAVAILABLE, reason ROUTE_PAUSED.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan routes pause benefits.submit-claim")]
struct Pause {
    #[command(flatten)]
    named: Named,
}

/// Accept messages and work on them again.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan routes resume benefits.submit-claim")]
struct Resume {
    #[command(flatten)]
    named: Named,
}

/// Accept no messages, and work on those that wait.
///
/// Callers are told at once: UNAVAILABLE, reason ROUTE_DRAINING. What was accepted before is answered.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan routes drain benefits.submit-claim && portolan routes list")]
struct Drain {
    #[command(flatten)]
    named: Named,
}

#[derive(clap::Args)]
struct Named {
    /// The routes
    #[arg(value_name = "ROUTE", required = true)]
    routes: Vec<String>,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let (format, done) = match arguments.command.unwrap_or(Command::List(arguments.list)) {
        Command::List(list) => (list.format, self::list(&list, report)),
        Command::Pause(Pause { named }) => (named.format, control(&named, Control::Paused, report)),
        Command::Resume(Resume { named }) => (named.format, control(&named, Control::Running, report)),
        Command::Drain(Drain { named }) => (named.format, control(&named, Control::Draining, report)),
    };
    done.map_err(|failure| report.in_format(failure, format))
}

fn control(named: &Named, control: Control, report: &Report) -> Result<(), Failure> {
    super::small_runtime()?.block_on(async {
        let operator = named.gateway.operator(Purpose::Decide).await?;
        for route in &named.routes {
            operator.control(Arc::from(route.as_str()), control).await.map_err(|problem| {
                refused(problem).help("`portolan routes list` shows the routes that there are")
            })?;
            if named.format == Format::Text {
                report.line(format_args!("{route} is {}", control.name()));
            }
        }
        match named.format {
            Format::Text => Ok(()),
            Format::Json => report.json(&json!({ "state": control.name(), "routes": named.routes })),
        }
    })
}

fn list(list: &List, report: &Report) -> Result<(), Failure> {
    let statuses = super::small_runtime()?.block_on(async {
        let operator = list.gateway.operator(Purpose::Read).await?;
        operator.route_statuses().await.map_err(refused)
    })?;
    if list.format == Format::Json {
        return report.json(&statuses.iter().map(status).collect::<Vec<_>>());
    }
    let headings =
        ["ROUTE", "METHOD", "SYSTEM", "MODE", "STATE", "WAITING", "AT WORK", "DEAD", "OLDEST", "BUNDLE"];
    let mut table = Table::new(headings);
    for RouteStatus { view: route, control, shut, broker: _, waiting, at_work, dead, oldest } in &statuses {
        let system = match shut {
            None => route.system.to_string(),
            Some(Shut::Away(until)) => format!("{} (away, next asked {})", route.system, view::time(*until)),
            Some(Shut::Maintenance(until)) => {
                format!("{} (in maintenance until {})", route.system, view::time(*until))
            }
        };
        table.row([
            route.route.to_string(),
            route.method.to_string(),
            system,
            route.mode.to_string(),
            control.name().to_owned(),
            waiting.to_string(),
            at_work.to_string(),
            dead.to_string(),
            oldest.map(view::time).unwrap_or_default(),
            short(&route.bundle).to_owned(),
        ]);
    }
    table.print(report);
    if let Some(trouble) = statuses.iter().find_map(|status| status.broker.and_then(view::broker_trouble)) {
        report.note(format_args!("{trouble}; `portolan doctor` finds out more"));
    }
    Ok(())
}

/// How a route fares, for programs.
fn status(status: &RouteStatus) -> serde_json::Value {
    let RouteStatus { view: route, control, shut, broker, waiting, at_work, dead, oldest } = status;
    let shut = shut.map(|shut| match shut {
        Shut::Away(until) => json!({ "why": "away", "until": view::time(until) }),
        Shut::Maintenance(until) => json!({ "why": "maintenance", "until": view::time(until) }),
    });
    json!({
        "route": route.route,
        "method": route.method,
        "system": route.system,
        "mode": route.mode,
        "bundle": route.bundle,
        "state": control.name(),
        "waiting": waiting,
        "at_work": at_work,
        "dead": dead,
        "oldest": oldest.map(view::time),
        "shut": shut,
        "broker": broker.map(|broker| json!({ "connected": broker.connected, "blocked": broker.blocked })),
    })
}

/// A route, for programs.
#[derive(serde::Serialize)]
pub(super) struct Shown<'a> {
    route: &'a str,
    method: &'a str,
    system: &'a str,
    mode: &'a str,
    bundle: &'a str,
}

impl<'a> Shown<'a> {
    fn of(view: &'a RouteView) -> Self {
        let RouteView { route, method, system, mode, bundle } = view;
        Self { route, method, system, mode, bundle }
    }
}

/// Routes, for programs.
pub(super) fn shown(routes: &[RouteView]) -> Vec<Shown<'_>> {
    routes.iter().map(Shown::of).collect()
}

/// Routes with what they join, for people.
pub(super) fn print(routes: &[RouteView], report: &Report) {
    let mut table = Table::new(["ROUTE", "METHOD", "SYSTEM", "MODE", "BUNDLE"]);
    for r in routes {
        table.row([&*r.route, &*r.method, &*r.system, &*r.mode, short(&r.bundle)]);
    }
    table.print(report);
}

fn short(bundle: &str) -> &str {
    bundle.get(..12).unwrap_or(bundle)
}
