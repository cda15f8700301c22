//! Connections that are refused, cut and closed: what is provably not sent, and what nobody knows.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use h2::Reason;
use portolan_delivery::{SendError, Sent};
use portolan_grpc::GrpcTarget;
use tokio::net::TcpListener;

use crate::{
    asking::{ask, ask_within, options},
    peer::{
        Peer::{self, Answers, BreaksOff, Closes, GoesAway, Hangs, Leaves, Page, Resets, Says},
        peer,
    },
};

async fn one_call(address: SocketAddr) -> SendError {
    ask(&GrpcTarget::new(&options(address)).unwrap(), "Echo", "canary").await.unwrap_err()
}

#[tokio::test]
async fn what_became_of_a_call_is_known_where_it_can_be() {
    use Sent::{Answered, Maybe, No};
    const TURNS: &[(&[Peer], Sent, &str)] = &[
        (&[Resets(Reason::REFUSED_STREAM)], No, "STREAM_REFUSED"),
        (&[Resets(Reason::INTERNAL_ERROR)], Maybe, "CONNECTION_LOST"),
        (&[Resets(Reason::CANCEL)], Maybe, "CONNECTION_LOST"),
        (&[Leaves], Maybe, "CONNECTION_LOST"),
        (&[BreaksOff], Maybe, "CONNECTION_LOST"),
        (&[Says(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")], Maybe, "NOT_HTTP2"),
        (&[Page(200)], Answered, "NOT_GRPC"),
        (&[Page(404)], Answered, "HTTP_STATUS"),
        (&[Page(503)], Maybe, "SERVICE_UNAVAILABLE"),
    ];
    for (turns, sent, reason) in TURNS {
        let error = one_call(peer(turns).await).await;
        assert_eq!((error.sent, error.reason), (*sent, *reason), "{turns:?}: {error:?}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_page_is_kept() {
    let error = one_call(peer(&[Page(404)]).await).await;
    assert_eq!(error.reply.as_deref(), Some(&b"<html>canary</html>"[..]));
}

#[tokio::test]
async fn who_goes_away_says_which_calls_it_has_looked_at() {
    // The first call of a client has the number 1.
    for (turns, sent, reason) in [
        (&[GoesAway(0), Answers], Sent::No, "STREAM_REFUSED"),
        (&[GoesAway(1), Answers], Sent::Maybe, "CONNECTION_LOST"),
    ] {
        let target = GrpcTarget::new(&options(peer(turns).await)).unwrap();
        let error = ask(&target, "Echo", "canary").await.unwrap_err();
        assert_eq!((error.sent, error.reason), (sent, reason), "{error:?}");
        assert_eq!(ask(&target, "Echo", "").await.unwrap(), "ok");
    }
}

#[tokio::test]
async fn nobody_there_is_never_sent() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let error = one_call(address).await;
    assert_eq!((error.sent, error.reason), (Sent::No, "CONNECTION_REFUSED"));
    let mut nowhere = options(address);
    nowhere.address = "http://no-such-host.invalid:1".to_owned();
    let error = ask(&GrpcTarget::new(&nowhere).unwrap(), "Echo", "").await.unwrap_err();
    assert_eq!((error.sent, error.reason), (Sent::No, "DNS_FAILED"));
}

#[tokio::test]
async fn a_connection_that_closes_at_once_is_not_taken_for_an_answer() {
    let error = one_call(peer(&[Closes]).await).await;
    assert!(matches!(error.sent, Sent::No | Sent::Maybe), "{error:?}");
    assert_eq!(error.reason, "CONNECTION_LOST");
}

#[tokio::test]
async fn after_silence_the_next_call_has_a_connection_of_its_own() {
    let target = GrpcTarget::new(&options(peer(&[Hangs, Answers]).await)).unwrap();
    let begun = Instant::now();
    let error = ask_within(&target, "Echo", "", Duration::from_millis(200)).await.unwrap_err();
    assert_eq!((error.sent, error.reason), (Sent::Maybe, "TIMEOUT"));
    assert_eq!(ask(&target, "Echo", "").await.unwrap(), "ok");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_system_that_comes_back_is_reached_again() {
    let target = GrpcTarget::new(&options(peer(&[Leaves, Answers]).await)).unwrap();
    assert_eq!(ask(&target, "Echo", "").await.unwrap_err().reason, "CONNECTION_LOST");
    for _ in 0..3 {
        assert_eq!(ask(&target, "Echo", "").await.unwrap(), "ok");
    }
}
