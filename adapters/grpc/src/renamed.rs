//! A file descriptor under another name, with imports under theirs, and everything else left as it came: options that
//! only the caller knows are not lost.

use std::collections::HashMap;

use bytes::{Buf as _, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

/// `name` and `dependency` of google.protobuf.FileDescriptorProto.
const NAMES: [u32; 2] = [1, 3];

/// The file with every name of `names` replaced by its other; `None` where it cannot be read.
pub(crate) fn renamed(file: &Bytes, names: &HashMap<String, String>) -> Option<Bytes> {
    let mut rest = file.clone();
    let mut out = Vec::with_capacity(file.len() + 16);
    while rest.has_remaining() {
        let before = rest.clone();
        let (tag, wire_type) = decode_key(&mut rest).ok()?;
        if wire_type == WireType::LengthDelimited && NAMES.contains(&tag) {
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            if length > rest.remaining() {
                return None;
            }
            let name = rest.split_to(length);
            let other = std::str::from_utf8(&name).ok().and_then(|name| names.get(name));
            let name = other.map_or(&name[..], String::as_bytes);
            encode_key(tag, wire_type, &mut out);
            encode_varint(name.len() as u64, &mut out);
            out.extend_from_slice(name);
        } else {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default()).ok()?;
            out.extend_from_slice(&before[..before.len() - rest.len()]);
        }
    }
    Some(out.into())
}
