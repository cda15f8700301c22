//! What the target makes of everything that a legacy system, and what stands before it, may answer: bytes on the wire
//! in, an envelope or a reason out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use portolan_delivery::{MessageId, Outgoing, SendError, Sent, Target};
use portolan_schema::{Document, Protocol, RecordId, SoapBinding, SoapVersion};
use portolan_soap::{Auth, PasswordType, SoapOptions, SoapTarget, WsSecurity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const ENVELOPE: &str =
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>x</s:Body></s:Envelope>";

fn outgoing(version: SoapVersion, timeout: Duration) -> Outgoing {
    Outgoing {
        message: MessageId::generate(),
        payload: Bytes::from_static(b"<canary-request/>"),
        protocol: Arc::new(Protocol::Soap(SoapBinding {
            version,
            action: "urn:do".into(),
            address: None,
            one_way: None,
        })),
        timeout,
        idempotency_key: None,
        traceparent: None,
    }
}

/// Reads one request: its head, and the body that its length announces.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
    }
}

/// A server that answers the first request with these bytes and closes the connection, unless it is to hang.
async fn server(reply: Vec<u8>, hang: bool) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await.unwrap_or_default();
        let _ = stream.write_all(&reply).await;
        if hang {
            let _ = stream.read(&mut [0]).await;
        }
        request
    });
    (address, task)
}

fn options(address: SocketAddr) -> SoapOptions {
    let mut options = SoapOptions::new(format!("http://{address}/canary-path"));
    options.max_reply_bytes = 4000;
    options
}

async fn ask(reply: Vec<u8>, hang: bool, timeout: Duration) -> Result<Bytes, SendError> {
    let (address, _server) = server(reply, hang).await;
    let target = SoapTarget::new(&options(address)).unwrap();
    target.send(outgoing(SoapVersion::V11, timeout)).await
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut reply =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    reply.extend_from_slice(body);
    reply
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// An envelope, or the reason why there is none.
type Expected<'a> = Result<&'a str, (&'static str, Sent)>;

async fn check(name: &str, reply: Vec<u8>, expected: Expected<'_>) {
    let got = ask(reply, false, Duration::from_secs(20)).await;
    match (&got, &expected) {
        (Ok(reply), Ok(expected)) => assert_eq!(reply, expected.as_bytes(), "{name}"),
        (Err(error), Err((reason, sent))) => {
            assert_eq!((error.reason, error.sent), (*reason, *sent), "{name}: {error:?}");
            let shown = error.to_string();
            for secret in ["127.0.0.1", "canary", "secret"] {
                assert!(!shown.contains(secret), "{name}: {shown}");
            }
        }
        _ => panic!("{name}: expected {expected:?}, got {got:?}"),
    }
}

#[tokio::test]
async fn envelopes_are_handed_on_at_any_status() {
    const XML: &str = "content-type: text/xml; charset=utf-8\r\n";
    let with_prolog =
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- secret -->{ENVELOPE}");
    let latin = ENVELOPE.replace(">x<", ">ä<");
    let latin_bytes: Vec<u8> = latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    check("plain", http("200 OK", XML, ENVELOPE.as_bytes()), Ok(ENVELOPE)).await;
    check("fault at 500", http("500 Internal Server Error", XML, ENVELOPE.as_bytes()), Ok(ENVELOPE)).await;
    check("fault at 400", http("400 Bad Request", XML, ENVELOPE.as_bytes()), Ok(ENVELOPE)).await;
    check(
        "envelope as text/html",
        http("200 OK", "content-type: text/html\r\n", ENVELOPE.as_bytes()),
        Ok(ENVELOPE),
    )
    .await;
    check("no content type", http("200 OK", "", ENVELOPE.as_bytes()), Ok(ENVELOPE)).await;
    check("mark, declaration, comment", http("200 OK", XML, with_prolog.as_bytes()), Ok(ENVELOPE)).await;
    check(
        "latin",
        http("200 OK", "content-type: text/xml; charset=ISO-8859-1\r\n", &latin_bytes),
        Ok(&latin),
    )
    .await;
    check("gzip", http("200 OK", "content-encoding: gzip\r\n", &gzip(ENVELOPE.as_bytes())), Ok(ENVELOPE))
        .await;
    let (first, rest) = ENVELOPE.split_at(16);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        rest.len()
    );
    check("chunked", chunked.into_bytes(), Ok(ENVELOPE)).await;
    let unmeasured = format!("HTTP/1.0 200 OK\r\n\r\n{ENVELOPE}");
    check("no length", unmeasured.into_bytes(), Ok(ENVELOPE)).await;
    let interim =
        [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), http("200 OK", XML, ENVELOPE.as_bytes())].concat();
    check("interim", interim, Ok(ENVELOPE)).await;
}

