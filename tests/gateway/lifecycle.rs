//! A gateway's life: reload while messages wait, an orderly end, a full disk, a database that cannot be used.

use std::{
    fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tonic::Code;

use crate::harness::{Backend, Client, House, OrderRequest, Reaction, binary, block_on, get, until};

const MAPPING: &str = "mappings/orders/orders.yaml";

#[test]
fn new_mappings_are_served_at_once_and_messages_finish_on_the_version_they_began_with() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let old = client.begin("LaterAgain", OrderRequest::new("old")).await.unwrap();

        let mapping = fs::read_to_string(house.path(MAPPING)).unwrap();
        fs::write(
            house.path(MAPPING),
            mapping.replace("Customer: customer,", "Customer: \"customer + ' (new)'\","),
        )
        .unwrap();
        gateway.operator(&house, &["reload"]);
        let new = client.begin("LaterAgain", OrderRequest::new("new")).await.unwrap();

        // Unsound mappings change nothing, and the findings say why.
        fs::write(house.path(MAPPING), mapping.replace("Customer: customer,", "Custumer: customer,"))
            .unwrap();
        let refused = house.run(&["reload", "--admin", &gateway.http.to_string()]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let findings =
            String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
        assert!(findings.contains("orders.yaml:") && findings.contains("Customer"), "{findings}");
        let served = client.begin("LaterAgain", OrderRequest::new("served")).await.unwrap();

        let backend = Backend::back_at(address).await;
        for operation in [&old, &new, &served] {
            assert!(client.wait(&operation.name, Duration::from_secs(20)).await.unwrap().done);
        }
        let customers = |key: &str| {
            let asked = backend.asked();
            asked.into_iter().filter(|a| a.key == key).map(|a| a.body.contains("(new)")).collect::<Vec<_>>()
        };
        assert_eq!(
            (customers("old"), customers("new"), customers("served")),
            (vec![false], vec![true], vec![true])
        );

        // SIGHUP does the same as the command.
        fs::write(house.path(MAPPING), &mapping).unwrap();
        gateway.signal("HUP");
        until("the first version is served again", async || {
            let key = format!("hup-{}", backend.asked().len());
            client.order("Direct", OrderRequest::new(&key)).await.unwrap();
            customers(&key).contains(&false).then_some(())
        })
        .await;
    });
}

#[test]
fn a_message_finishes_after_a_restart_that_no_longer_knows_its_route() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let begun = client.begin("LaterAgain", OrderRequest::new("left")).await.unwrap();
        gateway.kill();
        house.remap("Orders/LaterAgain", "Orders/Gone");
        house.remap("route: orders.later-again", "route: orders.gone");
        house.remap("Customer: customer,", "Customer: \"customer + ' (new)'\",");
        let proto = house.path("mappings/orders/orders.proto");
        fs::write(&proto, fs::read_to_string(&proto).unwrap().replace("rpc LaterAgain", "rpc Gone")).unwrap();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let refused = client.begin("LaterAgain", OrderRequest::new("more")).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
        let backend = Backend::back_at(address).await;
        let ended = client.wait(&begun.name, Duration::from_secs(20)).await.unwrap();
        assert_eq!(ended.order().key, "left");
        assert!(!backend.asked()[0].body.contains("(new)"), "by the mapping with which it came");
    });
}

#[test]
fn no_call_suffers_from_a_reload() {
    block_on(async {
        let backend = Backend::counting(|_, _| Reaction::TakeSlowly(Duration::from_millis(5))).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let done = Arc::new(AtomicBool::new(false));
        let mut callers = Vec::new();
        for caller in 0..8 {
            let (client, done) = (Client::connect(gateway.grpc).await, done.clone());
            callers.push(tokio::spawn(async move {
                let mut calls = 0;
                while !done.load(Ordering::Relaxed) {
                    let method = ["Once", "Direct", "Keyed"][calls % 3];
                    client.order(method, OrderRequest::new(format!("{caller}-{calls}"))).await.unwrap();
                    calls += 1;
                }
                calls
            }));
        }
        let mapping = fs::read_to_string(house.path(MAPPING)).unwrap();
        for version in 0..10 {
            let changed = mapping.replace("customer,", &format!("\"customer + '{version}'\","));
            fs::write(house.path(MAPPING), changed).unwrap();
            gateway.operator(&house, &["reload"]);
        }
        done.store(true, Ordering::Relaxed);
        let mut calls = 0;
        for caller in callers {
            calls += caller.await.unwrap();
        }
        assert_eq!(backend.counts().values().sum::<usize>(), calls, "each call was one request");
    });
}

