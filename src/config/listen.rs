//! `listen`: where callers and operators come in.

use std::net::{Ipv4Addr, SocketAddr};

use portolan_diagnostics::{Code, Diagnostic};
use portolan_grpc::{ClientCertificates, GrpcOptions, TlsOptions, WebOptions};
use portolan_mapping::yaml::{Node, NodeKind};

use super::{
    grammar,
    keys::{Group, Reader},
};

/// Where callers and operators come in.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Callers.
    pub(crate) grpc: GrpcOptions,
    /// Operators: health and the admin API.
    pub(crate) http: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Self { grpc: GrpcOptions::default(), http: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)) }
    }
}

pub(super) fn listen(node: &Node, reader: &mut Reader<'_>) -> Option<Listen> {
    let mut keys = Group::of(node, &grammar::LISTEN, reader)?;
    let defaults = Listen::default();
    let grpc = match keys.take("grpc") {
        Some(entry) if matches!(entry.value.kind, NodeKind::Mapping(_)) => grpc(&entry.value, reader),
        Some(entry) => reader.address(entry).map(|listen| GrpcOptions { listen, ..GrpcOptions::default() }),
        None => Some(defaults.grpc),
    };
    let written = keys.take("http");
    let http = match written {
        Some(entry) => reader.address(entry),
        None => Some(defaults.http),
    };
    keys.finish(reader);
    let listen = Listen { grpc: grpc?, http: http? };
    if meet(listen.grpc.listen, listen.http) {
        let message = "callers and operators come in at the same port; `grpc` and `http` need one each";
        let finding = Diagnostic::error(Code::CONFIG_INVALID, message);
        reader.findings.push(finding.at(written.map_or(node.span, |entry| entry.value.span), ""));
    }
    Some(listen)
}

/// Whether two addresses cannot both be listened at. Port 0 is a free one each time.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let same_network = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_network
}

fn grpc(node: &Node, reader: &mut Reader<'_>) -> Option<GrpcOptions> {
    let mut keys = Group::of(node, &grammar::GRPC, reader)?;
    let mut options = GrpcOptions::default();
    let address = keys.require("address", reader).and_then(|e| reader.address(e));
    let tls = match keys.take("tls") {
        Some(entry) => tls(&entry.value, reader).map(Some),
        None => Some(None),
    };
    options.web = keys.take("web").and_then(|e| web(&e.value, reader));
    if let Some(reflection) = keys.take("reflection").and_then(|e| reader.boolean(e)) {
        options.reflection = reflection;
    }
    if let Some(bytes) = keys.take("max-request-bytes").and_then(|e| reader.bytes(e)) {
        options.max_request_bytes = bytes;
    }
    if let Some(calls) = keys.take("max-calls").and_then(|e| reader.count(e)) {
        options.max_calls = calls;
    }
    if let Some(connections) = keys.take("max-connections").and_then(|e| reader.count(e)) {
        options.max_connections = connections;
    }
    if let Some(drain) = keys.take("drain-timeout").and_then(|e| reader.duration(e)) {
        options.drain_timeout = drain;
    }
    keys.finish(reader);
    options.listen = address?;
    options.tls = tls?;
    Some(options)
}

fn web(node: &Node, reader: &mut Reader<'_>) -> Option<WebOptions> {
    let mut keys = Group::of(node, &grammar::WEB, reader)?;
    let mut origins = Vec::new();
    if let Some(entry) = keys.take("origins") {
        for item in reader.items(entry) {
            let Some(text) = reader.text_of(item, "origins", entry.key_span) else { continue };
            match WebOptions::origin(&text.value) {
                Ok(origin) => origins.push(origin),
                Err(problem) => reader.bad(text.span, format!("`origins`: {problem}")),
            }
        }
    }
    keys.finish(reader);
    Some(WebOptions { origins })
}

fn tls(node: &Node, reader: &mut Reader<'_>) -> Option<TlsOptions> {
    let mut keys = Group::of(node, &grammar::SERVER_TLS, reader)?;
    let certificate = keys.require("cert", reader).and_then(|e| reader.file(e));
    let key = keys.require("key", reader).and_then(|e| reader.file(e));
    let authorities = keys.take("client-ca");
    let optional = keys.take("client-optional");
    let client = match authorities {
        Some(entry) => {
            let authorities = reader.file(entry);
            let optional = optional.and_then(|e| reader.boolean(e)).unwrap_or(false);
            authorities.map(|authorities| match optional {
                true => ClientCertificates::Optional { authorities },
                false => ClientCertificates::Required { authorities },
            })
        }
        None => {
            if let Some(entry) = optional {
                let finding = Diagnostic::error(
                    Code::CONFIG_INVALID,
                    "`client-optional` says nothing without `client-ca`",
                );
                reader
                    .findings
                    .push(finding.at(entry.key_span, "").help("name the authorities: `client-ca: ca.pem`"));
            }
            Some(ClientCertificates::NotAsked)
        }
    };
    keys.finish(reader);
    Some(TlsOptions { certificate: certificate?, key: key?, client: client? })
}
