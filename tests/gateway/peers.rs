//! Real peers: portals on grpcio (by reflection) and grpc-js, legacy systems on spyne and node-soap.

use serde_json::{Value, json};

use crate::harness::{House, Peer, corpus, node_portal, python_portal, repository, web_portal};

const REGISTRY: &str = "civic.registry.v1.PopulationRegister/GetPerson";

/// The detail of a failure by the name of its type.
fn detail<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    let wanted = format!("type.googleapis.com/google.rpc.{name}");
    answer["details"].as_array().unwrap().iter().find(|d| d["@type"] == wanted.as_str())
}

#[test]
fn a_python_portal_that_learns_the_contract_by_reflection_asks_a_node_register() {
    let wsdl = repository().join("mappings/population-register/register.wsdl");
    let register = Peer::node_soap("register", &wsdl);
    let mut house = House::new(&["mappings/population-register"]);
    house.system("population-register", &format!("endpoint: 'http://{}/soap'", register.address));
    let gateway = house.serve();

    let services = python_portal(gateway.grpc, &["--list"]);
    let services = services[0].as_array().unwrap();
    assert!(services.contains(&json!("civic.registry.v1.PopulationRegister")), "{services:?}");

    let ask = |code: &str, purpose: &str| {
        let request = json!({ "national_id": code, "purpose": purpose, "as_of": { "year": 2026, "month": 1, "day": 31 } });
        python_portal(gateway.grpc, &[REGISTRY, &request.to_string()]).remove(0)
    };
    let found = ask("38502281234", "PURPOSE_BENEFIT");
    let expected = json!({
        "national_id": "38502281234",
        "full_name": "Mari Kask & Tamm",
        "born": { "year": 1985, "month": 2, "day": 28 },
        "status": "ACTIVE",
        "residence": { "street": "Pikk 1", "postal_code": "10123", "country": "EE" },
        "children": [
            { "national_id": "61001010001", "full_name": "Jüri <Kask>" },
            { "national_id": "61001010002", "full_name": "Anu" },
        ],
    });
    assert_eq!(found["reply"], expected, "{found}");

    let request = json!({ "national_id": "38502281234" }).to_string();
    let compressed = python_portal(gateway.grpc, &[REGISTRY, &request, "--gzip"]).remove(0);
    assert_eq!(compressed["reply"], expected, "{compressed}");
    let health = python_portal(gateway.grpc, &["grpc.health.v1.Health/Check"]).remove(0);
    assert_eq!(health["reply"]["status"], "SERVING", "{health}");

    let unknown = ask("00000000000", "PURPOSE_TAX");
    assert_eq!(unknown["code"], "NOT_FOUND", "{unknown}");
    assert_eq!(unknown["message"], "no such person");
    assert_eq!(detail(&unknown, "ErrorInfo").unwrap()["domain"], "portolan.dev", "{unknown}");

    let refused = ask("99999999999", "PURPOSE_TAX");
    assert_eq!(refused["code"], "PERMISSION_DENIED", "{refused}");
    assert!(detail(&refused, "ErrorInfo").is_some(), "{refused}");

    let malformed = ask("1", "PURPOSE_TAX");
    assert_eq!(malformed["code"], "INVALID_ARGUMENT", "{malformed}");
    let violations = &detail(&malformed, "BadRequest").unwrap()["field_violations"];
    assert_eq!(violations[0]["field"], "national_id", "{malformed}");

    let asked = ["38502281234", "38502281234", "00000000000", "99999999999"];
    assert_eq!(register.asked(), asked.map(|code| format!("PersonQuery {code}")));
}

#[test]
fn a_browsers_portal_asks_a_node_register_by_grpc_web() {
    let wsdl = repository().join("mappings/population-register/register.wsdl");
    let register = Peer::node_soap("register", &wsdl);
    let mut house = House::new(&["mappings/population-register"]);
    house.system("population-register", &format!("endpoint: 'http://{}/soap'", register.address));
    house.setting(
        "listen: { http: '127.0.0.1:0', grpc: { address: '127.0.0.1:0', web: { origins: [ 'https://portal.example' ] } } }",
    );
    let gateway = house.serve();
    let ask = |code: &str| {
        let request = json!({ "national_id": code, "purpose": "PURPOSE_TAX" }).to_string();
        web_portal(gateway.grpc, "mappings/population-register/registry.proto", &[REGISTRY, &request])
    };
    let found = ask("38502281234");
    assert_eq!(found["reply"]["full_name"], "Mari Kask & Tamm", "{found}");
    let unknown = ask("00000000000");
    assert_eq!((&unknown["code"], &unknown["message"]), (&json!("NotFound"), &json!("no such person")));
    let malformed = ask("1");
    assert_eq!(malformed["code"], "InvalidArgument", "{malformed}");
    assert_eq!(
        malformed["details"],
        json!(["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RequestInfo"]),
        "{malformed}"
    );
    // Others call as ever, at the same port.
    let request = json!({ "national_id": "38502281234", "purpose": "PURPOSE_TAX" }).to_string();
    let same = python_portal(gateway.grpc, &[REGISTRY, &request]).remove(0);
    assert_eq!(same["reply"]["full_name"], "Mari Kask & Tamm", "{same}");
}

