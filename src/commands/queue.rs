//! `portolan queue`: what waits, what failed, and what a person decides about it.

mod bulk;
mod decide;
mod list;
mod show;
pub(super) mod view;
mod waits;

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use crate::report::{Failure, Report};

/// Look at messages, and decide about dead letters.
///
/// Through the running gateway's admin API; where none runs, on the database itself.
#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  portolan queue list --state dead
  portolan queue show 019a3f2e-7c1b-7000-8000-000000000001
  portolan queue retry 019a3f2e-7c1b-7000-8000-000000000001
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --succeeded answer.xml
  portolan queue discard 019a3f2e-7c1b-7000-8000-000000000001 --reason 'withdrawn by the caller'
  portolan queue retry --route benefits.submit-claim --class unsent --yes")]
pub(crate) enum Arguments {
    List(list::Arguments),
    Show(show::Arguments),
    Retry(decide::Retry),
    Resolve(decide::Resolve),
    Discard(decide::Discard),
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let runtime = super::small_runtime()?;
    runtime.block_on(async {
        match arguments {
            Arguments::List(arguments) => list::run(arguments, report).await,
            Arguments::Show(arguments) => show::run(&arguments, report).await,
            Arguments::Retry(arguments) => decide::retry(&arguments, report).await,
            Arguments::Resolve(arguments) => decide::resolve(&arguments, report).await,
            Arguments::Discard(arguments) => decide::discard(&arguments, report).await,
        }
    })
}

/// Whether a file that is written next would stand where one is.
fn not_there(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let there = std::io::ErrorKind::AlreadyExists;
    Err(Failure::failed(format_args!("{} cannot be written: {there}", path.display())))
}

/// Writes bytes that may be personal data: for the user alone, and never over a file that is there.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|problem| {
        Failure::failed(format_args!("{} cannot be written: {}", path.display(), problem.kind()))
    })
}
