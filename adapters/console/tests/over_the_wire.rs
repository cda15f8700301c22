//! Client against server over a fake operator: what the operator says is what the client says, and nobody gets in
//! without the token.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use portolan_console::{
    AdminToken, Begun, ConsoleClient, ConsoleOptions, ConsoleServer, Gateway, Health, Metrics, health,
};
use portolan_delivery::{system::Shut, *};

/// Knows a few messages; remembers what it was asked to decide.
#[derive(Default)]
struct Fake {
    records: Vec<Record>,
    decided: Mutex<Vec<String>>,
    broken: bool,
}

impl Operator for Fake {
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>> {
        let wanted = |r: &&Record| {
            filter.state.is_none_or(|s| s == r.state.kind())
                && filter.route.as_deref().is_none_or(|n| n == &*r.envelope.route)
        };
        let records: Vec<_> = self.records.iter().filter(wanted).cloned().collect();
        let next = records.last().map(|r| r.envelope.id);
        Box::pin(async move { Ok(Page { records, next }) })
    }

    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Shown, OperatorError>> {
        let found = self.records.iter().find(|r| r.envelope.id == id).cloned();
        let found = found.map(|record| Shown { record, visible: visible() });
        Box::pin(async move { found.ok_or(DeliveryError::NotFound(id).into()) })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>> {
        let count =
            Count { route: "r".into(), state: StateKind::Dead, messages: 7, oldest: Timestamp(1_000_001) };
        Box::pin(async move { Ok(vec![count]) })
    }

    fn retry(&self, id: MessageId, version: Version) -> BoxFuture<'_, Result<(), OperatorError>> {
        self.decided.lock().unwrap().push(format!("retry {id} {version:?}"));
        Box::pin(async move { Err(DeliveryError::NotDead(id).into()) })
    }

    fn resolve(
        &self,
        id: MessageId,
        resolution: Resolution,
        version: Version,
    ) -> BoxFuture<'_, Result<(), OperatorError>> {
        self.decided.lock().unwrap().push(format!("resolve {id} {resolution:?} {version:?}"));
        Box::pin(async move { Ok(()) })
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileView>, OperatorError>> {
        self.decided.lock().unwrap().push(format!("{filter:?}"));
        Box::pin(async move { Ok(files()) })
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileView>, OperatorError>> {
        let is_it = |view: &FileView| view.record.arrival.route == route && view.record.arrival.hash == file;
        let found = files().into_iter().find(is_it);
        Box::pin(async move { Ok(found) })
    }

    fn made_files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<MadeView>, OperatorError>> {
        self.decided.lock().unwrap().push(format!("{filter:?}"));
        Box::pin(async move { Ok(made_files()) })
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, OperatorError>> {
        Box::pin(async move { Ok(sent_in(&messages)) })
    }

    fn decide(
        &self,
        route: Arc<str>,
        sequence: u64,
        decision: FileDecision,
    ) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        Box::pin(async move {
            match (&*route, sequence, decision) {
                ("claims", 7, FileDecision::Retry) => Ok(cut_now()),
                ("claims", 7, FileDecision::Refuse { reason }) if reason == "a wrong office" => Ok(cut_now()),
                _ => Err(OperatorError::Refused("it is delivered".into())),
            }
        })
    }

    fn release(
        &self,
        route: Arc<str>,
        file: FileHash,
        reason: Arc<str>,
    ) -> BoxFuture<'_, Result<FileView, OperatorError>> {
        self.decided.lock().unwrap().push(format!("release {route} {file} {reason}"));
        Box::pin(async move {
            match file {
                FileHash([5, ..]) => Ok(files().remove(4)),
                _ => Err(OperatorError::Refused("it was taken".into())),
            }
        })
    }

