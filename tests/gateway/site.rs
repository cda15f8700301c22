//! Brokers, a database, and gateways beside each other, with a network between them that can be disturbed.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portolan_test_servers::{Cluster, Database, free_port};

use crate::harness::{House, Link, repository};

const PASSWORD: &str = "portolan-tests";

/// A site is more than a machine of two cores bears twice: servers that are starved do not answer in time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// While it is held, nobody else starts a site.
pub(crate) struct Alone {
    _turn: MutexGuard<'static, ()>,
}

/// Waits until no other site is there.
pub(crate) fn alone() -> Alone {
    Alone { _turn: ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner) }
}

/// What gateways share.
pub(crate) struct Site {
    pub(crate) brokers: Cluster,
    pub(crate) database: Database,
    pub(crate) backend: SocketAddr,
    _alone: Alone,
}

/// A gateway's house, and its ways to brokers and database.
pub(crate) struct Place {
    pub(crate) house: House,
    to_brokers: Vec<Link>,
    to_database: Link,
}

impl Site {
    /// In front of a system, with one node of the broker.
    pub(crate) fn new(backend: SocketAddr) -> Self {
        Self::with(backend, 1, Database::start())
    }

    /// With so many nodes of the broker, and this database.
    pub(crate) fn with(backend: SocketAddr, nodes: usize, database: Database) -> Self {
        let alone = alone();
        let brokers = Cluster::start(nodes);
        // As the user of deployments/rabbitmq, who may do what a gateway does and nothing else.
        brokers.ctl(0, &["add_user", "portolan", PASSWORD]);
        let definitions = repository().join("deployments/rabbitmq/definitions.json");
        brokers.ctl(0, &["import_definitions", definitions.to_str().unwrap()]);
        Self { brokers, database, backend, _alone: alone }
    }

    /// A house for one gateway, which keeps its addresses from one start to the next.
    pub(crate) fn house(&self) -> House {
        let brokers = (0..self.brokers.len()).map(|node| self.brokers.address(node));
        self.house_by(&brokers_url(brokers), &shared(&self.database.url()))
    }

    /// The same with a copy of these folders of the repository as mappings, and their systems to be added.
    pub(crate) fn house_of(&self, folders: &[&str]) -> House {
        let brokers = (0..self.brokers.len()).map(|node| self.brokers.address(node));
        let mut house = House::new(folders);
        furnish(&mut house, &format!("'{}'", brokers_url(brokers)), &shared(&self.database.url()));
        house
    }

    /// A house for the only gateway, which keeps its ledger in a file.
    pub(crate) fn only_house(&self) -> House {
        let brokers = (0..self.brokers.len()).map(|node| self.brokers.address(node));
        self.house_by(&brokers_url(brokers), "'sqlite:ledger.db'")
    }

    /// A house for a gateway that wants queues on one node.
    pub(crate) fn classic_house(&self) -> House {
        let brokers = brokers_url((0..self.brokers.len()).map(|node| self.brokers.address(node)));
        let queue = format!("{{ url: '{brokers}', type: classic }}");
        self.house_on(&queue, &shared(&self.database.url()))
    }

    /// The same with a network between.
    pub(crate) async fn place(&self) -> Place {
        let mut to_brokers = Vec::new();
        for node in 0..self.brokers.len() {
            to_brokers.push(Link::to(self.brokers.address(node)).await);
        }
        let to_database = Link::to(self.database.address()).await;
        let brokers = brokers_url(to_brokers.iter().map(|link| link.address));
        let (direct, linked) = (self.database.address().to_string(), to_database.address.to_string());
        let database = self.database.url().replace(&direct, &linked);
        Place { house: self.house_by(&brokers, &shared(&database)), to_brokers, to_database }
    }

    /// A house whose routes are open to strangers as these keys of `queue` say. It may be the only one.
    pub(crate) fn open_house(&self, mut house: House, keys: &str) -> House {
        let brokers = (0..self.brokers.len()).map(|node| self.brokers.address(node));
        let queue = format!("{{ url: '{}', {keys} }}", brokers_url(brokers));
        furnish(&mut house, &queue, &shared(&self.database.url()));
        house
    }

    /// Where strangers connect, as a user that is made for one of them.
    pub(crate) fn stranger(&self, name: &str) -> String {
        self.brokers.ctl(0, &["add_user", name, PASSWORD]);
        format!("amqp://{name}:{PASSWORD}@{}/portolan", self.brokers.address(0))
    }

    fn house_by(&self, broker: &str, ledger: &str) -> House {
        self.house_on(&format!("'{broker}'"), ledger)
    }

    /// `queue` and `ledger` as YAML writes them in one line.
    fn house_on(&self, queue: &str, ledger: &str) -> House {
        let mut house = House::orders(self.backend);
        furnish(&mut house, queue, ledger);
        house
    }
}

impl Place {
    /// All of its ways.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.to_brokers.iter().chain([&self.to_database])
    }
}

fn furnish(house: &mut House, queue: &str, ledger: &str) {
    house.setting(&format!("listen: {{ grpc: '{}', http: '{}' }}", free(), free()));
    house.setting(&format!("queue: {queue}"));
    house.setting(&format!("ledger: {ledger}"));
}

/// A ledger in a database; a death is noticed within a test's patience.
fn shared(database: &str) -> String {
    format!("{{ url: '{database}', lease: 2s }}")
}

/// The brokers', as a gateway's user.
fn brokers_url(nodes: impl Iterator<Item = SocketAddr>) -> String {
    let nodes: Vec<_> = nodes.map(|address| address.to_string()).collect();
    format!("amqp://portolan:{PASSWORD}@{}/portolan", nodes.join(","))
}

fn free() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}
