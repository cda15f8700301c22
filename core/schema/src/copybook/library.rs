//! What a copybook takes from others: COPY with its replacements, REPLACE, and how other tools write the same.

use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};

use super::{
    CopybookOptions,
    format::{self, Comment},
    replace::{Part, Replacement, replace},
    statements::{Copy, Cursor},
    token::{Token, text_words},
};
use crate::{Reading, ResolveError, Resolved};

/// Copybooks within one another.
const MAX_DEPTH: usize = 16;
/// Copies in all: a copybook that copies another twice, which copies another twice, would grow without end.
const MAX_COPIES: usize = 1024;
/// In all files together, each as often as it is copied.
const MAX_BYTES: usize = 16 << 20;
/// Text-words in all.
const MAX_WORDS: usize = 1 << 20;
/// What members of a library are called on disk.
const EXTENSIONS: &[&str] = &["", "cpy", "cob", "cbl", "copy", "CPY", "COB", "CBL"];

/// Reads copybooks, each with what it copies.
pub(super) struct Library<'r, 'a> {
    reading: &'r mut Reading<'a>,
    options: &'r CopybookOptions,
    /// What was found.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Every file, as it was met.
    pub(super) files: Vec<SourceId>,
    /// What comments say, by file and line.
    pub(super) comments: Vec<(SourceId, usize, Comment)>,
    /// The files that are being read, outermost first.
    open: Vec<SourceId>,
    copies: usize,
    bytes: usize,
    refused: bool,
}

impl<'r, 'a> Library<'r, 'a> {
    pub(super) fn new(reading: &'r mut Reading<'a>, options: &'r CopybookOptions) -> Self {
        Self {
            reading,
            options,
            diagnostics: Vec::new(),
            files: Vec::new(),
            comments: Vec::new(),
            open: Vec::new(),
            copies: 0,
            bytes: 0,
            refused: false,
        }
    }

    /// The text-words of a copybook, with those of what it copies.
    pub(super) fn read(&mut self, source: SourceId) -> Vec<Token> {
        let pairs: Vec<_> = self.options.replacing.iter().map(|(old, new)| asked(source, old, new)).collect();
        let tokens = self.words(source);
        match replace(tokens, &pairs, MAX_WORDS) {
            Some(tokens) => self.expand(source, tokens),
            None => self.too_long(Span::new(source, 0..0)),
        }
    }

    fn words(&mut self, source: SourceId) -> Vec<Token> {
        let Some(file) = self.reading.sources.get(source) else { return Vec::new() };
        let text = format::read(source, &file.text, self.options.format);
        let tokens = text_words(&text);
        if !self.files.contains(&source) {
            self.files.push(source);
            self.comments.extend(text.comments.into_iter().map(|(line, comment)| (source, line, comment)));
        }
        tokens
    }

    fn too_long(&mut self, at: Span) -> Vec<Token> {
        self.refuse(at, format!("the copybook has more than {MAX_WORDS} words, all that it copies included"));
        Vec::new()
    }

    fn refuse(&mut self, at: Span, message: String) {
        if !self.refused {
            self.refused = true;
            self.diagnostics.push(Diagnostic::error(Code::COPYBOOK_REFUSED, message).at(at, ""));
        }
    }

    /// Puts the copied text in the place of each statement that copies, and replaces what REPLACE says.
    fn expand(&mut self, source: SourceId, tokens: Vec<Token>) -> Vec<Token> {
        self.open.push(source);
        let mut out = Vec::new();
        let mut active: Vec<Replacement> = Vec::new();
        let mut plain: Vec<Token> = Vec::new();
        let mut at = Cursor { tokens: &tokens, at: 0 };
        while let Some(token) = at.peek() {
            let statement = match () {
                () if self.refused => break,
                () if token.is("COPY") || token.is("++INCLUDE") || token.is("-INC") => {
                    Statement::Copy(at.copy(token.is("COPY")))
                }
                () if token.is("REPLACE") => Statement::Replace(at.replace()),
                () if token.is("EXEC") => match at.embedded() {
                    Some(copy) => Statement::Copy(Ok(copy)),
                    None => continue,
                },
                () => {
                    plain.push(token.clone());
                    at.at += 1;
                    continue;
                }
            };
            self.take(&mut out, std::mem::take(&mut plain), &active);
            match statement {
                Statement::Copy(Ok(copy)) => {
                    let copied = self.copy(&copy);
                    self.take(&mut out, copied, &active);
                }
                Statement::Replace(Ok(pairs)) => active = pairs,
                Statement::Copy(Err(found)) | Statement::Replace(Err(found)) => self.diagnostics.push(*found),
            }
        }
        self.take(&mut out, plain, &active);
        self.open.pop();
        out
    }

