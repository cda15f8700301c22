//! Mapping files: found in files and folders, read with their contracts and checked, against each other and against the
//! systems that are configured. What `check`, `translate` and `serve` have in common.

#[cfg(test)]
mod accepted;
mod layouts;
mod strangers;

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use portolan_diagnostics::{Code, Diagnostic, Severity, SourceId, Sources, Span};
use portolan_mapping::{
    check::CheckedRoute,
    check::TargetContract,
    load::{LoadedBatch, LoadedRoute, Standing},
    secret::Secrets,
    yaml::{self, Node, NodeKind},
};
use portolan_schema::Directory;

use crate::{
    config::{Config, SystemKind},
    files,
    layouts::is_copybook,
    report::Failure,
};

/// Folders in folders, at most.
const MAX_DEPTH: usize = 16;
/// Files that one run reads, at most.
const MAX_FILES: usize = 10_000;
/// Folders of this name hold what plays partners (`portolan simulate batch`), and are passed over within folders that are read.
const SIMULATE: &str = "simulate";
/// How much of a file is looked at to tell a mapping from other YAML.
const MAX_BYTES: u64 = 1 << 20;

/// A route with the file that declares it, named as the root sees it.
pub(crate) struct Found {
    pub(crate) entry: String,
    pub(crate) loaded: LoadedRoute,
}

/// The same of a route that takes files.
pub(crate) struct FoundBatch {
    pub(crate) entry: String,
    pub(crate) loaded: LoadedBatch,
}

/// Everything that was read.
#[derive(Default)]
pub(crate) struct Mappings {
    /// The routes without errors.
    pub(crate) routes: Vec<Found>,
    /// The routes that take files.
    pub(crate) batches: Vec<FoundBatch>,
    /// Mapping files and layouts that were read.
    pub(crate) files: usize,
    /// How many layouts and copybooks were read without an error.
    pub(crate) layouts: usize,
    /// How many layouts and copybooks there are.
    pub(crate) layout_files: usize,
    /// What was found in all of them.
    pub(crate) findings: Vec<Diagnostic>,
}

