//! Files that are made of messages. A subject that makes none passes.

use super::{cases, fresh, reopened};
use crate::{
    Arrival, Block, Built, BundleHash, Claim, CutPage, CutPlace, CutState, CutStore, Delivery, DeliveryError,
    Envelope, FaultClass, FileAnswer, FileCounts, FileHash, GatewayId, MessageId, RequestKey, Sender, State,
    Timestamp,
    testing::{Subject, messages::*},
};

cases![
    what_has_gathered_is_cut_once_and_in_order,
    a_cut_outlives_its_gateway_and_has_its_number_alone,
    a_file_has_one_version,
    who_sent_a_message_is_told_where_it_is_asked,
    a_cut_is_of_one_gateway_that_lives_and_what_is_built_first_counts,
    a_block_of_answers_settles_with_its_file,
    what_gathers_or_is_in_a_file_is_never_published_nor_forgotten,
    an_answer_settles_a_message_once,
    what_is_late_is_found_and_a_late_answer_settles_it,
    what_is_late_is_found_in_the_oldest_of_many_files,
    what_is_cancelled_in_time_is_in_no_file,
    a_file_that_was_not_built_is_given_up_and_leaves_no_gap,
];

const OTHER: BundleHash = BundleHash([8; 32]);

/// A message that gathers.
async fn gathers(delivery: &dyn Delivery, group: Option<&str>) -> MessageId {
    let envelope = Envelope { group: group.map(Into::into), ..envelope("r") };
    waiting(delivery, envelope, Timestamp::NEVER).await
}

fn page(after: Option<CutPlace>, limit: usize) -> CutPage {
    CutPage { after, limit, senders: false }
}

async fn ids(cuts: &dyn CutStore, sequence: u64) -> Vec<MessageId> {
    let messages = cuts.cut_messages(("r".into(), sequence), page(None, 100)).await.expect("messages");
    messages.into_iter().map(|message| message.claim.id).collect()
}

async fn gathered(cuts: &dyn CutStore) -> u64 {
    cuts.gathered().await.expect("gathered").iter().map(|one| one.messages).sum()
}

fn built(aside: &str) -> Built {
    Built { name: "f".into(), aside: aside.into(), hash: FileHash([3; 32]), bytes: 9 }
}

async fn deliver(cuts: &dyn CutStore, sequence: u64) {
    cuts.cut_ready(("r".into(), sequence), built("a")).await.expect("ready");
    cuts.cut_delivered(("r".into(), sequence), at(9)).await.expect("delivered");
}

async fn what_has_gathered_is_cut_once_and_in_order(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    assert_eq!(cuts.cut("r".into(), 10, at(1)).await.expect("cut"), None, "there is nothing");
    let first = gathers(&*delivery, Some("b")).await;
    let second = gathers(&*delivery, Some("a")).await;
    let third = gathers(&*delivery, Some("b")).await;
    let fourth = gathers(&*delivery, Some("a")).await;
    assert!(delivery.claim(GatewayId::generate(), 10, &[], at(10)).await.expect("claim").is_empty());
    let waits = cuts.gathered().await.expect("gathered");
    assert_eq!(waits.len(), 1);
    assert_eq!((&*waits[0].route, waits[0].messages, waits[0].oldest), ("r", 4, NOW));

    let cut = cuts.cut("r".into(), 3, at(1)).await.expect("cut").expect("a cut");
    assert_eq!((cut.sequence, cut.messages, cut.at, cut.bundle), (1, 3, at(1), BUNDLE));
    assert_eq!((cut.state, cut.outstanding), (CutState::Open, 3));
    assert_eq!(cuts.cut("r".into(), 3, at(2)).await.expect("cut"), None, "one after the other");
    assert_eq!(ids(cuts, 1).await, [second, first, third], "by group, then as they were accepted");
    let two = cuts.cut_messages(("r".into(), 1), page(None, 2)).await.expect("a page");
    let after = two.last().map(|message| message.place.clone());
    let rest = cuts.cut_messages(("r".into(), 1), page(after, 2)).await.expect("the next page");
    assert_eq!(rest.iter().map(|message| message.claim.id).collect::<Vec<_>>(), [third]);
    assert_eq!((&rest[0].payload, rest[0].group.as_deref()), (&payload(1), Some("b")));
    assert_eq!(rest[0].claim, Claim { id: third, attempt: 1, gateway: GatewayId::FILE });

    deliver(cuts, 1).await;
    let cut = cuts.cut("r".into(), 3, at(11)).await.expect("cut").expect("a cut");
    assert_eq!((cut.sequence, cut.messages), (2, 1));
    assert_eq!(ids(cuts, 2).await, [fourth]);
    assert_eq!(gathered(cuts).await, 0);
    let all = cuts.cuts(false, 10).await.expect("all");
    assert_eq!(
        all.iter().map(|cut| (cut.sequence, cut.state)).collect::<Vec<_>>(),
        [(2, CutState::Open), (1, CutState::Delivered)]
    );
    assert_eq!((all[1].name.as_deref(), all[1].bytes, all[1].delivered), (Some("f"), 9, Some(at(9))));
    assert_eq!(cuts.cuts(true, 10).await.expect("open").len(), 1);
}

