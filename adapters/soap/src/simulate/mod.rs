//! A legacy SOAP service from nothing but its WSDL: for trying a mapping, for demonstrations, and for tests that count
//! what reached the system.
//!
//! [`Simulator::serve`] listens until it is told to end; a [`Handle`] takes it down and up again meanwhile and tells what
//! it has seen. Its answers come from an [`Answers`] file, else they are [`sample`]s.

mod answers;
mod check;
mod fault;
mod pattern;
mod random;
mod request;
pub mod sample;
mod server;
mod service;
mod values;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_schema::{Contract, Protocol};
use tokio::sync::watch;

pub use answers::{Answers, AnswersError};

/// How well the service behaves. The default is: always, and at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Behaviour {
    /// How long each answer takes.
    pub latency: Duration,
    /// The part of all requests, 0 to 1, that is answered with a fault of the server.
    pub fault_rate: f64,
    /// The part of all requests, 0 to 1, whose connection is cut after they were read and counted.
    pub drop_rate: f64,
    /// The same seed gives the same answers, and the same faults and cuts in the order of requests.
    pub seed: u64,
}

/// Why a contract cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// Nothing to serve.
    #[error("the contract has no SOAP operation")]
    NoOperations,
    /// A rate that is no part of a whole.
    #[error("`{0}` must be from 0% to 100%")]
    Rate(&'static str),
}

/// A request that the service has read: its operation, and its bytes.
pub type Observer = Arc<dyn Fn(&str, &Bytes) + Send + Sync>;

/// An answer that the service gives: its HTTP status, and its body.
pub type ReplyObserver = Arc<dyn Fn(u16, &str) + Send + Sync>;

/// A simulated service.
pub struct Simulator {
    service: Arc<service::Service>,
    switch: Arc<Switch>,
}

impl Simulator {
    /// A service that speaks this contract.
    pub fn new(
        contract: Contract,
        answers: Option<Answers>,
        behaviour: Behaviour,
    ) -> Result<Self, SimulatorError> {
        let operations = contract.services.iter().flat_map(|service| &service.operations);
        if !operations.map(|operation| &operation.protocol).any(|p| matches!(p, Protocol::Soap(_))) {
            return Err(SimulatorError::NoOperations);
        }
        for (rate, name) in [(behaviour.fault_rate, "fault"), (behaviour.drop_rate, "drop")] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(SimulatorError::Rate(name));
            }
        }
        let switch = Arc::new(Switch::default());
        let counts = Arc::clone(&switch.counts);
        let service = service::Service::new(contract, answers.unwrap_or_default(), behaviour, counts);
        Ok(Self { service: Arc::new(service), switch })
    }

    /// Answers `GET ...?wsdl` with this text.
    #[must_use]
    pub fn with_wsdl(mut self, text: impl Into<Bytes>) -> Self {
        if let Some(service) = Arc::get_mut(&mut self.service) {
            service.wsdl = Some(text.into());
        }
        self
    }

    /// Tells of every request that was understood, before it is answered or its connection cut.
    #[must_use]
    pub fn observed_by(mut self, observer: Observer) -> Self {
        if let Some(service) = Arc::get_mut(&mut self.service) {
            service.observer = Some(observer);
        }
        self
    }

    /// Tells of every answer, before it is sent.
    #[must_use]
    pub fn replies_observed_by(mut self, observer: ReplyObserver) -> Self {
        if let Some(service) = Arc::get_mut(&mut self.service) {
            service.replies = Some(observer);
        }
        self
    }

    /// Takes the service down and up while it is serving.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.switch))
    }
}

/// A service from outside.
#[derive(Clone)]
pub struct Handle(Arc<Switch>);

impl Handle {
    /// Closes the listener and every connection, so that connections are refused; or opens the same port again. Returns
    /// when it is so, or when the service has ended.
    pub async fn set_down(&self, down: bool) {
        self.0.wanted_down.send_replace(down);
        let mut state = self.0.state.subscribe();
        let wanted = if down { State::Down } else { State::Listening };
        let _ = state.wait_for(|state| *state == wanted || *state == State::Idle).await;
    }

    /// How many requests of each operation were understood since the start.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.counts.lock().clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not serving yet, or no longer.
    Idle,
    Listening,
    Down,
}

/// What handles and the listening loop share.
struct Switch {
    wanted_down: watch::Sender<bool>,
    state: watch::Sender<State>,
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            wanted_down: watch::Sender::new(false),
            state: watch::Sender::new(State::Idle),
            counts: Arc::default(),
        }
    }
}
