//! What was checked runs: the example from the file to the bytes, both ways.

use super::{MAPPING, WSDL, loaded_with};

/// A request as a portal sends it: `national_id`, `as_of`, `purpose`, `request_id`.
fn request(national_id: &str) -> Vec<u8> {
    let mut message = vec![0x0a, national_id.len() as u8];
    message.extend_from_slice(national_id.as_bytes());
    message.extend_from_slice(&[0x12, 7, 0x08, 0xe8, 0x0f, 0x10, 1, 0x18, 31]);
    message.extend_from_slice(&[0x18, 1, 0x22, 2, b'r', b'1']);
    message
}

/// Runs the example there and back: what goes over the wire, and what comes of a reply.
fn translate(request: &[u8], reply: &str) -> (String, String) {
    translate_by(MAPPING, WSDL, request, reply)
}

/// The same by another mapping of other contracts.
fn translate_by(mapping: &str, wsdl: &str, request: &[u8], reply: &str) -> (String, String) {
    use crate::run::{Context, Environment, Scratch};
    let (routes, found) = loaded_with(mapping, wsdl);
    let compiled = routes.first().unwrap_or_else(|| panic!("{found:#?}")).compile();
    let context = Context {
        message_id: "m1",
        route: "registry.get-person",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let environment = Environment { context, metadata: &[], original: Some(request) };
    let (mut scratch, mut there, mut back) = (Scratch::default(), Vec::new(), Vec::new());
    let sent = match compiled.request.run_with_keys(request, &environment, &mut scratch, &mut there) {
        Ok(keys) => format!("{keys:?} {}", String::from_utf8(there).unwrap()),
        Err(error) => return (format!("{error:?}"), String::new()),
    };
    let outcome = compiled.reply.run(reply.as_bytes(), &environment, &mut scratch, &mut back);
    (sent, format!("{outcome:?} {}", String::from_utf8_lossy(&back).escape_debug()))
}

const ENVELOPE: &str =
    r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:register"><s:Body>"#;

#[test]
fn a_loaded_route_runs() {
    let person = format!(
        "{ENVELOPE}<PersonQueryResponse><response><person><GivenName> Mari </GivenName><Surname>Maasikas</Surname>\
         <BirthDate>1980-01-08</BirthDate><Status>A</Status></person></response></PersonQueryResponse></s:Body></s:Envelope>"
    );
    let (sent, got) = translate(&request("38001085718"), &person);
    assert!(sent.starts_with("[Some(\"r1\")] "), "{sent}");
    for part in ["PersonQuery</", ">v1<", ">38001085718<", ">2024-01-31<", ">01<"] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
    assert!(got.starts_with("Ok(Written) ") && got.contains("Mari Maasikas"), "{got}");

    let (refused, _) = translate(&request("123"), &person);
    assert!(refused.contains("eleven digits"), "{refused}");

    let error = format!(
        "{ENVELOPE}<PersonQueryResponse><response><error>no such person</error></response></PersonQueryResponse></s:Body></s:Envelope>"
    );
    let (_, failed) = translate(&request("38001085718"), &error);
    assert!(
        failed.contains("Failed") && failed.contains("status: 5") && failed.contains("no such person"),
        "{failed}"
    );

    let fault = format!(
        "{ENVELOPE}<s:Fault xmlns=\"\"><faultcode>s:Server</faultcode><faultstring>x</faultstring><detail><fault xmlns=\"urn:register\"><code>NOT_FOUND</code></fault></detail></s:Fault></s:Body></s:Envelope>"
    );
    let (_, fault) = translate(&request("38001085718"), &fault);
    assert!(fault.contains("Fault") && fault.contains("status: 5"), "{fault}");

    let (_, empty_fault) = translate(
        &request("38001085718"),
        &format!(
            "{ENVELOPE}<s:Fault xmlns=\"\"><faultcode>s:Server</faultcode><faultstring>TIMEOUT</faultstring></s:Fault></s:Body></s:Envelope>"
        ),
    );
    assert!(empty_fault.contains("status: 14") && empty_fault.contains("retry: true"), "{empty_fault}");
}

#[test]
fn lists_of_one_and_the_attributes_of_xml_travel() {
    let mapping = MAPPING
        .replace("city: \"nullif(City, '---')\"", "city: lang")
        .replace("notes: Note", "notes: [ Surname ]\n    years: [ Address.Age ]")
        .replace(
            "[ body.request ]",
            "[ body.request, body.response.person.Note, body.response.person.Address.City ]",
        );
    let wsdl = WSDL.replace(
        "<xs:element name=\"Line1\" type=\"xs:string\"/>",
        "<xs:element name=\"Line1\" type=\"xs:string\"/><xs:element name=\"Age\" type=\"xs:int\"/>",
    );
    let attribute = "<xs:attribute ref=\"xml:lang\"/></xs:complexType>\n          </xs:element>\n          <xs:element name=\"Children\"";
    let wsdl = wsdl.replace(
        "</xs:complexType>\n          </xs:element>\n          <xs:element name=\"Children\"",
        attribute,
    );
    let person = format!(
        "{ENVELOPE}<PersonQueryResponse><response><person><GivenName>Mari</GivenName><Surname>Maasikas</Surname>\
         <BirthDate>1980-01-08</BirthDate><Address xml:lang=\"et\"><Line1>Pikk 1</Line1><Age>300</Age><City>x</City></Address>\
         <Status>A</Status></person></response></PersonQueryResponse></s:Body></s:Envelope>"
    );
    let (_, got) = translate_by(&mapping, &wsdl, &request("38001085718"), &person);
    assert!(got.starts_with("Ok(Written) ") && got.contains("\\u{2}et"), "{got}");
    // Field 9 and its text, then field 12: packed, two bytes, 300.
    assert!(got.contains("J\\u{8}Maasikasb\\u{2}"), "{got}");
}
