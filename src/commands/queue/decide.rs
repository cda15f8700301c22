//! `portolan queue retry`, `resolve` and `discard`: a person's decision about dead letters.

use std::path::{Path, PathBuf};

use portolan_delivery::{MessageId, Resolution, Status, Version};
use serde_json::json;

use super::bulk::{self, Decision, TOGETHER, Which};
use crate::{
    commands::{
        document,
        gateway::{Gateway, Purpose, refused},
    },
    files,
    report::{Failure, Format, Report},
};

/// The largest reply that an operator can hand in.
const MAX_REPLY_BYTES: u64 = 16 << 20;

/// Send dead letters again.
///
/// Of a dead letter of class UNKNOWN the system may already have done what it asks for: find out first. If it has, use
/// `resolve --succeeded`. Many at once are meant by route, class and age: without --yes they are only shown, and those of
/// class UNKNOWN only where --class unknown says so.
///
/// Over a dead letter of class POISON gateways have died. It is tried without another such message beside it, and the next
/// gateway that dies over it makes it a dead letter again at once.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:
  portolan queue retry 019a3f2e-7c1b-7000-8000-000000000001
  portolan queue retry --newest 019a3f2e-7c1b-7000-8000-000000000001 019a3f2e-7c1b-7000-8000-000000000002
  portolan queue retry --route benefits.submit-claim --class unsent
  portolan queue retry --route benefits.submit-claim --class unsent --yes",
    group = meant("ids")
)]
pub(crate) struct Retry {
    /// The dead letters
    #[arg(value_name = "ID", conflicts_with_all = TOGETHER)]
    ids: Vec<MessageId>,
    #[command(flatten)]
    which: Which,
    /// Translate with the mapping that is served now, not with the one with which the message came
    #[arg(long)]
    newest: bool,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn retry(arguments: &Retry, report: &Report) -> Result<(), Failure> {
    retry_all(arguments, report).await.map_err(|failure| report.in_format(failure, arguments.format))
}

async fn retry_all(arguments: &Retry, report: &Report) -> Result<(), Failure> {
    let operator = arguments.gateway.operator(Purpose::Decide).await?;
    let version = if arguments.newest { Version::Newest } else { Version::Same };
    if arguments.ids.is_empty() {
        let decision = Decision::Retry(version);
        return bulk::decide(&operator, &arguments.which, &decision, "retried", arguments.format, report)
            .await;
    }
    let mut decided = Decided::new("retried", arguments.format);
    for id in &arguments.ids {
        operator.retry(*id, version).await.map_err(|problem| decided.until(refused(problem), report))?;
        decided.one(*id, "is due again", report);
    }
    decided.all(report)
}

/// Say how a dead letter really ended.
///
/// A file ending in .xml is the system's own reply, and the mapping translates it as if it had just come; one ending in
/// .json is the caller's reply as JSON, and any other the same as protobuf. What is no reply of the route's method is
/// refused. That many were not done is said by route, class and age: without --yes they are only shown.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --succeeded answer.xml
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --succeeded answer.json
  portolan queue resolve --newest 019a3f2e-7c1b-7000-8000-000000000001 --succeeded answer.xml
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --failed --status NOT_FOUND --message 'no such claim'
  portolan queue resolve --failed --route benefits.submit-claim --older-than 30d --yes",
    group = clap::ArgGroup::new("how").required(true).args(["succeeded", "failed"]),
    group = meant("id")
)]
pub(crate) struct Resolve {
    /// The dead letter
    #[arg(value_name = "ID", conflicts_with_all = TOGETHER)]
    id: Option<MessageId>,
    #[command(flatten)]
    which: Which,
    /// It was done, and this is the reply
    #[arg(long, value_name = "FILE", conflicts_with_all = TOGETHER)]
    succeeded: Option<PathBuf>,
    /// Read the reply by the mapping that is served now, not by the one with which the message came
    #[arg(long, requires = "succeeded")]
    newest: bool,
    /// It was not done, and the caller is told so
    #[arg(long)]
    failed: bool,
    /// What the caller is told: a gRPC status
    #[arg(long, value_name = "STATUS", requires = "failed", default_value = "ABORTED", value_parser = status)]
    status: Status,
    /// What the caller is told, in words
    #[arg(long, value_name = "TEXT", requires = "failed", default_value = "the request was not carried out")]
    message: String,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn resolve(arguments: &Resolve, report: &Report) -> Result<(), Failure> {
    resolve_one(arguments, report).await.map_err(|failure| report.in_format(failure, arguments.format))
}

async fn resolve_one(arguments: &Resolve, report: &Report) -> Result<(), Failure> {
    // The file first: nothing is asked of a gateway for one that is not there.
    let read =
        arguments.succeeded.as_deref().map(|path| Ok::<_, Failure>((path, read(path)?))).transpose()?;
    let operator = arguments.gateway.operator(Purpose::Decide).await?;
    let failed = Resolution::Failed { status: arguments.status, message: arguments.message.clone() };
    let Some(id) = arguments.id else {
        let decision = Decision::Resolve(failed);
        return bulk::decide(&operator, &arguments.which, &decision, "resolved", arguments.format, report)
            .await;
    };
    let resolution = match read {
        None => failed,
        Some((path, bytes)) if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml")) => {
            Resolution::SystemReply(bytes.into())
        }
        Some((path, bytes)) if document::is_json(path) => {
            let route = operator.show(id).await.map_err(refused)?.record.envelope.route;
            let found = arguments.gateway.route(&route)?;
            Resolution::CallerReply(document::callers_reply(&found.loaded, path, &bytes)?.into())
        }
        Some((_, bytes)) => Resolution::CallerReply(bytes.into()),
    };
    let version = if arguments.newest { Version::Newest } else { Version::Same };
    operator.resolve(id, resolution, version).await.map_err(refused)?;
    let (decision, text) = match arguments.failed {
        true => ("failed", "is resolved: failed"),
        false => ("succeeded", "is resolved: succeeded"),
    };
    let mut decided = Decided::new(decision, arguments.format);
    decided.one(id, text, report);
    decided.all(report)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_bytes(path, MAX_REPLY_BYTES)
        .map_err(|problem| Failure::usage(format_args!("{} cannot be read: {problem}", path.display())))
}

