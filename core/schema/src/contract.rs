//! A contract: types, and the operations that use them.

use crate::{Name, RecordId, Schema, TypeId, model::FieldId};
use portolan_diagnostics::{SourceId, Sources, Span};

/// What one side speaks, as read from its files.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    /// The types.
    pub schema: Schema,
    /// The services, in the order of the files.
    pub services: Vec<Service>,
    /// Operations that are declared but could not be read; the findings of reading say so too.
    pub left_out: Vec<LeftOut>,
    /// The file that was named, then all that it pulled in.
    pub files: Vec<SourceId>,
    /// The serialized `google.protobuf.FileDescriptorSet` of a `.proto`, imports included, as reflection serves it.
    pub descriptor_set: Option<Vec<u8>>,
}

/// An operation that could not be read.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Its plain name.
    pub name: String,
    /// Why.
    pub why: String,
    /// What speaks against it.
    pub at: Option<Span>,
}

/// A service: a gRPC service, or a WSDL service's port.
#[derive(Debug, Clone)]
pub struct Service {
    /// `civic.registry.v1.PopulationRegister`, or the WSDL's name of service and port as `Service/Port`.
    pub name: String,
    /// The methods.
    pub operations: Vec<Operation>,
    /// The contract's own words.
    pub doc: Option<String>,
}

/// A method: what goes in, what comes out.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The plain name.
    pub name: String,
    /// What is sent.
    pub input: Document,
    /// What is answered; `None` for one-way operations (see [`SoapBinding::one_way`]). Faults are part of it (see
    /// [`Document::roots`]).
    pub output: Option<Document>,
    /// How it travels.
    pub protocol: Protocol,
    /// The contract's own words.
    pub doc: Option<String>,
}

/// How an operation travels.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// A gRPC method.
    Grpc {
        /// `/package.Service/Method`.
        path: String,
        /// The caller sends many.
        client_streaming: bool,
        /// The callee sends many.
        server_streaming: bool,
        /// For methods that return `google.longrunning.Operation`: response and metadata types of `operation_info`
        /// (full names), and the response as a document of its own.
        long_running: Option<LongRunning>,
    },
    /// A SOAP operation over HTTP.
    Soap(SoapBinding),
}

impl Protocol {
    /// Of a unary method.
    pub fn of_grpc(path: &str) -> Self {
        Self::Grpc {
            path: path.to_owned(),
            client_streaming: false,
            server_streaming: false,
            long_running: None,
        }
    }
}

/// The `google.longrunning.operation_info` of a method.
#[derive(Debug, Clone)]
pub struct LongRunning {
    /// The full name of the response type.
    pub response_type: String,
    /// The full name of the metadata type.
    pub metadata_type: String,
    /// The response as a document; `None` where the name does not resolve.
    pub response: Option<Document>,
}

/// What a WSDL binding says of an operation.
#[derive(Debug, Clone)]
pub struct SoapBinding {
    /// 1.1 or 1.2.
    pub version: SoapVersion,
    /// The SOAPAction, empty where the WSDL gives none.
    pub action: String,
    /// The address that the WSDL gives; configuration overrides it.
    pub address: Option<String>,
    /// For one-way operations, what HTTP may bring back none the less: a fault, or an envelope that says nothing.
    pub one_way: Option<Document>,
}

/// The version of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum SoapVersion {
    /// <https://www.w3.org/TR/2000/NOTE-SOAP-20000508/>
    #[serde(rename = "1.1")]
    V11,
    /// <https://www.w3.org/TR/soap12-part1/>
    #[serde(rename = "1.2")]
    V12,
}

impl SoapVersion {
    /// The namespace of the envelope.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }
}

/// What is on the wire, whole: a protobuf message, or a SOAP envelope, which is an XML document like any other.
#[derive(Debug, Clone)]
pub struct Document {
    /// The root: the message, or the `Envelope` record with its fields `Header` and `Body`.
    pub record: RecordId,
    /// The XML root element; `None` in other formats.
    pub element: Option<Name>,
    /// It is SOAP encoded (SOAP 1.1, section 5): elements may refer to one another, and say their types.
    pub encoded: bool,
    /// Records of a file, by a layout.
    pub excerpt: Option<std::sync::Arc<crate::layout::Excerpt>>,
    /// The names from which paths begin.
    pub roots: Vec<Root>,
}

/// A name of the language for a place in a document.
///
/// `body` is the content of the one element inside `soap:Body` (or the protobuf message itself), `header` is
/// `soap:Header`; `fault`, `fault.code`, `fault.reason`, `fault.actor`, `fault.detail` reach the fault of either
/// SOAP version. `fault.detail` is the content of the one declared detail element, where exactly one is declared.
#[derive(Debug, Clone)]
pub struct Root {
    /// One or more names: `["body"]`, `["fault", "code"]`. The longest that matches wins.
    pub name: Vec<String>,
    /// The fields that lead there from the document's record; empty for the record itself.
    pub path: Vec<(RecordId, FieldId)>,
    /// What is there.
    pub ty: TypeId,
}

impl Contract {
    /// The operation `name` (a plain name, or `Service/Method`), or all that a plain name could mean.
    pub fn operations<'a>(&'a self, name: &str) -> Vec<(&'a Service, &'a Operation)> {
        let (service, method) = match name.rsplit_once('/') {
            Some((service, method)) => (Some(service), method),
            None => (None, name),
        };
        self.services
            .iter()
            .filter(|s| service.is_none_or(|wanted| s.name == wanted))
            .flat_map(|s| s.operations.iter().filter(|o| o.name == method).map(move |o| (s, o)))
            .collect()
    }
}

/// What every reader is given besides its entry file: where other files come from, and where they are remembered.
pub struct Reading<'a> {
    /// Finds imports.
    pub resolver: &'a dyn crate::Resolver,
    /// Remembers every file, so that diagnostics can point into it.
    pub sources: &'a mut Sources,
}
