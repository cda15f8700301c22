//! A network between a gateway and a server: a relay that can be cut, stalled and healed.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the network does with what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Connections end, and new ones are closed at once.
    Cut,
    /// Nothing arrives, and nobody is told: a half-open connection.
    Stalled,
}

/// The relay; ends when dropped.
pub(crate) struct Link {
    weather: watch::Sender<Weather>,
    accepting: tokio::task::JoinHandle<()>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Link {
    /// To a server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let weather = watch::Sender::new(Weather::Fair);
        let now = weather.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let now = now.clone();
                tokio::spawn(async move {
                    let mut cut = now.clone();
                    tokio::select! {
                        () = relay(near, server, now) => {}
                        _ = cut.wait_for(|weather| *weather == Weather::Cut) => {}
                    }
                });
            }
        });
        Self { weather, accepting, address }
    }

    /// Ends all connections, and refuses new ones.
    pub(crate) fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// Lets nothing through, without a word.
    pub(crate) fn stall(&self) {
        self.weather.send_replace(Weather::Stalled);
    }

    /// As before.
    pub(crate) fn heal(&self) {
        self.weather.send_replace(Weather::Fair);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn relay(near: TcpStream, server: SocketAddr, weather: watch::Receiver<Weather>) {
    let mut fair = weather.clone();
    let _ = fair.wait_for(|weather| *weather == Weather::Fair).await;
    let Ok(Ok(far)) = tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(server)).await else {
        return;
    };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    // Where one side ends, so does the other.
    tokio::select! {
        () = carry(near_in, far_out, weather.clone()) => {}
        () = carry(far_in, near_out, weather) => {}
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut bytes).await {
        if count == 0 || weather.wait_for(|weather| *weather == Weather::Fair).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
