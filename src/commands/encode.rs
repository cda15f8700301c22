//! `portolan encode`: lines of JSON as a file of records.

use std::{
    fs::{File, Permissions},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use portolan_formats::records::{RecordError, RecordErrorKind, RecordWriter};
use portolan_schema::layout::Layout;

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
    let output = arguments.output.as_deref().map(Output::at);
    // Totals may have to be written over, which standard output cannot; so it is written aside first.
    let aside = match &output {
        Some(Output::File(path)) => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // As any program makes files; the mode of one that is there stays.
            let made =
                tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
            made.and_then(|made| {
                if let Ok(there) = std::fs::metadata(path) {
                    made.as_file().set_permissions(there.permissions())?;
                }
                Ok(made)
            })
        }
        Some(Output::Other(_)) | None => tempfile::NamedTempFile::new(),
    };
    let aside = aside.map_err(|error| match &arguments.output {
        Some(path) => Failure::failed(format_args!("{}: {error}", path.display())),
        None => Failure::failed(format_args!("{}: {error}", std::env::temp_dir().display())),
    })?;
    let mut out = BufWriter::with_capacity(256 << 10, aside);
    let mut writer = RecordWriter::new(&file);
    let mut bytes = Vec::new();
    let name = match arguments.file.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => arguments.file.display().to_string(),
    };
    let failed = |error: io::Error| Failure::failed(format_args!("the file cannot be written: {error}"));
    for (index, line) in input.lines().enumerate() {
        let line =
            line.map_err(|error| Failure::failed(format_args!("{name}: line {}: {error}", index + 1)))?;
        if line.trim().is_empty() {
            continue;
        }
        bytes.clear();
        if let Err(error) = writer.line(&line, &mut bytes) {
            return Err(refused(&error, file.layout(), format_args!("{name}: line {}", index + 1)));
        }
        out.write_all(&bytes).map_err(failed)?;
        for (at, patch) in writer.patches() {
            out.seek(SeekFrom::Start(at)).map_err(failed)?;
            out.write_all(&patch).map_err(failed)?;
            out.seek(SeekFrom::End(0)).map_err(failed)?;
        }
    }
    bytes.clear();
    writer.finish(&mut bytes).map_err(|error| refused(&error, file.layout(), &name))?;
    out.write_all(&bytes).map_err(failed)?;
    for (at, patch) in writer.patches() {
        out.seek(SeekFrom::Start(at)).map_err(failed)?;
        out.write_all(&patch).map_err(failed)?;
    }
    let mut aside = out.into_inner().map_err(|error| failed(error.into_error()))?;
    match &output {
        Some(Output::File(path)) => {
            aside.as_file().sync_all().map_err(failed)?;
            aside.persist(path).map_err(|error| failed(error.error))?;
        }
        Some(Output::Other(path)) => {
            aside.seek(SeekFrom::Start(0)).map_err(failed)?;
            let mut out = File::options().write(true).open(path).map_err(failed)?;
            io::copy(&mut aside, &mut out).map_err(failed)?;
        }
        None => {
            aside.seek(SeekFrom::Start(0)).map_err(failed)?;
            let mut out = io::stdout().lock();
            report.written(io::copy(&mut aside, &mut out).and_then(|_| out.flush()));
        }
    }
    Ok(())
}

/// What is written to.
enum Output {
    /// A file, replaced whole; where a link leads to one, that.
    File(PathBuf),
    /// A device or a pipe, which is written into.
    Other(PathBuf),
}

impl Output {
    fn at(path: &Path) -> Self {
        match (std::fs::canonicalize(path), std::fs::metadata(path)) {
            (Ok(whole), Ok(there)) if there.is_file() => Self::File(whole),
            (_, Ok(there)) if !there.is_dir() => Self::Other(path.to_owned()),
            _ => Self::File(path.to_owned()),
        }
    }
}

/// Why a line is not written. Where its record would stand in the file helps nobody who looks at the line.
fn refused(error: &RecordError, layout: &Layout, place: impl std::fmt::Display) -> Failure {
    let mut text = place.to_string();
    if let Some(name) = &error.name {
        text.push_str(&format!(", `{name}`"));
    }
    if let Some(field) = &error.field {
        text.push_str(&format!(", field `{field}`"));
    }
    let failure = Failure::failed(format_args!("{text}: {}", error.kind));
    let (RecordErrorKind::Json(_), Some(unknown)) = (&error.kind, unknown(error)) else { return failure };
    let known: Vec<String> = match error.name.as_deref().and_then(|name| layout.find(name)) {
        Some(node) => {
            let fields = &layout.schema.record(layout.node(node).record).fields;
            let within = layout.node(node).children.iter().map(|child| layout.node(*child).field);
            let within: Vec<_> = within.map(|field| field.0 as usize).collect();
            let own = fields.iter().enumerate().filter(|(index, _)| !within.contains(index));
            own.map(|(_, field)| field.name.clone()).collect()
        }
        None => {
            layout.nodes().filter(|(_, node)| node.shape.is_some()).map(|(id, _)| layout.path(id)).collect()
        }
    };
    match portolan_diagnostics::nearest(&unknown, known.iter().map(String::as_str)) {
        Some(near) if near != unknown => failure.help(format!("did you mean `{near}`?")),
        Some(_) => failure,
        None => failure.help(format!("it has {}", known.join(", "))),
    }
}

/// The name that the layout does not have: that of the field, or of the record.
fn unknown(error: &RecordError) -> Option<String> {
    match (&error.field, &error.kind) {
        (Some(field), RecordErrorKind::Json(text)) if text.contains("no such field") => {
            Some(field.rsplit('.').next().unwrap_or(field).to_owned())
        }
        (None, RecordErrorKind::Json(text)) if text.contains("no record") => {
            text.split('`').nth(1).map(str::to_owned)
        }
        _ => None,
    }
}
