//! `portolan.yaml`: all that differs between environments. Read into what was typed, lowered into what the adapters
//! take; every finding at once, with its place, and never with a secret in it.

mod drop_folder;
pub(crate) mod grammar;
mod keys;
mod limits;
mod listen;
mod mask;
mod queue;
mod secret;
mod secrets;
mod strangers;
mod system;
mod telemetry;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use portolan_batch::FolderSource;
use portolan_console::AdminToken;
use portolan_diagnostics::{Checked, Code, Diagnostic, Sources, Span};
use portolan_mapping::{
    secret::Key,
    yaml::{self, Entry},
};

pub(crate) use listen::Listen;
pub(crate) use mask::speaks_of_a_secret;
pub(crate) use queue::{Ledger, Queue};
pub(crate) use secrets::secret_file;
pub(crate) use strangers::Strangers;
pub(crate) use system::{System, SystemKind};
pub(crate) use telemetry::{Collector, Telemetry};

use keys::{Group, Reader};

/// How large a configuration may be.
const MAX_BYTES: u64 = 1 << 20;

/// The gateway's configuration.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) listen: Listen,
    /// The folder of the file, which relative paths are relative to.
    pub(crate) folder: PathBuf,
    /// Files and folders with mappings, as typed.
    pub(crate) routes: Vec<PathBuf>,
    /// Where messages are kept.
    pub(crate) queue: Queue,
    /// The file of the admin token, where it is not the usual one.
    admin_token: Option<PathBuf>,
    /// The systems by name.
    pub(crate) systems: BTreeMap<String, System>,
    /// The folders of systems that drop files.
    pub(crate) folders: BTreeMap<String, FolderSource>,
    /// What mappings may name and never hold.
    pub(crate) secrets: BTreeMap<Arc<str>, Key>,
    /// How long finished messages are remembered.
    pub(crate) retention: Duration,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Where traces go, if anywhere.
    pub(crate) telemetry: Option<Telemetry>,
}