#[tokio::test]
async fn everything_else_is_told_apart() {
    use Sent::{Answered, Maybe};
    let html = b"<!DOCTYPE html><html>secret</html>";
    let bomb = gzip(&b" ".repeat(5_000));
    let doctype = format!("<!DOCTYPE x [<!ENTITY e 'secret'>]>{ENVELOPE}");
    let cut = &ENVELOPE[..60];
    for (name, reply, reason, sent) in [
        ("html", http("200 OK", "", html), "HTML_REPLY", Answered),
        ("html at 500", http("500 Internal Server Error", "", html), "HTML_REPLY", Answered),
        ("html by type", http("200 OK", "content-type: text/html\r\n", b"Sorry"), "HTML_REPLY", Answered),
        ("empty", http("200 OK", "", b""), "EMPTY_REPLY", Answered),
        ("blank", http("200 OK", "", b" \n"), "EMPTY_REPLY", Answered),
        ("accepted", http("202 Accepted", "", b""), "EMPTY_REPLY", Answered),
        ("cut document", http("200 OK", "", cut.as_bytes()), "TRUNCATED_REPLY", Answered),
        (
            "cut by length",
            http("200 OK", "", ENVELOPE.as_bytes())[..90].to_vec(),
            "TRUNCATED_REPLY",
            Answered,
        ),
        (
            "cut without length",
            format!("HTTP/1.1 200 OK\r\n\r\n{cut}").into_bytes(),
            "TRUNCATED_REPLY",
            Answered,
        ),
        (
            "cut chunks",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n<a".to_vec(),
            "TRUNCATED_REPLY",
            Answered,
        ),
        ("oversized", http("200 OK", "", &b" ".repeat(4_001)), "OVERSIZED_REPLY", Answered),
        (
            "oversized unmeasured",
            [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b" ".repeat(100_000)].concat(),
            "OVERSIZED_REPLY",
            Answered,
        ),
        ("gzip bomb", http("200 OK", "content-encoding: gzip\r\n", &bomb), "OVERSIZED_REPLY", Answered),
        ("cut gzip", http("200 OK", "content-encoding: gzip\r\n", &bomb[..20]), "TRUNCATED_REPLY", Answered),
        ("brotli", http("200 OK", "content-encoding: br\r\n", b"x"), "COMPRESSION_UNSUPPORTED", Answered),
        (
            "json",
            http("200 OK", "content-type: application/json\r\n", b"{\"secret\":1}"),
            "NOT_SOAP",
            Answered,
        ),
        ("other xml", http("200 OK", "", b"<secret/>"), "NOT_SOAP", Answered),
        ("doctype", http("200 OK", "", doctype.as_bytes()), "DOCTYPE_REFUSED", Answered),
        (
            "ebcdic",
            http("200 OK", "content-type: text/xml; charset=cp037\r\n", ENVELOPE.as_bytes()),
            "CHARSET_UNSUPPORTED",
            Answered,
        ),
        ("not utf-8", http("200 OK", "", b"<a>\xff</a>"), "CHARSET_UNSUPPORTED", Answered),
        (
            "attachments",
            http("200 OK", "content-type: Multipart/Related; boundary=b\r\n", b"--b"),
            "MULTIPART",
            Answered,
        ),
        ("redirect", http("302 Found", "location: http://canary/\r\n", html), "REDIRECT", Answered),
        ("credentials", http("401 Unauthorized", "", html), "HTTP_STATUS", Answered),
        ("not there", http("404 Not Found", "", b""), "HTTP_STATUS", Answered),
        ("unavailable", http("503 Service Unavailable", "", html), "SERVICE_UNAVAILABLE", Maybe),
        ("too many", http("429 Too Many Requests", "", b""), "SERVICE_UNAVAILABLE", Maybe),
        ("not http", b"220 smtp.canary ESMTP\r\n".to_vec(), "NOT_HTTP", Maybe),
        ("silence, then closed", Vec::new(), "CONNECTION_LOST", Maybe),
        ("cut head", b"HTTP/1.1 200 OK\r\nconte".to_vec(), "CONNECTION_LOST", Maybe),
    ] {
        check(name, reply, Err((reason, sent))).await;
    }
}

