//! Services and methods, with what `google.longrunning.operation_info` says of them.

use prost_reflect::{
    DescriptorPool, FileDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor, Value,
};

use super::types::Types;
use crate::{Document, LongRunning, Operation, Protocol, Root, Service, TypeId};

/// The services of the entry, then those of the user's other files.
pub(super) fn services(types: &mut Types<'_>, entry: &FileDescriptor, order: &[String]) -> Vec<Service> {
    let pool = types.pool;
    let others =
        order.iter().filter(|name| *name != entry.name()).filter_map(|name| pool.get_file_by_name(name));
    let files: Vec<_> = std::iter::once(entry.clone()).chain(others).collect();
    files.iter().flat_map(FileDescriptor::services).map(|service| read_service(types, &service)).collect()
}

fn read_service(types: &mut Types<'_>, service: &ServiceDescriptor) -> Service {
    Service {
        name: service.full_name().to_owned(),
        operations: service.methods().map(|method| operation(types, &method)).collect(),
        doc: types.documentation.of(&service.parent_file(), service.path()),
    }
}

fn operation(types: &mut Types<'_>, method: &MethodDescriptor) -> Operation {
    let service = method.parent_service();
    Operation {
        name: method.name().to_owned(),
        input: document(types, &method.input()),
        output: Some(document(types, &method.output())),
        protocol: Protocol::Grpc {
            path: format!("/{}/{}", service.full_name(), method.name()),
            client_streaming: method.is_client_streaming(),
            server_streaming: method.is_server_streaming(),
            long_running: long_running(types, method),
        },
        doc: types.documentation.of(&method.parent_file(), method.path()),
    }
}

/// The message is the whole document, and `body` is the message.
fn document(types: &mut Types<'_>, message: &MessageDescriptor) -> Document {
    let record = types.record(message);
    let body = Root { name: vec!["body".to_owned()], path: Vec::new(), ty: TypeId::Record(record) };
    Document { record, element: None, roots: vec![body], encoded: false, excerpt: None }
}

fn long_running(types: &mut Types<'_>, method: &MethodDescriptor) -> Option<LongRunning> {
    if method.output().full_name() != "google.longrunning.Operation" {
        return None;
    }
    let extension = types.pool.get_extension_by_name("google.longrunning.operation_info")?;
    let options = method.options();
    if !options.has_extension(&extension) {
        return None;
    }
    let info = options.get_extension(&extension);
    let Value::Message(info) = info.as_ref() else { return None };
    let text = |field: &str| {
        info.get_field_by_name(field).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let package = method.parent_file().package_name().to_owned();
    let response = resolve(types.pool, &package, &text("response_type"));
    let metadata = resolve(types.pool, &package, &text("metadata_type"));
    let name_of = |found: &Option<MessageDescriptor>, written: String| {
        found.as_ref().map_or(written, |m| m.full_name().to_owned())
    };
    Some(LongRunning {
        response_type: name_of(&response, text("response_type")),
        metadata_type: name_of(&metadata, text("metadata_type")),
        response: response.map(|message| document(types, &message)),
    })
}

/// A full name, or one relative to the method's package.
fn resolve(pool: &DescriptorPool, package: &str, name: &str) -> Option<MessageDescriptor> {
    let name = name.trim_start_matches('.');
    pool.get_message_by_name(name).or_else(|| pool.get_message_by_name(&format!("{package}.{name}")))
}
