//! `portolan encode`: lines of JSON as a file of records.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::PathBuf,
};

use portolan_formats::records::RecordWriter;

use crate::{
    layouts::Chosen,
    report::{Failure, Report},
};

/// Write a file of records from lines of JSON, as `portolan decode` prints them.
#[derive(clap::Args)]
#[command(
    after_help = "Counts, sums, check digits and whatever else the layout computes is computed, and totals that stand before what they count
are written when they are known. Nothing is left of the output file where a line is wrong.

Examples:
  portolan encode --layout nacha.yaml --output payments.ach lines.json
  portolan decode --layout nacha.yaml payments.ach | portolan encode --layout nacha.yaml > same.ach"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// The lines of JSON; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The file to write; standard output where nothing is said
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let file = arguments.chosen.compile(report)?;
    let input: Box<dyn BufRead> = match arguments.file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::new(
            File::open(&arguments.file)
                .map_err(|error| Failure::usage(format_args!("{}: {error}", arguments.file.display())))?,
        )),
    };
    // Totals may have to be written over, which standard output cannot; so it is written aside first.
    let folder = match &arguments.output {
        Some(path) => path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .map(PathBuf::from)
            .unwrap_or_else(|| ".".into()),
        None => std::env::temp_dir(),
    };
    let aside = tempfile::NamedTempFile::new_in(&folder)
        .map_err(|error| Failure::failed(format_args!("{}: {error}", folder.display())))?;
    let mut out = BufWriter::with_capacity(256 << 10, aside);
    let mut writer = RecordWriter::new(&file);
    let mut bytes = Vec::new();
    let name = arguments.file.display().to_string();
    let failed = |error: io::Error| Failure::failed(format_args!("the file cannot be written: {error}"));
    for (index, line) in input.lines().enumerate() {
        let line =
            line.map_err(|error| Failure::failed(format_args!("{name}: line {}: {error}", index + 1)))?;
        if line.trim().is_empty() {
            continue;
        }
        bytes.clear();
        if let Err(error) = writer.line(&line, &mut bytes) {
            return Err(Failure::failed(format_args!("{name}: line {}: {error}", index + 1)));
        }
        out.write_all(&bytes).map_err(failed)?;
        for (at, patch) in writer.patches() {
            out.seek(SeekFrom::Start(at)).map_err(failed)?;
            out.write_all(&patch).map_err(failed)?;
            out.seek(SeekFrom::End(0)).map_err(failed)?;
        }
    }
    bytes.clear();
    writer.finish(&mut bytes).map_err(|error| Failure::failed(format_args!("{name}: {error}")))?;
    out.write_all(&bytes).map_err(failed)?;
    for (at, patch) in writer.patches() {
        out.seek(SeekFrom::Start(at)).map_err(failed)?;
        out.write_all(&patch).map_err(failed)?;
    }
    let mut aside = out.into_inner().map_err(|error| failed(error.into_error()))?;
    match &arguments.output {
        Some(path) => {
            aside.as_file().sync_all().map_err(failed)?;
            aside.persist(path).map_err(|error| failed(error.error))?;
        }
        None => {
            aside.seek(SeekFrom::Start(0)).map_err(failed)?;
            // Whoever reads may have read enough.
            let _ = io::copy(&mut aside, &mut io::stdout().lock());
        }
    }
    Ok(())
}