    fn take(&mut self, out: &mut Vec<Token>, tokens: Vec<Token>, active: &[Replacement]) {
        let at = tokens.first().map(|token| token.span);
        match replace(tokens, active, MAX_WORDS.saturating_sub(out.len())) {
            Some(tokens) => out.extend(tokens),
            None => drop(at.map(|at| self.too_long(at))),
        }
    }

    /// The text-words that a statement copies.
    fn copy(&mut self, copy: &Copy) -> Vec<Token> {
        self.copies += 1;
        if self.copies > MAX_COPIES {
            self.refuse(copy.at, format!("more than {MAX_COPIES} copies"));
            return Vec::new();
        }
        let resolved = match self.find(copy) {
            Ok(resolved) => resolved,
            Err(found) => {
                self.diagnostics.push(*found);
                return Vec::new();
            }
        };
        self.bytes += resolved.bytes.len();
        if self.bytes > MAX_BYTES {
            self.refuse(copy.at, format!("what is copied is larger than {} MiB together", MAX_BYTES >> 20));
            return Vec::new();
        }
        let source = self.reading.sources.add(resolved.name.as_str(), decoded(resolved.bytes));
        let circular = self.open.contains(&source);
        if circular || self.open.len() >= MAX_DEPTH {
            let message = match circular {
                true => format!("`{}` copies itself", resolved.name),
                false => format!("more than {MAX_DEPTH} copybooks copy one another"),
            };
            self.diagnostics
                .push(Diagnostic::error(Code::COPYBOOK_REFUSED, message).at(copy.at, "copied here"));
            return Vec::new();
        }
        let words = self.words(source);
        let words = self.expand(source, words);
        match replace(words, &copy.replacing, MAX_WORDS) {
            Some(words) => words,
            None => self.too_long(copy.at),
        }
    }

    /// Looks for a member: beside the file that copies it, then in the folders of the options; by its name as it is written, in
    /// small and in capital letters, with the endings that copybooks have.
    fn find(&self, copy: &Copy) -> Result<Resolved, Box<Diagnostic>> {
        let beside =
            self.open.last().and_then(|id| self.reading.sources.get(*id)).map(|file| file.name.clone());
        let mut names = vec![copy.name.clone(), copy.name.to_lowercase(), copy.name.to_uppercase()];
        names.dedup();
        let mut folders: Vec<(String, Option<&str>)> = Vec::new();
        if let Some(library) = &copy.library {
            folders.push((format!("{library}/"), beside.as_deref()));
        }
        folders.push((String::new(), beside.as_deref()));
        let given =
            self.options.folders.iter().map(|folder| (format!("{}/", folder.trim_end_matches('/')), None));
        folders.extend(given);
        for (folder, from) in &folders {
            for name in &names {
                for extension in EXTENSIONS {
                    let dot = if extension.is_empty() { "" } else { "." };
                    let location = format!("{folder}{name}{dot}{extension}");
                    match self.reading.resolver.resolve(&location, *from) {
                        Ok(resolved) => return Ok(resolved),
                        // A folder of the member's name is unreadable as a file.
                        Err(ResolveError::NotFound(_) | ResolveError::Unreadable(..)) => {}
                        Err(error) => {
                            let found = Diagnostic::error(Code::FILE_UNREADABLE, error.to_string());
                            return Err(Box::new(found.at(copy.at, "copied here")));
                        }
                    }
                }
            }
        }
        let found =
            Diagnostic::error(Code::FILE_UNREADABLE, format!("the copybook `{}` is not there", copy.name));
        Err(Box::new(found.at(copy.at, "copied here").help(
            "it is looked for beside the file that copies it, without an ending and as `.cpy`, `.cob`, `.cbl` and `.copy`",
        )))
    }
}

/// UTF-8, or what older editors write.
pub(super) fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(error.as_bytes());
        text.into_owned()
    })
}

/// A replacement that the options ask for.
fn asked(source: SourceId, old: &str, new: &str) -> Replacement {
    let nowhere = Span::new(source, 0..0);
    let words = |text: &str| {
        let text = format::read(source, text, Some(format::ReferenceFormat::Free));
        let mut words = text_words(&text);
        words.iter_mut().for_each(|word| word.span = nowhere);
        words
    };
    Replacement { pattern: words(old), by: words(new), part: Part::Whole }
}

enum Statement {
    Copy(Result<Copy, Box<Diagnostic>>),
    Replace(Result<Vec<Replacement>, Box<Diagnostic>>),
}
