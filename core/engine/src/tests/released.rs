//! Files that were refused, and that an operator lets be taken.

use std::sync::Arc;

use portolan_delivery::{
    FileFate, FileHash, FileIntake, FileReceipt, FileState, Operator, OperatorError, RejectedRecords,
};
use portolan_mapping::file::RejectLimit;

use super::{
    fakes::{Gateway, Running},
    files::{dropped, source_of},
};
use crate::{FileSource, Repeat, RouteMode};

const LAYOUT: &str = "layout: it
records:
  head: { when: { 1: H }, fields: { day: { columns: 2-9, date: yyyyMMdd } } }
  order:
    when: { 1: O }
    occurs: 0..
    fields: { number: 2-6 9(5) }
  total: { when: { 1: T }, fields: { count: { columns: 2-6, picture: 9(5), value: count(order) } } }
";
/// What its total says is wrong, and one of its orders.
const WRONG: &str = "H20260131\nO00001\nOx\nO00003\nT00009\n";
const HASH: FileHash = FileHash([7; 32]);
const WHY: &str = "the sender says\nthat the count is old";

fn source(rejects: Option<RejectLimit>) -> FileSource {
    FileSource { rejects, ..source_of(LAYOUT) }
}

/// A gateway, and what is needed to go on with another one on its ledger.
async fn started(source: FileSource) -> (Gateway, Running) {
    let gateway = Gateway::of_files(source).await;
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Always, false).await;
    (gateway, engine)
}

async fn refused(engine: &Running, text: &str) -> FileReceipt {
    match engine.intake.take_file(dropped(text, 0, 9)).await {
        FileFate::Refused(told) => *told.receipt,
        other => panic!("it is refused: {other:?}"),
    }
}

async fn taken(engine: &Running, text: &str) -> (FileReceipt, Option<RejectedRecords>) {
    match engine.intake.take_file(dropped(text, 0, 9)).await {
        FileFate::Taken(told, rejects) => (*told.receipt, rejects),
        other => panic!("it is taken: {other:?}"),
    }
}

async fn release(engine: &Running) {
    let released = engine.operator.release("test.route".into(), HASH, WHY.into()).await.unwrap();
    assert_eq!(released.record.state, FileState::Released);
    let receipt = released.record.receipt.expect("what is known of its refusal stays");
    assert!(receipt.contains("\"state\":\"refused\""), "{receipt}");
}

async fn not_released(engine: &Running, file: FileHash, why: &str) -> String {
    match engine.operator.release("test.route".into(), file, why.into()).await {
        Err(OperatorError::Refused(why)) => why,
        other => panic!("it is not released: {other:?}"),
    }
}

async fn payloads(engine: &Running) -> Vec<String> {
    let mut payloads = Vec::new();
    for record in engine.operator.list(Default::default()).await.unwrap().records {
        let shown = engine.operator.show(record.envelope.id).await.unwrap();
        // Behind what stands around it.
        let payload = String::from_utf8_lossy(&shown.record.payload).into_owned();
        payloads.push(payload.rsplit('\u{6}').next().unwrap_or_default().to_owned());
    }
    payloads.sort();
    payloads
}

#[tokio::test]
async fn a_wrong_total_does_not_refuse_a_file_that_was_released() {
    let (_gateway, engine) = started(source(None)).await;
    let before = refused(&engine, WRONG).await;
    assert!(before.reason.as_ref().unwrap().contains("3 is computed"), "{before:?}");
    assert_eq!((before.released, payloads(&engine).await), (None, Vec::new()));
    assert_eq!(engine.intake.released().await, Ok(Vec::new()));
    release(&engine).await;
    let waiting = engine.intake.released().await.unwrap();
    assert_eq!(waiting.iter().map(|file| (file.hash, &*file.name)).collect::<Vec<_>>(), [(HASH, "a.txt")]);
    assert_eq!(payloads(&engine).await, Vec::<String>::new(), "nothing goes before it is found");

    let (receipt, rejects) = taken(&engine, WRONG).await;
    assert_eq!(engine.intake.released().await, Ok(Vec::new()));
    assert_eq!((receipt.state.as_str(), receipt.counts.messages, receipt.counts.rejected), ("taken", 2, 1));
    let released = receipt.released.expect("the receipt says it");
    assert_eq!(released.reason, "the sender says that the count is old");
    assert_eq!(receipt.reason, before.reason, "what is wrong is told");
    assert_eq!(receipt.errors, before.errors);
    assert_eq!(*rejects.expect("one is rejected").records, [3]);
    assert_eq!(payloads(&engine).await, ["O00001", "O00003"]);

    let again = engine.intake.take_file(dropped(WRONG, 0, 9)).await;
    assert!(matches!(again, FileFate::Duplicate(_)), "{again:?}");
    let view = engine.operator.file("test.route".into(), HASH).await.unwrap().unwrap();
    assert_eq!(view.record.release.unwrap().reason, released.reason.into());
}

#[tokio::test]
async fn messages_that_fail_do_not_refuse_a_file_that_was_released() {
    let (_gateway, engine) = started(source(Some(RejectLimit::Share(1000)))).await;
    let text = WRONG.replace("T00009", "T00003");
    assert!(refused(&engine, &text).await.reason.unwrap().starts_with("1 of 3 messages failed"));
    release(&engine).await;
    let (receipt, rejects) = taken(&engine, &text).await;
    assert!(receipt.reason.unwrap().starts_with("1 of 3 messages failed"));
    assert_eq!((receipt.counts.messages, rejects.unwrap().records.len()), (2, 1));
}

