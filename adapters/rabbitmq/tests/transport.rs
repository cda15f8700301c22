//! Over a real broker. It is started once, as that takes seconds; the scenarios have queues of their own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, QueueDeclareOptions},
    types::FieldTable,
};
use portolan_delivery::{
    BrokerState, MessageId, Timestamp,
    composite::{Parcel, Received, Transport},
};
use portolan_rabbitmq::{Options, RabbitTransport, Rights, ServeError};
use portolan_test_servers::Broker;
use tokio::time::timeout;

/// No wait is longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn transport() {
    let broker = tokio::task::spawn_blocking(Broker::start).await.unwrap();
    let url = broker.url();
    // Declared first, and killed last: see there.
    let survivor = Options { confirm_timeout: Duration::from_secs(2), ..options(&url, "killed") };
    let survivor = RabbitTransport::open(survivor).await.unwrap();
    survivor.serve(&routes(["r"])).await.unwrap();
    scenario("in order", in_order(&broker)).await;
    scenario("passed over", passed_over(&url)).await;
    scenario("released", released(&url)).await;
    scenario("not acknowledged", not_acknowledged(&url)).await;
    scenario("other arguments", other_arguments(&url)).await;
    scenario("hostile", hostile(&url)).await;
    scenario("no longer served", no_longer_served(&url)).await;
    scenario("queue deleted", queue_deleted(&broker)).await;
    scenario("rights", rights(&broker)).await;
    scenario("blocked", blocked(&broker)).await;
    scenario("killed", killed(&broker, survivor)).await;
    scenario("away", away(&broker)).await;
}

async fn scenario(name: &str, run: impl Future<Output = ()>) {
    let begun = std::time::Instant::now();
    timeout(2 * PATIENCE, run).await.unwrap_or_else(|_| panic!("{name}: does not end"));
    println!("{name}: {:?}", begun.elapsed());
}

async fn open(url: &str, prefix: &str) -> RabbitTransport {
    RabbitTransport::open(options(url, prefix)).await.unwrap()
}

fn options(url: &str, prefix: &str) -> Options {
    Options { queue_prefix: prefix.to_owned(), receive_wait: PATIENCE, ..Options::new(url) }
}

fn parcel(route: &str, attempt: u32) -> Parcel {
    Parcel { id: MessageId::generate(), route: route.into(), attempt, due: Timestamp(0) }
}

fn routes<const N: usize>(names: [&str; N]) -> Vec<Arc<str>> {
    names.map(Arc::from).to_vec()
}

/// So many, as they come.
async fn receive(transport: &RabbitTransport, count: usize, except: &[Arc<str>]) -> Vec<Received> {
    let mut received = Vec::new();
    while received.len() < count {
        let come = transport.receive(count - received.len(), except).await.unwrap();
        if come.is_empty() {
            timeout(PATIENCE, transport.arrived()).await.expect("nothing arrives");
        }
        received.extend(come);
    }
    received
}

/// Until this one comes; what else comes is acknowledged too.
async fn receive_this(transport: &RabbitTransport, parcel: &Parcel) {
    loop {
        let received = receive(transport, 1, &[]).await.remove(0);
        transport.acknowledge(received.tag).await.unwrap();
        if received.parcel == *parcel {
            return;
        }
    }
}

fn parcels(received: &[Received]) -> Vec<Parcel> {
    received.iter().map(|received| received.parcel.clone()).collect()
}

/// More than the prefetch, at once: each once, in order. Confirmed and not excepted, they are received without a wait.
async fn in_order(broker: &Broker) {
    let url = &broker.url();
    let transport = open(url, "order").await;
    assert!(transport.is_connected());
    let sent: Vec<_> = (1..=300).map(|attempt| parcel("orders", attempt)).collect();
    futures_util::future::try_join_all(sent.iter().cloned().map(|one| transport.publish(one))).await.unwrap();
    let mut got = Vec::new();
    while got.len() < sent.len() {
        let received = transport.receive(50, &[]).await.unwrap();
        assert!(!received.is_empty(), "after {}", got.len());
        for one in received {
            transport.acknowledge(one.tag).await.unwrap();
            got.push(one.parcel);
        }
    }
    let attempts = |parcels: &[Parcel]| parcels.iter().map(|parcel| parcel.attempt).collect::<Vec<_>>();
    assert_eq!(attempts(&got), attempts(&sent));
    assert!(got == sent);
    assert!(transport.receive(1, &[]).await.unwrap().is_empty());
    // A quorum queue takes acknowledgements in blocks, and forgets those that it has not taken when their channel is closed.
    let left = || {
        let listed = tokio::task::block_in_place(|| broker.ctl(&["list_queues", "messages"]));
        listed.lines().filter_map(|line| line.trim().parse::<u64>().ok()).sum::<u64>()
    };
    while left() > 0 {
        tokio::task::yield_now().await;
    }
    drop(transport);
    let transport = open(url, "order").await;
    transport.serve(&routes(["orders"])).await.unwrap();
    assert!(transport.receive(1, &[]).await.unwrap().is_empty(), "acknowledged, and here again");
}

