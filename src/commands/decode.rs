//! `portolan decode`: a file of records as lines of JSON.

use std::{
    io::{BufWriter, Write},
    path::PathBuf,
};

use portolan_formats::records::{Decoder, Problem};

use crate::{
    layouts::{self, Chosen},
    report::{Failure, Report},
};

/// How many errors are told of before the rest is only counted.
const SHOWN: u64 = 100;

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
    let name = arguments.file.display().to_string();
    let (mut errors, mut warnings) = (0u64, 0u64);
    while let Some((lines, problems)) = decoder.next() {
        for problem in problems {
            let count = if problem.warning { &mut warnings } else { &mut errors };
            *count += 1;
            if *count <= SHOWN {
                report.note(written(&name, problem));
            }
        }
        let failed = problems.iter().any(|problem| !problem.warning);
        let lines = lines.to_vec();
        let shown = only.is_none() || decoder.node() == only;
        if shown && out.write_all(&lines).is_err() {
            // Whoever reads has read enough.
            return Ok(());
        }
        if failed && !arguments.all_errors {
            let _ = out.flush();
            return Err(Failure::failed("the file does not hold what its layout says")
                .help("--all-errors goes on behind an error, and tells of the others"));
        }
    }
    let _ = out.flush();
    if errors > 0 {
        return Err(Failure::failed(format_args!(
            "{} in {} records",
            crate::report::plural(errors as usize, "error"),
            decoder.count()
        )));
    }
    Ok(())
}

/// A problem as a line, with the bytes that were found.
pub(super) fn written(file: &str, problem: &Problem) -> String {
    let error = &problem.error;
    let severity = if problem.warning { "warning" } else { "error" };
    let mut text = format!("{severity}: {file}: {error}");
    if !error.raw.is_empty() {
        let hex: Vec<String> = error.raw.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
        let more = if error.raw.len() > 32 { " ..." } else { "" };
        let shown: String = error
            .raw
            .iter()
            .take(32)
            .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
            .collect();
        text.push_str(&format!("\n  found: {}{more} |{shown}|", hex.join(" ")));
    }
    text
}
