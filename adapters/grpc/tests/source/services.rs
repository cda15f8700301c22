//! What the source serves by itself: health, reflection, operations.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use portolan_delivery::{FaultClass, OperationState, Timestamp};
use portolan_grpc::GrpcOptions;
use prost::Message;
use prost_types::{Any, FileDescriptorProto};
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::{
    v1::{
        ExtensionRequest, ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
    v1alpha,
};

use crate::{
    client::{Server, call},
    intake::{FakeIntake, failure, operation},
};

#[tokio::test]
async fn health_follows_the_intake() {
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), GrpcOptions::default()).await;
    let client = HealthClient::new(server.channel().await);
    let check = async |service: &str, expected: Result<i32, Code>| {
        let request = HealthCheckRequest { service: service.to_owned() };
        let found = client.clone().check(request).await;
        assert_eq!(found.map(|r| r.into_inner().status).map_err(|s| s.code()), expected, "{service:?}");
    };
    check("", Ok(1)).await;
    check("test.Echo", Ok(1)).await;
    check("google.longrunning.Operations", Ok(1)).await;
    check("test.Idle", Err(Code::NotFound)).await;
    check("test.New", Err(Code::NotFound)).await;
    intake.generation.store(2, Ordering::SeqCst);
    check("test.New", Ok(1)).await;

    let request = HealthCheckRequest { service: "test.Echo".to_owned() };
    let mut watch = client.clone().watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
    intake.accepting.store(false, Ordering::SeqCst);
    check("", Ok(2)).await;
    check("test.Echo", Ok(2)).await;
    assert_eq!(watch.message().await.unwrap().unwrap().status, 2);
    server.stop.send(()).unwrap();
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.ended.await.unwrap().abandoned_calls, 0);
}

async fn ask(
    client: &mut ServerReflectionClient<tonic::transport::Channel>,
    questions: Vec<MessageRequest>,
) -> Vec<String> {
    let requests = questions
        .into_iter()
        .map(|question| ServerReflectionRequest { host: String::new(), message_request: Some(question) });
    let mut answers = client
        .server_reflection_info(tokio_stream::iter(requests.collect::<Vec<_>>()))
        .await
        .unwrap()
        .into_inner();
    let mut found = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        found.push(match answer.message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => {
                list.service.into_iter().map(|service| service.name).collect::<Vec<_>>().join(" ")
            }
            MessageResponse::FileDescriptorResponse(files) => files
                .file_descriptor_proto
                .iter()
                .map(|file| FileDescriptorProto::decode(&file[..]).unwrap().name().to_owned())
                .collect::<Vec<_>>()
                .join(" "),
            MessageResponse::AllExtensionNumbersResponse(numbers) => {
                format!("{:?}", numbers.extension_number)
            }
            MessageResponse::ErrorResponse(error) => format!("error {}", error.error_code),
        });
    }
    found
}

#[tokio::test]
async fn reflection_answers_every_question() {
    use MessageRequest::{
        AllExtensionNumbersOfType, FileByFilename, FileContainingExtension, FileContainingSymbol,
        ListServices,
    };
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), GrpcOptions::default()).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let own = "google.longrunning.Operations grpc.health.v1.Health grpc.reflection.v1.ServerReflection \
               grpc.reflection.v1alpha.ServerReflection test.Echo";
    let method_option = |extension_number| {
        FileContainingExtension(ExtensionRequest {
            containing_type: "google.protobuf.MethodOptions".to_owned(),
            extension_number,
        })
    };
    let questions = vec![
        (ListServices(String::new()), own),
        (FileByFilename("test/echo.proto".into()), "test/echo.proto test/types.proto"),
        (FileByFilename("test/none.proto".into()), "error 5"),
        (FileContainingSymbol("test.Echo".into()), "test/echo.proto test/types.proto"),
        (FileContainingSymbol("test.Echo.Fail".into()), "test/echo.proto test/types.proto"),
        (FileContainingSymbol("test.Reply".into()), "test/types.proto"),
        (FileContainingSymbol("grpc.health.v1.HealthCheckResponse.ServingStatus".into()), "health.proto"),
        (
            FileContainingSymbol("portolan.v1.OperationMetadata".into()),
            "portolan/v1/operation.proto google/protobuf/timestamp.proto",
        ),
        (
            FileContainingSymbol("google.rpc.BadRequest".into()),
            "google/rpc/error_details.proto google/protobuf/duration.proto",
        ),
        (FileContainingSymbol("test.None".into()), "error 5"),
        (
            method_option(72_295_728),
            "google/api/annotations.proto google/api/http.proto google/protobuf/descriptor.proto",
        ),
        (method_option(1), "error 5"),
        (AllExtensionNumbersOfType("google.protobuf.MethodOptions".into()), "[1049, 1051, 72295728]"),
        (AllExtensionNumbersOfType("test.Reply".into()), "[]"),
        (AllExtensionNumbersOfType("test.None".into()), "error 5"),
    ];
    let (questions, expected): (Vec<_>, Vec<_>) = questions.into_iter().unzip();
    assert_eq!(ask(&mut client, questions).await, expected);

    intake.generation.store(2, Ordering::SeqCst);
    let found = ask(&mut client, vec![ListServices(String::new())]).await;
    assert_eq!(found, [format!("{own} test.New")]);

    let mut older = v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let mut answers = older.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let options = GrpcOptions { reflection: false, ..GrpcOptions::default() };
    let server = Server::start(FakeIntake::new(), options).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let asked = client.server_reflection_info(tokio_stream::iter([])).await;
    assert_eq!(asked.unwrap_err().code(), Code::Unimplemented);
}

