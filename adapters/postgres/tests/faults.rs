//! A database that is killed under the ledger, and two gateways over one.

use std::{
    io::{Read, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use portolan_delivery::{
    Accept, Accepted, Arrival, Block, DeadLetters, Delivery, DeliveryError, Envelope, FileCounts, FileFilter,
    FileHash, FileStore, Filter, GatewayId, MessageId, MessageStore, Start, StateKind,
    composite::{Composite, Ledger, Parcel},
    testing::{
        FakeBroker, FakeTransport, Fuse,
        messages::{BUNDLE, NOW, envelope, ordered, payload, repeatable, reply},
        suspects,
    },
};
use portolan_postgres::{Options, PostgresLedger};
use portolan_test_servers::Database;

async fn open(database: &Database) -> Arc<PostgresLedger> {
    let ledger = PostgresLedger::open(Options::new(database.url())).await.expect("open");
    ledger.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    Arc::new(ledger)
}

async fn kind(ledger: &PostgresLedger, id: portolan_delivery::MessageId) -> StateKind {
    ledger.get(id).await.expect("get").expect("the message").state.kind()
}

/// The messages of a file's records, so many at a time.
fn block(file: FileHash, from: u64, to: u64) -> Block {
    let accept = |record| Accept {
        envelope: Envelope { id: MessageId::of_record("r", file, NOW, record), ..envelope("r") },
        payload: payload(1),
        start: Start::Due(NOW),
    };
    let messages = (from + 1..=to).map(accept).collect();
    let counts = FileCounts { messages: to, ..FileCounts::default() };
    Block { route: "r".into(), file, from, to, messages, answers: Vec::new(), counts, now: NOW }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_accepted_once_also_where_its_answer_is_lost() {
    const BLOCKS: u64 = 8;
    let database = Database::start();
    let ledger = open(&database).await;
    let gateway = GatewayId::generate();
    ledger.reconcile(gateway, NOW).await.expect("reconcile");
    let hash = FileHash([5; 32]);
    let arrival =
        Arrival { hash, route: "r".into(), bundle: BUNDLE, name: "a".into(), bytes: 9, received: NOW };
    ledger.begin_file(arrival, gateway).await.expect("begin");
    for number in 0..BLOCKS {
        let (from, to) = (number * 1000, (number + 1) * 1000);
        let (accepting, within) = (ledger.clone(), Duration::from_millis(number * 4));
        let accepted =
            tokio::spawn(async move { accepting.accept_block(block(hash, from, to), gateway).await });
        // Before it is there, under way, or done.
        tokio::time::sleep(within).await;
        database.kill();
        database.restart();
        assert_eq!(accepted.await.expect("no panic"), Ok(true), "block {number}");
        assert_eq!(ledger.accept_block(block(hash, from, to), gateway).await, Ok(false), "it is there");
    }
    let file = ledger
        .files(FileFilter { open: true, ..FileFilter::default() })
        .await
        .expect("files")
        .pop()
        .expect("the file");
    assert_eq!((file.position, file.counts.messages), (BLOCKS * 1000, BLOCKS * 1000));
    let counts = ledger.counts().await.expect("counts");
    assert_eq!(counts.iter().map(|count| count.messages).sum::<u64>(), BLOCKS * 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_loses_nothing_and_outcomes_are_recorded_when_it_is_back() {
    let database = Database::start();
    let ledger = open(&database).await;
    let gateway = GatewayId::generate();
    ledger.reconcile(gateway, NOW).await.expect("reconcile");
    let mut claims = Vec::new();
    for _ in 0..20 {
        let accept = Accept { envelope: envelope("r"), payload: payload(1), start: Start::Now(gateway) };
        match ledger.insert(accept).await.expect("insert") {
            Accepted::New(Some(claim)) => claims.push(claim),
            other => panic!("a claim, not {other:?}"),
        }
    }
    database.kill();
    let settling: Vec<_> = claims
        .iter()
        .map(|claim| {
            let (ledger, claim) = (ledger.clone(), *claim);
            tokio::spawn(async move { ledger.finish(claim, reply(), NOW).await })
        })
        .collect();
    database.restart();
    for settled in settling {
        settled.await.expect("no panic").expect("recorded, once the database is back");
    }
    for claim in claims {
        assert_eq!(kind(&ledger, claim.id).await, StateKind::Finished);
    }
}

/// Lets nobody in, so often, as a server does whose disk is full: it calls that an internal error.
fn refuse(address: std::net::SocketAddr, times: usize) {
    // What is left of the server that was killed lets go of the port in a moment.
    let began = std::time::Instant::now();
    let listener = loop {
        match std::net::TcpListener::bind(address) {
            Ok(listener) => break listener,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(20), "{error}"),
        }
        std::thread::yield_now();
    };
    for _ in 0..times {
        let (mut stream, _) = listener.accept().expect("accept");
        let mut asked = [0; 1024];
        // A question for TLS comes first, which has eight bytes.
        if stream.read(&mut asked).is_ok_and(|length| length == 8) {
            let _ = stream.write_all(b"N");
            let _ = stream.read(&mut asked);
        }
        let fields = b"SFATAL\0VFATAL\0CXX000\0Mcould not write init file\0\0";
        let length = u32::try_from(fields.len() + 4).expect("short");
        let _ = stream.write_all(&[b"E", &length.to_be_bytes()[..], fields].concat());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_is_not_given_up_over_a_server_that_lets_nobody_in() {
    let database = Database::start();
    let ledger = open(&database).await;
    let gateway = GatewayId::generate();
    ledger.reconcile(gateway, NOW).await.expect("reconcile");
    let accept = Accept { envelope: envelope("r"), payload: payload(1), start: Start::Now(gateway) };
    let Ok(Accepted::New(Some(claim))) = ledger.insert(accept).await else { panic!("a claim") };
    database.kill();
    let settling = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.finish(claim, reply(), NOW).await }
    });
    let address = database.address();
    tokio::task::spawn_blocking(move || refuse(address, 4)).await.expect("refused");
    database.restart();
    settling.await.expect("no panic").expect("recorded, once somebody is let in");
    assert_eq!(kind(&ledger, claim.id).await, StateKind::Finished);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_away_until_it_goes_on() {
    let database = Database::start();
    let patience = Duration::from_millis(300);
    let ledger =
        PostgresLedger::open(Options { patience, ..Options::new(database.url()) }).await.expect("open");
    ledger.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let accept = |envelope| Accept { envelope, payload: payload(1), start: Start::Due(NOW) };
    let before = envelope("r");
    ledger.insert(accept(before.clone())).await.expect("insert");
    database.freeze();
    let refused = envelope("r");
    // Each would wait for ever.
    let told = ledger.insert(accept(refused.clone())).await.expect_err("it is away");
    assert_eq!(told, DeliveryError::Unavailable("the ledger: timeout waiting for server".to_owned()));
    ledger.get(before.id).await.expect_err("it is away");
    ledger.counts().await.expect_err("it is away");
    database.thaw();
    ledger.insert(accept(envelope("r"))).await.expect("it is back");
    // Whoever was told that it was not accepted is believed.
    while ledger.get(refused.id).await.expect("it is back").is_some() {}
    assert_eq!(kind(&ledger, before.id).await, StateKind::Waiting);
}

/// A network that holds back what is sent, and lets the youngest connections go on first.
struct Holding {
    held: tokio::sync::watch::Sender<bool>,
    /// The number of the connection that may go on, or a later one.
    from: tokio::sync::watch::Sender<usize>,
    port: u16,
}

impl Holding {
    async fn before(server: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (held, from) = (tokio::sync::watch::Sender::new(false), tokio::sync::watch::Sender::new(0));
        let (now, gate) = (held.subscribe(), from.subscribe());
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((near, _)) = listener.accept().await else { return };
                let (now, gate) = (now.clone(), gate.clone());
                tokio::spawn(async move {
                    let far =
                        tokio::net::TcpStream::connect(("127.0.0.1", server)).await.expect("PostgreSQL");
                    let (near, far) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = carry(near.0, far.1, number, now.clone(), gate.clone()) => {}
                        () = carry(far.0, near.1, number, now, gate) => {}
                    }
                });
            }
        });
        Self { held, from, port }
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    number: usize,
    mut held: tokio::sync::watch::Receiver<bool>,
    mut gate: tokio::sync::watch::Receiver<usize>,
) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let _ = held.wait_for(|held| !held).await;
        let _ = gate.wait_for(|from| number >= *from).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// An accept was given up, as its network held everything back: what it had sent arrives after all, and late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_that_arrives_after_it_was_undone_has_no_effect() {
    let database = Database::start();
    let ledger = open(&database).await;
    // On the older of two connections, and on the younger: what undoes it goes by the other.
    for before in [4, 5] {
        arrives_late(&database, &ledger, before).await;
    }
}

