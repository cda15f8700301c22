//! `portolan batch show`: a file with all that is known of it.

use std::sync::Arc;

use portolan_delivery::{
    FileCounts, FileError, FileFilter, FileState, FileView, MadeFile, MadeView, Operator,
};

use super::{made, place::places, view};
use crate::{
    commands::{
        gateway::{Gateway, Purpose, refused},
        queue::view::time,
    },
    report::{Failure, Format, Report, plural},
    table::printable,
};

/// How many errors are shown.
const ERRORS: usize = 20;
/// How many files are named where one of them is meant.
const NAMED: usize = 5;

/// Show a file: what is in its receipt, where it is, or how far it is.
///
/// Of several files with one name the newest is shown. A file that is made is also known by its number, with its route. No value of a record is shown: errors name record, byte and field.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch show wages-2026-11.txt
  portolan batch show 9f86d081884c --format json
  portolan batch show 17 --route benefits.submit-claim")]
pub(crate) struct Arguments {
    /// The file: its name, the SHA-256 of its content, of which the beginning suffices, or the number of one that is made
    #[arg(value_name = "NAME|HASH|NUMBER")]
    file: String,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let format = arguments.format;
    show(arguments, report).await.map_err(|failure| report.in_format(failure, format))
}

async fn show(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let Arguments { file: called, route, gateway, format } = arguments;
    let operator = gateway.operator(Purpose::Read).await?;
    if let Some(file) = find_made(&operator, &called, route.as_deref()).await? {
        match format {
            Format::Json => report.json(&made::file(&file))?,
            Format::Text => made::print(&file, report),
        }
        return Ok(());
    }
    let Found { file, namesakes } = find(&operator, called, route).await?;
    let folders = gateway.folders();
    let places = places(&file, &folders);
    if format == Format::Json {
        let mut shown = view::file(&file);
        shown["receipt"] = serde_json::to_value(view::receipt(&file)).map_err(Failure::failed)?;
        let places = places.into_iter().map(|(what, place)| (what.to_owned(), place.into()));
        shown["places"] = serde_json::Value::Object(places.collect());
        return report.json(&shown);
    }
    print(&file, &places, report);
    if !namesakes.is_empty() {
        let which: Vec<_> = namesakes.iter().map(named).collect();
        report.note(format_args!("others had this name before: {}", which.join(", ")));
    }
    Ok(())
}

/// A file, and earlier ones of the same name.
pub(super) struct Found {
    pub(super) file: FileView,
    /// Others of its name, which came before.
    pub(super) namesakes: Vec<FileView>,
}

/// A file that is made, where that is what is meant: the newest of its name, or of its number where the route is named, else the one of its hash.
pub(super) async fn find_made(
    operator: &Arc<dyn Operator>,
    called: &str,
    route: Option<&str>,
) -> Result<Option<MadeView>, Failure> {
    let filter = FileFilter {
        route: route.map(str::to_owned),
        open: false,
        called: Some(called.to_owned()),
        limit: 2 * NAMED,
    };
    let found = operator.made_files(filter.clone()).await.map_err(refused)?;
    if found.is_empty() {
        return Ok(None);
    }
    let cut = |view: &MadeView| match &view.file {
        MadeFile::Cut(cut) => Some(cut.clone()),
        MadeFile::Gathering(_) => None,
    };
    let is_named = |view: &MadeView| cut(view).is_some_and(|cut| cut.name.as_deref() == Some(called));
    let is_number =
        |view: &MadeView| route.is_some() && cut(view).is_some_and(|cut| called.parse() == Ok(cut.sequence));
    if let Some(meant) =
        found.iter().find(|view| is_named(view)).or(found.iter().find(|view| is_number(view)))
    {
        return Ok(Some(meant.clone()));
    }
    // By hash or number: one that came in may be meant as well.
    let came = operator.files(filter).await.map_err(refused)?;
    match (found.as_slice(), came.is_empty()) {
        ([one], true) => Ok(Some(one.clone())),
        (_, false) => Ok(None),
        (several, true) => {
            let which: Vec<_> = several
                .iter()
                .take(NAMED)
                .map(|view| {
                    let number = cut(view).map(|cut| cut.sequence).unwrap_or_default();
                    let name = cut(view)
                        .and_then(|cut| cut.name)
                        .map(|name| format!("{name}, "))
                        .unwrap_or_default();
                    format!("{name}number {number} of {}", view.file.route())
                })
                .collect();
            Err(Failure::failed(format_args!("{called} may be several files: {}", which.join("; ")))
                .help("give the name, more of the hash, or the route with --route"))
        }
    }
}

