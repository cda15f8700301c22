//! Unary calls: what goes through, what is refused, and how failures are told.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use portolan_grpc::GrpcOptions;
use prost::Message;
use tonic::{Code, Request, Status, codec::CompressionEncoding};

use crate::{
    client::{Server, bytes, call},
    intake::FakeIntake,
};

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// The details that a caller sees, as text.
fn details(status: &Status) -> Vec<(String, String)> {
    let told = RpcStatus::decode(status.details()).unwrap();
    assert_eq!((told.code, told.message.as_str()), (status.code() as i32, status.message()));
    let shown = |value: &[u8]| String::from_utf8_lossy(value).replace(char::is_control, ".");
    told.details.iter().map(|any| (any.type_url.clone(), shown(&any.value))).collect()
}

fn reason(status: &Status) -> String {
    let details = details(status);
    assert_eq!(details[0].0, "type.googleapis.com/google.rpc.ErrorInfo");
    assert!(details[0].1.contains("portolan.dev"));
    details[0].1.split('.').find(|part| part.len() > 3).unwrap().to_owned()
}

#[tokio::test]
async fn bytes_go_through_with_metadata_and_deadline() {
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), GrpcOptions::default()).await;
    let client = server.client().await;
    for size in [0usize, 1, 300, 100_000, 3_000_000] {
        let payload = Bytes::from(vec![7u8; size]);
        let reply = call(&client, "/test.Echo/Echo", Request::new(payload.clone())).await.unwrap();
        assert_eq!(reply.into_inner(), payload, "{size} bytes");
    }
    let mut request = bytes(b"x");
    request.metadata_mut().insert("idempotency-key", "k-1".parse().unwrap());
    request.set_timeout(Duration::from_secs(7));
    call(&client, "/test.Echo/Echo", request).await.unwrap();
    let last = intake.last.lock().take().unwrap();
    assert_eq!(&*last.method, "/test.Echo/Echo");
    assert_eq!(last.metadata, [("idempotency-key".to_owned(), "k-1".to_owned())]);
    assert_eq!(last.deadline.unwrap().since(last.received), Duration::from_secs(7));
    assert_eq!(last.caller, None);
}

#[tokio::test]
async fn failures_tell_their_details() {
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), GrpcOptions::default()).await;
    let client = server.client().await;
    let status = call(&client, "/test.Echo/Fail", bytes(b"x")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "Ümlaut: 100 % wrong"));
    let details = details(&status);
    let kinds: Vec<_> = details.iter().map(|(url, _)| url.rsplit('.').next().unwrap()).collect();
    assert_eq!(kinds, ["ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo"]);
    assert!(details[0].1.contains("FIELD_INVALID") && details[0].1.contains("registry.get-person"));
    assert!(details[1].1.contains("person.id") && details[1].1.contains("must have 11 digits"));
    assert!(details[3].1.contains("0192f0c1"));

    for path in ["/test.Echo/None", "/test.None/Echo", "/g", "/", "/google.longrunning.Operations/None"] {
        let status = call(&client, path, bytes(b"x")).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unimplemented, "METHOD_NOT_SERVED"),
            "{path}"
        );
    }
    let mut request = bytes(b"x");
    request.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    let status = call(&client, "/test.Echo/Echo", request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "MALFORMED_TIMEOUT"));

    // What the source refused by itself, the intake was told: it counts calls.
    let refused = intake.refused.lock();
    let reasons: Vec<_> = refused.iter().map(|(method, reason)| (&**method, &**reason)).collect();
    assert_eq!(
        reasons,
        [
            ("/test.Echo/None", "METHOD_NOT_SERVED"),
            ("/test.None/Echo", "METHOD_NOT_SERVED"),
            ("/g", "METHOD_NOT_SERVED"),
            ("/", "METHOD_NOT_SERVED"),
            ("/google.longrunning.Operations/None", "METHOD_NOT_SERVED"),
            ("/test.Echo/Echo", "MALFORMED_TIMEOUT"),
        ]
    );
}

#[tokio::test]
async fn sizes_are_bounded_also_when_compressed() {
    let options = GrpcOptions { max_request_bytes: 10_000, ..GrpcOptions::default() };
    let server = Server::start(FakeIntake::new(), options).await;
    let plain = server.client().await;
    let gzip = server.client().await.send_compressed(CompressionEncoding::Gzip);
    for client in [&plain, &gzip] {
        let most = Bytes::from(vec![7u8; 10_000]);
        assert_eq!(
            call(client, "/test.Echo/Echo", Request::new(most.clone())).await.unwrap().into_inner(),
            most
        );
        let more = Bytes::from(vec![7u8; 10_001]);
        let status = call(client, "/test.Echo/Echo", Request::new(more)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"));
        assert!(status.message().contains("10000 bytes"), "{}", status.message());
    }
}

#[tokio::test]
async fn replies_are_compressed_where_it_pays() {
    let server = Server::start(FakeIntake::new(), GrpcOptions::default()).await;
    let plain = server.client().await;
    let accepts = plain.clone().accept_compressed(CompressionEncoding::Gzip);
    let sends = accepts.clone().send_compressed(CompressionEncoding::Gzip);
    for (client, path, expected) in [
        (&plain, "/test.Echo/Long", None),
        (&accepts, "/test.Echo/Echo", None),
        (&accepts, "/test.Echo/Long", Some("gzip")),
        (&sends, "/test.Echo/Echo", Some("gzip")),
    ] {
        let reply = call(client, path, bytes(b"hello")).await.unwrap();
        let encoding = reply.metadata().get("grpc-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(encoding, expected, "{path}");
        let expected: &[u8] = if path.ends_with("Long") { &[b'x'; 200_000] } else { b"hello" };
        assert_eq!(reply.into_inner(), expected);
    }
}

#[tokio::test]
async fn too_many_calls_are_refused_and_given_up_ones_dropped() {
    let intake = FakeIntake::new();
    let options = GrpcOptions { max_calls: 1, ..GrpcOptions::default() };
    let server = Server::start(intake.clone(), options).await;
    let client = server.client().await;
    let held = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "/test.Echo/Hold", bytes(b"x")).await }
    });
    intake.came.notified().await;
    let status = call(&client, "/test.Echo/Echo", bytes(b"x")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "TOO_MANY_CALLS"));
    assert!(details(&status).iter().any(|(url, _)| url.ends_with("google.rpc.RetryInfo")));
    assert_eq!(*intake.refused.lock(), [("/test.Echo/Echo".to_owned(), "TOO_MANY_CALLS".to_owned())]);
    held.abort();
    intake.came.notified().await;
    assert_eq!(intake.dropped.load(Ordering::SeqCst), 1);
    call(&client, "/test.Echo/Echo", bytes(b"x")).await.unwrap();
}
