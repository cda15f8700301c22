//! Bare inserts of rows of the shape that messages have, in blocks: what SQLite costs that keeps a file's records durable, and nothing
//! else.

use std::{path::Path, time::Instant};

use rusqlite::Connection;
use uuid::Uuid;

/// Rows of one commit, as of a block of a file.
const BLOCK: u64 = 1000;

/// Inserts so many rows with payloads of so many bytes, and says how many rows that was a second.
pub(crate) fn run(folder: &str, rows: u64, bytes: usize) {
    let file = Path::new(folder).join(format!("rows-{}.db", std::process::id()));
    let connection = Connection::open(&file).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             CREATE TABLE row (
                 seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, route INTEGER NOT NULL, bundle INTEGER NOT NULL,
                 received INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL, started INTEGER NOT NULL, gateway BLOB, class TEXT,
                 party TEXT, envelope TEXT NOT NULL, payload BLOB NOT NULL, failure TEXT, reply BLOB
             ) STRICT;
             CREATE INDEX row_waiting ON row (route, at) WHERE state = 0",
        )
        .expect("a table");
    let mut insert = connection
        .prepare(
            "INSERT INTO row (id, state, route, bundle, received, attempt, at, started, envelope, payload)
             VALUES (?1, 0, 1, 1, ?2, 0, ?2, 0, ?3, ?4)",
        )
        .expect("a statement");
    let mut begin = connection.prepare("BEGIN IMMEDIATE").expect("a statement");
    let mut commit = connection.prepare("COMMIT").expect("a statement");
    let (envelope, payload) = ("e".repeat(100), vec![7u8; bytes]);
    let begun = Instant::now();
    for block in 0..rows.div_ceil(BLOCK) {
        begin.execute([]).expect("begin");
        for _ in 0..BLOCK.min(rows - block * BLOCK) {
            insert
                .execute((Uuid::now_v7().as_bytes(), 1_763_900_000_i64, &envelope, &payload))
                .expect("insert");
        }
        commit.execute([]).expect("commit");
    }
    let rate = rows as f64 / begun.elapsed().as_secs_f64();
    println!("{{\"n\":{rows},\"rps\":{rate:.1}}}");
    drop((insert, begin, commit));
    drop(connection);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}
