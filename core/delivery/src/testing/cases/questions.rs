//! Get, list, counts.

use super::{cases, fresh};
use crate::{
    Count, Delivery, FaultClass, Filter, GatewayId, MessageId, StateKind,
    testing::{Subject, messages::*},
};

cases![
    nothing_is_nothing,
    lists_are_newest_first_and_in_pages,
    lists_are_filtered,
    lists_carry_no_payload,
    counts_are_by_route_and_state,
];

async fn nothing_is_nothing(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    assert!(delivery.get(MessageId::generate()).await.expect("get").is_none());
    assert!(all(&*delivery, Filter::default()).await.is_empty());
    assert_eq!(delivery.counts().await, Ok(Vec::new()));
}

async fn lists_are_newest_first_and_in_pages(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(waiting(&*delivery, envelope("r"), NOW).await);
    }
    expected.reverse();
    for limit in [1, 2, 3, 7, 8] {
        let first = delivery.list(Filter { limit, ..Filter::default() }).await.expect("list");
        assert_eq!(first.records.len(), limit.min(7));
        assert_eq!(first.next.is_some(), limit < 7, "limit {limit}");
        let records = all(&*delivery, Filter { limit, ..Filter::default() }).await;
        assert_eq!(records.iter().map(|r| r.envelope.id).collect::<Vec<_>>(), expected, "limit {limit}");
    }
    let absurd = delivery.list(Filter { limit: usize::MAX, ..Filter::default() }).await.expect("list");
    assert_eq!(absurd.records.len(), 7);
}

/// Two routes with a message in each state each, and one more dead letter.
async fn of_every_kind(delivery: &dyn Delivery) {
    let gateway = GatewayId::generate();
    for route in ["r", "s"] {
        waiting(delivery, envelope(route), at(10)).await;
        started(delivery, envelope(route), gateway).await;
        let finished = started(delivery, envelope(route), gateway).await;
        delivery.finish(finished, reply(), at(1)).await.expect("finish");
        let dead = started(delivery, envelope(route), gateway).await;
        delivery.bury(dead, letter(FaultClass::Unknown), at(1)).await.expect("bury");
    }
    let dead = started(delivery, envelope("r"), gateway).await;
    delivery.bury(dead, letter(FaultClass::Reply), at(1)).await.expect("bury");
}

async fn lists_are_filtered(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    of_every_kind(&*delivery).await;
    use StateKind::{Claimed, Dead, Finished, Waiting};
    for (route, state, class, expected) in [
        (None, None, None, 9),
        (Some("r"), None, None, 5),
        (Some("s"), None, None, 4),
        (Some("t"), None, None, 0),
        (None, Some(Waiting), None, 2),
        (None, Some(Claimed), None, 2),
        (None, Some(Finished), None, 2),
        (None, Some(Dead), None, 3),
        (Some("r"), Some(Dead), None, 2),
        (Some("r"), Some(Finished), None, 1),
        (Some("r"), Some(Dead), Some(FaultClass::Reply), 1),
        (None, None, Some(FaultClass::Unknown), 2),
        (None, Some(Waiting), Some(FaultClass::Unknown), 0),
    ] {
        let filter = Filter { route: route.map(str::to_owned), state, class, before: None, limit: 2 };
        let records = all(&*delivery, filter.clone()).await;
        assert_eq!(records.len(), expected, "{filter:?}");
        assert!(records.iter().all(|r| route.is_none_or(|route| &*r.envelope.route == route)), "{filter:?}");
        assert!(records.iter().all(|r| state.is_none_or(|state| r.state.kind() == state)), "{filter:?}");
    }
}

async fn lists_carry_no_payload(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    of_every_kind(&*delivery).await;
    for record in all(&*delivery, Filter::default()).await {
        assert!(record.payload.is_empty());
        let whole = known(&*delivery, record.envelope.id).await;
        assert_eq!(record.envelope, whole.envelope);
        assert_eq!(record.state.kind(), whole.state.kind());
        let number = |attempts: &[crate::Attempt]| attempts.last().map(|attempt| attempt.number);
        assert_eq!(number(&record.attempts), number(&whole.attempts));
    }
}

async fn counts_are_by_route_and_state(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    of_every_kind(&*delivery).await;
    let mut counts = delivery.counts().await.expect("counts");
    counts.sort_by_key(|count| (count.route.clone(), count.state as u8));
    let count =
        |route: &str, state, messages| Count { route: route.to_owned(), state, messages, oldest: NOW };
    assert_eq!(
        counts,
        [
            count("r", StateKind::Waiting, 1),
            count("r", StateKind::Claimed, 1),
            count("r", StateKind::Dead, 2),
            count("s", StateKind::Waiting, 1),
            count("s", StateKind::Claimed, 1),
            count("s", StateKind::Dead, 1),
        ]
    );
}
