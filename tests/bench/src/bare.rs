//! What accepting and delivering costs where nothing else is done: lapin alone on a durable quorum queue with confirms, and
//! the commits of a ledger; and one message's way there and back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::sync::Notify;
use tokio_postgres::{Client, NoTls, Statement, types::ToSql};

/// As the ledger has.
const CONNECTIONS: usize = 16;
const PREFETCH: u16 = 64;
/// What is stored of a message: envelope and payload.
const ENVELOPE: usize = 420;
const PAYLOAD: usize = 420;

/// A statement on each of several connections, asked in turn.
struct Sql {
    clients: Vec<(Client, Statement)>,
    next: AtomicUsize,
}

impl Sql {
    async fn prepare(url: &str, connections: usize, sync: bool, sql: &str) -> Self {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let (client, driver) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL");
            tokio::spawn(driver);
            if !sync {
                client.batch_execute("SET synchronous_commit = off").await.expect("a setting");
            }
            let statement = client.prepare(sql).await.expect(sql);
            clients.push((client, statement));
        }
        Self { clients, next: AtomicUsize::new(0) }
    }

    async fn run(&self, parameters: &[&(dyn ToSql + Sync)]) {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let (client, statement) = &self.clients[n % self.clients.len()];
        client.execute(statement, parameters).await.expect("a statement");
    }
}

async fn channel(url: &str) -> Channel {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("RabbitMQ");
    let channel = connection.create_channel().await.expect("a channel");
    // The connection lives as long as the process.
    std::mem::forget(connection);
    channel
}

async fn queue(channel: &Channel, name: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.expect("a queue");
}

