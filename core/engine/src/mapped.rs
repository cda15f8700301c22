//! Mappings at work: a checked route with its plans, as the engine runs it.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use portolan_delivery::{
    BundleHash, DeadLetters, Failure, FaultClass, FileDrop, RetryPolicy, Status, Target,
};
use portolan_diagnostics::{SourceId, Sources};
use portolan_formats::{Captured, Reader, Selection, Unknown};
use portolan_mapping::{
    check::{DeliveryPolicy, Travel},
    compile::{CompiledAnswers, CompiledFile, CompiledRoute},
    file::{self, Mode, Retry},
    load::LoadedRoute,
    plan::Plan,
    plan::ReplyPlan,
    run::{self, Environment, FailureOutcome, Fault, ReplyOutcome, RunError, Scratch},
};
use portolan_schema::{Protocol, layout::NodeId};

use crate::{
    bundle::Bundle,
    load::{LoadError, Loaded},
    made::{Gathers, Made, group_of},
    route::{FileSource, Poll, Repeat, Route, RouteMode},
    translate::{Context, Keys, Question, Translate, Verdict},
};

/// How long the system has where neither the mapping nor its configuration says so.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

thread_local! {
    /// One translation runs at a time on a thread; its memory serves the next.
    pub(crate) static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// All that a route was read from, as it is kept with its messages.
pub(crate) fn sealed(
    entry: &str,
    route: &str,
    files: &[SourceId],
    sources: &Sources,
) -> Result<(BundleHash, Bytes), LoadError> {
    let files = files.iter().filter_map(|id| sources.get(*id));
    let bundle = Bundle::new(entry, route, files.map(|f| (f.name.to_string(), f.text.to_string())));
    bundle.seal().map_err(|e| LoadError::Bundle(e.to_string()))
}

/// The way to a system.
#[derive(Clone)]
pub enum Way {
    /// It is asked.
    Target(Arc<dyn Target>),
    /// Files are put where it picks them up.
    Drop(Arc<dyn FileDrop>),
}

/// Who is asked, and the file that is made instead, where that is so.
type Ways = (Arc<dyn Target>, Option<Arc<Made>>);

impl Way {
    /// The way of a route, as it needs it.
    pub(crate) fn of(
        self,
        route: &str,
        file: Option<CompiledFile>,
        of_sent: Option<Plan>,
    ) -> Result<Ways, LoadError> {
        match (self, file) {
            (Self::Target(target), None) => Ok((target, None)),
            (Self::Drop(drop), Some(file)) => {
                Ok((Arc::new(Gathers), Some(Arc::new(Made { file, of_sent, drop }))))
            }
            (Self::Target(_), Some(_)) => Err(LoadError::plain(format!(
                "route {route}: its messages gather into a file, and its system has no folder to put it into"
            ))),
            (Self::Drop(_), None) => Err(LoadError::plain(format!(
                "route {route}: its messages ask a system, and its system is a folder"
            ))),
        }
    }
}

/// Makes a route that can be served of one that was loaded. `entry` is the mapping file's name among `sources`.
pub fn compile(
    loaded: &LoadedRoute,
    entry: &str,
    sources: &Sources,
    way: Way,
    system_timeout: Option<Duration>,
) -> Result<Loaded, LoadError> {
    let route = &loaded.route;
    let (hash, content) = sealed(entry, &route.name, &loaded.files, sources)?;
    let delivery = &route.delivery;
    let retry = policy(delivery).map_err(|e| LoadError::plain(format!("route {}: {e}", route.name)))?;
    let mut plans = loaded.compile();
    let mut file = plans.made.take();
    let groups = file.as_ref().map(|file| file.groups.clone()).unwrap_or_default();
    let answers = file.as_mut().and_then(|file| file.answers.take()).map(|answers| {
        let CompiledAnswers { system, pattern, file, excerpt, of_reply, of_sent, silence } = answers;
        (
            FileSource {
                system,
                pattern,
                file,
                excerpt,
                rejects: None,
                as_read: false,
                acknowledgement: None,
                answers: Some(of_reply),
                silence,
            },
            of_sent,
        )
    });
    let (answers, of_sent) = answers.unzip();
    let (target, made) = way.of(&route.name, file, of_sent)?;
    Ok(Loaded {
        route: Route {
            name: route.name.clone(),
            bundle: hash,
            method: route.method.clone(),
            system: route.system.value.clone(),
            mode: match delivery.mode {
                Mode::Direct => RouteMode::Direct,
                Mode::RequestReply => RouteMode::RequestReply,
                Mode::Operation => RouteMode::Operation,
            },
            repeat: match (&route.key, delivery.idempotent) {
                (Some(_), _) => Repeat::WithKey,
                (None, true) => Repeat::Always,
                (None, false) => Repeat::Never,
            },
            order: route.order.as_ref().map(|order| match order.dead_letters {
                file::DeadLetters::Hold => DeadLetters::Hold,
                file::DeadLetters::Pass => DeadLetters::Pass,
            }),
            timeout: delivery.timeout.or(system_timeout).unwrap_or(DEFAULT_TIMEOUT),
            answer_within: delivery.deadline,
            retry,
            translate: Arc::new(Mapped::new(loaded, plans, groups)),
            protocol: Arc::new(match &route.travel {
                Travel::Soap(binding) => Protocol::Soap(binding.clone()),
                Travel::File(_) => Protocol::of_grpc(&route.operation),
            }),
            poll: route.poll.as_ref().map(|poll| Poll {
                protocol: Arc::new(Protocol::Soap(poll.binding.clone())),
                every: poll.every,
            }),
            target,
            response_type: loaded
                .source
                .schema
                .record(route.documents.reply.record)
                .name
                .local
                .as_str()
                .into(),
            announced: false,
            descriptors: loaded.source.descriptor_set.clone().unwrap_or_default().into(),
            files: answers.map(Arc::new),
            made,
        },
        bundle: content,
    })
}

pub(crate) fn policy(delivery: &DeliveryPolicy) -> Result<RetryPolicy, portolan_delivery::PolicyError> {
    match delivery.retry {
        None => Ok(RetryPolicy::NEVER),
        Some(Retry { max_attempts, initial_backoff, max_backoff, backoff_multiplier }) => {
            RetryPolicy::try_new(max_attempts, initial_backoff, max_backoff, backoff_multiplier)
        }
    }
}

/// A checked route's plans.
struct Mapped {
    route: Arc<str>,
    plans: CompiledRoute,
    /// Which keys say what a message shares with others.
    groups: Vec<(NodeId, usize)>,
    /// Reads nothing of a reply in the caller's contract, and so tells whether it is one.
    callers_reply: Reader,
    metadata: Vec<Arc<str>>,
    asks_for_sender: bool,
    told: Told,
}

impl Mapped {
    fn new(loaded: &LoadedRoute, plans: CompiledRoute, groups: Vec<(NodeId, usize)>) -> Self {
        let reply = &loaded.route.documents.reply;
        let nothing = Selection::new(reply, Unknown::Refuse);
        Self {
            callers_reply: Reader::compile(&loaded.source.schema, reply, &nothing),
            route: loaded.route.name.clone(),
            plans,
            groups,
            metadata: loaded.route.metadata.clone(),
            asks_for_sender: loaded.route.asks_for_sender,
            told: Told::default(),
        }
    }

    /// Runs with what a translation may know, and this thread's memory.
    fn run<T>(
        &self,
        context: Context<'_>,
        original: Option<&[u8]>,
        then: impl FnOnce(&Environment<'_>, &mut Scratch) -> T,
    ) -> T {
        let mut text = uuid::Uuid::encode_buffer();
        let metadata: Vec<(&str, &str)> =
            context.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let environment = Environment {
            context: run::Context {
                message_id: context.message.0.hyphenated().encode_lower(&mut text),
                route: &self.route,
                caller: context.caller,
                received: jiff::Timestamp::from_microsecond(context.received.0).unwrap_or_default(),
                attempt: context.attempt,
                request_id: context.request_id,
                sequence: None,
            },
            metadata: &metadata,
            original,
        };
        SCRATCH.with_borrow_mut(|scratch| then(&environment, scratch))
    }
}

/// Whether it was told already that replies are qualified otherwise than their contract says.
#[derive(Default)]
pub(crate) struct Told(AtomicBool);

impl Told {
    /// Says once that replies are not as their contract has them, and are read all the same.
    pub(crate) fn tell(&self, plan: &ReplyPlan, route: &str) {
        if let Some(element) = plan.taken()
            && !self.0.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                route,
                element,
                "the system writes elements in another namespace than its WSDL says; they are read all the same"
            );
        }
    }
}

