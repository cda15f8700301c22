//! Layouts that a command is given: a layout file, or a copybook with what it does not say itself.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use portolan_diagnostics::{Checked, Diagnostic, Severity, Sources};
use portolan_formats::records::{RecordFile, input};
use portolan_schema::{
    Directory, Reading, ResolveError, Resolved, Resolver,
    copybook::{self, CopybookOptions},
    layout::{Layout, NodeId},
};

use crate::report::{Failure, Report};

/// The name by which a copybook's layout stands among the sources.
const MADE: &str = "(command line)";

/// Which layout a file has.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("declared").required(true).args(["layout", "copybook"]))]
pub(crate) struct Chosen {
    /// The file's layout
    #[arg(long, value_name = "FILE")]
    layout: Option<PathBuf>,
    /// The COBOL copybook of its records, instead of a layout
    #[arg(long, value_name = "FILE")]
    copybook: Option<PathBuf>,
    /// With --copybook: its 01 record; with --layout: this record only
    #[arg(long, value_name = "NAME")]
    record: Option<String>,
    /// With --layout: this variant, whatever its rule says; with --copybook, FIRST=CHOSEN: which of the items that redefine one
    /// another is meant
    #[arg(long = "variant", value_name = "NAME")]
    variants: Vec<String>,
    /// With --copybook: the encoding of its texts; cp037 is EBCDIC
    #[arg(long, value_name = "NAME", default_value = "cp037")]
    encoding: String,
    /// With --copybook: how records are told apart
    #[arg(long, value_name = "FRAMING", default_value = "fixed", value_parser = ["fixed", "lines", "rdw", "bdw"])]
    framing: String,
    /// With --framing rdw or bdw: which byte of a length is the first
    #[arg(long, value_name = "ORDER", default_value = "big", value_parser = ["big", "little"])]
    byte_order: String,
    /// With --framing rdw or bdw: a record's length does not count its own four bytes
    #[arg(long)]
    not_inclusive: bool,
    /// With --copybook: whether tables of OCCURS DEPENDING ON take the room of the items that are there, or of the most
    #[arg(long, value_name = "ROOM", default_value = "real", value_parser = ["real", "maximum"])]
    odo: String,
}

impl Chosen {
    /// The layout, compiled; what is wrong with it ends the command, what may be wrong is told.
    pub(crate) fn compile(&self, report: &Report) -> Result<RecordFile, Failure> {
        let mut sources = Sources::default();
        let read = self.read(&mut sources)?;
        let failed = read.diagnostics.iter().any(|d| d.severity == Severity::Error);
        match read.value {
            Some(layout) if !failed => {
                let told: Vec<_> =
                    read.diagnostics.into_iter().filter(|d| d.severity == Severity::Warning).collect();
                report.warnings(&told, &sources);
                Ok(RecordFile::compile(Arc::new(layout)))
            }
            _ => Err(in_the_command(&read.diagnostics, &sources)
                .unwrap_or_else(|| Failure::configuration(read.diagnostics, &sources))),
        }
    }

    /// The layout with everything that was found.
    pub(crate) fn read(&self, sources: &mut Sources) -> Result<Checked<Layout>, Failure> {
        match (&self.layout, &self.copybook) {
            (Some(layout), _) => {
                let mut read = of_file(layout, sources)?;
                for variant in &self.variants {
                    let chosen = read.value.as_mut().is_none_or(|layout| layout.choose_variant(variant));
                    if !chosen {
                        return Err(Failure::usage(format_args!("the layout has no variant `{variant}`")));
                    }
                }
                Ok(read)
            }
            (None, Some(copybook)) => {
                let plain = self.variants.iter().find(|variant| !variant.contains('='));
                match plain {
                    Some(plain) => Err(Failure::usage(format_args!("--variant {plain} says only one name"))
                        .help("with --copybook write FIRST=CHOSEN, two items that share their bytes")),
                    None => self.of_copybook(copybook, sources),
                }
            }
            (None, None) => Err(Failure::usage("name a layout with --layout, or a copybook with --copybook")),
        }
    }

    /// The only record that is asked for, of a layout file.
    pub(crate) fn only(&self) -> Option<&str> {
        self.record.as_deref().filter(|_| self.layout.is_some())
    }

    fn of_copybook(&self, copybook: &Path, sources: &mut Sources) -> Result<Checked<Layout>, Failure> {
        let (folder, entry) = parts(copybook)?;
        let text = self.text(&entry);
        let resolver = Made { text, files: Directory::new(folder) };
        Ok(portolan_schema::layout::read(MADE, &mut Reading { resolver: &resolver, sources }))
    }

