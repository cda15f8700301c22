//! Where records stand in a file that is made, and how they come into it.

use std::io;

use portolan_formats::records::RecordWriter;
use portolan_schema::layout::{Layout, NodeId};

/// What stands beside a node of a chain that leads from the top of a layout to a record, before it or behind: everything is before the end of an
/// empty one.
pub(crate) fn beside(layout: &Layout, chain: &[NodeId], level: usize, before: bool) -> Vec<NodeId> {
    let siblings = match level.checked_sub(1).and_then(|parent| chain.get(parent)) {
        None => &layout.top,
        Some(parent) => &layout.node(*parent).children,
    };
    let at =
        chain.get(level).map_or(Some(siblings.len()), |next| siblings.iter().position(|node| node == next));
    let (first, rest) = siblings.split_at_checked(at.unwrap_or(0)).unwrap_or_default();
    if before { first.to_vec() } else { rest.get(1..).unwrap_or_default().to_vec() }
}

/// Appends records as plans make them: each behind its node and its length.
pub(crate) fn append(writer: &mut RecordWriter<'_>, mut records: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    while let Some((head, rest)) = records.split_first_chunk::<6>() {
        let [a, b, length @ ..] = *head;
        let (node, length) = (NodeId(u16::from_be_bytes([a, b]).into()), u32::from_be_bytes(length) as usize);
        let (record, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let made = writer.made(node, record, out);
        made.map_err(|error| io::Error::other(format!("the file cannot be written: {error}")))?;
        records = rest;
    }
    Ok(())
}
