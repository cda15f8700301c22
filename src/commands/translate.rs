//! `portolan translate`: one message through a route's mapping, without any system.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use portolan_delivery::{
    BoxFuture, Failure as Refusal, FileContent, FileDrop, MessageId, Outgoing, SendError, Sent, Target,
    Timestamp,
};

use portolan_diagnostics::{SourceId, Sources};
use portolan_engine::{Context, Question, Route, Verdict, Way};
use portolan_mapping::{
    ir::Reply,
    load::{LoadedBatch, Standing},
    run::{self, Environment, Trace},
    secret::Secrets,
};
use serde_json::json;

use super::{document, trace, translate_made};
use crate::{
    config, files, loader,
    mappings::{self, Found, Mappings},
    report::{Failure, Format, Report},
};

/// The largest message that is translated here.
const MAX_BYTES: u64 = 64 << 20;

/// Translate one message by a route's mapping.
///
/// A request is protobuf, or the same as JSON (.json); out comes the envelope that the system would get, or the file that the message would
/// be alone in. A response is the system's envelope (.xml), or a file of answers; out comes the caller's reply as JSON, or the failure that the
/// caller would be told, with exit code 1.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:
  portolan translate registry.get-person --request request.json
  portolan translate registry.get-person --request request.json --trace
  portolan translate registry.get-person --request request.pb --raw > envelope.xml
  portolan translate registry.get-person --response reply.xml --original request.json --mappings mappings
  portolan translate wages.report --file report.efw2 --mappings mappings
  portolan translate wages.report --file report.efw2 --acknowledgement
  portolan translate wages.report --file report.efw2 --trace=json | jq 'select(.record == 17)'",
    group = clap::ArgGroup::new("way").required(true).args(["request", "response", "ticket", "file"])
)]
pub(crate) struct Arguments {
    /// The route, as its mapping names it
    #[arg(value_name = "ROUTE")]
    route: String,
    /// What a caller sends: protobuf, or JSON (.json)
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// What the system answers: XML, or a file of answers
    #[arg(long, value_name = "FILE")]
    response: Option<PathBuf>,
    /// What a system that answers later says when it takes the request (XML); out comes what it is asked for the answer
    #[arg(long, value_name = "FILE")]
    ticket: Option<PathBuf>,
    /// A file of records, of a route that takes files; out comes a line for each message
    #[arg(long, value_name = "FILE", conflicts_with_all = ["raw", "original", "metadata", "message_id"])]
    file: Option<PathBuf>,
    /// With --file: what whoever dropped the file would be told, by `acknowledge` of the route, instead of its messages
    #[arg(long, requires = "file", conflicts_with = "trace")]
    acknowledgement: bool,
    /// The request that the response answers, where the mapping reads it
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    original: Option<PathBuf>,
    /// The exact bytes, not laid out for people
    #[arg(long)]
    raw: bool,
    /// Show first what each field is made of: what was read, what was computed of it, by which rule; as json, only that: of a file a line for each message
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        conflicts_with = "raw"
    )]
    trace: Option<Format>,
    /// Mapping files, or folders with them [default: `routes` of the configuration]
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    mappings: Vec<PathBuf>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "portolan.yaml")]
    config: PathBuf,
    /// A secret that the mapping names, in a file: for tests, where there is no configuration
    #[arg(long, value_name = "NAME=FILE", value_parser = secret, requires = "mappings")]
    secret: Vec<(String, PathBuf)>,
    /// Metadata of the caller, where the mapping reads it
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// The message's id, where the mapping reads it [default: a new one]
    #[arg(long, value_name = "ID")]
    message_id: Option<MessageId>,
    /// When the message came in, where the mapping asks for `now()` [default: now]
    #[arg(long, value_name = "TIME")]
    received: Option<jiff::Timestamp>,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let places = Places { mappings: &arguments.mappings, config: &arguments.config };
    if let Some(file) = &arguments.file {
        let (batch, sources) = find_batch(&arguments.route, places, secrets(&arguments.secret)?, report)?;
        let received = arguments.received.unwrap_or_else(jiff::Timestamp::now);
        if arguments.acknowledgement {
            return super::translate_file::acknowledgement(&batch, file, received, &sources, report);
        }
        let trace = arguments.trace.map(|format| (format, &sources));
        return super::translate_file::run(&batch, file, received, trace, report);
    }
    let (found, sources) = find_with(&arguments.route, places, secrets(&arguments.secret)?, report)?;
    let way = match found.loaded.route.made() {
        None => Way::Target(Arc::new(Nobody)),
        Some(_) => Way::Drop(Arc::new(Nowhere)),
    };
    let compiled = portolan_engine::compile(&found.loaded, &found.entry, &Sources::default(), way, None);
    let route = compiled.map_err(Failure::failed)?.route;
    let made = route.made.is_some();
    let given = Given::read(arguments, &found)?;
    let id = arguments.message_id.unwrap_or_else(MessageId::generate);
    if let Some(format) = arguments.trace {
        traced(arguments, &given, &found, &sources, (id, format), report)?;
        if format == Format::Json {
            return Ok(());
        }
    }
    let received = arguments.received.map_or_else(Timestamp::now, |t| Timestamp(t.as_microsecond()));
    let context = Context {
        message: id,
        received,
        caller: None,
        request_id: None,
        metadata: &arguments.metadata,
        attempt: 1,
    };
    if arguments.original.is_none()
        && given.reply_rules(&found).is_some_and(|r| r.response.original.is_some())
    {
        report.note("note: the mapping reads the request, too: what is made of it is left out, name it with --original");
    }
    match (&given, &arguments.response) {
        (Given::Request(payload), _) if made => {
            translate_made::request(&route, payload, context, arguments.raw, report)
        }
        (Given::Response(_, original), Some(path)) if made => {
            translate_made::response(&route, &found.loaded, path, original, context, report)
        }
        _ => translated(&given, &route, &found, context, arguments.raw, report),
    }
}