impl Mappings {
    /// Whether any route cannot be served.
    pub(crate) fn failed(&self) -> bool {
        self.findings.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Reads every mapping under `paths`, which are as `root` sees them; so are the names of all files read.
///
/// With a configuration, its standing headers and secrets are part of the mappings, and systems must be configured.
pub(crate) fn read(
    root: &Path,
    paths: &[PathBuf],
    config: Option<&Config>,
    sources: &mut Sources,
) -> Mappings {
    let mut findings = Vec::new();
    let standing = standing(config, &mut findings);
    let mut read = read_with(root, paths, config, &standing, sources);
    findings.append(&mut read.findings);
    Mappings { findings, ..read }
}

/// As [`read`], with what stands in no configuration.
pub(crate) fn read_with(
    root: &Path,
    paths: &[PathBuf],
    config: Option<&Config>,
    standing: &Standing,
    sources: &mut Sources,
) -> Mappings {
    let mut read = Mappings::default();
    let mut entries = Vec::new();
    for path in paths {
        let before = entries.len();
        let known = read.findings.len();
        discover(root, path, 0, &mut entries, &mut read.findings);
        if entries.len() == before && read.findings.len() == known {
            let message = format!("there is no mapping file in `{}`", path.display());
            let help = "a mapping is a .yaml file with `route:`, `source:` and `target:`";
            read.findings.push(Diagnostic::warning(Code::FILE_UNREADABLE, message).help(help));
        }
    }
    // One file that is reached by two paths is read once.
    entries = entries.iter().map(|entry| PathBuf::from(tidy(entry))).collect();
    entries.sort();
    entries.dedup();
    let resolver = Directory::new("").under(root);
    let (layouts, entries): (Vec<PathBuf>, Vec<PathBuf>) = entries
        .into_iter()
        .partition(|entry| matches!(kind(&root.join(entry)), Kind::Layout | Kind::Copybook));
    for entry in entries.iter().filter_map(|e| e.to_str()) {
        read.files += 1;
        let loaded = portolan_mapping::load::load_all(entry, &resolver, sources, standing);
        // Contracts that several files share are found wanting once.
        for finding in loaded.diagnostics {
            if !read.findings.contains(&finding) {
                read.findings.push(finding);
            }
        }
        let Some(loaded) = loaded.value else { continue };
        let routes = loaded.routes.into_iter();
        read.routes.extend(routes.map(|loaded| Found { entry: entry.to_owned(), loaded }));
        let batches = loaded.batches.into_iter();
        read.batches.extend(batches.map(|loaded| FoundBatch { entry: entry.to_owned(), loaded }));
    }
    let named = |entry: &Path| paths.iter().any(|path| tidy(path) == tidy(entry));
    layouts::check(&layouts, &named, &resolver, sources, &mut read);
    let mut across = duplicates(&read.routes);
    if let Some(config) = config {
        across.extend(unknown_systems(&read.routes, config));
        across.extend(read.batches.iter().flat_map(|found| unknown_of_batch(&found.loaded, config)));
        let all = paths == config.routes && !read.failed();
        across.extend(strangers::unfit(&read.routes, all, config));
    }
    read.findings.extend(across);
    read
}

/// The mappings that a configuration names, where all of them are sound.
pub(crate) fn sound(config: &Config, sources: &mut Sources) -> Result<Mappings, Failure> {
    let read = read(&config.folder, &config.routes, Some(config), sources);
    if read.failed() {
        let shown = shown(sources, &config.folder, Some(SourceId(0)));
        return Err(Failure::configuration(read.findings, &shown));
    }
    Ok(read)
}

/// What every mapping is read with: the rules for standing headers, of every system that has some, the secrets, and the day.
pub(crate) fn standing(config: Option<&Config>, findings: &mut Vec<Diagnostic>) -> Standing {
    let mut headers = HashMap::new();
    for (name, system) in config.iter().flat_map(|c| &c.systems) {
        let SystemKind::Soap { header: Some(node), .. } = &system.kind else { continue };
        let read = portolan_mapping::parse::standing_header(node);
        findings.extend(read.diagnostics);
        if let Some(rule) = read.value {
            headers.insert(name.clone(), rule);
        }
    }
    let secrets = config.map_or(Secrets::Unknown, |config| Secrets::Known(config.secrets.clone()));
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    Standing { headers, secrets, today: Some(today) }
}

/// The mapping files that a path names: itself, or those in it.
fn discover(
    root: &Path,
    path: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
    findings: &mut Vec<Diagnostic>,
) {
    let whole = root.join(path);
    if !whole.is_dir() {
        // One that was named is read whatever it looks like; one that is not there is the reader's finding.
        found.push(path.to_owned());
        return;
    }
    let Ok(entries) = std::fs::read_dir(&whole) else { return };
    let mut names: Vec<_> = entries.flatten().map(|e| e.file_name()).collect();
    names.sort();
    for name in names.iter().filter(|n| !n.as_encoded_bytes().starts_with(b".")) {
        let (path, whole) = (path.join(name), whole.join(name));
        if whole.is_dir() {
            if name == SIMULATE {
                continue;
            }
            if depth < MAX_DEPTH {
                discover(root, &path, depth + 1, found, findings);
            }
        } else if found.len() < MAX_FILES && is_read(&path) {
            match kind(&whole) {
                Kind::Mapping | Kind::Layout | Kind::Copybook => found.push(path),
                Kind::Empty => {
                    let message = format!("`{}` holds nothing", tidy(&root.join(path)));
                    let help = "write its mapping, or remove the file";
                    findings.push(Diagnostic::warning(Code::FILE_UNREADABLE, message).help(help));
                }
                Kind::Other => {
                    let message =
                        format!("`{}` is not read: it has no key of a mapping", tidy(&root.join(path)));
                    let help = "a mapping has `route:`, `source:` and `target:`";
                    findings.push(Diagnostic::note(Code::FILE_UNREADABLE, message).help(help));
                }
                Kind::Known => {}
            }
        }
    }
}

/// Whether a file of a folder may be one that is read.
fn is_read(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml") || is_copybook(path)
}

/// What a file in a folder of mappings is.
enum Kind {
    /// A mapping, or what nobody can read: it is the reader's finding then.
    Mapping,
    /// A layout.
    Layout,
    /// A copybook.
    Copybook,
    /// Nothing but comments.
    Empty,
    /// What lies beside mappings on purpose: answers for the simulator, a calendar, a configuration.
    Known,
    /// Anything else.
    Other,
}

fn kind(path: &Path) -> Kind {
    const KEYS: [&str; 5] = ["route", "source", "target", "request", "reply"];
    if is_copybook(path) {
        return Kind::Copybook;
    }
    let Ok(text) = files::read_text(path, MAX_BYTES) else { return Kind::Mapping };
    let mut findings = Vec::new();
    let documents = yaml::read(SourceId(0), &text, &mut findings);
    let keys = |node: &Node| match &node.kind {
        NodeKind::Mapping(entries) => entries.iter().map(|e| e.key.clone()).collect(),
        _ => Vec::new(),
    };
    let keys: Vec<String> = documents.iter().flat_map(keys).collect();
    let has = |wanted: &[&str]| keys.iter().any(|key| wanted.contains(&key.as_str()));
    if has(&["layout"]) && !has(&KEYS) {
        return Kind::Layout;
    }
    if has(&KEYS) || !findings.is_empty() {
        return Kind::Mapping;
    }
    let is_blank = |node: &Node| node.scalar().is_some_and(|s| s.plain && s.text.is_empty());
    if documents.iter().all(is_blank) {
        return Kind::Empty;
    }
    let answers = documents.iter().all(|node| matches!(node.kind, NodeKind::Sequence(_)));
    if answers || has(&["routes", "calendar"]) { Kind::Known } else { Kind::Other }
}

/// Routes of one name, and routes that would serve one method.
fn duplicates(routes: &[Found]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let (mut names, mut methods) = (HashMap::new(), HashMap::new());
    for found in routes {
        let route = &found.loaded.route;
        let mut clash = |first: Option<&Found>, message: String, place: fn(&CheckedRoute) -> Span| {
            let Some(first) = first else { return };
            let finding = Diagnostic::error(Code::ROUTE_DUPLICATE, message);
            findings.push(finding.at(place(route), "here").at(place(&first.loaded.route), "and here"));
        };
        let name: Arc<str> = route.name.clone();
        let namesake = names.insert(name, found);
        if namesake.is_some() {
            clash(namesake, format!("two routes are named `{}`", route.name), |r| r.name_span);
        } else {
            let rival = methods.insert(route.method.clone(), found);
            clash(rival, format!("two routes serve the method `{}`", route.method), |r| r.method_span);
        }
    }
    findings
}

/// The system that drops the files of a route, and the one that is told of them, where they are not configured so.
fn unknown_of_batch(loaded: &LoadedBatch, config: &Config) -> Vec<Diagnostic> {
    let route = &loaded.route;
    let system = &route.target_system;
    let told = match (&loaded.target, &route.binding) {
        (TargetContract::Layout(_), _) => no_folder(system, config),
        (TargetContract::Services(_), binding) => not_configured(system, config).or_else(|| {
            let kind = config.systems.get(&*system.value).map(|system| &system.kind)?;
            let (speaks, asked) = match (kind, binding) {
                (SystemKind::Soap { .. }, None) => ("SOAP", "gRPC"),
                (SystemKind::Grpc(_), Some(_)) => ("gRPC", "SOAP"),
                _ => return None,
            };
            Some(speaks_other(system, speaks, asked))
        }),
    };
    no_folder(&route.system, config).into_iter().chain(told).collect()
}

fn no_folder(system: &portolan_mapping::file::Placed<Arc<str>>, config: &Config) -> Option<Diagnostic> {
    if config.folders.contains_key(&*system.value) {
        return None;
    }
    let message = format!("there is no system `{}` with a `batch:` folder", system.value);
    let finding = Diagnostic::error(Code::ROUTE_UNKNOWN_SYSTEM, message)
        .at(system.span, "")
        .did_you_mean(&system.value, config.folders.keys().map(String::as_str))
        .for_a_person();
    Some(finding.help("systems stand under `systems:` in portolan.yaml"))
}

fn not_configured(system: &portolan_mapping::file::Placed<Arc<str>>, config: &Config) -> Option<Diagnostic> {
    if config.systems.contains_key(&*system.value) {
        return None;
    }
    let message = format!("the system `{}` is not configured", system.value);
    let finding = Diagnostic::error(Code::ROUTE_UNKNOWN_SYSTEM, message)
        .at(system.span, "")
        .did_you_mean(&system.value, config.systems.keys().map(String::as_str))
        .for_a_person();
    Some(finding.help("systems stand under `systems:` in portolan.yaml"))
}

fn speaks_other(system: &portolan_mapping::file::Placed<Arc<str>>, speaks: &str, asked: &str) -> Diagnostic {
    let message = format!("the system `{}` speaks {speaks}, and the route asks it by {asked}", system.value);
    Diagnostic::error(Code::ROUTE_UNKNOWN_SYSTEM, message)
        .at(system.span, "")
        .for_a_person()
        .help(format!("name a system with `{}:` in portolan.yaml", asked.to_lowercase()))
}

/// Routes whose system is not configured, or speaks something else than the route does: SOAP, as all do.
fn unknown_systems(routes: &[Found], config: &Config) -> Vec<Diagnostic> {
    let (files, calls): (Vec<&Found>, Vec<&Found>) =
        routes.iter().partition(|found| found.loaded.route.made().is_some());
    let folders = files.iter().filter_map(|found| {
        let made = found.loaded.route.made()?;
        let answers = made.answers.as_ref().map(|answers| &answers.system);
        Some(std::iter::once(&found.loaded.route.system).chain(answers))
    });
    let no_folder: Vec<Diagnostic> =
        folders.flatten().filter_map(|system| no_folder(system, config)).collect();
    let others = calls.iter().map(|found| &found.loaded.route.system).filter(|system| {
        config.systems.get(&*system.value).is_some_and(|it| !matches!(it.kind, SystemKind::Soap { .. }))
    });
    let others = others.map(|system| speaks_other(system, "gRPC", "SOAP"));
    let unknown = calls.iter().filter_map(|found| not_configured(&found.loaded.route.system, config));
    unknown.chain(others).chain(no_folder).collect()
}

/// The files as the user sees them from where the command runs: those read under `root` with it before their names,
/// except the configuration, which has its whole name.
pub(crate) fn shown(sources: &Sources, root: &Path, config: Option<SourceId>) -> Sources {
    let mut shown = Sources::default();
    for (id, file) in sources.iter() {
        let name = if Some(id) == config { file.name.to_string() } else { tidy(&root.join(&*file.name)) };
        shown.add(name, file.text.clone());
    }
    shown
}

/// A path without `.` and without `folder/..`.
fn tidy(path: &Path) -> String {
    let mut out = PathBuf::new();
    for part in path.components() {
        let below = matches!(out.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if below => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out.display().to_string()
}
