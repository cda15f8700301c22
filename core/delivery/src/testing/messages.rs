//! Messages for tests.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Accept, Accepted, BundleHash, Claim, Claimed, DeadLetter, DeadLetters, Delivery, Envelope, Failure,
    FaultClass, Filter, GatewayId, Idempotency, MessageId, Mode, Order, OrderKey, Outcome, Party, Record,
    RequestKey, Start, State, StateKind, Status, Timestamp,
};

/// The bundle that messages refer to.
pub const BUNDLE: BundleHash = BundleHash([7; 32]);
/// When messages are received.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

/// So many seconds after [`NOW`].
pub fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000_000)
}

/// Every byte that a payload can hold, so that nothing that re-encodes it goes unnoticed.
pub fn payload(mark: u8) -> Bytes {
    (0..=255).chain([mark]).collect::<Vec<u8>>().into()
}

/// A message that may not be repeated.
pub fn envelope(route: &str) -> Envelope {
    Envelope {
        id: MessageId::generate(),
        route: route.into(),
        bundle: BUNDLE,
        mode: Mode::Operation,
        received: NOW,
        deadline: Some(at(3600)),
        idempotency: Idempotency::No,
        order: None,
        caller: Some("CN=portal".into()),
        request_key: None,
        metadata: vec![("x-purpose".to_owned(), "benefit \"claim\" ü".to_owned())],
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        announced: false,
        group: None,
    }
}

/// With a request key.
pub fn keyed(route: &str, caller: &str, id: &str) -> Envelope {
    let request_key = Some(RequestKey { caller: caller.to_owned(), id: id.to_owned() });
    Envelope { request_key, ..envelope(route) }
}

/// Whose system may be asked twice.
pub fn repeatable(route: &str) -> Envelope {
    Envelope { idempotency: Idempotency::Yes, ..envelope(route) }
}

/// With an order key.
pub fn ordered(route: &str, key: &str, dead_letters: DeadLetters) -> Envelope {
    Envelope { order: Some(Order { key: OrderKey::of(route, key), dead_letters }), ..envelope(route) }
}

/// Of whose outcomes those who listen are told.
pub fn announced(route: &str, id: &str) -> Envelope {
    Envelope { announced: true, ..keyed(route, "CN=portal", id) }
}

/// A failure of this class.
pub fn failure(class: FaultClass) -> Failure {
    Failure::new(Status::Unavailable, class, "REASON", "what happened")
        .with("route", "r")
        .at_field("a.b", "wrong")
}

/// With a reply that is the problem.
pub fn letter(class: FaultClass) -> DeadLetter {
    DeadLetter {
        failure: failure(class),
        at_fault: Party::System,
        reply: Some(Bytes::from_static(b"<html>")),
    }
}

/// An answer that is no text.
pub fn reply() -> Outcome {
    Outcome::Reply(Bytes::from_static(&[0, 159, 146, 150, 0]))
}

/// Accepts a message that waits from `due` on.
pub async fn waiting(delivery: &dyn Delivery, envelope: Envelope, due: Timestamp) -> MessageId {
    let id = envelope.id;
    let accept = Accept { envelope, payload: payload(1), start: Start::Due(due) };
    match delivery.accept(accept).await.expect("accept") {
        Accepted::New(None) => id,
        other => panic!("a new message without a claim, not {other:?}"),
    }
}

/// Accepts a message that waits for an earlier one of its order key.
pub async fn parked(delivery: &dyn Delivery, envelope: Envelope, start: Start) -> MessageId {
    let id = envelope.id;
    match delivery.accept(Accept { envelope, payload: payload(1), start }).await.expect("accept") {
        Accepted::Parked => id,
        other => panic!("a parked message, not {other:?}"),
    }
}

/// Accepts a message and begins its first attempt.
pub async fn started(delivery: &dyn Delivery, envelope: Envelope, gateway: GatewayId) -> Claim {
    let id = envelope.id;
    let accept = Accept { envelope, payload: payload(1), start: Start::Now(gateway) };
    match delivery.accept(accept).await.expect("accept") {
        Accepted::New(Some(claim)) => {
            assert_eq!(claim, Claim { id, attempt: 1, gateway });
            claim
        }
        other => panic!("a new message with a claim, not {other:?}"),
    }
}

/// What a claim at `now` takes.
pub async fn claimed(
    delivery: &dyn Delivery,
    gateway: GatewayId,
    limit: usize,
    except: &[Arc<str>],
    now: Timestamp,
) -> Vec<Claim> {
    let claimed = delivery.claim(gateway, limit, except, now).await.expect("claim");
    assert!(claimed.iter().all(|c| c.claim.id == c.envelope.id && c.claim.gateway == gateway));
    claimed.into_iter().map(|c| c.claim).collect()
}

/// The messages that a claim at `now` takes.
pub async fn taken(delivery: &dyn Delivery, gateway: GatewayId, now: Timestamp) -> Vec<Claimed> {
    delivery.claim(gateway, 9, &[], now).await.expect("claim")
}

/// Whose claims these are.
pub fn ids(claims: &[Claim]) -> Vec<MessageId> {
    claims.iter().map(|claim| claim.id).collect()
}

/// A message as a list shows it.
pub async fn listed(delivery: &dyn Delivery, id: MessageId) -> Record {
    let page = delivery.list(Filter { limit: 1000, ..Filter::default() }).await.expect("list");
    page.records.into_iter().find(|record| record.envelope.id == id).expect("it is listed")
}

/// A message that must be there.
pub async fn known(delivery: &dyn Delivery, id: MessageId) -> Record {
    delivery.get(id).await.expect("get").unwrap_or_else(|| panic!("message {id} is lost"))
}

/// Where a message is that must be there.
pub async fn state(delivery: &dyn Delivery, id: MessageId) -> State {
    known(delivery, id).await.state
}

/// Everything that a filter finds, page by page.
pub async fn all(delivery: &dyn Delivery, mut filter: Filter) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let page = delivery.list(filter.clone()).await.expect("list");
        records.extend(page.records);
        match page.next {
            Some(next) => filter.before = Some(next),
            None => return records,
        }
    }
}

/// How many messages there are by state, of all routes.
pub async fn count(delivery: &dyn Delivery, kind: StateKind) -> u64 {
    let counts = delivery.counts().await.expect("counts");
    counts.iter().filter(|count| count.state == kind).map(|count| count.messages).sum()
}
