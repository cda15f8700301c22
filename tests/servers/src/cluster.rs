//! RabbitMQ as a cluster of several nodes on this machine.

use crate::node::{Mapper, Node};

/// Running RabbitMQ nodes of one cluster; killed when dropped, with all their data.
///
/// A node that sees less than half of the cluster pauses (`pause_minority`).
pub struct Cluster {
    // End before their mapper.
    nodes: Vec<Node>,
    _mapper: Mapper,
}

impl Cluster {
    /// Starts empty nodes, and waits until all answer and are one cluster.
    pub fn start(nodes: usize) -> Self {
        let mapper = Mapper::start();
        let pauses = "cluster_partition_handling = pause_minority\n";
        let first = Node::new(&mapper, pauses);
        let joins = format!(
            "{pauses}cluster_formation.peer_discovery_backend = classic_config\n\
             cluster_formation.classic_config.nodes.1 = {}\n",
            first.name
        );
        // A node joins while it has no data, and only a cluster that is there.
        first.start();
        first.started();
        let others: Vec<_> = (1..nodes).map(|_| Node::new(&mapper, &joins)).collect();
        others.iter().for_each(Node::start);
        others.iter().for_each(Node::started);
        let cluster = Self { nodes: std::iter::once(first).chain(others).collect(), _mapper: mapper };
        let running = cluster.ctl(0, &["eval", "length(rabbit_nodes:all_running())."]);
        assert_eq!(running.trim(), nodes.to_string(), "nodes of the cluster");
        cluster
    }

    /// `amqp://...` of one node, for the administrator.
    pub fn url(&self, node: usize) -> String {
        format!("amqp://guest:guest@{}/%2f", self.nodes[node].address())
    }

    /// `amqp://...` of all nodes, in their order.
    pub fn urls(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        format!("amqp://guest:guest@{}/%2f", hosts.join(","))
    }

    /// SIGKILL to all processes of a node.
    pub fn kill(&self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a node again over the same data, and waits until it answers.
    pub fn restart(&self, node: usize) {
        self.nodes[node].start();
        self.nodes[node].started();
    }

    /// SIGKILL to all nodes; then starts them over the same data, and waits until all answer.
    pub fn restart_all(&self) {
        self.nodes.iter().for_each(Node::kill);
        self.nodes.iter().for_each(Node::start);
        self.nodes.iter().for_each(Node::started);
    }

    /// What `rabbitmqctl` says to these arguments, at a node.
    pub fn ctl(&self, node: usize, args: &[&str]) -> String {
        self.nodes[node].ctl(args)
    }
}