async fn passed_over(url: &str) {
    let transport = open(url, "over").await;
    let (paused, other) = (parcel("paused", 1), parcel("other", 1));
    transport.publish(paused.clone()).await.unwrap();
    transport.publish(other.clone()).await.unwrap();
    let except = routes(["paused"]);
    assert_eq!(parcels(&receive(&transport, 1, &except).await), [other]);
    assert!(transport.receive(1, &except).await.unwrap().is_empty());
    let arrived = timeout(Duration::from_millis(200), transport.arrived()).await;
    assert!(arrived.is_err(), "only what was passed over is here");
    assert_eq!(parcels(&receive(&transport, 1, &[]).await), [paused]);
}

/// What is given back comes again, and what was acknowledged does not.
async fn released(url: &str) {
    let transport = open(url, "released").await;
    let (kept, done) = (parcel("r", 1), parcel("r", 2));
    transport.publish(kept.clone()).await.unwrap();
    transport.publish(done.clone()).await.unwrap();
    for one in receive(&transport, 2, &[]).await {
        match one.parcel == kept {
            true => transport.release(one.tag).await.unwrap(),
            false => transport.acknowledge(one.tag).await.unwrap(),
        }
    }
    let again = receive(&transport, 1, &[]).await;
    assert_eq!(parcels(&again), [kept]);
    transport.acknowledge(again[0].tag).await.unwrap();
    assert!(transport.receive(1, &[]).await.unwrap().is_empty());
}

async fn not_acknowledged(url: &str) {
    let first = open(url, "again").await;
    let sent: Vec<_> = (1..=3).map(|attempt| parcel("r", attempt)).collect();
    for one in &sent {
        first.publish(one.clone()).await.unwrap();
    }
    let received = receive(&first, 2, &[]).await;
    first.acknowledge(received[0].tag).await.unwrap();
    drop(first);
    let second = open(url, "again").await;
    second.serve(&routes(["r"])).await.unwrap();
    assert_eq!(parcels(&receive(&second, 2, &[]).await), sent[1..]);
}

async fn other_arguments(url: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let name = "differs.route.r";
    channel.queue_declare(name.into(), QueueDeclareOptions::default(), FieldTable::default()).await.unwrap();
    let transport = open(url, "differs").await;
    let error = transport.serve(&routes(["fine", "r"])).await.unwrap_err();
    assert!(matches!(&error, ServeError::Differs { queue, .. } if queue == name), "{error}");
    assert!(error.to_string().contains("inequivalent arg"), "{error}");
    let error = transport.publish(parcel("r", 1)).await.unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
    // The connections go on.
    let fine = parcel("fine", 1);
    transport.publish(fine.clone()).await.unwrap();
    assert_eq!(parcels(&receive(&transport, 1, &[]).await), [fine]);
    assert!(transport.is_connected());
    let error = transport.publish(parcel(&"long".repeat(100), 1)).await.unwrap_err();
    assert!(error.to_string().contains("255"), "{error}");
}

