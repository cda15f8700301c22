//! `portolan translate` for routes whose messages gather into a file: the file that one message would be alone in, and what a file of
//! answers says.

use std::path::Path;

use portolan_engine::{Context, Question, Route, Verdict};
use portolan_formats::records::{Decoder, Messages};
use portolan_mapping::load::LoadedRoute;
use serde_json::json;

use super::{document, translate::told};
use crate::{
    layouts,
    problems::Problems,
    report::{Failure, Report},
};

/// Prints the file, a line for each record, or as it is.
pub(super) fn request(
    route: &Route,
    payload: &[u8],
    context: Context<'_>,
    raw: bool,
    report: &Report,
) -> Result<(), Failure> {
    if let Err(refusal) = route.translate.request(payload, context, &mut Vec::new()) {
        return told(&refusal, report);
    }
    let (Some(file), Some(made)) = (route.file_of(payload.to_vec().into(), context), &route.made) else {
        return Err(Failure::failed("the route makes no file"));
    };
    let file = file.map_err(Failure::failed)?;
    if raw {
        report.raw(&file);
        return Ok(());
    }
    let mut decoder = Decoder::new(&made.file.file, &file[..], false);
    while let Some((lines, problems)) = decoder.next() {
        if let Some(problem) = problems.iter().find(|problem| !problem.warning) {
            return Err(Failure::failed(format_args!("the file would not be accepted: {}", problem.error)));
        }
        report.raw(lines);
    }
    Ok(())
}

/// Prints what each record of a file of answers says to the caller of its message.
pub(super) fn response(
    route: &Route,
    loaded: &LoadedRoute,
    path: &Path,
    original: &[u8],
    context: Context<'_>,
    report: &Report,
) -> Result<(), Failure> {
    let Some(files) = &route.files else {
        return Err(Failure::usage(format_args!(
            "route `{}` has no `match`: nothing answers its messages",
            route.name
        )));
    };
    let input = layouts::open(path, &files.file)?;
    let mut messages = Messages::new(&files.file, &files.excerpt, input);
    let mut shown = Problems::new(path.display().to_string(), files.file.layout());
    let mut failed = false;
    loop {
        let next = messages.next().map(|(message, info)| (message.to_vec(), info));
        for problem in messages.problems() {
            failed |= !problem.warning;
            shown.tell(&problem, report);
        }
        let Some((message, info)) = next else { break };
        if info.failed {
            continue;
        }
        match route.translate.reply(&message, original, Question::Request, context) {
            Verdict::Reply(reply) => report.line(document::reply(loaded, &reply)?),
            Verdict::Pending => report.json(&json!({ "pending": "it is no answer yet" }))?,
            Verdict::Refused(refusal) | Verdict::NotDone(refusal) | Verdict::Unreadable(refusal) => {
                failed |= told(&refusal, report).is_err();
            }
        }
    }
    if failed { Err(Failure::Findings) } else { Ok(()) }
}
