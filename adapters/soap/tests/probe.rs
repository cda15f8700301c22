//! What `portolan doctor` sees of a system.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, SystemTime};

use portolan_soap::{Auth, SoapOptions, probe};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Answers the first request with these bytes, or with nothing at all; gives its address and what it was asked.
async fn server(reply: Option<&'static [u8]>) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let read = stream.read(&mut asked).await.unwrap();
        match reply {
            Some(reply) => stream.write_all(reply).await.unwrap(),
            None => std::future::pending().await,
        }
        String::from_utf8_lossy(&asked[..read]).into_owned()
    });
    (format!("http://{address}/soap?wsdl"), asked)
}

#[tokio::test]
async fn an_answer_tells_status_time_and_clock() {
    let reply = b"HTTP/1.1 405 Method Not Allowed\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n";
    let (endpoint, asked) = server(Some(reply)).await;
    let mut options = SoapOptions::new(endpoint);
    options.auth = Some(Auth { username: "portal".into(), password: "secret".into() });
    let seen = probe(&options).await.unwrap();
    assert_eq!((seen.status.as_u16(), seen.certificates.len()), (405, 0));
    assert_eq!(seen.date, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /soap?wsdl HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Basic "), "it is asked as calls ask: {asked}");
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let check = async |endpoint: String, expected: &str| {
        let options = SoapOptions { timeout: Duration::from_millis(200), ..SoapOptions::new(endpoint) };
        let error = probe(&options).await.unwrap_err();
        assert_eq!(error.said, expected);
        assert!(!error.todo.is_empty() && !format!("{error:?}").contains("127.0.0.1"), "{error:?}");
    };
    check("http://127.0.0.1:1/".into(), "the connection was refused").await;
    check("http://nowhere.invalid/".into(), "the host's name has no address").await;
    check(server(None).await.0, "no answer within 200ms").await;
    check(server(Some(b"220 mail.example ESMTP\r\n")).await.0, "what answers does not speak HTTP/1.1").await;
    check(server(Some(b"")).await.0, "the connection was lost before an answer").await;
}
