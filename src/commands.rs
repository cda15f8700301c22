//! The subcommands, each in a file of its own.

mod batch;
mod call;
mod check;
mod decode;
mod demo;
mod describe;
mod doctor;
mod document;
mod encode;
mod explain;
mod gateway;
mod portal;
mod queue;
mod reload;
mod routes;
mod schema;
mod serve;
mod simulate;
mod simulate_batch;
mod topology;
mod trace;
mod translate;
mod translate_file;
mod translate_made;

use crate::report::{Failure, Report};

/// A subcommand.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Serve(serve::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    Describe(describe::Arguments),
    Translate(translate::Arguments),
    Decode(decode::Arguments),
    Encode(encode::Arguments),
    Call(call::Arguments),
    Schema(schema::Arguments),
    #[command(subcommand)]
    Simulate(simulate::Arguments),
    #[command(subcommand)]
    Queue(queue::Arguments),
    #[command(subcommand)]
    Batch(batch::Arguments),
    Routes(routes::Arguments),
    Topology(topology::Arguments),
    Reload(reload::Arguments),
    Doctor(doctor::Arguments),
    Demo(demo::Arguments),
}

impl Command {
    /// Carries it out.
    pub(crate) fn run(self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Serve(arguments) => serve::run(arguments, report),
            Self::Check(arguments) => check::run(&arguments, report),
            Self::Explain(arguments) => explain::run(&arguments, report),
            Self::Describe(arguments) => describe::run(&arguments, report),
            Self::Decode(arguments) => decode::run(&arguments, report),
            Self::Encode(arguments) => encode::run(&arguments, report),
            Self::Translate(arguments) => translate::run(&arguments, report),
            Self::Schema(arguments) => schema::run(&arguments, report),
            Self::Call(arguments) => call::run(&arguments, report),
            Self::Simulate(arguments) => simulate::run(arguments, report),
            Self::Queue(arguments) => queue::run(arguments, report),
            Self::Batch(arguments) => batch::run(arguments, report),
            Self::Routes(arguments) => routes::run(arguments, report),
            Self::Topology(arguments) => topology::run(arguments, report),
            Self::Reload(arguments) => reload::run(&arguments, report),
            Self::Doctor(arguments) => doctor::run(&arguments, report),
            Self::Demo(arguments) => demo::run(&arguments, report),
        }
    }
}

/// A runtime for commands that ask one thing at a time.
fn small_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)
}