async fn a_cut_outlives_its_gateway_and_has_its_number_alone(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let first = gathers(&*delivery, None).await;
    cuts.cut("r".into(), 10, at(1)).await.expect("cut");
    let delivery = reopened(subject, delivery).await;
    let reconciled = delivery.reconcile(GatewayId::generate(), at(2)).await.expect("reconcile");
    assert!(reconciled.requeued.is_empty() && reconciled.buried.is_empty(), "{reconciled:?}");
    let cuts = delivery.cuts().expect("as before");
    let open = cuts.cuts(true, 10).await.expect("open");
    assert_eq!((open[0].sequence, open[0].state, open[0].outstanding), (1, CutState::Open, 1));
    assert_eq!(ids(cuts, 1).await, [first]);
    let built = built("a");
    assert_eq!(cuts.cut_ready(("r".into(), 1), built.clone()).await, Ok(built.clone()));
    let delivery = reopened(subject, delivery).await;
    let cuts = delivery.cuts().expect("as before");
    let open = cuts.cuts(true, 10).await.expect("open");
    assert_eq!(
        (open[0].state, open[0].hash, open[0].name.clone(), open[0].aside.clone()),
        (CutState::Ready, Some(built.hash), Some(built.name), Some(built.aside))
    );
    cuts.cut_delivered(("r".into(), 1), at(3)).await.expect("delivered");
    gathers(&*delivery, None).await;
    let next = cuts.cut("r".into(), 10, at(4)).await.expect("cut").expect("a cut");
    assert_eq!(next.sequence, 2);
}

async fn who_sent_a_message_is_told_where_it_is_asked(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let key = RequestKey { caller: "portal".to_owned(), id: "id-1".to_owned() };
    let sent = Envelope { request_key: Some(key), ..envelope("r") };
    waiting(&*delivery, sent.clone(), Timestamp::NEVER).await;
    gathers(&*delivery, None).await;
    assert!(sent.caller.is_some() && !sent.metadata.is_empty());
    cuts.cut("r".into(), 10, at(1)).await.expect("cut");
    for (senders, expected) in [(false, Sender::default()), (true, sent.clone().into())] {
        let page = CutPage { after: None, limit: 10, senders };
        let messages = cuts.cut_messages(("r".into(), 1), page).await.expect("messages");
        assert_eq!((&messages[0].sender, messages[0].received), (&expected, sent.received));
        assert_eq!((messages[1].sender.request_id.as_deref(), &messages[1].group), (None, &None));
    }
}

async fn a_file_has_one_version(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    delivery.keep_bundle(OTHER, bytes::Bytes::from_static(b"another")).await.expect("keep");
    let first = gathers(&*delivery, None).await;
    let newer = Envelope { bundle: OTHER, ..envelope("r") };
    let second = waiting(&*delivery, newer, Timestamp::NEVER).await;
    let third = gathers(&*delivery, None).await;
    let cut = cuts.cut("r".into(), 10, at(1)).await.expect("cut").expect("a cut");
    assert_eq!((cut.messages, cut.bundle), (2, BUNDLE));
    assert_eq!(ids(cuts, 1).await, [first, third]);
    deliver(cuts, 1).await;
    let cut = cuts.cut("r".into(), 10, at(1)).await.expect("cut").expect("a cut");
    assert_eq!((cut.messages, cut.bundle), (1, OTHER));
    assert_eq!(ids(cuts, 2).await, [second]);
}

