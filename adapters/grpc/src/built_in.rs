//! The methods that the source itself answers, beside the ones that routes serve.

/// A method that the source itself answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuiltIn {
    /// One message, one reply.
    Unary(Unary),
    /// `grpc.health.v1.Health/Watch`.
    HealthWatch,
    /// `ServerReflectionInfo` of v1 and v1alpha, whose messages are the same.
    Reflection,
}

/// Those of one message and one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    /// `grpc.health.v1.Health/Check`.
    HealthCheck,
    /// `google.longrunning.Operations`.
    Operations(Operations),
}

/// The methods of `google.longrunning.Operations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the service's own")]
pub(crate) enum Operations {
    Get,
    Wait,
    List,
    Cancel,
    Delete,
}

impl BuiltIn {
    /// By path.
    pub(crate) fn find(path: &str, reflection: bool) -> Option<Self> {
        // Most paths are a route's: they are told apart by a byte or two.
        if !path.starts_with("/g") {
            return None;
        }
        Some(match path {
            "/grpc.health.v1.Health/Check" => Self::Unary(Unary::HealthCheck),
            "/grpc.health.v1.Health/Watch" => Self::HealthWatch,
            "/google.longrunning.Operations/GetOperation" => Self::operations(Operations::Get),
            "/google.longrunning.Operations/WaitOperation" => Self::operations(Operations::Wait),
            "/google.longrunning.Operations/ListOperations" => Self::operations(Operations::List),
            "/google.longrunning.Operations/CancelOperation" => Self::operations(Operations::Cancel),
            "/google.longrunning.Operations/DeleteOperation" => Self::operations(Operations::Delete),
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
                if reflection =>
            {
                Self::Reflection
            }
            _ => return None,
        })
    }

    fn operations(which: Operations) -> Self {
        Self::Unary(Unary::Operations(which))
    }
}
