//! A mapping at work, as the engine sees it: the two plans of a route, and what their errors mean to a caller. Nothing
//! that is told holds a value of the message, unless a rule of the mapping puts it there.

use std::{cell::RefCell, sync::Arc};

use portolan_delivery::{Failure, FaultClass, Status};
use portolan_engine::{Context, Keys, Translate, Verdict};
use portolan_mapping::{
    load::LoadedRoute,
    plan::{Contracts, Plan, ReplyPlan},
    run::{self, Environment, Fault, FailureOutcome, ReplyOutcome, RunError, Scratch},
};

/// A fault's code is the system's own text; as a reason it is short.
const MAX_REASON: usize = 63;

/// The plans of a route.
pub(crate) struct Mapped {
    name: Arc<str>,
    request: Plan,
    reply: ReplyPlan,
    /// The keys that the request's plan computes, in this order.
    keys: Vec<Key>,
    metadata: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    RequestId,
    Idempotency,
}

thread_local! {
    /// Memory that all routes of a thread share, one run after another; a run never waits.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

impl Mapped {
    pub(crate) fn new(loaded: &LoadedRoute) -> Self {
        let route = &loaded.route;
        let documents = &route.documents;
        let (source, target) = (&loaded.source.schema, &loaded.target.schema);
        let there = Contracts {
            source: (source, &documents.request),
            target: (target, &documents.target_request),
            original: None,
            tables: &route.tables,
        };
        let back = Contracts {
            source: (target, &documents.target_reply),
            target: (source, &documents.reply),
            original: Some((source, &documents.request)),
            tables: &route.tables,
        };
        let known = [(Key::RequestId, &route.request_id), (Key::Idempotency, &route.key)];
        let keys = known.iter().filter_map(|(key, expression)| Some((*key, expression.as_ref()?)));
        let (keys, expressions): (Vec<_>, Vec<_>) = keys.unzip();
        Self {
            name: route.name.clone(),
            request: Plan::compile(&route.request, there).with_keys(expressions, there),
            reply: ReplyPlan::compile(&route.reply, back),
            keys,
            metadata: route.metadata.clone(),
        }
    }

    /// Runs a plan with what the envelope says.
    fn with<T>(
        &self,
        context: Context<'_>,
        original: Option<&[u8]>,
        run: impl FnOnce(&Environment<'_>, &mut Scratch) -> T,
    ) -> T {
        let mut buffer = [0; 36];
        let message_id = &*context.message.0.hyphenated().encode_lower(&mut buffer);
        let metadata: Vec<_> = context.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let environment = Environment {
            context: run::Context {
                message_id,
                route: &self.name,
                caller: context.caller,
                received: jiff::Timestamp::from_microsecond(context.received.0).unwrap_or_default(),
                attempt: context.attempt,
                request_id: context.request_id,
            },
            metadata: &metadata,
            original,
        };
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut scratch) => run(&environment, &mut scratch),
            Err(_) => run(&environment, &mut Scratch::default()),
        })
    }
}

impl Translate for Mapped {
    fn request(&self, payload: &[u8], context: Context<'_>, out: &mut Vec<u8>) -> Result<Keys, Failure> {
        let run = self.with(context, None, |environment, scratch| {
            self.request.run_with_keys(payload, environment, scratch, out)
        });
        let mut keys = Keys::default();
        for (key, value) in self.keys.iter().zip(run.map_err(|error| refused(&error))?) {
            let value = value.filter(|v| !v.is_empty());
            match key {
                Key::RequestId => keys.request_id = value,
                Key::Idempotency => keys.idempotency_key = value,
            }
        }
        Ok(keys)
    }

    fn reply(&self, reply: &[u8], payload: &[u8], context: Context<'_>) -> Verdict {
        let mut out = Vec::with_capacity(reply.len());
        let outcome = self.with(context, Some(payload), |environment, scratch| {
            self.reply.run(reply, environment, scratch, &mut out)
        });
        match outcome {
            Ok(ReplyOutcome::Written) => Verdict::Reply(out.into()),
            Ok(ReplyOutcome::Fault(Fault { code, matched: Some(outcome), .. })) => ruled(&outcome, code.as_deref()),
            Ok(ReplyOutcome::Fault(Fault { matched: None, .. })) => {
                let text = "the system answered with a fault for which the mapping has no rule";
                Verdict::Unreadable(Failure::new(Status::Internal, FaultClass::Reply, "UNEXPECTED_FAULT", text))
            }
            Err(RunError::Failed(outcome)) => ruled(&outcome, None),
            Err(error) => {
                let reason = match error {
                    RunError::Read(_) => "UNREADABLE_REPLY",
                    _ => "UNTRANSLATABLE_REPLY",
                };
                let text = format!("the system's answer cannot be translated: {error}");
                Verdict::Unreadable(Failure::new(Status::Internal, FaultClass::Reply, reason, text))
            }
        }
    }

