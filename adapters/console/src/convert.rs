//! Between the ledger's terms and the wire's. Reading is strict: what a newer or broken peer sends is an error, not a guess.

mod files;
mod made;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery as delivery;
use portolan_delivery::{
    BundleHash, GatewayId, MessageId, OrderKey, PayloadDigest, Status, Timestamp, system::Shut,
};

use crate::wire;
pub(crate) use files::{file_filter_in, file_filter_out, file_hash_in, file_in, file_out};
pub(crate) use made::{
    cut_in, cut_out, decision_in, decision_out, made_filter_out, made_in, made_out, sent_in, sent_out,
};

/// Something on the wire that this version does not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is missing or not understood")]
pub(crate) struct Malformed(pub(crate) &'static str);

const CLASSES: [(delivery::FaultClass, wire::FaultClass); 9] = [
    (delivery::FaultClass::Request, wire::FaultClass::Request),
    (delivery::FaultClass::Unsent, wire::FaultClass::Unsent),
    (delivery::FaultClass::NotDone, wire::FaultClass::NotDone),
    (delivery::FaultClass::Unknown, wire::FaultClass::Unknown),
    (delivery::FaultClass::Refused, wire::FaultClass::Refused),
    (delivery::FaultClass::Reply, wire::FaultClass::Reply),
    (delivery::FaultClass::Expired, wire::FaultClass::Expired),
    (delivery::FaultClass::Poison, wire::FaultClass::Poison),
    (delivery::FaultClass::Internal, wire::FaultClass::Internal),
];

const STATES: [(delivery::StateKind, wire::State); 4] = [
    (delivery::StateKind::Waiting, wire::State::Waiting),
    (delivery::StateKind::Claimed, wire::State::Claimed),
    (delivery::StateKind::Finished, wire::State::Finished),
    (delivery::StateKind::Dead, wire::State::Dead),
];

const PARTIES: [(delivery::Party, wire::Party); 3] = [
    (delivery::Party::Caller, wire::Party::Caller),
    (delivery::Party::System, wire::Party::System),
    (delivery::Party::Gateway, wire::Party::Gateway),
];

const MODES: [(delivery::Mode, wire::Mode); 2] = [
    (delivery::Mode::RequestReply, wire::Mode::RequestReply),
    (delivery::Mode::Operation, wire::Mode::Operation),
];

const CONTROLS: [(delivery::Control, wire::Control); 3] = [
    (delivery::Control::Running, wire::Control::Running),
    (delivery::Control::Paused, wire::Control::Paused),
    (delivery::Control::Draining, wire::Control::Draining),
];

const DEAD_LETTERS: [(delivery::DeadLetters, wire::DeadLetters); 2] = [
    (delivery::DeadLetters::Hold, wire::DeadLetters::Hold),
    (delivery::DeadLetters::Pass, wire::DeadLetters::Pass),
];

/// The wire's number of a value; the tables above hold every variant (a test says so).
fn number<T: Copy + PartialEq, W: Copy + Into<i32>>(table: &[(T, W)], value: T) -> i32 {
    table.iter().find(|(t, _)| *t == value).map_or(0, |(_, w)| (*w).into())
}

/// The value of a wire's number; `None` for 0, which stands for nothing said.
fn known<T: Copy, W: Copy + Into<i32>>(
    table: &[(T, W)],
    number: i32,
    what: &'static str,
) -> Result<Option<T>, Malformed> {
    if number == 0 {
        return Ok(None);
    }
    table.iter().find(|(_, w)| (*w).into() == number).map(|(t, _)| Some(*t)).ok_or(Malformed(what))
}

fn required<T: Copy, W: Copy + Into<i32>>(
    table: &[(T, W)],
    value: i32,
    what: &'static str,
) -> Result<T, Malformed> {
    known(table, value, what)?.ok_or(Malformed(what))
}

fn time_out(time: Timestamp) -> prost_types::Timestamp {
    let nanos = i32::try_from(time.0.rem_euclid(1_000_000) * 1000).unwrap_or_default();
    prost_types::Timestamp { seconds: time.0.div_euclid(1_000_000), nanos }
}

fn time_in(time: prost_types::Timestamp, what: &'static str) -> Result<Timestamp, Malformed> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Malformed(what));
    }
    let micros =
        time.seconds.checked_mul(1_000_000).and_then(|s| s.checked_add(i64::from(time.nanos) / 1000));
    micros.map(Timestamp).ok_or(Malformed(what))
}

