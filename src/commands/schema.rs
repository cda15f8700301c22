//! `portolan schema`: JSON Schema of the files that people write, for their editors.

use portolan_mapping::grammar;

use crate::{
    config::grammar::CONFIGURATION,
    report::{Failure, Report},
    schema::schema,
};

/// Print the JSON Schema (draft-07) of a kind of file.
///
/// An editor completes and checks with it: name it in the file, `# yaml-language-server: $schema=mapping.schema.json`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan schema mapping > mapping.schema.json
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
    /// Calendars of business days
    Calendar,
    /// portolan.yaml
    Configuration,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    report.json(&match arguments.kind {
        Kind::Mapping => schema("A mapping of Portolan", &grammar::MAPPING, false),
        Kind::Calendar => schema("A calendar of Portolan", &grammar::CALENDAR, false),
        Kind::Configuration => schema("The configuration of Portolan", &CONFIGURATION, true),
    })
}
