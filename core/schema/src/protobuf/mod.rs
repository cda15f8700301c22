//! Reads a `.proto` at run time: imports through the resolver, protox for the language, and the one type model out of it.

mod bounds;
mod compile;
mod documentation;
mod embedded;
mod left_out;
mod load;
mod rules;
mod services;
mod types;

use portolan_diagnostics::{Checked, Code, Diagnostic};

use crate::{Contract, Reading};

/// Reads the contract that begins in `entry`. Imports are looked for beside the entry, then under each import path
/// (as the resolver sees it), then among the files that Portolan carries (`google/*`, `buf/validate/*`, `portolan/v1/*`).
pub fn read(entry: &str, import_paths: &[String], reading: &mut Reading<'_>) -> Checked<Contract> {
    let loaded = load::load(entry, import_paths, reading);
    let mut diagnostics = loaded.diagnostics;
    if !diagnostics.is_empty() {
        return Checked { value: None, diagnostics };
    }
    let compiled = match compile::compile(&loaded.entry, loaded.files, &loaded.ids) {
        Ok(compiled) => compiled,
        Err(found) => return Checked { value: None, diagnostics: found },
    };
    let Some(file) = compiled.pool.get_file_by_name(&loaded.entry) else {
        diagnostics
            .push(Diagnostic::error(Code::PROTO_INVALID, format!("`{entry}` was compiled to nothing")));
        return Checked { value: None, diagnostics };
    };
    let mut types = types::Types::new(&compiled.pool);
    let services = services::services(&mut types, &file, &loaded.order);
    for message in file.messages() {
        types.declare(&message);
    }
    let (schema, left_out) = types.finish();
    diagnostics.extend(left_out::findings(&left_out, &compiled.pool, &loaded.ids, reading.sources));
    let files = loaded.order.iter().filter_map(|name| loaded.ids.get(name).copied()).collect();
    let contract = Contract {
        schema,
        services,
        left_out: Vec::new(),
        files,
        descriptor_set: Some(compiled.descriptor_set),
    };
    Checked { value: Some(contract), diagnostics }
}
