//! What the tests of the gateway stand on: `portolan serve` as a process of its own in a folder of its own, portals and
//! legacy systems around it. Everything ends when what holds it is dropped.

mod backend;
mod client;
mod collector;
mod gateway;
mod ledger;
mod link;
mod peer;
mod stranger;
mod tree;

pub(crate) use backend::{Asked, Backend, Reaction, envelope};
pub(crate) use client::{Client, Details, Operation, OperationState, OrderRequest, get};
pub(crate) use collector::Collector;
pub(crate) use gateway::{Gateway, House};
pub(crate) use ledger::Ledger;
pub(crate) use link::Link;
pub(crate) use peer::{Peer, node_portal, python_portal, python_stranger, web_portal};
pub(crate) use stranger::{Heard, Stranger, correlation, happened, header};
pub(crate) use tree::{binary, collapsed, corpus, repository};

/// A runtime for a test: the test's own thread drives it, two more carry the backends.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work)
}

/// Asks until `question` has an answer; the limit only keeps a failing test from hanging.
pub(crate) async fn until<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(begun.elapsed().as_secs() < 60, "still not after a minute: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
