//! nostr-rs-relay, a relay that people run, between nostr-tools and the server.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client;
use crate::install::installed;

/// A relay, ended with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_relay_that_people_run_carries_requests_and_answers() {
    let Some(relay) = installed("nostr-rs-relay") else { return };
    let Some(tools) = installed("nostr-tools") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let config = dir.path().join("config.toml");
    let text = format!("[network]\naddress = \"127.0.0.1\"\nport = {port}\n");
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(relay.join("bin/nostr-rs-relay"));
    command.arg("--db").arg(dir.path()).arg("--config").arg(&config);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let _running = Running(child);
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the relay does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    let url = format!("ws://127.0.0.1:{port}");
    client::check(&client::world(&url), &tools, &url);
}
