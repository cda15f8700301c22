//! `portolan simulate batch`: a partner that answers files with files, by a mapping that goes from one to the other.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use portolan_batch::Pattern;
use portolan_delivery::{MessageId, Timestamp};
use portolan_diagnostics::Sources;
use portolan_engine::{Route, Way};
use portolan_formats::records::{Messages, input};

use super::translate::Nowhere;
use crate::{
    files, loader, mappings,
    report::{Failure, Report, plural},
};

/// How large a file may be that is answered.
const MAX_BYTES: u64 = 64 << 20;
/// How often it is looked for files.
const EVERY: Duration = Duration::from_millis(200);
/// Where files go that were answered, below the folder that is watched.
const ANSWERED: &str = "answered";

/// Answer each file with a file, as a mainframe does in its nightly run.
///
/// The mapping goes from file to file (`source: batch`, `target: batch`). Each file in --from of which the name fits its pattern is read
/// whole, answered by a file in --to, and moved into `answered/` below --from. The answer is written aside and then renamed. A file that
/// cannot be read by its layout ends the command: a mainframe does not guess either. Ends with SIGINT or SIGTERM.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan simulate batch mappings/benefits/simulate/decide.yaml --from drop/out --to drop
  portolan simulate batch mappings/benefits/simulate/decide.yaml --from drop/out --to drop --once")]
pub(crate) struct Batch {
    /// The mapping file, with a route from file to file
    #[arg(value_name = "MAPPING")]
    mapping: PathBuf,
    /// Where files are put that are to be answered: `out/` below the system's folder
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Where answers are dropped
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Answer what is there, and end
    #[arg(long)]
    once: bool,
}

pub(super) fn run(arguments: &Batch, report: &Report) -> Result<(), Failure> {
    let partner = Partner::new(&arguments.mapping)?;
    if arguments.once {
        return partner.answer_all(&arguments.from, &arguments.to, report).map(drop);
    }
    report.line(format_args!("portolan simulator ready files={}", arguments.from.display()));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        loop {
            partner.answer_all(&arguments.from, &arguments.to, report)?;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
        }
    })
}

/// Who answers files, by the one route of a mapping.
pub(super) struct Partner {
    route: Route,
    pattern: Option<Pattern>,
}

impl Partner {
    pub(super) fn new(mapping: &Path) -> Result<Self, Failure> {
        let mut sources = Sources::default();
        let standing = mappings::standing(None, &mut Vec::new());
        let paths = [mapping.to_owned()];
        let mut read = mappings::read_with(loader::here(), &paths, None, &standing, &mut sources);
        if read.failed() {
            return Err(Failure::configuration(read.findings, &sources));
        }
        let makes_files = |found: &mappings::FoundBatch| found.loaded.route.made.is_some();
        let found = match read.batches.iter().filter(|found| makes_files(found)).count() {
            1 => read.batches.iter().position(makes_files).map(|at| read.batches.swap_remove(at)),
            _ => None,
        };
        let Some(found) = found else {
            let what = format!("{} has no one route from file to file", mapping.display());
            return Err(Failure::usage(what)
                .help("a simulated partner has `source: { batch: ... }` and `target: { batch: ... }`"));
        };
        let way = Way::Drop(std::sync::Arc::new(Nowhere));
        let compiled =
            portolan_engine::compile_file(&found.loaded, &found.entry, &Sources::default(), way, None);
        let route = compiled.map_err(Failure::failed)?.route;
        let pattern = route.files.as_ref().and_then(|files| files.pattern.as_deref());
        let pattern = pattern.map(str::parse).transpose().map_err(Failure::usage)?;
        Ok(Self { route, pattern })
    }

    /// Answers what is there, by name; gives how many files that were.
    pub(super) fn answer_all(&self, from: &Path, to: &Path, report: &Report) -> Result<usize, Failure> {
        let mut names = Vec::new();
        let unreadable =
            |problem: std::io::Error| Failure::failed(format_args!("{}: {problem}", from.display()));
        for entry in fs::read_dir(from).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let fits = self.pattern.as_ref().is_none_or(|pattern| pattern.matches(&name));
            // What is being written has such a name.
            let whole = !name.starts_with('.') && !name.ends_with(".tmp");
            if fits && whole && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                names.push(name);
            }
        }
        names.sort();
        for name in &names {
            let answered = from.join(ANSWERED);
            fs::create_dir_all(&answered).map_err(unreadable)?;
            let before = fs::read_dir(&answered).map_err(unreadable)?.count() as u64;
            let (answer, messages) = self.answer(&from.join(name), to, before + 1)?;
            fs::rename(from.join(name), answered.join(name)).map_err(unreadable)?;
            report.line(format_args!("{name}: {} answered by {answer}", plural(messages, "record")));
        }
        Ok(names.len())
    }

    /// Answers one file; gives the name of the answer and how many records it answers.
    fn answer(&self, file: &Path, to: &Path, sequence: u64) -> Result<(String, usize), Failure> {
        let failed = |why: &dyn std::fmt::Display| Failure::failed(format_args!("{}: {why}", file.display()));
        let bytes = files::read_bytes(file, MAX_BYTES).map_err(|problem| failed(&problem))?;
        let source = self.route.files.as_ref().ok_or_else(|| failed(&"its route takes no files"))?;
        let now = Timestamp::now();
        let plain = input::open(&bytes[..], source.file.layout().file.compression)
            .map_err(|problem| failed(&problem))?;
        let mut messages = Messages::new(&source.file, &source.excerpt, plain);
        let mut all = Vec::new();
        loop {
            let next = messages.next().map(|(message, _)| message.to_vec());
            if let Some(problem) = messages.problems().find(|problem| !problem.warning) {
                let error = &problem.error;
                return Err(failed(&format_args!("record {}: {}", error.record, error.kind)));
            }
            let Some(message) = next else { break };
            all.push((MessageId::generate(), message.into()));
        }
        let count = all.len();
        let (name, content) = self.route.file_of_all(all, sequence, now).map_err(|why| failed(&why))?;
        let path = to.join(&name);
        let aside = to.join(format!(".{name}.tmp"));
        let written = fs::write(&aside, content).and_then(|()| fs::rename(&aside, &path));
        written
            .map_err(|problem| failed(&format_args!("{} cannot be written: {problem}", path.display())))?;
        Ok((name, count))
    }
}
