//! Order by key: what a system is asked for one customer comes in the order in which it was accepted, whatever happens to
//! the system or the gateway; customers do not wait for each other.

use std::time::Duration;

use serde_json::Value;

use crate::{
    harness::{
        Asked, Backend, Client, Gateway, House, OperationState, OrderRequest, Reaction, block_on, until,
    },
    site::Site,
};

const PATIENCE: Duration = Duration::from_secs(60);
const CUSTOMERS: usize = 4;

/// The nth order of a customer.
fn order(customer: usize, n: usize) -> OrderRequest {
    OrderRequest {
        customer: format!("customer-{customer}"),
        ..OrderRequest::new(format!("{customer}.{n:03}"))
    }
}

/// Of a customer's orders, which the system was asked for, one after the other.
fn asked_for(asked: &[Asked], customer: usize) -> Vec<String> {
    let prefix = format!("{customer}.");
    asked.iter().map(|asked| asked.key.clone()).filter(|key| key.starts_with(&prefix)).collect()
}

async fn begin(client: &Client, method: &str, order: OrderRequest) -> String {
    client.begin(method, order).await.unwrap().name
}

async fn state(client: &Client, name: &str) -> OperationState {
    client.operation(name).await.unwrap().about().state()
}

fn shown(gateway: &Gateway, house: &House, name: &str) -> Value {
    let id = name.strip_prefix("operations/").unwrap();
    serde_json::from_str(&gateway.operator(house, &["queue", "show", id, "--format", "json"])).unwrap()
}

/// Busy, silent, slow, or simply there; each order is taken in the end.
fn moody(asked: &Asked, before: usize) -> Reaction {
    let mood = asked.key.bytes().map(usize::from).sum::<usize>() % 5;
    match (mood, before) {
        (0, 0..2) => Reaction::Fault("BUSY"),
        (1, 0) => Reaction::HangUp,
        (2, _) => Reaction::TakeSlowly(Duration::from_millis(20)),
        _ => Reaction::Take,
    }
}

/// Accepts orders at each gateway in turn, and kills one after the other in the middle of its work.
async fn outlives(houses: &[House], backend: &Backend, lives: usize) {
    for house in houses {
        house.remap(
            "mode: operation, idempotent: true,",
            "mode: operation, idempotent: true, order: { key: customer },",
        );
    }
    let mut gateways: Vec<_> = houses.iter().map(House::serve).collect();
    let mut names = Vec::new();
    let mut accepted = 0;
    for life in 0..lives {
        for _ in 0..8 {
            let client = Client::connect(gateways[accepted % gateways.len()].grpc).await;
            for customer in 0..CUSTOMERS {
                names.push(begin(&client, "LaterAgain", order(customer, accepted)).await);
            }
            accepted += 1;
        }
        let taken = backend.asked().len();
        until("it is at work", async || (backend.asked().len() > taken + life).then_some(())).await;
        let killed = life % houses.len();
        gateways.remove(killed).kill();
        gateways.insert(killed, houses[killed].serve());
    }
    let client = Client::connect(gateways[0].grpc).await;
    for name in &names {
        let ended = client.wait(name, PATIENCE).await.unwrap();
        assert_eq!(ended.about().state(), OperationState::Succeeded, "{ended:?}");
    }
    let asked = backend.asked();
    for customer in 0..CUSTOMERS {
        let mut keys = asked_for(&asked, customer);
        // An order is asked for again until it is taken, and only then the next one.
        keys.dedup();
        let expected: Vec<_> = (0..accepted).map(|n| order(customer, n).key).collect();
        assert_eq!(keys, expected, "customer {customer}");
    }
    assert!(asked.len() > names.len(), "no order was asked for twice: the system was not moody");
}

#[test]
fn the_order_of_a_key_outlives_a_moody_system_and_kills_of_the_gateway() {
    block_on(async {
        let backend = Backend::start(moody).await;
        outlives(&[House::orders(backend.address)], &backend, 6).await;
    });
}

#[test]
fn the_same_with_a_broker_and_a_ledger_in_a_file() {
    block_on(async {
        let backend = Backend::start(moody).await;
        let site = Site::new(backend.address);
        outlives(&[site.only_house()], &backend, 4).await;
    });
}

#[test]
fn the_same_with_two_gateways_that_share_the_work() {
    block_on(async {
        let backend = Backend::start(moody).await;
        let site = Site::new(backend.address);
        outlives(&[site.house(), site.house()], &backend, 4).await;
    });
}

#[test]
fn a_dead_letter_holds_its_key_until_a_person_decides() {
    block_on(async {
        let backend = Backend::start(|asked, before| match (asked.key.as_str(), before) {
            ("0.000", 0) => Reaction::HangUp,
            _ => Reaction::Take,
        })
        .await;
        let house = House::orders(backend.address);
        house.remap("mode: operation, timeout: 5s", "mode: operation, order: { key: customer }, timeout: 5s");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let dead = begin(&client, "Later", order(0, 0)).await;
        let held = begin(&client, "Later", order(0, 1)).await;
        let other = begin(&client, "Later", order(1, 0)).await;
        assert!(client.wait(&other, PATIENCE).await.unwrap().done, "another customer");
        until("the dead letter", async || {
            (state(&client, &dead).await == OperationState::NeedsAttention).then_some(())
        })
        .await;
        // The same after a crash.
        gateway.kill();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let waits = shown(&gateway, &house, &held);
        assert_eq!(waits["state"], "waiting", "{waits}");
        assert_eq!(waits["behind"], dead.strip_prefix("operations/").unwrap(), "{waits}");
        assert!(!waits.to_string().contains("customer"), "the key is not shown: {waits}");
        gateway.operator(&house, &["queue", "retry", dead.strip_prefix("operations/").unwrap()]);
        for name in [&dead, &held] {
            assert_eq!(client.wait(name, PATIENCE).await.unwrap().about().state(), OperationState::Succeeded);
        }
        assert_eq!(asked_for(&backend.asked(), 0), ["0.000", "0.000", "0.001"]);
        assert!(!gateway.said().contains("customer-"), "a key in the log");
    });
}

#[test]
fn a_dead_letter_lets_its_key_pass_where_the_route_says_so() {
    block_on(async {
        let backend = Backend::start(|asked, _| match asked.key.as_str() {
            "0.000" => Reaction::HangUp,
            _ => Reaction::Take,
        })
        .await;
        let house = House::orders(backend.address);
        house.remap(
            "mode: operation, timeout: 5s",
            "mode: operation, order: { key: customer, dead-letters: pass }, timeout: 5s",
        );
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let dead = begin(&client, "Later", order(0, 0)).await;
        let next = begin(&client, "Later", order(0, 1)).await;
        assert_eq!(client.wait(&next, PATIENCE).await.unwrap().about().state(), OperationState::Succeeded);
        assert_eq!(state(&client, &dead).await, OperationState::NeedsAttention);
        assert_eq!(asked_for(&backend.asked(), 0), ["0.000", "0.001"]);
    });
}
