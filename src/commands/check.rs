//! `portolan check`: mappings proved against both of their contracts, and against the configuration, before they run.

use std::{collections::HashSet, path::PathBuf};

use portolan_diagnostics::{Severity, SourceId, Sources, render};

use crate::{
    config, loader, mappings,
    report::{Failure, Format, Report, plural, summary},
};

/// Check mappings against both of their contracts.
///
/// Everything that is wrong is said at once: where, what, and what to do. With --config the configuration is checked too,
/// and that the systems which mappings name are configured. Exits 1 if there is an error or a warning.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan check
  portolan check mappings
  portolan check mappings/registry.yaml --format json
  portolan check --config portolan.yaml")]
pub(crate) struct Arguments {
    /// Mapping files, or folders with them [default: `routes` of ./portolan.yaml, or of --config]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check this configuration too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    if let Some(path) = arguments.paths.iter().find(|path| !path.exists()) {
        return Err(Failure::usage(format_args!("there is no `{}`", path.display())));
    }
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    let here = PathBuf::from("portolan.yaml");
    let config = arguments.config.as_ref().or(arguments.paths.is_empty().then_some(&here));
    let configured = match config {
        Some(path) => {
            let read = config::load(path, &mut sources);
            findings.extend(read.diagnostics);
            let Some(config) = read.value else {
                let failure = Failure::configuration(findings, &sources);
                return Err(report.in_format(failure, arguments.format));
            };
            Some(config)
        }
        None => None,
    };
    // Files are named as the one sees them who named them: the user, or the configuration.
    let read;
    let shown = match &configured {
        Some(config) if arguments.paths.is_empty() => {
            read = mappings::read(&config.folder, &config.routes, Some(config), &mut sources);
            mappings::shown(&sources, &config.folder, Some(SourceId(0)))
        }
        _ => {
            read = mappings::read(loader::here(), &arguments.paths, configured.as_ref(), &mut sources);
            sources
        }
    };
    findings.extend(read.findings);
    // What the configuration says of a standing header, each route that carries it may say again.
    let mut said = HashSet::new();
    findings.retain(|finding| said.insert(render(finding, &shown, false)));
    report.findings(&findings, &shown, arguments.format)?;
    if arguments.format == Format::Text {
        let sound = plural(read.routes.len(), "sound route");
        report.line(format_args!("{}; {sound} in {}", summary(&findings), plural(read.files, "file")));
    }
    match findings.iter().any(|d| d.severity >= Severity::Warning) {
        true => Err(Failure::Findings),
        false => Ok(()),
    }
}
