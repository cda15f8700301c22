//! `portolan queue show`: a message with every attempt. Its payload is masked unless it is asked for as a file.

use std::{cmp::Ordering, path::PathBuf};

use portolan_delivery::{MessageId, Outcome, Record, Shown, State, VisibleValue};

use super::{not_there, view, waits, write_private};
use crate::{
    commands::gateway::{Gateway, Purpose, refused},
    report::{Failure, Format, Report},
    table::printable,
};

/// Show a message: its envelope, its state, every attempt.
///
/// What the caller sent and what the system answered may be personal data: only size and digest are shown, and of its fields
/// those that the mapping lists as `visible:`. The exact bytes are written where you say.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan queue show 019a3f2e-7c1b-7000-8000-000000000001
  portolan queue show 019a3f2e-7c1b-7000-8000-000000000001 --payload request.pb --reply reply.xml")]
pub(crate) struct Arguments {
    /// The message
    #[arg(value_name = "ID")]
    id: MessageId,
    #[command(flatten)]
    gateway: Gateway,
    /// Write what the caller sent, byte for byte, to a new file
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// Write the reply that is kept, byte for byte, to a new file: the system's of a dead letter, else the caller's, which
    /// may be a failure's text
    #[arg(long, value_name = "FILE")]
    reply: Option<PathBuf>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    show(arguments, report).await.map_err(|failure| report.in_format(failure, arguments.format))
}

async fn show(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let operator = arguments.gateway.operator(Purpose::Read).await?;
    let Shown { record, visible } = operator.show(arguments.id).await.map_err(refused)?;
    // All or nothing: whoever asks for both does not look for one.
    let reply = arguments.reply.as_deref().map(|path| {
        let kept = kept_reply(&record.state);
        kept.map(|reply| (path, reply)).ok_or_else(|| Failure::failed("no reply is kept with this message"))
    });
    let payload = arguments.payload.as_deref().map(|path| (path, &*record.payload));
    let files: Vec<_> = payload.into_iter().chain(reply.transpose()?).collect();
    files.iter().try_for_each(|(path, _)| not_there(path))?;
    files.iter().try_for_each(|(path, bytes)| write_private(path, bytes))?;
    let around = waits::Around::of(&operator, std::slice::from_ref(&record)).await?;
    if arguments.format == Format::Json {
        let mut shown = view::record(&record, &around);
        shown["payload"] = view::masked(&record.payload);
        match &record.state {
            State::Finished { outcome: Outcome::Reply(reply), .. } => shown["reply"] = view::masked(reply),
            State::Dead { letter, .. } => {
                shown["system_reply"] = letter.reply.as_deref().map_or(serde_json::Value::Null, view::masked);
            }
            _ => {}
        }
        let value = |one: &VisibleValue| (one.path.clone(), serde_json::json!(one.value));
        shown["visible"] = visible.iter().map(value).collect();
        return report.json(&shown);
    }
    print(&record, &visible, &around, report);
    Ok(())
}

/// The attempts between two: of questions in a row that found no answer, the ledger keeps the last.
fn left_out(before: Option<u32>, next: u32) -> Option<String> {
    let (from, to) = (before?.checked_add(1)?, next.checked_sub(1)?);
    match from.cmp(&to) {
        Ordering::Less => Some(format!("attempts {from} to {to}")),
        Ordering::Equal => Some(format!("attempt {from}")),
        Ordering::Greater => None,
    }
}

fn kept_reply(state: &State) -> Option<&[u8]> {
    match state {
        State::Dead { letter, .. } => letter.reply.as_deref().or_else(|| written(&letter.failure)),
        State::Finished { outcome: Outcome::Reply(reply), .. } => Some(reply),
        State::Finished { outcome: Outcome::Failed(failure), .. } => written(failure),
        _ => None,
    }
}

/// The text of a failure that is not shown.
fn written(failure: &portolan_delivery::Failure) -> Option<&[u8]> {
    failure.personal.then_some(failure.message.as_bytes())
}