fn required_time(time: Option<prost_types::Timestamp>, what: &'static str) -> Result<Timestamp, Malformed> {
    time_in(time.ok_or(Malformed(what))?, what)
}

pub(crate) fn id_in(id: &str) -> Result<MessageId, Malformed> {
    id.parse().map_err(|_| Malformed("id"))
}

pub(crate) fn filter_out(filter: &delivery::Filter) -> wire::ListMessagesRequest {
    wire::ListMessagesRequest {
        route: filter.route.clone().unwrap_or_default(),
        state: filter.state.map_or(0, |s| number(&STATES, s)),
        class: filter.class.map_or(0, |c| number(&CLASSES, c)),
        page_token: filter.before.map(|id| id.to_string()).unwrap_or_default(),
        page_size: u32::try_from(filter.limit).unwrap_or(u32::MAX),
    }
}

pub(crate) fn filter_in(request: wire::ListMessagesRequest) -> Result<delivery::Filter, Malformed> {
    let before = match request.page_token.as_str() {
        "" => None,
        token => Some(token.parse().map_err(|_| Malformed("page_token"))?),
    };
    Ok(delivery::Filter {
        route: Some(request.route).filter(|r| !r.is_empty()),
        state: known(&STATES, request.state, "state")?,
        class: known(&CLASSES, request.class, "class")?,
        before,
        limit: usize::try_from(request.page_size).unwrap_or(0),
    })
}

pub(crate) fn page_out(page: delivery::Page) -> wire::ListMessagesResponse {
    wire::ListMessagesResponse {
        messages: page.records.into_iter().map(record_out).collect(),
        next_page_token: page.next.map(|id| id.to_string()).unwrap_or_default(),
    }
}

pub(crate) fn page_in(response: wire::ListMessagesResponse) -> Result<delivery::Page, Malformed> {
    let next = match response.next_page_token.as_str() {
        "" => None,
        token => Some(token.parse().map_err(|_| Malformed("next_page_token"))?),
    };
    let records = response.messages.into_iter().map(record_in).collect::<Result<_, _>>()?;
    Ok(delivery::Page { records, next })
}

pub(crate) fn record_out(record: delivery::Record) -> wire::Message {
    let delivery::Record { envelope, payload, digest, ticket, state, behind, lost, attempts } = record;
    let state = match state {
        delivery::State::Waiting { due } => {
            let due = (due != Timestamp::NEVER).then(|| time_out(due));
            wire::Standing::Waiting(wire::Waiting { due })
        }
        delivery::State::Claimed { gateway, since } => wire::Standing::Claimed(wire::Claimed {
            gateway: if gateway == GatewayId::FILE { String::new() } else { gateway.0.to_string() },
            since: Some(time_out(since)),
        }),
        delivery::State::Finished { outcome, at } => wire::Standing::Finished(wire::Finished {
            at: Some(time_out(at)),
            outcome: Some(match outcome {
                delivery::Outcome::Reply(reply) => wire::Outcome::Reply(reply),
                delivery::Outcome::Failed(failure) => wire::Outcome::Failure(failure_out(failure)),
            }),
        }),
        delivery::State::Dead { letter, at } => wire::Standing::Dead(wire::Dead {
            at: Some(time_out(at)),
            failure: Some(failure_out(letter.failure)),
            at_fault: number(&PARTIES, letter.at_fault),
            reply: letter.reply,
        }),
    };
    let idempotency = wire::Idempotency {
        may_repeat: envelope.idempotency.may_repeat(),
        key: match envelope.idempotency {
            delivery::Idempotency::Key(key) => Some(key),
            delivery::Idempotency::No | delivery::Idempotency::Yes => None,
        },
    };
    let order = envelope.order.map(|order| wire::Order {
        key: Bytes::copy_from_slice(&order.key.0),
        dead_letters: number(&DEAD_LETTERS, order.dead_letters),
    });
    wire::Message {
        id: envelope.id.to_string(),
        route: envelope.route.to_string(),
        bundle: Bytes::copy_from_slice(&envelope.bundle.0),
        mode: number(&MODES, envelope.mode),
        receive_time: Some(time_out(envelope.received)),
        deadline: envelope.deadline.map(time_out),
        idempotency: Some(idempotency),
        caller: envelope.caller.map(|c| c.to_string()),
        request_key: envelope.request_key.map(|k| wire::RequestKey { caller: k.caller, id: k.id }),
        metadata: envelope.metadata.into_iter().map(|(name, value)| wire::Header { name, value }).collect(),
        traceparent: envelope.traceparent,
        payload,
        payload_digest: digest.map(|d| Bytes::copy_from_slice(&d.0)),
        state: Some(state),
        attempts: attempts.into_iter().map(attempt_out).collect(),
        order,
        behind: behind.map(|id| id.to_string()),
        lost,
        visible: Vec::new(),
        ticket,
    }
}