#[derive(Clone, PartialEq, Message)]
struct Operation {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    metadata: Option<Any>,
    #[prost(bool, tag = "3")]
    done: bool,
    #[prost(message, optional, tag = "4")]
    error: Option<Error>,
    #[prost(message, optional, tag = "5")]
    response: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Error {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(string, tag = "1")]
    route: String,
    #[prost(int32, tag = "4")]
    state: i32,
    #[prost(int32, tag = "5")]
    attempts: i32,
    #[prost(string, tag = "7")]
    message_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Ask {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    timeout: Option<prost_types::Duration>,
}

#[tokio::test]
async fn operations_are_given_got_and_waited_for() {
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), GrpcOptions::default()).await;
    let client = server.client().await;
    let id = operation().id.to_string();
    let name = format!("operations/{id}");
    let ask = |name: &str, seconds: Option<i64>| {
        let timeout = seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        Request::new(Bytes::from(Ask { name: name.to_owned(), timeout }.encode_to_vec()))
    };
    let expired = {
        let mut failure = failure();
        failure.class = FaultClass::Expired;
        failure
    };
    let reply = Bytes::from_static(b"\x0a\x01x");
    for (state, number, done) in [
        (OperationState::Waiting, 1, false),
        (OperationState::Running, 2, false),
        (OperationState::NeedsAttention, 6, false),
        (OperationState::Succeeded(reply.clone()), 3, true),
        (OperationState::Failed(failure()), 4, true),
        (OperationState::Failed(expired), 5, true),
    ] {
        intake.operation.lock().state = state.clone();
        for (path, request) in [
            ("/test.Echo/Later", Request::new(Bytes::new())),
            ("/google.longrunning.Operations/GetOperation", ask(&name, None)),
            ("/google.longrunning.Operations/WaitOperation", ask(&name, Some(5))),
        ] {
            let found = call(&client, path, request).await.unwrap().into_inner();
            let found = Operation::decode(found).unwrap();
            assert_eq!((found.name.as_str(), found.done), (name.as_str(), done), "{path} {state:?}");
            let metadata = found.metadata.unwrap();
            assert_eq!(metadata.type_url, "type.googleapis.com/portolan.v1.OperationMetadata");
            let expected =
                Metadata { route: "claims.file".into(), state: number, attempts: 2, message_id: id.clone() };
            assert_eq!(Metadata::decode(&metadata.value[..]).unwrap(), expected);
            let response = Any { type_url: "type.googleapis.com/test.Reply".into(), value: reply.to_vec() };
            assert_eq!(found.response, (number == 3).then_some(response));
            assert_eq!(found.error.map(|error| error.code), (number > 3 && done).then_some(3));
        }
    }
    let until = intake.waited_until.lock().take().unwrap();
    assert!(until.since(Timestamp::now()) <= Duration::from_secs(5));

    for (path, request, expected) in [
        ("/google.longrunning.Operations/GetOperation", ask("operations/no", None), Code::InvalidArgument),
        ("/google.longrunning.Operations/GetOperation", ask(&id, None), Code::InvalidArgument),
        (
            "/google.longrunning.Operations/GetOperation",
            ask(&format!("operations/{}", portolan_delivery::MessageId::generate()), None),
            Code::NotFound,
        ),
        ("/google.longrunning.Operations/WaitOperation", ask(&name, Some(-5)), Code::InvalidArgument),
        (
            "/google.longrunning.Operations/GetOperation",
            Request::new(Bytes::from_static(b"\xff")),
            Code::InvalidArgument,
        ),
        ("/google.longrunning.Operations/ListOperations", ask("", None), Code::Unauthenticated),
        ("/google.longrunning.Operations/CancelOperation", ask("operations/no", None), Code::InvalidArgument),
        (
            "/google.longrunning.Operations/CancelOperation",
            ask(&format!("operations/{}", portolan_delivery::MessageId::generate()), None),
            Code::NotFound,
        ),
        ("/google.longrunning.Operations/DeleteOperation", ask("operations/no", None), Code::InvalidArgument),
        (
            "/google.longrunning.Operations/DeleteOperation",
            ask(&format!("operations/{}", portolan_delivery::MessageId::generate()), None),
            Code::NotFound,
        ),
    ] {
        let status = call(&client, path, request).await.unwrap_err();
        assert_eq!(status.code(), expected, "{path}: {}", status.message());
    }
    let cancelled = call(&client, "/google.longrunning.Operations/CancelOperation", ask(&name, None)).await;
    assert!(cancelled.unwrap().into_inner().is_empty());
    assert_eq!(*intake.cancelled.lock(), [operation().id]);
    let deleted = call(&client, "/google.longrunning.Operations/DeleteOperation", ask(&name, None)).await;
    assert!(deleted.unwrap().into_inner().is_empty());
    assert_eq!(*intake.deleted.lock(), [operation().id]);
}
