//! `portolan batch list`: files, newest first.

use portolan_delivery::{FileCounts, FileFilter, FileState, FileView, MadeView, Timestamp};

use super::{made, view};
use crate::{
    commands::{
        gateway::{Gateway, Purpose, refused},
        queue::view::time,
    },
    report::{Failure, Format, Report},
    table::Table,
};

/// List files that came in and files that are made, newest first.
///
/// What gathers for the next file of a route stands among those that are made as `gathering`; one that is cut is `open` until it is whole,
/// then `ready`, and `delivered` when it has its name. OUTSTANDING are messages in it that are not answered.
///
/// A file that is being taken is `open`: the gateway that is asked says how far it is with its own. What was dropped again after it was
/// taken is set aside as a duplicate, and is not a file of its own. One that was refused and that an operator has released is `released` until it
/// is found.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch list
  portolan batch list --open
  portolan batch list --direction out
  portolan batch list --route wages.record --limit 20 --format json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: Gateway,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Those that come in, or those that are made, only
    #[arg(long, value_enum)]
    direction: Option<Direction>,
    /// Those that are being taken, were released and are not found yet, or are not delivered yet, only
    #[arg(long)]
    open: bool,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which way files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Direction {
    /// They are dropped, and become messages
    In,
    /// They are made of messages
    Out,
}

/// A file that came in, or one that is made.
enum Listed {
    In(Box<FileView>),
    Out(Box<MadeView>),
}

impl Listed {
    fn since(&self) -> Timestamp {
        match self {
            Self::In(file) => file.record.arrival.received,
            Self::Out(file) => file.file.since(),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::In(file) => view::file(file),
            Self::Out(file) => made::file(file),
        }
    }

    fn cells(&self) -> [String; 11] {
        match self {
            Self::In(file) => cells(file),
            Self::Out(file) => made::cells(file),
        }
    }
}

pub(super) async fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let format = arguments.format;
    list(arguments, report).await.map_err(|failure| report.in_format(failure, format))
}

async fn list(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let Arguments { gateway, route, direction, open, limit, format } = arguments;
    let operator = gateway.operator(Purpose::Read).await?;
    let limit = usize::from(limit);
    let filter = FileFilter { route, open, called: None, limit };
    let mut files = Vec::new();
    if direction != Some(Direction::Out) {
        let came = operator.files(filter.clone()).await.map_err(refused)?;
        files.extend(came.into_iter().map(|file| Listed::In(Box::new(file))));
    }
    if direction != Some(Direction::In) {
        let made = operator.made_files(filter).await.map_err(refused)?;
        files.extend(made.into_iter().map(|file| Listed::Out(Box::new(file))));
    }
    files.sort_by_key(|file| std::cmp::Reverse(file.since()));
    files.truncate(limit);
    if format == Format::Json {
        return report
            .json(&serde_json::json!({ "files": files.iter().map(Listed::json).collect::<Vec<_>>() }));
    }
    if files.is_empty() {
        report.line("no files");
        return Ok(());
    }
    if files.iter().any(|file| matches!(file, Listed::Out(_))) {
        let mut table = Table::new([
            "SINCE",
            "DIRECTION",
            "ROUTE",
            "NAME",
            "NUMBER",
            "STATE",
            "MESSAGES",
            "OUTSTANDING",
            "SKIPPED",
            "REJECTED",
            "SHA-256",
        ]);
        files.iter().for_each(|file| table.row(file.cells()));
        table.print(report);
    } else {
        // What only files that are made have is left out.
        let headings =
            ["RECEIVED", "DIRECTION", "ROUTE", "NAME", "STATE", "MESSAGES", "SKIPPED", "REJECTED", "SHA-256"];
        let mut table = Table::new(headings);
        for file in &files {
            let [since, direction, route, name, _, state, messages, _, skipped, rejected, hash] =
                file.cells();
            table.row([since, direction, route, name, state, messages, skipped, rejected, hash]);
        }
        table.print(report);
    }
    if files.len() == limit {
        report.note("there may be more: --limit");
    }
    Ok(())
}

fn cells(file: &FileView) -> [String; 11] {
    let arrival = &file.record.arrival;
    let FileCounts { messages, skipped, rejected } = file.record.counts;
    // What was wrong with one that was refused whole says its receipt.
    let taken = |count: u64| match file.record.state {
        FileState::Refused | FileState::Released => String::new(),
        FileState::Open | FileState::Taken => count.to_string(),
    };
    [
        time(arrival.received),
        view::DIRECTION.to_owned(),
        arrival.route.to_string(),
        arrival.name.to_string(),
        String::new(),
        view::state(file),
        taken(messages),
        String::new(),
        taken(skipped),
        taken(rejected),
        view::short(arrival.hash),
    ]
}
