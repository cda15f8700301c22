//! `portolan queue retry`, `resolve` and `discard`: a person's decision about dead letters.

use std::path::{Path, PathBuf};

use portolan_delivery::{MessageId, Resolution, Status, Version};

use crate::{
    commands::gateway::{Gateway, Purpose, refused},
    files,
    report::{Failure, Report},
};

/// The largest reply that an operator can hand in.
const MAX_REPLY_BYTES: u64 = 16 << 20;

/// Send dead letters again.
///
/// Of a dead letter of class UNKNOWN the system may already have done what it asks for: find out first. If it has, use
/// `resolve --succeeded`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan queue retry 019a3f2e-7c1b-7000-8000-000000000001
  portolan queue retry --newest 019a3f2e-7c1b-7000-8000-000000000001 019a3f2e-7c1b-7000-8000-000000000002")]
pub(crate) struct Retry {
    /// The dead letters
    #[arg(value_name = "ID", required = true)]
    ids: Vec<MessageId>,
    /// Translate with the mapping that is served now, not with the one with which the message came
    #[arg(long)]
    newest: bool,
    #[command(flatten)]
    gateway: Gateway,
}

pub(super) async fn retry(arguments: &Retry, report: &Report) -> Result<(), Failure> {
    let operator = arguments.gateway.operator(Purpose::Decide).await?;
    let version = if arguments.newest { Version::Newest } else { Version::Same };
    for id in &arguments.ids {
        operator.retry(*id, version).await.map_err(refused)?;
        report.line(format_args!("{id} is due again"));
    }
    Ok(())
}

/// Say how a dead letter really ended.
///
/// A file ending in .xml is the system's own reply, and the mapping translates it as if it had just come; any other is
/// the caller's reply as protobuf.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --succeeded answer.xml
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --succeeded answer.pb
  portolan queue resolve 019a3f2e-7c1b-7000-8000-000000000001 --failed --status NOT_FOUND --message 'no such claim'",
    group = clap::ArgGroup::new("how").required(true).args(["succeeded", "failed"])
)]
pub(crate) struct Resolve {
    /// The dead letter
    #[arg(value_name = "ID")]
    id: MessageId,
    /// It was done, and this is the reply
    #[arg(long, value_name = "FILE")]
    succeeded: Option<PathBuf>,
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
}

pub(super) async fn resolve(arguments: &Resolve, report: &Report) -> Result<(), Failure> {
    let resolution = match &arguments.succeeded {
        Some(path) => reply(path)?,
        None => Resolution::Failed { status: arguments.status, message: arguments.message.clone() },
    };
    let operator = arguments.gateway.operator(Purpose::Decide).await?;
    operator.resolve(arguments.id, resolution).await.map_err(refused)?;
    let how = if arguments.failed { "failed" } else { "succeeded" };
    report.line(format_args!("{} is resolved: {how}", arguments.id));
    Ok(())
}

fn reply(path: &Path) -> Result<Resolution, Failure> {
    let bytes = files::read_bytes(path, MAX_REPLY_BYTES)
        .map_err(|problem| Failure::usage(format_args!("{} cannot be read: {problem}", path.display())))?;
    Ok(match path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml")) {
        true => Resolution::SystemReply(bytes.into()),
        false => Resolution::CallerReply(bytes.into()),
    })
}

/// Give up dead letters for which nobody waits any more.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan queue discard 019a3f2e-7c1b-7000-8000-000000000001 --reason 'withdrawn by the caller'")]
pub(crate) struct Discard {
    /// The dead letters
    #[arg(value_name = "ID", required = true)]
    ids: Vec<MessageId>,
    /// Why, for the ledger and for a caller who asks after all
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    gateway: Gateway,
}

pub(super) async fn discard(arguments: &Discard, report: &Report) -> Result<(), Failure> {
    let operator = arguments.gateway.operator(Purpose::Decide).await?;
    for id in &arguments.ids {
        let resolution = Resolution::Discarded { reason: arguments.reason.clone() };
        operator.resolve(*id, resolution).await.map_err(refused)?;
        report.line(format_args!("{id} is discarded"));
    }
    Ok(())
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
