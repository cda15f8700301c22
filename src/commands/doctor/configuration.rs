//! The configuration and the mappings that it names, as `portolan check` finds them.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

use portolan_batch::Pattern;
use portolan_diagnostics::{Rendered, Severity, SourceId, Sources};
use portolan_mapping::check::Travel;

use super::finding::{Check, Finding, State};
use crate::{
    config::{self, Config},
    mappings::{self, Mappings},
    report::plural,
};

const CHECK: &str = "configuration";

/// Names of files, by the system that drops them.
pub(super) type Patterns = BTreeMap<Arc<str>, Vec<Pattern>>;

/// What was read.
pub(super) struct Looked {
    /// Where it is sound enough to go on.
    pub(super) config: Option<Config>,
    /// The routes of its mappings that are sound, by name.
    pub(super) routes: Vec<Arc<str>>,
    /// The names of the files that they take, by the system that drops them.
    pub(super) patterns: Patterns,
    /// What is wrong with it and its mappings.
    pub(super) findings: Vec<Finding>,
}

pub(super) fn check(path: &Path) -> Looked {
    let mut sources = Sources::default();
    let loaded = config::load(path, &mut sources);
    let mut rendered: Vec<_> = loaded.diagnostics.iter().map(|d| Rendered::new(d, &sources)).collect();
    let (mut sound, mut routes, mut patterns) = (String::new(), Vec::new(), Patterns::new());
    if let Some(config) = &loaded.value {
        let read = mappings::read(&config.folder, &config.routes, Some(config), &mut sources);
        let shown = mappings::shown(&sources, &config.folder, Some(SourceId(0)));
        rendered.extend(read.findings.iter().map(|d| Rendered::new(d, &shown)));
        let kept = read.routes.iter().map(|found| &found.loaded.route).filter(|route| route.is_recorded());
        let of_files = read.batches.iter().map(|batch| batch.loaded.route.name.clone());
        routes = kept.map(|route| route.name.clone()).chain(of_files).collect();
        patterns = patterns_of(&read);
        sound = format!(
            "sound, with the mappings of {}",
            plural(read.routes.len() + read.batches.len(), "route")
        );
    }
    // What the configuration says of a standing header, each route that carries it may say again.
    let mut said = HashSet::new();
    let findings =
        rendered.iter().map(|one| found(one, path)).filter(|one| said.insert(one.said.clone() + &one.of));
    let mut findings: Vec<_> = findings.collect();
    if !findings.iter().any(|finding| finding.state == State::Problem) && loaded.value.is_some() {
        findings.insert(0, Check::new(CHECK, path.display()).ok(sound));
    }
    Looked { config: loaded.value, routes, patterns, findings }
}

fn patterns_of(read: &Mappings) -> Patterns {
    let dropped = read.batches.iter().map(|found| &found.loaded.route);
    let dropped = dropped.map(|route| (&route.system.value, route.pattern.as_deref()));
    let answers = read.routes.iter().filter_map(|found| match &found.loaded.route.travel {
        Travel::File(file) => file.answers.as_deref(),
        Travel::Soap(_) => None,
    });
    let answers = answers.map(|answers| (&answers.system.value, answers.pattern.as_deref()));
    let mut patterns = Patterns::new();
    for (system, pattern) in dropped.chain(answers) {
        // One that is none is found by the check of mappings.
        patterns.entry(system.clone()).or_default().extend(pattern.unwrap_or("*").parse::<Pattern>());
    }
    patterns
}

fn found(one: &Rendered, config: &Path) -> Finding {
    let of = match (&one.file, &one.position) {
        (Some(file), Some(at)) => format!("{file}:{}:{}", at.line, at.column),
        (Some(file), None) => file.clone(),
        (None, _) => config.display().to_string(),
    };
    let state = match one.severity {
        Severity::Error => State::Problem,
        Severity::Warning => State::Warning,
        Severity::Note => State::Ok,
    };
    let seen = || format!("`portolan check --config {}` shows the place", config.display());
    let todo = if one.help.is_empty() { seen() } else { one.help.join("; ") };
    Check::new(CHECK, of).found(state, one.message.clone(), Some(todo))
}