#[test]
fn a_node_portal_asks_spyne_in_both_versions_of_soap() {
    let office = Peer::spyne();
    let mut house = House::new(&["tests/gateway/routes/permits"]);
    for version in ["11", "12"] {
        let endpoint = format!("endpoint: 'http://{}/soap{version}'", office.address);
        house.system(&format!("office{version}"), &endpoint);
    }
    let gateway = house.serve();
    for version in ["11", "12"] {
        let ask = |reference: &str, applicant: &str| {
            let request = json!({
                "reference": reference,
                "applicant": applicant,
                "born_on": { "year": 1990, "month": 2, "day": 28 },
                "submitted_at": { "seconds": "1767261600", "nanos": 250_000_000 },
                "parcels": [
                    { "number": "7 <a>", "hectares": { "value": "1.2500" } },
                    { "number": "8", "hectares": { "value": "0.1" } },
                ],
            });
            let method = format!("test.permits.v1.Permits/IssueBySoap{version}");
            node_portal(
                gateway.grpc,
                "tests/gateway/routes/permits/permits.proto",
                &[&method, &request.to_string()],
            )
            .remove(0)
        };
        let reference = format!("r-{version}");
        let permit = ask(&reference, "Õie & Co");
        assert_eq!(permit["ok"], true, "SOAP {version}: {permit}");
        let permit = &permit["reply"];
        assert_eq!(permit["number"], format!("P-{reference}"));
        assert_eq!(permit["applicant"], "Õie & Co");
        assert_eq!(permit["valid_until"], json!({ "year": 1990, "month": 3, "day": 1 }));
        assert_eq!(permit["fee"]["value"], "16.88", "1.3500 ha at 12.50");
        assert_eq!(permit["issued_at"], json!({ "seconds": "1767261600", "nanos": 250_000_000 }));
        assert_eq!(permit["count"], "2");
        assert_eq!(permit["parcels"][0]["number"], "7 <a>");
        assert_eq!(permit["parcels"][0]["hectares"]["value"], "1.2500", "trailing zeros are the sender's");
        assert_eq!(permit["remark"], Value::Null);

        let nobody = ask(&format!("n-{version}"), "Nobody");
        assert_eq!(nobody["code"], "NOT_FOUND", "SOAP {version}: {nobody}");
        assert_eq!(detail(&nobody, "BadRequest").unwrap()["field_violations"][0]["field"], "applicant");
        let crash = ask(&format!("c-{version}"), "Crash");
        assert_eq!(crash["code"], "INTERNAL", "SOAP {version}: {crash}");
        assert!(detail(&crash, "ErrorInfo").is_some(), "{crash}");
    }
    let asked = office.asked();
    let references = ["r-11", "n-11", "c-11", "r-12", "n-12", "c-12"];
    assert_eq!(asked, references.map(|r| format!("IssuePermit {r}")), "each was asked once");
}

#[test]
fn both_portals_ask_the_real_vies_contract() {
    let Some(wsdl) = corpus("soap/vies/checkVatService.wsdl", 1) else { return };
    let vies = Peer::node_soap("vies", &wsdl);
    let mut house = House::new(&["tests/gateway/routes/vies"]);
    std::fs::copy(&wsdl, house.path("mappings/vies/checkVatService.wsdl")).unwrap();
    house.system("vies", &format!("endpoint: 'http://{}/soap'", vies.address));
    let gateway = house.serve();
    let request = |number: &str| json!({ "country": "EE", "number": number }).to_string();
    let python = |number: &str| {
        python_portal(gateway.grpc, &["test.vat.v1.VatNumbers/Check", &request(number)]).remove(0)
    };
    let node = |number: &str| {
        let contract = "tests/gateway/routes/vies/vat.proto";
        node_portal(gateway.grpc, contract, &["test.vat.v1.VatNumbers/Check", &request(number)]).remove(0)
    };
    let valid = python("100");
    let expected = json!({
        "valid": true,
        "as_of": { "year": 2026, "month": 11, "day": 23 },
        "trader": "Õunapuu & Pojad OÜ",
        "address": "Pikk 1\nTallinn",
    });
    assert_eq!(valid["reply"], expected, "{valid}");
    let unknown = node("200");
    assert_eq!(unknown["ok"], true, "{unknown}");
    assert_eq!((&unknown["reply"]["trader"], &unknown["reply"]["valid"]), (&Value::Null, &Value::Null));
    let wrong = node("300");
    assert_eq!(wrong["code"], "INVALID_ARGUMENT", "{wrong}");
    assert_eq!(detail(&wrong, "BadRequest").unwrap()["field_violations"][0]["field"], "number");
    let later = python("400");
    assert_eq!(later["code"], "UNAVAILABLE", "{later}");
    assert!(detail(&later, "RetryInfo").is_some(), "{later}");
}