#[tokio::test]
async fn what_the_system_answered_and_asks_to_wait_is_kept() {
    let reply = http(
        "503 Service Unavailable",
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\n",
        b"<p>later</p>",
    );
    let error = ask(reply, false, Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(60)));
    assert_eq!(error.reply.as_deref(), Some(&b"<p>later</p>"[..]));
    let reply = http("429 Too Many Requests", "retry-after: 7\r\n", b"");
    let error = ask(reply, false, Duration::from_secs(20)).await.unwrap_err();
    assert_eq!((error.retry_after, error.reply), (Some(Duration::from_secs(7)), None));
}

#[tokio::test]
async fn slow_and_endless_replies_end_with_the_time_allowed() {
    let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n<s:\r\n".to_vec();
    for (name, reply) in [("silent", Vec::new()), ("endless", endless)] {
        let error = ask(reply, true, Duration::from_millis(40)).await.unwrap_err();
        assert_eq!((error.reason, error.sent), ("TIMEOUT", Sent::Maybe), "{name}");
    }
}

#[tokio::test]
async fn refused_and_unknown_hosts_were_provably_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    // A listener that never takes a TLS handshake up.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ca = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ca.cert.pem()).unwrap();
    let without_tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = without_tls.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = without_tls.accept().await.unwrap();
        stream.write_all(&http("400 Bad Request", "", b"")).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    for (endpoint, reason) in [
        (format!("http://{closed}/"), "CONNECTION_REFUSED"),
        ("http://canary.invalid/".to_owned(), "DNS_FAILED"),
        (format!("https://{}/", silent.local_addr().unwrap()), "TIMEOUT"),
        (format!("https://{plain}/"), "TLS_REFUSED"),
    ] {
        let mut options = SoapOptions::new(endpoint);
        options.tls.ca = Some(file.path().to_owned());
        options.connect_timeout =
            if reason == "TIMEOUT" { Duration::from_millis(40) } else { Duration::from_secs(20) };
        let target = SoapTarget::new(&options).unwrap();
        let error = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await.unwrap_err();
        assert_eq!((error.reason, error.sent), (reason, Sent::No), "{error:?}");
        assert!(!error.to_string().contains("canary") && !error.to_string().contains("127."), "{error}");
    }
}

#[tokio::test]
async fn waiting_for_a_place_is_not_sending() {
    let (address, _server) = server(Vec::new(), true).await;
    let mut options = options(address);
    options.max_concurrency = 1;
    options.max_waiting = 1;
    let target = SoapTarget::new(&options).unwrap();
    let hanging = target.send(outgoing(SoapVersion::V11, Duration::from_millis(300)));
    let waiting = target.send(outgoing(SoapVersion::V11, Duration::from_millis(40)));
    let refused = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20)));
    let (hanging, waiting, refused) = tokio::join!(biased; hanging, waiting, refused);
    assert_eq!(hanging.unwrap_err().reason, "TIMEOUT");
    for error in [waiting.unwrap_err(), refused.unwrap_err()] {
        assert_eq!((error.reason, error.sent), ("POOL_EXHAUSTED", Sent::Busy));
    }
}

