//! Memory does not grow with the number of calls, in any mode.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::harness::{Backend, Client, House, OrderRequest, Reaction, block_on};

const CALLERS: usize = 32;

/// What allocators and caches may still take between the two measurements, in KiB: a leak of 50 bytes a call is seen.
const SLACK: u64 = 2 << 10;

#[test]
fn memory_after_many_calls_is_what_it_was_after_some() {
    let (some, many) =
        if std::env::var_os("PORTOLAN_SOAK").is_some() { (50_000, 500_000) } else { (10_000, 50_000) };
    block_on(async {
        let backend = Backend::forgetful(|_, _| Reaction::Take).await;
        let house = House::orders(backend.address);
        for method in ["Direct", "Once", "Again", "Keyed", "Later"] {
            let gateway = house.serve();
            call(&gateway, method, 0, some).await;
            let before = gateway.resident_kib();
            call(&gateway, method, some, many).await;
            let after = gateway.resident_kib();
            println!("{method}: {before} KiB after {some} calls, {after} KiB after {many}");
            assert!(
                after < before + SLACK,
                "{method}: {before} KiB after {some} calls, {after} KiB after {many}"
            );
        }
    });
}

/// Calls number `from` to `to`, and waits until no operation is left waiting.
async fn call(gateway: &crate::harness::Gateway, method: &'static str, from: usize, to: usize) {
    let next = Arc::new(AtomicUsize::new(from));
    let mut callers = Vec::new();
    for _ in 0..CALLERS / 8 {
        let client = Client::connect(gateway.grpc).await;
        for _ in 0..8 {
            let (client, next) = (client.clone(), next.clone());
            callers.push(tokio::spawn(async move {
                let mut last = None;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= to {
                        break;
                    }
                    let order = OrderRequest::new(format!("{method}-{n}"));
                    match method {
                        "Later" => last = Some(client.begin(method, order).await.unwrap().name),
                        _ => drop(client.order(method, order).await.unwrap()),
                    }
                }
                if let Some(name) = last {
                    let ended = client.wait(&name, std::time::Duration::from_secs(120)).await.unwrap();
                    assert!(ended.done, "{ended:?}");
                }
            }));
        }
    }
    for caller in callers {
        caller.await.unwrap();
    }
}
