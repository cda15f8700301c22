//! Where the corpus and the layouts lie.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_formats::records::{RecordFile, input};
use portolan_schema::{
    Directory, Reading, ResolveError, Resolved, Resolver,
    layout::{self, Compression, Layout},
};

/// The files of records, and the layouts under `tests/corpus`.
pub(crate) struct Corpus {
    root: PathBuf,
    layouts: PathBuf,
}

impl Corpus {
    /// `None` where the corpus is not there, which is never copied into the repository.
    pub(crate) fn find() -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let default = here.join("../../../shared/corpus");
        let root = std::env::var_os("PORTOLAN_CORPUS").map_or(default, PathBuf::from).join("fixed-width");
        root.is_dir().then(|| Self { root, layouts: here.join("../../tests/corpus") })
    }

    /// The files of a folder, by their paths within the corpus, in order.
    pub(crate) fn folder(&self, folder: &str) -> Vec<String> {
        let names = std::fs::read_dir(self.root.join(folder)).unwrap().flatten();
        let files = names.filter(|entry| entry.path().is_file());
        let mut files: Vec<String> =
            files.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())).collect();
        files.sort();
        files
    }

    /// What is in a file, unpacked where it is compressed.
    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        let packed =
            std::fs::File::open(self.root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut bytes = Vec::new();
        input::open(packed, Compression::Detect).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// The same as text.
    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.bytes(file)).unwrap()
    }

    /// A layout, compiled; it has no errors and no warnings.
    pub(crate) fn layout(&self, name: &str) -> RecordFile {
        RecordFile::compile(Arc::new(self.read(name)))
    }

    /// The same with one of its variants chosen.
    pub(crate) fn layout_of_variant(&self, name: &str, variant: &str) -> RecordFile {
        let mut layout = self.read(name);
        assert!(layout.choose_variant(variant), "{name} has no variant {variant}");
        RecordFile::compile(Arc::new(layout))
    }

    fn read(&self, name: &str) -> Layout {
        let mut sources = Sources::default();
        let resolver = Beside { layouts: Directory::new(&self.layouts), copybooks: self.root.join("cobrix") };
        let checked = layout::read(name, &mut Reading { resolver: &resolver, sources: &mut sources });
        let told: Vec<String> = checked
            .diagnostics
            .iter()
            .filter(|found| found.severity != Severity::Note)
            .map(|found| {
                let shown = Rendered::new(found, &sources);
                format!("{name}: {:?}: {}", shown.position, shown.message)
            })
            .collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
        checked.value.unwrap()
    }
}

/// Layouts, and the copybooks that they name, which are the corpus's.
struct Beside {
    layouts: Directory,
    copybooks: PathBuf,
}

impl Resolver for Beside {
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError> {
        match location.ends_with(".cob") {
            true => Directory::new(&self.copybooks).resolve(location, None),
            false => self.layouts.resolve(location, from),
        }
    }
}
