//! scratch
use lapin::{Connection, ConnectionProperties, options::*, types::*};
use portolan_test_servers::Broker;
use std::time::{Duration, Instant};
fn args() -> FieldTable {
    let mut a = FieldTable::default();
    a.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    a
}
async fn t<F: Future>(what: &str, f: F) -> Option<F::Output>
where
    F::Output: std::fmt::Debug,
{
    let b = Instant::now();
    let r = tokio::time::timeout(Duration::from_secs(70), f).await;
    println!("{what}: {:?} {:?}", b.elapsed(), r);
    r.ok()
}
#[tokio::main]
async fn main() {
    let b = Broker::start();
    let q = "q0";
    let c = Connection::connect(&b.url(), ConnectionProperties::default()).await.unwrap();
    let ch = c.create_channel().await.unwrap();
    ch.queue_declare(q.into(), QueueDeclareOptions::durable(), args()).await.unwrap();
    ch.confirm_select(Default::default()).await.unwrap();
    let x = ch
        .basic_publish(
            "".into(),
            q.into(),
            Default::default(),
            b"hello",
            lapin::BasicProperties::default().with_delivery_mode(2),
        )
        .await
        .unwrap()
        .await
        .unwrap();
    println!("{q} {x:?}");
    b.kill();
    b.restart();

    let try_ctl = |args: &[&str]| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let t = Instant::now();
            let r = b.ctl(args);
            println!("{args:?} {:?}: {r}", t.elapsed());
        }))
        .is_ok()
    };
    try_ctl(&["eval", "ra:members({'%2F_q0',node()})."]);
    try_ctl(&["list_queues", "name", "leader", "members", "online", "state", "messages"]);
    println!("deleted {}", try_ctl(&["delete_queue", "q0"]));
    println!("listed {}", try_ctl(&["list_queues", "name", "leader", "online", "state"]));
    println!("trig {}", try_ctl(&["eval", "ra:trigger_election({'%2F_q0',node()})."]));
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("listed {}", try_ctl(&["list_queues", "name", "leader", "online", "state", "messages"]));
    let c = Connection::connect(&b.url(), ConnectionProperties::default()).await.unwrap();
    let ch = c.create_channel().await.unwrap();
    t("delete", ch.queue_delete(q.into(), Default::default())).await;
    let ch = c.create_channel().await.unwrap();
    t("declare", ch.queue_declare(q.into(), QueueDeclareOptions::durable(), args())).await;
    println!("{}", b.ctl(&["eval", "ra_directory:overview(quorum_queues)."]));
}
