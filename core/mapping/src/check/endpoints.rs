//! The two ends of a route: the method that is served and the operation that is asked, and whether they can be what
//! the delivery mode wants of them.

use portolan_diagnostics::{Code, Diagnostic, nearest};
use portolan_schema::{Contract, Document, LeftOut, Operation, Protocol, Service, SoapBinding};

use super::{Contracts, scope::near_or_all};
use crate::file::{MappingRoute, Mode, Placed, Poll, SoapTarget};

/// The metadata that every operation of Portolan carries.
const OPERATION_METADATA: &str = "portolan.v1.OperationMetadata";

/// The ends of a route.
pub(super) struct Endpoints<'a> {
    pub(super) path: String,
    pub(super) request: &'a Document,
    pub(super) reply: &'a Document,
    /// What is asked.
    pub(super) target: Asked<'a>,
    /// What is asked for the answer, where that comes later.
    pub(super) poll: Option<Asked<'a>>,
}

/// An operation of the system.
pub(super) struct Asked<'a> {
    pub(super) operation: String,
    pub(super) request: &'a Document,
    pub(super) reply: &'a Document,
    pub(super) binding: SoapBinding,
}

impl<'a> Endpoints<'a> {
    /// The reply that answers the caller.
    pub(super) fn answer(&self) -> &'a Document {
        self.poll.as_ref().unwrap_or(&self.target).reply
    }
}

impl<'a> Endpoints<'a> {
    /// Finds both ends, with all that speaks against them.
    pub(super) fn find(
        route: &MappingRoute,
        soap: &SoapTarget,
        contracts: Contracts<'a>,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let source = method(route, contracts.source, findings);
        let target = operation(soap, &soap.operation, contracts.target, findings);
        let poll = match &route.delivery.poll {
            None => Some(None),
            Some(poll) => {
                not_at_once(route, soap, poll, source.is_some(), target.as_ref(), findings);
                let named = poll.value.operation.as_ref();
                named.and_then(|named| operation(soap, named, contracts.target, findings)).map(Some)
            }
        };
        let ((path, request, reply), target, poll) = (source?, target?, poll?);
        Some(Self { path, request, reply, target, poll })
    }
}

/// What `poll` needs of the route. `fits`: nothing was said of the mode.
fn not_at_once(
    route: &MappingRoute,
    soap: &SoapTarget,
    poll: &Placed<Poll>,
    fits: bool,
    target: Option<&Asked<'_>>,
    findings: &mut Vec<Diagnostic>,
) {
    let mode = &route.delivery.mode;
    if let Some(other) = mode.value.filter(|mode| fits && *mode != Mode::Operation) {
        let message =
            format!("in mode {} the caller waits, and `poll` asks for an answer of later", other.name());
        let finding =
            Diagnostic::error(Code::ROUTE_MODE, message).at(poll.span, "").at(mode.span, "the mode");
        findings.push(
            finding.help("write `mode: operation`, with a method that returns google.longrunning.Operation"),
        );
    }
    if target.is_some_and(|target| target.binding.one_way.is_some()) {
        let message = format!(
            "`{}` has no reply of which a request for the answer could be made",
            soap.operation.value
        );
        let finding = Diagnostic::error(Code::ROUTE_MODE, message).at(poll.span, "");
        findings.push(finding.at(soap.operation.span, "one-way").help("leave `poll` out"));
    }
    if let (Some(every), Some(deadline)) = (poll.value.every, route.delivery.deadline)
        && every >= deadline
    {
        let message = "the pause before each question is no shorter than the `deadline`, so the answer is asked for once";
        let finding = Diagnostic::warning(Code::ROUTE_MODE, message).at(poll.span, "");
        findings.push(finding.help("write a shorter `every:`, or a longer `deadline:`"));
    }
    if route.delivery.deadline.is_none() {
        let message = "without a `deadline`, an answer that never comes is asked for for ever";
        let finding = Diagnostic::warning(Code::ROUTE_MODE, message).at(poll.span, "");
        findings
            .push(finding.help("write `deadline:` under `delivery:`, after which a person looks at it: 3d"));
    }
}

