//! Several gateways on RabbitMQ and PostgreSQL: they share the work, answer for each other, and survive each other's death.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use crate::{
    harness::{Backend, Client, Gateway, House, OperationState, OrderRequest, Reaction, block_on, until},
    load::{Attempts, Random, Until, load, print, react, reconcile},
    site::Site,
};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn any_gateway_answers_for_any_operation_and_any_request_id() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let site = Site::new(address);
        let (one, other) = (site.house(), site.house());
        let (first, second) = (one.serve(), other.serve());
        let here = Client::connect(first.grpc).await;
        let there = Client::connect(second.grpc).await;
        let begun = here.begin("LaterAgain", OrderRequest::new("night")).await.unwrap();
        let repeated = there.begin("LaterAgain", OrderRequest::new("night")).await.unwrap();
        assert_eq!(repeated.name, begun.name, "one request id, one operation, whichever gateway is asked");
        until("an attempt at the system that is down", async || {
            let now = there.operation(&begun.name).await.unwrap();
            assert!(!now.done, "{now:?}");
            (now.about().attempts > 0).then_some(())
        })
        .await;
        // Whoever waits at one is told of what the other settles.
        let waiting = [here.clone(), there.clone()].map(|client| {
            let name = begun.name.clone();
            tokio::spawn(async move { client.wait(&name, PATIENCE).await })
        });
        let backend = Backend::back_at(address).await;
        for ended in waiting {
            let ended = ended.await.unwrap().unwrap();
            assert!(ended.done, "{ended:?}");
            assert_eq!(ended.order().key, "night");
        }
        assert_eq!(backend.count("night"), 1);
        let answered = here.order("Once", OrderRequest::new("day")).await.unwrap();
        let again = there.order("Once", OrderRequest::new("day")).await.unwrap();
        assert_eq!((answered, backend.count("day")), (again, 1), "the answer is remembered for all");
        let listed = first.operator(&one, &["queue", "list"]);
        assert_eq!(listed, second.operator(&other, &["queue", "list"]));
        drop((first, second));
        // Without any gateway the ledger still answers.
        assert!(one.told(&["queue", "list", "--state", "finished"]).contains("orders.later-again"));
    });
}

#[test]
fn what_a_dead_gateway_was_at_is_settled_by_the_others() {
    block_on(async {
        let (asked, heard) = std::sync::mpsc::sync_channel(8);
        let backend = Backend::start(move |_, before| {
            if before == 0 {
                let _ = asked.try_send(());
                return Reaction::TakeSlowly(Duration::from_secs(60));
            }
            Reaction::Take
        })
        .await;
        let site = Site::new(backend.address);
        let (one, other) = (site.house(), site.house());
        let first = one.serve();
        let here = Client::connect(first.grpc).await;
        let again = here.begin("LaterAgain", OrderRequest::new("again")).await.unwrap();
        let never = here.begin("Later", OrderRequest::new("never")).await.unwrap();
        for _ in 0..2 {
            tokio::task::block_in_place(|| heard.recv_timeout(PATIENCE)).expect("both attempts have begun");
        }
        // It starts while the first lives, so not its start cleans up, but its rounds.
        let second = other.serve();
        first.kill();
        let there = Client::connect(second.grpc).await;
        let ended = there.wait(&again.name, PATIENCE).await.unwrap();
        assert_eq!(ended.about().state(), OperationState::Succeeded, "it may be repeated: {ended:?}");
        until("the other's unknown outcome", async || {
            let now = there.operation(&never.name).await.unwrap();
            (now.about().state() == OperationState::NeedsAttention).then_some(())
        })
        .await;
        assert_eq!((backend.count("again"), backend.count("never")), (2, 1));
    });
}

#[test]
fn gateways_killed_at_any_instant_lose_nothing_and_double_nothing() {
    let rounds = if std::env::var_os("PORTOLAN_SOAK").is_some() { 30 } else { 4 };
    block_on(async {
        let backend = Backend::counting(react).await;
        let site = Site::new(backend.address);
        let houses = [site.house(), site.house()];
        let mut gateways: Vec<Gateway> = houses.iter().map(House::serve).collect();
        let attempts = Arc::new(Attempts::default());
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = Vec::new();
        for (n, gateway) in gateways.iter().enumerate() {
            let until = Until::Told(stop.clone());
            callers.extend(load(gateway.grpc, &format!("g{n}"), &attempts, &until).await);
        }
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for round in 0..rounds {
            tokio::time::sleep(Duration::from_millis(300 + random.below(700))).await;
            let gateway = gateways.remove(0);
            gateway.kill();
            gateways.push(tokio::task::block_in_place(|| houses[round % 2].serve()));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for caller in callers {
            caller.await.unwrap();
        }
        let rows = reconcile(&houses[0], &gateways[0], &backend, &attempts, &mut 0).await;
        print(&rows);
        for (mode, row) in &rows {
            assert!(row.acknowledged > 0, "{mode:?} was not under load: {row:?}");
            assert_eq!(row.lost, 0, "{mode:?} lost messages: {row:?}");
            assert_eq!(row.overtaken, 0, "{mode:?} did not keep the order: {row:?}");
            assert!(mode.may_repeat() || row.duplicated == 0, "{mode:?} sent messages twice: {row:?}");
        }
    });
}