/// The message on the command line. A reply comes with the request that it answers, as far as that was given.
enum Given {
    Request(Vec<u8>),
    Response(Vec<u8>, Vec<u8>),
    Ticket(Vec<u8>, Vec<u8>),
}

impl Given {
    fn read(arguments: &Arguments, found: &Found) -> Result<Self, Failure> {
        let request = |path: &PathBuf| document::request(&found.loaded, path, &read(path)?);
        let original = || Ok(arguments.original.as_ref().map(request).transpose()?.unwrap_or_default());
        match (&arguments.request, &arguments.response, &arguments.ticket) {
            (Some(path), ..) => request(path).map(Self::Request),
            (None, Some(path), _) => Ok(Self::Response(read(path)?, original()?)),
            (None, None, Some(path)) if found.loaded.route.poll.is_some() => {
                Ok(Self::Ticket(read(path)?, original()?))
            }
            (None, None, Some(_)) => {
                let name = &found.loaded.route.name;
                Err(Failure::usage(format_args!("route `{name}` has no `poll`: its system answers at once")))
            }
            (None, None, None) => Err(Failure::usage("name a message: --request, --response or --ticket")),
        }
    }

    /// The rules by which a reply is read.
    fn reply_rules<'f>(&self, found: &'f Found) -> Option<&'f Reply> {
        let route = &found.loaded.route;
        match self {
            Self::Request(_) => None,
            Self::Response(..) => Some(&route.reply),
            Self::Ticket(..) => route.poll.as_ref().map(|poll| &poll.request),
        }
    }
}

