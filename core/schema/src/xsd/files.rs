//! The XML files of one contract, each read once however often it is imported.

use std::{collections::HashMap, rc::Rc};

use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};

use crate::{
    Reading, ResolveError,
    xml::{Tree, decode, parse},
};

const MAX_FILES: usize = 512;
const MAX_LOOKUPS: usize = 4096;
const MAX_BYTES: usize = 64 << 20;

/// The files read so far.
#[derive(Default)]
pub(crate) struct Files {
    by_name: HashMap<String, Option<Rc<Tree>>>,
    /// In the order in which they were read.
    pub(crate) ids: Vec<SourceId>,
    bytes: usize,
    lookups: usize,
}

impl Files {
    /// Reads a file, or gives the tree that is there already. What stops it is returned, what is wrong *in* it is added
    /// to `diagnostics` (and then there is no tree).
    pub(crate) fn open(
        &mut self,
        location: &str,
        from: Option<&str>,
        at: Option<Span>,
        reading: &mut Reading<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Option<Rc<Tree>>, Diagnostic> {
        let place = |d: Diagnostic| match at {
            Some(at) => d.at(at, "named here"),
            None => d,
        };
        let refused = |what: String| place(Diagnostic::error(Code::XML_REFUSED, what));
        self.lookups += 1;
        if self.by_name.len() >= MAX_FILES || self.lookups > MAX_LOOKUPS {
            return Err(refused(format!("more than {MAX_FILES} files are imported")));
        }
        let resolved = reading.resolver.resolve(location, from).map_err(|error| place(unresolved(&error)))?;
        if let Some(known) = self.by_name.get(&resolved.name) {
            return Ok(known.clone());
        }
        self.bytes += resolved.bytes.len();
        if self.bytes > MAX_BYTES {
            return Err(refused(format!("the files are larger than {} MiB together", MAX_BYTES >> 20)));
        }
        let text = decode(&resolved.bytes).map_err(|what| {
            place(Diagnostic::error(Code::XML_SYNTAX, format!("`{}`: {what}", resolved.name)))
        })?;
        let id = reading.sources.add(resolved.name.as_str(), text.as_str());
        self.ids.push(id);
        let tree = parse(&text, id, &resolved.name, diagnostics).map(Rc::new);
        self.by_name.insert(resolved.name, tree.clone());
        Ok(tree)
    }
}

fn unresolved(error: &ResolveError) -> Diagnostic {
    let code = match error {
        ResolveError::NotLocal(_) => Code::XSD_NOT_LOCAL,
        _ => Code::FILE_UNREADABLE,
    };
    Diagnostic::error(code, error.to_string())
}
