//! What a cluster of three nodes goes through: nodes that are killed, one after the other or at once. Nothing that was
//! confirmed may be lost. The cluster is started once; the scenarios have queues of their own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::HashSet,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{join, join_all};
use portolan_delivery::{
    MessageId, Timestamp,
    composite::{Parcel, Transport},
};
use portolan_rabbitmq::{Options, RabbitTransport};
use portolan_test_servers::Cluster;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// Nothing that is waited for takes longer. Nodes that start have a bound of their own (`tests/servers`): three in turn take
/// half a minute of a quiet machine and more of a busy one, which says nothing about us.
const PATIENCE: Duration = Duration::from_secs(30);
/// Parcels that are published at once.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(3)).await.unwrap();
    // Declared first, and killed last: see there.
    let survivor = open(&cluster.urls(), "all").await;
    scenario("one after the other", one_after_the_other(&cluster, 0)).await;
    scenario("cut off", cut_off(&cluster, 0)).await;
    scenario("all at once", all_at_once(&cluster, survivor)).await;
}

async fn scenario(name: &str, run: impl Future<Output = ()>) {
    let begun = std::time::Instant::now();
    run.await;
    println!("{name}: {:?}", begun.elapsed());
}

/// Looks again and again until it is so; what is waited for says how far it has come.
async fn until(is_so: impl Fn() -> bool, what: impl Fn() -> String) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{} within {PATIENCE:?}", what()));
}

async fn open(url: &str, prefix: &str) -> Arc<RabbitTransport> {
    let options = Options {
        queue_prefix: prefix.to_owned(),
        confirm_timeout: Duration::from_secs(5),
        ..Options::new(url)
    };
    let transport = RabbitTransport::open(options).await.unwrap();
    transport.serve(&["r".into()]).await.unwrap();
    Arc::new(transport)
}

/// Work with servers, which blocks.
fn block<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// Parcels that go through a transport, published and received at the same time, until it is stopped.
struct Traffic {
    name: String,
    stop: watch::Sender<bool>,
    received: Arc<Mutex<HashSet<Parcel>>>,
    publishing: JoinHandle<Vec<Parcel>>,
    receiving: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// The first publishes, and all receive.
    fn start(name: &str, transports: &[&Arc<RabbitTransport>]) -> Self {
        let stop = watch::Sender::new(false);
        let received = Arc::default();
        let publishing = tokio::spawn(publish(Arc::clone(transports[0]), stop.subscribe()));
        let receive = |one: &&Arc<_>| tokio::spawn(receive(Arc::clone(one), Arc::clone(&received)));
        let receiving = transports.iter().map(receive).collect();
        Self { name: name.to_owned(), stop, received, publishing, receiving }
    }

    /// Until so many more were received.
    async fn flows(&self, count: usize) {
        let received = || self.received.lock().unwrap().len();
        let before = received();
        let what = || format!("{}: {} of {count} parcels", self.name, received() - before);
        until(|| received() >= before + count, what).await;
    }

    /// Stops, and waits until all that was confirmed was received.
    async fn settles(self) {
        self.stop.send_replace(true);
        let publishing = timeout(PATIENCE, self.publishing).await;
        let confirmed =
            publishing.unwrap_or_else(|_| panic!("{}: publishing does not end", self.name)).unwrap();
        let received = |parcel: &Parcel| self.received.lock().unwrap().contains(parcel);
        let missing = || confirmed.iter().filter(|parcel| !received(parcel)).count();
        let what =
            || format!("{}: {} of {} confirmed are not received", self.name, missing(), confirmed.len());
        until(|| confirmed.iter().all(received), what).await;
        self.receiving.iter().for_each(JoinHandle::abort);
        println!("  {} confirmed", confirmed.len());
    }
}

/// Publishes some at once, again and again; returns what was confirmed.
async fn publish(transport: Arc<RabbitTransport>, stop: watch::Receiver<bool>) -> Vec<Parcel> {
    let mut confirmed = Vec::new();
    while !*stop.borrow() {
        let parcels = (0..AT_ONCE).map(|_| Parcel {
            id: MessageId::generate(),
            route: "r".into(),
            attempt: 1,
            due: Timestamp(0),
        });
        let published = parcels.map(async |parcel| transport.publish(parcel.clone()).await.map(|()| parcel));
        let before = confirmed.len();
        confirmed.extend(join_all(published).await.into_iter().flatten());
        if confirmed.len() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    confirmed
}

async fn receive(transport: Arc<RabbitTransport>, received: Arc<Mutex<HashSet<Parcel>>>) {
    loop {
        for one in transport.receive(64, &[]).await.unwrap() {
            received.lock().unwrap().insert(one.parcel);
            // Where this fails it comes again.
            let _ = transport.acknowledge(one.tag).await;
        }
        let _ = timeout(Duration::from_secs(1), transport.arrived()).await;
    }
}

/// Each node is killed in its turn, and comes back: those that work are connected to it, or have a queue whose leader is
/// there, or a queue that was just declared there, which the node forgets and gets back from the others.
async fn one_after_the_other(cluster: &Cluster, round: usize) {
    let all = open(&cluster.urls(), &format!("{round}followed")).await;
    // Where a queue is declared its leader is.
    let elsewhere = format!("{round}elsewhere");
    drop(open(&cluster.url(0), &elsewhere).await);
    let (one, other) = (open(&cluster.url(1), &elsewhere).await, open(&cluster.url(2), &elsewhere).await);
    let followed = Traffic::start("one that follows", &[&all]);
    let elsewhere = Traffic::start("two whose leader is elsewhere", &[&one, &other]);
    join(followed.flows(1), elsewhere.flows(1)).await;
    for node in 0..3 {
        block(|| cluster.kill(node));
        followed.flows(100).await;
        if node == 0 {
            elsewhere.flows(100).await;
            assert!(one.is_connected() && other.is_connected());
        }
        assert!(all.is_connected());
        block(|| cluster.restart(node));
    }
    join(followed.flows(100), elsewhere.flows(100)).await;
    join(followed.settles(), elsewhere.settles()).await;
}

/// The node that both connections go to is cut off from the others, and pauses.
async fn cut_off(cluster: &Cluster, round: usize) {
    let transport = open(&cluster.urls(), &format!("{round}cut")).await;
    let traffic = Traffic::start("one that is cut off", &[&transport]);
    traffic.flows(100).await;
    block(|| cluster.isolate(0));
    while block(|| cluster.answers(0)) {}
    traffic.flows(100).await;
    block(|| cluster.rejoin(0));
    while !block(|| cluster.answers(0)) {}
    traffic.flows(100).await;
    traffic.settles().await;
}

/// The whole cluster, as when the power fails. Its queue is some seconds old: RabbitMQ 3.10 forgets one that is younger than
/// half a second (README), and here all nodes would.
async fn all_at_once(cluster: &Cluster, transport: Arc<RabbitTransport>) {
    let traffic = Traffic::start("one whose nodes all die", &[&transport]);
    traffic.flows(100).await;
    block(|| cluster.restart_all());
    traffic.flows(100).await;
    traffic.settles().await;
}

/// The same again and again, each time with new queues.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes"]
async fn cluster_for_long() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(3)).await.unwrap();
    for round in 1..=10 {
        println!("round {round}");
        let survivor = open(&cluster.urls(), &format!("{round}all")).await;
        scenario("one after the other", one_after_the_other(&cluster, round)).await;
        scenario("cut off", cut_off(&cluster, round)).await;
        scenario("all at once", all_at_once(&cluster, survivor)).await;
    }
}
