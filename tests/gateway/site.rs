//! A broker, a database, and gateways beside each other, with a network between them that can be disturbed.

use std::net::{SocketAddr, TcpListener};

use portolan_test_servers::{Broker, Database};

use crate::harness::{House, Link, repository};

const PASSWORD: &str = "portolan-tests";

/// What gateways share.
pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) database: Database,
    pub(crate) backend: SocketAddr,
}

/// A gateway's house, and its ways to broker and database.
pub(crate) struct Place {
    pub(crate) house: House,
    pub(crate) to_broker: Link,
    pub(crate) to_database: Link,
}

impl Site {
    /// In front of a system.
    pub(crate) fn new(backend: SocketAddr) -> Self {
        Self::with(backend, Database::start())
    }

    /// With this database.
    pub(crate) fn with(backend: SocketAddr, database: Database) -> Self {
        let broker = Broker::start();
        // As the user of deployments/rabbitmq, who may do what a gateway does and nothing else.
        broker.ctl(&["add_user", "portolan", PASSWORD]);
        let definitions = repository().join("deployments/rabbitmq/definitions.json");
        broker.ctl(&["import_definitions", definitions.to_str().unwrap()]);
        Self { broker, database, backend }
    }

    /// The broker's, as a gateway's user.
    fn broker_url(&self) -> String {
        format!("amqp://portolan:{PASSWORD}@{}/portolan", self.broker.address())
    }

    /// With a database whose disk can be filled.
    pub(crate) fn with_small_disk(backend: SocketAddr) -> Self {
        Self::with(backend, Database::start_on_disk_of(512))
    }

    /// A house for one gateway, which keeps its addresses from one start to the next.
    pub(crate) fn house(&self) -> House {
        self.house_by(&self.broker_url(), &self.database.url())
    }

    /// The same with a network between.
    pub(crate) async fn place(&self) -> Place {
        let to_broker = Link::to(self.broker.address()).await;
        let to_database = Link::to(self.database.address()).await;
        let broker =
            self.broker_url().replace(&self.broker.address().to_string(), &to_broker.address.to_string());
        let database = self
            .database
            .url()
            .replace(&self.database.address().to_string(), &to_database.address.to_string());
        Place { house: self.house_by(&broker, &database), to_broker, to_database }
    }

    fn house_by(&self, broker: &str, database: &str) -> House {
        let mut house = House::orders(self.backend);
        house.setting(&format!("listen: {{ grpc: '{}', http: '{}' }}", free(), free()));
        house.setting(&format!("queue: '{broker}'"));
        // So that a death is noticed within a test's patience.
        house.setting(&format!("ledger: {{ url: '{database}', lease: 2s }}"));
        house
    }
}

impl Place {
    /// Both of its ways.
    pub(crate) fn links(&self) -> [&Link; 2] {
        [&self.to_broker, &self.to_database]
    }
}

fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}