/// What a reply means of which `out` was written; `rules` are those of the mapping that read it.
pub(crate) fn verdict(outcome: Result<ReplyOutcome, RunError>, out: Vec<u8>, rules: &str) -> Verdict {
    match outcome {
        Ok(ReplyOutcome::Written) => Verdict::Reply(Bytes::from(out)),
        Ok(ReplyOutcome::Pending) => Verdict::Pending,
        Ok(ReplyOutcome::Fault(fault)) => judged(fault),
        Err(RunError::Failed(outcome)) => declared(outcome, "REFUSED_BY_SYSTEM".to_owned()),
        Err(error) => Verdict::Unreadable(untranslatable(&error, rules)),
    }
}

impl Translate for Mapped {
    fn request(&self, payload: &[u8], context: Context<'_>, out: &mut Vec<u8>) -> Result<Keys, Failure> {
        let CompiledRoute { request, has_request_id, has_key, has_order, .. } = &self.plans;
        self.run(context, None, |environment, scratch| {
            if !has_request_id && !has_key && !has_order && self.groups.is_empty() {
                return request.run(payload, environment, scratch, out).map(|()| Keys::default());
            }
            let values = request.run_with_keys(payload, environment, scratch, out)?;
            let mut values = values.into_iter();
            let mut next = |there: bool| if there { values.next().flatten() } else { None };
            let request_id = next(*has_request_id).filter(|id| !id.is_empty());
            let (idempotency_key, order_key) = (next(*has_key), next(*has_order));
            let group = group_of(&self.groups, &mut values);
            Ok(Keys { request_id, idempotency_key, order_key, group })
        })
        .map_err(refused)
    }