pub(crate) fn shown_out(shown: delivery::Shown) -> wire::Message {
    let visible = |one: delivery::VisibleValue| wire::VisibleValue { path: one.path, value: one.value };
    wire::Message { visible: shown.visible.into_iter().map(visible).collect(), ..record_out(shown.record) }
}

pub(crate) fn shown_in(mut message: wire::Message) -> Result<delivery::Shown, Malformed> {
    let visible = |one: wire::VisibleValue| delivery::VisibleValue { path: one.path, value: one.value };
    let visible = std::mem::take(&mut message.visible).into_iter().map(visible).collect();
    Ok(delivery::Shown { record: record_in(message)?, visible })
}

pub(crate) fn record_in(message: wire::Message) -> Result<delivery::Record, Malformed> {
    let state = match message.state.ok_or(Malformed("state"))? {
        wire::Standing::Waiting(w) => {
            let due = w.due.map(|due| time_in(due, "due")).transpose()?;
            delivery::State::Waiting { due: due.unwrap_or(Timestamp::NEVER) }
        }
        wire::Standing::Claimed(c) => delivery::State::Claimed {
            gateway: match c.gateway.as_str() {
                "" => GatewayId::FILE,
                gateway => GatewayId(gateway.parse().map_err(|_| Malformed("gateway"))?),
            },
            since: required_time(c.since, "since")?,
        },
        wire::Standing::Finished(f) => delivery::State::Finished {
            at: required_time(f.at, "at")?,
            outcome: match f.outcome.ok_or(Malformed("outcome"))? {
                wire::Outcome::Reply(reply) => delivery::Outcome::Reply(reply),
                wire::Outcome::Failure(failure) => delivery::Outcome::Failed(failure_in(failure)?),
            },
        },
        wire::Standing::Dead(d) => delivery::State::Dead {
            at: required_time(d.at, "at")?,
            letter: delivery::DeadLetter {
                failure: failure_in(d.failure.ok_or(Malformed("failure"))?)?,
                at_fault: required(&PARTIES, d.at_fault, "at_fault")?,
                reply: d.reply,
            },
        },
    };
    let idempotency = match message.idempotency.ok_or(Malformed("idempotency"))? {
        wire::Idempotency { key: Some(key), .. } => delivery::Idempotency::Key(key),
        wire::Idempotency { may_repeat: true, .. } => delivery::Idempotency::Yes,
        wire::Idempotency { .. } => delivery::Idempotency::No,
    };
    let hash = |bytes: &Bytes, what| <[u8; 32]>::try_from(&bytes[..]).map_err(|_| Malformed(what));
    let order = message.order.map(|order| {
        Ok(delivery::Order {
            key: OrderKey(hash(&order.key, "order.key")?),
            dead_letters: required(&DEAD_LETTERS, order.dead_letters, "dead_letters")?,
        })
    });
    let envelope = delivery::Envelope {
        id: id_in(&message.id)?,
        route: Arc::from(message.route),
        bundle: BundleHash(hash(&message.bundle, "bundle")?),
        mode: required(&MODES, message.mode, "mode")?,
        received: required_time(message.receive_time, "receive_time")?,
        deadline: message.deadline.map(|t| time_in(t, "deadline")).transpose()?,
        idempotency,
        order: order.transpose()?,
        caller: message.caller.map(Arc::from),
        request_key: message.request_key.map(|k| delivery::RequestKey { caller: k.caller, id: k.id }),
        metadata: message.metadata.into_iter().map(|h| (h.name, h.value)).collect(),
        traceparent: message.traceparent,
        announced: false,
        group: None,
    };
    let digest = message.payload_digest.as_ref().map(|d| hash(d, "payload_digest")).transpose()?;
    let attempts = message.attempts.into_iter().map(attempt_in).collect::<Result<_, _>>()?;
    let digest = digest.map(PayloadDigest);
    let behind = message.behind.map(|id| id.parse().map_err(|_| Malformed("behind"))).transpose()?;
    let lost = message.lost;
    let (payload, ticket) = (message.payload, message.ticket);
    Ok(delivery::Record { envelope, payload, digest, ticket, state, behind, lost, attempts })
}