/// Two messages in a file that is delivered, known as `one` and `two`.
async fn sent(delivery: &dyn Delivery, cuts: &dyn CutStore) -> [MessageId; 2] {
    let sent = [gathers(delivery, None).await, gathers(delivery, None).await];
    cuts.cut("r".into(), 10, at(1)).await.expect("cut");
    let messages = cuts.cut_messages(("r".into(), 1), page(None, 10)).await.expect("messages");
    let places = messages.into_iter().map(|message| message.place);
    let keys = places.zip(["one", "two"].map(str::to_owned)).collect();
    cuts.note_keys(("r".into(), 1), keys).await.expect("keys");
    deliver(cuts, 1).await;
    sent
}

fn answer(id: MessageId) -> FileAnswer {
    FileAnswer { id, received: NOW, outcome: reply() }
}

async fn an_answer_settles_a_message_once(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let [one, two] = sent(&*delivery, cuts).await;
    let waits = gathers(&*delivery, None).await;
    let found =
        cuts.sent_by("r".into(), ["two", "three", "one"].map(str::to_owned).into()).await.expect("found");
    let known: Vec<Vec<_>> =
        found.iter().map(|all| all.iter().map(|sent| (sent.envelope.id, sent.waits)).collect()).collect();
    assert_eq!(known, [vec![(two, true)], vec![], vec![(one, true)]]);
    assert_eq!(found[0][0].payload, payload(1));

    // What is in no file is not answered by one.
    let settled =
        cuts.settle_sent(vec![answer(one), answer(waits), answer(MessageId::generate())], at(20)).await;
    assert_eq!(settled, Ok(vec![one]));
    let other = FileAnswer { outcome: crate::Outcome::Failed(failure(FaultClass::Refused)), ..answer(one) };
    assert_eq!(cuts.settle_sent(vec![other], at(21)).await, Ok(vec![]), "it has its answer");
    let record = delivery.get(one).await.expect("get").expect("it is there");
    assert!(
        matches!(record.state, State::Finished { outcome, at: when } if outcome == reply() && when == at(20))
    );
    let found = cuts.sent_by("r".into(), vec!["one".to_owned()]).await.expect("found");
    assert!(!found[0][0].waits);
    assert_eq!(cuts.cuts(false, 10).await.expect("cuts")[0].outstanding, 1);
}

async fn what_is_late_is_found_and_a_late_answer_settles_it(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let [one, two] = sent(&*delivery, cuts).await;
    let late = async |now| {
        let late = cuts.late("r".into(), now, at(5000), 10).await.expect("late");
        late.into_iter().map(|late| late.claim).collect::<Vec<_>>()
    };
    assert_eq!(late(at(3600)).await, []);
    let all = late(at(3601)).await;
    assert_eq!(all.iter().map(|claim| claim.id).collect::<Vec<_>>(), [one, two]);
    delivery.bury(all[0], letter(FaultClass::Unknown), at(3601)).await.expect("bury");
    assert_eq!(late(at(3601)).await.len(), 1);
    assert_eq!(cuts.settle_sent(vec![answer(one)], at(4000)).await, Ok(vec![one]));
    let gone = delivery.bury(all[0], letter(FaultClass::Unknown), at(4001)).await;
    assert_eq!(gone, Err(DeliveryError::Superseded(all[0])));

    // Once more with the next file, by an operator's decision.
    delivery.bury(all[1], letter(FaultClass::Unknown), at(4001)).await.expect("bury");
    delivery.retry(two, None, at(4002)).await.expect("retry");
    let claimed = delivery.claim(GatewayId::generate(), 10, &[], at(4003)).await.expect("claim");
    let again = claimed.iter().find(|claimed| claimed.claim.id == two).expect("it is due").claim;
    delivery.retry_at(again, Timestamp::NEVER, failure(FaultClass::Unsent), at(4003)).await.expect("gathers");
    let cut = cuts.cut("r".into(), 10, at(4004)).await.expect("cut").expect("a cut");
    assert_eq!((cut.sequence, ids(cuts, 2).await), (2, vec![two]));
    let sent_in = cuts.sent_in(vec![one, two, MessageId::generate()]).await.expect("sent in");
    let mut sent_in: Vec<_> = sent_in.iter().map(|sent| (sent.message, sent.sequence, sent.state)).collect();
    sent_in.sort_by_key(|sent| sent.1);
    assert_eq!(sent_in, [(one, 1, CutState::Delivered), (two, 2, CutState::Open)], "the last of each");
    deliver(cuts, 2).await;
    // What is sent again has no deadline: it is late when its file was delivered a while ago.
    assert_eq!(late(at(9000)).await.iter().map(|claim| claim.id).collect::<Vec<_>>(), [two]);
    let before = cuts.late("r".into(), at(9000), at(9), 10).await.expect("late");
    assert!(before.is_empty(), "its file was delivered just then");
}

