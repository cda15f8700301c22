//! `portolan demo`: a simulated legacy system and a gateway in front of it, called as a portal would call: an answer, a
//! legacy fault, a failure in a normal reply, a bad request, a claim repeated with its request id, a claim made while the
//! legacy service is down and completed when it is back. For each: what the caller got, what went over the wire, how long
//! it took.

use crate::report::{Failure, Report};

/// Show the gateway at work between a simulated portal and a simulated legacy system.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  portolan demo")]
pub(crate) struct Arguments {}

pub(super) fn run(_: &Arguments, _: &Report) -> Result<(), Failure> {
    Err(Failure::usage("the demo is not part of this build"))
}
