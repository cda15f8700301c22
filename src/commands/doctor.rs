//! `portolan doctor`: whether everything that a gateway rests on is there and in order. Each kind of check is a function
//! from the configuration to findings, in a file of its own; nothing is changed, and no system is asked to do anything.

mod certificates;
mod clock;
mod configuration;
mod files;
mod finding;
mod gateway;
mod queue;
mod systems;

use std::{net::SocketAddr, path::PathBuf};

use serde_json::json;

use crate::{
    config::Config,
    report::{Failure, Format, Report, plural},
    table::Table,
};

use finding::{Finding, State};

/// Check what a gateway rests on: configuration, files, certificates, queue, systems, clocks.
///
/// A line for each check: whether it is ok, what is wrong, and what to do. Nothing is changed, and systems are only sent a GET.
/// Run it as the user that runs the gateway, beside it or before it starts. Exits 1 if there is a problem; warnings alone
/// are no problem.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan doctor
  portolan doctor --config /etc/portolan/portolan.yaml --format json")]
pub(crate) struct Arguments {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "portolan.yaml")]
    config: PathBuf,
    /// The address of the running gateway's admin API [default: `listen.http` of the configuration]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let (config, mut findings) = configuration::check(&arguments.config);
    if let Some(config) = &config {
        findings.extend(super::small_runtime()?.block_on(examine(config, arguments.admin)));
    }
    print(&findings, arguments.format, report)?;
    match config {
        // Nothing else could be looked at.
        None => Err(Failure::Printed { code: 2 }),
        Some(_) if findings.iter().any(|finding| finding.state == State::Problem) => Err(Failure::Findings),
        Some(_) => Ok(()),
    }
}

/// Everything that a sound configuration allows to look at.
async fn examine(config: &Config, admin: Option<SocketAddr>) -> Vec<Finding> {
    let mut findings = files::check(config);
    findings.extend(certificates::check(config));
    let (queue, systems, gateway) =
        tokio::join!(queue::check(&config.queue), systems::check(config), gateway::check(config, admin));
    findings.extend([queue, systems, gateway].into_iter().flatten());
    findings
}

fn print(findings: &[Finding], format: Format, report: &Report) -> Result<(), Failure> {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (problems, warnings) = (count(State::Problem), count(State::Warning));
    if format == Format::Json {
        return report.json(&json!({ "findings": findings, "problems": problems, "warnings": warnings }));
    }
    let mut table = Table::new(["STATE", "CHECK", "OF", "FINDING"]);
    for finding in findings {
        let said = match &finding.todo {
            Some(todo) => format!("{}; {todo}", finding.said),
            None => finding.said.clone(),
        };
        table.row([finding.state.name().to_owned(), finding.check.to_owned(), finding.of.clone(), said]);
    }
    table.print(report);
    report.line(format_args!(
        "{}: {}, {}",
        plural(findings.len(), "check"),
        plural(problems, "problem"),
        plural(warnings, "warning")
    ));
    Ok(())
}
