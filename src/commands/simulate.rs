//! `portolan simulate`: a legacy system that is not there, from nothing but its contract.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use portolan_diagnostics::Sources;
use portolan_soap::simulate::{Answers, Behaviour, Simulator};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    files, registry,
    report::{Failure, Report, plural},
    units,
};

/// How large an answers file may be.
const MAX_ANSWERS_BYTES: u64 = 16 << 20;

/// Stand in for a legacy system, for trying a mapping without it.
#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  portolan simulate soap --wsdl register.wsdl
  portolan simulate soap --wsdl register.wsdl --answers answers.yaml --latency 50ms --fault 5% --drop 1% --seed 7
  portolan simulate batch mappings/benefits/simulate/decide.yaml --from drop/out --to drop")]
pub(crate) enum Arguments {
    Soap(Soap),
    Batch(super::simulate_batch::Batch),
}

/// Serve every SOAP operation of a WSDL.
///
/// Requests are held against the contract. Answers are what the answers file says to a request, else made up so that the
/// contract allows them. Prints one line when it listens: `portolan simulator ready soap=http://ADDRESS/`. Ends with SIGINT
/// or SIGTERM, and tells how many requests of each operation came.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan simulate soap --wsdl register.wsdl --listen 127.0.0.1:8090
  portolan simulate soap --wsdl register.wsdl --answers answers.yaml --latency 50ms --fault 5% --drop 1% --seed 7")]
pub(crate) struct Soap {
    /// The contract
    #[arg(long, value_name = "FILE")]
    wsdl: PathBuf,
    /// A local file for what the WSDL would load from the network
    #[arg(long = "schema", value_name = "URL=FILE", value_parser = registry::stand_in)]
    schemas: Vec<(String, PathBuf)>,
    /// What to answer to which request (YAML)
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long each answer takes
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = units::duration)]
    latency: Duration,
    /// The share of requests that is answered with a fault
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = units::percent)]
    fault: f64,
    /// The share of requests whose connection is cut after they were read
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = units::percent)]
    drop: f64,
    /// The same seed gives the same answers, faults and cuts
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let arguments = match arguments {
        Arguments::Soap(arguments) => arguments,
        Arguments::Batch(arguments) => return super::simulate_batch::run(&arguments, report),
    };
    let mut sources = Sources::default();
    let read = registry::contract(&arguments.wsdl, &[], &arguments.schemas, &mut sources)?;
    let (contract, warnings) =
        read.into_result().map_err(|findings| Failure::configuration(findings, &sources))?;
    report.warnings(&warnings, &sources);
    let answers = match &arguments.answers {
        Some(path) => {
            let unsound = |problem: &dyn std::fmt::Display| {
                Failure::usage(format_args!("{}: {problem}", path.display()))
            };
            let text = files::read_text(path, MAX_ANSWERS_BYTES).map_err(|problem| unsound(&problem))?;
            Some(Answers::read(&text, &contract).map_err(|problem| unsound(&problem))?)
        }
        None => None,
    };
    let behaviour = Behaviour {
        latency: arguments.latency,
        fault_rate: arguments.fault,
        drop_rate: arguments.drop,
        seed: arguments.seed,
    };
    let mut simulator = Simulator::new(contract, answers, behaviour).map_err(Failure::usage)?;
    if let Some((_, entry)) = sources.iter().next() {
        simulator = simulator.with_wsdl(entry.text.as_bytes().to_vec());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(serve(simulator, arguments.listen, report))
}

async fn serve(simulator: Simulator, listen: SocketAddr, report: &Report) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(listen).await;
    let listener =
        listener.map_err(|problem| Failure::failed(format_args!("cannot listen on {listen}: {problem}")))?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let handle = simulator.handle();
    report.line(format_args!("portolan simulator ready soap=http://{address}/"));
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    simulator.serve(listener, stop).await.map_err(Failure::failed)?;
    for (operation, count) in handle.counts() {
        report.line(format_args!(
            "{operation}: {}",
            plural(usize::try_from(count).unwrap_or(usize::MAX), "request")
        ));
    }
    Ok(())
}
