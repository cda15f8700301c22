//! `portolan batch`: files that came in and files that are made, and what became of them.

mod cut;
mod decide;
mod list;
mod made;
mod place;
mod release;
mod show;
mod view;

use crate::report::{Failure, Report};

/// Look at files that came in and files that are made of messages, have one made now, and decide on one that cannot be made or was refused.
///
/// Through the running gateway's admin API; where none runs, on the database itself. Files are remembered for good.
#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  portolan batch list --open
  portolan batch show wages-2026-11.txt
  portolan batch show 9f86d081884c
  portolan batch cut benefits.submit-claim
  portolan batch retry CLAIMS.20261130.0001
  portolan batch release wages-2026-11.txt --reason 'the count is of last month, says the sender'")]
pub(crate) enum Arguments {
    List(list::Arguments),
    Show(show::Arguments),
    Cut(cut::Arguments),
    Retry(decide::Retry),
    Refuse(decide::Refuse),
    Release(release::Arguments),
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let runtime = super::small_runtime()?;
    runtime.block_on(async {
        match arguments {
            Arguments::List(arguments) => list::run(arguments, report).await,
            Arguments::Show(arguments) => show::run(arguments, report).await,
            Arguments::Cut(arguments) => cut::run(arguments, report).await,
            Arguments::Retry(arguments) => decide::retry(arguments, report).await,
            Arguments::Refuse(arguments) => decide::refuse(arguments, report).await,
            Arguments::Release(arguments) => release::run(arguments, report).await,
        }
    })
}
