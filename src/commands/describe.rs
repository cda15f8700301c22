//! `portolan describe`: a contract as Portolan reads it: what mappings can name.

use std::path::PathBuf;

use portolan_diagnostics::{Severity, Sources};
use portolan_schema::Contract;

use crate::{
    registry,
    report::{Failure, Format, Report},
};

/// Print a contract: its operations, and the fields that a mapping can name.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan describe register.wsdl
  portolan describe registry.proto --operation GetPerson
  portolan describe register.wsdl --schema http://x-road.eu/xsd/xroad.xsd=xroad.xsd --format json")]
pub(crate) struct Arguments {
    /// A .proto or a .wsdl
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// This operation only
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
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
