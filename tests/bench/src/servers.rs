//! RabbitMQ and PostgreSQL for a run, until standard input ends.

use std::io::Read;

use portolan_test_servers::{Broker, Database};

pub(crate) fn hold() {
    let (broker, database) = (Broker::start(), Database::start());
    println!("{} {}", broker.url(), database.url());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
