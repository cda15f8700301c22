//! A system that takes an order at once and answers it when it is asked later, through the death of the gateway.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{House, Peer, block_on, repository, until};

const EXAMPLE: &str = "mappings/tax-certificate";

#[test]
fn an_answer_is_asked_for_until_it_is_there() {
    block_on(async {
        let file = |name: &str| format!("{EXAMPLE}/{name}");
        // The first questions come too early.
        let office =
            Peer::simulator(&["--wsdl", &file("tax-office.wsdl"), "--answers", &file("answers.yaml")]);
        let mut house = House::new(&[EXAMPLE]);
        house.system("tax-office", &format!("endpoint: 'http://{}/'", office.address));
        let mapping = house.path("mappings/tax-certificate/order-certificate.yaml");
        let text = fs::read_to_string(&mapping).unwrap();
        assert!(text.contains("every: 1m"));
        fs::write(&mapping, text.replace("every: 1m", "every: 1s")).unwrap();
        let sample = repository().join(EXAMPLE).join("samples/issued/request.json");
        fs::copy(sample, house.path("order.json")).unwrap();

        let gateway = house.serve();
        let address = gateway.grpc.to_string();
        let order = ["call", "tax.order-certificate", "--request", "order.json", "--address"];
        let begun: Value = serde_json::from_str(&house.told(&[&order[..], &[&address]].concat())).unwrap();
        let id = begun["name"].as_str().unwrap().strip_prefix("operations/").unwrap();
        let list = ["queue", "list", "--state", "waiting"];
        let listed = until("the office has the order", async || {
            let listed = gateway.operator(&house, &list);
            listed.contains("for the answer of tax-office").then_some(listed)
        })
        .await;
        assert!(listed.contains(id), "{listed}");
        let shown = gateway.operator(&house, &["queue", "show", id]);
        assert!(shown.contains("by the system, which answers later"), "{shown}");
        assert!(!shown.contains("38001085718"), "what people may not see is in it: {shown}");
        gateway.kill();

        let gateway = house.serve();
        let address = gateway.grpc.to_string();
        let ended = house.told(&[&order[..], &[&address, "--wait=20s"]].concat());
        let ended: Value = serde_json::from_str(&ended).unwrap();
        assert_eq!(ended["name"], begun["name"], "{ended}");
        let (number, document) = (&ended["response"]["number"], &ended["response"]["document"]);
        assert_eq!((number, document), (&json!("C-2026-0815"), &json!("JVBERi0xLjQK")), "{ended}");
        // One order, and as many questions as it took: a question that died with its gateway comes again.
        let asked = office.ends();
        assert!(asked.contains(&"Order: 1 request".to_owned()), "{asked:?}");
    });
}