    fn reply(&self, reply: &[u8], payload: &[u8], question: Question, context: Context<'_>) -> Verdict {
        // What the system says when it takes a request is good if a question for the answer can be made of it.
        let takes = self.plans.poll.as_ref().filter(|_| question == Question::Request);
        let mut out = Vec::with_capacity(reply.len());
        let outcome = self.run(context, Some(payload), |environment, scratch| {
            takes.unwrap_or(&self.plans.reply).run(reply, environment, scratch, &mut out)
        });
        self.told.tell(&self.plans.reply, &self.route);
        match outcome {
            Ok(ReplyOutcome::Written) if takes.is_some() => Verdict::Pending,
            outcome => {
                let rules = if takes.is_some() { "poll: request:" } else { "response:" };
                verdict(outcome, out, rules)
            }
        }
    }

    fn poll(
        &self,
        ticket: &[u8],
        payload: &[u8],
        context: Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let why = |message: String| {
            Failure::new(Status::Internal, FaultClass::Internal, "POLL_IMPOSSIBLE", message)
        };
        let Some(poll) = &self.plans.poll else {
            let version =
                "the system has taken the request, and this version of the route does not ask for answers";
            return Err(why(version.to_owned()));
        };
        let outcome = self
            .run(context, Some(payload), |environment, scratch| poll.run(ticket, environment, scratch, out));
        match outcome {
            Ok(ReplyOutcome::Written) => Ok(()),
            // It was translated once when it came, so this is the work of another version of the route.
            Ok(ReplyOutcome::Pending | ReplyOutcome::Fault(_)) | Err(RunError::Failed(_)) => Err(why(
                "what the system said when it took the request is a failure for this version of the route"
                    .to_owned(),
            )),
            Err(error) => Err(untranslatable(&error, "poll: request:")),
        }
    }

