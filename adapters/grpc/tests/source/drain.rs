//! Shutting down: no call that was taken is lost, unless it takes too long.

use std::{sync::atomic::Ordering, time::Duration};

use portolan_grpc::{Drained, GrpcOptions};

use crate::{
    client::{Server, bytes, call},
    intake::FakeIntake,
};

#[tokio::test]
async fn calls_in_flight_are_answered() {
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), GrpcOptions::default()).await;
    let client = server.client().await;
    let idle = server.client().await;
    let held = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "/test.Echo/Hold", bytes(b"kept")).await }
    });
    intake.came.notified().await;
    server.stop.send(()).unwrap();
    // The listener is gone before the calls are.
    while tokio::net::TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    intake.release.notify_one();
    assert_eq!(held.await.unwrap().unwrap().into_inner(), &b"kept"[..]);
    assert_eq!(server.ended.await.unwrap(), Drained { abandoned_calls: 0 });
    drop(idle);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_abandoned() {
    let intake = FakeIntake::new();
    let options = GrpcOptions { drain_timeout: Duration::from_millis(50), ..GrpcOptions::default() };
    let server = Server::start(intake.clone(), options).await;
    let client = server.client().await;
    let held = tokio::spawn(async move { call(&client, "/test.Echo/Hold", bytes(b"x")).await });
    intake.came.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), Drained { abandoned_calls: 1 });
    assert!(held.await.unwrap().is_err());
    intake.came.notified().await;
    assert_eq!(intake.dropped.load(Ordering::SeqCst), 1);
}
