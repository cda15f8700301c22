//! What a configuration shows of itself in findings: all of it but its secrets, each letter of which is a star, so that
//! every place stays where it is.

use portolan_mapping::yaml::{Node, NodeKind};

/// The text with literal secrets masked. A text that is not well-formed has no tree that tells which they are: then
/// every line that speaks of a password, or of a header, is masked after its first colon.
pub(super) fn mask(text: &str, documents: &[Node], broken: bool) -> String {
    let mut hidden = Vec::new();
    for document in documents {
        walk(document, false, &mut hidden);
    }
    if broken {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let lower = line.to_ascii_lowercase();
            let telling = ["password", "header", "authorization", "secret", "token", "key", "@"];
            if telling.iter().any(|word| lower.contains(word))
                && let Some(colon) = line.find(':')
            {
                hidden.push(start + colon + 1..start + line.len());
            }
            start += line.len();
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in hidden {
        let end = range.end.min(bytes.len());
        for byte in &mut bytes[range.start.min(end)..end] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    // Whole scalars are masked, so no character is cut in two.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Collects the places of values that must not be shown.
fn walk(node: &Node, secret: bool, hidden: &mut Vec<std::ops::Range<usize>>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            // A reference shows only where the secret is, and findings about it need to be read.
            let reference = scalar.text.starts_with("${")
                && scalar.text.ends_with('}')
                && scalar.text.matches('}').count() == 1;
            let credentials = scalar.text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
            if (secret && !reference) || credentials {
                hidden.push(node.span.start as usize..node.span.end as usize);
            }
        }
        NodeKind::Sequence(items) => items.iter().for_each(|item| walk(item, secret, hidden)),
        NodeKind::Mapping(entries) => {
            for entry in entries {
                walk(&entry.value, secret || tells_a_secret(&entry.key), hidden);
            }
        }
        NodeKind::Broken => {}
    }
}

/// Whether a key's value is a secret; also where the key is misspelt, since it is then that it would be shown.
fn tells_a_secret(key: &str) -> bool {
    const SECRET: [&str; 2] = ["password", "headers"];
    // `header` is another key, of rules that are no more secret than a mapping.
    key != "header" && portolan_diagnostics::nearest(key, SECRET).is_some()
}
