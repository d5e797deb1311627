//! A way to the server on which connections break.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Numbers that are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            let j = usize::try_from(self.below(i as u64 + 1)).expect("small");
            all.swap(i, j);
        }
    }
}

/// A listener that leads to wherever the server is now.
pub struct Proxy {
    port: u16,
    to: Arc<AtomicU16>,
}

impl Proxy {
    pub async fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let to = Arc::new(AtomicU16::new(0));
        let target = Arc::clone(&to);
        tokio::spawn(async move {
            let count = AtomicU64::new(1);
            while let Ok((client, _)) = listener.accept().await {
                let seed = count.fetch_add(1, Ordering::Relaxed);
                let port = target.load(Ordering::Relaxed);
                tokio::spawn(lead(client, port, Dice::new(seed)));
            }
        });
        Self { port, to }
    }

    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn leads_to(&self, port: u16) {
        self.to.store(port, Ordering::Relaxed);
    }
}

/// Every third connection breaks: on the way there, or before the answer is back.
async fn lead(client: TcpStream, port: u16, mut dice: Dice) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (there, back) = match dice.below(6) {
        0 => (dice.below(1_000), u64::MAX),
        1 => (u64::MAX, dice.below(300)),
        _ => (u64::MAX, u64::MAX),
    };
    let ((from, to), (answer, home)) = (client.into_split(), server.into_split());
    // Whichever way ends first ends both.
    tokio::select! {
        () = carry(from, home, there) => {}
        () = carry(answer, to, back) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut most: u64) {
    let mut buffer = [0; 4_096];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            // One side has said all it had to say; the other may still answer.
            let _ = to.shutdown().await;
            std::future::pending::<()>().await;
        }
        let part = usize::try_from(most.min(read as u64)).expect("small");
        if to.write_all(&buffer[..part]).await.is_err() || part < read {
            return;
        }
        most -= part as u64;
    }
}
