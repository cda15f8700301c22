//! gRPC-Web by the bytes of its specification, over HTTP/1.1 and HTTP/2, and what browsers ask before they send.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portolan_grpc::{GrpcOptions, WebOptions};
use tokio::net::TcpStream;

use crate::{client::Server, intake::FakeIntake};

const ORIGIN: &str = "https://portal.example";

fn web() -> GrpcOptions {
    GrpcOptions { web: Some(WebOptions { origins: vec![ORIGIN.to_owned()] }), ..GrpcOptions::default() }
}

/// One request over a connection of its own, by either version of HTTP.
async fn ask(server: &Server, request: Request<Bytes>) -> Response<Bytes> {
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut head, body) = request.into_parts();
    let response = if head.version == Version::HTTP_2 {
        head.uri = format!("http://{}{}", server.address, head.uri.path()).parse().unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(Request::from_parts(head, Full::new(body))).await.unwrap()
    } else {
        head.headers.insert("host", "gateway".parse().unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(Request::from_parts(head, Full::new(body))).await.unwrap()
    };
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    assert!(body.trailers().is_none_or(HeaderMap::is_empty), "browsers cannot read trailers");
    Response::from_parts(head, body.to_bytes())
}

fn call(version: Version, path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::post(path).version(version).header("content-type", content_type);
    request.header("origin", ORIGIN).header("x-grpc-web", "1").body(body.into()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

#[tokio::test]
async fn calls_and_replies_are_framed_in_the_body() {
    let intake = FakeIntake::new();
    let server = Server::start(intake.clone(), web()).await;
    let sent = b"\0\0\0\0\x02hi";
    let told = b"\0\0\0\0\x02hi\x80\0\0\0\x0fgrpc-status:0\r\n";
    for version in BOTH {
        for content_type in ["application/grpc-web", "application/grpc-web+proto"] {
            let response = ask(&server, call(version, "/test.Echo/Echo", content_type, &sent[..])).await;
            assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &told[..]), "{version:?}");
            assert_eq!(header(&response, "content-type"), Some("application/grpc-web+proto"));
            assert_eq!(header(&response, "access-control-allow-origin"), Some(ORIGIN));
            assert_eq!(header(&response, "vary"), Some("origin"));
        }
        // As one text, and as a client that encodes each piece by itself.
        for text in [STANDARD.encode(sent), STANDARD.encode(&sent[..5]) + &STANDARD.encode(&sent[5..])] {
            let content_type = "application/grpc-web-text";
            let response = ask(&server, call(version, "/test.Echo/Echo", content_type, text)).await;
            assert_eq!(STANDARD.decode(response.body()).unwrap(), told);
            assert_eq!(header(&response, "content-type"), Some("application/grpc-web-text+proto"));
        }
    }
    let metadata = intake.last.lock().take().unwrap().metadata;
    assert!(metadata.contains(&("x-grpc-web".to_owned(), "1".to_owned())), "{metadata:?}");
    for answered in ["/grpc.health.v1.Health/Check", "/google.longrunning.Operations/GetOperation"] {
        let message = b"\0\0\0\0\0";
        let response =
            ask(&server, call(Version::HTTP_11, answered, "application/grpc-web", &message[..])).await;
        assert!(response.body().len() > 5, "{answered}");
    }
}

