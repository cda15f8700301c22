//! What is known of a file that ended, as mappings see it: `portolan/v1/acknowledgement.proto`.

use std::sync::LazyLock;

use portolan_diagnostics::Sources;
use portolan_schema::{
    Document, Reading, Record, ResolveError, Resolved, Resolver, Root, Schema, TypeId, protobuf,
};

/// The message.
const MESSAGE: &str = "portolan.v1.Acknowledgement";

/// Its types, and the message.
pub(crate) fn contract() -> (&'static Schema, &'static Document) {
    static CONTRACT: LazyLock<(Schema, Document)> = LazyLock::new(read);
    (&CONTRACT.0, &CONTRACT.1)
}

/// Where nothing is known but the file: the name from which its paths begin.
pub(crate) fn file_root() -> Vec<Root> {
    let (schema, document) = contract();
    let file = schema.record(document.record).find("file");
    let root = |(field, of): (_, &portolan_schema::Field)| Root {
        name: vec!["file".to_owned()],
        path: vec![(document.record, field)],
        ty: of.ty,
    };
    file.map(root).into_iter().collect()
}

fn read() -> (Schema, Document) {
    let mut sources = Sources::default();
    let read = protobuf::read(FILE, &[], &mut Reading { resolver: &Carried, sources: &mut sources });
    let mut schema = read.value.map(|contract| contract.schema).unwrap_or_default();
    let known = schema.records().find(|(_, record)| record.name.local == MESSAGE).map(|(id, _)| id);
    // It is there: a test sees it.
    let record = known.unwrap_or_else(|| schema.add_record(Record::default()));
    let body = Root { name: vec!["body".to_owned()], path: Vec::new(), ty: TypeId::Record(record) };
    let document = Document { record, element: None, encoded: false, roots: vec![body], excerpt: None };
    (schema, document)
}

const FILE: &str = "portolan/v1/acknowledgement.proto";

/// The file. What it imports is found by itself.
struct Carried;

impl Resolver for Carried {
    fn resolve(&self, location: &str, _: Option<&str>) -> Result<Resolved, ResolveError> {
        let bytes = include_bytes!("../../../proto/portolan/v1/acknowledgement.proto");
        match location {
            FILE => Ok(Resolved { name: FILE.to_owned(), bytes: bytes.to_vec() }),
            _ => Err(ResolveError::NotFound(location.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_file_has_a_contract() {
        let (schema, document) = contract();
        let names =
            |record: &Record| record.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(schema.record(document.record)), ["file", "problem"]);
        let (_, file) = schema.record(document.record).find("file").unwrap();
        let TypeId::Record(file) = file.ty else { panic!("{:?}", file.ty) };
        assert_eq!(schema.record(file).fields.len(), 12);
    }
}