async fn hostile(url: &str) {
    let transport = open(url, "hostile").await;
    transport.serve(&routes(["r"])).await.unwrap();
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let pretends = BasicProperties::default()
        .with_type("portolan.parcel".into())
        .with_message_id(MessageId::generate().to_string().into());
    for (properties, body) in [
        (BasicProperties::default(), "anything"),
        (pretends.clone(), "{"),
        (pretends.clone(), ""),
        (pretends, r#"{"route":"other","attempt":1}"#),
    ] {
        channel
            .basic_publish(
                "".into(),
                "hostile.route.r".into(),
                BasicPublishOptions::default(),
                body.as_bytes(),
                properties,
            )
            .await
            .unwrap();
    }
    let sent = parcel("r", 1);
    transport.publish(sent.clone()).await.unwrap();
    let received = receive(&transport, 1, &[]).await;
    assert_eq!(parcels(&received), [sent]);
    transport.acknowledge(received[0].tag).await.unwrap();
    drop(transport);
    // Rejected for good: none is left for the next.
    let queue = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let left = channel.queue_declare("hostile.route.r".into(), queue, FieldTable::default()).await.unwrap();
    assert_eq!(left.message_count(), 0);
}

async fn no_longer_served(url: &str) {
    let transport = open(url, "served").await;
    transport.serve(&routes(["old", "new"])).await.unwrap();
    let held = parcel("old", 1);
    transport.publish(held.clone()).await.unwrap();
    timeout(PATIENCE, transport.arrived()).await.unwrap();
    transport.serve(&routes(["new"])).await.unwrap();
    assert!(transport.receive(1, &[]).await.unwrap().is_empty());
    // Another gateway still has the route.
    let other = open(url, "served").await;
    other.serve(&routes(["old"])).await.unwrap();
    assert_eq!(parcels(&receive(&other, 1, &[]).await), [held]);
}

async fn queue_deleted(broker: &Broker) {
    let transport = open(&broker.url(), "deleted").await;
    receive_after(&transport, &parcel("r", 1)).await;
    let deleted = tokio::task::block_in_place(|| broker.ctl(&["delete_queue", "deleted.route.r"]));
    println!("{deleted}");
    // Of many at once, some to a queue that is there: none is told what became of another.
    transport.publish(parcel("there", 1)).await.unwrap();
    receive_after(&transport, &parcel("r", 2)).await;
}

/// Published until that succeeds, and received.
async fn receive_after(transport: &RabbitTransport, parcel: &Parcel) {
    while transport.publish(parcel.clone()).await.is_err() {}
    receive_this(transport, parcel).await;
}

/// What `doctor` sees of them; nothing is made.
async fn rights(broker: &Broker) {
    let ctl = |args: &[&str]| tokio::task::block_in_place(|| broker.ctl(args));
    let whole = portolan_rabbitmq::rights(&options(&broker.url(), "rights")).await.unwrap();
    assert_eq!(whole, Rights { missing: Vec::new(), blocked: false });
    ctl(&["add_user", "poor", "poor"]);
    for wrong in [":guest@", "/%2f"] {
        let url = broker.url().replace(wrong, if wrong.starts_with(':') { ":wrong@" } else { "/none" });
        let refused = RabbitTransport::open(Options::new(url)).await.unwrap_err();
        assert!(!refused.is_away(), "waiting makes no user and no virtual host: {refused}");
    }
    let poor = options(&broker.url().replace("guest:guest", "poor:poor"), "rights");
    for (permissions, expected) in [
        (["^$", "^$", "^$"], &["configure", "read", "write"][..]),
        (["^rights\\.", "^(rights\\..*|amq\\.default)$", "^$"], &["read"]),
        (["^rights\\.", "^(rights\\..*|amq\\.default)$", "^rights\\."], &[]),
    ] {
        ctl(&[&["set_permissions", "poor"][..], &permissions].concat());
        let asked = portolan_rabbitmq::rights(&poor).await.unwrap();
        assert_eq!(asked, Rights { missing: expected.to_vec(), blocked: false }, "{permissions:?}");
    }
    assert!(!ctl(&["list_queues", "name"]).contains("rights"));
}

async fn blocked(broker: &Broker) {
    let options = Options { confirm_timeout: Duration::from_secs(2), ..options(&broker.url(), "blocked") };
    let transport = RabbitTransport::open(options).await.unwrap();
    receive_after(&transport, &parcel("r", 1)).await;
    let set = |limit| tokio::task::block_in_place(|| broker.ctl(&["set_vm_memory_high_watermark", limit]));
    set("0.0000001");
    let error = transport.publish(parcel("r", 2)).await.unwrap_err();
    assert!(error.to_string().contains("no confirm"), "{error}");
    assert_eq!(transport.state(), BrokerState { connected: true, blocked: true });
    let asked = portolan_rabbitmq::rights(&Options::new(broker.url())).await.unwrap();
    assert_eq!(asked, Rights { missing: Vec::new(), blocked: true });
    set("0.4");
    receive_after(&transport, &parcel("r", 3)).await;
    assert_eq!(transport.state(), BrokerState { connected: true, blocked: false });
}

/// One queue is some seconds old, the other is young.
async fn killed(broker: &Broker, transport: RabbitTransport) {
    let sent: Vec<_> = (1..=20).map(|attempt| parcel("r", attempt)).collect();
    futures_util::future::try_join_all(sent.iter().cloned().map(|one| transport.publish(one))).await.unwrap();
    let held = receive(&transport, 1, &[]).await;
    transport.serve(&routes(["r", "young"])).await.unwrap();
    tokio::task::block_in_place(|| broker.kill());
    while transport.is_connected() {
        tokio::task::yield_now().await;
    }
    tokio::task::block_in_place(|| broker.restart());
    // Of a connection that is gone: no harm.
    transport.acknowledge(held[0].tag).await.unwrap();
    let after = parcel("r", 21);
    while transport.publish(after.clone()).await.is_err() {}
    let mut missing: HashSet<_> = sent.into_iter().chain([after]).collect();
    while !missing.is_empty() {
        for one in receive(&transport, 1, &[]).await {
            transport.acknowledge(one.tag).await.unwrap();
            missing.remove(&one.parcel);
        }
    }
    assert!(transport.is_connected());
    if leaderless(&transport).await {
        elected(broker, &transport).await;
    }
}

/// RabbitMQ 3.10 forgets a queue that was declared less than half a second before its node was killed: there is one of that
/// name, without a leader for good (README). That is said, and holds up no other route.
async fn leaderless(transport: &RabbitTransport) -> bool {
    let said = loop {
        match transport.publish(parcel("young", 1)).await {
            Ok(()) => return false,
            Err(error) if error.to_string().contains("quorum_status") => break error.to_string(),
            Err(_) => {}
        }
    };
    assert!(said.contains("rabbitmqctl delete_queue killed.route.young"), "{said}");
    for attempt in 22..32 {
        let other = parcel("r", attempt);
        transport.publish(other.clone()).await.unwrap();
        receive_this(transport, &other).await;
    }
    transport.publish(parcel("young", 2)).await.unwrap_err();
    true
}

/// A leader that is found late: what was not answered until then takes effect, also a consumer at whose end nobody is.
async fn elected(broker: &Broker, transport: &RabbitTransport) {
    let elect = "ra:trigger_election({'%2F_killed.route.young', node()}).";
    tokio::task::block_in_place(|| broker.ctl(&["eval", elect]));
    receive_after(transport, &parcel("young", 3)).await;
    let mut missing = HashSet::new();
    for attempt in 4..204 {
        let one = parcel("young", attempt);
        transport.publish(one.clone()).await.unwrap();
        missing.insert(one);
    }
    while !missing.is_empty() {
        for one in receive(transport, 1, &[]).await {
            transport.acknowledge(one.tag).await.unwrap();
            missing.remove(&one.parcel);
        }
    }
}

/// What the error advises.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "half a minute"]
async fn a_queue_without_a_leader_is_deleted() {
    let broker = tokio::task::spawn_blocking(Broker::start).await.unwrap();
    let options = Options { confirm_timeout: Duration::from_secs(2), ..options(&broker.url(), "killed") };
    let transport = RabbitTransport::open(options).await.unwrap();
    receive_after(&transport, &parcel("r", 1)).await;
    receive_after(&transport, &parcel("young", 1)).await;
    tokio::task::block_in_place(|| broker.kill());
    tokio::task::block_in_place(|| broker.restart());
    if leaderless(&transport).await {
        tokio::task::block_in_place(|| broker.ctl(&["delete_queue", "killed.route.young"]));
    }
    receive_after(&transport, &parcel("young", 3)).await;
}

/// The last: the broker does not come back.
async fn away(broker: &Broker) {
    let options = Options { confirm_timeout: Duration::from_millis(500), ..options(&broker.url(), "away") };
    let transport = RabbitTransport::open(options.clone()).await.unwrap();
    let hours = Options { confirm_timeout: Duration::from_secs(7200), ..options.clone() };
    let patient = RabbitTransport::open(hours).await.unwrap();
    tokio::task::block_in_place(|| broker.kill());
    transport.publish(parcel("r", 1)).await.unwrap_err();
    assert!(transport.receive(1, &[]).await.unwrap().is_empty());
    // However long an answer may take, who asks for queues is told at once, again and again.
    for _ in 0..3 {
        let told = timeout(PATIENCE, patient.serve(&routes(["r"]))).await.expect("an answer");
        assert!(matches!(told, Err(ServeError::Away(_))), "{told:?}");
    }
    let later = Transport::serve(&patient, &routes(["r"])).await.unwrap();
    assert!(later.is_some_and(|later| later.contains("RabbitMQ")));
    assert_eq!(patient.state(), BrokerState { connected: false, blocked: false });
    let error = RabbitTransport::open(options).await.unwrap_err();
    let said = error.to_string();
    assert!(error.is_away() && said.contains("127.0.0.1:"), "{said}");
    assert!(!said.contains("guest"), "{said}");
}
