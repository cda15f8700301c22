//! `portolan describe`: a contract, a layout or a copybook as Portolan reads it: what mappings can name.

use std::path::{Path, PathBuf};

use portolan_diagnostics::{Severity, Sources};
use portolan_schema::Contract;

use crate::{
    files, layouts, registry,
    report::{Failure, Format, Report},
};

/// Print a contract: its operations, and the fields that a mapping can name; of a layout or a copybook where they lie.
///
/// A layout is printed as a ruler beside its specification: the file, the tree of its records, and for each the columns (from 1), offset
/// (from 0), length, picture and type of every field, with what else is said of it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan describe register.wsdl
  portolan describe registry.proto --operation GetPerson
  portolan describe nacha.yaml --record batch.entry
  portolan describe CLAIM.cpy
  portolan describe register.wsdl --schema http://x-road.eu/xsd/xroad.xsd=xroad.xsd --format json")]
pub(crate) struct Arguments {
    /// A .proto, a .wsdl, a layout (.yaml) or a copybook (.cpy, .cob, .cbl)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// This operation only
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// This record of a layout or copybook only: batch.entry
    #[arg(long, value_name = "NAME")]
    record: Option<String>,
    /// Where a .proto's imports are looked for, besides its own folder
    #[arg(long = "import-path", value_name = "FOLDER")]
    import_paths: Vec<PathBuf>,
    /// A local file for what a WSDL would load from the network
    #[arg(long = "schema", value_name = "URL=FILE", value_parser = registry::stand_in)]
    schemas: Vec<(String, PathBuf)>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    if let Some(laid) = laid(&arguments.file) {
        return self::layout(arguments, laid, report);
    }
    if arguments.record.is_some() {
        let failure = Failure::usage("a contract has operations, not records");
        return Err(failure.help("`--operation NAME` prints one; --record is for layouts and copybooks"));
    }
    let mut sources = Sources::default();
    let read =
        registry::contract(&arguments.file, &arguments.import_paths, &arguments.schemas, &mut sources)?;
    let Some(mut contract) = read.value else {
        let failure = Failure::configuration(read.diagnostics, &sources);
        return Err(report.in_format(failure, arguments.format));
    };
    report.warnings(&read.diagnostics, &sources);
    if let Some(name) = &arguments.operation {
        only(&mut contract, name)?;
    }
    match arguments.format {
        Format::Text => report.line(portolan_schema::describe(&contract).trim_end()),
        Format::Json => report.json(&portolan_schema::describe_json(&contract))?,
    }
    match read.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        true => Err(Failure::Findings),
        false => Ok(()),
    }
}

/// What says where fields lie.
#[derive(Clone, Copy, PartialEq)]
enum Laid {
    Layout,
    Copybook,
}

/// Whether a file is a layout or a copybook, by its name.
fn laid(path: &Path) -> Option<Laid> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let yaml = ["yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    match layouts::is_copybook(path) {
        true => Some(Laid::Copybook),
        false => yaml.then_some(Laid::Layout),
    }
}

/// Whether a file declares a route, or where routes are.
fn is_mapping(path: &Path) -> bool {
    let text = files::read_text(path, 1 << 20).unwrap_or_default();
    text.lines().any(|line| line.starts_with("route:") || line.starts_with("routes:"))
}

fn layout(arguments: &Arguments, laid: Laid, report: &Report) -> Result<(), Failure> {
    if arguments.operation.is_some() {
        let failure = Failure::usage("a layout has records, not operations");
        return Err(failure.help("`--record NAME` prints one"));
    }
    if laid == Laid::Layout && is_mapping(&arguments.file) {
        let failure = Failure::usage(format_args!("{} is a mapping, not a layout", arguments.file.display()));
        return Err(failure.help("describe the contracts that it names: `portolan describe register.wsdl`"));
    }
    let mut sources = Sources::default();
    let read = match laid {
        Laid::Layout => layouts::of_file(&arguments.file, &mut sources)?,
        Laid::Copybook => layouts::of_copybook(&arguments.file, &mut sources)?,
    };
    let Some(layout) = read.value.filter(|layout| !layout.nodes.is_empty()) else {
        let failure = Failure::configuration(read.diagnostics, &sources);
        return Err(report.in_format(failure, arguments.format));
    };
    // What the layout leaves out can be seen in the ruler.
    let told: Vec<_> = read.diagnostics.into_iter().filter(|found| found.severity > Severity::Note).collect();
    report.warnings(&told, &sources);
    let only = arguments.record.as_deref().map(|name| layouts::record(&layout, name)).transpose()?;
    let framed = laid == Laid::Layout;
    match arguments.format {
        Format::Text => report.line(portolan_schema::describe_layout(&layout, only, framed).trim_end()),
        Format::Json => report.json(&portolan_schema::describe_layout_json(&layout, only, framed))?,
    }
    match told.iter().any(|found| found.severity == Severity::Error) {
        true => Err(Failure::Findings),
        false => Ok(()),
    }
}

/// Leaves one operation, or says which there are.
fn only(contract: &mut Contract, name: &str) -> Result<(), Failure> {
    let plain = name.rsplit('/').next().unwrap_or(name);
    if contract.operations(name).is_empty() {
        let known: Vec<_> =
            contract.services.iter().flat_map(|s| &s.operations).map(|o| o.name.as_str()).collect();
        let failure = Failure::usage(format_args!("the contract has no operation `{name}`"));
        return Err(match portolan_diagnostics::nearest(plain, known.iter().copied()) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("it has {}", known.join(", "))),
        });
    }
    let service = name.rsplit_once('/').map(|(service, _)| service);
    contract.services.retain_mut(|s| {
        s.operations.retain(|o| o.name == plain && service.is_none_or(|wanted| wanted == s.name));
        !s.operations.is_empty()
    });
    Ok(())
}
