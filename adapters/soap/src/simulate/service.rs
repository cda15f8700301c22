//! What the simulated service makes of one request: which operation it is, whether it is sound, and what to say.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_schema::{Contract, Operation, Protocol, SoapBinding, SoapVersion};

use super::{
    Behaviour, Observer, ReplyObserver,
    answers::{Answers, Response},
    check,
    fault::fault,
    random::{Random, seed_of},
    request::{Misunderstood, Request},
    sample,
};

/// A contract with its answers.
pub(crate) struct Service {
    contract: Contract,
    answers: Answers,
    behaviour: Behaviour,
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
    asked: AtomicU64,
    pub(super) observer: Option<Observer>,
    pub(super) replies: Option<ReplyObserver>,
    pub(super) wsdl: Option<Bytes>,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Answer(Response),
    /// Cut the connection.
    Drop,
}

impl Service {
    pub(super) fn new(
        contract: Contract,
        answers: Answers,
        behaviour: Behaviour,
        counts: Arc<Mutex<BTreeMap<String, u64>>>,
    ) -> Self {
        Self {
            contract,
            answers,
            behaviour,
            counts,
            asked: AtomicU64::new(0),
            observer: None,
            replies: None,
            wsdl: None,
        }
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.behaviour
    }

    /// Reads a request and decides. `action` is what the HTTP headers say, without quotes.
    pub(crate) fn react(&self, bytes: &Bytes, action: &str) -> Reaction {
        let reaction = self.decide(bytes, action);
        if let (Some(observer), Reaction::Answer(response)) = (&self.replies, &reaction) {
            observer(response.status, &response.body);
        }
        reaction
    }

    fn decide(&self, bytes: &Bytes, action: &str) -> Reaction {
        let request = match Request::read(bytes) {
            Ok(request) => request,
            Err(error) => {
                let code = if error == Misunderstood::Version { "VersionMismatch" } else { "Client" };
                return refuse(self.own_version(), code, &error.to_string());
            }
        };
        let operation = match self.operation(&request, action) {
            Ok(operation) => operation,
            // Who speaks another version is told so in this service's own (SOAP 1.2 part 1, appendix A).
            Err((code @ "VersionMismatch", complaint)) => {
                return refuse(self.own_version(), code, &complaint);
            }
            Err((code, complaint)) => return refuse(request.version, code, &complaint),
        };
        *self.counts.lock().entry(operation.name.clone()).or_default() += 1;
        if let Some(observer) = &self.observer {
            observer(&operation.name, bytes);
        }
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut chance = Random::new(seed_of(self.behaviour.seed, &number.to_le_bytes()));
        if chance.chance(self.behaviour.drop_rate) {
            return Reaction::Drop;
        }
        if let Some(complaint) = self.complaint(operation, &request) {
            return refuse(request.version, "Client", &complaint);
        }
        if chance.chance(self.behaviour.fault_rate) {
            return refuse(request.version, "Server", "simulated fault");
        }
        if let Some(answer) = self.answers.find(&operation.name, &request) {
            return Reaction::Answer(answer);
        }
        let seed = seed_of(self.behaviour.seed, bytes);
        let envelope = sample::reply(&self.contract, operation, seed);
        Reaction::Answer(if operation.output.is_some() {
            Response::envelope(request.version, (200, envelope))
        } else {
            Response::envelope(request.version, (202, String::new()))
        })
    }

    fn soap_operations(&self) -> impl Iterator<Item = (&Operation, &SoapBinding)> {
        self.contract.services.iter().flat_map(|service| &service.operations).filter_map(|operation| {
            match &operation.protocol {
                Protocol::Soap(binding) => Some((operation, binding)),
                Protocol::Grpc { .. } => None,
            }
        })
    }

    /// The version in which to speak to those whose own cannot be read.
    fn own_version(&self) -> SoapVersion {
        self.soap_operations().next().map_or(SoapVersion::V11, |(_, binding)| binding.version)
    }

    /// By the element in the body; the action decides where several operations take the same, or none.
    fn operation(&self, request: &Request, action: &str) -> Result<&Operation, (&'static str, String)> {
        let name = request.body.as_ref().map(|element| &element.name);
        let takes_it = |(operation, _): &(&Operation, &SoapBinding)| {
            sample::request_name(&self.contract, operation) == name
        };
        let is_asked =
            |(_, binding): &(&Operation, &SoapBinding)| !action.is_empty() && binding.action == action;
        let mut candidates: Vec<_> = self.soap_operations().filter(takes_it).collect();
        if candidates.len() > 1 && candidates.iter().any(is_asked) {
            candidates.retain(is_asked);
        }
        match candidates.iter().find(|(_, binding)| binding.version == request.version) {
            Some((operation, _)) => Ok(operation),
            None if !candidates.is_empty() => Err(("VersionMismatch", Misunderstood::Version.to_string())),
            None => Err(("Client", "this service has no operation that takes this body".to_owned())),
        }
    }

    fn complaint(&self, operation: &Operation, request: &Request) -> Option<String> {
        let schema = &self.contract.schema;
        let header = sample::header(&operation.input)
            .and_then(|header| check::header_complaint(schema, header, request.header.as_ref()));
        header.or_else(|| {
            let declared = sample::body_element(schema, &operation.input)?;
            check::complaint(schema, declared.ty, request.body.as_ref()?)
        })
    }
}

fn refuse(version: SoapVersion, code: &str, reason: &str) -> Reaction {
    Reaction::Answer(Response::envelope(version, fault(version, code, reason, "")))
}
