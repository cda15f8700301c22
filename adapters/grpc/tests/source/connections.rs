//! Connections that are no use to anybody do not stay.

use std::time::Duration;

use portolan_grpc::{BindError, GrpcOptions, GrpcSource};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client::{Server, bytes, call},
    intake::FakeIntake,
};

/// Whether the other side closes, saying nothing.
async fn closes(server: &Server, sent: &[u8]) -> bool {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut said = Vec::new();
    // A reset is as good as an end.
    drop(stream.read_to_end(&mut said).await);
    said.is_empty()
}

#[tokio::test]
async fn who_does_not_begin_http2_is_closed() {
    let quick = GrpcOptions { handshake_timeout: Duration::from_millis(50), ..GrpcOptions::default() };
    let patient = Server::start(FakeIntake::new(), GrpcOptions::default()).await;
    let quick = Server::start(FakeIntake::new(), quick).await;
    assert!(closes(&quick, b"").await);
    assert!(closes(&quick, b"P").await);
    assert!(closes(&quick, b"PRI * HTTP/2.0\r\n\r\nSM").await);
    assert!(closes(&patient, b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n").await);
}

#[tokio::test]
async fn who_does_not_go_on_in_http1_is_closed() {
    let options = GrpcOptions {
        handshake_timeout: Duration::from_millis(50),
        web: Some(portolan_grpc::WebOptions::default()),
        ..GrpcOptions::default()
    };
    let server = Server::start(FakeIntake::new(), options).await;
    for sent in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM", "G", "POST / HTTP/1.1\r\nhost: "] {
        assert!(closes(&server, sent.as_bytes()).await, "{sent}");
    }
}

#[tokio::test]
async fn more_connections_than_may_be_are_closed() {
    let options = GrpcOptions { max_connections: 1, ..GrpcOptions::default() };
    let server = Server::start(FakeIntake::new(), options).await;
    let client = server.client().await;
    call(&client, "/test.Echo/Echo", bytes(b"x")).await.unwrap();
    assert!(closes(&server, b"").await);
    call(&client, "/test.Echo/Echo", bytes(b"x")).await.unwrap();
    drop(client);
    while call(&server.lazy_client(), "/test.Echo/Echo", bytes(b"x")).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let server = Server::start(FakeIntake::new(), GrpcOptions::default()).await;
    let options = GrpcOptions { listen: server.address, ..GrpcOptions::default() };
    let error = GrpcSource::bind(options, FakeIntake::new()).await.err().unwrap();
    assert!(matches!(error, BindError::Listen { .. }));
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
    let options = GrpcOptions { max_calls: 0, ..GrpcOptions::default() };
    let error = GrpcSource::bind(options, FakeIntake::new()).await.err().unwrap();
    assert_eq!(error.to_string(), "listen.grpc: max-calls must be more than 0");
}
