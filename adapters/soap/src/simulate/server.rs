//! The simulated service on a socket: HTTP/1.1, a listener that can be closed and opened again, connections that can be
//! cut.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    Simulator, State,
    service::{Reaction, Service},
};

/// A greater request is not read.
const GREATEST_REQUEST: usize = 16 * 1024 * 1024;
/// After a failed accept (too many open files), so that the loop does not burn the machine.
const PAUSE: Duration = Duration::from_millis(20);

impl Simulator {
    /// Serves until `shutdown` is done. Fails only where the port cannot be opened again after the service was down.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let address = listener.local_addr()?;
        let state = self.switch.state.clone();
        let outcome = {
            let serving = pin!(self.run(address, listener));
            tokio::select! {
                outcome = serving => outcome,
                () = shutdown => Ok(()),
            }
        };
        state.send_replace(State::Idle);
        outcome
    }

    async fn run(self, address: SocketAddr, first: TcpListener) -> io::Result<()> {
        let mut wanted_down = self.switch.wanted_down.subscribe();
        let mut first = Some(first);
        loop {
            if !*wanted_down.borrow_and_update() {
                let listener = match first.take() {
                    Some(listener) => listener,
                    None => TcpListener::bind(address).await?,
                };
                self.switch.state.send_replace(State::Listening);
                // Dropping the set closes every connection.
                let mut connections = JoinSet::new();
                tokio::select! {
                    () = accept(&listener, &self.service, &mut connections) => {}
                    _ = wanted_down.wait_for(|down| *down) => {}
                }
                drop(listener);
                connections.shutdown().await;
            }
            drop(first.take());
            self.switch.state.send_replace(State::Down);
            if wanted_down.wait_for(|down| !*down).await.is_err() {
                return Ok(());
            }
        }
    }
}

async fn accept(listener: &TcpListener, service: &Arc<Service>, connections: &mut JoinSet<()>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, Arc::clone(service)));
                while connections.try_join_next().is_some() {}
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, service: Arc<Service>) {
    let _ = stream.set_nodelay(true);
    let answering = service_fn(move |request| answer(Arc::clone(&service), request));
    // An error is a caller that went away, or a connection that was cut on purpose.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answering)
        .await;
}

/// A connection that is cut on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

async fn answer(service: Arc<Service>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
    let asks = request.uri().query().is_some_and(|query| query.eq_ignore_ascii_case("wsdl"));
    if request.method() == Method::GET
        && let Some(text) = service.wsdl.clone().filter(|_| asks)
    {
        return Ok(respond(StatusCode::OK, "text/xml", text));
    }
    if request.method() != Method::POST {
        let text = "a simulated SOAP service: POST an envelope; its contract is at ?wsdl\n";
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(response);
    }
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, GREATEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too great\n"));
        }
        Err(_) => return Err(Cut),
    };
    let reaction = service.react(&body, &action(&head.headers));
    let latency = service.behaviour().latency;
    match reaction {
        Reaction::Drop => Err(Cut),
        Reaction::Answer(answer) => {
            let delay = latency + answer.delay;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
            Ok(respond(status, &answer.content_type, answer.body.into()))
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn respond(status: StatusCode, content_type: &str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// The action of 1.1 (a header) or of 1.2 (a parameter of the media type), without quotes.
fn action(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let parameter = || {
        let parameters = text("content-type")?.split(';').skip(1);
        parameters.filter_map(|p| p.trim().strip_prefix("action=")).next()
    };
    text("soapaction").or_else(parameter).unwrap_or_default().trim().trim_matches('"').to_owned()
}
