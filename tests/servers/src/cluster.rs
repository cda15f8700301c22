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

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: there is one at least.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where a node listens.
    pub fn address(&self, node: usize) -> std::net::SocketAddr {
        self.nodes[node].address()
    }

    /// The node by which a queue is led.
    pub fn leader(&self, virtual_host: &str, queue: &str) -> usize {
        let listed =
            self.ctl(0, &["list_queues", "-p", virtual_host, "name", "leader", "--no-table-headers"]);
        let leader = listed.lines().find_map(|line| line.split_once('\t').filter(|(name, _)| *name == queue));
        let (_, leader) = leader.unwrap_or_else(|| panic!("no queue {queue}: {listed}"));
        self.nodes.iter().position(|node| node.name == leader.trim()).expect("a node of the cluster")
    }

    /// Stops all processes of a node where they are: for the others, and for whoever is connected, it is cut off.
    pub fn freeze(&self, node: usize) {
        self.nodes[node].signal("STOP");
    }

    /// They go on.
    pub fn thaw(&self, node: usize) {
        self.nodes[node].signal("CONT");
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

    /// Whether a node takes connections.
    pub fn answers(&self, node: usize) -> bool {
        self.nodes[node].answers()
    }

    /// Cuts a node off from the others, which go on.
    pub fn isolate(&self, node: usize) {
        self.for_others(node, "erlang:set_cookie(N, apart), erlang:disconnect_node(N)");
    }

    /// Lets an isolated node find the others again.
    pub fn rejoin(&self, node: usize) {
        self.for_others(node, "erlang:set_cookie(N, erlang:get_cookie()), net_adm:ping(N)");
    }

    fn for_others(&self, node: usize, erlang: &str) {
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != node);
        let names: Vec<_> = others.map(|(_, other)| format!("'{}'", other.name)).collect();
        self.ctl(node, &["eval", &format!("[begin {erlang} end || N <- [{}]].", names.join(","))]);
    }

    /// What `rabbitmqctl` says to these arguments, at a node.
    pub fn ctl(&self, node: usize, args: &[&str]) -> String {
        self.nodes[node].ctl(args)
    }
}