/// What was decided, told as it happens to people and at the end to programs.
struct Decided {
    decision: &'static str,
    format: Format,
    ids: Vec<String>,
}

impl Decided {
    fn new(decision: &'static str, format: Format) -> Self {
        Self { decision, format, ids: Vec::new() }
    }

    fn one(&mut self, id: MessageId, text: &str, report: &Report) {
        match self.format {
            Format::Text => report.line(format_args!("{id} {text}")),
            Format::Json => self.ids.push(id.to_string()),
        }
    }

    fn all(&self, report: &Report) -> Result<(), Failure> {
        match self.format {
            Format::Text => Ok(()),
            Format::Json => report.json(&json!({ "decision": self.decision, "messages": self.ids })),
        }
    }

    /// A failure, after which the rest is not decided: for programs with what was.
    fn until(&self, failure: Failure, report: &Report) -> Failure {
        match (&failure, self.format) {
            (Failure::Failed { message, help }, Format::Json) => {
                let said = report.json(&json!({
                    "decision": self.decision,
                    "messages": self.ids,
                    "error": { "message": message, "help": help },
                }));
                said.err().unwrap_or(Failure::Printed { code: 1 })
            }
            _ => failure,
        }
    }
}

/// Give up dead letters for which nobody waits any more.
///
/// Many at once are meant by route, class and age: without --yes they are only shown.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:
  portolan queue discard 019a3f2e-7c1b-7000-8000-000000000001 --reason 'withdrawn by the caller'
  portolan queue discard --route benefits.submit-claim --class expired --reason 'the year is over'
  portolan queue discard --route benefits.submit-claim --class expired --reason 'the year is over' --yes",
    group = meant("ids")
)]
pub(crate) struct Discard {
    /// The dead letters
    #[arg(value_name = "ID", conflicts_with_all = TOGETHER)]
    ids: Vec<MessageId>,
    #[command(flatten)]
    which: Which,
    /// Why, for the ledger and for a caller who asks after all
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn discard(arguments: &Discard, report: &Report) -> Result<(), Failure> {
    discard_all(arguments, report).await.map_err(|failure| report.in_format(failure, arguments.format))
}

async fn discard_all(arguments: &Discard, report: &Report) -> Result<(), Failure> {
    let operator = arguments.gateway.operator(Purpose::Decide).await?;
    let discarded = Resolution::Discarded { reason: arguments.reason.clone() };
    if arguments.ids.is_empty() {
        let decision = Decision::Resolve(discarded);
        return bulk::decide(&operator, &arguments.which, &decision, "discarded", arguments.format, report)
            .await;
    }
    let mut decided = Decided::new("discarded", arguments.format);
    for id in &arguments.ids {
        let done = operator.resolve(*id, discarded.clone(), Version::Same).await;
        done.map_err(|problem| decided.until(refused(problem), report))?;
        decided.one(*id, "is discarded", report);
    }
    decided.all(report)
}

/// Dead letters are named one by one, or meant together.
fn meant(named: &'static str) -> clap::ArgGroup {
    clap::ArgGroup::new("meant").required(true).multiple(true).arg(named).args(TOGETHER)
}

/// A status by its name in `google.rpc.Code`.
fn status(name: &str) -> Result<Status, String> {
    let wanted = name.to_ascii_uppercase();
    let found = Status::ALL.iter().find(|(_, known)| *known == wanted).map(|(status, _)| *status);
    found.ok_or_else(|| {
        let near = portolan_diagnostics::nearest(name, Status::ALL.iter().map(|(_, known)| *known));
        let hint = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        format!("this is no gRPC status{hint}")
    })
}
