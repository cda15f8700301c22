//! `queue` and `ledger`: where messages are kept, and what carries them between gateways.

use std::path::{Path, PathBuf};

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_mapping::yaml::{Entry, NodeKind};
use portolan_rabbitmq::{QueueType, TlsOptions};

use super::{
    grammar,
    keys::{Group, Reader, Text},
    strangers::{self, Strangers},
    system::readable,
};

/// Where messages are kept.
#[derive(Debug, Clone)]
pub(crate) enum Queue {
    /// A SQLite file, of this gateway alone.
    Sqlite(PathBuf),
    /// RabbitMQ carries them between gateways, and a ledger remembers them.
    RabbitMq {
        /// The broker.
        broker: Box<portolan_rabbitmq::Options>,
        /// The ledger.
        ledger: Ledger,
        /// What strangers may do at the broker.
        strangers: Strangers,
    },
}

/// What remembers messages beside a broker.
#[derive(Debug, Clone)]
pub(crate) enum Ledger {
    /// A PostgreSQL database, of any number of gateways.
    Postgres(Box<portolan_postgres::Options>),
    /// A SQLite file, of this gateway alone.
    Sqlite(PathBuf),
}

impl Queue {
    /// What is said of TLS, for the connections that there are.
    pub(crate) fn tls(&self) -> Vec<(&'static str, &TlsOptions)> {
        match self {
            Self::Sqlite(_) => Vec::new(),
            Self::RabbitMq { broker, ledger: Ledger::Sqlite(_), .. } => vec![("queue", &broker.tls)],
            Self::RabbitMq { broker, ledger: Ledger::Postgres(ledger), .. } => {
                vec![("queue", &broker.tls), ("ledger", &ledger.tls)]
            }
        }
    }

    /// The SQLite file, where messages are in one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) | Self::RabbitMq { ledger: Ledger::Sqlite(file), .. } => Some(file),
            Self::RabbitMq { ledger: Ledger::Postgres(_), .. } => None,
        }
    }

    /// Whether those who listen are told what becomes of this route's messages.
    pub(crate) fn announces(&self, route: &str) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::RabbitMq { strangers, .. } => strangers.hear_of(route),
        }
    }
}

/// `queue`, where nothing is said.
const FILE: &str = "portolan.db";

/// Reads both keys, which make sense only together.
pub(super) fn queue(queue: Option<&Entry>, ledger: Option<&Entry>, reader: &mut Reader<'_>) -> Option<Queue> {
    let Some(entry) = queue else {
        return match ledger {
            Some(entry) => refused(
                reader,
                entry.key_span,
                "a ledger of its own belongs to RabbitMQ as the queue",
                OWN_LEDGER,
            ),
            None => Some(Queue::Sqlite(reader.folder.join(FILE))),
        };
    };
    let place = Place::read(entry, reader)?;
    match place.scheme() {
        "sqlite" => {
            let file = sqlite(&place, reader).map(Queue::Sqlite);
            place.finish(reader);
            if let Some(entry) = ledger {
                return refused(reader, entry.key_span, "the SQLite queue is its own ledger", OWN_LEDGER);
            }
            file
        }
        "amqp" | "amqps" => {
            let (broker, strangers) = broker(place, reader);
            let Some(entry) = ledger else {
                let message = "RabbitMQ carries messages and forgets them: it needs a ledger beside it";
                let help = "add ledger: \"postgres://USER:PASSWORD@HOST/DATABASE\"; or, for one gateway, \"sqlite:portolan.db\"";
                return refused(reader, entry.key_span, message, help);
            };
            let ledger = beside_broker(entry, reader);
            Some(Queue::RabbitMq { broker: Box::new(broker?), ledger: ledger?, strangers })
        }
        "postgres" | "postgresql" => {
            let message = "PostgreSQL is a ledger, and no queue";
            let help = "write queue: \"amqps://USER:PASSWORD@HOST/VHOST\", and give this URL to `ledger`";
            refused(reader, place.url.span, message, help)
        }
        _ => {
            let finding =
                Diagnostic::error(Code::YAML_BAD_VALUE, "this names no queue").at(place.url.span, "");
            let help = "write \"sqlite:portolan.db\", a file beside the configuration; or \"amqps://HOST/VHOST\" with a `ledger`";
            reader.findings.push(finding.help(help));
            None
        }
    }
}