    /// The layout file that says the same.
    fn text(&self, copybook: &str) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!(
            "layout: {}\nfile: {{ encoding: {}, framing: {}, byte-order: {}, inclusive: {} }}\ndialect: {{ odo: {} }}\ncopybooks: {{ copybook: {} }}\nrecords:\n  record:\n    occurs: 0..\n    copybook: copybook\n",
            quoted(copybook.split('.').next().unwrap_or(copybook)),
            quoted(&self.encoding),
            self.framing,
            self.byte_order,
            !self.not_inclusive,
            self.odo,
            quoted(copybook),
        );
        if let Some(record) = &self.record {
            text.push_str(&format!("    of: {}\n", quoted(record)));
        }
        if !self.variants.is_empty() {
            text.push_str("    redefines:\n");
            for (first, chosen) in self.variants.iter().filter_map(|variant| variant.split_once('=')) {
                text.push_str(&format!("      {}: {}\n", quoted(first), quoted(chosen)));
            }
        }
        text
    }
}

/// A layout file with everything that was found.
pub(crate) fn of_file(layout: &Path, sources: &mut Sources) -> Result<Checked<Layout>, Failure> {
    let (folder, entry) = parts(layout)?;
    let resolver = Directory::new(folder);
    Ok(portolan_schema::layout::read(&entry, &mut Reading { resolver: &resolver, sources }))
}

/// A copybook with everything that was found: its records, and nothing of a file.
pub(crate) fn of_copybook(path: &Path, sources: &mut Sources) -> Result<Checked<Layout>, Failure> {
    let (folder, entry) = parts(path)?;
    let resolver = Directory::new(folder);
    let options = CopybookOptions::default();
    let read = copybook::load(&entry, None, &mut Reading { resolver: &resolver, sources }, &options);
    let mut diagnostics = read.diagnostics;
    let value = read.value.and_then(|copybook| {
        let laid = copybook.layout(&entry, &options);
        diagnostics.extend(laid.diagnostics);
        laid.value
    });
    Ok(Checked { value, diagnostics })
}

/// The record of a layout that a user names: `batch.entry`. Case, hyphens and underscores do not matter where nothing else differs.
pub(crate) fn record(layout: &Layout, name: &str) -> Result<NodeId, Failure> {
    let plain = |name: &str| name.replace('-', "_").to_lowercase();
    let found = layout.find(name).or_else(|| {
        let mut like = layout.nodes().filter(|(id, _)| plain(&layout.path(*id)) == plain(name));
        like.next().map(|(id, _)| id)
    });
    found.ok_or_else(|| {
        let failure = Failure::usage(format_args!("there is no record `{name}`"));
        let known: Vec<String> = layout.nodes().map(|(id, _)| layout.path(id)).collect();
        // A record within others is often named without them.
        let end = format!(".{name}");
        let near = known.iter().find(|known| known.ends_with(&end)).map(String::as_str);
        match near.or_else(|| portolan_diagnostics::nearest(name, known.iter().map(String::as_str))) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("there is {}", known.join(", "))),
        }
    })
}

/// Whether a file is a copybook, by its name.
pub(crate) fn is_copybook(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["cpy", "cob", "cbl"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn parts(path: &Path) -> Result<(PathBuf, String), Failure> {
    match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        (Some(folder), Some(entry)) => Ok((folder.to_owned(), entry.to_owned())),
        _ => Err(Failure::usage(format_args!("{} is not the name of a file", path.display()))),
    }
}

/// What is wrong with the words of the command, where that is what is wrong: they stand in no file that could be shown.
fn in_the_command(findings: &[Diagnostic], sources: &Sources) -> Option<Failure> {
    let own = |finding: &&Diagnostic| {
        let source = finding.labels.first().and_then(|label| sources.get(label.span.source));
        finding.severity == Severity::Error && source.is_some_and(|source| &*source.name == MADE)
    };
    let finding = findings.iter().find(own)?;
    let failure = Failure::usage(&finding.message);
    Some(finding.help.iter().fold(failure, |failure, help| failure.help(help.as_str())))
}

/// Files of a folder, and the layout that the command line stands for.
struct Made {
    text: String,
    files: Directory,
}

impl Resolver for Made {
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError> {
        if location == MADE {
            return Ok(Resolved { name: MADE.to_owned(), bytes: self.text.clone().into_bytes() });
        }
        self.files.resolve(location, from.filter(|from| *from != MADE))
    }
}

/// A file of records as it is to be read, unpacked where it is compressed. `-` is standard input.
pub(crate) fn open(path: &Path, file: &RecordFile) -> Result<Box<dyn Read>, Failure> {
    let named = |error: io::Error| Failure::usage(format_args!("{}: {error}", path.display()));
    let raw: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => {
            if path.is_dir() {
                return Err(Failure::usage(format_args!("{}: it is a folder", path.display())));
            }
            Box::new(File::open(path).map_err(named)?)
        }
    };
    input::open(raw, file.layout().file.compression).map_err(named)
}
