//! Reads COBOL copybooks: the record descriptions by which programs write files, as records of the one type model with the places
//! of their bytes.
//!
//! What is read is written down in IBM's *Enterprise COBOL for z/OS Language Reference* (SC27-8713): "Reference format"; "COPY
//! statement", "REPLACE statement", "EJECT", "SKIP", "TITLE"; "Data division--data description entry" with its clauses; "PICTURE
//! clause"; and in ISO/IEC 1989:2014 (6 reference format, 7 text manipulation, 13 data division). Where compilers differ, a
//! [`Dialect`] says which one wrote the file. More is read than any of them takes, where it can only mean one thing: copybooks
//! without a level 01, text in column 7, a SIGN SEPARATE without an `S`, redefinitions that are longer than what they redefine.

mod clauses;
mod elementary;
mod format;
mod known;
mod laid;
mod library;
mod literals;
mod lower;
mod names;
mod overlay;
mod parse;
mod replace;
mod slack;
mod statements;
mod syntax;
mod token;
mod values;

use std::{collections::BTreeMap, path::Path};

use portolan_diagnostics::{Checked, Code, Diagnostic, Severity, SourceId, Sources, Span};

use crate::{
    FieldId, Occurs, Reading, RecordId, Schema,
    layout::{Dialect, Framing, Layout, Node, NodeId, Order, Shape},
};
use format::Comment;
use library::Library;
use lower::Lowering;
use syntax::{Described, Item};

pub use format::ReferenceFormat;
pub use names::FillerNames;

/// How large a copybook may be.
const MAX_BYTES: usize = 16 << 20;
/// Comments above an entry tell of it where they are no longer than this.
const MAX_DOC_LINES: usize = 3;

/// What a copybook does not say itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopybookOptions {
    /// By which compiler and machine the records were written.
    pub dialect: Dialect,
    /// Where the text of a line stands; `None` finds out.
    pub format: Option<ReferenceFormat>,
    /// Which bytes a list that occurs DEPENDING ON a count has.
    pub occurs: OccursDepending,
    /// What values without a name are called.
    pub value_fillers: FillerNames,
    /// What groups without a name are called.
    pub group_fillers: FillerNames,
    /// Groups whose text is a field as well, called after the group with `_nt` behind it.
    pub group_texts: Vec<String>,
    /// Counts that are words, with what each means: by the name of the list, or of the item that counts it.
    pub count_words: BTreeMap<String, Vec<(String, u32)>>,
    /// Where COPY looks besides the folder of the file that copies.
    pub folders: Vec<String>,
    /// What stands for what in the copybook itself, as `COPY ... REPLACING ==old== BY ==new==` would say it.
    pub replacing: Vec<(String, String)>,
}

impl Default for CopybookOptions {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            format: None,
            occurs: OccursDepending::default(),
            value_fillers: FillerNames::None,
            group_fillers: FillerNames::Numbered,
            group_texts: Vec::new(),
            count_words: BTreeMap::new(),
            folders: Vec::new(),
            replacing: Vec::new(),
        }
    }
}

/// Which bytes a list that occurs DEPENDING ON a count has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OccursDepending {
    /// Those of the occurrences that are there: what follows moves up (IBM).
    #[default]
    Real,
    /// Those of as many as there can be (Cobrix without `variable_size_occurs`).
    Maximum,
}

/// A copybook that was read.
#[derive(Debug, Clone)]
pub struct Copybook {
    described: Vec<Described>,
    notation: crate::layout::Notation,
    /// The file that was named, then all that it copies.
    pub files: Vec<SourceId>,
}

