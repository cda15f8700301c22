//! `secrets:`: what mappings may name and never hold. A secret is its text, or what that text is the hexadecimal or base64 of.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use base64::Engine;
use portolan_diagnostics::{Code, Diagnostic};
use portolan_mapping::{
    secret::Key,
    yaml::{Entry, NodeKind},
};

use super::{
    grammar,
    keys::{Group, Reader, Text},
    secret,
    system::readable,
};

/// How the octets of a secret are written.
#[derive(Clone, Copy)]
enum Encoding {
    Text,
    Hex,
    Base64,
}

/// The secrets by name.
pub(super) fn secrets(entry: &Entry, reader: &mut Reader<'_>) -> BTreeMap<Arc<str>, Key> {
    let named = reader.entries(&entry.value, "`secrets`").unwrap_or_default();
    named.iter().filter_map(|e| Some((e.key.as_str().into(), secret(e, reader)?))).collect()
}

/// A secret in a file, as text; or what is wrong with it.
pub(crate) fn secret_file(path: &Path) -> Result<Key, String> {
    let text = secret::from_file(path, &path.display().to_string()).map_err(secret::Problem::message)?;
    Key::new(text.as_bytes()).ok_or_else(|| "the secret is empty".to_owned())
}

fn secret(entry: &Entry, reader: &mut Reader<'_>) -> Option<Key> {
    let (text, encoding) = match &entry.value.kind {
        NodeKind::Mapping(_) => encoded(entry, reader)?,
        _ => (reader.text(entry)?, Encoding::Text),
    };
    if !text.resolved {
        reader.findings.push(readable("a secret", text.span));
    }
    let octets = match encoding {
        Encoding::Text => Some(text.value.into_bytes()),
        Encoding::Hex => from_hex(text.value.trim()),
        Encoding::Base64 => from_base64(text.value.trim()),
    };
    let key = octets.and_then(|octets| Key::new(&octets));
    if key.is_none() {
        let problem = match encoding {
            Encoding::Text => "the secret is empty",
            Encoding::Hex => "the secret is not pairs of hexadecimal digits",
            Encoding::Base64 => "the secret is not base64 (RFC 4648, section 4) with its padding",
        };
        let finding = Diagnostic::error(Code::CONFIG_SECRET, problem);
        reader.findings.push(finding.at(text.span, "").help("write the secret anew where it is kept"));
    }
    key
}

/// `{ hex: ... }` or `{ base64: ... }`
fn encoded(entry: &Entry, reader: &mut Reader<'_>) -> Option<(Text, Encoding)> {
    let what = format!("the secret `{}`", entry.key);
    let mut keys = Group::called(&what, &entry.value, &grammar::SECRET, reader)?;
    let (hex, base64) = (keys.take("hex"), keys.take("base64"));
    keys.finish(reader);
    match (hex, base64) {
        (Some(hex), None) => Some((reader.text(hex)?, Encoding::Hex)),
        (None, Some(base64)) => Some((reader.text(base64)?, Encoding::Base64)),
        _ => {
            let message = format!("{what} is written as `hex` or as `base64`, one of them");
            let finding = Diagnostic::error(Code::CONFIG_SECRET, message).at(entry.key_span, "");
            reader.findings.push(finding.help("text needs neither: name: ${file:/run/secrets/name}"));
            None
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
