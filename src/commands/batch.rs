//! `portolan batch`: files that came in, and what became of them.

mod list;
mod place;
mod show;
mod view;

use crate::report::{Failure, Report};

/// Look at files that came in.
///
/// Through the running gateway's admin API; where none runs, on the database itself. Files are remembered for good.
#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  portolan batch list --open
  portolan batch show wages-2026-11.txt
  portolan batch show 9f86d081884c")]
pub(crate) enum Arguments {
    List(list::Arguments),
    Show(show::Arguments),
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let runtime = super::small_runtime()?;
    runtime.block_on(async {
        match arguments {
            Arguments::List(arguments) => list::run(arguments, report).await,
            Arguments::Show(arguments) => show::run(arguments, report).await,
        }
    })
}
