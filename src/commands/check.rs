//! `portolan check`: mappings proved against both of their contracts, and against the configuration, before they run.

mod fix;

use std::{collections::HashSet, path::PathBuf};

use portolan_diagnostics::{Diagnostic, Severity, SourceId, Sources, render};

use crate::{
    config, loader,
    mappings::{self, Mappings},
    report::{Failure, Format, Report, plural, summary},
};

/// Check mappings against both of their contracts, and layouts and copybooks by themselves.
///
/// Everything that is wrong is said at once: where, what, and what to do. With --config the configuration is checked too,
/// and that the systems which mappings name are configured. Exits 1 if there is an error or a warning.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan check
  portolan check mappings
  portolan check mappings/registry.yaml --format json
  portolan check layouts/nacha.yaml layouts/CLAIM.cpy
  portolan check mappings --fix
  portolan check --config portolan.yaml")]
pub(crate) struct Arguments {
    /// Mapping files, layouts (.yaml) and copybooks (.cpy, .cob, .cbl), or folders with them [default: `routes` of ./portolan.yaml, or of --config]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check this configuration too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change the files where a finding has exactly one cure, and check again
    #[arg(long)]
    fix: bool,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a look at everything gave.
struct Looked {
    findings: Vec<Diagnostic>,
    /// The files, named as the one sees them who named them: the user, or the configuration.
    sources: Sources,
    /// Routes that can be served.
    sound: usize,
    /// Layouts and copybooks without an error.
    layouts: usize,
    /// Layouts and copybooks.
    layout_files: usize,
    /// Files that were read.
    files: usize,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    if let Some(path) = arguments.paths.iter().find(|path| !path.exists()) {
        return Err(Failure::usage(format_args!("there is no `{}`", path.display())));
    }
    let in_format = |failure| report.in_format(failure, arguments.format);
    let mut looked = look(arguments).map_err(in_format)?;
    if arguments.fix && fix::fix(&looked.findings, &looked.sources, report)? {
        looked = look(arguments).map_err(in_format)?;
    }
    let Looked { findings, sources, sound, layouts, layout_files, files } = looked;
    report.findings(&findings, &sources, arguments.format)?;
    if arguments.format == Format::Text {
        let sound = match layout_files {
            0 => plural(sound, "sound route"),
            all if all == files => plural(layouts, "sound layout"),
            _ => format!("{} and {}", plural(sound, "sound route"), plural(layouts, "layout")),
        };
        report.line(format_args!("{}; {sound} in {}", summary(&findings), plural(files, "file")));
        // Of several codes the heaviest one's shows how.
        if let Some(worst) = findings.iter().rev().max_by_key(|d| d.severity) {
            report.line(format_args!("`portolan explain {}` says more", worst.code));
        }
        let curable = findings.iter().filter_map(|d| d.edit.as_ref()?.place(&sources)).count();
        if curable > 0 {
            report.line(format_args!("`--fix` cures {curable} of them"));
        }
    }
    match findings.iter().any(|d| d.severity >= Severity::Warning) {
        true => Err(Failure::Findings),
        false => Ok(()),
    }
}

/// Reads and checks everything. A configuration that cannot be read is a failure by itself.
fn look(arguments: &Arguments) -> Result<Looked, Failure> {
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    let here = PathBuf::from("portolan.yaml");
    let config = arguments.config.as_ref().or(arguments.paths.is_empty().then_some(&here));
    let configured = match config {
        Some(path) => {
            let read = config::load(path, &mut sources);
            findings.extend(read.diagnostics);
            Some(read.value.ok_or_else(|| Failure::configuration(findings.clone(), &sources))?)
        }
        None => None,
    };
    let (read, shown) = match &configured {
        Some(config) if arguments.paths.is_empty() => {
            let read = mappings::read(&config.folder, &config.routes, Some(config), &mut sources);
            (read, mappings::shown(&sources, &config.folder, Some(SourceId(0))))
        }
        _ => {
            let read = mappings::read(loader::here(), &arguments.paths, configured.as_ref(), &mut sources);
            (read, sources)
        }
    };
    findings.extend(read.findings.iter().cloned());
    // What the configuration says of a standing header, each route that carries it may say again.
    let mut said = HashSet::new();
    findings.retain(|finding| said.insert(render(finding, &shown, false)));
    let sound = read.routes.len() + read.batches.len();
    let Mappings { layouts, layout_files, files, .. } = read;
    Ok(Looked { findings, sources: shown, sound, layouts, layout_files, files })
}
