//! The file itself: whose it is, who may open it, and what is said otherwise.

use std::path::Path;

use portolan_delivery::{
    Accept, BundleHash, Control, CutPage, CutStore, Delivery, Filter, GatewayId, MessageStore, Start,
    StateKind, Timestamp,
    testing::messages::{BUNDLE, NOW, envelope, payload},
};
use portolan_sqlite::{OpenError, Options, SqliteDelivery};

fn open(path: &Path) -> Result<SqliteDelivery, OpenError> {
    SqliteDelivery::open(path, Options::default())
}

fn refusal(path: &Path) -> String {
    open(path).err().expect("a refusal").to_string()
}

#[tokio::test]
async fn a_second_gateway_is_told_that_the_file_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let first = open(&path).unwrap();
    assert!(refusal(&path).contains("in use by another process"), "{}", refusal(&path));
    drop(first);
    open(&path).unwrap();
}

#[tokio::test]
async fn what_was_kept_is_there_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let hash = BundleHash([3; 32]);
    open(&path).unwrap().keep_bundle(hash, "content".into()).await.unwrap();
    assert_eq!(open(&path).unwrap().bundle(hash).await, Ok(Some("content".into())));
}

/// Makes of a file what the first version would have.
const TO_VERSION_1: &str =
    "DROP TABLE controls; DROP TABLE identity; DROP INDEX messages_line; DROP INDEX messages_out; ALTER TABLE messages DROP COLUMN order_key;
    ALTER TABLE messages DROP COLUMN passes; DROP INDEX messages_suspects; DROP INDEX messages_waiting;
    ALTER TABLE messages DROP COLUMN lost; ALTER TABLE attempts ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX messages_waiting ON messages (route, at) WHERE state = 0; DROP TABLE events;
    ALTER TABLE messages DROP COLUMN announced; ALTER TABLE messages DROP COLUMN ticket; DROP TABLE files; DROP TABLE cuts;
    DROP TABLE cut_messages; DROP TABLE gathering; DROP TABLE in_file; PRAGMA user_version = 1;";

#[tokio::test]
async fn a_file_of_an_earlier_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let hash = BundleHash([3; 32]);
    open(&path).unwrap().keep_bundle(hash, "content".into()).await.unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch(TO_VERSION_1).unwrap();
    let delivery = open(&path).unwrap();
    assert_eq!(delivery.bundle(hash).await, Ok(Some("content".into())));
    delivery.control("r".into(), Control::Paused).await.unwrap();
    drop(delivery);
    assert_eq!(open(&path).unwrap().controls().await.unwrap()["r"], Control::Paused);
}

/// Makes of a file what version 10 would have: a row that says itself that its message gathers, or is in a file.
const TO_VERSION_10: &str =
    "UPDATE messages SET state = 0 WHERE state = 9 AND seq IN (SELECT message FROM gathering);
    UPDATE messages SET state = 1, attempt = attempt + 1, at = 7, started = 7, gateway = x'66696C65000080008000000000000001'
        WHERE state = 9;
    DROP TABLE gathering; DROP TABLE in_file; DROP INDEX files_released; ALTER TABLE files DROP COLUMN released;
    ALTER TABLE files DROP COLUMN release_reason; PRAGMA user_version = 10;";

#[tokio::test]
async fn what_gathered_and_was_in_files_of_an_earlier_version_is_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let queue = open(&path).unwrap();
    queue.keep_bundle(BUNDLE, "a bundle".into()).await.unwrap();
    let gathering =
        || Accept { envelope: envelope("r"), payload: payload(1), start: Start::Due(Timestamp::NEVER) };
    for _ in 0..3 {
        queue.accept(gathering()).await.unwrap();
    }
    queue.cut("r".into(), 2, NOW).await.unwrap().unwrap();
    let seen = async |queue: &SqliteDelivery| {
        let records = queue.list(Filter::default()).await.unwrap().records;
        let states = records.iter().map(|record| (record.state.kind(), record.attempts.len()));
        (
            queue.gathered().await.unwrap(),
            CutStore::cuts(queue, true, 9).await.unwrap(),
            states.collect::<Vec<_>>(),
        )
    };
    let expected = seen(&queue).await;
    assert_eq!(
        expected.2,
        [(StateKind::Waiting, 0), (StateKind::Claimed, 1), (StateKind::Claimed, 1)],
        "two are in the file"
    );
    drop(queue);
    rusqlite::Connection::open(&path).unwrap().execute_batch(TO_VERSION_10).unwrap();
    let queue = open(&path).unwrap();
    queue.reconcile(GatewayId::generate(), NOW).await.unwrap();
    assert_eq!(seen(&queue).await, expected);
    assert!(
        queue
            .cut_messages(("r".into(), 1), CutPage { after: None, limit: 9, senders: false })
            .await
            .unwrap()
            .iter()
            .all(|message| message.claim.attempt == 1)
    );
}