#[test]
fn a_simulated_system_answers_from_nothing_but_its_wsdl() {
    let wsdl = "mappings/population-register/register.wsdl";
    let simulator = Peer::simulator(&["--wsdl", wsdl, "--listen", "127.0.0.1:0", "--seed", "1"]);
    let mut house = House::new(&["mappings/population-register"]);
    house.system("population-register", &format!("endpoint: 'http://{}/soap'", simulator.address));
    let gateway = house.serve();
    let request = json!({ "national_id": "38502281234", "purpose": "PURPOSE_TAX" }).to_string();
    let answer = python_portal(gateway.grpc, &[REGISTRY, &request]).remove(0);
    let failed_as_mapped = answer["code"] == "NOT_FOUND";
    assert!(answer["ok"] == true || failed_as_mapped, "{answer}");
}

#[test]
fn a_portal_is_known_by_its_certificate_and_sees_its_own_operations_only() {
    let simulator = Peer::simulator(&["--wsdl", "mappings/benefits-claim/benefits.wsdl"]);
    let mut house = House::new(&["mappings/benefits-claim"]);
    house.system("benefits", &format!("endpoint: 'http://{}/soap'", simulator.address));
    let (servers, portals, strangers) = (authority("servers"), authority("portals"), authority("strangers"));
    let trusted = house.path("servers.pem").display().to_string();
    std::fs::write(&trusted, servers.pem()).unwrap();
    std::fs::write(house.path("portals.pem"), portals.pem()).unwrap();
    issue(&house, &servers, "claims.example");
    house.setting(
        "listen: { http: '127.0.0.1:0', grpc: { address: '127.0.0.1:0', tls: { cert: claims.example.pem, key: claims.example.key, client-ca: portals.pem } } }",
    );
    let gateway = house.serve();
    let (one, other) = (issue(&house, &portals, "one.example"), issue(&house, &portals, "other.example"));
    let stranger = issue(&house, &strangers, "stranger.example");
    let portal = |by: &[String; 2], arguments: &[&str]| {
        let tls = ["--ca", &trusted, "--cert", &by[0], "--key", &by[1], "--name", "claims.example"];
        python_portal(gateway.grpc, &[arguments, &tls].concat()).remove(0)
    };
    let claim = json!({
        "request_id": "1",
        "national_id": "38502281234",
        "benefit": "BENEFIT_CHILD",
        "from": { "year": 2026, "month": 12, "day": 1 },
    });
    let begin =
        |by| portal(by, &["civic.benefits.v1.Claims/SubmitClaim", &claim.to_string(), "--wait", "20"]);
    let (first, second) = (begin(&one), begin(&other));
    let (first, second) = (&first["reply"]["name"], &second["reply"]["name"]);
    assert!(
        first.is_string() && first != second,
        "the request ids of two portals never meet: {first} {second}"
    );
    let name = json!({ "name": first }).to_string();
    let ask = |by| portal(by, &["google.longrunning.Operations/GetOperation", &name]);
    assert_eq!(ask(&one)["reply"]["done"], true);
    assert_eq!(ask(&other)["code"], "NOT_FOUND", "somebody else's operation is as if there were none");
    let list =
        |by| portal(by, &["google.longrunning.Operations/ListOperations", r#"{ "filter": "done = true" }"#]);
    for (by, own) in [(&one, first), (&other, second)] {
        let listed = list(by);
        let operations = listed["reply"]["operations"].as_array().unwrap();
        assert_eq!((operations.len(), &operations[0]["name"]), (1, own), "each sees his own: {listed}");
        assert_eq!(operations[0]["done"], true, "{listed}");
    }
    let unknown = std::panic::catch_unwind(|| ask(&stranger));
    assert!(unknown.is_err(), "a stranger learns nothing, not even by reflection: {unknown:?}");
}

type Authority = rcgen::CertifiedIssuer<'static, rcgen::KeyPair>;

fn authority(name: &str) -> Authority {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`: the files of the certificate and of its key.
fn issue(house: &House, by: &Authority, name: &str) -> [String; 2] {
    use rcgen::{CertificateParams, DnType, KeyPair};
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new([name.to_owned()]).unwrap();
    wanted.distinguished_name.push(DnType::CommonName, name);
    let certificate = wanted.signed_by(&key, by).unwrap();
    let write = |end: &str, text: String| {
        let path = house.path(&format!("{name}{end}"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    [write(".pem", certificate.pem()), write(".key", key.serialize_pem())]
}