    fn cut(&self, route: Arc<str>) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        self.decided.lock().unwrap().push(format!("cut {route}"));
        Box::pin(async move {
            if &*route == "x" { Err(OperatorError::Refused("it makes none".into())) } else { Ok(cut_now()) }
        })
    }

    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>> {
        Box::pin(async move { Ok(vec![route()]) })
    }

    fn route_statuses(&self) -> BoxFuture<'_, Result<Vec<RouteStatus>, OperatorError>> {
        Box::pin(async move { Ok(statuses()) })
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), OperatorError>> {
        self.decided.lock().unwrap().push(format!("{route} {}", control.name()));
        let known = &*route == "r";
        Box::pin(async move {
            if known { Ok(()) } else { Err(OperatorError::Refused("there is no such route".into())) }
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, OperatorError>> {
        let answer = match self.broken {
            true => Err(OperatorError::Findings("a.yaml:1:1: wrong\n".repeat(10_000))),
            false => Ok(reloaded()),
        };
        Box::pin(async move { answer })
    }
}

fn reloaded() -> Reloaded {
    Reloaded { routes: vec![route()], later: Some("queues are not served now".to_owned()) }
}

fn route() -> RouteView {
    RouteView {
        route: "registry.get-person".into(),
        method: "/civic.v1.Registry/GetPerson".into(),
        system: "register".into(),
        mode: "request-reply".into(),
        bundle: "ab".repeat(32),
    }
}

fn visible() -> Vec<VisibleValue> {
    let value =
        |path: &str, value: Option<&str>| VisibleValue { path: path.into(), value: value.map(str::to_owned) };
    vec![value("purpose", Some("PURPOSE_TAX")), value("as_of", None)]
}

fn statuses() -> Vec<RouteStatus> {
    let time = Timestamp(1_763_900_000_123_456);
    let running = RouteStatus::new(route());
    let shut = Some(Shut::Away(time));
    let broker = Some(BrokerState { connected: true, blocked: true });
    let paused =
        RouteStatus { control: Control::Paused, shut, broker, oldest: Some(time), ..running.clone() };
    let shut = Some(Shut::Maintenance(time));
    let (waiting, at_work, dead) = (1, 2, u64::MAX);
    let unserved = RouteStatus::new(RouteView::unserved("left".into()));
    let broker = Some(BrokerState { connected: false, blocked: false });
    let draining =
        RouteStatus { control: Control::Draining, shut, broker, waiting, at_work, dead, ..unserved };
    vec![running, paused, draining]
}

fn files() -> Vec<FileView> {
    let time = Timestamp(1_763_900_000_123_456);
    let file = |hash: u8, state, progress| FileView {
        record: FileRecord {
            arrival: Arrival {
                hash: FileHash([hash; 32]),
                route: "wages".into(),
                bundle: BundleHash([9; 32]),
                name: "wages é.txt".into(),
                bytes: u64::MAX,
                received: time,
            },
            state,
            gateway: GatewayId("019a3f2e-7c1b-7000-8000-000000000001".parse::<MessageId>().unwrap().0),
            position: 7,
            counts: FileCounts { messages: 1, skipped: 2, rejected: 3 },
            ended: (state != FileState::Open).then_some(time),
            receipt: (state != FileState::Open).then(|| "{}".into()),
            release: (state == FileState::Released)
                .then(|| FileRelease { at: Timestamp(time.0 + 2), reason: "é is right".into() }),
        },
        system: (hash == 1).then(|| "employers".into()),
        progress,
    };
    let progress = |phase| FileProgress {
        phase,
        since: time,
        at: Timestamp(time.0 + 1),
        bytes: 1,
        bytes_passed: 2,
        records: 3,
        records_passed: 4,
        counts: FileCounts { messages: 5, skipped: 6, rejected: 7 },
    };
    vec![
        file(1, FileState::Open, Some(progress(FilePhase::Verifying))),
        file(2, FileState::Open, Some(progress(FilePhase::Releasing))),
        file(3, FileState::Taken, None),
        file(4, FileState::Refused, None),
        file(5, FileState::Released, None),
    ]
}

fn cut_record(state: CutState) -> CutRecord {
    let ready = state != CutState::Open;
    CutRecord {
        route: "claims".into(),
        sequence: u64::MAX,
        bundle: BundleHash([9; 32]),
        at: Timestamp(1_763_900_000_123_456),
        messages: 7,
        state,
        name: ready.then(|| "CLAIMS.é".into()),
        hash: ready.then_some(FileHash([3; 32])),
        bytes: if ready { u64::MAX } else { 0 },
        delivered: (state == CutState::Delivered).then_some(Timestamp(5)),
        outstanding: 6,
        aside: None,
    }
}

fn made_files() -> Vec<MadeView> {
    let view = |file| MadeView { file, system: None, trouble: None };
    let gathered = Gathered { route: "claims".into(), messages: 5, oldest: Timestamp(-7) };
    let mut files = vec![view(MadeFile::Gathering(gathered))];
    files.extend(
        [CutState::Open, CutState::Ready, CutState::Delivered]
            .map(|state| view(MadeFile::Cut(cut_record(state)))),
    );
    files[1].system = Some("mainframe".into());
    files[2].trouble = Some("something has its name".into());
    files
}

fn sent_in(messages: &[MessageId]) -> Vec<SentIn> {
    let sent = |message: &MessageId, name: Option<&str>, state| SentIn {
        message: *message,
        sequence: 2,
        name: name.map(Into::into),
        state,
    };
    let [first, second, ..] = messages else { return Vec::new() };
    vec![sent(first, None, CutState::Open), sent(second, Some("a"), CutState::Delivered)]
}

fn cut_now() -> CutNow {
    CutNow { file: Some(cut_record(CutState::Ready)), left: 3, trouble: Some("the disk is full".into()) }
}

fn records() -> Vec<Record> {
    let mut failure =
        Failure::new(Status::Aborted, FaultClass::Unknown, "OUTCOME_UNKNOWN", "the system was silent")
            .with("route", "r")
            .at_field("national_id", "eleven digits")
            .retry_after(std::time::Duration::from_millis(1500));
    failure.personal = true;
    failure.advice = Some("is it up?".to_owned());
    let letter = DeadLetter { failure: failure.clone(), at_fault: Party::System, reply: Some("<x/>".into()) };
    let gateway = GatewayId::generate();
    let now = Timestamp(1_763_900_000_123_456);
    [
        State::Waiting { due: now },
        State::Claimed { gateway, since: now },
        State::Waiting { due: Timestamp::NEVER },
        State::Claimed { gateway: GatewayId::FILE, since: now },
        State::Finished { outcome: Outcome::Reply(Bytes::from_static(b"\0reply")), at: now },
        State::Finished { outcome: Outcome::Failed(failure.clone()), at: now },
        State::Dead { letter, at: now },
    ]
    .into_iter()
    .enumerate()
    .map(|(index, state)| Record {
        lost: index as u32,
        envelope: Envelope {
            id: MessageId::generate(),
            route: "r".into(),
            bundle: BundleHash([index as u8; 32]),
            mode: if index % 2 == 0 { Mode::RequestReply } else { Mode::Operation },
            received: now,
            deadline: (index > 0).then_some(now),
            idempotency: [Idempotency::No, Idempotency::Yes, Idempotency::Key("k".into())][index % 3].clone(),
            order: (index != 1).then(|| Order {
                key: OrderKey::of("r", "k"),
                dead_letters: [DeadLetters::Hold, DeadLetters::Pass][index % 2],
            }),
            caller: (index > 1).then(|| "CN=portal".into()),
            request_key: (index > 2).then(|| RequestKey { caller: String::new(), id: "42".into() }),
            metadata: vec![("x-trace".into(), "ä".into())],
            traceparent: Some("00-1-2-01".into()),
            announced: false,
            group: None,
        },
        payload: Bytes::from_static(b"\x0a\x01\xff"),
        digest: (index > 2).then(|| PayloadDigest::of(b"x")),
        ticket: (index == 0).then(|| Bytes::from_static(b"<ticket/>")),
        state,
        behind: (index == 0).then(MessageId::generate),
        attempts: vec![Attempt { number: 1, started: now, ended: Some(now), failure: Some(failure.clone()) }],
    })
    .collect()
}

/// A console over the fake, with a client; the folder holds the token file.
async fn console(fake: Fake) -> (Arc<Fake>, ConsoleClient, std::net::SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let token = AdminToken::read_or_create(&folder.path().join("t")).unwrap();
    let fake = Arc::new(fake);
    let options = ConsoleOptions::new(([127, 0, 0, 1], 0).into(), token.clone());
    let ready = !fake.broken;
    let metrics: Metrics = Arc::new(|| Box::pin(async { "portolan_ready 1\n".to_owned() }));
    let begun = Begun::default();
    let server = ConsoleServer::bind(options, begun.clone()).await.unwrap();
    let address = server.local_address();
    tokio::spawn(server.serve(std::future::pending()));
    let client = ConsoleClient::connect(address, &token).await.unwrap();
    assert_eq!(health(address).await.unwrap(), Health::NotReady, "nothing has begun yet");
    let waits = client.routes().await.unwrap_err().to_string();
    assert!(waits.contains("has not begun yet"), "{waits}");
    let told = Gateway { operator: fake.clone(), readiness: Arc::new(move || ready), metrics };
    assert!(begun.set(told).is_ok());
    (fake, client, address, folder)
}

#[tokio::test]
async fn the_client_says_what_the_operator_says() {
    let (fake, client, ..) = console(Fake { records: records(), ..Fake::default() }).await;
    let page = client.list(Filter::default()).await.unwrap();
    assert_eq!(format!("{:?}", page.records), format!("{:?}", fake.records));
    let orders = |records: &[Record]| records.iter().map(|r| r.envelope.order).collect::<Vec<_>>();
    assert_eq!(orders(&page.records), orders(&fake.records), "keys show nothing of themselves");
    assert_eq!(page.next, fake.records.last().map(|r| r.envelope.id));
    let filter = Filter { state: Some(StateKind::Dead), route: Some("r".into()), ..Filter::default() };
    assert_eq!(client.list(filter).await.unwrap().records.len(), 1);
    let last = fake.records.len() - 1;
    let id = fake.records[last].envelope.id;
    let shown = client.show(id).await.unwrap();
    assert_eq!(format!("{:?}", shown.record), format!("{:?}", fake.records[last]));
    assert_eq!(shown.visible, visible());
    assert_eq!(client.counts().await.unwrap(), fake.counts().await.unwrap());
    assert_eq!(client.routes().await.unwrap(), [route()]);
    assert_eq!(client.route_statuses().await.unwrap(), statuses());
    assert_eq!(client.reload().await.unwrap(), reloaded());
}

#[tokio::test]
async fn files_arrive() {
    let (fake, client, ..) = console(Fake::default()).await;
    for filter in [
        FileFilter::default(),
        FileFilter { route: Some("r".into()), open: true, called: Some("a.txt".into()), limit: 7 },
    ] {
        assert_eq!(client.files(filter.clone()).await.unwrap(), files());
        assert_eq!(fake.decided.lock().unwrap().pop(), Some(format!("{filter:?}")));
    }
    let found = client.file("wages".into(), FileHash([3; 32])).await.unwrap();
    assert_eq!(found, Some(files().remove(2)));
    assert_eq!(client.file("wages".into(), FileHash([6; 32])).await.unwrap(), None);

    let file = FileHash([5; 32]);
    let released = client.release("wages".into(), file, "é is right".into()).await.unwrap();
    assert_eq!(released, files().remove(4));
    assert_eq!(fake.decided.lock().unwrap().pop(), Some(format!("release wages {file} é is right")));
    let refused = client.release("wages".into(), FileHash([3; 32]), "why".into()).await;
    assert!(matches!(refused, Err(OperatorError::Refused(why)) if why.contains("it was taken")));
}

#[tokio::test]
async fn files_that_are_made_arrive() {
    let (fake, client, ..) = console(Fake::default()).await;
    let filter = FileFilter { route: Some("r".into()), open: true, called: Some("7".into()), limit: 7 };
    assert_eq!(client.made_files(filter.clone()).await.unwrap(), made_files());
    assert_eq!(fake.decided.lock().unwrap().pop(), Some(format!("{filter:?}")));
    let ids = [MessageId::generate(), MessageId::generate()];
    assert_eq!(client.sent_in(ids.to_vec()).await.unwrap(), sent_in(&ids));
    assert_eq!(client.cut("claims".into()).await.unwrap(), cut_now());
    let refuse = FileDecision::Refuse { reason: "a wrong office".into() };
    for decision in [FileDecision::Retry, refuse] {
        assert_eq!(client.decide("claims".into(), 7, decision).await.unwrap(), cut_now());
    }
    let refused = client.decide("claims".into(), 8, FileDecision::Retry).await;
    assert!(matches!(refused, Err(OperatorError::Refused(why)) if why.contains("it is delivered")));
    assert_eq!(fake.decided.lock().unwrap().pop(), Some("cut claims".to_owned()));
    assert_eq!(client.cut("x".into()).await.unwrap_err().to_string(), "it makes none");
}

#[tokio::test]
async fn decisions_and_errors_arrive() {
    let (fake, client, ..) = console(Fake { broken: true, ..Fake::default() }).await;
    let id = MessageId::generate();
    let missing = client.show(id).await.unwrap_err();
    assert!(matches!(missing, OperatorError::Delivery(DeliveryError::NotFound(i)) if i == id));
    let alive = client.retry(id, Version::Newest).await.unwrap_err();
    assert!(matches!(alive, OperatorError::Delivery(DeliveryError::NotDead(i)) if i == id));
    let failed = Resolution::Failed { status: Status::NotFound, message: "no".into() };
    for resolution in [
        failed,
        Resolution::SystemReply("<x/>".into()),
        Resolution::CallerReply(Bytes::new()),
        Resolution::Discarded { reason: "why".into() },
    ] {
        client.resolve(id, resolution.clone(), Version::Newest).await.unwrap();
        assert_eq!(fake.decided.lock().unwrap().pop(), Some(format!("resolve {id} {resolution:?} Newest")));
    }
    for (control, _) in Control::ALL {
        client.control("r".into(), control).await.unwrap();
        assert_eq!(fake.decided.lock().unwrap().pop(), Some(format!("r {}", control.name())));
    }
    let unknown = client.control("x".into(), Control::Paused).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no such route");
    let findings = client.reload().await.unwrap_err();
    assert!(matches!(findings, OperatorError::Findings(text) if text.len() == 180_000));
}

#[tokio::test]
async fn without_the_token_nobody_gets_in() {
    let (_, _, address, folder) = console(Fake::default()).await;
    let stranger = AdminToken::read_or_create(&folder.path().join("other")).unwrap();
    let client = ConsoleClient::connect(address, &stranger).await.unwrap();
    let refused = client.routes().await.unwrap_err().to_string();
    assert!(refused.contains("token"), "{refused}");
}

#[tokio::test]
async fn health_and_metrics_are_plain_http() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let check = async |broken, path: &str, status: &str, body: &str| {
        let (_, _, address, _folder) = console(Fake { broken, ..Fake::default() }).await;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(body), "{answer}");
    };
    for (broken, expected) in [(false, Health::Ready), (true, Health::NotReady)] {
        let (_, _, address, _folder) = console(Fake { broken, ..Fake::default() }).await;
        assert_eq!(health(address).await.unwrap(), expected);
    }
    assert!(health(([127, 0, 0, 1], 1).into()).await.is_err());
    check(false, "/livez", "200", "alive\n").await;
    check(false, "/readyz", "200", "ready\n").await;
    check(true, "/readyz", "503", "not taking calls\n").await;
    check(false, "/metrics", "200", "portolan_ready 1\n").await;
    check(false, "/other", "404", "Admin\n").await;
}