const OWN_LEDGER: &str = "leave `ledger` out; it is for several gateways, with queue: \"amqps://...\"";

fn refused<T>(reader: &mut Reader<'_>, span: Span, message: &str, help: &str) -> Option<T> {
    reader.findings.push(Diagnostic::error(Code::CONFIG_INVALID, message).at(span, "").help(help));
    None
}

/// A URL, by itself or within a group of options.
struct Place<'a> {
    url: Text,
    options: Option<Group<'a>>,
}

impl<'a> Place<'a> {
    fn read(entry: &'a Entry, reader: &mut Reader<'_>) -> Option<Self> {
        if !matches!(entry.value.kind, NodeKind::Mapping(_)) {
            return Some(Self { url: reader.text(entry)?, options: None });
        }
        let group = if entry.key == "queue" { &grammar::QUEUE } else { &grammar::LEDGER };
        let mut keys = Group::of(&entry.value, group, reader)?;
        let url = keys.require("url", reader).and_then(|e| reader.text(e))?;
        Some(Self { url, options: Some(keys) })
    }

    fn scheme(&self) -> &str {
        self.url.value.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.options.as_mut().and_then(|keys| keys.take(key))
    }

    /// Whom to trust, and what to show.
    fn tls(&mut self, reader: &mut Reader<'_>) -> TlsOptions {
        let mut file = |key| self.take(key).and_then(|e| reader.file(e));
        TlsOptions { ca: file("ca"), cert: file("certificate"), key: file("key") }
    }

    fn finish(self, reader: &mut Reader<'_>) {
        if let Some(keys) = self.options {
            keys.finish(reader);
        }
    }

    /// The URL with the credentials of the group. One that is written into the file itself is warned of.
    fn with_credentials(&mut self, reader: &mut Reader<'_>) -> Option<String> {
        let username = self.take("username").map(|e| reader.text(e));
        let password = self.take("password").map(|e| reader.text(e));
        let (scheme, rest) = self.url.value.split_once("://").unwrap_or(("", &self.url.value));
        let ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = &rest[..ends];
        if authority.matches('@').count() > 1 || rest[ends..].contains('@') {
            let message =
                "a user or password in the URL holds a character that ends it: `@`, `/`, `?` or `#`";
            let help = "give them to `username` and `password` beside `url`, as they are; or write %40, %2F, %3F, %23";
            return refused(reader, self.url.span, message, help);
        }
        let within = authority.rsplit_once('@').map(|(user, _)| user);
        if within.is_some_and(|user| user.contains(':')) && !self.url.resolved {
            reader.findings.push(readable("a password", self.url.span));
        }
        let Some(username) = username else {
            if password.is_some() {
                return refused(
                    reader,
                    self.url.span,
                    "there is a `password` and no `username`",
                    "write both, or neither",
                );
            }
            return Some(self.url.value.clone());
        };
        if within.is_some() {
            let message = "the user stands in the URL and in `username`";
            return refused(reader, self.url.span, message, "take it out of the URL");
        }
        let mut user = escaped(&username?.value);
        if let Some(password) = password {
            let password = password?;
            if !password.resolved {
                reader.findings.push(readable("a password", password.span));
            }
            user = format!("{user}:{}", escaped(&password.value));
        }
        Some(format!("{scheme}://{user}@{rest}"))
    }
}

/// For a URL's user and password, which may be of any characters.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn sqlite(place: &Place<'_>, reader: &mut Reader<'_>) -> Option<PathBuf> {
    let path = place.url.value.split_once(':').map_or("", |(_, path)| path);
    if path.is_empty() {
        return refused(
            reader,
            place.url.span,
            "this names no file",
            "write \"sqlite:portolan.db\", a file beside the configuration",
        );
    }
    let path = reader.folder.join(path);
    // The queue's file is made where there is none, but not the folder for it.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        let finding = Diagnostic::error(Code::FILE_UNREADABLE, "the folder of the queue is not there");
        let help = "make it, for the user that runs Portolan alone; paths are relative to the folder of the configuration";
        reader.findings.push(finding.at(place.url.span, "").help(help));
    }
    Some(path)
}

