//! Routes from files, for the engine: the mappings that the configuration names, compiled and joined with its systems.
//! Everything is read again at each load, systems too, so that a reload takes up both or neither.

mod bundle;
mod mapped;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use portolan_delivery::{BundleHash, RetryPolicy, Target};
use portolan_diagnostics::{Code, Diagnostic, Severity, SourceId, Sources, render};
use portolan_engine::{Bundle, LoadError, Loaded, Loader, Repeat, Route, RouteMode};
use portolan_mapping::{
    file::Mode,
    load::{LoadedRoute, Standing},
};
use portolan_schema::Protocol;

use crate::{
    config::{self, Config, SystemKind},
    mappings, registry, report,
};

pub(crate) use mapped::Mapped;

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
    timeouts: HashMap<String, Duration>,
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
        let mut read = mappings::read(&config.folder, &config.routes, Some(&config), &mut sources);
        let shown = mappings::shown(&sources, &config.folder, Some(SourceId(0)));
        if read.failed() {
            return Err(unsound(&read.findings, &shown));
        }
        let systems = systems(&config).map_err(|findings| unsound(&findings, &shown))?;
        let mut loaded = Vec::with_capacity(read.routes.len());
        for found in &read.routes {
            match routed(&found.entry, &found.loaded, &sources, &systems) {
                Ok(route) => loaded.push(route),
                Err(problem) => read.findings.push(problem),
            }
        }
        if read.failed() {
            return Err(unsound(&read.findings, &shown));
        }
        if !read.findings.is_empty() {
            tracing::warn!("the mappings have {}; `portolan check` shows them", report::summary(&read.findings));
        }
        *self.systems.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(systems);
        Ok(loaded)
    }

    fn open(&self, content: &[u8]) -> Result<Loaded, LoadError> {
        let bundle = Bundle::open(content).map_err(|problem| LoadError::Bundle(problem.to_string()))?;
        let systems = self.systems();
        let mut sources = Sources::default();
        let read = portolan_mapping::load::load(&bundle.entry, &bundle.resolver(), &mut sources, &systems.standing);
        let route = read.value.iter().flatten().find(|r| *r.route.name == *bundle.route);
        let Some(route) = route else { return Err(unsound(&read.diagnostics, &sources)) };
        let (hash, content) = bundle.seal().map_err(|problem| LoadError::Bundle(problem.to_string()))?;
        let route = compiled(route, hash, &systems).map_err(|problem| unsound(&[problem], &sources))?;
        Ok(Loaded { route, bundle: content })
    }
}

/// Findings as text for a log, a terminal or an operator's client.
fn unsound(findings: &[Diagnostic], sources: &Sources) -> LoadError {
    let errors = findings.iter().filter(|d| d.severity == Severity::Error);
    let mut text: Vec<_> = errors.map(|d| render(d, sources, false)).collect();
    text.push(report::summary(findings));
    LoadError::Findings(text.join("\n\n"))
}

fn systems(config: &Config) -> Result<Systems, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let standing = mappings::standing(Some(config), &mut findings);
    let timeouts = config.systems.iter().map(|(name, system)| match &system.kind {
        SystemKind::Soap { options, .. } => (name.clone(), options.timeout),
    });
    Ok(Systems { targets: registry::targets(config)?, timeouts: timeouts.collect(), standing })
}

/// A route of a file, with the bundle that holds the file and its contracts.
fn routed(entry: &str, loaded: &LoadedRoute, sources: &Sources, systems: &Systems) -> Result<Loaded, Diagnostic> {
    let bundle = bundle::of(entry, loaded, sources);
    let (hash, content) = bundle
        .seal()
        .map_err(|problem| Diagnostic::error(Code::CONFIG_INVALID, format!("the bundle cannot be made: {problem}")))?;
    Ok(Loaded { route: compiled(loaded, hash, systems)?, bundle: content })
}

fn compiled(loaded: &LoadedRoute, bundle: BundleHash, systems: &Systems) -> Result<Route, Diagnostic> {
    let route = &loaded.route;
    let at = route.system.span;
    let system = &*route.system.value;
    let (Some(target), Some(timeout)) = (systems.targets.get(system), systems.timeouts.get(system)) else {
        let message = format!("the system `{system}` is not configured");
        return Err(Diagnostic::error(Code::ROUTE_UNKNOWN_SYSTEM, message).at(at, ""));
    };
    let policy = &route.delivery;
    let retry = match policy.retry {
        None => RetryPolicy::NEVER,
        Some(r) => RetryPolicy::try_new(r.max_attempts, r.initial_backoff, r.max_backoff, r.backoff_multiplier)
            .map_err(|problem| {
                Diagnostic::error(Code::YAML_BAD_VALUE, format!("the retry policy of route `{}`: {problem}", route.name))
                    .at(at, "a route to this system")
            })?,
    };
    Ok(Route {
        name: route.name.clone(),
        bundle,
        method: route.method.clone(),
        system: route.system.value.clone(),
        mode: match policy.mode {
            Mode::Direct => RouteMode::Direct,
            Mode::RequestReply => RouteMode::RequestReply,
            Mode::Operation => RouteMode::Operation,
        },
        repeat: match (policy.idempotent, &route.key) {
            (true, Some(_)) => Repeat::WithKey,
            (true, None) => Repeat::Always,
            (false, _) => Repeat::Never,
        },
        timeout: policy.timeout.unwrap_or(*timeout),
        answer_within: policy.deadline,
        retry,
        translate: Arc::new(Mapped::new(loaded)),
        protocol: Arc::new(Protocol::Soap(route.binding.clone())),
        target: target.clone(),
        response_type: response_type(loaded),
        descriptors: loaded.source.descriptor_set.clone().unwrap_or_default().into(),
    })
}

/// The full name of the message that the caller gets in the end.
pub(crate) fn response_type(loaded: &LoadedRoute) -> Arc<str> {
    let reply = loaded.route.documents.reply.record;
    loaded.source.schema.record(reply).name.local.as_str().into()
}

/// The folder of the mappings without a configuration: where the command runs.
pub(crate) fn here() -> &'static Path {
    Path::new("")
}
