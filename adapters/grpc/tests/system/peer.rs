//! Peers below gRPC: connections that break, and HTTP/2 that says no.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::{
    Reason,
    server::{Connection, SendResponse},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What a peer does with the connections that it is given, one after another; the last again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// Reads a request, and resets the connection's stream by this.
    Resets(Reason),
    /// Reads a request, says by GOAWAY that this stream was the last that it looked at, and closes.
    GoesAway(u8),
    /// Reads a request, says that it has it, and closes.
    Leaves,
    /// Reads a request, begins the answer, and closes.
    BreaksOff,
    /// Answers.
    Answers,
    /// Closes as soon as it is connected.
    Closes,
    /// Says this to whatever comes, and nothing of HTTP/2.
    Says(&'static [u8]),
    /// Takes everything and says nothing, not even by HTTP/2.
    Hangs,
    /// Answers this HTTP status with a page.
    Page(u16),
}

/// Where such a peer listens.
pub(crate) async fn peer(turns: &'static [Peer]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for turn in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let now = turns[turn.min(turns.len() - 1)];
            // Each until its end, so that the next connection is the next turn.
            tokio::spawn(take(stream, now));
        }
    });
    address
}

async fn take(mut stream: TcpStream, peer: Peer) {
    let mut buffer = [0; 4096];
    match peer {
        Peer::Closes => {}
        Peer::Says(text) => {
            _ = stream.read(&mut buffer).await;
            _ = stream.write_all(text).await;
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        }
        Peer::GoesAway(last) => {
            // Bare frames: the h2 crate's server refuses no stream that it has read.
            _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await;
            let mut came = Vec::new();
            while !came.windows(6).any(|six| six == b"canary") {
                let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
                came.extend_from_slice(&buffer[..read]);
            }
            _ = stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, 0]).await;
            _ = stream.shutdown().await;
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        }
        Peer::Hangs => while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {},
        http2 => {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, respond))) = connection.accept().await {
                let mut body = request.into_body();
                let reading = async {
                    while let Some(Ok(piece)) = body.data().await {
                        _ = body.flow_control().release_capacity(piece.len());
                    }
                };
                // The connection has to be driven while its request is read.
                tokio::select! {
                    () = reading => {}
                    _ = std::future::poll_fn(|context| connection.poll_closed(context)) => return,
                }
                if !answer(&mut connection, respond, http2).await {
                    return;
                }
            }
        }
    }
}

/// Whether the connection goes on.
async fn answer(
    connection: &mut Connection<TcpStream, Bytes>,
    mut respond: SendResponse<Bytes>,
    peer: Peer,
) -> bool {
    let head = |status: u16, kind: &str| {
        http::Response::builder().status(status).header("content-type", kind).body(()).unwrap()
    };
    match peer {
        Peer::Resets(reason) => respond.send_reset(reason),
        Peer::BreaksOff => {
            let mut body = respond.send_response(head(200, "application/grpc"), false).unwrap();
            body.send_data(Bytes::from_static(b"\0\0\0"), false).unwrap();
            drive(connection).await;
            return false;
        }
        Peer::Page(status) => {
            let mut body = respond.send_response(head(status, "text/html"), false).unwrap();
            body.send_data(Bytes::from_static(b"<html>canary</html>"), true).unwrap();
        }
        Peer::Answers => {
            let mut body = respond.send_response(head(200, "application/grpc"), false).unwrap();
            body.send_data(Bytes::from_static(b"\0\0\0\0\x02ok"), false).unwrap();
            let status = [("grpc-status".parse().unwrap(), "0".parse().unwrap())];
            body.send_trailers(status.into_iter().collect()).unwrap();
        }
        _ => return false,
    }
    true
}

/// Lets what was said go out.
async fn drive(connection: &mut Connection<TcpStream, Bytes>) {
    let closed = std::future::poll_fn(|context| connection.poll_closed(context));
    _ = tokio::time::timeout(std::time::Duration::from_millis(100), closed).await;
}
