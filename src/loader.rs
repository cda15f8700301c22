//! Routes from files, for the engine: the mappings that the configuration names, compiled and joined with its systems.
//! Everything is read again at each load, systems too, so that a reload takes up both or neither.

mod bundle;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use portolan_delivery::{FileDrop, Target, system::SystemPolicy};
use portolan_diagnostics::{Code, Diagnostic, Rendered, Severity, SourceId, Sources, render};
use portolan_engine::{Bundle, LoadError, Loaded, Loader, Way};
use portolan_mapping::{
    file::Placed,
    load::{LoadedBatch, LoadedRoute, Standing},
};

use crate::{
    config::{self, Config},
    mappings, registry, report,
};

/// The mappings of a configuration file.
pub(crate) struct Files {
    config: PathBuf,
    /// What the last load knew of systems, for bundles that are opened later.
    systems: Mutex<Arc<Systems>>,
}

/// The ways to the systems, and what the configuration adds to every message.
#[derive(Default)]
struct Systems {
    targets: HashMap<String, Arc<dyn Target>>,
    drops: HashMap<String, Arc<dyn FileDrop>>,
    timeouts: HashMap<String, Duration>,
    policies: HashMap<String, SystemPolicy>,
    standing: Standing,
}

impl Files {
    pub(crate) fn new(config: PathBuf) -> Self {
        Self { config, systems: Mutex::default() }
    }

    fn systems(&self) -> Arc<Systems> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Loader for Files {
    fn load(&self) -> Result<Vec<Loaded>, LoadError> {
        let mut sources = Sources::default();
        let read = config::load(&self.config, &mut sources);
        let (config, _) = read.into_result().map_err(|findings| unsound(&findings, &sources))?;
        let read = mappings::read(&config.folder, &config.routes, Some(&config), &mut sources);
        let shown = mappings::shown(&sources, &config.folder, Some(SourceId(0)));
        if read.failed() {
            return Err(unsound(&read.findings, &shown));
        }
        let systems = systems(&config).map_err(|findings| unsound(&findings, &shown))?;
        if !read.findings.is_empty() {
            tracing::warn!(
                "the mappings have {}; `portolan check` shows them",
                report::summary(&read.findings)
            );
        }
        let kept = bundle::in_utf8(&sources);
        let routes = read.routes.iter().map(|found| {
            let mut loaded = routed(&found.entry, &found.loaded, &kept, &systems)?;
            loaded.route.announced = config.queue.announces(&loaded.route.name);
            Ok(loaded)
        });
        let files = read.batches.iter().map(|found| filed(&found.entry, &found.loaded, &kept, &systems));
        let loaded = routes.chain(files).collect::<Result<_, _>>()?;
        *self.systems.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(systems);
        Ok(loaded)
    }

    fn systems(&self) -> HashMap<String, SystemPolicy> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner).policies.clone()
    }

    fn open(&self, content: &[u8]) -> Result<Loaded, LoadError> {
        let bundle = Bundle::open(content).map_err(|problem| LoadError::Bundle(problem.to_string()))?;
        let systems = self.systems();
        let mut sources = Sources::default();
        let resolver = bundle.resolver();
        let read =
            portolan_mapping::load::load_all(&bundle.entry, &resolver, &mut sources, &systems.standing);
        let loaded = read.value.as_ref();
        let files = loaded.and_then(|all| all.batches.iter().find(|r| *r.route.name == *bundle.route));
        if let Some(files) = files {
            return filed(&bundle.entry, files, &sources, &systems);
        }
        let route = loaded.and_then(|all| all.routes.iter().find(|r| *r.route.name == *bundle.route));
        let Some(route) = route else { return Err(unsound(&read.diagnostics, &sources)) };
        routed(&bundle.entry, route, &sources, &systems)
    }
}

/// Findings as text for a log, a terminal or an operator's client.
fn unsound(findings: &[Diagnostic], sources: &Sources) -> LoadError {
    let errors = findings.iter().filter(|d| d.severity == Severity::Error);
    let mut text: Vec<_> = errors.clone().map(|d| render(d, sources, false)).collect();
    text.push(report::summary(findings));
    let brief: Vec<_> = errors.map(|d| in_a_line(&Rendered::new(d, sources))).collect();
    LoadError::Findings { text: text.join("\n\n"), brief: brief.join("; ") }
}

/// Code, place and message; nothing of the file's own text.
fn in_a_line(finding: &Rendered) -> String {
    let place = match (&finding.file, &finding.position) {
        (Some(file), Some(at)) => format!(" {file}:{}:{}", at.line, at.column),
        (Some(file), None) => format!(" {file}"),
        _ => String::new(),
    };
    format!("{}{place} {}", finding.code, finding.message)
}

fn systems(config: &Config) -> Result<Systems, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let standing = mappings::standing(Some(config), &mut findings);
    let timeouts = config.systems.iter().map(|(name, system)| (name.clone(), system.kind.timeout()));
    let policies = config.systems.iter().map(|(name, system)| (name.clone(), system.policy.clone()));
    Ok(Systems {
        targets: registry::targets(config)?,
        drops: registry::drops(config),
        timeouts: timeouts.collect(),
        policies: policies.collect(),
        standing,
    })
}

/// A route that was read, joined with its system. `sources` are in the encoding in which they are kept.
fn routed(
    entry: &str,
    loaded: &LoadedRoute,
    sources: &Sources,
    systems: &Systems,
) -> Result<Loaded, LoadError> {
    let system = &loaded.route.system;
    let way = of_system(system, sources, systems)?;
    portolan_engine::compile(loaded, entry, sources, way, systems.timeouts.get(&*system.value).copied())
}

/// The same of a route that takes files.
fn filed(
    entry: &str,
    loaded: &LoadedBatch,
    sources: &Sources,
    systems: &Systems,
) -> Result<Loaded, LoadError> {
    let system = &loaded.route.target_system;
    let way = of_system(system, sources, systems)?;
    let timeout = systems.timeouts.get(&*system.value).copied();
    portolan_engine::compile_file(loaded, entry, sources, way, timeout)
}

/// The way to a system.
fn of_system(system: &Placed<Arc<str>>, sources: &Sources, systems: &Systems) -> Result<Way, LoadError> {
    let target = systems.targets.get(&*system.value).cloned().map(Way::Target);
    let way = target.or_else(|| systems.drops.get(&*system.value).cloned().map(Way::Drop));
    way.ok_or_else(|| {
        let message = format!("the system `{}` is not configured", system.value);
        unsound(&[Diagnostic::error(Code::ROUTE_UNKNOWN_SYSTEM, message).at(system.span, "")], sources)
    })
}

/// The folder of the mappings without a configuration: where the command runs.
pub(crate) fn here() -> &'static Path {
    Path::new("")
}
