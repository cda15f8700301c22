//! An intake that answers by the method's name.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_delivery::{
    Answer, BoxFuture, Call, Failure, FaultClass, Intake, MessageId, OperationFilter, OperationPage,
    OperationState, OperationView, Status, Timestamp,
};
use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use tokio::sync::Notify;

pub(crate) const METHODS: [&str; 6] = ["Echo", "Fail", "Later", "Hold", "Who", "Long"];

pub(crate) struct FakeIntake {
    pub(crate) last: Mutex<Option<Call>>,
    /// Method and reason of what the source refused by itself.
    pub(crate) refused: Mutex<Vec<(String, String)>>,
    pub(crate) operation: Mutex<OperationView>,
    pub(crate) cancelled: Mutex<Vec<MessageId>>,
    pub(crate) deleted: Mutex<Vec<MessageId>>,
    pub(crate) waited_until: Mutex<Option<Timestamp>>,
    pub(crate) accepting: AtomicBool,
    pub(crate) generation: AtomicU64,
    /// Calls of `Hold` that came in, and that were dropped before they were answered.
    pub(crate) held: AtomicUsize,
    pub(crate) dropped: AtomicUsize,
    pub(crate) came: Notify,
    pub(crate) release: Notify,
}

impl FakeIntake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            last: Mutex::new(None),
            refused: Mutex::default(),
            operation: Mutex::new(operation()),
            cancelled: Mutex::default(),
            deleted: Mutex::default(),
            waited_until: Mutex::new(None),
            accepting: AtomicBool::new(true),
            generation: AtomicU64::new(1),
            held: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            came: Notify::new(),
            release: Notify::new(),
        })
    }
}

pub(crate) fn operation() -> OperationView {
    OperationView {
        id: "0192f0c1-2345-7890-abcd-0123456789ab".parse().unwrap(),
        route: "claims.file".into(),
        created: Timestamp(1_700_000_000_000_000),
        updated: Timestamp(1_700_000_001_500_000),
        state: OperationState::Waiting,
        attempts: 2,
        next_attempt: Some(Timestamp(1_700_000_060_000_000)),
        response_type: "test.Reply".into(),
    }
}

pub(crate) fn failure() -> Failure {
    Failure::new(Status::InvalidArgument, FaultClass::Request, "FIELD_INVALID", "Ümlaut: 100 % wrong")
        .with("route", "registry.get-person")
        .with("message", "0192f0c1")
        .at_field("person.id", "must have 11 digits")
        .retry_after(Duration::from_millis(1500))
}

struct CountDrop<'a>(&'a FakeIntake);

impl Drop for CountDrop<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
        self.0.came.notify_one();
    }
}

impl Intake for FakeIntake {
    fn serves(&self, method: &str) -> bool {
        method.strip_prefix("/test.Echo/").is_some_and(|name| METHODS.contains(&name))
            || (method == "/test.New/Call" && self.generation.load(Ordering::SeqCst) > 1)
    }

    fn method(&self, _: &str) -> Option<Arc<str>> {
        None
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            *self.last.lock() = Some(call.clone());
            match &*call.method {
                "/test.Echo/Fail" => Answer::Failed(failure()),
                "/test.Echo/Later" => Answer::Operation(self.operation.lock().clone()),
                "/test.Echo/Who" => {
                    Answer::Reply(Bytes::from(call.caller.as_deref().unwrap_or("nobody").to_owned()))
                }
                "/test.Echo/Long" => Answer::Reply(Bytes::from(vec![b'x'; 200_000])),
                "/test.Echo/Hold" => {
                    self.held.fetch_add(1, Ordering::SeqCst);
                    self.came.notify_one();
                    let guard = CountDrop(self);
                    self.release.notified().await;
                    std::mem::forget(guard);
                    Answer::Reply(call.payload)
                }
                _ => Answer::Reply(call.payload),
            }
        })
    }

    fn refused(&self, method: &str, failure: &Failure) {
        self.refused.lock().push((method.to_owned(), failure.reason.clone()));
    }

    fn operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<OperationView, Failure>> {
        Box::pin(async move {
            assert_eq!(caller, None);
            let view = self.operation.lock().clone();
            if view.id == id {
                Ok(view)
            } else {
                Err(Failure::new(Status::NotFound, FaultClass::Request, "NO_SUCH_OPERATION", "none"))
            }
        })
    }

    fn wait_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<OperationView, Failure>> {
        *self.waited_until.lock() = Some(until);
        self.operation(id, caller)
    }

    fn operations(&self, filter: OperationFilter) -> BoxFuture<'_, Result<OperationPage, Failure>> {
        Box::pin(async move {
            let view = self.operation.lock().clone();
            let fits = filter.before.is_none_or(|before| view.id < before);
            let next = fits.then_some(view.id);
            Ok(OperationPage { operations: if fits { vec![view] } else { Vec::new() }, next })
        })
    }

    fn cancel_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            self.operation(id, caller).await?;
            self.cancelled.lock().push(id);
            Ok(())
        })
    }

    fn delete_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            self.operation(id, caller).await?;
            self.deleted.lock().push(id);
            Ok(())
        })
    }

    fn descriptors(&self) -> (u64, Vec<Arc<[u8]>>) {
        let generation = self.generation.load(Ordering::SeqCst);
        let mut files = vec![
            file("test/types.proto", &[], &["Reply"], None),
            file("test/echo.proto", &["test/types.proto"], &["Request"], Some(("Echo", &METHODS))),
            file("test/idle.proto", &[], &[], Some(("Idle", &["Call"]))),
        ];
        if generation > 1 {
            files.push(file("test/new.proto", &[], &[], Some(("New", &["Call"]))));
        }
        (generation, vec![FileDescriptorSet { file: files }.encode_to_vec().into()])
    }

    fn accepting(&self) -> bool {
        self.accepting.load(Ordering::SeqCst)
    }
}

fn file(
    name: &str,
    imports: &[&str],
    messages: &[&str],
    service: Option<(&str, &[&str])>,
) -> FileDescriptorProto {
    let method = |name: &&str| MethodDescriptorProto {
        name: Some((*name).to_owned()),
        input_type: Some(".test.Request".to_owned()),
        output_type: Some(".test.Reply".to_owned()),
        ..Default::default()
    };
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some("test".to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        message_type: messages
            .iter()
            .map(|name| DescriptorProto { name: Some((*name).to_owned()), ..Default::default() })
            .collect(),
        service: service
            .iter()
            .map(|(name, methods)| ServiceDescriptorProto {
                name: Some((*name).to_owned()),
                method: methods.iter().map(method).collect(),
                options: None,
            })
            .collect(),
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    }
}
