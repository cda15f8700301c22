//! `kill -9` at random instants under load, in every mode: nothing that was acknowledged is lost, nothing is sent twice
//! where the route does not allow it, and what is not known is said to be unknown.

use std::{sync::Arc, time::Duration};

use crate::{
    harness::{Backend, House, block_on},
    load::{Attempts, Random, Until, load, print, react, reconcile},
};

#[test]
fn killed_at_any_instant_nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let rounds = if std::env::var_os("PORTOLAN_SOAK").is_some() { 100 } else { 20 };
    let seed = std::env::var("PORTOLAN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 | 1
    });
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let backend = Backend::counting(react).await;
        let house = House::orders(backend.address);
        let attempts = Arc::new(Attempts::default());
        let mut random = Random(seed);
        for round in 0..rounds {
            if random.below(4) == 0 {
                // Also while it starts, and settles what the last one left behind.
                house.serve_for(Duration::from_millis(random.below(60)));
            }
            let gateway = house.serve();

            let callers = load(gateway.grpc, &round.to_string(), &attempts, &Until::Unanswered).await;

            tokio::time::sleep(Duration::from_millis(20 + random.below(400))).await;

            gateway.kill();

            for caller in callers {
                caller.await.unwrap();
            }
        }
        let gateway = house.serve();
        let rows = reconcile(&house, &gateway, &backend, &attempts, &mut 0).await;
        print(&rows);
        for (mode, row) in &rows {
            assert!(row.acknowledged > 0, "{mode:?} was not under load: {row:?}");
            assert_eq!(row.lost, 0, "{mode:?} lost messages: {row:?}");
            assert_eq!(row.overtaken, 0, "{mode:?} did not keep the order: {row:?}");
            assert!(mode.may_repeat() || row.duplicated == 0, "{mode:?} sent messages twice: {row:?}");
            assert!(
                !mode.may_repeat() || row.unknown == 0,
                "{mode:?} may ask again and need not wonder: {row:?}"
            );
        }
    });
}

/// An orderly end under the same load leaves nothing that a person would have to look at, and sends nothing twice.
#[test]
fn stopped_in_order_nothing_is_lost_doubled_or_unknown() {
    block_on(async {
        let backend = Backend::counting(react).await;
        let house = House::orders(backend.address);
        let attempts = Arc::new(Attempts::default());
        for round in 0..5 {
            let mut gateway = house.serve();
            let callers = load(gateway.grpc, &round.to_string(), &attempts, &Until::Unanswered).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            gateway.signal("TERM");
            for caller in callers {
                caller.await.unwrap();
            }
            let ended = tokio::task::block_in_place(|| gateway.wait(Duration::from_secs(30)));
            assert_eq!(ended.expect("it ends by itself").code(), Some(0));
        }
        let gateway = house.serve();
        let rows = reconcile(&house, &gateway, &backend, &attempts, &mut 0).await;
        print(&rows);
        for (mode, row) in &rows {
            assert!(row.acknowledged > 0, "{mode:?} was not under load: {row:?}");
            let wrong = (row.lost, row.duplicated, row.overtaken, row.unknown);
            assert_eq!(wrong, (0, 0, 0, 0), "{mode:?}: {row:?}");
        }
    });
}