#[tokio::test]
async fn a_file_of_which_no_release_helps_is_refused_again_and_says_so() {
    // A record where none may be, a file that breaks off within one, one of other lengths, and a thousand totals.
    let layout = "layout: it
file: { framing: fixed, record-length: 6 }
records:
  order: { when: { 1: O }, occurs: 0.., fields: { number: 2-6 9(5) } }
  total: { when: { 1: T }, occurs: 1.., fields: { count: { columns: 2-6, picture: 9(5), value: count(order) } } }
";
    let fixed = || FileSource { rejects: None, ..source_of(layout) };
    let hopeless = format!("O00001{}", "T00009".repeat(2000));
    let structure = "still cannot be taken: 1 error in its structure: record";
    for (source, text, why) in [
        (source(None), WRONG.replace("T00009", "T00003\nO00004"), structure),
        (source(None), WRONG.replace("H20260131", "H2026"), structure),
        (fixed(), "O00001O00002T00009O0".to_owned(), "in its structure: record"),
        (fixed(), hopeless, "and it was read no further"),
    ] {
        let (_gateway, engine) = started(source).await;
        let before = refused(&engine, &text).await.reason.unwrap();
        release(&engine).await;
        let receipt = refused(&engine, &text).await;
        let reason = receipt.reason.unwrap();
        assert!(reason.starts_with("it was released 20") && reason.contains(why), "{reason}");
        assert!(receipt.released.is_some());
        assert_eq!(payloads(&engine).await, Vec::<String>::new());
        // It is spent; and what was not right may be released once more.
        let spent = refused(&engine, &text).await;
        assert_eq!((spent.reason, spent.released), (Some(before), None));
        release(&engine).await;
    }
}

#[tokio::test]
async fn a_value_around_messages_does_not_refuse_a_file_that_was_released() {
    let (_gateway, engine) = started(source(None)).await;
    let text = WRONG.replace("H20260131", "H20261399").replace("Ox", "O00002");
    let Some(before) = refused(&engine, &text).await.reason else { panic!("it says why") };
    release(&engine).await;
    let (receipt, _) = taken(&engine, &text).await;
    assert_eq!((receipt.reason, receipt.counts.messages), (Some(before), 3));
}

#[tokio::test]
async fn a_file_that_goes_as_it_is_read_is_released_where_none_of_it_went() {
    let (_gateway, engine) = started(FileSource { as_read: true, ..source(None) }).await;
    let none = "H20260131\nOx\nT00009\n";
    assert!(refused(&engine, none).await.reason.unwrap().contains("1 is computed"));
    release(&engine).await;
    let (receipt, rejects) = taken(&engine, none).await;
    assert_eq!((receipt.counts.messages, rejects.unwrap().records.len()), (0, 1));
    assert!(receipt.released.is_some());
}

#[tokio::test]
async fn a_file_that_was_released_goes_on_as_that_after_an_accident() {
    let (gateway, engine) = started(source(None)).await;
    refused(&engine, WRONG).await;
    release(&engine).await;
    // The disk fails while it is released.
    let broken = dropped(WRONG, 12, 1);
    let fate = engine.intake.take_file(broken).await;
    assert!(matches!(fate, FileFate::NotNow(_)), "{fate:?}");
    // It was begun, went back to where it was set aside, and is looked for there.
    let wanted = async |engine: &Running| {
        let released = engine.intake.released().await.unwrap();
        released.into_iter().map(|file| file.hash).collect::<Vec<_>>()
    };
    assert_eq!(wanted(&engine).await, [HASH]);
    drop(engine);
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Always, false).await;
    assert_eq!(wanted(&engine).await, [HASH], "also by the next gateway");
    let (receipt, _) = taken(&engine, WRONG).await;
    assert_eq!(wanted(&engine).await, []);
    assert_eq!((receipt.counts.messages, receipt.released.is_some()), (2, true));
    assert_eq!(payloads(&engine).await, ["O00001", "O00003"]);
    // It had ended, and what became of it is said once more.
    let again = portolan_delivery::Dropped { again: true, ..dropped(WRONG, 0, 9) };
    match engine.intake.take_file(again).await {
        FileFate::Taken(told, Some(rejects)) => {
            assert_eq!((*told.receipt, rejects.records), (receipt, Arc::new(vec![3])));
        }
        other => panic!("it is told again: {other:?}"),
    }
}

#[tokio::test]
async fn what_was_not_refused_is_not_released_and_it_is_said_what_to_do() {
    let (_gateway, engine) = started(source(None)).await;
    let unknown = not_released(&engine, FileHash([8; 32]), WHY).await;
    assert!(unknown.contains("no file with SHA-256 08080808"), "{unknown}");
    refused(&engine, WRONG).await;
    for reason in ["", " \n\u{7}", &"x".repeat(1001)] {
        let why = not_released(&engine, HASH, reason).await;
        assert!(why.contains("a release says why"), "{why}");
    }
    release(&engine).await;
    let twice = not_released(&engine, HASH, WHY).await;
    assert!(twice.contains("already") && twice.contains("drop it again"), "{twice}");
    taken(&engine, WRONG).await;
    let over = not_released(&engine, HASH, WHY).await;
    assert!(over.contains("was taken: there is nothing to release"), "{over}");
}
