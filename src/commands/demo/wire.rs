//! SOAP messages for people: indented, and as short as the reader needs.

use quick_xml::{Reader, Writer, events::Event};

/// The content of `soap:Body`, indented; the whole text where it is no envelope.
pub(super) fn body(envelope: &str) -> String {
    inner(envelope).unwrap_or_else(|| envelope.to_owned())
}

fn inner(envelope: &str) -> Option<String> {
    let mut reader = Reader::from_str(envelope);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let (mut depth, mut body) = (0usize, None);
    loop {
        match reader.read_event().ok()? {
            Event::Eof => break,
            Event::Start(start) => {
                depth += 1;
                if depth == 2 && start.local_name().as_ref() == "Body" {
                    body = Some(depth);
                } else if body.is_some() {
                    writer.write_event(Event::Start(start)).ok()?;
                }
            }
            Event::End(end) => {
                if body == Some(depth) {
                    break;
                }
                depth -= 1;
                if body.is_some() {
                    writer.write_event(Event::End(end)).ok()?;
                }
            }
            // White space between elements is the writer's matter; within a text it is the text's.
            Event::Text(text) if text.as_ref().trim().is_empty() => {}
            event if body.is_some() => writer.write_event(event).ok()?,
            _ => {}
        }
    }
    body?;
    String::from_utf8(writer.into_inner()).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_what_is_in_the_body() {
        let envelope = "<?xml version='1.0'?><s:Envelope xmlns:s='u'><s:Header><h/></s:Header>\
            <s:Body><a> <b>x &amp; y</b></a></s:Body></s:Envelope>";
        assert_eq!(super::body(envelope), "<a>\n  <b>x &amp; y</b>\n</a>");
        assert_eq!(super::body("no envelope"), "no envelope");
    }
}