impl Config {
    /// Where the admin token lies: where `admin-token` says, else beside what this gateway calls its own.
    pub(crate) fn admin_token(&self) -> PathBuf {
        match (&self.admin_token, self.queue.file()) {
            (Some(named), _) => named.clone(),
            (None, Some(database)) => AdminToken::path_beside(database),
            (None, None) => AdminToken::path_beside(&self.folder.join("portolan")),
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    /// As text or as JSON; where nothing is said, as text.
    pub(crate) format: Option<LogFormat>,
    /// `info`, or per module as `tracing` writes it: `info,portolan_soap=debug`.
    pub(crate) level: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How long finished messages are remembered where nothing is said.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads a configuration file. Its text joins `sources` with its secrets masked.
pub(crate) fn load(path: &Path, sources: &mut Sources) -> Checked<Config> {
    match crate::files::read_text(path, MAX_BYTES) {
        Ok(text) => {
            let environment = |name: &str| std::env::var(name).ok();
            read(path, &text, &environment, sources)
        }
        Err(problem) => {
            let message = format!("the configuration `{}` cannot be read: {problem}", path.display());
            let finding = Diagnostic::error(Code::FILE_UNREADABLE, message)
                .help("name the file with --config, or run in the folder that holds portolan.yaml");
            Checked { value: None, diagnostics: vec![finding] }
        }
    }
}

/// Reads a configuration's text; relative paths are relative to the folder of `path`.
fn read(
    path: &Path,
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    sources: &mut Sources,
) -> Checked<Config> {
    let mut findings = Vec::new();
    let name = path.display().to_string();
    // Ids are given out in order, so the scratch tells the id that the masked text will have.
    let source = sources.clone().add(name.clone(), format!("{text}\n# unmasked"));
    let mut documents = yaml::read(source, text, &mut findings);
    let masked = mask::Masked::new(text, &documents, !findings.is_empty());
    masked.move_places(&mut documents, &mut findings);
    sources.add(name, masked.text);

    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut reader = Reader { findings, folder, environment };
    let whole = Span::new(source, 0..0);
    let value = match documents.as_slice() {
        [document] => config(document, &mut reader),
        [] => {
            if reader.findings.is_empty() {
                let message = "the configuration is empty";
                reader.findings.push(Diagnostic::error(Code::YAML_MISSING_KEY, message).at(whole, ""));
            }
            None
        }
        [_, second, ..] => {
            let message = "a configuration is one document";
            reader
                .findings
                .push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(second.span, "the second one"));
            None
        }
    };
    Checked { value, diagnostics: reader.findings }
}

fn config(document: &yaml::Node, reader: &mut Reader<'_>) -> Option<Config> {
    let mut keys = Group::of(document, &grammar::CONFIGURATION, reader)?;
    let listen = match keys.take("listen") {
        Some(entry) => listen::listen(&entry.value, reader),
        None => Some(Listen::default()),
    };
    let routes = keys.require("routes", reader).map(|e| routes(e, reader));
    let queue = queue::queue(keys.take("queue"), keys.take("ledger"), reader);
    let admin_token = keys.take("admin-token").map(|e| reader.text(e));
    let (systems, folders) = keys.take("systems").map(|e| systems(e, reader)).unwrap_or_default();
    let secrets = keys.take("secrets").map(|e| secrets::secrets(e, reader)).unwrap_or_default();
    let retention = match keys.take("retention") {
        Some(entry) => reader.duration(entry),
        None => Some(RETENTION),
    };
    let log = match keys.take("log") {
        Some(entry) => log(&entry.value, reader),
        None => Some(Log::default()),
    };
    let telemetry = match keys.take("telemetry") {
        Some(entry) => telemetry::telemetry(&entry.value, reader).map(Some),
        None => Some(None),
    };
    keys.finish(reader);
    Some(Config {
        folder: reader.folder.to_owned(),
        listen: listen?,
        routes: routes?,
        queue: queue?,
        admin_token: match admin_token {
            Some(named) => Some(reader.folder.join(named?.value)),
            None => None,
        },
        systems,
        folders,
        secrets,
        retention: retention?,
        log: log?,
        telemetry: telemetry?,
    })
}

fn routes(entry: &Entry, reader: &mut Reader<'_>) -> Vec<PathBuf> {
    let paths: Vec<_> = reader
        .items(entry)
        .iter()
        .filter_map(|node| reader.text_of(node, "routes", entry.key_span))
        .collect();
    let mut found = Vec::new();
    for text in paths {
        let path = PathBuf::from(&text.value);
        if !reader.folder.join(&path).exists() {
            let finding = Diagnostic::error(Code::FILE_UNREADABLE, "there is no such file or folder")
                .at(text.span, "")
                .help("paths are relative to the folder of the configuration");
            reader.findings.push(finding);
        }
        found.push(path);
    }
    found
}

type Systems = (BTreeMap<String, System>, BTreeMap<String, FolderSource>);

fn systems(entry: &Entry, reader: &mut Reader<'_>) -> Systems {
    let named = reader.entries(&entry.value, "`systems`").unwrap_or_default();
    let (folders, others): (Vec<&Entry>, Vec<&Entry>) =
        named.iter().partition(|e| drop_folder::is_one(&e.value));
    let others =
        others.into_iter().filter_map(|e| Some((e.key.clone(), system::system(e, reader)?))).collect();
    let folders = folders.into_iter().filter_map(|e| Some((e.key.clone(), drop_folder::folder(e, reader)?)));
    (others, folders.collect())
}

fn log(node: &yaml::Node, reader: &mut Reader<'_>) -> Option<Log> {
    let mut keys = Group::of(node, &grammar::LOG, reader)?;
    let format = keys.take("format").and_then(|e| {
        let text = reader.text(e)?;
        match text.value.as_str() {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => {
                reader.bad(text.span, "`format` is text or json");
                None
            }
        }
    });
    let level = keys.take("level").and_then(|e| {
        let text = reader.text(e)?;
        if tracing_subscriber::EnvFilter::try_new(&text.value).is_err() {
            reader.bad(
                text.span,
                "`level` is error, warn, info, debug or trace, or such per module: info,portolan_soap=debug",
            );
            return None;
        }
        Some(text.value)
    });
    keys.finish(reader);
    Some(Log { format, level })
}
