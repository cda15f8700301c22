//! `ingress` and `events` of the queue: what strangers may do, who speak AMQP to the broker and nothing to us.

use std::sync::Arc;

use portolan_mapping::{file::Placed, yaml::Entry};

use super::keys::Reader;

/// Routes by name, each where it stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strangers {
    /// Into which they may publish.
    pub(crate) ingress: Vec<Placed<Arc<str>>>,
    /// Of which they hear what became of messages.
    pub(crate) events: Vec<Placed<Arc<str>>>,
}

impl Strangers {
    /// Whether those who listen are told what becomes of this route's messages.
    pub(crate) fn hear_of(&self, route: &str) -> bool {
        self.events.iter().any(|named| *named.value == *route)
    }
}

pub(super) fn routes(entry: &Entry, reader: &mut Reader<'_>) -> Vec<Placed<Arc<str>>> {
    let mut routes: Vec<Placed<Arc<str>>> = Vec::new();
    for node in reader.items(entry) {
        let Some(name) = reader.text_of(node, &entry.key, entry.key_span) else { continue };
        if routes.iter().any(|known| *known.value == *name.value) {
            reader.bad(name.span, format!("`{}` stands here twice", entry.key));
            continue;
        }
        routes.push(Placed { value: name.value.into(), span: name.span });
    }
    routes
}
