//! A system that follows a script, a translation that copies, a loader with versions.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use opentelemetry::global::BoxedTracer;
use parking_lot::Mutex;
use portolan_delivery::{
    Answer, BoxFuture, Call, DeadLetters, Delivery, Failure, FaultClass, OperationView, Operator, Outgoing,
    Record, RetryPolicy, SendError, Status, Target, Timestamp,
    composite::Composite,
    system::SystemPolicy,
    testing::{FakeBroker, FakeDatabase, FakeLedger, FakeTransport, Fuse},
};
use portolan_schema::{Protocol, SoapBinding, SoapVersion};
use portolan_sqlite::{Options, SqliteDelivery};
use tokio::sync::{Notify, oneshot};

use crate::{
    Bundle, Context, Engine, EngineIntake, EngineOperator, EngineOptions, FileSource, Keys, LoadError,
    Loaded, Loader, Poll, Question, Repeat, Route, RouteMode, Translate, Verdict,
};

/// What the system does when it is asked.
pub(super) enum Script {
    Reply(&'static str),
    Error(SendError),
    Panic,
    WhenLet(&'static str, oneshot::Receiver<()>),
}

/// The system, and what it was asked.
#[derive(Default)]
pub(super) struct System {
    script: Mutex<VecDeque<Script>>,
    asked: Mutex<Vec<(String, Option<String>)>>,
    traceparents: Mutex<Vec<Option<String>>>,
    came: Notify,
}

impl System {
    pub(super) fn answers(&self, script: impl IntoIterator<Item = Script>) {
        self.script.lock().extend(script);
    }

    /// The next request is answered only when the sender is used.
    pub(super) fn answer_when_let(&self, reply: &'static str) -> oneshot::Sender<()> {
        let (sender, receiver) = oneshot::channel();
        self.answers([Script::WhenLet(reply, receiver)]);
        sender
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.lock().len()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.asked.lock().iter().map(|(request, _)| request.clone()).collect()
    }

    pub(super) fn keys(&self) -> Vec<Option<String>> {
        self.asked.lock().iter().map(|(_, key)| key.clone()).collect()
    }

    pub(super) fn traceparents(&self) -> Vec<Option<String>> {
        self.traceparents.lock().clone()
    }

    pub(super) async fn until_asked(&self, times: usize) {
        while self.asked() < times {
            self.came.notified().await;
        }
    }
}

impl Target for System {
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Bytes, SendError>> {
        Box::pin(async move {
            let request = String::from_utf8_lossy(&outgoing.payload).into_owned();
            self.traceparents.lock().push(outgoing.traceparent);
            self.asked.lock().push((request, outgoing.idempotency_key));
            self.came.notify_one();
            let next = self.script.lock().pop_front();
            match next.expect("the script has an answer") {
                Script::Reply(reply) => Ok(reply.into()),
                Script::Error(error) => Err(error),
                Script::Panic => panic!("the script says so"),
                Script::WhenLet(reply, gate) => {
                    let _ = gate.await;
                    Ok(reply.into())
                }
            }
        })
    }
}

/// `ping` becomes `v1:ping`; a reply is copied, `garbage` cannot be read. The order key of `a/1` is `a`. `later` is answered
/// later: what is replied to it is the ticket `t`, and `t? of later` is asked until it is no `not yet`; `garbage` is busy then.
struct Copying {
    version: u32,
}

impl Translate for Copying {
    fn visible_request(&self, _: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        Vec::new()
    }

    fn visible_reply(&self, _: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        Vec::new()
    }

    fn request(&self, payload: &[u8], _: Context<'_>, out: &mut Vec<u8>) -> Result<Keys, Failure> {
        if payload == b"bad" {
            return Err(Failure::new(Status::InvalidArgument, FaultClass::Request, "BAD", "refused"));
        }
        out.extend_from_slice(format!("v{}:", self.version).as_bytes());
        out.extend_from_slice(payload);
        let key = match payload {
            b"keyless" => String::new(),
            _ => format!("key of {}", String::from_utf8_lossy(payload)),
        };
        let order = String::from_utf8_lossy(payload).split_once('/').map(|(key, _)| key.to_owned());
        Ok(Keys { idempotency_key: Some(key), order_key: order, ..Keys::default() })
    }

    fn poll(&self, ticket: &[u8], payload: &[u8], _: Context<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (ticket, payload) = (String::from_utf8_lossy(ticket), String::from_utf8_lossy(payload));
        out.extend_from_slice(format!("{ticket}? of {payload}").as_bytes());
        Ok(())
    }

    fn reply(&self, reply: &[u8], payload: &[u8], question: Question, _: Context<'_>) -> Verdict {
        match reply {
            b"not yet" if question == Question::Answer => Verdict::Pending,
            b"garbage" if question == Question::Answer => {
                Verdict::NotDone(Failure::new(Status::Unavailable, FaultClass::NotDone, "BUSY", "come again"))
            }
            _ if question == Question::Request && payload == b"later" => Verdict::Pending,
            b"garbage" => Verdict::Unreadable(Failure::new(
                Status::Internal,
                FaultClass::Reply,
                "GARBAGE",
                "unreadable",
            )),
            other => Verdict::Reply(Bytes::copy_from_slice(other)),
        }
    }

    fn is_reply(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes == b"garbage" { Err("unreadable".to_owned()) } else { Ok(()) }
    }

    fn asks_for_sender(&self) -> bool {
        true
    }

    fn metadata_names(&self) -> &[Arc<str>] {
        &[]
    }
}

/// One route, whose version is the only thing in its bundle.
struct OneRoute {
    mode: RouteMode,
    repeat: Repeat,
    order: Option<DeadLetters>,
    system: Arc<System>,
    version: Arc<AtomicU32>,
    broken: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    policy: Arc<Mutex<SystemPolicy>>,
    answer_within: Arc<Mutex<Option<Duration>>>,
    files: Option<Arc<FileSource>>,
}

impl OneRoute {
    fn version(&self, version: u32) -> Loaded {
        let bundle = Bundle::new("m.yaml", "test.route", [("m.yaml".to_owned(), version.to_string())]);
        let (hash, content) = bundle.seal().unwrap();
        let protocol = Protocol::Soap(SoapBinding {
            version: SoapVersion::V11,
            action: String::new(),
            address: None,
            one_way: None,
        });
        let ms = Duration::from_millis;
        let route = Route {
            name: "test.route".into(),
            bundle: hash,
            method: "/test.Service/Method".into(),
            system: "system".into(),
            mode: self.mode,
            repeat: self.repeat,
            order: self.order,
            timeout: Duration::from_secs(60),
            answer_within: *self.answer_within.lock(),
            retry: RetryPolicy::try_new(5, ms(1), ms(2), 2.0).unwrap(),
            translate: Arc::new(Copying { version }),
            poll: Some(Poll { protocol: Arc::new(protocol.clone()), every: ms(1) }),
            protocol: Arc::new(protocol),
            target: self.system.clone(),
            response_type: "test.Reply".into(),
            announced: false,
            files: self.files.clone(),
            made: None,
            descriptors: Arc::from(Vec::new()),
        };
        Loaded { route, bundle: content }
    }
}

impl Loader for OneRoute {
    fn load(&self) -> Result<Vec<Loaded>, LoadError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(LoadError::plain("error: broken"));
        }
        if self.gone.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        Ok(vec![self.version(self.version.load(Ordering::Relaxed))])
    }

