//! RabbitMQ as one node.

use std::net::SocketAddr;

use crate::{
    ServerTls, free_port,
    node::{Mapper, Node},
};

/// A running RabbitMQ node; killed when dropped, with all its data.
pub struct Broker {
    // Ends before its mapper.
    node: Node,
    tls_port: Option<u16>,
    _mapper: Mapper,
}

impl Broker {
    /// Starts an empty node, and waits until it answers.
    pub fn start() -> Self {
        Self::start_as("", None)
    }

    /// The same with TLS as well.
    pub fn start_with(tls: &ServerTls<'_>) -> Self {
        let port = free_port();
        let verify = if tls.demands { "verify_peer" } else { "verify_none" };
        let configuration = format!(
            "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n\
             ssl_options.cacertfile = {}\nssl_options.verify = {verify}\nssl_options.fail_if_no_peer_cert = {}\n",
            tls.shows.certificate.display(),
            tls.shows.key.display(),
            tls.clients.file().display(),
            tls.demands
        );
        Self::start_as(&configuration, Some(port))
    }

    /// The same with a configuration that is added to its own.
    pub fn configured(configuration: &str) -> Self {
        Self::start_as(configuration, None)
    }

    fn start_as(configuration: &str, tls_port: Option<u16>) -> Self {
        let mapper = Mapper::start();
        let broker = Self { node: Node::new(&mapper, configuration), tls_port, _mapper: mapper };
        broker.restart();
        broker
    }

    /// `amqp://...`, of the administrator.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.node.address())
    }

    /// `amqps://...`, of the administrator.
    pub fn tls_url(&self) -> String {
        format!("amqps://guest:guest@localhost:{}/%2f", self.tls_port.expect("started with TLS"))
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

    /// A script that finds `rabbitmqctl` and asks this node by it.
    pub fn script(&self, path: &std::path::Path) -> std::process::Command {
        self.node.script(path)
    }

    /// What `rabbitmqctl` says to these arguments.
    pub fn ctl(&self, args: &[&str]) -> String {
        self.node.ctl(args)
    }
}