/// A connection that the server closed while it was idle costs a new connection, never an outcome that is unknown.
#[tokio::test]
async fn a_stale_connection_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let (closed, mut was_closed) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if read_request(&mut stream).await.is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
                stream.write_all(&http("200 OK", "", ENVELOPE.as_bytes())).await.unwrap();
            }
            drop(stream);
            let _ = closed.send(()).await;
        }
    });
    let target = SoapTarget::new(&options(address)).unwrap();
    for round in 1..=20 {
        let reply = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await;
        assert!(reply.is_ok(), "{round}: {reply:?}");
        was_closed.recv().await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(requests.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn requests_carry_what_their_binding_and_their_system_say() {
    for (version, expected) in [
        (SoapVersion::V11, vec!["content-type: text/xml; charset=utf-8", "soapaction: \"urn:do\""]),
        (SoapVersion::V12, vec!["content-type: application/soap+xml; charset=utf-8; action=\"urn:do\""]),
    ] {
        let (address, server) = server(http("200 OK", "", ENVELOPE.as_bytes()), false).await;
        let mut options = options(address);
        options.auth = Some(Auth { username: "Aladdin".into(), password: "open sesame".into() });
        options.headers.insert("X-Tenant".into(), "seven".into());
        let target = SoapTarget::new(&options).unwrap();
        let mut outgoing = outgoing(version, Duration::from_secs(20));
        outgoing.idempotency_key = Some("k-1".into());
        target.send(outgoing).await.unwrap();
        let request = server.await.unwrap();
        let host = format!("host: {address}");
        let mut lines = expected;
        lines.extend([
            "POST /canary-path HTTP/1.1",
            "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "x-tenant: seven",
            "idempotency-key: k-1",
            "content-length: 17",
            host.as_str(),
        ]);
        for line in lines {
            assert!(request.lines().any(|l| l == line), "no `{line}` in\n{request}");
        }
        assert!(request.ends_with("<canary-request/>"), "{request}");
        assert!(!format!("{target:?}").contains("QWxhZGRpbj"), "{target:?}");
    }
}

#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    let with = |change: fn(&mut SoapOptions)| {
        let mut options = SoapOptions::new("http://host/");
        change(&mut options);
        SoapTarget::new(&options).map(|_| ()).unwrap_err().to_string()
    };
    for (error, expected) in [
        (with(|o| o.endpoint = "host/soap".into()), "`endpoint`"),
        (with(|o| o.endpoint = "ftp://host/".into()), "`endpoint`"),
        (with(|o| o.endpoint = "http://canary:canary@host/".into()), "credentials"),
        (with(|o| o.max_concurrency = 0), "`max-concurrency`"),
        (with(|o| o.tls.ca = Some("/nowhere/ca.pem".into())), "/nowhere/ca.pem"),
        (with(|o| o.tls.cert = Some("/nowhere/cert.pem".into())), "go together"),
        (with(|o| _ = o.headers.insert("a b".into(), String::new())), "`a b`"),
        (with(|o| _ = o.headers.insert("x".into(), "canary\r\n".into())), "`x`"),
        (with(|o| _ = o.headers.insert("SOAPAction".into(), "x".into())), "leave it out"),
    ] {
        assert!(error.contains(expected) && !error.contains("canary"), "{error}");
    }
}

/// A server that answers one request after the other with these bytes, whatever the connection, and is gone after the last.
/// Gives what it was asked.
async fn scripted(replies: Vec<Vec<u8>>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let mut replies = replies.into_iter().peekable();
        let mut asked = Vec::new();
        while replies.peek().is_some() {
            let (mut stream, _) = listener.accept().await.unwrap();
            while replies.peek().is_some() {
                let Some(request) = read_request(&mut stream).await else { break };
                asked.push(request);
                stream.write_all(&replies.next().unwrap()).await.unwrap();
            }
        }
        asked
    });
    (address, asked)
}

fn redirect(status: &str, location: &str) -> Vec<u8> {
    http(status, &format!("location: {location}\r\n"), b"<p>secret</p>")
}