#[test]
fn a_gateway_that_is_asked_to_stop_finishes_what_it_is_at() {
    block_on(async {
        let backend = Backend::start(|asked, _| match asked.key.as_str() {
            "slow" => Reaction::TakeSlowly(Duration::from_millis(700)),
            _ => Reaction::Take,
        })
        .await;
        let house = House::orders(backend.address);
        let mut gateway = house.serve();
        assert!(get(gateway.http, "/readyz").await.starts_with("HTTP/1.1 200"));
        let client = Client::connect(gateway.grpc).await;
        let slow = tokio::spawn({
            let client = client.clone();
            async move { client.order("Once", OrderRequest::new("slow")).await }
        });
        until("the slow call is at the system", async || (backend.count("slow") == 1).then_some(())).await;
        gateway.signal("TERM");
        assert_eq!(slow.await.unwrap().expect("the call in flight is answered").key, "slow");
        let status =
            tokio::task::spawn_blocking(move || gateway.wait(Duration::from_secs(20))).await.unwrap();
        assert_eq!(status.expect("it ends by itself").code(), Some(0));
        let list = house.told(&["queue", "list", "--format", "json"]);
        let list: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["messages"][0]["state"], "finished", "{list}");
    });
}

#[test]
fn a_full_disk_stops_the_gateway_and_loses_nothing_that_it_acknowledged() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        house.serve().kill();
        // No file may grow beyond this many blocks of 512 bytes: what a full disk is to a process. They are enough for some orders
        // and for their retries, also where the answer to the first is long on its way.
        let full = "trap '' XFSZ; ulimit -f 2400; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", full]).arg(binary()).args(["serve", "--config", "portolan.yaml"]);
        let mut gateway = house.serve_by(command);
        let client = Client::connect(gateway.grpc).await;
        let mut names = Vec::new();
        let refused = loop {
            let mut order = OrderRequest::new(format!("order-{}", names.len()));
            order.customer = "x".repeat(2000);
            match client.begin("LaterAgain", order).await {
                Ok(operation) => names.push(operation.name),
                Err(status) => break status,
            }
            assert!(names.len() < 2000, "the disk never was full");
        };
        assert!(matches!(refused.code(), Code::Unavailable | Code::Internal), "{refused:?}");
        let status = gateway.wait(Duration::from_secs(20)).expect("it exits");
        assert_eq!(status.code(), Some(1));
        assert!(gateway.said().contains("the queue failed"), "{}", gateway.said());
        drop(gateway);

        let _backend = Backend::back_at(address).await;
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        assert!(!names.is_empty(), "nothing was acknowledged");
        for name in &names {
            let ended =
                client.wait(name, Duration::from_secs(30)).await.expect("what was acknowledged is there");
            assert!(ended.done, "{ended:?}");
        }
    });
}

#[test]
fn a_database_that_cannot_be_used_is_said_at_the_start() {
    let house = House::orders("127.0.0.1:9".parse().unwrap());
    let taken = House::orders("127.0.0.1:9".parse().unwrap());
    let _running = taken.serve();
    fs::write(house.path("garbage.db"), "this is a letter, and no database at all".repeat(100)).unwrap();
    fs::create_dir(house.path("folder.db")).unwrap();
    let other = taken.path("portolan.db").display().to_string();
    for database in ["missing/portolan.db", "folder.db", "garbage.db", "/proc/portolan.db", &other] {
        let text = fs::read_to_string(house.path("portolan.yaml")).unwrap();
        let line = text.lines().find(|l| l.starts_with("queue:")).unwrap();
        fs::write(house.path("portolan.yaml"), text.replace(line, &format!("queue: 'sqlite:{database}'")))
            .unwrap();
        let (status, said) = house.refuses_to_serve();
        assert!(matches!(status.code(), Some(1 | 2)), "{database}: {status}");
        assert!(said.lines().any(|l| l.contains("error")), "{database}: {said}");
        assert!(!said.contains("panicked"), "{database}: {said}");
    }
}