/// Prints what becomes of it.
fn translated(
    given: &Given,
    route: &Route,
    found: &Found,
    context: Context<'_>,
    raw: bool,
    report: &Report,
) -> Result<(), Failure> {
    let translate = &route.translate;
    let mut out = Vec::new();
    let written = match given {
        Given::Request(payload) => translate.request(payload, context, &mut out).map(drop),
        Given::Response(reply, original) => {
            match translate.reply(reply, original, route.last_question(), context) {
                Verdict::Reply(reply) if raw => report.raw(&reply),
                Verdict::Reply(reply) => report.line(document::reply(&found.loaded, &reply)?),
                Verdict::Pending => {
                    report.json(&json!({ "pending": "`until` does not hold: the system is asked again" }))?;
                }
                Verdict::Refused(refusal) | Verdict::NotDone(refusal) | Verdict::Unreadable(refusal) => {
                    return told(&refusal, report);
                }
            }
            return Ok(());
        }
        Given::Ticket(ticket, original) => {
            match translate.reply(ticket, original, Question::Request, context) {
                Verdict::Refused(refusal) | Verdict::NotDone(refusal) | Verdict::Unreadable(refusal) => {
                    Err(refusal)
                }
                Verdict::Pending | Verdict::Reply(_) => translate.poll(ticket, original, context, &mut out),
            }
        }
    };
    match written {
        Ok(()) if raw => report.raw(&out),
        Ok(()) => report.line(document::pretty(&out)?),
        Err(refusal) => return told(&refusal, report),
    }
    Ok(())
}

/// Shows what each field is made of.
fn traced(
    arguments: &Arguments,
    given: &Given,
    found: &Found,
    sources: &Sources,
    (id, format): (MessageId, Format),
    report: &Report,
) -> Result<(), Failure> {
    let id = id.to_string();
    let metadata: Vec<_> = arguments.metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let context = run::Context {
        message_id: &id,
        route: &found.loaded.route.name,
        caller: None,
        received: arguments.received.unwrap_or_else(jiff::Timestamp::now),
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let (compiled, mut trace, mut out) = (found.loaded.compile(), Trace::default(), Vec::new());
    // Why it failed, if it did, the outcome itself says.
    let environment = |original| Environment { context, metadata: &metadata, original };
    let _ = match given {
        Given::Request(payload) => {
            compiled.request.run_traced(payload, &environment(None), &mut trace, &mut out)
        }
        Given::Response(reply, original) => {
            let environment = environment(Some(&original[..]));
            compiled.reply.run_traced(reply, &environment, &mut trace, &mut out).map(drop)
        }
        Given::Ticket(ticket, original) => {
            let plan = compiled.poll.as_ref().unwrap_or(&compiled.reply);
            plan.run_traced(ticket, &environment(Some(&original[..])), &mut trace, &mut out).map(drop)
        }
    };
    if format == Format::Json {
        return report.json(&trace::json(&trace, sources));
    }
    trace::table(&trace, sources, report);
    Ok(())
}

/// The system that a translation without systems has.
pub(super) struct Nobody;

impl Target for Nobody {
    fn send(&self, _: Outgoing) -> BoxFuture<'_, Result<bytes::Bytes, SendError>> {
        let refused = SendError::new(Sent::No, "NO_SYSTEM", "nothing is sent while translating");
        Box::pin(async { Err(refused) })
    }
}

/// The folder that a translation without systems has.
pub(super) struct Nowhere;

impl FileDrop for Nowhere {
    fn prepare(&self, _: &str, _: &mut FileContent<'_>) -> Result<std::sync::Arc<str>, String> {
        Err("nothing is put anywhere while translating".to_owned())
    }

    fn prepared(&self, _: &str) -> Result<Box<dyn std::io::Read + Send>, String> {
        Err("nothing was put anywhere".to_owned())
    }

    fn discard(&self, _: &str) {}

    fn publish(&self, _: &str, _: &str) -> Result<(), String> {
        Err("nothing was put anywhere".to_owned())
    }
}

/// The failure as the caller would be told of it, with the advice that the caller would not be.
pub(super) fn told(refusal: &Refusal, report: &Report) -> Result<(), Failure> {
    let mut failure = json!({
        "status": refusal.status.name(),
        "reason": refusal.reason,
        "message": refusal.message,
        "fields": refusal.fields,
        "class": refusal.class,
    });
    if let Some(advice) = &refusal.advice {
        failure["advice"] = json!(advice);
    }
    report.json(&json!({ "failure": failure }))?;
    Err(Failure::Findings)
}

/// A message that a person named.
pub(super) fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    files::read_bytes(path, MAX_BYTES)
        .map_err(|problem| Failure::usage(format_args!("{} cannot be read: {problem}", path.display())))
}