    fn is_reply(&self, bytes: &[u8]) -> Result<(), String> {
        let read = self.callers_reply.read(bytes, &bumpalo::Bump::new(), &mut Captured::default());
        read.map_err(|problem| problem.to_string())
    }

    fn visible_request(&self, payload: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        self.plans.visible_request.show(payload)
    }

    fn visible_reply(&self, reply: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        self.plans.visible_reply.show(reply)
    }

    fn asks_for_sender(&self) -> bool {
        self.asks_for_sender
    }

    fn metadata_names(&self) -> &[Arc<str>] {
        &self.metadata
    }
}

/// A request that the mapping does not take, as its caller is told.
fn refused(error: RunError) -> Failure {
    let reason = match &error {
        RunError::Refused { .. } | RunError::Broken { .. } => "REQUIREMENT_NOT_MET",
        RunError::Read(_) => "MALFORMED_REQUEST",
        _ => "VALUE_REFUSED",
    };
    let message = error.to_string().replace("`body.", "`");
    let failure = Failure::new(Status::InvalidArgument, FaultClass::Request, reason, message);
    match (error.source_path().map(callers_field), &error) {
        (Some(field), RunError::Refused { message, .. }) => failure.at_field(field, message.to_string()),
        (Some(field), RunError::Broken { broken, .. }) => failure.at_field(field, broken.rule.to_string()),
        (Some(field), _) => {
            let description = failure.message.clone();
            failure.at_field(field, description)
        }
        (None, _) => failure,
    }
}

/// An answer that the mapping makes nothing of.
fn untranslatable(error: &RunError, rules: &str) -> Failure {
    // What the contract does not know has a name of the system's choice: it is for operators.
    let unknown = matches!(error, RunError::Read(error) if error.is_unknown());
    let (said, advice) = match unknown {
        false => (error.to_string(), None),
        true => (
            "it holds something that its contract does not know".to_owned(),
            Some(format!("{error}; `unknown-fields: ignore` under `{rules}` would allow it")),
        ),
    };
    let message = format!("the system's answer cannot be translated: {said}");
    let mut failure = Failure::new(Status::Internal, FaultClass::Reply, "REPLY_UNTRANSLATABLE", message);
    failure.advice = advice;
    failure
}

/// A path as the caller knows it: mappings say `body.` for the message, its caller does not.
fn callers_field(path: String) -> String {
    path.strip_prefix("body.").map_or_else(|| path.clone(), str::to_owned)
}

/// What a rule of the mapping makes of a reply.
fn declared(outcome: FailureOutcome, reason: String) -> Verdict {
    let class = if outcome.retry { FaultClass::NotDone } else { FaultClass::Refused };
    let message = outcome.message.unwrap_or_else(|| "the system refused the request".to_owned());
    let reason = outcome.reason.map_or(reason, |r| r.to_string());
    let mut failure = Failure::new(Status::from_number(outcome.status), class, reason, message.clone());
    failure.personal = outcome.personal;
    if let Some(field) = outcome.field {
        failure = failure.at_field(callers_field(field.to_string()), message);
    }
    if outcome.retry { Verdict::NotDone(failure) } else { Verdict::Refused(failure) }
}

/// What a fault means. One that no rule matches is kept whole for a person; the caller is told its code, no more.
fn judged(fault: Fault) -> Verdict {
    let code = fault.code.as_deref();
    if let Some(outcome) = fault.matched {
        return declared(outcome, "FAULT".to_owned());
    }
    let why = "the system answered with a fault that no rule of the mapping matches";
    let failure = Failure::new(Status::Internal, FaultClass::Reply, "UNMAPPED_FAULT", why);
    // A code is a name; anything else could be somebody's.
    let is_name = |c: &&str| {
        c.len() <= 64 && c.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    match code.filter(is_name) {
        Some(code) => Verdict::Unreadable(failure.with("fault_code", code)),
        None => Verdict::Unreadable(failure),
    }
}