fn broker(mut place: Place<'_>, reader: &mut Reader<'_>) -> (Option<portolan_rabbitmq::Options>, Strangers) {
    let url = place.with_credentials(reader);
    let span = place.url.span;
    let mut options = portolan_rabbitmq::Options::new(url.clone().unwrap_or_default());
    if let Some(kind) = place.take("type").and_then(|e| {
        reader.parsed(e, |text| match text {
            "quorum" => Ok(QueueType::Quorum),
            "classic" => Ok(QueueType::Classic),
            _ => Err("write quorum or classic".to_owned()),
        })
    }) {
        options.queue_type = kind;
    }
    if let Some(parcels) = place.take("prefetch").and_then(|e| {
        reader.parsed(e, |text| match text.parse() {
            Ok(0) | Err(_) => Err("write a whole number from 1 to 65535".to_owned()),
            Ok(count) => Ok(count),
        })
    }) {
        options.prefetch = parcels;
    }
    if let Some(timeout) = place.take("confirm-timeout").and_then(|e| reader.duration(e)) {
        options.confirm_timeout = timeout;
    }
    options.tls = place.tls(reader);
    if let Some(prefix) = place.take("prefix").and_then(|e| reader.text(e)) {
        options.queue_prefix = prefix.value;
    }
    let mut routes = |key| place.take(key).map(|e| strangers::routes(e, reader)).unwrap_or_default();
    let strangers = Strangers { ingress: routes("ingress"), events: routes("events") };
    options.events = !strangers.events.is_empty();
    place.finish(reader);
    let options = url.and_then(|_| match options.check() {
        Ok(()) => Some(options),
        Err(problem) => {
            reader.findings.push(Diagnostic::error(Code::CONFIG_INVALID, problem.to_string()).at(span, ""));
            None
        }
    });
    (options, strangers)
}

fn beside_broker(entry: &Entry, reader: &mut Reader<'_>) -> Option<Ledger> {
    let place = Place::read(entry, reader)?;
    match place.scheme() {
        "postgres" | "postgresql" => {
            postgres(place, reader).map(|options| Ledger::Postgres(Box::new(options)))
        }
        "sqlite" => {
            let file = sqlite(&place, reader).map(Ledger::Sqlite);
            place.finish(reader);
            file
        }
        _ => {
            let finding =
                Diagnostic::error(Code::YAML_BAD_VALUE, "this names no ledger").at(place.url.span, "");
            let help = "write \"postgres://USER:PASSWORD@HOST/DATABASE\"; or, for one gateway, \"sqlite:portolan.db\"";
            reader.findings.push(finding.help(help));
            None
        }
    }
}

fn postgres(mut place: Place<'_>, reader: &mut Reader<'_>) -> Option<portolan_postgres::Options> {
    let span = place.url.span;
    let url = place.with_credentials(reader);
    let mut options = portolan_postgres::Options::new(url.clone().unwrap_or_default());
    options.host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    options.tls = place.tls(reader);
    if let Some(connections) = place.take("connections").and_then(|e| reader.count(e)) {
        options.connections = connections;
    }
    if let Some(lease) = place.take("lease").and_then(|e| reader.duration(e)) {
        options.lease = lease;
    }
    if let Some(patience) = place.take("patience").and_then(|e| reader.duration(e)) {
        options.patience = patience;
    }
    if let Some(after) = place.take("republish-after").and_then(|e| reader.duration(e)) {
        options.republish_after = after;
    }
    place.finish(reader);
    url?;
    match options.check() {
        Ok(()) => Some(options),
        Err(problem) => {
            reader.findings.push(Diagnostic::error(Code::CONFIG_INVALID, problem.to_string()).at(span, ""));
            None
        }
    }
}