#[tokio::test]
async fn redirections_within_the_server_are_followed_by_the_same_post() {
    let envelope = http("200 OK", "", ENVELOPE.as_bytes());
    let replies = vec![
        redirect("307 Temporary Redirect", "/v2/soap?x=1"),
        redirect("308 Permanent Redirect", "v3"),
        redirect("307 Temporary Redirect", "/v4"),
        envelope.clone(),
    ];
    let (address, asked) = scripted(replies.clone()).await;
    let mut options = options(address);
    options.auth = Some(Auth { username: "Aladdin".into(), password: "open sesame".into() });
    let target = SoapTarget::new(&options).unwrap();
    let reply = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await;
    assert_eq!(reply.unwrap(), ENVELOPE.as_bytes());
    let asked = asked.await.unwrap();
    let (mut paths, mut rests) = (Vec::new(), Vec::new());
    for request in &asked {
        let (first, rest) = request.split_once("\r\n").unwrap();
        paths.push(first.to_owned());
        rests.push(rest.to_owned());
    }
    let expected = ["/canary-path", "/v2/soap?x=1", "/v2/v3", "/v4"];
    assert_eq!(paths, expected.map(|path| format!("POST {path} HTTP/1.1")));
    rests.dedup();
    assert_eq!(rests.len(), 1, "headers and message are the same: {rests:?}");
    assert!(rests[0].contains("authorization: Basic ") && rests[0].ends_with("<canary-request/>"));

    for (most, expected) in [(3, 4), (2, 3), (0, 1)] {
        let (address, asked) = scripted(replies[..expected].to_vec()).await;
        let mut options = SoapOptions::new(format!("http://{address}/canary-path"));
        options.max_redirects = most;
        let target = SoapTarget::new(&options).unwrap();
        let reply = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await;
        assert_eq!(asked.await.unwrap().len(), expected, "{most}");
        assert_eq!(
            reply.map_err(|error| (error.reason, error.sent)).err(),
            match most {
                3 => None,
                _ => Some(("REDIRECT", Sent::Answered)),
            }
        );
    }
}

#[tokio::test]
async fn redirections_elsewhere_end_the_attempt_and_say_what_to_correct() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}/canary", other.local_addr().unwrap());
    let check = async |status: &str, location: &str, message: &str, advice: &str| {
        let (address, asked) = scripted(vec![redirect(status, location)]).await;
        let target = SoapTarget::new(&options(address)).unwrap();
        let error = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await.unwrap_err();
        assert_eq!((error.reason, error.sent), ("REDIRECT", Sent::Answered), "{status} {location}");
        assert!(error.message.ends_with(message), "{status}: {}", error.message);
        assert!(error.advice.unwrap().contains(advice), "{status}: {:?}", error.advice);
        assert!(!format!("{} {:?}", error.message, error.advice).contains("canary"), "{error:?}");
        assert_eq!(error.reply.as_deref(), Some(&b"<p>secret</p>"[..]), "what it said is kept");
        assert_eq!(asked.await.unwrap().len(), 1);
    };
    for status in ["301 Moved Permanently", "302 Found", "303 See Other"] {
        check(status, "/v2", "to another path of the same server", "`endpoint`").await;
    }
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        check(status, &elsewhere, "to another server", "never followed").await;
        check(status, "https://127.0.0.1/canary", "to the same host with TLS", "https://").await;
        check(status, "ftp://canary/", "to no place that can be asked", "owner").await;
    }
    let nobody = tokio::time::timeout(Duration::ZERO, other.accept()).await;
    assert!(nobody.is_err(), "message and credentials go to no other server");
}

#[tokio::test]
async fn after_a_redirection_nothing_is_provably_unsent() {
    let (address, asked) = scripted(vec![redirect("307 Temporary Redirect", "/v2")]).await;
    let target = SoapTarget::new(&options(address)).unwrap();
    let error = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await.unwrap_err();
    assert_eq!(asked.await.unwrap().len(), 1);
    assert_eq!(error.sent, Sent::Maybe, "{error:?}");
    assert!(!error.message.contains("nothing was sent"), "{error:?}");
}

