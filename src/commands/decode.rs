//! `portolan decode`: a file of records as lines of JSON.

use std::{
    io::{BufWriter, Write},
    path::PathBuf,
};

use portolan_formats::records::Decoder;

use crate::{
    layouts::{self, Chosen},
    problems::Problems,
    report::{Failure, Report, plural},
};

/// Read a file of records: a line of JSON for each, which `portolan encode` makes the same file of again.
#[derive(clap::Args)]
#[command(
    after_help = "What a layout would write otherwise than it stands in the file is kept beside it: a record's bytes as `_raw`, bytes
that are no record as lines with `_record: _other`.

Examples:
  portolan decode --layout nacha.yaml payments.ach
  portolan decode --layout nacha.yaml --record batch.entry payments.ach | jq .amount
  portolan decode --copybook CLAIM.cpy --encoding cp037 --framing rdw claims.dat
  portolan decode --layout nacha.yaml payments.ach | portolan encode --layout nacha.yaml > same.ach"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// The file; `-` is standard input. It may be compressed, by gzip or ZIP
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Go on after a record with an error
    #[arg(long)]
    all_errors: bool,
    /// Values only, without what `encode` needs to make the same file again
    #[arg(long)]
    values_only: bool,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let file = arguments.chosen.compile(report)?;
    let only = match arguments.chosen.only() {
        None => None,
        Some(name) => Some(layouts::record(file.layout(), name)?),
    };
    let input = layouts::open(&arguments.file, &file)?;
    let mut out = BufWriter::with_capacity(256 << 10, std::io::stdout().lock());
    let mut decoder = Decoder::new(&file, input, !arguments.values_only && only.is_none());
    let mut told = Problems::new(arguments.file.display().to_string(), file.layout());
    while let Some((lines, problems)) = decoder.next() {
        for problem in problems {
            told.tell(problem, report);
        }
        let failed = problems.iter().any(|problem| !problem.warning);
        let lines = lines.to_vec();
        let shown = only.is_none() || decoder.node() == only;
        if shown && !report.written(out.write_all(&lines)) {
            return Ok(());
        }
        if failed && !arguments.all_errors {
            report.written(out.flush());
            return Err(Failure::failed("the file does not hold what its layout says")
                .help("--all-errors goes on behind an error, and tells of the others"));
        }
    }
    report.written(out.flush());
    let records = plural(usize::try_from(decoder.count()).unwrap_or(usize::MAX), "record");
    match told.counted() {
        Some(counted) if told.errors() > 0 => Err(Failure::failed(format_args!("{counted} in {records}"))),
        Some(counted) => {
            report.note(format_args!("{counted} in {records}"));
            Ok(())
        }
        None => Ok(()),
    }
}