/// A route that cuts often has many files; what the first of them still waits for is not forgotten.
async fn what_is_late_is_found_in_the_oldest_of_many_files(subject: &dyn Subject) {
    const FILES: u64 = 30;
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let mut sent = Vec::new();
    for number in 1..=FILES {
        sent.push(gathers(&*delivery, None).await);
        cuts.cut("r".into(), 1, at(1)).await.expect("cut");
        deliver(cuts, number).await;
    }
    let late = async |route: &str, limit| {
        let late = cuts.late(route.into(), at(3601), at(0), limit).await.expect("late");
        late.into_iter().map(|late| (late.claim.id, late.file)).collect::<Vec<_>>()
    };
    assert_eq!(late("r", 2).await, [(sent[0], Some("f".into())), (sent[1], Some("f".into()))]);
    assert_eq!(late("r", 100).await.len(), sent.len());
    assert_eq!(late("another", 100).await, []);
    cuts.settle_sent(sent[1..].iter().map(|id| answer(*id)).collect(), at(20)).await.expect("settle");
    assert_eq!(late("r", 100).await, [(sent[0], Some("f".into()))]);
}

async fn what_is_cancelled_in_time_is_in_no_file(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let one = gathers(&*delivery, None).await;
    let two = gathers(&*delivery, None).await;
    let cancelled = crate::Outcome::Failed(failure(FaultClass::Refused));
    assert_eq!(delivery.withdraw(one, cancelled.clone(), at(1)).await, Ok(true));
    cuts.cut("r".into(), 10, at(2)).await.expect("cut");
    assert_eq!(ids(cuts, 1).await, [two]);
    assert_eq!(delivery.withdraw(two, cancelled, at(3)).await, Ok(false), "it is in a file");
}

async fn a_cut_is_of_one_gateway_that_lives_and_what_is_built_first_counts(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let [first, second] = [(); 2].map(|()| GatewayId::generate());
    for gateway in [first, second].into_iter().take(if delivery.is_shared() { 2 } else { 1 }) {
        delivery.reconcile(gateway, NOW).await.expect("reconcile");
    }
    assert_eq!(cuts.hold(("r".into(), 1), first).await, Ok(false), "there is none");
    gathers(&*delivery, None).await;
    cuts.cut("r".into(), 10, at(1)).await.expect("cut");
    assert_eq!(cuts.hold(("r".into(), 1), first).await, Ok(true));
    assert_eq!(cuts.hold(("r".into(), 1), first).await, Ok(true), "it has it");
    if delivery.is_shared() {
        assert_eq!(cuts.hold(("r".into(), 1), second).await, Ok(false), "the first is at it, and lives");
    }
    let delivery = reopened(subject, delivery).await;
    let cuts = delivery.cuts().expect("as before");
    delivery.reconcile(second, at(2)).await.expect("reconcile");
    assert_eq!(cuts.hold(("r".into(), 1), second).await, Ok(true), "the first is no more");

    // The first lives after all, and is faster.
    assert_eq!(cuts.cut_ready(("r".into(), 1), built("a")).await, Ok(built("a")));
    assert_eq!(cuts.cut_ready(("r".into(), 1), built("b")).await, Ok(built("a")), "that is the file");
    assert_eq!(cuts.hold(("r".into(), 1), second).await, Ok(true), "it has no name yet");
    cuts.cut_delivered(("r".into(), 1), at(3)).await.expect("delivered");
    assert_eq!(cuts.hold(("r".into(), 1), second).await, Ok(false), "there is nothing to do");
    assert_eq!(cuts.cut_ready(("r".into(), 1), built("c")).await, Ok(built("a")), "that was the file");
    let all = cuts.cuts(false, 10).await.expect("all");
    assert_eq!((all[0].state, all[0].delivered), (CutState::Delivered, Some(at(3))));
}