    fn metadata_names(&self) -> &[Arc<str>] {
        &self.metadata
    }
}

/// What is wrong with a request, for the one who sent it.
fn refused(error: &RunError) -> Failure {
    let refuse = |reason: &str, text: String| Failure::new(Status::InvalidArgument, FaultClass::Request, reason, text);
    match error {
        RunError::Refused { message, field, .. } => {
            let failure = refuse("REQUIREMENT_NOT_MET", error.to_string());
            field.iter().fold(failure, |failure, field| failure.at_field(&**field, &**message))
        }
        RunError::Read(_) => at_source(refuse("MALFORMED_MESSAGE", error.to_string()), error),
        RunError::Missing { .. } => refuse("MISSING_VALUE", error.to_string()),
        RunError::Failed(outcome) => match ruled(outcome, None) {
            Verdict::Refused(failure) | Verdict::NotDone(failure) => failure,
            Verdict::Reply(_) | Verdict::Unreadable(_) => refuse("INVALID_VALUE", error.to_string()),
        },
        _ => at_source(refuse("INVALID_VALUE", error.to_string()), error),
    }
}

/// Names the caller's field, where one is at fault.
fn at_source(failure: Failure, error: &RunError) -> Failure {
    let text = match error {
        RunError::Value { problem: portolan_mapping::functions::EvalError::Value(problem), .. } => format!("the value {problem}"),
        _ => error.to_string(),
    };
    match error.source_path() {
        Some(path) => failure.at_field(path, text),
        None => failure,
    }
}

/// What a rule of the mapping makes of a fault, or of a reply that is a failure.
fn ruled(outcome: &FailureOutcome, code: Option<&str>) -> Verdict {
    let status = Status::from_number(outcome.status);
    let class = if outcome.retry { FaultClass::NotDone } else { FaultClass::Refused };
    let reason = match (&outcome.reason, code.and_then(reason)) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(reason)) => reason,
        (None, None) => status.name().to_owned(),
    };
    let message = outcome.message.clone().filter(|m| !m.is_empty());
    let message = message.unwrap_or_else(|| "the system refused the request".to_owned());
    let mut failure = Failure::new(status, class, reason, message.clone());
    if let Some(field) = &outcome.field {
        failure = failure.at_field(&**field, message);
    }
    if outcome.retry { Verdict::NotDone(failure) } else { Verdict::Refused(failure) }
}

/// A fault's code as a reason in UPPER_SNAKE_CASE: `soap:Server.NotFound` is `SERVER_NOT_FOUND`.
fn reason(code: &str) -> Option<String> {
    let local = code.rsplit(':').next().unwrap_or(code);
    let mut out = String::new();
    let mut lower_before = false;
    for c in local.chars().take(MAX_REASON) {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && lower_before {
                out.push('_');
            }
            out.push(c.to_ascii_uppercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    let out = out.trim_matches('_');
    let out = &out[..out.len().min(MAX_REASON)];
    (!out.is_empty() && !out.starts_with(|c: char| c.is_ascii_digit())).then(|| out.to_owned())
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn codes_become_reasons() {
        let check = |code, expected: Option<&str>| assert_eq!(reason(code).as_deref(), expected, "{code}");
        check("soap:Server", Some("SERVER"));
        check("soap:Server.NotFound", Some("SERVER_NOT_FOUND"));
        check("MS_UNAVAILABLE", Some("MS_UNAVAILABLE"));
        check("a:b:err-42", Some("ERR_42"));
        check("", None);
        check("4711", None);
        check("äöü", None);
        assert!(reason(&"xY".repeat(100)).is_some_and(|r| r.len() <= 63));
    }
}
