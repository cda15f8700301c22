//! A system that answers with what would bring others down: refused within bounds, for the right reason, and everybody
//! else is served on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tonic::Code;

use crate::harness::{Backend, Client, Details, House, OrderRequest, Reaction, block_on, envelope};

/// How large a reply may be in these tests.
const LIMIT: usize = 4 << 20;

/// What comes over the connection after a request.
enum Answer {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// A head, then this chunk again and again, a pause between any two.
    Endless(&'static str, String, Duration),
}

fn ok(body: String) -> Answer {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/xml; charset=utf-8\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Answer::Bytes((head + &body).into_bytes())
}

fn gzipped(body: Vec<u8>) -> Answer {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &body).unwrap();
    let packed = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        packed.len()
    );
    Answer::Bytes([head.into_bytes(), packed].concat())
}

/// `<PutOrderResponse>` with this inside.
fn response(inside: &str) -> String {
    envelope(&format!("<PutOrderResponse xmlns=\"urn:test:orders\">{inside}</PutOrderResponse>"))
}

/// A name, what the system answers, and the reasons that may be given for refusing it; empty for whatever the reply's
/// reader says.
fn cases() -> Vec<(&'static str, Answer, &'static [&'static str])> {
    let laughs = (1..=9).fold("<!ENTITY l0 \"lol\">".to_owned(), |doctype, n| {
        let ten = format!("&l{};", n - 1).repeat(10);
        format!("{doctype}<!ENTITY l{n} \"{ten}\">")
    });
    let laughs = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE l [{laughs}]>{}",
        response("<Key>&l9;</Key><Number>1</Number>").split_once("?>").unwrap().1
    );
    let external = format!(
        "<!DOCTYPE l SYSTEM \"file:///etc/passwd\">{}",
        response("<Key>k</Key>").split_once("?>").unwrap().1
    );
    let deep = "<a>".repeat(10_000) + &"</a>".repeat(10_000);
    let attributes: String = (0..60_000).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..60_000).map(|n| format!(" xmlns:n{n}=\"u{n}\"")).collect();
    let same = " a=\"\"".repeat(60_000);
    let orders = "<Number>1</Number>".repeat(200_000);
    vec![
        ("billion laughs", ok(laughs), &["DOCTYPE_REFUSED"]),
        ("an external entity", ok(external), &["DOCTYPE_REFUSED"]),
        ("an undeclared entity", ok(response("<Key>&lol;</Key><Number>1</Number>")), &[]),
        ("nesting", ok(response(&deep)), &[]),
        (
            "nesting in a header",
            ok(response("").replace("<s:Body>", &format!("<s:Header>{deep}</s:Header><s:Body>"))),
            &[],
        ),
        ("open elements", ok(response(&"<a>".repeat(100_000))), &[]),
        ("attributes", ok(response(&format!("<Key{attributes}>k</Key><Number>1</Number>"))), &[]),
        ("namespaces", ok(response(&format!("<Key{namespaces}>k</Key><Number>1</Number>"))), &[]),
        (
            "one attribute again and again",
            ok(response(&format!("<Key{same}>k</Key><Number>1</Number>"))),
            &[],
        ),
        ("one element again and again", ok(response(&format!("<Key>k</Key>{orders}"))), &[]),
        (
            "a long number",
            ok(response(&format!("<Key>k</Key><Number>{}</Number>", "9".repeat(1_000_000)))),
            &[],
        ),
        ("a long name", ok(response(&format!("<{0}></{0}>", "n".repeat(1_000_000)))), &[]),
        ("a comment without end", ok(response(&format!("<!--{}", "x".repeat(1_000_000)))), &[]),
        ("bytes that are no text", ok(response("<Key>\u{0}\u{1}</Key><Number>1</Number>")), &[]),
        ("two envelopes", ok(format!("{0}{0}", envelope("<x/>").split_once("?>").unwrap().1)), &[]),
        ("a bomb", gzipped(vec![b' '; 64 << 20]), &["OVERSIZED_REPLY"]),
        ("an endless body", endless("<a>", Duration::ZERO), &["OVERSIZED_REPLY"]),
        (
            "an endless head",
            Answer::Endless("HTTP/1.1 200 OK\r\n", "x-header: y\r\n".repeat(100), Duration::ZERO),
            &["NOT_HTTP", "CONNECTION_LOST", "OUTCOME_UNKNOWN"],
        ),
        (
            "a slow body",
            endless("<a>", Duration::from_millis(100)),
            &["OUTCOME_UNKNOWN", "TIMEOUT", "TRUNCATED_REPLY"],
        ),
        (
            "a slow head",
            Answer::Endless("HTTP/1.1 200 OK\r\nx: ", "y".to_owned(), Duration::from_millis(100)),
            &["OUTCOME_UNKNOWN", "TIMEOUT"],
        ),
        (
            "a great promise",
            Answer::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 99999999999999\r\n\r\n<a/>"
                    .to_vec(),
            ),
            &["OVERSIZED_REPLY"],
        ),
        ("no HTTP", Answer::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), &["NOT_HTTP", "OUTCOME_UNKNOWN"]),
        ("nothing", Answer::Bytes(Vec::new()), &["OUTCOME_UNKNOWN"]),
    ]
}

