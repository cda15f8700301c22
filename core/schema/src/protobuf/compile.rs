//! Hands the gathered files to protox, and its errors to our diagnostics.

use std::collections::HashMap;

use miette::Diagnostic as _;
use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};
use prost_reflect::{
    DescriptorPool,
    prost_types::{FieldDescriptorProto, field_descriptor_proto},
};
use protox::{
    Compiler, Error,
    file::{File, FileResolver, GoogleFileResolver},
};

const DESCRIPTOR: &str = "google/protobuf/descriptor.proto";

/// What protox made of the files.
pub(super) struct Compiled {
    /// Every file, linked.
    pub(super) pool: DescriptorPool,
    /// The same, serialized without comments, imports first.
    pub(super) descriptor_set: Vec<u8>,
}

struct Gathered(HashMap<String, File>);

impl FileResolver for Gathered {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        self.0.get(name).cloned().ok_or_else(|| Error::file_not_found(name))
    }
}

/// Compiles the entry, all of whose imports are among the files.
pub(super) fn compile(
    entry: &str,
    mut files: HashMap<String, File>,
    ids: &HashMap<String, SourceId>,
) -> Result<Compiled, Vec<Diagnostic>> {
    // protox links options against the pool's own descriptor.proto where there is one, and its built-in copy is too old
    // to know `debug_redact`; so a contract that speaks of it gets ours, imported or not.
    let redacts = files.values().any(|f| f.source().is_some_and(|text| text.contains("debug_redact")));
    if redacts
        && !files.contains_key(DESCRIPTOR)
        && let Ok(file) = GoogleFileResolver::new().open_file(DESCRIPTOR)
    {
        files.insert(DESCRIPTOR.to_owned(), with_debug_redact(file));
    }
    let mut compiler = Compiler::with_file_resolver(Gathered(files));
    compiler.include_imports(true).include_source_info(false);
    let opened = if redacts { compiler.open_file(DESCRIPTOR).map(|_| ()) } else { Ok(()) };
    if let Err(error) = opened.and_then(|()| compiler.open_file(entry).map(|_| ())) {
        let id = error.file().and_then(|file| ids.get(file)).or_else(|| ids.get(entry)).copied();
        let mut diagnostics = found(&error, id);
        diagnostics.extend(error.related().into_iter().flatten().flat_map(|e| found(e, id)));
        return Err(gathered(diagnostics));
    }
    Ok(Compiled { descriptor_set: compiler.encode_file_descriptor_set(), pool: compiler.descriptor_pool() })
}

/// Adds the options that descriptor.proto has gained since protox's copy was made.
pub(super) fn with_debug_redact(file: File) -> File {
    let mut proto = file.file_descriptor_proto().clone();
    for (message, number) in [("FieldOptions", 16), ("EnumValueOptions", 3)] {
        let options = proto.message_type.iter_mut().find(|m| m.name() == message);
        if let Some(options) = options.filter(|m| m.field.iter().all(|f| f.number() != number)) {
            options.field.push(FieldDescriptorProto {
                name: Some("debug_redact".to_owned()),
                json_name: Some("debugRedact".to_owned()),
                number: Some(number),
                label: Some(field_descriptor_proto::Label::Optional.into()),
                r#type: Some(field_descriptor_proto::Type::Bool.into()),
                default_value: Some("false".to_owned()),
                ..Default::default()
            });
        }
    }
    File::from_file_descriptor_proto(proto)
}

/// One cause is one finding: a type that is not there is missed by every field that is of it.
fn gathered(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (mut gathered, mut places): (Vec<Diagnostic>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for mut finding in found {
        match places.get(&finding.message).and_then(|at| gathered.get_mut(*at)) {
            Some(first) => {
                finding.labels.iter_mut().for_each(|label| label.text = "and here".to_owned());
                // Enough to see that there are many.
                let room = 10usize.saturating_sub(first.labels.len());
                first.labels.extend(finding.labels.into_iter().take(room));
            }
            None => {
                places.insert(finding.message.clone(), gathered.len());
                gathered.push(finding);
            }
        }
    }
    gathered
}

/// One of protox's errors in our own shape.
pub(super) fn found(error: &dyn miette::Diagnostic, id: Option<SourceId>) -> Vec<Diagnostic> {
    let mut diagnostic = Diagnostic::error(Code::PROTO_INVALID, error.to_string());
    for label in error.labels().into_iter().flatten() {
        let Some(id) = id else { break };
        let span = Span::new(id, label.offset()..label.offset() + label.len());
        diagnostic = diagnostic.at(span, label.label().unwrap_or_default());
    }
    if let (Some(id), true) = (id, diagnostic.labels.is_empty()) {
        diagnostic = diagnostic.at(Span::new(id, 0..0), "");
    }
    if let Some(help) = error.help() {
        diagnostic = diagnostic.help(help.to_string());
    }
    vec![diagnostic]
}
