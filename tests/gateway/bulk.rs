//! One decision about many dead letters, previewed first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tonic::Code;

use crate::harness::{
    Backend, Client, Details, Gateway, House, OperationState, OrderRequest, Reaction, block_on, until,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn asked(gateway: &Gateway, house: &House, arguments: &[&str]) -> Value {
    let told = gateway.operator(house, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&told).unwrap()
}

#[test]
fn many_dead_letters_are_shown_and_then_decided() {
    block_on(async {
        let works = Arc::new(AtomicBool::new(false));
        let told = works.clone();
        let backend = Backend::start(move |asked, _| match asked.key.starts_with("page") {
            _ if told.load(Ordering::SeqCst) => Reaction::Take,
            true => Reaction::Other(500, "text/html", "<html/>".to_owned()),
            false => Reaction::HangUp,
        })
        .await;
        let mut house = House::orders(backend.address);
        // With one the system would be left alone before there are many.
        house.bears("orders", "breaker: off");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let (mut pages, mut silences) = (Vec::new(), Vec::new());
        for n in 0..40 {
            pages.push(client.begin("Later", OrderRequest::new(format!("page-{n}"))).await.unwrap().name);
            silences
                .push(client.begin("Later", OrderRequest::new(format!("silence-{n}"))).await.unwrap().name);
        }
        until("all of them are dead letters", async || {
            let listed = asked(&gateway, &house, &["routes", "list"]);
            let listed = listed.as_array().unwrap().clone();
            listed.iter().any(|status| status["dead"] == 80).then_some(())
        })
        .await;

        let route = ["--route", "orders.later"];
        let shown = asked(&gateway, &house, &[&["queue", "retry"][..], &route].concat());
        assert_eq!((&shown["messages"], &shown["passed_over"]), (&40.into(), &40.into()), "{shown}");
        assert_eq!(shown["groups"][0]["class"], "REPLY", "{shown}");
        let shown = asked(&gateway, &house, &["queue", "discard", "--all", "--reason", "x"]);
        assert_eq!((&shown["messages"], &shown["carried_out"]), (&80.into(), &false.into()), "{shown}");
        let counts = asked(&gateway, &house, &["queue", "list"])["counts"].clone();
        assert_eq!(counts[0]["messages"], 80, "nothing is changed: {counts}");

        works.store(true, Ordering::SeqCst);
        let done = asked(&gateway, &house, &["queue", "retry", "--class", "reply", "--yes"]);
        assert_eq!((&done["done"], &done["skipped"]), (&40.into(), &0.into()), "{done}");
        for name in &pages {
            let ended = client.wait(name, PATIENCE).await.unwrap();
            assert_eq!(ended.about().state(), OperationState::Succeeded);
        }
        let none =
            asked(&gateway, &house, &["queue", "discard", "--older-than", "1h", "--reason", "x", "--yes"]);
        assert_eq!(none["done"], 0, "{none}");
        let done = asked(
            &gateway,
            &house,
            &["queue", "discard", "--class", "unknown", "--reason", "withdrawn", "--yes"],
        );
        assert_eq!(done["done"], 40, "{done}");
        for name in &silences {
            let ended = client.operation(name).await.unwrap();
            let details = Details::of_rpc(ended.error.as_ref().unwrap());
            assert_eq!((details.code, details.reason.as_str()), (Some(Code::Cancelled), "DISCARDED"));
        }
        let again = asked(&gateway, &house, &["queue", "resolve", "--failed", "--all", "--yes"]);
        assert_eq!(again["done"], 0, "{again}");
        assert!((0..40).all(|n| backend.count(&format!("silence-{n}")) == 1), "none of them was sent again");
    });
}