fn endless(chunk: &str, pause: Duration) -> Answer {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = if pause.is_zero() { chunk.repeat(10_000) } else { chunk.to_owned() };
    Answer::Endless(head, format!("{:x}\r\n{chunk}\r\n", chunk.len()), pause)
}

#[test]
fn hostile_replies_are_refused_within_bounds() {
    block_on(async {
        let sound = Backend::start(|_, _| Reaction::Take).await;
        let cases = Arc::new(cases());
        let (address, _serving) = raw(cases.clone()).await;
        let mut house = House::orders(address);
        house.system(
            "orders",
            &format!("endpoint: 'http://{address}/soap', timeout: 2s, max-reply-bytes: {}MiB", LIMIT >> 20),
        );
        house.orders_too("sound", sound.address);
        house.remap("timeout: 5s", "timeout: 2s");

        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        client
            .raw(
                "test.sound.v1.Orders/Direct",
                prost::Message::encode_to_vec(&OrderRequest::new("warm")).into(),
                &[],
            )
            .await
            .unwrap();
        let before = gateway.resident_kib();
        for (n, (name, _, reasons)) in cases.iter().enumerate() {
            let status = client.order("Once", OrderRequest::new(format!("case-{n}"))).await.expect_err(name);
            let details = Details::of(&status);
            let told = matches!(details.code, Some(Code::Internal | Code::Aborted | Code::Unavailable));
            assert!(told, "{name}: {details:?}");
            let reason = details.reason.as_str();
            assert!(reasons.is_empty() || reasons.contains(&reason), "{name}: {details:?}");
            println!("{name}: {reason}: {}", details.message);
            let order = prost::Message::encode_to_vec(&OrderRequest::new(format!("sound-{n}")));
            let other = client.raw("test.sound.v1.Orders/Direct", order.into(), &[]).await;
            other.unwrap_or_else(|e| panic!("after {name} another system is not served: {e:?}"));
        }
        let after = gateway.resident_kib();
        println!("{before} KiB before, {after} KiB after");
        assert!(after < before + (64 << 10), "{before} KiB before, {after} KiB after");
        assert!(!gateway.said().contains("panicked"));
    });
}

#[test]
fn hostile_requests_are_refused_within_bounds() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let path = "test.orders.v1.Orders/Direct";
        let text = |tag: u8, length: usize| {
            let mut wire = vec![tag];
            prost::encoding::encode_varint(length as u64, &mut wire);
            wire.resize(wire.len() + length, b'x');
            wire
        };
        for (name, wire, code) in [
            ("too large", text(0x12, 5 << 20), Code::ResourceExhausted),
            ("a length that lies", vec![0x12, 0xff, 0xff, 0xff, 0xff, 0x07], Code::InvalidArgument),
            ("a varint without end", vec![0xff; 100], Code::InvalidArgument),
            ("groups within groups", [0x0b; 100_000].to_vec(), Code::InvalidArgument),
            ("no text", b"\x12\x02\xff\xfe".to_vec(), Code::InvalidArgument),
            ("what XML cannot say", b"\x12\x03a\x00b".to_vec(), Code::InvalidArgument),
            ("an unknown field", b"\x12\x01k\x9a\x06\x01x".to_vec(), Code::InvalidArgument),
        ] {
            let status = client.raw(path, wire.into(), &[]).await.expect_err(name);
            assert_eq!(status.code(), code, "{name}: {status:?}");
            assert!(!Details::of(&status).reason.is_empty(), "{name}");
        }
        let long = client.order("Direct", OrderRequest::new("k".repeat(1 << 20))).await;
        assert_eq!(long.unwrap().key.len(), 1 << 20, "a large value is a value");
        assert!(backend.count("a\0b") == 0 && !gateway.said().contains("panicked"));
    });
}

/// A listener that answers each order as its case says.
async fn raw(
    cases: Arc<Vec<(&'static str, Answer, &'static [&'static str])>>,
) -> (SocketAddr, tokio::task::AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let cases = cases.clone();
            tokio::spawn(async move {
                let _ = answer(stream, &cases).await;
            });
        }
    });
    (address, serving.abort_handle())
}

async fn answer(mut stream: TcpStream, cases: &[(&str, Answer, &[&str])]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let number = loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&request);
        if text.contains("Envelope>") {
            let after = text.split_once("case-").unwrap().1;
            break after[..after.find('<').unwrap()].parse::<usize>().unwrap();
        }
    };
    match &cases[number].1 {
        Answer::Bytes(bytes) => stream.write_all(bytes).await?,
        Answer::Endless(head, chunk, pause) => {
            stream.write_all(head.as_bytes()).await?;
            // Ends when the other side has had enough.
            loop {
                stream.write_all(chunk.as_bytes()).await?;
                tokio::time::sleep(*pause).await;
            }
        }
    }
    stream.shutdown().await
}
