//! What `portolan doctor` sees of a system. With TLS: see `tls.rs`.

use std::time::Duration;

use portolan_grpc::system::{Health, Options, probe};
use tokio::net::TcpListener;

use crate::{
    asking::options,
    ledger::Ledger,
    peer::{
        Peer::{self, Answers, Closes, Hangs, Page, Says},
        peer,
    },
};

#[tokio::test]
async fn a_system_tells_its_health() {
    let probed = probe(&options(Ledger::default().serve(None).await)).await.unwrap();
    assert_eq!(probed.health, Health::Serving);
    assert!(probed.certificates.is_empty() && probed.answered > Duration::ZERO);
    // What is in its answer is nothing of health.
    assert_eq!(probe(&options(peer(&[Answers]).await)).await.unwrap().health, Health::NotTold);
}

#[tokio::test]
async fn without_an_answer_it_is_told_why() {
    const TURNS: &[(&[Peer], &str)] = &[
        (&[Page(200)], "the system's reply is not gRPC"),
        (&[Page(404)], "HTTP 404 without gRPC"),
        (&[Page(503)], "HTTP 503; the service is not available now"),
        (&[Says(b"HTTP/1.1 400 Bad Request\r\n\r\n")], "what answers does not speak HTTP/2"),
        (&[Closes], "the connection was lost before an answer"),
        (&[Hangs], "no answer within 300ms"),
    ];
    for (turns, said) in TURNS {
        let mut options = options(peer(turns).await);
        options.timeout = Duration::from_millis(300);
        assert_eq!(probe(&options).await.unwrap_err().said, *said, "{turns:?}");
    }
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    assert_eq!(probe(&options(nobody)).await.unwrap_err().said, "the connection was refused");
    let nowhere = probe(&Options::new("http://no-such-host.invalid:1")).await.unwrap_err();
    assert_eq!(nowhere.said, "the host's name has no address");
}
