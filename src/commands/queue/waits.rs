//! What a message that waits waits for, as far as the ledger and the routes say.

use std::sync::Arc;

use portolan_delivery::{
    Control, CutState, GatewayId, Operator, Record, RouteStatus, SentIn, State, Timestamp, is_suspect,
    system::Shut,
};

use super::view::{broker_trouble, failure_of, time, why};
use crate::{commands::gateway::refused, report::Failure};

/// What is known beside a message of what it waits for.
#[derive(Default)]
pub(super) struct Around {
    /// How routes fare.
    pub(super) routes: Vec<RouteStatus>,
    /// In which files messages are.
    pub(super) sent: Vec<SentIn>,
}

impl Around {
    /// What is to be known of these messages.
    pub(super) async fn of(operator: &Arc<dyn Operator>, records: &[Record]) -> Result<Self, Failure> {
        let waiting = |record: &Record| matches!(record.state, State::Waiting { .. });
        let routes = match records.iter().any(waiting) {
            true => operator.route_statuses().await.map_err(refused)?,
            false => Vec::new(),
        };
        let in_files = records.iter().filter(|record| is_in_file(&record.state));
        let in_files: Vec<_> = in_files.map(|record| record.envelope.id).collect();
        let sent = match in_files.is_empty() {
            true => Vec::new(),
            false => operator.sent_in(in_files).await.map_err(refused)?,
        };
        Ok(Self { routes, sent })
    }

    /// The file in which a message is, where that is known.
    pub(super) fn file_of(&self, record: &Record) -> Option<&SentIn> {
        self.sent.iter().find(|sent| sent.message == record.envelope.id)
    }
}

/// Whether a message is in a file that was made.
pub(super) fn is_in_file(state: &State) -> bool {
    matches!(state, State::Claimed { gateway: GatewayId::FILE, .. })
}

/// Whether a message gathers for a file.
pub(super) fn gathers(state: &State) -> bool {
    matches!(state, State::Waiting { due: Timestamp::NEVER })
}

/// `in file CLAIMS.20261130.0001, whose answer is awaited`
pub(super) fn in_file(file: Option<&SentIn>) -> String {
    let Some(SentIn { sequence, name, state, .. }) = file else { return "in a file".to_owned() };
    let file = name.as_ref().map_or_else(|| format!("number {sequence} of its route"), ToString::to_string);
    let how = match state {
        CutState::Open => "which is being made",
        CutState::Ready => "which is not delivered yet",
        CutState::Delivered => "whose answer is awaited",
    };
    format!("in file {file}, {how}")
}

/// What a message waits for: what is said first must come first. Nothing of one that does not wait.
pub(super) fn waits_for(record: &Record, around: &Around) -> Option<String> {
    if is_in_file(&record.state) {
        return Some(in_file(around.file_of(record)));
    }
    if gathers(&record.state) && record.behind.is_none() {
        return Some("gathers for the next file".to_owned());
    }
    let routes = &around.routes;
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

/// What can be done about a message that gathers, or is in a file.
pub(super) fn what_to_do_about_a_file(record: &Record, around: &Around) -> &'static str {
    match around.file_of(record).map(|sent| sent.state) {
        _ if gathers(&record.state) => {
            "nothing: the next file has it, `portolan batch list --open` shows how many gather and `portolan batch cut ROUTE` makes the file now; \
             whoever asked for it can cancel the operation until then"
        }
        Some(CutState::Open | CutState::Ready) => {
            "nothing about the message, which cannot be taken out of its file: `portolan batch list --open` shows how far that is"
        }
        Some(CutState::Delivered) | None => {
            "nothing, as long as the answer may come: a message in a file cannot be called back; where none comes in time it is a dead letter"
        }
    }
}

/// The same, and why the last attempt brought no end.
pub(super) fn why_it_is_there(record: &Record, around: &Around) -> String {
    let failure = failure_of(record).map(why);
    let parts = [waits_for(record, around), failure];
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
            let around = Around { routes: vec![route.clone()], sent: Vec::new() };
            assert_eq!(why_it_is_there(&record, &around), expected);
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
        check(Record { state: at_work, ..waiting.clone() }, &paused, "");
        let gathers = Record { state: State::Waiting { due: Timestamp::NEVER }, ..waiting.clone() };
        check(gathers, &paused, "gathers for the next file");
        let in_file = Record { state: State::Claimed { gateway: GatewayId::FILE, since: at }, ..waiting };
        check(in_file.clone(), &paused, "in a file");
        for (name, state, expected) in [
            (None, CutState::Open, "in file number 7 of its route, which is being made"),
            (Some("F.7"), CutState::Ready, "in file F.7, which is not delivered yet"),
            (Some("F.7"), CutState::Delivered, "in file F.7, whose answer is awaited"),
        ] {
            let sent = SentIn { message: id, sequence: 7, name: name.map(Into::into), state };
            let around = Around { routes: Vec::new(), sent: vec![sent] };
            assert_eq!(why_it_is_there(&in_file, &around), expected);
        }
    }
}
