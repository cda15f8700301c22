//! What a system that is there may answer, and what it is sent.

use std::time::{Duration, Instant};

use portolan_delivery::{Outgoing, Sent, Status, Target};
use portolan_grpc::{GrpcTarget, system::OptionsError};
use portolan_schema::Protocol;

use crate::{
    asking::{ask, ask_within, options, outgoing},
    ledger::Ledger,
};

#[tokio::test]
async fn bytes_go_and_come_as_they_are() {
    let target = GrpcTarget::new(&options(Ledger::default().serve(None).await)).unwrap();
    for size in [0, 1, 5, 16_384, 100_000, 3 << 20] {
        let payload: Vec<u8> = (0..size).map(|i: u32| u8::try_from(i % 251).unwrap()).collect();
        assert_eq!(ask(&target, "Echo", payload.clone()).await.unwrap(), payload, "{size}");
    }
}

#[tokio::test]
async fn a_call_carries_metadata_key_trace_and_deadline() {
    let mut options = options(Ledger::default().serve(None).await);
    for (name, value) in [("x-tenant", "a"), ("authorization", "Bearer canary"), ("key-bin", "AAEC")] {
        options.metadata.insert(name.to_owned(), value.to_owned());
    }
    assert!(!format!("{options:?}").contains("canary"));
    let target = GrpcTarget::new(&options).unwrap();
    let said = ask_within(&target, "Metadata", "", Duration::from_secs(10)).await.unwrap();
    let said = String::from_utf8(said.to_vec()).unwrap();
    let expected = format!(
        "authorization: Bearer canary\ncontent-type: application/grpc\ngrpc-timeout: 10000000u\nkey-bin: AAEC\n\
         te: trailers\nuser-agent: portolan/{}\nx-tenant: a",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(said, expected);

    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let whole = Outgoing {
        idempotency_key: Some("key of 1".to_owned()),
        traceparent: Some(traceparent.to_owned()),
        ..outgoing("Metadata", "")
    };
    let said = String::from_utf8(target.send(whole).await.unwrap().to_vec()).unwrap();
    assert!(said.contains("idempotency-key: key of 1\n"), "{said}");
    assert!(said.contains(&format!("traceparent: {traceparent}\n")), "{said}");
}

#[tokio::test]
async fn a_status_is_an_answer() {
    let target = GrpcTarget::new(&options(Ledger::default().serve(None).await)).unwrap();
    for (number, sent, reason) in [
        (1, Sent::Maybe, "CANCELLED"),
        (2, Sent::Maybe, "UNKNOWN"),
        (3, Sent::Refused(Status::InvalidArgument), "INVALID_ARGUMENT"),
        (4, Sent::Maybe, "TIMEOUT"),
        (5, Sent::Refused(Status::NotFound), "NOT_FOUND"),
        (6, Sent::Refused(Status::AlreadyExists), "ALREADY_EXISTS"),
        (7, Sent::Refused(Status::PermissionDenied), "PERMISSION_DENIED"),
        (8, Sent::NotDone(Status::ResourceExhausted), "RESOURCE_EXHAUSTED"),
        (9, Sent::Refused(Status::FailedPrecondition), "FAILED_PRECONDITION"),
        (10, Sent::NotDone(Status::Aborted), "ABORTED"),
        (11, Sent::Refused(Status::OutOfRange), "OUT_OF_RANGE"),
        (12, Sent::Refused(Status::Unimplemented), "UNIMPLEMENTED"),
        (13, Sent::Maybe, "INTERNAL"),
        (14, Sent::Maybe, "UNAVAILABLE"),
        (15, Sent::Maybe, "DATA_LOSS"),
        (16, Sent::Refused(Status::Unauthenticated), "UNAUTHENTICATED"),
    ] {
        let error = ask(&target, "Fail", format!("{number} the account of Öö is 100 %")).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (sent, reason), "{error:?}");
        assert_eq!((&*error.message, error.personal), ("the account of Öö is 100 %", true));
    }
    let unknown = ask(&target, "NoSuch", "").await.unwrap_err();
    assert_eq!(unknown.sent, Sent::Refused(Status::Unimplemented));
    assert!(unknown.advice.is_some());
}

#[tokio::test]
async fn an_answer_has_a_limit() {
    let mut options = options(Ledger::default().serve(None).await);
    let target = GrpcTarget::new(&options).unwrap();
    assert_eq!(ask(&target, "Big", "4194304").await.unwrap().len(), 4 << 20);
    options.max_reply_bytes = 1000;
    let target = GrpcTarget::new(&options).unwrap();
    assert_eq!(ask(&target, "Big", "1000").await.unwrap().len(), 1000);
    for size in ["1001", "3000000"] {
        let error = ask(&target, "Big", size).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::Answered, "OVERSIZED_REPLY"), "{size}");
    }
    assert_eq!(ask(&target, "Echo", "still there").await.unwrap(), "still there");
}

#[tokio::test]
async fn who_is_slow_is_not_waited_for_and_may_have_done_it() {
    let target = GrpcTarget::new(&options(Ledger::default().serve(None).await)).unwrap();
    let begun = Instant::now();
    let error = ask_within(&target, "Slow", "60000", Duration::from_millis(200)).await.unwrap_err();
    assert_eq!((error.sent, error.reason), (Sent::Maybe, "TIMEOUT"));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(ask(&target, "Echo", "next").await.unwrap(), "next");
}

#[tokio::test]
async fn no_more_calls_at_a_time_than_the_system_bears() {
    let ledger = Ledger::default();
    let mut options = options(ledger.serve(None).await);
    (options.max_concurrency, options.max_waiting) = (2, 1);
    let target = GrpcTarget::new(&options).unwrap();
    let slow = || ask(&target, "Slow", "3000");
    let busy = async {
        while ledger.calls() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let patient = ask_within(&target, "Echo", "waits", Duration::from_secs(1));
        let late = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ask(&target, "Echo", "one too many").await
        };
        tokio::join!(patient, late)
    };
    let (first, second, (patient, late)) = tokio::join!(slow(), slow(), busy);
    assert_eq!((first.unwrap(), second.unwrap()), ("late".into(), "late".into()));
    for error in [patient.unwrap_err(), late.unwrap_err()] {
        assert_eq!((error.sent, error.reason), (Sent::Busy, "POOL_EXHAUSTED"));
    }
    assert_eq!(ledger.calls(), 2);
    assert_eq!(ask(&target, "Echo", "next").await.unwrap(), "next");
}

#[tokio::test]
async fn what_cannot_be_sent_is_not() {
    let ledger = Ledger::default();
    let target = GrpcTarget::new(&options(ledger.serve(None).await)).unwrap();
    let grpc = |path: &str, streaming| Protocol::Grpc {
        path: path.to_owned(),
        client_streaming: streaming,
        server_streaming: false,
        long_running: None,
    };
    let with = |protocol| Outgoing { protocol: std::sync::Arc::new(protocol), ..outgoing("Echo", "") };
    let keyed = Outgoing { idempotency_key: Some("ä".to_owned()), ..outgoing("Echo", "") };
    for call in [with(grpc("/test.Ledger/Echo", true)), with(grpc("no path", false)), keyed] {
        let error = target.send(call).await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::Never, "NOT_SENDABLE"), "{error:?}");
    }
    assert_eq!(ledger.calls(), 0);
    let mut zero = options("127.0.0.1:1".parse().unwrap());
    zero.max_concurrency = 0;
    assert!(matches!(GrpcTarget::new(&zero), Err(OptionsError::Zero("max-concurrency"))));
}
