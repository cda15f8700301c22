//! Readiness, metrics and `portolan doctor` when what a gateway rests on goes away and comes back.

use std::fs;

use serde_json::Value;
use tokio::net::TcpStream;

use crate::{
    harness::{Backend, House, Link, Reaction, block_on, get, until},
    site::Site,
};

/// State and kind of every check, and the exit code.
fn doctor(house: &House) -> (Option<i32>, Vec<(String, String, String)>) {
    let output = house.run(&["doctor", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = json["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found = findings.map(|one| (text(&one["state"]), text(&one["check"]), text(&one["finding"])));
    (output.status.code(), found.collect())
}

fn states(found: &[(String, String, String)], check: &str) -> Vec<String> {
    found.iter().filter(|(_, kind, _)| kind == check).map(|(state, ..)| state.clone()).collect()
}

#[test]
fn readiness_goes_with_the_ledger_and_not_with_the_broker() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let site = Site::new(backend.address);
        let house = site.house();
        let (code, found) = doctor(&house);
        for check in ["queue", "ledger", "clock", "gateway"] {
            assert!(!states(&found, check).is_empty(), "{check}: {found:#?}");
        }
        // The tests' configuration holds its passwords, and is warned of that.
        assert!(
            found.iter().all(|(state, check, _)| state == "ok" || check == "configuration"),
            "{found:#?}"
        );
        assert_eq!(code, Some(0));

        let gateway = house.serve();
        let ready = async |wanted: &str| {
            let says = format!("readiness {wanted}");
            until(&says, async || get(gateway.http, "/readyz").await.starts_with(wanted).then_some(())).await;
        };
        ready("HTTP/1.1 200").await;
        assert_eq!(states(&doctor(&house).1, "admin API"), ["ok"]);

        site.brokers.kill(0);
        let (code, found) = doctor(&house);
        assert_eq!((code, states(&found, "queue")), (Some(1), vec!["problem".to_owned()]), "{found:#?}");
        ready("HTTP/1.1 200").await;
        let metrics = get(gateway.http, "/metrics").await;
        assert!(metrics.lines().any(|found| found == "portolan_broker_connected 0"), "{metrics}");
        let listed = house.run(&["routes", "list"]);
        let noted = String::from_utf8_lossy(&listed.stderr);
        assert!(noted.contains("the broker is away, and what waits is not worked on"), "{listed:?}");
        let reloaded = house.run(&["reload"]);
        let left = String::from_utf8_lossy(&reloaded.stderr);
        assert!(reloaded.status.success() && left.contains("queues are not served now"), "{reloaded:?}");

        site.database.kill();
        ready("HTTP/1.1 503").await;
        let cannot = "messages cannot be claimed";
        until("the log tells of it", async || gateway.said().contains(cannot).then_some(())).await;
        let metrics = get(gateway.http, "/metrics").await;
        for line in ["portolan_ready 0", "portolan_queue_readable 0"] {
            assert!(metrics.lines().any(|found| found == line), "{line}:\n{metrics}");
        }
        let (code, found) = doctor(&house);
        assert_eq!(code, Some(1));
        assert_eq!(
            (states(&found, "ledger"), states(&found, "gateway")),
            (vec!["problem".to_owned()], vec!["problem".to_owned()]),
            "{found:#?}"
        );
        site.database.restart();
        ready("HTTP/1.1 200").await;
        // Each thing that is away is told, again where the reason is another, and none of it again and again.
        let said = gateway.said();
        for (what, often) in [
            ("RabbitMQ is away", 1..=2),
            ("PostgreSQL is away", 1..=2),
            ("PostgreSQL is back", 1..=1),
            (cannot, 1..=1),
        ] {
            let times = said.lines().filter(|line| line.contains(what)).count();
            assert!(often.contains(&times), "{what}: {times} times\n{said}");
        }
        assert!(said.lines().count() < 40, "{said}");
    });
}

#[test]
fn a_gateway_waits_for_broker_and_database() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let site = Site::new(backend.address);
        let place = site.place().await;
        place.links().for_each(Link::cut);
        let text = fs::read_to_string(place.house.path("portolan.yaml")).unwrap();
        let http = text.split("http: '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        let http = http.parse().unwrap();
        let mut gateway = place.house.serve_unready();
        until("it lives", async || TcpStream::connect(http).await.ok()).await;
        assert!(get(http, "/livez").await.starts_with("HTTP/1.1 200"));
        assert!(get(http, "/readyz").await.starts_with("HTTP/1.1 503"));
        until("it waits", async || gateway.said().contains("it is tried again and again").then_some(()))
            .await;
        let asked = place.house.run(&["queue", "list"]);
        assert!(String::from_utf8_lossy(&asked.stderr).contains("has not begun yet"), "{asked:?}");
        place.links().for_each(Link::heal);
        tokio::task::block_in_place(|| gateway.ready());
        assert!(get(http, "/readyz").await.starts_with("HTTP/1.1 200"));
    });
}
