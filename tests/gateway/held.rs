//! Routes that an operator pauses, resumes and drains.

use std::time::Duration;

use serde_json::Value;
use tonic::Code;

use crate::{
    harness::{Backend, Client, Details, Gateway, House, OrderRequest, Reaction, block_on, until},
    site::Site,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// How a route fares, as `portolan routes list` says.
fn fares(gateway: &Gateway, house: &House, route: &str) -> Value {
    let listed = gateway.operator(house, &["routes", "list", "--format", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    listed.into_iter().find(|status| status["route"] == route).expect("the route is listed")
}

#[test]
fn a_route_is_paused_resumed_and_drained() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        client.order("Once", OrderRequest::new("before")).await.unwrap();
        let said = gateway.operator(&house, &["routes", "pause", "orders.later", "orders.once"]);
        assert_eq!(said, "orders.later is paused\norders.once is paused\n");

        let mut names = Vec::new();
        for n in 0..10 {
            names.push(client.begin("Later", OrderRequest::new(format!("later-{n}"))).await.unwrap().name);
        }
        let told = Details::of(&client.order("Once", OrderRequest::new("paused")).await.unwrap_err());
        assert_eq!((told.code, told.reason.as_str()), (Some(Code::Unavailable), "ROUTE_PAUSED"));
        assert!(told.retry_after.is_some() && told.metadata["route"] == "orders.once", "{told:?}");
        client.order("Once", OrderRequest::new("before")).await.expect("what is known is answered");
        // The system's other routes go on, and what is paused stays so through a kill.
        client.order("Direct", OrderRequest::new("direct")).await.unwrap();
        gateway.kill();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        client.order("Direct", OrderRequest::new("again")).await.unwrap();
        let status = fares(&gateway, &house, "orders.later");
        assert_eq!((&status["state"], &status["waiting"]), (&"paused".into(), &10.into()), "{status}");
        assert!(status["oldest"].is_string(), "{status}");
        assert_eq!(backend.count("later-0") + backend.count("paused"), 0);

        gateway.operator(&house, &["routes", "drain", "orders.later"]);
        for name in &names {
            assert!(client.wait(name, PATIENCE).await.unwrap().done);
        }
        let told = Details::of(&client.begin("Later", OrderRequest::new("new")).await.unwrap_err());
        assert_eq!((told.code, told.reason.as_str()), (Some(Code::Unavailable), "ROUTE_DRAINING"));
        let known = client.begin("Later", OrderRequest::new("later-0")).await.unwrap();
        assert!(known.done && known.name == names[0], "{known:?}");
        assert_eq!(fares(&gateway, &house, "orders.later")["waiting"], 0);

        gateway.operator(&house, &["routes", "resume", "orders.later", "orders.once"]);
        client.order("Once", OrderRequest::new("paused")).await.unwrap();
        let begun = client.begin("Later", OrderRequest::new("new")).await.unwrap();
        assert!(client.wait(&begun.name, PATIENCE).await.unwrap().done);
        assert_eq!(fares(&gateway, &house, "orders.once")["state"], "running");
        let admin = gateway.http.to_string();
        let unknown = house.run(&["routes", "pause", "orders.ltaer", "--admin", &admin]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no route orders.ltaer"));
    });
}

#[test]
fn what_one_gateway_is_told_holds_for_all() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let site = Site::new(backend.address);
        let (one, other) = (site.house(), site.house());
        let (first, second) = (one.serve(), other.serve());
        let here = Client::connect(first.grpc).await;
        let there = Client::connect(second.grpc).await;
        first.operator(&one, &["routes", "pause", "orders.once", "orders.later"]);
        until("the other gateway refuses", async || {
            let order = OrderRequest { request_id: String::new(), ..OrderRequest::new("paused") };
            let status = there.order("Once", order).await.err()?;
            (Details::of(&status).reason == "ROUTE_PAUSED").then_some(())
        })
        .await;
        let before = backend.count("paused");
        let begun = here.begin("Later", OrderRequest::new("later")).await.unwrap();
        assert_eq!(fares(&second, &other, "orders.later")["waiting"], 1);
        second.operator(&other, &["routes", "resume", "orders.once", "orders.later"]);
        assert!(here.wait(&begun.name, PATIENCE).await.unwrap().done);
        until("the first gateway accepts", async || {
            here.order("Once", OrderRequest::new("resumed")).await.ok()
        })
        .await;
        assert_eq!(backend.count("paused"), before);
    });
}
