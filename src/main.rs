//! The `portolan` command: one file a subcommand under `commands/`, one list of adapters in `registry.rs`, one place that
//! renders what went wrong, `report.rs`.

mod commands;
mod config;
mod files;
mod layouts;
mod loader;
mod logging;
mod mappings;
mod metrics;
mod problems;
mod registry;
mod report;
mod schema;
mod table;
mod traces;
mod units;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use report::Report;

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  findings, or a failure at work
  2  wrong usage or configuration";

/// Integration middleware: gRPC in front of legacy systems, by mapping files that are checked before they run.
#[derive(Parser)]
#[command(name = "portolan", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = Report::new();
    match arguments.command.run(&report) {
        Ok(()) => match report.unwritten() {
            None => ExitCode::SUCCESS,
            Some(failure) => report.failure(&failure),
        },
        Err(failure) => report.failure(&failure),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