async fn a_block_of_answers_settles_with_its_file(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let (Some(cuts), Some(files)) = (delivery.cuts(), delivery.files()) else { return };
    let [one, two] = sent(&*delivery, cuts).await;
    let gateway = GatewayId::generate();
    let arrival = Arrival {
        route: "r".into(),
        hash: FileHash([5; 32]),
        bundle: BUNDLE,
        name: "answers".into(),
        bytes: 9,
        received: at(20),
    };
    files.begin_file(arrival, gateway).await.expect("begin");
    let block = |from, to, answers| Block {
        route: "r".into(),
        file: FileHash([5; 32]),
        from,
        to,
        messages: Vec::new(),
        answers,
        counts: FileCounts { messages: to, ..FileCounts::default() },
        now: at(21),
    };
    let state = async |id| delivery.get(id).await.expect("get").expect("it is there").state;
    assert_eq!(files.accept_block(block(3, 4, vec![answer(one)]), gateway).await, Ok(false));
    assert!(matches!(state(one).await, State::Claimed { .. }), "the file is not there yet");
    let twice = FileAnswer { outcome: crate::Outcome::Failed(failure(FaultClass::Refused)), ..answer(one) };
    let answers = vec![answer(one), twice, answer(MessageId::generate())];
    assert_eq!(files.accept_block(block(0, 3, answers), gateway).await, Ok(true));
    let first = state(one).await;
    assert!(matches!(first, State::Finished { outcome, at: when } if outcome == reply() && when == at(21)));
    assert!(matches!(state(two).await, State::Claimed { gateway: GatewayId::FILE, .. }));
}

async fn what_gathers_or_is_in_a_file_is_never_published_nor_forgotten(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let [one, two] = sent(&*delivery, cuts).await;
    let waits = gathers(&*delivery, None).await;
    let gateway = GatewayId::generate();
    delivery.reconcile(gateway, at(1_000_000)).await.expect("reconcile");
    assert!(delivery.claim(gateway, 10, &[], at(1_000_000)).await.expect("claim").is_empty());
    cuts.settle_sent(vec![answer(one)], at(20)).await.expect("settle");
    assert_eq!(delivery.forget(at(1_000_000), 10).await, Ok(1), "the one that is finished");
    assert_eq!(ids(cuts, 1).await, [two]);
    assert_eq!(cuts.sent_by("r".into(), vec!["one".to_owned()]).await.expect("found")[0].len(), 0);
    assert_eq!(cuts.sent_by("r".into(), vec!["two".to_owned()]).await.expect("found")[0].len(), 1);
    assert!(delivery.get(waits).await.expect("get").is_some());
    assert_eq!(gathered(cuts).await, 1);
}

async fn a_file_that_was_not_built_is_given_up_and_leaves_no_gap(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(cuts) = delivery.cuts() else { return };
    let (gateway, other, key) = (GatewayId::generate(), GatewayId::generate(), ("r".into(), 1));
    delivery.reconcile(gateway, NOW).await.expect("reconcile");
    let one = gathers(&*delivery, None).await;
    cuts.cut("r".into(), 10, at(1)).await.expect("cut");
    assert_eq!(cuts.hold(("r".into(), 1), gateway).await, Ok(true));
    assert_eq!(cuts.forget_cut(("r".into(), 1), gateway).await, Ok(false), "a message waits in it");
    let claim = cuts.cut_messages(("r".into(), 1), page(None, 10)).await.expect("messages")[0].claim;
    delivery.bury(claim, letter(FaultClass::Unsent), at(2)).await.expect("bury");
    if delivery.is_shared() {
        assert_eq!(cuts.forget_cut(("r".into(), 1), other).await, Ok(false), "another has it");
    }
    assert_eq!(cuts.forget_cut(key, gateway).await, Ok(true));
    assert_eq!(cuts.cuts(false, 10).await, Ok(Vec::new()));
    assert_eq!(cuts.forget_cut(("r".into(), 1), gateway).await, Ok(false), "there is none");
    assert_eq!(cuts.settle_sent(vec![answer(one)], at(3)).await, Ok(vec![]), "it was sent in no file");

    let two = gathers(&*delivery, None).await;
    let cut = cuts.cut("r".into(), 10, at(4)).await.expect("cut").expect("a cut");
    assert_eq!((cut.sequence, ids(cuts, 1).await), (1, vec![two]));
    deliver(cuts, 1).await;
    assert_eq!(cuts.forget_cut(("r".into(), 1), gateway).await, Ok(false), "it is delivered");
}
