//! Reads a contract of whatever kind its file is.

use portolan_diagnostics::{Checked, Code, Diagnostic};

use crate::{Contract, Reading, protobuf, wsdl};

/// Reads the contract that begins in `entry`: a `.proto` by its name, anything else as XML whose root must be that of a
/// WSDL. `import_paths` are for `.proto` files.
pub fn read_file(entry: &str, import_paths: &[String], reading: &mut Reading<'_>) -> Checked<Contract> {
    let extension =
        entry.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, e)| e.to_ascii_lowercase());
    match extension.as_deref() {
        Some("proto") => protobuf::read(entry, import_paths, reading),
        Some("xsd") => {
            let found = Diagnostic::error(
                Code::WSDL_UNSUPPORTED,
                format!("`{entry}` is a schema, which says nothing of operations"),
            );
            Checked { value: None, diagnostics: vec![found.help("name the WSDL that imports it")] }
        }
        _ => wsdl::read(entry, reading),
    }
}
