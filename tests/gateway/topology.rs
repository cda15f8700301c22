//! `portolan topology`: what the routes need at the broker, looked at and made before a gateway starts.

use serde_json::Value;

use crate::{
    harness::{Backend, House, Reaction, block_on},
    site::Site,
};

/// The exit code, and the state of each queue.
fn topology(house: &House, command: &str) -> (Option<i32>, Vec<(String, String)>, String) {
    let output = house.run(&["topology", command, "--format", "json"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let json: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let queues =
        json["queues"].as_array().unwrap().iter().map(|one| (text(&one["queue"]), text(&one["state"])));
    (output.status.code(), queues.collect(), said)
}

fn all(queues: &[(String, String)], state: &str) -> bool {
    let mut of_routes = queues.iter().filter(|(queue, _)| queue.starts_with("portolan.route."));
    of_routes.clone().count() == 5 && of_routes.all(|(_, found)| found == state)
}

#[test]
fn queues_are_looked_at_made_and_found_to_differ() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let site = Site::new(backend.address);
        let house = site.house();
        let (code, queues, said) = topology(&house, "show");
        assert!(code == Some(1) && all(&queues, "missing"), "{said}");
        assert!(queues.iter().any(|(queue, _)| queue == "portolan.route.orders.later"), "{said}");
        let (code, queues, said) = topology(&house, "show");
        assert!(code == Some(1) && all(&queues, "missing"), "looking makes none: {said}");
        let (code, queues, said) = topology(&house, "apply");
        assert!(code == Some(0) && all(&queues, "made"), "{said}");

        let gateway = house.serve();
        let (code, queues, said) = topology(&house, "show");
        assert!(code == Some(0) && all(&queues, "there"), "{said}");
        let text = house.told(&["topology"]);
        let later = text.lines().find(|line| line.starts_with("portolan.route.orders.later ")).unwrap();
        assert_eq!(later.split_whitespace().skip(1).collect::<Vec<_>>(), ["quorum", "there", "0", "1"]);
        assert!(text.ends_with("\n5 queues and 1 exchange\n"), "{text}");

        // Whoever wants another type is told what differs, and nothing is changed.
        let classic = site.classic_house();
        for command in ["show", "apply"] {
            let (code, queues, said) = topology(&classic, command);
            assert!(code == Some(1) && all(&queues, "wrong"), "{said}");
            assert!(said.contains("x-queue-type") && said.contains("empty and delete it"), "{said}");
        }
        // So does the doctor, before a start fails by it.
        let output = classic.run(&["doctor"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let line = said.lines().find(|line| line.contains("portolan.route.orders.later ")).expect(&said);
        assert!(line.starts_with("problem") && line.contains("x-queue-type"), "{line}");
        let said = house.told(&["doctor"]);
        assert!(said.contains("5 queues and 1 exchange, as the routes need them"), "{said}");
        drop(gateway);
        let (status, said) = classic.refuses_to_serve();
        assert!(!status.success() && said.contains("x-queue-type"), "{said}");
        assert!(all(&topology(&house, "show").1, "there"));
    });
}

#[test]
fn queues_of_one_ledger_are_not_anothers() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let site = Site::new(backend.address);
        let (first, other) = (site.only_house(), site.house());
        let gateway = first.serve();
        let (status, said) = other.refuses_to_serve();
        assert!(!status.success(), "{said}");
        assert!(said.contains("belong to another ledger") && said.contains("portolan.ledger"), "{said}");
        // Its tables are there by now.
        let doctor = other.run(&["doctor"]);
        let found = String::from_utf8(doctor.stdout).unwrap();
        assert_eq!(doctor.status.code(), Some(1), "{found}");
        assert!(found.contains("belong to another ledger"), "{found}");
        drop(gateway);
        drop(first.serve());

        // Nor does a command make any among them.
        let (code, queues, said) = topology(&other, "apply");
        assert!(code == Some(1) && said.contains("belong to another ledger"), "{said}");
        assert!(queues.iter().all(|(_, found)| found != "made"), "{said}");

        // With a prefix of its own it may share the broker.
        let apart = House::orders(backend.address);
        drop(site.open_house(apart, "prefix: portolan.other").serve());
    });
}