#[test]
fn files_of_others_and_of_newer_versions_are_refused() {
    let check = |sql: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        drop(open(&path).unwrap());
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let refusal = refusal(&path);
        assert!(refusal.contains(expected), "{sql}: {refusal}");
    };
    check("PRAGMA user_version = 99", "has version 99 and this portolan knows up to 12");
    check("PRAGMA application_id = 7", "is a database of another program");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    std::fs::write(
        &path,
        "not a database, and longer than the header of one would be: 100 bytes and a few more than that",
    )
    .unwrap();
    assert!(refusal(&path).contains("cannot be used as a queue"), "{}", refusal(&path));
    assert!(refusal(&folder.path().join("missing/queue.db")).contains("cannot be opened"));
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let delivery = open(&path).unwrap();
    delivery.keep_bundle(BundleHash([3; 32]), "content".into()).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
        seen += 1;
    }
    assert_eq!(seen, 4, "database, log, its index and the lock");
}

#[tokio::test]
async fn a_damaged_row_becomes_a_dead_letter_and_stops_no_other() {
    use portolan_delivery::testing::messages::{BUNDLE, at, claimed, count, envelope, waiting};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let delivery = open(&path).unwrap();
    delivery.keep_bundle(BUNDLE, "content".into()).await.unwrap();
    waiting(&delivery, envelope("r"), at(0)).await;
    let sound = waiting(&delivery, envelope("r"), at(1)).await;
    drop(delivery);
    let damage = "UPDATE messages SET envelope = '{' WHERE seq = 1";
    rusqlite::Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    let delivery = open(&path).unwrap();
    let claims = claimed(&delivery, portolan_delivery::GatewayId::generate(), 9, &[], at(2)).await;
    assert_eq!(claims.iter().map(|claim| claim.id).collect::<Vec<_>>(), [sound]);
    assert_eq!(count(&delivery, portolan_delivery::StateKind::Dead).await, 1);
}

#[tokio::test]
async fn a_damaged_row_lets_its_key_pass() {
    use portolan_delivery::{
        DeadLetters, GatewayId, Start,
        testing::messages::{BUNDLE, at, claimed, ids, ordered, parked, started, waiting},
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let delivery = open(&path).unwrap();
    delivery.keep_bundle(BUNDLE, "content".into()).await.unwrap();
    let of = |key| ordered("r", key, DeadLetters::Hold);
    waiting(&delivery, of("waits"), at(0)).await;
    started(&delivery, of("was at work"), GatewayId::generate()).await;
    let mut sound = Vec::new();
    for key in ["waits", "was at work"] {
        sound.push(parked(&delivery, of(key), Start::Due(at(0))).await);
    }
    drop(delivery);
    let damage = "UPDATE messages SET envelope = '{' WHERE seq < 3";
    rusqlite::Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    let delivery = open(&path).unwrap();
    let gateway = GatewayId::generate();
    assert_eq!(delivery.reconcile(gateway, at(1)).await.unwrap().buried.len(), 1);
    let mut got = claimed(&delivery, gateway, 9, &[], at(1)).await;
    got.extend(claimed(&delivery, gateway, 9, &[], at(1)).await);
    let mut got = ids(&got);
    got.sort();
    assert_eq!(got, sound);
}

/// What the version before wrote is served on.
#[tokio::test]
async fn an_older_file_is_brought_up_to_date() {
    use portolan_delivery::{
        DeadLetters, GatewayId, Start,
        testing::messages::{BUNDLE, NOW, claimed, envelope, ids, ordered, parked, waiting},
    };
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
    let delivery = open(&old).unwrap();
    delivery.keep_bundle(BUNDLE, "content".into()).await.unwrap();
    let mut expected = vec![waiting(&delivery, envelope("r"), NOW).await];
    drop(delivery);
    rusqlite::Connection::open(&old).unwrap().execute_batch(TO_VERSION_1).unwrap();
    let delivery = open(&old).unwrap();
    let in_line = || ordered("r", "k", DeadLetters::Hold);
    expected.push(waiting(&delivery, in_line(), NOW).await);
    parked(&delivery, in_line(), Start::Due(NOW)).await;
    assert_eq!(ids(&claimed(&delivery, GatewayId::generate(), 9, &[], NOW).await), expected);
    drop((delivery, open(&new).unwrap()));
    let shape = |path: &Path| {
        let file = rusqlite::Connection::open(path).unwrap();
        let mut statement = file
            .prepare(
                "SELECT m.name, i.name, i.type FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) i ORDER BY 1, 2",
            )
            .unwrap();
        let text = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[Option<String>; 3]> {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        };
        statement.query_map([], text).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(shape(&old), shape(&new));
}

#[tokio::test]
async fn the_log_starts_over_under_load() {
    use portolan_delivery::testing::messages::{BUNDLE, at, envelope, waiting};
    use portolan_sqlite::Durability;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let options = Options {
        checkpoint_after: 64 << 10,
        checkpoint_hold: 256 << 10,
        durability: Durability::ProcessOnly,
        batch: 4,
        ..Options::default()
    };
    let delivery = std::sync::Arc::new(SqliteDelivery::open(&path, options).unwrap());
    delivery.keep_bundle(BUNDLE, "content".into()).await.unwrap();
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                for _ in 0..250 {
                    waiting(&*delivery, envelope("r"), at(0)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let log = std::fs::metadata(folder.path().join("queue.db-wal")).unwrap().len();
    // A thousand commits write some 20 MB of log.
    assert!(log < 4 << 20, "the log has {log} bytes");
}
