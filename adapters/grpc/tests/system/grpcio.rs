//! A system that nobody here wrote: grpcio's own server, in Python.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use portolan_delivery::{Outgoing, Sent, Status, Target as _};
use portolan_grpc::{
    GrpcTarget,
    system::{Health, probe},
};

use crate::asking::{ask, options, outgoing};

/// The server, until its end.
struct Grpcio(Child, SocketAddr);

impl Grpcio {
    fn start() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let interpreter = repository.join(".venv/bin/python");
        assert!(interpreter.exists(), "the Python peers are not installed: run tests/install");
        let mut command = Command::new(interpreter);
        command.arg(repository.join("tests/peers/python/ledger.py"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self(child, address.trim().parse().unwrap())
    }
}

impl Drop for Grpcio {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[tokio::test]
async fn grpcio_is_asked_and_understood() {
    let server = Grpcio::start();
    let mut options = options(server.1);
    options.metadata.insert("x-tenant".to_owned(), "a".to_owned());
    options.metadata.insert("key-bin".to_owned(), "AAEC".to_owned());
    let target = GrpcTarget::new(&options).unwrap();
    let large = vec![7; 3 << 20];
    assert_eq!(ask(&target, "Echo", large.clone()).await.unwrap(), large);
    assert_eq!(ask(&target, "Echo", "").await.unwrap(), "");

    let call = Outgoing { idempotency_key: Some("key of 1".to_owned()), ..outgoing("Metadata", "") };
    let said = String::from_utf8(target.send(call).await.unwrap().to_vec()).unwrap();
    for line in ["x-tenant: a", "key-bin: b'\\x00\\x01\\x02'", "idempotency-key: key of 1", "deadline: True"]
    {
        assert!(said.lines().any(|said| said == line), "no {line} in {said}");
    }

    let refused = ask(&target, "Fail", "5 kein Konto Ö").await.unwrap_err();
    assert_eq!((refused.sent, &*refused.message), (Sent::Refused(Status::NotFound), "kein Konto Ö"));
    let later = ask(&target, "Later", "").await.unwrap_err();
    assert_eq!(later.sent, Sent::NotDone(Status::Unavailable));
    assert_eq!((&*later.message, later.retry_after), ("not now", Some(Duration::from_secs(3))));
    let crashed = ask(&target, "Crash", "").await.unwrap_err();
    assert_eq!((crashed.sent, crashed.reason, crashed.personal), (Sent::Maybe, "UNKNOWN", true));
    let unknown = ask(&target, "NoSuch", "").await.unwrap_err();
    assert_eq!(unknown.sent, Sent::Refused(Status::Unimplemented));
    assert_eq!(probe(&options).await.unwrap().health, Health::NotTold);
}

#[tokio::test]
async fn a_server_that_is_gone_is_noticed_and_found_again() {
    let server = Grpcio::start();
    let target = GrpcTarget::new(&options(server.1)).unwrap();
    assert_eq!(ask(&target, "Echo", "there").await.unwrap(), "there");
    drop(server);
    let error = ask(&target, "Echo", "").await.unwrap_err();
    assert!(matches!(error.sent, Sent::No | Sent::Maybe), "{error:?}");
    let error = ask(&target, "Echo", "").await.unwrap_err();
    assert_eq!((error.sent, error.reason), (Sent::No, "CONNECTION_REFUSED"));
}