fn attempt_out(attempt: delivery::Attempt) -> wire::Attempt {
    wire::Attempt {
        number: attempt.number,
        start_time: Some(time_out(attempt.started)),
        end_time: attempt.ended.map(time_out),
        failure: attempt.failure.map(failure_out),
    }
}

fn attempt_in(attempt: wire::Attempt) -> Result<delivery::Attempt, Malformed> {
    Ok(delivery::Attempt {
        number: attempt.number,
        started: required_time(attempt.start_time, "start_time")?,
        ended: attempt.end_time.map(|t| time_in(t, "end_time")).transpose()?,
        failure: attempt.failure.map(failure_in).transpose()?,
    })
}

fn failure_out(failure: delivery::Failure) -> wire::Failure {
    let field =
        |f: delivery::FieldViolation| wire::FieldViolation { field: f.field, description: f.description };
    wire::Failure {
        code: failure.status as i32,
        message: failure.message,
        reason: failure.reason,
        metadata: failure.metadata,
        fields: failure.fields.into_iter().map(field).collect(),
        retry_after: failure.retry_after.map(|d| prost_types::Duration {
            seconds: i64::try_from(d.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(d.subsec_nanos()).unwrap_or_default(),
        }),
        class: number(&CLASSES, failure.class),
        personal: failure.personal,
        advice: failure.advice,
    }
}

fn failure_in(failure: wire::Failure) -> Result<delivery::Failure, Malformed> {
    let field =
        |f: wire::FieldViolation| delivery::FieldViolation { field: f.field, description: f.description };
    let delay = |d: prost_types::Duration| {
        let (seconds, nanos) = (u64::try_from(d.seconds).ok()?, u32::try_from(d.nanos).ok()?);
        (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
    };
    Ok(delivery::Failure {
        status: Status::from_number(failure.code),
        message: failure.message,
        reason: failure.reason,
        metadata: failure.metadata,
        fields: failure.fields.into_iter().map(field).collect(),
        retry_after: failure.retry_after.map(|d| delay(d).ok_or(Malformed("retry_after"))).transpose()?,
        class: required(&CLASSES, failure.class, "class")?,
        personal: failure.personal,
        advice: failure.advice,
    })
}

pub(crate) fn resolution_out(resolution: delivery::Resolution) -> wire::Resolution {
    match resolution {
        delivery::Resolution::SystemReply(reply) => wire::Resolution::SystemReply(reply),
        delivery::Resolution::CallerReply(reply) => wire::Resolution::CallerReply(reply),
        delivery::Resolution::Failed { status, message } => {
            wire::Resolution::Failed(wire::Refusal { code: status as i32, message })
        }
        delivery::Resolution::Discarded { reason } => wire::Resolution::Discarded(wire::Discard { reason }),
    }
}

pub(crate) fn resolution_in(resolution: wire::Resolution) -> Result<delivery::Resolution, Malformed> {
    Ok(match resolution {
        wire::Resolution::SystemReply(reply) => delivery::Resolution::SystemReply(reply),
        wire::Resolution::CallerReply(reply) => delivery::Resolution::CallerReply(reply),
        wire::Resolution::Failed(wire::Refusal { code, message }) if (1..=16).contains(&code) => {
            delivery::Resolution::Failed { status: Status::from_number(code), message }
        }
        wire::Resolution::Failed(_) => return Err(Malformed("code")),
        wire::Resolution::Discarded(wire::Discard { reason }) => delivery::Resolution::Discarded { reason },
    })
}

pub(crate) fn count_out(count: delivery::Count) -> wire::Count {
    wire::Count {
        route: count.route,
        state: number(&STATES, count.state),
        messages: count.messages,
        oldest: Some(time_out(count.oldest)),
    }
}

pub(crate) fn count_in(count: wire::Count) -> Result<delivery::Count, Malformed> {
    Ok(delivery::Count {
        route: count.route,
        state: required(&STATES, count.state, "state")?,
        messages: count.messages,
        oldest: required_time(count.oldest, "oldest")?,
    })
}

pub(crate) fn route_out(route: delivery::RouteView) -> wire::Route {
    wire::Route {
        name: route.route.to_string(),
        method: route.method.to_string(),
        system: route.system.to_string(),
        mode: route.mode.to_string(),
        bundle: route.bundle,
    }
}

pub(crate) fn route_in(route: wire::Route) -> delivery::RouteView {
    delivery::RouteView {
        route: Arc::from(route.name),
        method: Arc::from(route.method),
        system: Arc::from(route.system),
        mode: Arc::from(route.mode),
        bundle: route.bundle,
    }
}

pub(crate) fn control_out(control: delivery::Control) -> i32 {
    number(&CONTROLS, control)
}

pub(crate) fn control_in(control: i32) -> Result<delivery::Control, Malformed> {
    required(&CONTROLS, control, "control")
}

pub(crate) fn route_status_out(status: delivery::RouteStatus) -> wire::RouteStatus {
    let delivery::RouteStatus { view, control, shut, broker, waiting, at_work, dead, oldest } = status;
    let broker_out = |delivery::BrokerState { connected, blocked }| wire::BrokerState { connected, blocked };
    wire::RouteStatus {
        route: Some(route_out(view)),
        control: control_out(control),
        waiting,
        at_work,
        dead,
        oldest: oldest.map(time_out),
        shut: shut.map(|shut| match shut {
            Shut::Away(until) => wire::Shut::AwayUntil(time_out(until)),
            Shut::Maintenance(until) => wire::Shut::MaintenanceUntil(time_out(until)),
        }),
        broker: broker.map(broker_out),
    }
}

pub(crate) fn route_status_in(status: wire::RouteStatus) -> Result<delivery::RouteStatus, Malformed> {
    let wire::RouteStatus { route, control, waiting, at_work, dead, oldest, shut, broker } = status;
    let broker_in = |wire::BrokerState { connected, blocked }| delivery::BrokerState { connected, blocked };
    let shut = match shut {
        None => None,
        Some(wire::Shut::AwayUntil(until)) => Some(Shut::Away(time_in(until, "away_until")?)),
        Some(wire::Shut::MaintenanceUntil(until)) => {
            Some(Shut::Maintenance(time_in(until, "maintenance_until")?))
        }
    };
    Ok(delivery::RouteStatus {
        view: route_in(route.ok_or(Malformed("route"))?),
        control: control_in(control)?,
        shut,
        broker: broker.map(broker_in),
        waiting,
        at_work,
        dead,
        oldest: oldest.map(|time| time_in(time, "oldest")).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_on_both_sides_of_1970() {
        for micros in [0, 1, -1, 1_763_900_000_123_456, -1_000_001, 999_999] {
            assert_eq!(time_in(time_out(Timestamp(micros)), "t"), Ok(Timestamp(micros)));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let hostile = |seconds, nanos| time_in(prost_types::Timestamp { seconds, nanos }, "t");
        assert_eq!(hostile(i64::MAX, 0), Err(Malformed("t")));
        assert_eq!(hostile(0, -1), Err(Malformed("t")));
        assert_eq!(known(&STATES, 9, "state"), Err(Malformed("state")));
        assert_eq!(record_in(wire::Message::default()).err(), Some(Malformed("state")));
    }
}