/// Reads the copybook of a source, and what it copies through the resolver of `reading`. All that is wrong is reported at once;
/// what could be read is there all the same.
pub fn read(source: SourceId, reading: &mut Reading<'_>, options: &CopybookOptions) -> Checked<Copybook> {
    let mut library = Library::new(reading, options);
    let words = library.read(source);
    let Library { mut diagnostics, files, comments, .. } = library;
    let tokens = token::joined(words);
    let name = reading.sources.get(source).map(|file| file.name.clone()).unwrap_or_default();
    let name =
        Path::new(&*name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let comments = Comments::new(comments, reading.sources);
    let mut notation = options.dialect.notation;
    let (parsed, found) = parse::parse(&tokens, notation, &name, &|first, last| comments.of(first, last));
    diagnostics.extend(found);
    notation = parsed.notation;
    if parsed.records.is_empty() && !diagnostics.iter().any(|found| found.severity == Severity::Error) {
        let found = Diagnostic::error(Code::COPYBOOK_SYNTAX, "it describes no data");
        let found = found.at(Span::new(source, 0..0), "");
        diagnostics.push(found.help("a copybook has entries such as `05 AMOUNT PIC S9(7)V99 COMP-3.`"));
    }
    Checked { value: Some(Copybook { described: parsed.records, notation, files }), diagnostics }
}

/// Reads the copybook of a file, which is UTF-8 or what older editors write; `from` is the file that names it, and where.
pub fn load(
    location: &str,
    from: Option<(&str, Span)>,
    reading: &mut Reading<'_>,
    options: &CopybookOptions,
) -> Checked<Copybook> {
    let unreadable = |message: String| {
        let found = Diagnostic::error(Code::FILE_UNREADABLE, message);
        let found = match from {
            Some((_, span)) => found.at(span, ""),
            None => found,
        };
        Checked { value: None, diagnostics: vec![found] }
    };
    let resolved = match reading.resolver.resolve(location, from.map(|(name, _)| name)) {
        Ok(resolved) => resolved,
        Err(error) => return unreadable(error.to_string()),
    };
    if resolved.bytes.len() > MAX_BYTES {
        return unreadable(format!("`{}` is larger than {MAX_BYTES} bytes", resolved.name));
    }
    let source = reading.sources.add(resolved.name.as_str(), library::decoded(resolved.bytes));
    read(source, reading, options)
}

impl Copybook {
    /// The names of its records, in their order: what stands at level 01 (or 77). The index among them is what
    /// [`Copybook::lower`] takes. Several are alternatives: each describes the whole record.
    pub fn records(&self) -> impl Iterator<Item = &str> {
        self.described.iter().map(|described| described.item.shown())
    }

    /// The index of a record, by its name in any case, with hyphens or underscores.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.records().position(|known| {
            known == name || names::written(known).eq_ignore_ascii_case(&names::written(name))
        })
    }

    /// The entries of a record with their levels, as they were written: the record first, `FILLER` where there is no name.
    pub fn levels(&self, record: usize) -> Vec<(u8, &str)> {
        fn walk<'a>(item: &'a Item, out: &mut Vec<(u8, &'a str)>) {
            out.push((item.level, item.shown()));
            item.children.iter().for_each(|child| walk(child, out));
        }
        let mut out = Vec::new();
        if let Some(described) = self.described.get(record) {
            walk(&described.item, &mut out);
        }
        out
    }

    /// Lays a record: its types go into `schema`, its items into the shape, in the order of the entries.
    ///
    /// - What follows a list of real size begins [`Start::Next`](crate::layout::Start::Next): behind the furthest byte of the items
    ///   before it in its group, those that redefine others included. Everything else is [`Start::At`](crate::layout::Start::At).
    /// - Slack bytes are fillers of their own.
    /// - Items that share bytes, and numbers within them, need not have a value: their fields are optional, and their
    ///   storage is [`Invalid::Null`](crate::layout::Invalid::Null).
    /// - Fillers over the bytes of another item, which begin [`Start::Like`](crate::layout::Start::Like) it, have nothing to write.
    /// - A list of at most one is no list of the schema; `OCCURS 1` is [`Times::Once`](crate::layout::Times::Once).
    /// - Level 66 stands behind all others, at the place of what it renames; no bytes are its own.
    pub fn lower(
        &self,
        record: usize,
        options: &CopybookOptions,
        schema: &mut Schema,
    ) -> Checked<(RecordId, Shape)> {
        let options = self.with_notation(options);
        let mut lowering = Lowering::new(&options, schema);
        let value = self.described.get(record).map(|described| lowering.record(described));
        Checked { value, diagnostics: lowering.diagnostics }
    }

    /// Lays several records, of this and other copybooks, as groups of one, each over the bytes of the first.
    pub fn lower_merged(
        parts: &[(&Self, usize)],
        name: &str,
        options: &CopybookOptions,
        schema: &mut Schema,
    ) -> Checked<(RecordId, Shape)> {
        let entries: Vec<&Item> = parts
            .iter()
            .filter_map(|(copybook, record)| copybook.described.get(*record))
            .map(|described| &described.item)
            .collect();
        let options = match parts.first() {
            Some((first, _)) => first.with_notation(options),
            None => options.clone(),
        };
        let mut lowering = Lowering::new(&options, schema);
        let value = (!entries.is_empty()).then(|| lowering.merged(name, &entries));
        Checked { value, diagnostics: lowering.diagnostics }
    }

    /// Its records as those of a layout, of which nothing is known but where their fields are: to be described.
    pub fn layout(&self, name: &str, options: &CopybookOptions) -> Checked<Layout> {
        let mut layout = Layout { name: name.to_owned(), ..Layout::default() };
        layout.file.encoding = options.dialect.encoding;
        layout.file.framing = Framing::Shaped;
        let mut diagnostics = Vec::new();
        for (index, shown) in self.records().enumerate() {
            let lowered = self.lower(index, options, &mut layout.schema);
            for found in lowered.diagnostics {
                if !diagnostics.contains(&found) {
                    diagnostics.push(found);
                }
            }
            let Some((record, shape)) = lowered.value else { continue };
            layout.top.push(NodeId(layout.nodes.len() as u32));
            layout.nodes.push(Node {
                name: shown.to_owned(),
                parent: None,
                record,
                field: FieldId(0),
                occurs: Occurs::ONCE,
                when: None,
                shape: Some(shape),
                require: Vec::new(),
                children: Vec::new(),
                order: Order::Declared,
            });
        }
        Checked { value: Some(layout), diagnostics }
    }

    /// The options, with what the copybook's program says of pictures.
    fn with_notation(&self, options: &CopybookOptions) -> CopybookOptions {
        let mut options = options.clone();
        options.dialect.notation = self.notation;
        options
    }
}