async fn arrives_late(database: &Database, ledger: &PostgresLedger, before: usize) {
    let url = database.url();
    let (place, after) = url.rsplit_once(':').expect("a port");
    let port = after.split('/').next().and_then(|port| port.parse().ok()).expect("a port");
    let network = Holding::before(port).await;
    let through = format!("{place}:{}{}", network.port, &after[port.to_string().len()..]);
    let hurried = Options { patience: Duration::from_millis(300), connections: 2, ..Options::new(through) };
    let far = Arc::new(PostgresLedger::open(hurried).await.expect("open"));
    far.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    for _ in 0..before {
        let accept = Accept { envelope: envelope("r"), payload: payload(1), start: Start::Now(gateway) };
        assert!(
            matches!(far.insert(accept).await, Ok(Accepted::New(Some(_)))),
            "it is connected and prepared"
        );
    }

    network.held.send_replace(true);
    network.from.send_replace(usize::MAX);
    let accept = Accept { envelope: envelope("r"), payload: payload(1), start: Start::Now(gateway) };
    let id = accept.envelope.id;
    far.insert(accept).await.expect_err("nothing arrives");
    // What undoes it goes by a younger connection, and first; then whatever was held back.
    network.held.send_replace(false);
    for from in (0..20).rev() {
        network.from.send_replace(from);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let undone = async {
        loop {
            let another = Accept { envelope: envelope("r"), payload: payload(1), start: Start::Due(NOW) };
            match far.insert(another).await {
                Ok(_) => return,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), undone).await.expect("it goes on");
    assert!(ledger.get(id).await.expect("get").is_none(), "nobody knows of it, and it is claimed for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_share_what_is_due_and_leave_each_others_attempts_alone() {
    let database = Database::start();
    let (one, two) = tokio::join!(open(&database), open(&database));
    let (first, second) = (GatewayId::generate(), GatewayId::generate());
    one.reconcile(first, NOW).await.expect("reconcile");
    two.reconcile(second, NOW).await.expect("reconcile");
    for _ in 0..10 {
        let envelope = repeatable("r");
        let soon = NOW.plus(Duration::from_secs(1));
        let accept = Accept { envelope, payload: payload(1), start: Start::Due(soon) };
        one.insert(accept).await.expect("insert");
    }
    let later = NOW.plus(Duration::from_secs(2));
    // Whoever looks at the outbox at the same time: each parcel is published by one.
    let (a, b) = tokio::join!(one.due(10, &[], later), two.due(10, &[], later));
    let mut parcels = a.expect("due");
    parcels.extend(b.expect("due"));
    parcels.extend(one.due(10, &[], later).await.expect("due"));
    let mut ids: Vec<_> = parcels.iter().map(|parcel: &Parcel| parcel.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((parcels.len(), ids.len()), (10, 10), "each parcel to one of them");
    // A claim is one gateway's, however often its parcel comes.
    for parcel in &parcels {
        let (a, b) = tokio::join!(one.claim(parcel, first, later), two.claim(parcel, second, later));
        assert_eq!(a.expect("claim").iter().count() + b.expect("claim").iter().count(), 1);
    }
    // Both are alive, so neither settles the other's attempts.
    assert_eq!(one.reconcile(first, later).await.expect("reconcile"), Default::default());
    assert_eq!(two.reconcile(second, later).await.expect("reconcile"), Default::default());
    for id in ids {
        assert_eq!(kind(&one, id).await, StateKind::Claimed);
    }
}

/// It counts as published as soon as it is durable; where that was wrong, it leaves by the outbox.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_of_a_block_was_not_published_is_published_later() {
    let (database, broker) = (Database::start(), FakeBroker::default());
    let opened = async || {
        let ledger = PostgresLedger::open(Options::new(database.url())).await.expect("open");
        let delivery = Composite::new(FakeTransport::new(broker.clone(), Fuse::never()), ledger);
        delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
        delivery
    };
    let (hash, gateway) = (FileHash([5; 32]), GatewayId::generate());
    let arrival =
        Arrival { hash, route: "r".into(), bundle: BUNDLE, name: "a".into(), bytes: 9, received: NOW };
    let delivery = opened().await;
    delivery.reconcile(gateway, NOW).await.expect("reconcile");
    delivery.begin_file(arrival.clone(), gateway).await.expect("begin");
    let later = |seconds: u64| NOW.plus(Duration::from_secs(seconds));
    // The queue takes nothing while the second block is accepted, and the first one published.
    broker.refuse(Some("r"));
    for block in [block(hash, 0, 3), block(hash, 3, 5)] {
        assert_eq!(delivery.accept_block(block, gateway).await, Ok(true));
    }
    assert_eq!(broker.len(), 0);
    broker.refuse(None);
    let mut got = Vec::new();
    // Nothing is published for a while where nothing was taken.
    for second in 1..60 {
        let claimed = delivery.claim(gateway, 9, &[], later(second)).await.expect("claim");
        got.extend(claimed.into_iter().map(|one| one.claim.id));
    }
    got.sort();
    assert_eq!(got, [1, 2, 3, 4, 5].map(|record| MessageId::of_record("r", hash, NOW, record)));

    // A process that ends has published one block and not the next ones; some of the first were claimed.
    for block in [block(hash, 5, 1005), block(hash, 1005, 1006), block(hash, 1006, 1007)] {
        assert_eq!(delivery.accept_block(block, gateway).await, Ok(true));
    }
    assert_eq!(broker.len(), 5 + 1000 + 1, "the last one is not published yet");
    broker.purge();
    drop(delivery);
    broker.disconnect();
    let delivery = opened().await;
    delivery.begin_file(arrival, gateway).await.expect("begin");
    let (mut got, mut tries) = (Vec::new(), 0);
    while got.len() < 1002 {
        let claimed = delivery.claim(gateway, 300, &[], later(60)).await.expect("claim");
        for one in &claimed {
            delivery.finish(one.claim, reply(), later(60)).await.expect("finish");
        }
        got.extend(claimed.into_iter().map(|one| one.claim.id));
        tries += 1;
        assert!(tries < 1000, "{} were claimed", got.len());
    }
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 1002);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspects_take_turns() {
    suspects::take_turns(&*open(&Database::start()).await).await;
}

/// Accepts of a key meet outcomes of the same key, on both gateways: nobody overtakes, and nobody is left waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_keep_the_order_of_a_key() {
    const KEYS: usize = 4;
    const EACH: usize = 100;
    let database = Database::start();
    let broker = FakeBroker::default();
    let gateway = async || {
        let transport = FakeTransport::new(broker.clone(), Fuse::never());
        let ledger = PostgresLedger::open(Options::new(database.url())).await.expect("open");
        let delivery = Arc::new(Composite::new(transport, ledger));
        delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
        delivery
    };
    let gateways = [gateway().await, gateway().await];
    let accepting: Vec<_> = (0..KEYS)
        .flat_map(|key| gateways.iter().map(move |delivery| (key, delivery.clone())))
        .map(|(key, delivery)| {
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for _ in 0..EACH / 2 {
                    let envelope = ordered("r", &key.to_string(), DeadLetters::Hold);
                    accepted.push(envelope.id);
                    let accept = Accept { envelope, payload: payload(1), start: Start::Due(NOW) };
                    delivery.accept(accept).await.expect("accept");
                }
                accepted
            })
        })
        .collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let working: Vec<_> = gateways
        .iter()
        .map(|delivery| {
            let (delivery, asked) = (delivery.clone(), asked.clone());
            let gateway = GatewayId::generate();
            tokio::spawn(async move {
                while asked.lock().expect("asked").len() < KEYS * EACH {
                    for one in delivery.claim(gateway, 9, &[], NOW).await.expect("claim") {
                        asked.lock().expect("asked").push(one.claim.id);
                        delivery.finish(one.claim, reply(), NOW).await.expect("finish");
                    }
                }
            })
        })
        .collect();
    let patience = Duration::from_secs(120);
    for task in working {
        tokio::time::timeout(patience, task).await.expect("nobody is left waiting").expect("no panic");
    }
    let asked = asked.lock().expect("asked").clone();
    for accepted in accepting {
        let places: Vec<_> = accepted
            .await
            .expect("accept")
            .into_iter()
            .map(|id| asked.iter().position(|known| *known == id))
            .collect();
        assert!(places.is_sorted() && places[0].is_some(), "accepted earlier, asked earlier: {places:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_a_dead_letter_and_stops_no_other() {
    let database = Database::start();
    let ledger = open(&database).await;
    let (gone, here) = (GatewayId::generate(), GatewayId::generate());
    let mut ids = Vec::new();
    for start in [Start::Now(gone), Start::Now(gone), Start::Due(NOW), Start::Due(NOW)] {
        let order = ordered("r", &ids.len().to_string(), DeadLetters::Hold).order;
        let envelope = Envelope { order, ..repeatable("r") };
        ids.push(envelope.id);
        let behind = Envelope { id: MessageId::generate(), ..envelope.clone() };
        for envelope in [envelope, behind] {
            ledger.insert(Accept { envelope, payload: payload(1), start }).await.expect("insert");
        }
    }
    let (client, driver) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.expect("connect");
    let driver = tokio::spawn(driver);
    let damage = "UPDATE portolan.messages SET envelope = 'damaged' WHERE id = ANY($1)";
    client.execute(damage, &[&vec![ids[0].0, ids[2].0]]).await.expect("damage");
    driver.abort();
    let reconciled = ledger.reconcile(here, NOW).await.expect("a gateway starts all the same");
    assert_eq!((reconciled.requeued.len(), reconciled.buried.len()), (1, 1));
    let parcel = |id| Parcel { id, route: "r".into(), attempt: 1, due: NOW };
    assert!(ledger.claim(&parcel(ids[2]), here, NOW).await.expect("claim").is_none());
    assert!(ledger.claim(&parcel(ids[3]), here, NOW).await.expect("claim").is_some());
    // Nobody could decide about them, so they hold nobody: theirs are due, and the one that was lost before.
    assert_eq!(ledger.due(9, &[], NOW.plus(Duration::from_secs(1))).await.expect("due").len(), 3);
    let counts = ledger.counts().await.expect("counts");
    let dead = counts.iter().find(|count| count.state == StateKind::Dead).expect("dead letters");
    assert_eq!(dead.messages, 2);
    // What cannot be read does not hide the rest, nor where the next page begins.
    let mut listed = 0;
    let mut filter = Filter { limit: 1, ..Filter::default() };
    loop {
        let page = ledger.list(filter.clone()).await.expect("list");
        listed += page.records.len();
        match page.next {
            Some(next) => filter.before = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, 6);
}