pub(super) async fn find(
    operator: &Arc<dyn Operator>,
    called: String,
    route: Option<String>,
) -> Result<Found, Failure> {
    let filter = FileFilter { route, open: false, called: Some(called.clone()), limit: 2 * NAMED };
    let found = operator.files(filter).await.map_err(refused)?;
    let (of_name, of_hash): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|file| *file.record.arrival.name == *called);
    let ambiguous = of_name.is_empty() && of_hash.len() > 1;
    let mut meant = if of_name.is_empty() { of_hash.into_iter() } else { of_name.into_iter() };
    let Some(first) = meant.next() else {
        return Err(Failure::failed(format_args!("no file is called {called}"))
            .help("`portolan batch list` shows the files that there are"));
    };
    let namesakes: Vec<_> = meant.take(NAMED).collect();
    if ambiguous {
        let which: Vec<_> = std::iter::once(&first).chain(&namesakes).map(named).collect();
        return Err(Failure::failed(format_args!("{called} may be several files: {}", which.join(", ")))
            .help("give more of the hash, or the route with --route"));
    }
    let arrival = &first.record.arrival;
    let whole = operator.file(arrival.route.clone(), arrival.hash).await.map_err(refused)?;
    Ok(Found { file: whole.unwrap_or(first), namesakes })
}

/// `9f86d081884c (wages.record, 2026-11-30T02:00:00.000Z)`
fn named(file: &FileView) -> String {
    let arrival = &file.record.arrival;
    format!("{} ({}, {})", view::short(arrival.hash), arrival.route, time(arrival.received))
}

fn print(file: &FileView, places: &[(&'static str, String)], report: &Report) {
    let line = |name: &str, value: String| report.line(format_args!("{name:<14}{}", printable(value)));
    let (record, arrival) = (&file.record, &file.record.arrival);
    let receipt = view::receipt(file);
    line("file", arrival.name.to_string());
    line("direction", view::DIRECTION.to_owned());
    line("route", arrival.route.to_string());
    if let Some(system) = &file.system {
        line("system", system.to_string());
    }
    line("sha256", arrival.hash.to_string());
    line("bundle", arrival.bundle.to_string());
    line("bytes", arrival.bytes.to_string());
    line("received", time(arrival.received));
    match record.ended {
        // It ended when it was refused.
        Some(_) if record.state == FileState::Released => {
            line("state", format!("{}: it is taken when it is found", record.state.name()));
        }
        Some(ended) => {
            let (at, lasted) = (time(ended), ended.since(arrival.received));
            line("state", format!("{} {at}, after {lasted:?}", record.state.name()));
        }
        None => line("state", record.state.name().to_owned()),
    }
    if let Some(reason) = receipt.as_ref().and_then(|receipt| receipt.reason.as_ref()) {
        line("reason", reason.clone());
    }
    if let Some(release) = &record.release {
        line("released", format!("{}: {}", time(release.at), release.reason));
    }
    line("gateway", record.gateway.0.to_string());
    if record.state == FileState::Open {
        match &file.progress {
            Some(progress) => line("progress", view::progress(progress, arrival.bytes)),
            None => line(
                "progress",
                format!(
                    "durable up to record {}; the gateway that is asked, if one runs, is not at it",
                    record.position
                ),
            ),
        }
    }
    if let Some(receipt) = &receipt {
        line("records", receipt.records.to_string());
    }
    let FileCounts { messages, skipped, rejected } = view::counts(file, receipt.as_ref());
    let reasons = receipt.iter().flat_map(|receipt| &receipt.skipped_by_reason);
    let reasons = reasons.filter(|(_, count)| **count > 0);
    let reasons: Vec<_> = reasons.map(|(reason, count)| format!("{count} {reason}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    line("messages", messages.to_string());
    line("skipped", format!("{skipped}{reasons}"));
    line("rejected", rejected.to_string());
    for (what, place) in places {
        line(what, place.clone());
    }
    if let Some(what) = what_to_do(file) {
        line("to do", what);
    }
    if let Some(name) = receipt.as_ref().and_then(|receipt| receipt.acknowledgement.as_ref()) {
        line("told by", name.clone());
    }
    if let Some(why) = receipt.as_ref().and_then(|receipt| receipt.not_acknowledged.as_ref()) {
        line("not told", format!("whoever dropped it cannot be told: {why}"));
    }
    let errors = receipt.map(|receipt| receipt.errors).unwrap_or_default();
    for error in errors.iter().take(ERRORS) {
        line("error", self::error(error));
    }
    if let Some(more) = errors.len().checked_sub(ERRORS).filter(|more| *more > 0) {
        line("", format!("and {}, which --format json shows", plural(more, "more error")));
    }
}

fn what_to_do(file: &FileView) -> Option<String> {
    let hash = view::short(file.record.arrival.hash);
    Some(match file.record.state {
        FileState::Refused => format!(
            "correct it and drop it again; or have it taken as it is, with what is wrong with it: `portolan batch release {hash} --reason TEXT`"
        ),
        FileState::Released => {
            "wait: a gateway that serves its route takes it when it looks for files; where it is not there any more, drop it again".to_owned()
        }
        FileState::Open | FileState::Taken => return None,
    })
}

/// `record 5 (employee), byte 120, field employee.wages: it is no number`
fn error(error: &FileError) -> String {
    let FileError { record, offset, kind, field, reason } = error;
    let kind = kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    let field = field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
    format!("record {record}{kind}, byte {offset}{field}: {reason}")
}
