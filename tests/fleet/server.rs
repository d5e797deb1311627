//! The real program, which is killed and started again, and the relays that it listens at.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nostr_relay_builder::LocalRelay;
use nostr_relay_builder::builder::{RateLimit, RelayBuilder};
use nostr_sdk::{PublicKey, RelayUrl};

pub struct Server {
    dir: tempfile::TempDir,
    pub port: u16,
    child: Option<Child>,
    key: Option<PublicKey>,
}

impl Server {
    pub fn new(relays: &[RelayUrl], public_url: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let relays: Vec<String> = relays.iter().map(|url| format!("\"{url}\"")).collect();
        let config = format!(
            "[http]\npublic_url = \"{public_url}\"\nrequests_per_minute = 100000\n\
             [nostr]\nrelays = [{}]\nrequests_per_minute = 100000\n[log]\nlevel = \"error\"\n",
            relays.join(", ")
        );
        std::fs::write(dir.path().join("serve.toml"), config).expect("written");
        // A port of its own, at which it is found again.
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        let server = Self { dir, port, child: None, key: None };
        server.run(&["init"], "");
        server
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.arg("--ledger").arg(self.dir.path().join("ledger"));
        command
    }

    /// Runs a command that has to succeed, and gives back what it printed.
    #[track_caller]
    pub fn run(&self, args: &[&str], input: &str) -> String {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let done = child.wait_with_output().expect("ended");
        writing.join().expect("no panic").expect("written");
        assert!(done.status.success(), "{args:?}: {done:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    pub fn start(&mut self) {
        let mut command = self.command();
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--config"]);
        command.arg(self.dir.path().join("serve.toml")).stdout(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        assert!(line().starts_with("listening on "));
        let npub = line();
        let npub = npub.strip_prefix("on Nostr as ").expect("its key");
        let key = PublicKey::parse(npub).expect("an npub");
        assert!(self.key.is_none_or(|known| known == key), "it has one key for ever");
        self.key = Some(key);
        self.child = Some(child);
    }

    pub fn nostr_key(&self) -> PublicKey {
        self.key.expect("it was started")
    }

    /// As a power cut would end it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("ended");
        }
    }

    /// As an operator would end it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let id = child.id().to_string();
            let told = Command::new("kill").args(["-TERM", &id]).status().expect("run");
            assert!(told.success());
            assert!(child.wait().expect("ended").success(), "it ends well");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Relays in this process, each at an address of its own.
pub struct Relays {
    pub urls: Vec<RelayUrl>,
    all: Vec<LocalRelay>,
}

impl Relays {
    pub async fn start(count: usize) -> Self {
        let (mut urls, mut all) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let relay = started(builder()).await;
            urls.push(relay.url().await);
            all.push(relay);
        }
        Self { urls, all }
    }

    /// One goes away, and comes back with nothing of what it knew.
    pub async fn restart(&mut self, number: usize) {
        let url = &self.urls[number];
        let port = url.as_str_without_trailing_slash().rsplit(':').next().expect("a port");
        let port = port.parse().expect("a port");
        loop {
            // A relay that is busy with a connection can miss the word.
            self.all[number].shutdown();
            let relay = LocalRelay::new(builder().port(port));
            if relay.run().await.is_ok() {
                self.all[number] = relay;
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn builder() -> RelayBuilder {
    RelayBuilder::default().rate_limit(RateLimit { max_reqs: 500, notes_per_minute: 1_000_000 })
}

async fn started(builder: RelayBuilder) -> LocalRelay {
    // One that was here before lets go of its port a moment after it was told to.
    for _ in 0..500 {
        let relay = LocalRelay::new(builder.clone());
        if relay.run().await.is_ok() {
            return relay;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no relay comes up");
}
