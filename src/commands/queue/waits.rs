//! What a message that waits waits for, as far as the ledger and the routes say.

use portolan_delivery::{Control, Record, RouteStatus, State, is_suspect, system::Shut};

use super::view::{broker_trouble, failure_of, time, why};

/// What a message waits for: what is said first must come first. Nothing of one that does not wait.
pub(super) fn waits_for(record: &Record, routes: &[RouteStatus]) -> Option<String> {
    let State::Waiting { due } = record.state else { return None };
    if let Some(id) = record.behind {
        return Some(format!("for message {id} of the same key to end"));
    }
    let route = routes.iter().find(|status| status.view.route == record.envelope.route);
    if route.is_some_and(|route| route.control == Control::Paused) {
        return Some(format!("for `portolan routes resume {}`", record.envelope.route));
    }
    if let Some(trouble) = route.and_then(|route| route.broker).and_then(broker_trouble) {
        return Some(format!("as {trouble}"));
    }
    let system = route.map_or("", |route| &route.view.system);
    let due = match route.and_then(|route| route.shut) {
        Some(Shut::Away(until)) => {
            format!("for the system {system}, which is away and next asked {}", time(until))
        }
        Some(Shut::Maintenance(until)) => {
            format!("for the end of the maintenance of {system}, {}", time(until))
        }
        None if record.ticket.is_some() => {
            let system = if system.is_empty() { "its system" } else { system };
            format!("for the answer of {system}, asked for next {}", time(due))
        }
        None => format!("due {}", time(due)),
    };
    let turn = format!(
        "for its turn, as gateways ended during its last {} attempts and such messages are tried one at a time, ",
        record.lost
    );
    Some(if is_suspect(record.lost) { turn + &due } else { due })
}

/// The same, and why the last attempt brought no end.
pub(super) fn why_it_is_there(record: &Record, routes: &[RouteStatus]) -> String {
    let failure = failure_of(record).map(why);
    let parts = [waits_for(record, routes), failure];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use portolan_delivery::{
        Attempt, BrokerState, BundleHash, Envelope, Failure, FaultClass, GatewayId, Idempotency, MessageId,
        Mode, RouteView, Status, Timestamp,
    };

    use super::*;

    #[test]
    fn a_message_that_waits_says_for_what() {
        let at = Timestamp(1_763_900_000_000_000);
        let id: MessageId = "019a3f2e-7c1b-7000-8000-000000000001".parse().unwrap();
        let envelope = Envelope {
            id,
            route: "r".into(),
            bundle: BundleHash([0; 32]),
            mode: Mode::Operation,
            received: at,
            deadline: None,
            idempotency: Idempotency::Yes,
            order: None,
            caller: None,
            request_key: None,
            metadata: Vec::new(),
            traceparent: None,
            announced: false,
            group: None,
        };
        let waiting = Record {
            envelope,
            payload: Default::default(),
            digest: None,
            ticket: None,
            state: State::Waiting { due: at },
            behind: None,
            lost: 0,
            attempts: Vec::new(),
        };
        let running =
            RouteStatus::new(RouteView { system: "land".into(), ..RouteView::unserved("r".into()) });
        let failure =
            Failure::new(Status::Unavailable, FaultClass::Unsent, "REFUSED", "the connection was refused");
        let last = Attempt { number: 1, started: at, ended: Some(at), failure: Some(failure) };
        let paused = RouteStatus { control: Control::Paused, ..running.clone() };
        let away = RouteStatus { shut: Some(Shut::Away(at)), ..running.clone() };
        let maintained = RouteStatus { shut: Some(Shut::Maintenance(at)), ..running.clone() };
        let broker = |connected, blocked| RouteStatus {
            broker: Some(BrokerState { connected, blocked }),
            ..away.clone()
        };
        let check = |record: Record, route: &RouteStatus, expected: &str| {
            assert_eq!(why_it_is_there(&record, std::slice::from_ref(route)), expected);
        };
        check(waiting.clone(), &running, "due 2025-11-23T12:13:20.000Z");
        check(
            Record { attempts: vec![last], ..waiting.clone() },
            &running,
            "due 2025-11-23T12:13:20.000Z; UNSENT REFUSED: the connection was refused",
        );
        check(
            Record { ticket: Some(Default::default()), ..waiting.clone() },
            &running,
            "for the answer of land, asked for next 2025-11-23T12:13:20.000Z",
        );
        check(waiting.clone(), &paused, "for `portolan routes resume r`");
        check(
            waiting.clone(),
            &away,
            "for the system land, which is away and next asked 2025-11-23T12:13:20.000Z",
        );
        check(
            waiting.clone(),
            &broker(true, false),
            "for the system land, which is away and next asked 2025-11-23T12:13:20.000Z",
        );
        check(
            waiting.clone(),
            &broker(false, false),
            "as the broker is away, and what waits is not worked on until it is back",
        );
        check(
            waiting.clone(),
            &broker(true, true),
            "as the broker takes no messages (its memory or disk is short); only what it already has is worked on",
        );
        check(
            waiting.clone(),
            &maintained,
            "for the end of the maintenance of land, 2025-11-23T12:13:20.000Z",
        );
        check(
            Record { behind: Some(id), ..waiting.clone() },
            &paused,
            "for message 019a3f2e-7c1b-7000-8000-000000000001 of the same key to end",
        );
        check(
            Record { lost: 2, ..waiting.clone() },
            &running,
            "for its turn, as gateways ended during its last 2 attempts and such messages are tried one at a time, \
             due 2025-11-23T12:13:20.000Z",
        );
        let at_work = State::Claimed { gateway: GatewayId(id.0), since: at };
        check(Record { state: at_work, ..waiting }, &paused, "");
    }
}
