//! `portolan translate`: one message through a mapping.

use crate::{
    repository,
    snapshot::{check, portolan},
};

#[test]
fn a_message_is_translated() {
    let translate = |name: &str, words: &[&str]| {
        let words = [&["translate"], words, &["--mappings", "mappings/population-register"]].concat();
        check(name, repository(), &words);
    };
    let sample = "mappings/population-register/samples/found";
    let (request, response) = (&*format!("{sample}/request.json"), &*format!("{sample}/response.xml"));
    translate("translate-request", &["registry.get-person", "--request", request]);
    translate("translate-request-raw", &["registry.get-person", "--request", request, "--raw"]);
    translate("translate-response", &["registry.get-person", "--response", response, "--original", request]);
    let ticket = "mappings/tax-certificate/samples/issued/ticket.xml";
    let alone =
        ["translate", "tax.order-certificate", "--ticket", ticket, "--mappings", "mappings/tax-certificate"];
    check("translate-ticket-alone", repository(), &alone);
    let refused = "mappings/population-register/samples/malformed/request.json";
    translate("translate-refused", &["registry.get-person", "--request", refused]);
    let fault = "mappings/population-register/samples/denied/response.xml";
    translate("translate-fault", &["registry.get-person", "--response", fault]);
    // What the contract does not know is named, and how to allow it is for the operator.
    let kept = tempfile::tempdir().unwrap();
    let stranger = kept.path().join("response.xml");
    let reply = std::fs::read_to_string(repository().join(response)).unwrap();
    let surname = reply.rfind("Surname>").map(|at| at + "Surname>".len()).unwrap();
    std::fs::write(&stranger, format!("{}<Nickname>x</Nickname>{}", &reply[..surname], &reply[surname..]))
        .unwrap();
    let output = portolan(
        repository(),
        &["translate", "registry.get-person", "--mappings", "mappings/population-register", "--response"],
    )
    .arg(&stranger)
    .output()
    .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    for part in
        ["Nickname`: this element is not in the contract", "`unknown-fields: ignore` under `response:`"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    translate("translate-unknown-route", &["registry.get-persons", "--request", request]);
}

#[test]
fn a_secret_is_given_without_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let example = repository().join("mappings/population-register");
    for name in ["get-person.yaml", "registry.proto", "register.wsdl", "samples/found/request.json"] {
        let text = std::fs::read_to_string(example.join(name)).unwrap();
        // The register takes nothing but eleven digits.
        let rule = "PersonCode: \"hex(national_id.hmac_sha256('pseudonyms')).replace_matches('[a-f]', '0').truncate(11)\"";
        let text = text.replace("PersonCode: national_id", rule);
        std::fs::write(folder.path().join(name.rsplit('/').next().unwrap()), text).unwrap();
    }
    std::fs::write(folder.path().join("secret"), "correct horse battery staple\n").unwrap();
    let translate = |name: &str, words: &[&str]| {
        let all = [&["translate", "registry.get-person", "--mappings", "get-person.yaml"], words].concat();
        check(name, folder.path(), &all);
    };
    let message = ["--request", "request.json", "--message-id", "00000000-0000-7000-8000-000000000001"];
    let with = |words: &[&'static str]| [&message[..], words].concat();
    translate("translate-secret", &with(&["--secret", "pseudonyms=secret"]));
    translate("translate-secret-missing", &with(&[]));
    translate("translate-secret-unknown", &with(&["--secret", "pseudonym=secret"]));
    translate("translate-secret-unreadable", &with(&["--secret", "pseudonyms=none"]));
}