pub(super) fn full_names(contract: &Contract) -> Vec<String> {
    contract
        .services
        .iter()
        .flat_map(|s| s.operations.iter().map(move |o| format!("{}/{}", s.name, o.name)))
        .collect()
}

/// The one method of the service that is named whose own name is near.
fn in_its_service<'n>(wanted: &str, names: &'n [String]) -> Option<&'n String> {
    let (service, method) = wanted.split_once('/')?;
    let near = |name: &&String| {
        name.split_once('/').is_some_and(|(s, m)| s == service && nearest(method, [m]).is_some())
    };
    let mut near = names.iter().filter(near);
    near.next().filter(|_| near.next().is_none())
}

pub(super) fn method<'a>(
    route: &MappingRoute,
    contract: &'a Contract,
    findings: &mut Vec<Diagnostic>,
) -> Option<(String, &'a Document, &'a Document)> {
    let Placed { value: wanted, span } = &route.source.method;
    let candidates = contract.operations(wanted);
    let [(_, operation)] = candidates.as_slice() else {
        let names = full_names(contract);
        let finding =
            Diagnostic::error(Code::ROUTE_UNKNOWN_METHOD, format!("the contract has no method `{wanted}`"))
                .at(*span, "");
        let finding = finding.did_you_mean(wanted, names.iter().map(String::as_str));
        // Methods of one service are near to each other by its name alone.
        let finding = match in_its_service(wanted, &names) {
            Some(only) => finding.edit(*span, wanted, only),
            None => finding,
        };
        findings.push(if finding.help.is_empty() {
            finding.help("write `package.Service/Method`")
        } else {
            finding
        });
        return None;
    };
    let Protocol::Grpc { path, client_streaming, server_streaming, long_running } = &operation.protocol
    else {
        findings.push(
            Diagnostic::error(Code::ROUTE_UNKNOWN_METHOD, format!("`{wanted}` is not a gRPC method"))
                .at(*span, ""),
        );
        return None;
    };
    if *client_streaming || *server_streaming {
        let finding = Diagnostic::error(Code::ROUTE_STREAMING, format!("`{wanted}` streams")).at(*span, "");
        findings.push(finding.help("routes serve unary methods only"));
        return None;
    }
    let output = operation.output.as_ref()?;
    let mode = &route.delivery.mode;
    let refuse = |message: String, help: &str| {
        Diagnostic::error(Code::ROUTE_MODE, message).at(mode.span, "").at(*span, "the method").help(help)
    };
    let returns_operation =
        contract.schema.record(output.record).name.local == "google.longrunning.Operation";
    // What is no mode was reported: the rest is checked as the method would have it.
    let fitting = if returns_operation { Mode::Operation } else { Mode::RequestReply };
    match (mode.value.unwrap_or(fitting), long_running) {
        (Mode::Operation, Some(info)) => {
            if info.metadata_type != OPERATION_METADATA {
                let message = format!(
                    "the operation's metadata is `{}`, not `{OPERATION_METADATA}`",
                    info.metadata_type
                );
                let help =
                    format!("write metadata_type: \"{OPERATION_METADATA}\" in the method's operation_info");
                findings.push(refuse(message, &help));
            }
            match &info.response {
                Some(response) => Some((path.clone(), &operation.input, response)),
                None => {
                    let message =
                        format!("the operation's response type `{}` is not known", info.response_type);
                    findings.push(refuse(message, "write its full name, and import its file"));
                    None
                }
            }
        }
        (Mode::Operation, None) => {
            let message = format!("`{wanted}` cannot be answered later");
            let help = "in mode operation a method returns google.longrunning.Operation and carries google.longrunning.operation_info";
            findings.push(refuse(message, help));
            None
        }
        (mode, _) if returns_operation => {
            let message = format!(
                "`{wanted}` returns an operation, and in mode {} the caller waits for the answer",
                mode.name()
            );
            let finding = refuse(message, "write `mode: operation`");
            findings.push(finding.edit(route.delivery.mode.span, mode.name(), Mode::Operation.name()));
            None
        }
        _ => Some((path.clone(), &operation.input, output)),
    }
}

