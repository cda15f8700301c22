//! A legacy system inside the test process: it counts what it was asked, by the order's key, and survives whatever
//! happens to the gateway.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What the system does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    /// Takes the order.
    Take,
    /// Takes the order, and answers after a while.
    TakeSlowly(Duration),
    /// Takes the order, and hangs up instead of answering.
    HangUp,
    /// A fault with this reason.
    Fault(&'static str),
    /// Something else: an HTTP status, a content type and a body.
    Other(u16, &'static str, String),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The order's key.
    pub(crate) key: String,
    /// The headers, by lower-case name.
    pub(crate) headers: HashMap<String, String>,
    /// The envelope.
    pub(crate) body: String,
}

/// What is kept of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Requests,
    Counts,
    Nothing,
}

type React = dyn Fn(&Asked, usize) -> Reaction + Send + Sync;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    counts: Mutex<HashMap<String, usize>>,
    /// How often, and as the how-manyeth order the first time.
    taken: Mutex<HashMap<String, (usize, usize)>>,
    keep: Keep,
    numbers: AtomicI64,
    react: Box<React>,
}

/// Listens at an address that is kept for a system, also while it is away.
async fn own_listener() -> TcpListener {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], portolan_test_servers::free_port()));
        match TcpListener::bind(address).await {
            // Servers that choose ports for themselves know nothing of those that are kept.
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            listener => return listener.unwrap(),
        }
    }
}

/// The system.
pub(crate) struct Backend {
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Backend {
    /// Starts one that reacts to a request, and to how often it has seen its key before.
    pub(crate) async fn start(react: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static) -> Self {
        Self::listen(own_listener().await, Keep::Requests, Box::new(react))
    }

    /// One that keeps nothing of the requests but the count of each key.
    pub(crate) async fn counting(react: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static) -> Self {
        Self::listen(own_listener().await, Keep::Counts, Box::new(react))
    }

    /// One that keeps nothing at all: for more orders than are worth remembering.
    pub(crate) async fn forgetful(react: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static) -> Self {
        Self::listen(own_listener().await, Keep::Nothing, Box::new(react))
    }

    /// The same at an address: a system that is back.
    pub(crate) async fn forgetful_at(
        address: SocketAddr,
        react: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        Self::listen(TcpListener::bind(address).await.unwrap(), Keep::Nothing, Box::new(react))
    }

    /// At an address, taking every order: a system that is back after an outage.
    pub(crate) async fn back_at(address: SocketAddr) -> Self {
        Self::listen(
            TcpListener::bind(address).await.unwrap(),
            Keep::Requests,
            Box::new(|_, _| Reaction::Take),
        )
    }

    fn listen(listener: TcpListener, keep: Keep, react: Box<React>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            counts: Mutex::default(),
            taken: Mutex::default(),
            keep,
            numbers: AtomicI64::new(1),
            react,
        });
        let serving = tokio::spawn(accept(listener, shared.clone()));
        Self { shared, serving, address }
    }

    /// Everything that it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// How often it was asked each key.
    pub(crate) fn counts(&self) -> HashMap<String, usize> {
        self.shared.counts.lock().unwrap().clone()
    }

    /// How often it took an order of this key.
    pub(crate) fn taken(&self, key: &str) -> usize {
        self.shared.taken.lock().unwrap().get(key).map_or(0, |(times, _)| *times)
    }

    /// Of all orders that it took, as the how-manyeth it took this one the first time.
    pub(crate) fn turn(&self, key: &str) -> Option<usize> {
        self.shared.taken.lock().unwrap().get(key).map(|(_, turn)| *turn)
    }

    /// How often it was asked this key.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.shared.counts.lock().unwrap().get(key).copied().unwrap_or(0)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                stream.set_nodelay(true).unwrap();
                let shared = shared.clone();
                connections.spawn(async move {
                    let service = service_fn(|request| answer(request, shared.clone()));
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The error ends the connection without an answer.
async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> std::io::Result<Response<Full<Bytes>>> {
    let named = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().to_owned())
    };
    let headers = request.headers().iter().map(named).collect();
    // What did not arrive whole was not asked.
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let asked = Asked { key: element(&body, "Key").unwrap_or_default(), headers, body };
    let before = if shared.keep == Keep::Nothing {
        0
    } else {
        let mut counts = shared.counts.lock().unwrap();
        let count = counts.entry(asked.key.clone()).or_insert(0);
        *count += 1;
        *count - 1
    };
    let reaction = (shared.react)(&asked, before);
    if shared.keep != Keep::Nothing && !matches!(reaction, Reaction::Fault(_) | Reaction::Other(..)) {
        let mut taken = shared.taken.lock().unwrap();
        let turn = taken.len();
        taken.entry(asked.key.clone()).or_insert((0, turn)).0 += 1;
    }
    let key = asked.key.clone();
    if shared.keep == Keep::Requests {
        shared.asked.lock().unwrap().push(asked);
    }
    if let Reaction::TakeSlowly(pause) = reaction {
        tokio::time::sleep(pause).await;
    }
    let (status, content_type, body) = match reaction {
        Reaction::Take | Reaction::TakeSlowly(_) => {
            let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
            let reply = format!(
                "<PutOrderResponse xmlns=\"urn:test:orders\"><Key>{key}</Key><Number>{number}</Number></PutOrderResponse>"
            );
            (200, "text/xml; charset=utf-8", envelope(&reply))
        }
        Reaction::HangUp => return Err(std::io::Error::other("hung up")),
        Reaction::Fault(reason) => {
            let fault = format!(
                "<s:Fault><faultcode>s:Server</faultcode><faultstring>{reason}</faultstring></s:Fault>"
            );
            (500, "text/xml; charset=utf-8", envelope(&fault))
        }
        Reaction::Other(status, content_type, body) => (status, content_type, body),
    };
    let response = Response::builder().status(status).header("content-type", content_type);
    Ok(response.body(Full::new(Bytes::from(body))).unwrap())
}

/// A SOAP 1.1 envelope around a body.
pub(crate) fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The text of the first element of this local name.
fn element(document: &str, name: &str) -> Option<String> {
    let mut rest = document;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].ends_with(['<', ':']);
        let after = rest[at + name.len()..].strip_prefix('>');
        if let (true, Some(after)) = (before, after) {
            return after.find('<').map(|end| after[..end].to_owned());
        }
        rest = &rest[at + name.len()..];
    }
    None
}