#[tokio::test]
async fn failures_are_trailers_in_the_body() {
    let server = Server::start(FakeIntake::new(), GrpcOptions { max_request_bytes: 10, ..web() }).await;
    let bomb = STANDARD.encode([0u8; 60]);
    for (path, content_type, body, expected) in [
        (
            "/test.Echo/Fail",
            "application/grpc-web",
            &b"\0\0\0\0\0"[..],
            "grpc-status:3\r\ngrpc-message:%C3%9Cmlaut: 100 %25 wrong\r\ngrpc-status-details-bin:CAMS",
        ),
        ("/test.Echo/None", "application/grpc-web", b"\0\0\0\0\0", "grpc-status:12\r\n"),
        ("/test.Echo/Echo", "application/grpc-web", b"", "grpc-status:12\r\n"),
        ("/test.Echo/Echo", "application/grpc-web", b"\0\0\0\0\x0b", "grpc-status:8\r\n"),
        ("/test.Echo/Echo", "application/grpc-web-text", b"no Base64", "grpc-status:13\r\n"),
        ("/test.Echo/Echo", "application/grpc-web-text", bomb.as_bytes(), "grpc-status:8\r\n"),
        ("/grpc.health.v1.Health/Watch", "application/grpc-web", b"\0\0\0\0\0", "grpc-status:12\r\n"),
        (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "application/grpc-web",
            b"\0\0\0\0\0",
            "grpc-status:12\r\n",
        ),
    ] {
        for version in BOTH {
            let request = call(version, path, content_type, body.to_vec());
            let response = ask(&server, request).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&response, "grpc-status"), None, "{path}: once is enough");
            let told = match content_type {
                "application/grpc-web-text" => STANDARD.decode(response.body()).unwrap(),
                _ => response.body().to_vec(),
            };
            let length = u32::from_be_bytes(told[1..5].try_into().unwrap()) as usize;
            assert_eq!((told[0], length), (0x80, told.len() - 5), "{path}");
            assert!(told[5..].starts_with(expected.as_bytes()), "{path}: {}", String::from_utf8_lossy(&told));
            assert!(told.ends_with(b"\r\n"));
        }
    }
}

#[tokio::test]
async fn only_listed_origins_are_let_in() {
    let server = Server::start(FakeIntake::new(), web()).await;
    let preflight = |origin: &str| {
        let request = Request::options("/test.Echo/Echo").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        request
            .header("access-control-request-headers", "content-type,x-grpc-web")
            .body(Bytes::new())
            .unwrap()
    };
    let response = ask(&server, preflight(ORIGIN)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for (name, expected) in [
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "content-type,x-grpc-web"),
        ("access-control-max-age", "7200"),
    ] {
        assert_eq!(header(&response, name), Some(expected));
    }
    for stranger in
        ["https://portal.example.evil", "http://portal.example", "https://portal.example:8443", "null"]
    {
        let response = ask(&server, preflight(stranger)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{stranger}");
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{stranger}");
        let mut request =
            call(Version::HTTP_11, "/test.Echo/Echo", "application/grpc-web", &b"\0\0\0\0\0"[..]);
        request.headers_mut().insert("origin", stranger.parse().unwrap());
        let response = ask(&server, request).await;
        assert_eq!(
            header(&response, "access-control-allow-origin"),
            None,
            "{stranger}: its script reads nothing"
        );
    }
    let none =
        Server::start(FakeIntake::new(), GrpcOptions { web: Some(WebOptions::default()), ..web() }).await;
    assert_eq!(ask(&none, preflight(ORIGIN)).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_neither_is_answered_in_plain_http() {
    let server = Server::start(FakeIntake::new(), web()).await;
    let check = async |request: Request<Bytes>, expected: StatusCode| {
        assert_eq!(ask(&server, request).await.status(), expected);
    };
    let get = Request::get("/").body(Bytes::new()).unwrap();
    check(get, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    let get = Request::get("/test.Echo/Echo").header("content-type", "application/grpc-web");
    check(get.body(Bytes::new()).unwrap(), StatusCode::METHOD_NOT_ALLOWED).await;
    for (content_type, expected) in [
        ("application/grpc", StatusCode::HTTP_VERSION_NOT_SUPPORTED),
        ("application/grpc-web+json", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        check(call(Version::HTTP_11, "/test.Echo/Echo", content_type, &b"\0\0\0\0\0"[..]), expected).await;
    }
    // Where browsers may not call, HTTP/2 is gRPC's alone.
    let plain = Server::start(FakeIntake::new(), GrpcOptions::default()).await;
    let request = call(Version::HTTP_2, "/test.Echo/Echo", "application/grpc-web", &b"\0\0\0\0\0"[..]);
    assert_eq!(ask(&plain, request).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
