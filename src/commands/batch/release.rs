//! `portolan batch release`: a file that was refused is taken all the same.

use portolan_delivery::{FileState, FileView};

use super::{
    place::places,
    show::{Found, find, find_made},
    view,
};
use crate::{
    commands::gateway::{Gateway, Purpose, refused},
    report::{Failure, Format, Report},
    table::printable,
};

/// Have a file that was refused taken as it is.
///
/// It is taken from where it was set aside, when the gateway looks for files next; from anywhere else, when it is dropped again. Then neither
/// `rejects:` nor a total or value around its messages refuses it: what is wrong stands in its receipt, with the reason given here, and messages
/// that fail are rejected as those of any file. Of what cannot be cut into records, or has them where none may be, no release helps: it is
/// refused again.
///
/// Where no gateway runs, the next one takes it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch release wages-2026-11.txt --reason 'the count is of last month, says the sender'
  portolan batch release 9f86d081884c --reason 'most of the offices are closed this week'")]
pub(crate) struct Arguments {
    /// The file: its name, or the SHA-256 of its content, of which the beginning suffices
    #[arg(value_name = "NAME|HASH")]
    file: String,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Why; it stands in the receipt. Name nobody in it
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let format = arguments.format;
    release(arguments, report).await.map_err(|failure| report.in_format(failure, format))
}

async fn release(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let Arguments { file: called, route, reason, gateway, format } = arguments;
    let operator = gateway.operator(Purpose::Decide).await?;
    let found = match find(&operator, called.clone(), route.clone()).await {
        Ok(found) => found,
        Err(failure) => {
            if find_made(&operator, &called, route.as_deref()).await?.is_some() {
                return Err(Failure::failed(format_args!("{called} is a file that is made, and none that came in")).help(
                    "`portolan batch retry` tries at once to deliver it; `portolan batch refuse` gives up one that cannot be built",
                ));
            }
            return Err(failure);
        }
    };
    let Found { file, namesakes } = found;
    let (route, hash) = (file.record.arrival.route.clone(), file.record.arrival.hash);
    let released = operator.release(route, hash, reason.into()).await.map_err(|error| {
        let of_hash = view::short(hash);
        match file.record.state {
            FileState::Refused => refused(error),
            _ => refused(error).help(format!("`portolan batch show {of_hash}` shows what is known of it")),
        }
    })?;
    print(&released, &gateway, format, report)?;
    if !namesakes.is_empty() {
        report.note("others had this name before: `portolan batch show` names them");
    }
    Ok(())
}

fn print(file: &FileView, gateway: &Gateway, format: Format, report: &Report) -> Result<(), Failure> {
    let places = places(file, &gateway.folders());
    if format == Format::Json {
        let mut shown = view::file(file);
        let places = places.into_iter().map(|(what, place)| (what.to_owned(), place.into()));
        shown["places"] = serde_json::Value::Object(places.collect());
        return report.json(&shown);
    }
    let (name, route) = (&file.record.arrival.name, &file.record.arrival.route);
    report.line(format_args!(
        "file {} of route {route} is released: it is taken when the gateway finds it",
        printable(name.to_string())
    ));
    for (what, place) in places {
        report.line(format_args!("{what:<14}{}", printable(place)));
    }
    report.note(format_args!(
        "where it is not there any more, drop it again; `portolan batch show {}` says what becomes of it",
        view::short(file.record.arrival.hash)
    ));
    Ok(())
}
