//! `portolan translate`: one message through a mapping.

use crate::{repository, snapshot::check};

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
    let refused = "mappings/population-register/samples/malformed/request.json";
    translate("translate-refused", &["registry.get-person", "--request", refused]);
    let fault = "mappings/population-register/samples/denied/response.xml";
    translate("translate-fault", &["registry.get-person", "--response", fault]);
    translate("translate-unknown-route", &["registry.get-persons", "--request", request]);
}
