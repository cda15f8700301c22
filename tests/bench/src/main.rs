//! Measuring tools for `make bench`. Each prints one line of JSON, and one measurement a run, so that the driver can
//! interleave what it compares.
//!
//! ```text
//! portolan-bench echo                                          a bare tonic echo; prints its address
//! portolan-bench load ADDRESS PATH FILE CONCURRENCY SECONDS    calls a method with a file's bytes
//! portolan-bench commits FOLDER CONCURRENCY SECONDS EACH       bare group commits, EACH of them a call
//! portolan-bench rows FOLDER ROWS BYTES                        bare inserts of rows like messages, in blocks of 1000
//! portolan-bench servers                                       a RabbitMQ node and a PostgreSQL server; prints their URLs
//! portolan-bench bare AMQP POSTGRES CONCURRENCY SECONDS        bare lapin and the commits of a ledger
//! portolan-bench blocks AMQP POSTGRES ROWS BYTES                blocks of rows committed, each row published
//! portolan-bench round-trips AMQP SECONDS                      one message at a time there and back over quorum queues
//! portolan-bench posts ADDRESS PATH FILE SECONDS               bare HTTP POSTs, one at a time
//! ```

mod bare;
mod commits;
mod echo;
mod load;
mod rows;
mod servers;

use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    match words[..] {
        ["echo"] => runtime.block_on(echo::serve()),
        ["load", address, path, file, concurrency, seconds] => {
            let payload = std::fs::read(file).expect("the payload file can be read");
            runtime.block_on(load::run(
                address,
                path,
                payload.into(),
                number(concurrency),
                duration(seconds),
            ));
        }
        ["commits", folder, concurrency, seconds, each] => {
            runtime.block_on(commits::run(folder, number(concurrency), duration(seconds), number(each)));
        }
        ["rows", folder, rows, bytes] => {
            rows::run(folder, rows.parse().expect("a number"), bytes.parse().expect("a number"));
        }
        ["servers"] => servers::hold(),
        ["bare", amqp, postgres, concurrency, seconds] => {
            runtime.block_on(bare::run(amqp, postgres, number(concurrency), duration(seconds)));
        }
        ["blocks", amqp, postgres, rows, bytes] => {
            runtime.block_on(bare::blocks(amqp, postgres, number(rows), number(bytes)));
        }
        ["round-trips", amqp, seconds] => runtime.block_on(bare::round_trips(amqp, duration(seconds))),
        ["posts", address, path, file, seconds] => {
            let body = std::fs::read(file).expect("the file can be read");
            runtime.block_on(bare::posts(address, path, body, duration(seconds)));
        }
        _ => {
            eprintln!("usage: see the documentation of this program");
            std::process::exit(2);
        }
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

fn duration(word: &str) -> Duration {
    Duration::from_secs_f64(word.parse().expect("seconds"))
}

/// Latencies in microseconds, as the one line that the driver reads.
fn report(mut micros: Vec<u32>, elapsed: Duration) {
    micros.sort_unstable();
    let at = |share: f64| {
        micros.get((micros.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(0)
    };
    let rate = micros.len() as f64 / elapsed.as_secs_f64();
    println!("{{\"n\":{},\"rps\":{rate:.1},\"p50\":{},\"p99\":{}}}", micros.len(), at(0.5), at(0.99));
}