fn print(record: &Record, visible: &[VisibleValue], around: &waits::Around, report: &Report) {
    let line = |name: &str, value: String| report.line(format_args!("{name:<14}{}", printable(value)));
    let size = |bytes: &[u8]| format!("{} bytes, sha256 {}", bytes.len(), view::digest(bytes));
    let envelope = &record.envelope;
    line("message", envelope.id.to_string());
    line("route", format!("{} ({})", envelope.route, view::mode(envelope.mode)));
    line("bundle", envelope.bundle.to_string());
    line("received", view::time(envelope.received));
    if let Some(deadline) = envelope.deadline {
        line("deadline", view::time(deadline));
    }
    line("idempotent", view::idempotency(&envelope.idempotency).to_owned());
    if let Some(order) = &envelope.order {
        line("order", format!("one after the other by key (dead letters: {})", view::dead_letters(order)));
    }
    if let Some(caller) = &envelope.caller {
        line("caller", caller.to_string());
    }
    if let Some(key) = &envelope.request_key {
        line("request id", key.id.clone());
    }
    if !envelope.metadata.is_empty() {
        let names: Vec<_> = envelope.metadata.iter().map(|(name, _)| name.as_str()).collect();
        line("metadata", format!("{} (values not shown)", names.join(", ")));
    }
    line("payload", format!("{} (write it to a file with --payload FILE)", size(&record.payload)));
    for VisibleValue { path, value } in visible {
        line("", format!("{path} = {}", value.as_deref().unwrap_or("absent")));
    }
    if let Some(ticket) = &record.ticket {
        line("taken", format!("by the system, which answers later; it said {}", size(ticket)));
    }
    match &record.state {
        state if waits::gathers(state) || waits::is_in_file(state) => {
            let kind = view::state(state.kind());
            line("state", format!("{kind}: {}", waits::waits_for(record, around).unwrap_or_default()));
            line("to do", waits::what_to_do_about_a_file(record, around).to_owned());
        }
        State::Waiting { .. } => {
            line("state", format!("waiting {}", waits::waits_for(record, around).unwrap_or_default()));
        }
        State::Claimed { gateway, since } => {
            line("state", format!("claimed by gateway {} since {}", gateway.0, view::time(*since)));
        }
        State::Finished { outcome: Outcome::Reply(reply), at } => {
            line("state", format!("finished {} with a reply", view::time(*at)));
            line("reply", size(reply));
        }
        State::Finished { outcome: Outcome::Failed(failure), at } => {
            line("state", format!("finished {} with a failure", view::time(*at)));
            line("failure", format!("{} {}", failure.status.name(), view::why(failure)));
        }
        State::Dead { letter, at } => {
            line("state", format!("dead letter since {}", view::time(*at)));
            line("at fault", view::party(letter.at_fault).to_owned());
            line("failure", format!("{} {}", letter.failure.status.name(), view::why(&letter.failure)));
            if let Some(advice) = &letter.failure.advice {
                line("advice", advice.clone());
            }
            line("to do", view::what_to_do(envelope.id, &letter.failure));
            if let Some(reply) = &letter.reply {
                line("system reply", format!("{} (write it to a file with --reply FILE)", size(reply)));
            }
        }
    }
    if record.attempts.is_empty() {
        line("attempts", "none".to_owned());
    }
    let mut before = None;
    for attempt in &record.attempts {
        if let Some(which) = left_out(before.replace(attempt.number), attempt.number) {
            line(&which, "asked for the answer, which was not there yet".to_owned());
        }
        let ended = match (attempt.ended, &attempt.failure) {
            (None, _) => "no outcome recorded".to_owned(),
            (Some(ended), None) => format!("answered after {:?}", ended.since(attempt.started)),
            (Some(ended), Some(failure)) => {
                let advice = failure.advice.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
                format!("{} after {:?}{advice}", view::why(failure), ended.since(attempt.started))
            }
        };
        line(&format!("attempt {}", attempt.number), format!("{}: {ended}", view::time(attempt.started)));
    }
}

#[cfg(test)]
mod tests {
    use super::left_out;

    #[test]
    fn attempts_that_are_not_kept_are_told_of() {
        for (before, next, expected) in [
            (None, 7, None),
            (Some(1), 2, None),
            (Some(1), 3, Some("attempt 2")),
            (Some(1), 9, Some("attempts 2 to 8")),
        ] {
            assert_eq!(left_out(before, next).as_deref(), expected);
        }
    }
}
