//! `portolan translate --file`: the messages of a file of records through a route's mapping, without any system.

use std::{fs::File, ops::Range, path::Path, sync::Arc};

use portolan_delivery::Timestamp;
use portolan_diagnostics::Sources;
use portolan_engine::Way;
use portolan_formats::records::{Messages, Next, Nowhere, Problem, RecordFile, RecordReader};
use portolan_mapping::{
    check::TargetContract,
    load::LoadedBatch,
    run::{Context, Environment, RunError, Scratch, Trace},
};

use serde_json::json;

use super::{
    document, trace,
    translate::{self, Nobody},
};
use crate::{
    layouts,
    problems::Problems,
    report::{Failure, Format, Report, plural},
};

/// Prints what each message of a file becomes, and what is wrong with those that become nothing; with `traced` what each field is made
/// of.
pub(super) fn run(
    batch: &LoadedBatch,
    path: &Path,
    received: jiff::Timestamp,
    traced: Option<(Format, &Sources)>,
    report: &Report,
) -> Result<(), Failure> {
    let Some(compiled) = batch.compile() else {
        return Err(Failure::failed("the route's messages are no records"));
    };
    let input = layouts::open(path, &compiled.file)?;
    let mut messages = Messages::new(&compiled.file, &compiled.excerpt, input);
    let name = path.display().to_string();
    let mut told = Problems::new(name.as_str(), compiled.file.layout());
    let id = uuid::Uuid::nil().to_string();
    let mut scratch = Scratch::default();
    let (mut made, mut skipped, mut failed) = (0usize, 0usize, 0usize);
    let mut out = Vec::new();
    let mut refused = Vec::new();
    loop {
        let next = messages.next().map(|(bytes, info)| (bytes.to_vec(), info));
        for problem in messages.problems() {
            failed += usize::from(!problem.warning);
            told.tell(&problem, report);
        }
        let Some((message, info)) = next else { break };
        if let Some(Refused { records, .. }) = refused.last_mut() {
            records.end = records.end.min(info.number);
        }
        if info.failed {
            continue;
        }
        out.clear();
        let context = Context {
            message_id: &id,
            route: &batch.route.name,
            caller: None,
            received,
            attempt: 1,
            request_id: None,
            sequence: None,
        };
        let environment = Environment { context, metadata: &[], original: None };
        if let Some((format, sources)) = traced {
            let mut trace = Trace::default();
            // Why it failed, if it did, is told below.
            let _ = compiled.request.run_traced(&message, &environment, &mut trace, &mut out);
            out.clear();
            match format {
                Format::Json => {
                    report.line(json!({ "record": info.number, "fields": trace::json(&trace, sources) }));
                }
                Format::Text => {
                    report.line(format_args!("record {}", info.number));
                    trace::table(&trace, sources, report);
                }
            }
        }
        match compiled.request.run(&message, &environment, &mut scratch, &mut out) {
            Ok(()) => {
                made += 1;
                if !matches!(traced, Some((Format::Json, _))) {
                    report.line(shown(batch, &out)?);
                }
            }
            Err(RunError::Skipped { reason }) => {
                skipped += 1;
                report.note(format_args!("skipped: {name}: record {}: {reason}", info.number));
            }
            Err(error) => {
                failed += 1;
                let records = info.number..u64::MAX;
                refused.push(Refused { records, offset: info.offset, error: error.to_string() });
            }
        }
    }
    explain(&refused, path, &compiled.file, &mut told, report)?;
    let records = plural(usize::try_from(messages.count()).unwrap_or(usize::MAX), "record");
    let messages = plural(made, "message");
    match failed {
        0 if skipped == 0 => report.note(format_args!("{records}: {messages}")),
        0 => report.note(format_args!("{records}: {messages}, {skipped} skipped")),
        _ => {
            let errors = plural(failed, "error");
            return Err(Failure::failed(format_args!("{records}: {messages}, {skipped} skipped, {errors}")));
        }
    }
    Ok(())
}

/// Prints what whoever dropped a file would be told of it.
pub(super) fn acknowledgement(
    batch: &LoadedBatch,
    path: &Path,
    received: jiff::Timestamp,
    sources: &Sources,
    report: &Report,
) -> Result<(), Failure> {
    let way = Way::Drop(Arc::new(translate::Nowhere));
    let way = if batch.route.made.is_some() { way } else { Way::Target(Arc::new(Nobody)) };
    let compiled = portolan_engine::compile_file(batch, "", sources, way, None);
    let route = compiled.map_err(Failure::failed)?.route;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (received, path) = (Timestamp(received.as_microsecond()), path.to_owned());
    let shown = path.display().to_string();
    let told = route.acknowledgement_of(&name, received, Arc::new(move || Ok(Box::new(File::open(&path)?))));
    let none = || {
        let message = format_args!("route `{}` tells nobody what became of a file", route.name).to_string();
        Failure::usage(message).help("what is told stands under `acknowledge:` of its mapping")
    };
    let told = told.map_err(|why| Failure::failed(format_args!("{shown}: {why}")))?.ok_or_else(none)?;
    report.note(format_args!("{} would be called {}", plural(told.content.len(), "byte"), told.name));
    report.raw(&told.content);
    Ok(())
}

/// A message of which the mapping makes nothing.
struct Refused {
    /// From its own record to that of the next message.
    records: Range<u64>,
    offset: u64,
    error: String,
}

/// Tells why messages were refused: by what is wrong with their records, where the layout says it, which names place and bytes; else by the
/// mapping.
fn explain(
    refused: &[Refused],
    path: &Path,
    file: &RecordFile,
    told: &mut Problems<'_>,
    report: &Report,
) -> Result<(), Failure> {
    let mut wrong: Vec<Problem> = Vec::new();
    // What was read from standard input is gone.
    if !refused.is_empty() && path.as_os_str() != "-" {
        let mut reader = RecordReader::new(file, layouts::open(path, file)?);
        while reader.next(&mut Nowhere) != Next::End {
            wrong.extend(
                reader.problems().filter(|problem| !problem.warning).take(MOST - wrong.len().min(MOST)),
            );
        }
    }
    for Refused { records, offset, error } in refused {
        let mut own = wrong.iter().filter(|problem| records.contains(&problem.error.record)).peekable();
        if own.peek().is_none() {
            let (name, number) = (path.display(), records.start);
            report.note(format_args!("error: {name}: record {number}, at byte {offset}: {error}"));
        }
        own.for_each(|problem| told.tell(problem, report));
    }
    Ok(())
}

/// How many problems are looked for in a file.
const MOST: usize = 10_000;

/// What a message became, for people.
fn shown(batch: &LoadedBatch, bytes: &[u8]) -> Result<String, Failure> {
    match &batch.target {
        TargetContract::Services(contract) if batch.route.binding.is_none() => {
            document::compact(contract, &batch.route.target_message, bytes)
        }
        TargetContract::Services(_) => document::pretty(bytes),
        TargetContract::Layout(_) => Ok(records(bytes)),
    }
}

/// Records as they stand in the file, a line each.
fn records(message: &[u8]) -> String {
    let mut lines = Vec::new();
    let mut rest = message;
    while let Some((head, behind)) = rest.split_at_checked(6) {
        let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]) as usize;
        let Some((record, behind)) = behind.split_at_checked(length) else { break };
        lines.push(String::from_utf8_lossy(record).into_owned());
        rest = behind;
    }
    lines.join("\n")
}
