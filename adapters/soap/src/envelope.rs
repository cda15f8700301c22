//! A look at the beginning and the end of a reply, to tell an envelope from everything else that legacy systems and
//! what stands before them answer. Not a parser: the document itself is read, and judged, by the reply plan.

use bytes::Bytes;
use portolan_schema::SoapVersion;

/// The answer to a one-way operation, of which HTTP only says that it arrived.
pub(crate) fn empty(version: SoapVersion) -> Bytes {
    let namespace = version.namespace();
    format!("<soap:Envelope xmlns:soap=\"{namespace}\"><soap:Body/></soap:Envelope>").into()
}

/// What a text seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peek {
    /// A SOAP envelope; its root element begins at this byte.
    Envelope(usize),
    /// A SOAP envelope that breaks off.
    Cut,
    /// An HTML page.
    Html,
    /// A document with a DOCTYPE.
    Doctype,
    /// Another document, or no XML at all.
    Other,
    /// Nothing but white space.
    Empty,
}

/// Looks at a text in UTF-8 without byte order mark.
pub(crate) fn peek(text: &[u8]) -> Peek {
    let whole = text;
    let mut text = text.trim_ascii_start();
    if text.is_empty() {
        return Peek::Empty;
    }
    loop {
        let skipped = if text.starts_with(b"<?") {
            after(text, b"?>")
        } else if text.starts_with(b"<!--") {
            after(text, b"-->")
        } else {
            break;
        };
        match skipped {
            Some(rest) => text = rest.trim_ascii_start(),
            None => return Peek::Other,
        }
    }
    if let Some(declaration) = text.strip_prefix(b"<!") {
        let html = declaration.get(..12).is_some_and(|d| d.eq_ignore_ascii_case(b"DOCTYPE html"));
        return if html { Peek::Html } else { Peek::Doctype };
    }
    let Some(name) = text.strip_prefix(b"<").map(name_at_start) else { return Peek::Other };
    let (prefix, local) = split_name(name);
    if local.eq_ignore_ascii_case(b"html") {
        return Peek::Html;
    }
    if local != b"Envelope" {
        return Peek::Other;
    }
    match start_tag(&text[1 + name.len()..], prefix) {
        StartTag::Cut => Peek::Cut,
        StartTag::Foreign => Peek::Other,
        StartTag::Soap if !ends_an_envelope(text) => Peek::Cut,
        StartTag::Soap => Peek::Envelope(whole.len() - text.len()),
    }
}

fn after<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    text.windows(end.len()).position(|w| w == end).map(|at| &text[at + end.len()..])
}

fn name_at_start(text: &[u8]) -> &[u8] {
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'>' | b'/' | b'=' | b'<');
    &text[..text.iter().position(ends).unwrap_or(text.len())]
}

fn split_name(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().position(|b| *b == b':') {
        Some(colon) => (&name[..colon], &name[colon + 1..]),
        None => (b"", name),
    }
}

enum StartTag {
    /// The root is in one of the two namespaces of SOAP.
    Soap,
    /// It is in another.
    Foreign,
    /// The tag does not end.
    Cut,
}

/// Reads the attributes after the root's name until the namespace of `prefix` is known.
fn start_tag(mut text: &[u8], prefix: &[u8]) -> StartTag {
    loop {
        text = text.trim_ascii_start();
        match text.first() {
            None => return StartTag::Cut,
            Some(b'>' | b'/') => return StartTag::Foreign,
            Some(_) => {}
        }
        let name = name_at_start(text);
        let Some(value) = text[name.len()..].trim_ascii_start().strip_prefix(b"=") else {
            return if name.len() == text.len() { StartTag::Cut } else { StartTag::Foreign };
        };
        let value = value.trim_ascii_start();
        let Some((quote @ (b'"' | b'\''), value)) = value.split_first() else {
            return if value.is_empty() { StartTag::Cut } else { StartTag::Foreign };
        };
        let Some(end) = value.iter().position(|b| b == quote) else { return StartTag::Cut };
        let declares = match split_name(name) {
            (b"", b"xmlns") => prefix.is_empty(),
            (b"xmlns", declared) => declared == prefix,
            _ => false,
        };
        if declares {
            let soap = [SoapVersion::V11, SoapVersion::V12].iter();
            let known = soap.map(|v| v.namespace().as_bytes()).any(|n| n == &value[..end]);
            return if known { StartTag::Soap } else { StartTag::Foreign };
        }
        text = &value[end + 1..];
    }
}

/// Whether the text could end here: the end tag of an envelope, or a comment or instruction after it. Replies without
/// a length are cut without a trace in HTTP.
fn ends_an_envelope(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    if [&b"-->"[..], b"?>", b"/>"].iter().any(|end| text.ends_with(end)) {
        return true;
    }
    let Some(text) = text.strip_suffix(b">") else { return false };
    let text = text.trim_ascii_end();
    let Some(open) = text.iter().rposition(|b| *b == b'<') else { return false };
    text[open + 1..].strip_prefix(b"/").is_some_and(|name| split_name(name).1 == b"Envelope")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_envelopes_from_the_rest() {
        const NS: &str = "http://schemas.xmlsoap.org/soap/envelope/";
        const NS12: &str = "http://www.w3.org/2003/05/soap-envelope";
        for (text, expected) in [
            (format!("<s:Envelope xmlns:s=\"{NS}\"><s:Body/></s:Envelope>"), Peek::Envelope(0)),
            (format!("<Envelope a='>' xmlns = '{NS12}'>x</Envelope >\r\n"), Peek::Envelope(0)),
            (
                format!(
                    " <?xml version='1.0'?><!-- > --> <s:Envelope xmlns:s='{NS}'></s:Envelope><!-- x -->"
                ),
                Peek::Envelope(33),
            ),
            (format!("<s:Envelope xmlns:s='{NS}'/>"), Peek::Envelope(0)),
            (format!("<s:Envelope xmlns:s='{NS}'><s:Body>"), Peek::Cut),
            (format!("<s:Envelope xmlns:s='{NS}'><s:Body></s:Body></s:Envel"), Peek::Cut),
            (format!("<s:Envelope xmlns:t='u' xmlns:s='{}", &NS[..10]), Peek::Cut),
            (format!("<s:Envelope xmlns='{NS}'></s:Envelope>"), Peek::Other),
            ("<s:Envelope xmlns:s='urn:other'></s:Envelope>".into(), Peek::Other),
            (format!("<s:envelope xmlns:s='{NS}'></s:envelope>"), Peek::Other),
            ("<!DOCTYPE html>\n<p>".into(), Peek::Html),
            ("<HTML><body>".into(), Peek::Html),
            (format!("<!DOCTYPE x [<!ENTITY a 'b'>]><s:Envelope xmlns:s='{NS}'/>"), Peek::Doctype),
            ("{\"error\": 1}".into(), Peek::Other),
            ("<!-- never".into(), Peek::Other),
            ("<".into(), Peek::Other),
            ("<Envelope".into(), Peek::Cut),
            ("<Envelope a".into(), Peek::Cut),
            ("<Envelope a=".into(), Peek::Cut),
            (" \r\n".into(), Peek::Empty),
        ] {
            assert_eq!(peek(text.as_bytes()), expected, "{text}");
        }
    }
}
