//! Systems that are away, in maintenance or slow by agreement: their messages wait and waste no attempt, their callers are
//! told at once, and nobody else notices.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prost::Message as _;
use tonic::Code;

use crate::harness::{Backend, Client, Details, Gateway, House, OrderRequest, Reaction, block_on, until};

const PATIENCE: Duration = Duration::from_secs(30);

/// A system that says that it is overloaded until it is told to work.
async fn overloaded() -> (Backend, Arc<AtomicBool>) {
    let works = Arc::new(AtomicBool::new(false));
    let told = works.clone();
    let backend = Backend::start(move |_, _| match told.load(Ordering::SeqCst) {
        true => Reaction::Take,
        false => Reaction::Other(503, "text/plain", "come again".to_owned()),
    });
    (backend.await, works)
}

/// Begins so many operations, and gives their names by key.
async fn begun(client: &Client, service: &str, count: usize) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for n in 0..count {
        let key = format!("{service}-{n}");
        let path = format!("test.{service}.v1.Orders/LaterAgain");
        let operation: crate::harness::Operation =
            client.call(&path, &OrderRequest::new(&key), &[]).await.unwrap();
        names.insert(key, operation.name);
    }
    names
}

async fn all_done(client: &Client, names: &HashMap<String, String>) {
    for name in names.values() {
        let ended = client.wait(name, PATIENCE).await.unwrap();
        assert!(ended.done && ended.response.is_some(), "{ended:?}");
    }
}

/// Asks until the gateway does not send anything to the system of the orders any more; each call says so at once.
async fn refused(client: &Client, reason: &str) -> Details {
    until("callers are refused", async || {
        let order = OrderRequest { request_id: String::new(), ..OrderRequest::new("caller") };
        let details = Details::of(&client.order("Direct", order).await.unwrap_err());
        (details.reason == reason).then_some(details)
    })
    .await
}

fn no_dead_letters(gateway: &Gateway, house: &House) {
    let dead = gateway.operator(house, &["queue", "list", "--state", "dead"]);
    assert!(dead.contains("no messages"), "{dead}");
}

#[test]
fn a_system_that_is_away_holds_up_no_other_and_wastes_no_attempts() {
    block_on(async {
        let (away, works) = overloaded().await;
        let sound = Backend::start(|_, _| Reaction::Take).await;
        let mut house = House::orders(away.address);
        house.orders_too("sound", sound.address);
        let breaker = "breaker: { failures: 3, open-for: 1h, max-open-for: 1h }";
        house.bears("orders", breaker);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let waiting = begun(&client, "orders", 100).await;
        let told = refused(&client, "SYSTEM_UNAVAILABLE").await;
        assert_eq!(told.code, Some(Code::Unavailable));
        assert!(told.retry_after > Some(Duration::from_secs(60)), "{told:?}");

        let others = begun(&client, "sound", 100).await;
        for n in 0..20 {
            let order = OrderRequest::new(format!("call-{n}")).encode_to_vec();
            client.raw("test.sound.v1.Orders/Once", order.into(), &[]).await.unwrap();
        }
        all_done(&client, &others).await;

        let asked: usize = away.counts().values().sum();
        assert!(asked <= 64, "asked {asked} times, with 32 at a time until the third failure");
        no_dead_letters(&gateway, &house);
        works.store(true, Ordering::SeqCst);
        house.lacks("orders", breaker);
        house.bears("orders", "breaker: off");
        gateway.operator(&house, &["reload"]);
        all_done(&client, &waiting).await;
    });
}

#[test]
fn an_outage_is_found_to_be_over() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let waiting = begun(&client, "orders", 50).await;
        refused(&client, "SYSTEM_UNAVAILABLE").await;
        let backend = Backend::back_at(address).await;
        all_done(&client, &waiting).await;
        assert!(waiting.keys().all(|key| backend.taken(key) == 1));
        no_dead_letters(&gateway, &house);
        assert!(gateway.said().contains("the system is back"), "{}", gateway.said());
    });
}

#[test]
fn in_maintenance_nothing_is_sent_until_the_window_ends() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let mut house = House::orders(backend.address);
        let window = "maintenance: [ { zone: Europe/Tallinn } ]";
        house.bears("orders", window);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let waiting = begun(&client, "orders", 5).await;
        for method in ["Direct", "Once", "Again", "Keyed"] {
            let told = Details::of(&client.order(method, OrderRequest::new(method)).await.unwrap_err());
            assert_eq!(
                (told.code, told.reason.as_str()),
                (Some(Code::Unavailable), "SYSTEM_MAINTENANCE"),
                "{method}"
            );
            assert!(told.retry_after.is_some(), "{method}: {told:?}");
        }
        let listed = gateway.operator(&house, &["queue", "list", "--state", "finished"]);
        assert!(listed.contains("no messages"), "nothing of a refused call is stored: {listed}");
        assert_eq!(backend.counts().len(), 0);
        house.lacks("orders", window);
        gateway.operator(&house, &["reload"]);
        all_done(&client, &waiting).await;
        client.order("Once", OrderRequest::new("Once")).await.expect("the same request id may come again");
    });
}

#[test]
fn a_rate_is_kept_and_holds_up_no_other() {
    block_on(async {
        let slow = Backend::start(|_, _| Reaction::Take).await;
        let sound = Backend::start(|_, _| Reaction::Take).await;
        let mut house = House::orders(slow.address);
        house.orders_too("sound", sound.address);
        let rate = "limits: { rate: 1/d, burst: 3 }";
        house.bears("orders", rate);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let waiting = begun(&client, "orders", 10).await;
        let others = begun(&client, "sound", 50).await;
        all_done(&client, &others).await;
        until("the burst is used up", async || (slow.counts().len() == 3).then_some(())).await;
        let told = refused(&client, "SYSTEM_BUSY").await;
        assert_eq!((told.code, told.retry_after.is_some()), (Some(Code::ResourceExhausted), true));
        assert_eq!(slow.counts().len(), 3);
        house.lacks("orders", rate);
        gateway.operator(&house, &["reload"]);
        all_done(&client, &waiting).await;
    });
}
