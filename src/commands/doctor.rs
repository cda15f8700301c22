//! `portolan doctor`: whether everything that a gateway rests on is there and in order. Each kind of check finds something
//! out from the configuration, in a file of its own; nothing is changed, and no system is asked to do anything.

mod broker;
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
};

use configuration::Looked;
use finding::{Finding, Findings, State};

/// Check what a gateway rests on: configuration, files, certificates, queue, systems, clocks.
///
/// A line for each check, as soon as it ends: whether it is ok, what is wrong, and what to do. Nothing is changed: systems are only
/// sent a GET, and into their folders an empty file is written that is taken away at once.
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
    let findings = match arguments.format {
        Format::Text => Findings::told(report),
        Format::Json => Findings::kept(),
    };
    let looked = configuration::check(&arguments.config);
    findings.tell(looked.findings.iter().cloned());
    if let Some(config) = &looked.config {
        let examined = examine(config, &looked, arguments.admin, &findings);
        super::small_runtime()?.block_on(examined);
    }
    let all = findings.into_all();
    sum_up(&all, arguments.format, report)?;
    match looked.config {
        // Nothing else could be looked at.
        None => Err(Failure::Printed { code: 2 }),
        Some(_) if all.iter().any(|finding| finding.state == State::Problem) => Err(Failure::Findings),
        Some(_) => Ok(()),
    }
}

/// Everything that a sound configuration allows to look at; what may take time, at once.
async fn examine(config: &Config, looked: &Looked, admin: Option<SocketAddr>, findings: &Findings<'_>) {
    findings.tell(files::check(config));
    findings.tell(certificates::check(config));
    tokio::join!(
        queue::check(config, &looked.routes, findings),
        systems::check(config, &looked.patterns, findings),
        gateway::check(config, admin, findings)
    );
}

fn sum_up(findings: &[Finding], format: Format, report: &Report) -> Result<(), Failure> {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (problems, warnings) = (count(State::Problem), count(State::Warning));
    if format == Format::Json {
        return report.json(&json!({ "findings": findings, "problems": problems, "warnings": warnings }));
    }
    report.line(format_args!(
        "{}: {}, {}",
        plural(findings.len(), "check"),
        plural(problems, "problem"),
        plural(warnings, "warning")
    ));
    Ok(())
}
