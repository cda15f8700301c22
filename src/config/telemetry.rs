//! `telemetry`: where traces go.

use std::{collections::BTreeMap, fmt};

use portolan_diagnostics::{Code, Diagnostic};
use portolan_mapping::yaml::{Entry, Node, NodeKind};
use portolan_soap::TlsOptions;

use super::{
    grammar,
    keys::{Group, Reader},
    system::{named, tls},
};

/// Where traces go.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    /// The collector.
    pub(crate) collector: Collector,
    /// How many of the traces that begin here are recorded, from 0 to 1; a caller's own decision goes before.
    pub(crate) sample: f64,
    /// The name under which spans are found.
    pub(crate) service: String,
}

/// What takes spans: OTLP over gRPC.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    /// `http://127.0.0.1:4317`
    pub(crate) endpoint: String,
    /// Sent with every export: most collectors that are somebody else's want a key.
    pub(crate) headers: BTreeMap<String, String>,
    /// Whom to trust, and what to show.
    pub(crate) tls: TlsOptions,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("headers", &self.headers.keys()).finish_non_exhaustive()
    }
}

/// What spans are found under where nothing is said.
const SERVICE: &str = "portolan";

pub(super) fn telemetry(node: &Node, reader: &mut Reader<'_>) -> Option<Telemetry> {
    let mut keys = Group::of(node, &grammar::TELEMETRY, reader)?;
    let collector = keys.require("otlp", reader).and_then(|e| collector(e, reader));
    let sample = match keys.take("sample") {
        Some(entry) => reader.parsed(entry, |text| match text.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err("write a share from 0 to 1: 0.1 is every tenth trace".to_owned()),
        }),
        None => Some(1.0),
    };
    let service = match keys.take("service") {
        Some(entry) => reader.text(entry).map(|text| text.value),
        None => Some(SERVICE.to_owned()),
    };
    keys.finish(reader);
    Some(Telemetry { collector: collector?, sample: sample?, service: service? })
}

fn collector(entry: &Entry, reader: &mut Reader<'_>) -> Option<Collector> {
    let mut collector = Collector::default();
    let endpoint = match &entry.value.kind {
        NodeKind::Mapping(_) => {
            let mut keys = Group::of(&entry.value, &grammar::OTLP, reader)?;
            let endpoint = keys.require("endpoint", reader).and_then(|e| reader.text(e));
            collector.headers = keys.take("headers").map(|e| named(e, reader)).unwrap_or_default();
            collector.tls = keys.take("tls").and_then(|e| tls(&e.value, reader)).unwrap_or_default();
            keys.finish(reader);
            endpoint
        }
        _ => reader.text(entry),
    }?;
    collector.endpoint = endpoint.value;
    // What a file or a header cannot hold is known where it is used.
    match crate::traces::check(&collector) {
        Ok(()) => Some(collector),
        Err(problem) => {
            let finding = Diagnostic::error(Code::CONFIG_INVALID, problem).at(endpoint.span, "");
            reader.findings.push(finding);
            None
        }
    }
}
