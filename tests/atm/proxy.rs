//! A bad network before a server: requests and answers are lost, and requests come twice.

use std::io::{self, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What happened to requests so far.
#[derive(Debug, Default)]
pub struct Counts {
    pub lost: AtomicU64,
    pub unanswered: AtomicU64,
    pub doubled: AtomicU64,
    pub passed: AtomicU64,
}

/// Listens at a port of its own for what goes to the server's.
pub fn start(server: u16) -> (u16, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let counts = Arc::new(Counts::default());
    let shared = Arc::clone(&counts);
    std::thread::spawn(move || {
        for (number, client) in (0u64..).zip(listener.incoming().flatten()) {
            let counts = Arc::clone(&shared);
            // What breaks off is a part of a bad network.
            std::thread::spawn(move || drop(carry(number, client, server, &counts)));
        }
    });
    (port, counts)
}

fn carry(number: u64, mut client: TcpStream, server: u16, counts: &Counts) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = message(&mut client)?;
    match number % 5 {
        0 => {
            counts.lost.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        1 => {
            ask(server, &request)?;
            counts.unanswered.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        2 => {
            ask(server, &request)?;
            counts.doubled.fetch_add(1, Ordering::Relaxed);
            client.write_all(&ask(server, &request)?)
        }
        _ => {
            counts.passed.fetch_add(1, Ordering::Relaxed);
            client.write_all(&ask(server, &request)?)
        }
    }
}

fn ask(server: u16, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    server.write_all(request)?;
    message(&mut server)
}

/// A head and the body that it announces.
fn message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte)?;
        all.extend(byte);
    }
    let head = String::from_utf8_lossy(&all).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    all.extend(body);
    Ok(all)
}
