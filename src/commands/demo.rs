//! `portolan demo`: simulated legacy systems and a gateway in front of them, called as a portal would call. Everything is
//! real but the systems: the gateway is this program's own `serve` as a process of its own, over gRPC, SOAP and SQLite.

mod acts;
mod file_acts;
mod stage;
mod wire;

use crate::report::{Failure, Report};

/// Watch the main job: a portal's calls, answered by legacy SOAP services and by files.
///
/// Starts four simulated systems and a gateway on free ports and in a temporary folder, makes calls and drops files, and shows what
/// the caller got, what went over the wire or into files, and how long it took. Needs no server and no network.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan demo
  portolan demo --keep     leaves the folder with mappings, configuration and queue, to go on from")]
pub(crate) struct Arguments {
    /// Leave the folder with the mappings, the configuration and the queue
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Failure::failed)?.block_on(async {
        let stage = stage::Stage::set(arguments.keep).await?;
        acts::play(&stage, report).await?;
        stage.strike(report).await
    })
}
