//! What a ledger beside a transport must hold of suspects, and only who has their parcels in hand can see.

use std::{slice, sync::Arc};

use super::messages::*;
use crate::{
    Accept, GatewayId, Start,
    composite::{Ledger, Parcel},
};

/// One that was published keeps the others waiting, unless its route is passed over; one that comes while another is
/// claimed waits for its turn again. The ledger holds nothing yet.
pub async fn take_turns(ledger: &dyn Ledger) {
    ledger.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    for route in ["r", "s"] {
        let accept = Accept { envelope: repeatable(route), payload: payload(1), start: Start::Due(at(9)) };
        ledger.insert(accept).await.expect("insert");
    }
    for _ in 0..2 {
        for parcel in published(ledger, &[]).await {
            let claimed = ledger.claim(&parcel, GatewayId::generate(), at(9)).await.expect("claim");
            assert!(claimed.is_some(), "{parcel:?}");
        }
        ledger.reconcile(gateway, at(9)).await.expect("reconcile");
    }
    let [first] = &published(ledger, &[]).await[..] else { panic!("one at a time") };
    assert_eq!(published(ledger, &[]).await, [], "it is on its way");
    let [second] = &published(ledger, slice::from_ref(&first.route)).await[..] else {
        panic!("the other's route runs")
    };
    let first = ledger.claim(first, gateway, at(9)).await.expect("claim").expect("nobody else is claimed");
    assert!(ledger.claim(second, gateway, at(9)).await.expect("claim").is_none(), "one at a time");
    assert_eq!(published(ledger, &[]).await, []);
    ledger.finish(first.claim, reply(), at(9)).await.expect("finish");
    assert_eq!(published(ledger, &[]).await, slice::from_ref(second), "its turn comes again");
    assert!(ledger.claim(second, gateway, at(9)).await.expect("claim").is_some());
}

/// What is due, now with the transport.
async fn published(ledger: &dyn Ledger, except: &[Arc<str>]) -> Vec<Parcel> {
    let due = ledger.due(9, except, at(9)).await.expect("due");
    for parcel in &due {
        ledger.mark_published(parcel).await.expect("mark");
    }
    due
}