async fn consume(channel: &Channel, name: &str) -> Consumer {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("a prefetch");
    let consumer = channel.basic_consume(
        name.into(),
        "bench".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    consumer.await.expect("a consumer")
}

async fn publish(channel: &Channel, name: &str, body: &[u8]) {
    let durable = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent =
        channel.basic_publish("".into(), name.into(), options, body, durable).await.expect("a publish");
    assert!(sent.await.expect("a confirm").is_ack());
}

/// Accepts by `concurrency` callers for a time, delivers all of it, and says how many that were a second.
pub(crate) async fn run(amqp: &str, postgres: &str, concurrency: usize, limit: Duration) {
    let (client, driver) = tokio_postgres::connect(postgres, NoTls).await.expect("PostgreSQL");
    tokio::spawn(driver);
    let table = "DROP TABLE IF EXISTS bare;
        CREATE TABLE bare (id uuid PRIMARY KEY, state int2 NOT NULL, published bool NOT NULL, envelope text NOT NULL,
            payload bytea NOT NULL, reply bytea)";
    client.batch_execute(table).await.expect("a table");
    let insert = Sql::prepare(postgres, CONNECTIONS, true, "INSERT INTO bare VALUES ($1, 0, false, $2, $3)");
    let published = Sql::prepare(postgres, 1, false, "UPDATE bare SET published = true WHERE id = $1");
    let claim = "UPDATE bare SET state = 1 WHERE id = $1 AND state = 0 RETURNING envelope, payload";
    let claim = Sql::prepare(postgres, CONNECTIONS, true, claim);
    let finish =
        Sql::prepare(postgres, CONNECTIONS, true, "UPDATE bare SET state = 2, reply = $2 WHERE id = $1");
    let (insert, published) = (Arc::new(insert.await), Arc::new(published.await));
    let (claim, finish) = (Arc::new(claim.await), Arc::new(finish.await));
    let (out, back) = (channel(amqp).await, channel(amqp).await);
    out.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let name = "bench.bare";
    queue(&out, name).await;
    let mut consumer = consume(&back, name).await;
    let delivered = Arc::new(AtomicUsize::new(0));
    let one_more = Arc::new(Notify::new());
    let consuming = tokio::spawn({
        let (delivered, one_more) = (delivered.clone(), one_more.clone());
        async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                let (claim, finish) = (claim.clone(), finish.clone());
                let (delivered, one_more) = (delivered.clone(), one_more.clone());
                tokio::spawn(async move {
                    let id = uuid::Uuid::from_slice(&delivery.data).expect("an id");
                    claim.run(&[&id]).await;
                    finish.run(&[&id, &vec![1_u8; PAYLOAD]]).await;
                    delivery.ack(BasicAckOptions::default()).await.expect("an ack");
                    delivered.fetch_add(1, Ordering::Relaxed);
                    one_more.notify_one();
                });
            }
        }
    });
    let started = Instant::now();
    let callers: Vec<_> = (0..concurrency)
        .map(|_| {
            let (insert, published, out) = (insert.clone(), published.clone(), out.clone());
            tokio::spawn(async move {
                let (envelope, payload) = ("e".repeat(ENVELOPE), vec![1_u8; PAYLOAD]);
                let mut count = 0;
                while started.elapsed() < limit {
                    let id = uuid::Uuid::now_v7();
                    insert.run(&[&id, &envelope, &payload]).await;
                    publish(&out, name, id.as_bytes()).await;
                    published.run(&[&id]).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for caller in callers {
        count += caller.await.expect("a caller ends");
    }
    while delivered.load(Ordering::Relaxed) < count {
        one_more.notified().await;
    }
    let elapsed = started.elapsed();
    consuming.abort();
    println!("{{\"n\":{count},\"rps\":{:.1}}}", count as f64 / elapsed.as_secs_f64());
}

/// One message at a time over quorum queues there and back: publish, deliver, reply, acknowledge, each confirmed.
pub(crate) async fn round_trips(amqp: &str, limit: Duration) {
    let (asks, answers) = (channel(amqp).await, channel(amqp).await);
    let (there, home) = ("bench.there", "bench.home");
    for channel in [&asks, &answers] {
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    }
    queue(&asks, there).await;
    queue(&asks, home).await;
    let mut asked = consume(&answers, there).await;
    let mut answered = consume(&asks, home).await;
    tokio::spawn(async move {
        while let Some(Ok(delivery)) = asked.next().await {
            publish(&answers, home, &delivery.data).await;
            delivery.ack(BasicAckOptions::default()).await.expect("an ack");
        }
    });
    let (started, body) = (Instant::now(), vec![1_u8; PAYLOAD]);
    let mut micros = Vec::new();
    while started.elapsed() < limit {
        let begun = Instant::now();
        publish(&asks, there, &body).await;
        let delivery: Delivery = answered.next().await.expect("an answer").expect("a delivery");
        delivery.ack(BasicAckOptions::default()).await.expect("an ack");
        micros.push(begun.elapsed().as_micros() as u32);
    }
    crate::report(micros, started.elapsed());
}

/// One HTTP POST at a time.
pub(crate) async fn posts(address: &str, path: &str, body: Vec<u8>, limit: Duration) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let started = Instant::now();
    let (mut micros, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    while started.elapsed() < limit {
        let begun = Instant::now();
        stream.write_all(&request).await.expect("a request");
        let mut have = 0;
        loop {
            have += stream.read(&mut bytes[have..]).await.expect("a reply");
            let head = bytes[..have].windows(4).position(|end| end == b"\r\n\r\n");
            let Some(head) = head else { continue };
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("a length").trim().parse().expect("a number");
            if have >= head + 4 + length {
                break;
            }
        }
        micros.push(begun.elapsed().as_micros() as u32);
    }
    crate::report(micros, started.elapsed());
}

/// Rows of one commit, as of a block of a file.
const BLOCK: usize = 1000;

/// Inserts so many rows with payloads of so many bytes, a commit for each block of them, and publishes each row's id with confirms, while
/// the next block is inserted; says how many rows that was a second.
pub(crate) async fn blocks(amqp: &str, postgres: &str, rows: usize, bytes: usize) {
    let (client, driver) = tokio_postgres::connect(postgres, NoTls).await.expect("PostgreSQL");
    tokio::spawn(driver);
    let table = "DROP TABLE IF EXISTS blocks;
        CREATE TABLE blocks (id uuid PRIMARY KEY, state int2 NOT NULL, published bool NOT NULL, envelope text NOT NULL,
            payload bytea NOT NULL)";
    client.batch_execute(table).await.expect("a table");
    let insert = "INSERT INTO blocks SELECT b.id, 0, false, b.envelope, b.payload
        FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS b (id, envelope, payload)";
    let insert = Sql::prepare(postgres, 1, true, insert).await;
    let published = "UPDATE blocks SET published = true WHERE id = ANY($1)";
    let published = Arc::new(Sql::prepare(postgres, 1, false, published).await);
    let out = channel(amqp).await;
    out.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let name = "bench.blocks";
    queue(&out, name).await;
    let (envelopes, payloads) = (vec!["e".repeat(100); BLOCK], vec![vec![1_u8; bytes]; BLOCK]);
    let begun = Instant::now();
    let mut publishing: Option<tokio::task::JoinHandle<()>> = None;
    for _ in 0..rows.div_ceil(BLOCK) {
        let ids: Vec<uuid::Uuid> = (0..BLOCK).map(|_| uuid::Uuid::now_v7()).collect();
        insert.run(&[&ids, &envelopes, &payloads]).await;
        if let Some(before) = publishing.take() {
            before.await.expect("published");
        }
        let (out, published) = (out.clone(), published.clone());
        publishing = Some(tokio::spawn(async move {
            futures_util::future::join_all(ids.iter().map(|id| publish(&out, name, id.as_bytes()))).await;
            published.run(&[&ids]).await;
        }));
    }
    if let Some(last) = publishing {
        last.await.expect("published");
    }
    println!("{{\"n\":{rows},\"rps\":{:.1}}}", rows as f64 / begun.elapsed().as_secs_f64());
    out.queue_delete(name.into(), QueueDeleteOptions::default()).await.expect("deleted");
    client.batch_execute("DROP TABLE blocks").await.expect("dropped");
}
