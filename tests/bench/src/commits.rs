//! Bare group commits: what SQLite costs that keeps a row of 512 bytes durable, and nothing else. One writer thread
//! commits whatever has gathered, as Portolan's does, so that the comparison is of the work around it.

use std::{
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

/// Rows of one commit at most.
const GATHERED: usize = 256;

/// Callers that each make `each` commits for a call.
pub(crate) async fn run(folder: &str, concurrency: usize, limit: Duration, each: usize) {
    let file = Path::new(folder).join(format!("bare-{}.db", std::process::id()));
    let (sender, receiver) = mpsc::sync_channel::<oneshot::Sender<()>>(1024);
    let path = file.clone();
    let writer = std::thread::spawn(move || write(&path, &receiver));
    let started = Instant::now();
    let callers: Vec<_> = (0..concurrency)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut micros = Vec::new();
                while started.elapsed() < limit {
                    let asked = Instant::now();
                    for _ in 0..each {
                        let (done, committed) = oneshot::channel();
                        sender.send(done).expect("the writer runs");
                        committed.await.expect("a commit");
                    }
                    micros.push(asked.elapsed().as_micros() as u32);
                }
                micros
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.expect("a caller ends"));
    }
    crate::report(all, started.elapsed());
    drop(sender);
    writer.join().expect("the writer ends");
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}

fn write(path: &Path, receiver: &mpsc::Receiver<oneshot::Sender<()>>) {
    let connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
        )
        .expect("a table");
    let mut insert = connection.prepare("INSERT INTO row (payload) VALUES (?1)").expect("a statement");
    let mut begin = connection.prepare("BEGIN IMMEDIATE").expect("a statement");
    let mut commit = connection.prepare("COMMIT").expect("a statement");
    let payload = [7u8; 512];
    let mut gathered = Vec::with_capacity(GATHERED);
    while let Ok(first) = receiver.recv() {
        gathered.push(first);
        gathered.extend(receiver.try_iter().take(GATHERED - 1));
        begin.execute([]).expect("begin");
        for _ in &gathered {
            insert.execute([&payload[..]]).expect("insert");
        }
        commit.execute([]).expect("commit");
        for done in gathered.drain(..) {
            let _ = done.send(());
        }
    }
}
