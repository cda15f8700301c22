//! Routes that are held up, and messages whose callers go away while they wait.

use super::{cases, fresh, reopened};
use crate::{
    Control, Controls, FaultClass, GatewayId, MessageId, Outcome, RequestKey, State, StateKind,
    testing::{Subject, messages::*},
};

cases![
    a_withdrawn_message_is_finished_and_never_claimed,
    only_what_waits_is_withdrawn,
    a_request_key_recalls_its_message,
    a_control_holds_until_it_is_taken_back,
];

async fn a_withdrawn_message_is_finished_and_never_claimed(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let given_up = || Outcome::Failed(failure(FaultClass::Unsent));
    let untouched = waiting(&*delivery, envelope("r"), NOW).await;
    let gateway = GatewayId::generate();
    let tried = started(&*delivery, envelope("r"), gateway).await;
    delivery.retry_at(tried, at(5), failure(FaultClass::NotDone), at(1)).await.expect("retry at");
    assert_eq!(delivery.withdraw(untouched, given_up(), at(2)).await, Ok(true));
    assert_eq!(delivery.withdraw(tried.id, given_up(), at(2)).await, Ok(true));
    let delivery = reopened(subject, delivery).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    for (id, attempts) in [(untouched, 0), (tried.id, 1)] {
        let record = known(&*delivery, id).await;
        assert_eq!(record.state, State::Finished { outcome: given_up(), at: at(2) });
        assert_eq!(record.attempts.len(), attempts);
        assert!(record.attempts.iter().all(|a| a.failure == Some(failure(FaultClass::NotDone))));
    }
}

async fn only_what_waits_is_withdrawn(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let runs = started(&*delivery, envelope("r"), gateway).await;
    let done = started(&*delivery, envelope("r"), gateway).await;
    delivery.finish(done, reply(), at(1)).await.expect("finish");
    let dead = started(&*delivery, envelope("r"), gateway).await;
    delivery.bury(dead, letter(FaultClass::Unknown), at(1)).await.expect("bury");
    for id in [runs.id, done.id, dead.id] {
        let before = state(&*delivery, id).await;
        assert_eq!(delivery.withdraw(id, reply(), at(2)).await, Ok(false));
        assert_eq!(state(&*delivery, id).await, before);
    }
    assert_eq!(delivery.withdraw(MessageId::generate(), reply(), at(2)).await, Ok(false));
    assert_eq!(count(&*delivery, StateKind::Claimed).await, 1);
}

async fn a_request_key_recalls_its_message(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let one = waiting(&*delivery, keyed("r", "a", "k"), NOW).await;
    let other = waiting(&*delivery, keyed("s", "a", "k"), NOW).await;
    let recalled = async |route: &str, caller: &str, id: &str| {
        let key = RequestKey { caller: caller.to_owned(), id: id.to_owned() };
        delivery.recall(route.into(), key).await.expect("recall")
    };
    for (route, id) in [("r", one), ("s", other)] {
        let record = recalled(route, "a", "k").await.expect("a message");
        assert_eq!((record.envelope.id, record.payload, record.digest.is_some()), (id, payload(1), true));
    }
    for (route, caller, id) in [("t", "a", "k"), ("r", "b", "k"), ("r", "a", "l")] {
        assert!(recalled(route, caller, id).await.is_none());
    }
}

async fn a_control_holds_until_it_is_taken_back(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    assert_eq!(delivery.controls().await, Ok(Controls::new()));
    for (route, control) in
        [("r", Control::Draining), ("r", Control::Paused), ("unheard-of", Control::Draining)]
    {
        delivery.control(route.into(), control).await.expect("control");
    }
    let delivery = reopened(subject, delivery).await;
    let expected = [("r".into(), Control::Paused), ("unheard-of".into(), Control::Draining)];
    assert_eq!(delivery.controls().await, Ok(Controls::from(expected)));
    for route in ["r", "never-held-up"] {
        delivery.control(route.into(), Control::Running).await.expect("control");
    }
    let expected = [("unheard-of".into(), Control::Draining)];
    assert_eq!(delivery.controls().await, Ok(Controls::from(expected)));
}