/// What comments say, by the lines in which they stand.
struct Comments {
    lines: BTreeMap<(SourceId, usize), Comment>,
    starts: BTreeMap<SourceId, Vec<usize>>,
}

impl Comments {
    fn new(comments: Vec<(SourceId, usize, Comment)>, sources: &Sources) -> Self {
        let mut starts = BTreeMap::new();
        for (source, ..) in &comments {
            starts.entry(*source).or_insert_with(|| {
                let text = sources.get(*source).map(|file| &*file.text).unwrap_or_default();
                std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
            });
        }
        let lines = comments.into_iter().map(|(source, line, comment)| ((source, line), comment)).collect();
        Self { lines, starts }
    }

    /// What comments say of an entry: those in its lines, else those just above it.
    fn of(&self, first: Span, last: Span) -> Option<String> {
        let starts = self.starts.get(&first.source)?;
        let line = |at: u32| starts.partition_point(|start| *start <= at as usize).saturating_sub(1);
        let begin = line(first.start);
        let end = if first.source == last.source { line(last.start).max(begin) } else { begin };
        let within: Vec<&str> = self
            .lines
            .range((first.source, begin)..=(first.source, end))
            .filter(|(_, comment)| !comment.alone)
            .map(|(_, comment)| comment.text.as_str())
            .collect();
        if !within.is_empty() {
            return Some(within.join(" "));
        }
        let above =
            (0..begin).rev().map_while(|line| self.lines.get(&(first.source, line)).filter(|c| c.alone));
        let mut above: Vec<&str> =
            above.take(MAX_DOC_LINES + 1).map(|comment| comment.text.as_str()).collect();
        above.reverse();
        (!above.is_empty() && above.len() <= MAX_DOC_LINES).then(|| above.join(" "))
    }
}