    fn systems(&self) -> HashMap<String, SystemPolicy> {
        [("system".to_owned(), self.policy.lock().clone())].into()
    }

    fn open(&self, bundle: &[u8]) -> Result<Loaded, LoadError> {
        let bundle = Bundle::open(bundle).map_err(|e| LoadError::Bundle(e.to_string()))?;
        Ok(self.version(bundle.files[0].1.parse().unwrap()))
    }
}

/// A ledger on disk and a system, between which gateways are started.
pub(super) struct Gateway {
    pub(super) system: Arc<System>,
    order: Option<DeadLetters>,
    delivery: Arc<dyn Delivery>,
    version: Arc<AtomicU32>,
    broken: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    policy: Arc<Mutex<SystemPolicy>>,
    answer_within: Arc<Mutex<Option<Duration>>>,
    files: Option<Arc<FileSource>>,
    _folder: tempfile::TempDir,
}

/// A running engine by its two faces.
pub(super) struct Running {
    pub(super) intake: EngineIntake,
    pub(super) operator: EngineOperator,
}

impl Gateway {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let delivery = SqliteDelivery::open(folder.path().join("test.db"), Options::default()).unwrap();
        Self::over(Arc::new(delivery), folder)
    }

    /// One with a broker between itself and this ledger.
    pub(super) fn with_ledger(database: FakeDatabase) -> Self {
        let transport = FakeTransport::new(FakeBroker::default(), Fuse::never());
        let ledger = FakeLedger::new(database, Fuse::never());
        Self::over(Arc::new(Composite::new(transport, ledger)), tempfile::tempdir().unwrap())
    }

    fn over(delivery: Arc<dyn Delivery>, folder: tempfile::TempDir) -> Self {
        Self {
            system: Arc::default(),
            order: None,
            delivery,
            version: Arc::new(AtomicU32::new(1)),
            broken: Arc::default(),
            gone: Arc::default(),
            // Most tests are of one message, which no breaker is to spare.
            policy: Arc::new(Mutex::new(SystemPolicy { breaker: None, ..SystemPolicy::default() })),
            answer_within: Arc::default(),
            files: None,
            _folder: folder,
        }
    }

    /// Whose operations are to be answered within this.
    pub(super) fn answers_within(&self, time: Duration) {
        *self.answer_within.lock() = Some(time);
    }

    /// Whose route has an order.
    pub(super) async fn in_order(dead_letters: DeadLetters) -> Self {
        Self { order: Some(dead_letters), ..Self::new().await }
    }

    /// Whose route takes files.
    pub(super) async fn of_files(files: FileSource) -> Self {
        Self { files: Some(Arc::new(files)), ..Self::new().await }
    }

    pub(super) async fn start(&self, mode: RouteMode, repeat: Repeat) -> Running {
        self.start_with(mode, repeat, true).await
    }

    pub(super) async fn start_with(&self, mode: RouteMode, repeat: Repeat, dispatch: bool) -> Running {
        self.begin(mode, repeat, EngineOptions { dispatch, ..EngineOptions::default() }).await
    }

    pub(super) async fn start_traced(
        &self,
        mode: RouteMode,
        repeat: Repeat,
        tracer: Arc<BoxedTracer>,
    ) -> Running {
        self.begin(mode, repeat, EngineOptions { tracer: Some(tracer), ..EngineOptions::default() }).await
    }

    async fn begin(&self, mode: RouteMode, repeat: Repeat, options: EngineOptions) -> Running {
        let loader = OneRoute {
            mode,
            repeat,
            order: self.order,
            system: self.system.clone(),
            version: self.version.clone(),
            broken: self.broken.clone(),
            gone: self.gone.clone(),
            policy: self.policy.clone(),
            answer_within: self.answer_within.clone(),
            files: self.files.clone(),
        };
        let engine = Engine::start(options, self.delivery.clone(), Arc::new(loader)).await.unwrap();
        Running { intake: EngineIntake(engine.clone()), operator: EngineOperator(engine) }
    }

    pub(super) fn next_version(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_route(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// How the system may be asked, from the next load on.
    pub(super) fn set_policy(&self, policy: SystemPolicy) {
        *self.policy.lock() = policy;
    }

    pub(super) fn break_files(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(super) async fn only_record(&self, running: &Running) -> Record {
        let page = running.operator.list(Default::default()).await.unwrap();
        assert_eq!(page.records.len(), 1);
        running.operator.show(page.records[0].envelope.id).await.unwrap().record
    }
}

pub(super) fn call(payload: &'static str) -> Call {
    Call {
        method: "/test.Service/Method".into(),
        payload: payload.into(),
        metadata: Vec::new(),
        deadline: None,
        caller: None,
        received: Timestamp::now(),
    }
}

pub(super) fn named(payload: &'static str, id: &str) -> Call {
    Call { metadata: vec![("idempotency-key".to_owned(), id.to_owned())], ..call(payload) }
}

pub(super) fn reply(answer: Answer) -> String {
    match answer {
        Answer::Reply(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn status(answer: Answer) -> (Status, String) {
    match answer {
        Answer::Failed(failure) => (failure.status, failure.reason),
        other => panic!("{other:?}"),
    }
}

pub(super) fn operation(answer: Answer) -> OperationView {
    match answer {
        Answer::Operation(view) => view,
        other => panic!("{other:?}"),
    }
}