pub(super) fn operation<'a>(
    target: &SoapTarget,
    named: &Placed<String>,
    contract: &'a Contract,
    findings: &mut Vec<Diagnostic>,
) -> Option<Asked<'a>> {
    let Placed { value: wanted, span } = named;
    let fits = |service: &Service| {
        let (name, port) =
            service.name.rsplit_once('/').unwrap_or((service.name.as_str(), service.name.as_str()));
        target.service.as_ref().is_none_or(|s| s.value == name)
            && target.port.as_ref().is_none_or(|p| p.value == port)
    };
    let candidates: Vec<(&Service, &Operation)> =
        contract.operations(wanted).into_iter().filter(|(s, _)| fits(s)).collect();
    let operation = match candidates.as_slice() {
        [(_, operation)] => operation,
        [] => {
            let known = !contract.operations(wanted).is_empty();
            let finding = match target.port.as_ref().or(target.service.as_ref()).filter(|_| known) {
                Some(port) => {
                    let message = format!("no port `{}` offers `{wanted}`", port.value);
                    let finding = Diagnostic::error(Code::ROUTE_UNKNOWN_OPERATION, message).at(port.span, "");
                    finding.help(format!("the ports are {}", ports(contract)))
                }
                None if contract.left_out.iter().any(|o| o.name == *plain(wanted)) => {
                    unreadable(named, contract)
                }
                None => {
                    let message = format!("the WSDL has no operation `{wanted}`");
                    let names = contract.services.iter().flat_map(|s| &s.operations).map(|o| o.name.as_str());
                    let names: Vec<&str> = names.collect();
                    let finding = Diagnostic::error(Code::ROUTE_UNKNOWN_OPERATION, message).at(*span, "");
                    near_or_all(finding, wanted, &names)
                }
            };
            findings.push(finding);
            return None;
        }
        _ => {
            let message = format!("`{wanted}` is offered by more than one port");
            let finding = Diagnostic::error(Code::MAP_AMBIGUOUS, message).at(*span, "");
            findings.push(finding.help(format!("name one by `port:` (and `service:`): {}", ports(contract))));
            return None;
        }
    };
    let Protocol::Soap(binding) = &operation.protocol else {
        findings.push(
            Diagnostic::error(Code::ROUTE_UNKNOWN_OPERATION, format!("`{wanted}` is not a SOAP operation"))
                .at(*span, ""),
        );
        return None;
    };
    let reply = operation.output.as_ref().or(binding.one_way.as_ref())?;
    Some(Asked {
        operation: operation.name.clone(),
        request: &operation.input,
        reply,
        binding: binding.clone(),
    })
}

/// An operation by its plain name: `Service/Port/Operation` is also understood.
fn plain(wanted: &str) -> &str {
    wanted.rsplit_once('/').map_or(wanted, |(_, name)| name)
}

/// The WSDL has the operation, and reading it said what speaks against it.
fn unreadable(named: &Placed<String>, contract: &Contract) -> Diagnostic {
    let Placed { value: wanted, span } = named;
    let mut reasons: Vec<&LeftOut> = contract.left_out.iter().filter(|o| o.name == *plain(wanted)).collect();
    reasons.dedup_by(|a, b| a.why == b.why);
    let why = reasons.iter().map(|o| o.why.as_str()).collect::<Vec<_>>().join("; ");
    let message = format!("the WSDL's operation `{wanted}` cannot be served: {why}");
    let finding = Diagnostic::error(Code::WSDL_UNSUPPORTED, message).at(*span, "");
    reasons.iter().filter_map(|o| o.at).fold(finding, |finding, place| finding.at(place, "here"))
}

fn ports(contract: &Contract) -> String {
    contract.services.iter().map(|s| format!("`{}`", s.name)).collect::<Vec<_>>().join(", ")
}
