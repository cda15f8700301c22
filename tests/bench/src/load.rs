//! Callers that call again as soon as they are answered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::{Request, client::Grpc, transport::Endpoint};

use portolan_grpc::Raw;

/// Connections that the callers share, as in the peers' load client.
const CONNECTIONS: usize = 8;

/// Calls `path` with `payload` by `concurrency` callers.
pub(crate) async fn run(address: &str, path: &str, payload: Bytes, concurrency: usize, limit: Duration) {
    let path: PathAndQuery = path.parse().expect("a path");
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        let endpoint =
            Endpoint::from_shared(format!("http://{address}")).expect("an address").tcp_nodelay(true);
        channels.push(endpoint.connect().await.expect("a connection"));
    }
    let started = Instant::now();
    let callers: Vec<_> = (0..concurrency)
        .map(|caller| {
            let mut client = Grpc::new(channels[caller % CONNECTIONS].clone());
            let (path, payload) = (path.clone(), payload.clone());
            tokio::spawn(async move {
                let mut micros = Vec::new();
                while started.elapsed() < limit {
                    let asked = Instant::now();
                    client.ready().await.expect("the channel is open");
                    let reply = client.unary(Request::new(payload.clone()), path.clone(), Raw).await;
                    let reply: tonic::Response<Bytes> = reply.expect("an answer");
                    assert!(!reply.get_ref().is_empty());
                    micros.push(asked.elapsed().as_micros() as u32);
                }
                micros
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.expect("a caller ends"));
    }
    crate::report(all, started.elapsed());
}
