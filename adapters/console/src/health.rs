//! The health endpoint from the caller's side.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    ConsoleError,
    server::{NOT_READY, READY},
};

/// What answers at `listen.http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// A gateway that takes calls.
    Ready,
    /// A gateway that drains, or whose queue is away.
    NotReady,
    /// Something else.
    Stranger,
}

/// A gateway answers at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks whether a gateway is ready.
pub async fn health(address: SocketAddr) -> Result<Health, ConsoleError> {
    let unreachable = || ConsoleError::Unreachable { address };
    let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
    let stream = connected.ok().and_then(Result::ok).ok_or_else(unreachable)?;
    let answer = timeout(PATIENCE, ask(stream, address)).await;
    Ok(match answer {
        Ok(Ok((StatusCode::OK, body))) if body == READY.as_bytes() => Health::Ready,
        Ok(Ok((StatusCode::SERVICE_UNAVAILABLE, body))) if body == NOT_READY.as_bytes() => Health::NotReady,
        _ => Health::Stranger,
    })
}

async fn ask(
    stream: TcpStream,
    address: SocketAddr,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::get("/readyz").header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), 1024).collect().await?.to_bytes();
    driver.abort();
    Ok((status, body))
}
