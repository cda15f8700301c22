//! Documents as people write and read them: JSON for protobuf, indented XML. Only the command line does this; the
//! gateway goes from wire bytes to wire bytes.

use std::path::Path;

use portolan_mapping::load::LoadedRoute;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions, prost::Message};
use quick_xml::{
    Reader, Writer,
    events::{BytesText, Event},
};

use crate::report::Failure;

/// A request's bytes: those of the file, or of the message that a .json file holds.
pub(super) fn request(loaded: &LoadedRoute, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    encoded(loaded, &loaded.route.documents.request, path, bytes)
}

/// A caller's reply in bytes: those of the file, or of the message that a .json file holds.
pub(super) fn callers_reply(loaded: &LoadedRoute, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    encoded(loaded, &loaded.route.documents.reply, path, bytes)
}

fn encoded(
    loaded: &LoadedRoute,
    document: &portolan_schema::Document,
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<u8>, Failure> {
    if !is_json(path) {
        return Ok(bytes.to_vec());
    }
    let descriptor = message(loaded, document)?;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read =
        DynamicMessage::deserialize(descriptor, &mut json).and_then(|message| json.end().map(|()| message));
    let read = read.map_err(|problem| Failure::usage(format_args!("{}: {problem}", path.display())))?;
    Ok(read.encode_to_vec())
}

/// Whether a file is JSON by its name.
pub(super) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// A reply as JSON.
pub(super) fn reply(loaded: &LoadedRoute, bytes: &[u8]) -> Result<String, Failure> {
    let descriptor = message(loaded, &loaded.route.documents.reply)?;
    let message = DynamicMessage::decode(descriptor, bytes).map_err(Failure::failed)?;
    // Names as the contract writes them, as mappings do too.
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut json = serde_json::Serializer::pretty(Vec::new());
    message.serialize_with_options(&mut json, &options).map_err(Failure::failed)?;
    String::from_utf8(json.into_inner()).map_err(Failure::failed)
}

/// A message as JSON in one line.
pub(super) fn compact(
    contract: &portolan_schema::Contract,
    document: &portolan_schema::Document,
    bytes: &[u8],
) -> Result<String, Failure> {
    let descriptor = descriptor(contract, document)?;
    let message = DynamicMessage::decode(descriptor, bytes).map_err(Failure::failed)?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut json = serde_json::Serializer::new(Vec::new());
    message.serialize_with_options(&mut json, &options).map_err(Failure::failed)?;
    String::from_utf8(json.into_inner()).map_err(Failure::failed)
}

/// The type of a document of the caller's contract.
fn message(loaded: &LoadedRoute, document: &portolan_schema::Document) -> Result<MessageDescriptor, Failure> {
    descriptor(&loaded.source, document)
}

fn descriptor(
    contract: &portolan_schema::Contract,
    document: &portolan_schema::Document,
) -> Result<MessageDescriptor, Failure> {
    let name = &contract.schema.record(document.record).name.local;
    let set = contract.descriptor_set.as_deref().unwrap_or_default();
    let pool = DescriptorPool::decode(set).map_err(Failure::failed)?;
    pool.get_message_by_name(name)
        .ok_or_else(|| Failure::failed(format_args!("the contract has no message `{name}`")))
}

/// XML with a line for each element; beside text, which would change, nothing is laid out.
pub(super) fn pretty(xml: &[u8]) -> Result<String, Failure> {
    let mut reader = Reader::from_reader(xml);
    let mut writer = Writer::new(Vec::new());
    let (mut depth, mut last) = (0usize, Last::Text);
    loop {
        let event = reader.read_event().map_err(Failure::failed)?;
        let next = match event {
            Event::Eof => break,
            Event::Start(_) => Last::Start,
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => Last::Text,
            _ => Last::Element,
        };
        let is_end = matches!(event, Event::End(_));
        depth = depth.saturating_sub(usize::from(is_end));
        let breaks = match last {
            Last::Text => false,
            Last::Start => !is_end,
            Last::Element => true,
        };
        if breaks && next != Last::Text {
            let line = format!("\n{:1$}", "", 2 * depth);
            writer.write_event(Event::Text(BytesText::from_escaped(line))).map_err(Failure::failed)?;
        }
        depth += usize::from(next == Last::Start);
        last = next;
        writer.write_event(event).map_err(Failure::failed)?;
    }
    String::from_utf8(writer.into_inner()).map_err(Failure::failed)
}

/// What was written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Element,
    Text,
}
