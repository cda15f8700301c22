//! `portolan check`
use crate::report::{Failure, Report};
/// check
#[derive(clap::Args)]
pub(crate) struct Arguments {}
pub(super) fn run(_: &Arguments, _: &Report) -> Result<(), Failure> {
    Ok(())
}
