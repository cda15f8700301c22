//! Faults of both SOAP versions (SOAP 1.1, section 4.4; SOAP 1.2 part 1, section 5.4).

use super::envelope::{Path, ordered};
use crate::{
    Content, FieldId, Name, Occurs, Particle, RecordId, SoapVersion, TypeId,
    xsd::{Compiler, Declared},
};

/// A fault's record, and the names for places in it, relative to the fault.
pub(super) struct Fault {
    pub(super) record: RecordId,
    pub(super) roots: Vec<(Vec<String>, Path, TypeId)>,
}

/// The fault that an operation may answer with, given the elements that its WSDL declares for the detail.
pub(super) fn fault(
    compiler: &mut Compiler<'_>,
    version: SoapVersion,
    declared_faults: Vec<Declared>,
) -> Fault {
    let text = TypeId::Scalar(compiler.string());
    let code = TypeId::Scalar(compiler.builtin("QName").unwrap_or_else(|| compiler.string()));
    let uri = TypeId::Scalar(compiler.builtin("anyURI").unwrap_or_else(|| compiler.string()));
    let name = |local: &str| match version {
        SoapVersion::V11 => Name::plain(local),
        SoapVersion::V12 => Name::new(version.namespace(), local),
    };
    let element = |local: &str, ty: TypeId, occurs: Occurs| Declared::new(name(local), ty).field(occurs);

    let mut details = Vec::new();
    for fault in declared_faults {
        let fault = fault.field(Occurs::OPTIONAL);
        if details.iter().all(|known: &crate::Field| known.wire != fault.wire) {
            details.push(fault);
        }
    }
    let only = match details.as_slice() {
        [one] => Some(one.ty),
        _ => None,
    };
    let detail_name = name(if version == SoapVersion::V11 { "detail" } else { "Detail" });
    let detail = ordered(&mut compiler.schema, detail_name, details, true);
    // Old stacks put bare text into the detail.
    compiler.schema.record_mut(detail).mixed = true;

    let schema = &mut compiler.schema;
    let record_name = Name::new(version.namespace(), "Fault");
    let (record, code_path, reason_path, actor_path, detail_path): (_, Path, Path, Path, Path) = match version
    {
        SoapVersion::V11 => {
            let fields = vec![
                element("faultcode", code, Occurs::ONCE),
                element("faultstring", text, Occurs::ONCE),
                element("faultactor", uri, Occurs::OPTIONAL),
                element("detail", TypeId::Record(detail), Occurs::OPTIONAL),
            ];
            let record = ordered(schema, record_name, fields, true);
            let at = |index| vec![(record, FieldId(index))];
            (record, at(0), at(1), at(2), at(3))
        }
        SoapVersion::V12 => {
            // A subcode may have a subcode.
            let subcode = ordered(schema, name("Subcode"), vec![element("Value", code, Occurs::ONCE)], false);
            let nested = element("Subcode", TypeId::Record(subcode), Occurs::OPTIONAL);
            let record = schema.record_mut(subcode);
            record.fields.push(nested.clone());
            record.content = sequence(2);
            let values = vec![element("Value", code, Occurs::ONCE), nested];
            let code_record = ordered(schema, name("Code"), values, false);
            let reason = ordered(schema, name("Reason"), vec![element("Text", text, Occurs::ONCE)], false);
            let fields = vec![
                element("Code", TypeId::Record(code_record), Occurs::ONCE),
                element("Reason", TypeId::Record(reason), Occurs::ONCE),
                element("Node", uri, Occurs::OPTIONAL),
                element("Role", uri, Occurs::OPTIONAL),
                element("Detail", TypeId::Record(detail), Occurs::OPTIONAL),
            ];
            let record = ordered(schema, record_name, fields, true);
            let at = |index| (record, FieldId(index));
            let code_path = vec![at(0), (code_record, FieldId(0))];
            (record, code_path, vec![at(1), (reason, FieldId(0))], vec![at(3)], vec![at(4)])
        }
    };
    let (detail_path, detail_type) = match only {
        Some(ty) => (detail_path.into_iter().chain([(detail, FieldId(0))]).collect(), ty),
        None => (detail_path, TypeId::Record(detail)),
    };
    let root = |part: &str, path: Path, ty: TypeId| (vec!["fault".to_owned(), part.to_owned()], path, ty);
    let roots = vec![
        root("code", code_path, code),
        root("reason", reason_path, text),
        root("actor", actor_path, uri),
        root("detail", detail_path, detail_type),
    ];
    Fault { record, roots }
}

fn sequence(fields: u32) -> Content {
    Content::Ordered(Particle::Sequence(
        Occurs::ONCE,
        (0..fields).map(|i| Particle::Field(FieldId(i))).collect(),
    ))
}