/// The route, which must be sound; what else is found in other routes is not the matter here.
pub(super) fn find(
    route: &str,
    mappings: &[PathBuf],
    config: &Path,
    report: &Report,
) -> Result<(Found, Sources), Failure> {
    find_with(route, Places { mappings, config }, Secrets::Unknown, report)
}

/// Where routes are looked for: in these mappings, or in those of the configuration.
struct Places<'p> {
    mappings: &'p [PathBuf],
    config: &'p Path,
}

/// As [`find`], with secrets where there is no configuration.
fn find_with(
    route: &str,
    places: Places<'_>,
    secrets: Secrets,
    report: &Report,
) -> Result<(Found, Sources), Failure> {
    let (mut read, shown) = read_all(places, secrets)?;
    match read.routes.iter().position(|f| *f.loaded.route.name == *route) {
        Some(index) => Ok((read.routes.swap_remove(index), shown)),
        None if read.batches.iter().any(|batch| *batch.loaded.route.name == *route) => {
            Err(Failure::usage(format_args!("route `{route}` takes files")).help("name one with --file"))
        }
        None => {
            let known = read.routes.iter().map(|f| f.loaded.route.name.to_string()).collect();
            Err(missing(route, known, &read, &shown, report))
        }
    }
}

/// A route that takes files.
fn find_batch(
    route: &str,
    places: Places<'_>,
    secrets: Secrets,
    report: &Report,
) -> Result<(LoadedBatch, Sources), Failure> {
    let (mut read, shown) = read_all(places, secrets)?;
    match read.batches.iter().position(|batch| *batch.loaded.route.name == *route) {
        Some(index) => Ok((read.batches.swap_remove(index).loaded, shown)),
        None if read.routes.iter().any(|f| *f.loaded.route.name == *route) => {
            Err(Failure::usage(format_args!("route `{route}` answers calls and takes no files"))
                .help("name a message with --request or --response"))
        }
        None => {
            let known = read.batches.iter().map(|batch| batch.loaded.route.name.to_string()).collect();
            Err(missing(route, known, &read, &shown, report))
        }
    }
}

/// Every mapping of some places, with its files as they are shown.
fn read_all(
    Places { mappings, config }: Places<'_>,
    secrets: Secrets,
) -> Result<(Mappings, Sources), Failure> {
    let mut sources = Sources::default();
    if !mappings.is_empty() {
        let standing = Standing { secrets, ..mappings::standing(None, &mut Vec::new()) };
        let read = mappings::read_with(loader::here(), mappings, None, &standing, &mut sources);
        return Ok((read, sources));
    }
    let read = config::load(config, &mut sources);
    let Some(config) = read.value else {
        return Err(Failure::configuration(read.diagnostics, &sources));
    };
    let read = mappings::read(&config.folder, &config.routes, Some(&config), &mut sources);
    let shown = mappings::shown(&sources, &config.folder, Some(SourceId(0)));
    Ok((read, shown))
}

fn missing(route: &str, known: Vec<String>, read: &Mappings, shown: &Sources, report: &Report) -> Failure {
    report.warnings(&read.findings, shown);
    let failure = Failure::usage(format_args!("there is no sound route `{route}`"));
    match portolan_diagnostics::nearest(route, known.iter().map(String::as_str)) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => failure.help("name the folder of the mappings with --mappings"),
        None => failure.help(format!("there are {}", known.join(", "))),
    }
}

/// The secrets that files hold, as a configuration would have them; without any, none is known.
fn secrets(named: &[(String, PathBuf)]) -> Result<Secrets, Failure> {
    if named.is_empty() {
        return Ok(Secrets::Unknown);
    }
    let one = |(name, path): &(String, PathBuf)| match config::secret_file(path) {
        Ok(key) => Ok((name.as_str().into(), key)),
        Err(problem) => Err(Failure::usage(format_args!("--secret {name}: {problem}"))),
    };
    named.iter().map(one).collect::<Result<_, _>>().map(Secrets::Known)
}

/// `NAME=FILE`, on the command line.
fn secret(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("write NAME=FILE".to_owned()),
    }
}

/// `NAME=VALUE`, on the command line.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_ascii_lowercase(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
