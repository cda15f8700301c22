//! `portolan explain`: the page of a finding's code.

use portolan_diagnostics::{CATALOG, find, nearest};

use crate::{
    report::{Failure, Report},
    table::Table,
};

/// Say more of a finding: what its code means, with a wrong and a right example.
///
/// Without a code, all of them are listed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan explain map/unknown-path
  portolan explain")]
pub(crate) struct Arguments {
    /// The code, as a finding has it in brackets
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    match &arguments.code {
        Some(code) => explain(code, report),
        None => {
            list(report);
            Ok(())
        }
    }
}

fn explain(code: &str, report: &Report) -> Result<(), Failure> {
    if let Some(entry) = find(code) {
        report.line(entry.page.trim_end());
        return Ok(());
    }
    let unknown = Failure::usage(format_args!("no finding has the code `{code}`"));
    // What stands after the subject is known to who has read it once.
    let names = || CATALOG.iter().map(|entry| entry.code.0);
    let near = nearest(code, names()).or_else(|| {
        let parts = || names().filter_map(|code| Some((code, code.split_once('/')?.1)));
        let meant = nearest(code, parts().map(|(_, matter)| matter))?;
        parts().find(|(_, matter)| *matter == meant).map(|(code, _)| code)
    });
    Err(match near {
        Some(near) => unknown.help(format!("did you mean `{near}`?")),
        None => unknown.help("`portolan explain` lists the codes"),
    })
}

fn list(report: &Report) {
    let mut table = Table::new(["CODE", "MEANING"]);
    for entry in CATALOG {
        table.row([entry.code.0, entry.title]);
    }
    table.print(report);
}
