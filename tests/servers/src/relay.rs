//! A network that breaks down after so many bytes.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread,
};

/// A relay to a server. Its threads end with the process.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    /// Bytes, both ways, until everything is cut.
    left: AtomicI64,
    /// How many connections there were.
    connections: AtomicUsize,
}

impl Relay {
    /// To a server, and fair.
    ///
    /// # Panics
    /// Where there is no port.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { server, left: AtomicI64::new(i64::MAX), connections: AtomicUsize::new(0) });
        let accepting = shared.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                accepting.connections.fetch_add(1, Ordering::Relaxed);
                let Ok(far) = TcpStream::connect(accepting.server) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = accepting.clone();
                    thread::spawn(move || shared.carry(from, to));
                }
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// After so many bytes more the connection that carries them is cut. The next one is fair.
    pub fn cut_after(&self, bytes: i64) {
        self.shared.left.store(bytes, Ordering::Relaxed);
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Whether the cut that was asked for has happened.
    pub fn was_cut(&self) -> bool {
        self.shared.left.load(Ordering::Relaxed) > i64::MAX / 2
    }
}

impl Shared {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let taken = i64::try_from(count).unwrap_or(i64::MAX);
            if self.left.fetch_sub(taken, Ordering::Relaxed) <= taken {
                self.left.store(i64::MAX, Ordering::Relaxed);
                break;
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
