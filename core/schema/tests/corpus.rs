//! Every WSDL of the corpus: read without a panic, and described, but for those of which it is said why not.

mod files;

use files::wsdls;
use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_schema::{Directory, Reading, describe, describe_json, wsdl};

#[test]
fn reads_the_wsdls_of_the_corpus() {
    let (root, files) = wsdls();
    if files.is_empty() {
        println!("corpus not found, 211 cases not run");
        return;
    }
    // What a mapping would name under `schemas:`, because these WSDLs import it by URL.
    let xroad = root.join("x-road/wsdl/addons/wsdlvalidator/src/test/resources/xsd/xroad.xsd");
    let stand_in = ("http://x-road.eu/xsd/xroad.xsd".to_owned(), xroad.display().to_string());
    let resolver = Directory::new("").with_stand_ins([stand_in]);
    let (mut described, mut operations, mut errors) = (0, 0, Vec::new());
    for file in &files {
        let mut sources = Sources::default();
        let entry = file.display().to_string();
        let checked = wsdl::read(&entry, &mut Reading { resolver: &resolver, sources: &mut sources });
        if let Some(contract) = &checked.value {
            assert!(!describe(contract).is_empty());
            assert!(describe_json(contract).is_object());
        }
        let Some(first) = checked.diagnostics.iter().find(|d| d.severity == Severity::Error) else {
            described += 1;
            operations +=
                checked.value.iter().flat_map(|c| &c.services).map(|s| s.operations.len()).sum::<usize>();
            continue;
        };
        let shown = Rendered::new(first, &sources);
        let line = shown.position.map_or(0, |p| p.line);
        let short = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        let message = shown.message.replace(&format!("{}/", root.display()), "");
        errors.push((short, line, message));
    }
    println!("{described} of {} described, {operations} operations", files.len());
    let errors: Vec<_> =
        errors.iter().map(|(file, line, why)| (file.as_str(), *line, why.as_str())).collect();
    assert_eq!(errors, NOT_DESCRIBED, "{errors:#?}");
    assert!(described >= 190, "{described} of {}", files.len());
}

/// Those that are not described: the file, the line, the reason.
const NOT_DESCRIBED: &[(&str, usize, &str)] = &[
    (
        "cxf/testutils/src/main/resources/wsdl/catalog/hello_world_services.wsdl",
        21,
        "`cxf/testutils/src/main/resources/wsdl/catalog/doesnotexist/hello_world_bindings.wsdl` is not there",
    ),
    (
        "cxf/testutils/src/main/resources/wsdl/hello_world_xml_bare.wsdl",
        20,
        "no port or binding speaks SOAP 1.1 or 1.2 over HTTP",
    ),
    (
        "cxf/testutils/src/main/resources/wsdl/hello_world_xml_mixed.wsdl",
        20,
        "no port or binding speaks SOAP 1.1 or 1.2 over HTTP",
    ),
    (
        "cxf/testutils/src/main/resources/wsdl/hello_world_xml_wrapped.wsdl",
        20,
        "no port or binding speaks SOAP 1.1 or 1.2 over HTTP",
    ),
    (
        "cxf/testutils/src/main/resources/wsdl/soapheader2.wsdl",
        20,
        "no port or binding speaks SOAP 1.1 or 1.2 over HTTP",
    ),
    (
        "node-soap/request-response-samples/attachments__should_send_binary_data/soap.wsdl",
        2,
        "`{http://www.example.com/v1}definitions` is not the root of a WSDL",
    ),
    (
        "node-soap/request-response-samples/getAvailability__should_not_fail_without_children/imported.wsdl",
        13,
        "the operation `doIt` is left out: the port type does not declare it",
    ),
    (
        "node-soap/wsdl/attachments.wsdl",
        2,
        "`{http://www.example.com/v1}definitions` is not the root of a WSDL",
    ),
    (
        "node-soap/wsdl/cross_schema.wsdl",
        27,
        "the operation `Operation` is left out: it has no input, and Portolan only asks",
    ),
    ("node-soap/wsdl/fixedPath/netsuite.wsdl", 2, "no port or binding speaks SOAP 1.1 or 1.2 over HTTP"),
    ("node-soap/wsdl/recursive/file.wsdl", 2, "the XML is not well-formed: the element is not closed"),
    (
        "node-soap/wsdl/schemas_without_targetnamespace.wsdl",
        14,
        "the element `n:DummyRequest` is not declared",
    ),
    (
        "x-road/wsdl/security-server/admin-service/application/src/test/resources/wsdl/invalid-servicecode-all.wsdl",
        13,
        "`xroadGetRandom:aa` is not a name that an element or attribute can have",
    ),
    (
        "x-road/wsdl/security-server/admin-service/application/src/test/resources/wsdl/invalid-servicecode-colon.wsdl",
        13,
        "`xroadGetRandom:aa` is not a name that an element or attribute can have",
    ),
    (
        "x-road/wsdl/security-server/admin-service/application/src/test/resources/wsdl/invalid.wsdl",
        1,
        "the XML is not well-formed: there is text outside the root element",
    ),
    (
        "x-road/wsdl/security-server/admin-service/application/src/test/resources/wsdl/xxe.wsdl",
        2,
        "a document type (DOCTYPE) is refused",
    ),
    ("zeep/integration/test_http_post.wsdl", 2, "no port or binding speaks SOAP 1.1 or 1.2 over HTTP"),
    ("zeep/wsdl_files/http.wsdl", 2, "no port or binding speaks SOAP 1.1 or 1.2 over HTTP"),
];
