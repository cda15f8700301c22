//! `portolan describe`: what a mapping can name.

use crate::{repository, snapshot::check};

#[test]
fn a_contract_is_described() {
    let describe = |name: &str, words: &[&str]| {
        let words = [&["describe"], words].concat();
        check(name, repository(), &words);
    };
    describe("describe-proto", &["mappings/population-register/registry.proto", "--operation", "GetPerson"]);
    describe("describe-wsdl", &["mappings/population-register/register.wsdl", "--operation", "PersonQuery"]);
    describe(
        "describe-unknown",
        &["mappings/population-register/register.wsdl", "--operation", "PersonQuerry"],
    );
    describe("describe-missing", &["mappings/nothing.wsdl"]);
}
