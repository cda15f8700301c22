//! Mappings of files at work: a message is a record of a file, and nobody waits for what the system answers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{Failure, FaultClass, Status};
use portolan_diagnostics::Sources;
use portolan_mapping::{
    compile::CompiledBatch,
    file::Silence,
    load::LoadedBatch,
    plan::{Plan, ReplyPlan, Visible},
    run::{self, Environment, RunError},
};
use portolan_schema::{Protocol, layout::NodeId};

use crate::{
    load::{LoadError, Loaded},
    made::group_of,
    mapped::{DEFAULT_TIMEOUT, SCRATCH, Told, Way, policy, sealed, verdict},
    route::{FileSource, Repeat, Route, RouteMode},
    translate::{Context, Keys, Question, Translate, Verdict},
};

/// The reason of a message that its route leaves out.
pub(crate) const SKIPPED: &str = "SKIPPED";

/// Makes a route that takes files of one that was loaded. `entry` is the mapping file's name among `sources`.
pub fn compile_file(
    loaded: &LoadedBatch,
    entry: &str,
    sources: &Sources,
    way: Way,
    system_timeout: Option<Duration>,
) -> Result<Loaded, LoadError> {
    let route = &loaded.route;
    let unsound = |why: &dyn std::fmt::Display| LoadError::plain(format!("route {}: {why}", route.name));
    let (hash, content) = sealed(entry, &route.name, &loaded.files, sources)?;
    let retry = policy(&route.delivery).map_err(|e| unsound(&e))?;
    let compiled = loaded.compile().ok_or_else(|| unsound(&"its messages are no records"))?;
    let CompiledBatch { file, excerpt, request, answer, visible, acknowledgement, made } = compiled;
    let groups = made.as_ref().map(|made| made.groups.clone()).unwrap_or_default();
    let (target, made) = way.of(&route.name, made, None)?;
    Ok(Loaded {
        route: Route {
            name: route.name.clone(),
            bundle: hash,
            method: "".into(),
            system: route.target_system.value.clone(),
            mode: RouteMode::Operation,
            repeat: if route.delivery.idempotent { Repeat::Always } else { Repeat::Never },
            order: None,
            timeout: route.delivery.timeout.or(system_timeout).unwrap_or(DEFAULT_TIMEOUT),
            answer_within: route.delivery.deadline,
            retry,
            translate: Arc::new(MappedFile {
                route: route.name.clone(),
                request,
                answer,
                visible,
                groups,
                told: Told::default(),
            }),
            protocol: Arc::new(protocol(loaded)),
            poll: None,
            target,
            response_type: "".into(),
            announced: false,
            descriptors: Arc::default(),
            files: Some(Arc::new(FileSource {
                system: route.system.value.clone(),
                pattern: route.pattern.clone(),
                file,
                excerpt,
                rejects: route.rejects,
                as_read: route.as_read,
                acknowledgement,
                answers: None,
                silence: Silence::Overdue,
            })),
            made,
        },
        bundle: content,
    })
}

fn protocol(loaded: &LoadedBatch) -> Protocol {
    match &loaded.route.binding {
        Some(binding) => Protocol::Soap(binding.clone()),
        None => Protocol::of_grpc(&loaded.route.operation),
    }
}

/// A checked route's plan.
struct MappedFile {
    route: Arc<str>,
    request: Plan,
    /// What an answer means; that there is one suffices, where `None`.
    answer: Option<ReplyPlan>,
    visible: Visible,
    /// Which keys say what a message shares with others.
    groups: Vec<(NodeId, usize)>,
    told: Told,
}

impl MappedFile {
    /// What a translation may know.
    fn environment<'e>(
        &'e self,
        context: Context<'_>,
        id: &'e str,
        original: Option<&'e [u8]>,
    ) -> Environment<'e> {
        Environment {
            context: run::Context {
                message_id: id,
                route: &self.route,
                caller: None,
                received: jiff::Timestamp::from_microsecond(context.received.0).unwrap_or_default(),
                attempt: context.attempt,
                request_id: None,
                sequence: None,
            },
            metadata: &[],
            original,
        }
    }
}

impl Translate for MappedFile {
    fn request(&self, payload: &[u8], context: Context<'_>, out: &mut Vec<u8>) -> Result<Keys, Failure> {
        let mut text = uuid::Uuid::encode_buffer();
        let id = context.message.0.hyphenated().encode_lower(&mut text);
        let environment = self.environment(context, id, None);
        let run = SCRATCH
            .with_borrow_mut(|scratch| self.request.run_with_keys(payload, &environment, scratch, out));
        let grouped = |keys: Vec<Option<String>>| Keys {
            group: group_of(&self.groups, &mut keys.into_iter()),
            ..Keys::default()
        };
        run.map(grouped).map_err(|error| {
            let reason = match &error {
                RunError::Skipped { .. } => SKIPPED,
                RunError::Refused { .. } | RunError::Broken { .. } => "REQUIREMENT_NOT_MET",
                _ => "VALUE_REFUSED",
            };
            let message = match &error {
                RunError::Skipped { reason } => reason.to_string(),
                error => error.to_string(),
            };
            let failure = Failure::new(Status::InvalidArgument, FaultClass::Request, reason, message);
            match error.source_path() {
                Some(field) => {
                    let description = failure.message.clone();
                    failure.at_field(field, description)
                }
                None => failure,
            }
        })
    }

    /// That the system answers is what there is to know, unless that says that it did not do it.
    fn reply(&self, reply: &[u8], payload: &[u8], _: Question, context: Context<'_>) -> Verdict {
        let Some(plan) = &self.answer else { return Verdict::Reply(Bytes::new()) };
        let mut text = uuid::Uuid::encode_buffer();
        let id = context.message.0.hyphenated().encode_lower(&mut text);
        let environment = self.environment(context, id, Some(payload));
        let mut out = Vec::new();
        let outcome = SCRATCH.with_borrow_mut(|scratch| plan.run(reply, &environment, scratch, &mut out));
        self.told.tell(plan, &self.route);
        verdict(outcome, out, "response:")
    }

    fn poll(&self, _: &[u8], _: &[u8], _: Context<'_>, _: &mut Vec<u8>) -> Result<(), Failure> {
        let why = "a route that takes files does not ask for answers";
        Err(Failure::new(Status::Internal, FaultClass::Internal, "POLL_IMPOSSIBLE", why))
    }

    fn is_reply(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() { Ok(()) } else { Err("nobody waits for an answer: it is empty".to_owned()) }
    }

    fn visible_request(&self, payload: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        self.visible.show(payload)
    }

    fn visible_reply(&self, _: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        Vec::new()
    }

    /// Nobody called.
    fn asks_for_sender(&self) -> bool {
        false
    }

    fn metadata_names(&self) -> &[Arc<str>] {
        &[]
    }
}
