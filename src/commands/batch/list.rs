//! `portolan batch list`: files, newest first.

use portolan_delivery::{FileCounts, FileFilter, FileState};

use super::view;
use crate::{
    commands::{
        gateway::{Gateway, Purpose, refused},
        queue::view::time,
    },
    report::{Failure, Format, Report},
    table::Table,
};

/// List files that came in, newest first.
///
/// A file that is being taken is `open`: the gateway that is asked says how far it is with its own. What was dropped again after it was
/// taken is set aside as a duplicate, and is not a file of its own.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch list
  portolan batch list --open
  portolan batch list --route wages.record --limit 20 --format json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: Gateway,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Those that are being taken only
    #[arg(long)]
    open: bool,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let format = arguments.format;
    list(arguments, report).await.map_err(|failure| report.in_format(failure, format))
}

async fn list(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let Arguments { gateway, route, open, limit, format } = arguments;
    let operator = gateway.operator(Purpose::Read).await?;
    let limit = usize::from(limit);
    let filter = FileFilter { route, open, called: None, limit };
    let files = operator.files(filter).await.map_err(refused)?;
    if format == Format::Json {
        return report
            .json(&serde_json::json!({ "files": files.iter().map(view::file).collect::<Vec<_>>() }));
    }
    if files.is_empty() {
        report.line("no files");
        return Ok(());
    }
    let headings =
        ["RECEIVED", "DIRECTION", "ROUTE", "NAME", "STATE", "MESSAGES", "SKIPPED", "REJECTED", "SHA-256"];
    let mut table = Table::new(headings);
    for file in &files {
        let arrival = &file.record.arrival;
        let FileCounts { messages, skipped, rejected } = file.record.counts;
        // What was wrong with one that was refused whole says its receipt.
        let taken = |count: u64| match file.record.state {
            FileState::Refused => String::new(),
            FileState::Open | FileState::Taken => count.to_string(),
        };
        table.row([
            time(arrival.received),
            view::DIRECTION.to_owned(),
            arrival.route.to_string(),
            arrival.name.to_string(),
            view::state(file),
            taken(messages),
            taken(skipped),
            taken(rejected),
            view::short(arrival.hash),
        ]);
    }
    table.print(report);
    if files.len() == limit {
        report.note("there may be more: --limit");
    }
    Ok(())
}
