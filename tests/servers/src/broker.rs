//! RabbitMQ as one node.

use std::net::SocketAddr;

use crate::node::{Mapper, Node};

/// A running RabbitMQ node; killed when dropped, with all its data.
pub struct Broker {
    // Ends before its mapper.
    node: Node,
    _mapper: Mapper,
}

impl Broker {
    /// Starts an empty node, and waits until it answers.
    pub fn start() -> Self {
        let mapper = Mapper::start();
        let broker = Self { node: Node::new(&mapper, ""), _mapper: mapper };
        broker.restart();
        broker
    }

    /// `amqp://...`, of the administrator.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.node.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// SIGKILL to all of its processes.
    pub fn kill(&self) {
        self.node.kill();
    }

    /// Starts it again over the same data, and waits until it answers.
    pub fn restart(&self) {
        self.node.start();
        self.node.started();
    }

    /// What `rabbitmqctl` says to these arguments.
    pub fn ctl(&self, args: &[&str]) -> String {
        self.node.ctl(args)
    }
}
