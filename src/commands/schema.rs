//! `portolan schema`: JSON Schema of the files that people write, for their editors.

use portolan_mapping::grammar;
use portolan_schema::layout::grammar::LAYOUT;

use crate::{
    config::grammar::CONFIGURATION,
    report::{Failure, Report},
    schema::{Also, schema},
};

/// Print the JSON Schema (draft-07) of a kind of file.
///
/// An editor completes and checks with it: name it in the file, `# yaml-language-server: $schema=mapping.schema.json`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan schema mapping > mapping.schema.json
  portolan schema layout > layout.schema.json
  portolan schema calendar > calendar.schema.json
  portolan schema configuration > portolan.schema.json")]
pub(crate) struct Arguments {
    /// The kind of file
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
}

/// The kinds of files.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Mapping files
    Mapping,
    /// Layouts of files
    Layout,
    /// Calendars of business days
    Calendar,
    /// portolan.yaml
    Configuration,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    report.json(&match arguments.kind {
        Kind::Mapping => schema(
            "A mapping of Portolan",
            &[&grammar::MAPPING, &grammar::BATCH_ROUTE, &grammar::GATHER_ROUTE],
            Also::Nothing,
        ),
        Kind::Layout => schema("A layout of Portolan", &[&LAYOUT], Also::Removals),
        Kind::Calendar => schema("A calendar of Portolan", &[&grammar::CALENDAR], Also::Nothing),
        Kind::Configuration => schema("The configuration of Portolan", &[&CONFIGURATION], Also::Secrets),
    })
}