#[tokio::test]
async fn each_request_shows_a_token_of_its_own() {
    let envelope = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body/></e:Envelope>";
    let reply = http("200 OK", "", ENVELOPE.as_bytes());
    let replies = vec![redirect("307 Temporary Redirect", "/v2"), reply.clone(), reply];
    let (address, asked) = scripted(replies).await;
    let mut options = options(address);
    options.ws_security = Some(WsSecurity {
        username: "portal".into(),
        password: "canary-password".into(),
        password_type: PasswordType::Digest,
        timestamp: Some(Duration::from_secs(300)),
        must_understand: true,
    });
    let target = SoapTarget::new(&options).unwrap();
    for _ in 0..2 {
        let outgoing =
            Outgoing { payload: envelope.into(), ..outgoing(SoapVersion::V11, Duration::from_secs(20)) };
        target.send(outgoing).await.unwrap();
    }
    let asked = asked.await.unwrap();
    let nonce = |request: &String| {
        let (_, after) = request.split_once("#Base64Binary\">").unwrap();
        after.split_once('<').unwrap().0.to_owned()
    };
    let mut nonces: Vec<_> = asked.iter().map(nonce).collect();
    nonces.sort();
    nonces.dedup();
    assert_eq!((asked.len(), nonces.len()), (3, 3));
    for request in &asked {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.starts_with(
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Header><wsse:Security "
        ));
        assert!(
            body.contains(" e:mustUnderstand=\"1\"") && body.ends_with("</e:Header><e:Body/></e:Envelope>")
        );
        assert!(!request.contains("canary-password"));
    }
    // What is no envelope has no place for it.
    let error = target.send(outgoing(SoapVersion::V11, Duration::from_secs(20))).await.unwrap_err();
    assert_eq!((error.reason, error.sent), ("NOT_SENDABLE", Sent::Never));
}

#[tokio::test]
async fn one_way_operations_are_done_when_http_says_so() {
    let fault = ENVELOPE.replace("<s:Body>x", "<s:Body><s:Fault/>");
    for (name, reply, expected) in [
        ("ok", http("200 OK", "", b""), Ok("<soap:Body/>")),
        ("accepted", http("202 Accepted", "", b""), Ok("<soap:Body/>")),
        ("blank", http("202 Accepted", "content-type: text/xml\r\n", b"\r\n"), Ok("<soap:Body/>")),
        ("no content", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Ok("<soap:Body/>")),
        ("fault", http("500 Internal Server Error", "", fault.as_bytes()), Ok("<s:Fault/>")),
        ("fault at 202", http("202 Accepted", "", fault.as_bytes()), Ok("<s:Fault/>")),
        ("page", http("200 OK", "", b"<html>secret</html>"), Err(("HTML_REPLY", Sent::Answered))),
        ("failed", http("500 Internal Server Error", "", b""), Err(("HTTP_STATUS", Sent::Answered))),
        ("away", http("503 Service Unavailable", "", b""), Err(("SERVICE_UNAVAILABLE", Sent::Maybe))),
        (
            "cut",
            b"HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\n".to_vec(),
            Err(("TRUNCATED_REPLY", Sent::Answered)),
        ),
        ("silence", Vec::new(), Err(("CONNECTION_LOST", Sent::Maybe))),
    ] {
        for version in [SoapVersion::V11, SoapVersion::V12] {
            let (address, _server) = server(reply.clone(), false).await;
            let nothing = Document {
                record: RecordId(0),
                element: None,
                encoded: false,
                roots: Vec::new(),
                excerpt: None,
            };
            let binding =
                SoapBinding { version, action: String::new(), address: None, one_way: Some(nothing) };
            let outgoing = Outgoing {
                protocol: Arc::new(Protocol::Soap(binding)),
                ..outgoing(version, Duration::from_secs(20))
            };
            let got = SoapTarget::new(&options(address)).unwrap().send(outgoing).await;
            match (&got, expected) {
                (Ok(reply), Ok(expected)) => {
                    let reply = std::str::from_utf8(reply).unwrap();
                    assert!(reply.contains(expected), "{name}: {reply}");
                    assert!(expected != "<soap:Body/>" || reply.contains(version.namespace()), "{name}");
                }
                (Err(error), Err(expected)) => assert_eq!((error.reason, error.sent), expected, "{name}"),
                _ => panic!("{name}: expected {expected:?}, got {got:?}"),
            }
        }
    }
}
