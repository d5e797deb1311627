//! The gateways beside their limit: what it costs to check who signed a request. Settlements a second over
//! HTTP (NIP-98) and over Nostr (kind 21000 through a relay), and how long an answer takes while 1, 64 and
//! 1,000 requests are open.
//!
//! `cargo bench --bench gateway`. Server, relay and clients share this machine's processors, as the figures
//! say: *server* is the processor time of the server's process alone.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nostr_relay_builder::LocalRelay;
use nostr_relay_builder::builder::{RateLimit, RelayBuilder};
use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::nips::nip98::{HttpData, HttpMethod};
use nostr_sdk::prelude::base64::Engine as _;
use nostr_sdk::prelude::base64::engine::general_purpose::STANDARD;
use nostr_sdk::{
    Client, ClientMessage, Event, EventBuilder, JsonUtil as _, Keys, Kind, PublicKey, Tag, Url,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MACHINES: u64 = 64;

/// Claims of each stage: enough for seconds, and few enough that a signature is not too old when it is sent.
struct Sizes {
    checks: u64,
    claims: u64,
}

fn main() {
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    // Run as a test: see that it works.
    let sizes = if is_bench {
        Sizes { checks: 20_000, claims: 20_000 }
    } else {
        Sizes { checks: 50, claims: 128 }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!(
        "{:<46}{:>10}{:>11}{:>9}{:>10}{:>10}{:>10}",
        "", "a second", "of limit", "server", "p50", "p99", "max"
    );
    let limit = checks(sizes.checks);
    runtime.block_on(async {
        let relay = relay().await;
        let mut world = World::start(&relay.url().await.to_string());
        for (open, part) in [(1, 10), (64, 1), (1_000, 1)] {
            let claims = sizes.claims / part;
            let figure = world.over_http(claims, open).await;
            figure.print(&format!("HTTP, {open} open"), limit);
        }
        let figure = world.over_nostr(sizes.claims).await;
        figure.print("Nostr, through a relay in this process", limit);
    });
}

/// What was measured.
struct Figure {
    count: u64,
    took: Duration,
    server: Duration,
    /// Of each answer, sorted; none where they were not waited for one by one.
    latencies: Vec<Duration>,
}

impl Figure {
    fn print(&self, what: &str, limit: f64) {
        let rate = per_second(self.count, self.took);
        let each = self.server.as_secs_f64() * 1e6 / as_f64(self.count);
        let at = |hundredths: usize| {
            let last = self.latencies.len().checked_sub(1)?;
            Some(self.latencies[last * hundredths / 100])
        };
        let ms = |latency: Option<Duration>| {
            latency.map_or_else(String::new, |latency| {
                format!("{:.2} ms", latency.as_secs_f64() * 1e3)
            })
        };
        println!(
            "{what:<46}{rate:>8.0}/s{:>10.2}×{each:>6.0} µs{:>10}{:>10}{:>10}",
            rate / limit,
            ms(at(50)),
            ms(at(99)),
            ms(at(100))
        );
    }
}

fn per_second(count: u64, took: Duration) -> f64 {
    as_f64(count) / took.as_secs_f64()
}

// A count of some thousands.
#[allow(clippy::cast_precision_loss)]
const fn as_f64(count: u64) -> f64 {
    count as f64
}

fn keys(machine: u64) -> Keys {
    let mut secret = [0x42; 32];
    secret[..8].copy_from_slice(&machine.to_be_bytes());
    Keys::new(nostr_sdk::SecretKey::from_slice(&secret).expect("a secret"))
}

fn claim(number: u64) -> serde_json::Value {
    json!({ "type": "settlement.claim", "payment_hash": format!("{:064x}", number + 1),
        "machine_id": format!("m{}", number % MACHINES), "tx_type": "cash_out",
        "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
        "fiat_amount": "2000.00", "fiat_code": "GTQ", "exchange_rate": "129.5145" })
}

/// Checks signatures and nothing else, with all processors: nobody who authenticates can take more.
fn checks(count: u64) -> f64 {
    let url = "http://127.0.0.1:8080/v1/commands";
    let events: Vec<Event> =
        (0..count).map(|n| authorization(url, &claim(n).to_string(), n)).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for part in events.chunks(events.len().div_ceil(threads)) {
            scope.spawn(|| part.iter().for_each(|event| event.verify().expect("signed")));
        }
    });
    let rate = per_second(count, begun.elapsed());
    println!("{:<46}{rate:>8.0}/s", format!("signature checks alone, {threads} threads"));
    rate
}

fn authorization(url: &str, body: &str, number: u64) -> Event {
    let hash: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    let hash = nostr_sdk::hashes::sha256::Hash::from_bytes_ref(&hash).to_owned();
    let data = HttpData::new(Url::parse(url).expect("a URL"), HttpMethod::POST).payload(hash);
    let nonce = Tag::parse(["nonce", &number.to_string()]).expect("a tag");
    EventBuilder::http_auth(data)
        .tag(nonce)
        .sign_with_keys(&keys(number % MACHINES))
        .expect("signed")
}

async fn relay() -> LocalRelay {
    let limits = RateLimit { max_reqs: 500, notes_per_minute: 100_000_000 };
    let relay = LocalRelay::new(RelayBuilder::default().rate_limit(limits));
    relay.run().await.expect("a relay");
    relay
}

/// The server, in a process of its own, and its fleet.
struct World {
    dir: tempfile::TempDir,
    server: Child,
    address: String,
    relay: String,
    key: PublicKey,
    /// Claims that were made.
    made: u64,
}

impl World {
    fn start(relay: &str) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let ledger = dir.path().join("ledger");
        let program = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
            command.arg("--ledger").arg(&ledger).args(args).stdout(Stdio::piped());
            command
        };
        assert!(program(&["init"]).output().expect("run").status.success());
        let mut submit = program(&["submit"]).stdin(Stdio::piped()).spawn().expect("run");
        let mut lines = String::new();
        for machine in 0..MACHINES {
            let command = json!({ "type": "machine.register", "id": format!("m{machine}"),
                "operator_user_id": "op", "wallet_id": format!("w{machine}"), "fiat_code": "GTQ",
                "machine_npub": keys(machine).public_key().to_hex() });
            writeln!(lines, "{command}").expect("text");
        }
        submit.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("written");
        assert!(submit.wait_with_output().expect("run").status.success());
        let config = dir.path().join("serve.toml");
        let text = "[http]\nrequests_per_minute = 100000000\nconnections_max = 4096\n\
                    [nostr]\nrequests_per_minute = 100000000\n[log]\nlevel = \"error\"\n";
        std::fs::write(&config, text).expect("written");
        let config = config.to_str().expect("a path");
        let serve = ["serve", "--listen", "127.0.0.1:0", "--relay", relay, "--config", config];
        let mut server = program(&serve).spawn().expect("run");
        let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
        let mut word = |begins: &str| {
            let line = lines.next().expect("a line").expect("text");
            line.strip_prefix(begins).expect("as it begins").to_owned()
        };
        let address = word("listening on http://");
        let key = PublicKey::parse(&word("on Nostr as ")).expect("an npub");
        Self { dir, server, address, relay: relay.into(), key, made: 0 }
    }

    /// Numbers of claims that were not made yet.
    fn take(&mut self, count: u64) -> std::ops::Range<u64> {
        let first = self.made;
        self.made += count;
        first..self.made
    }

    /// One claim a request, so many requests open at a time, each on a connection of its own.
    async fn over_http(&mut self, count: u64, open: usize) -> Figure {
        let url = format!("http://{}/v1/commands", self.address);
        let requests: Vec<Vec<u8>> = self
            .take(count)
            .map(|number| {
                let body = claim(number).to_string();
                let signed = STANDARD.encode(authorization(&url, &body, number).as_json());
                format!(
                    "POST /v1/commands HTTP/1.1\r\nhost: {}\r\nauthorization: Nostr {signed}\r\n\
                     content-length: {}\r\n\r\n{body}",
                    self.address,
                    body.len()
                )
                .into_bytes()
            })
            .collect();
        let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
        let mut streams = Vec::new();
        for _ in 0..open {
            let stream = TcpStream::connect(&self.address).await.expect("connected");
            stream.set_nodelay(true).expect("set");
            streams.push(stream);
        }
        let (before, begun) = (self.processor_time(), Instant::now());
        let mut clients = tokio::task::JoinSet::new();
        for mut stream in streams {
            let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
            clients.spawn(async move {
                let mut latencies = Vec::new();
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = Instant::now();
                    stream.write_all(request).await.expect("sent");
                    accepted(&mut stream).await;
                    latencies.push(sent.elapsed());
                }
                latencies
            });
        }
        let mut latencies = clients.join_all().await.concat();
        let (took, server) = (begun.elapsed(), self.processor_time().saturating_sub(before));
        latencies.sort();
        Figure { count, took, server, latencies }
    }

    /// Requests as fast as the relay takes them; it is done when the last is in the log.
    async fn over_nostr(&mut self, count: u64) -> Figure {
        let range = self.take(count);
        let expected = MACHINES + range.end;
        let events: Vec<Event> = range.map(|number| request(&self.key, number)).collect();
        let client = Client::new(keys(0));
        client.add_relay(&self.relay).await.expect("a relay");
        client.connect().await;
        client.wait_for_connection(Duration::from_secs(10)).await;
        let (before, begun) = (self.processor_time(), Instant::now());
        let mut left = events.as_slice();
        let mut there = self.entries().await;
        let mut moved = Instant::now();
        while there < expected {
            // No more on the way than the gateway lets wait.
            let sent = (expected - there).saturating_sub(left.len() as u64);
            let more =
                left.len().min(usize::try_from(512_u64.saturating_sub(sent)).expect("small"));
            let (now, later) = left.split_at(more);
            left = later;
            let messages = now.iter().cloned().map(ClientMessage::event).collect();
            client.batch_msg_to([&self.relay], messages).await.expect("sent");
            tokio::time::sleep(Duration::from_millis(2)).await;
            let now = self.entries().await;
            if now > there {
                (there, moved) = (now, Instant::now());
            } else if moved.elapsed() > Duration::from_secs(1) {
                // Something was lost on the way: as a machine does, send again what has no answer.
                (left, moved) = (&events, Instant::now());
            }
        }
        let (took, server) = (begun.elapsed(), self.processor_time().saturating_sub(before));
        Figure { count, took, server, latencies: Vec::new() }
    }

    /// Entries of the log, as the server tells them.
    async fn entries(&self) -> u64 {
        let mut stream = TcpStream::connect(&self.address).await.expect("connected");
        let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix("spireledger_log_entries "));
        line.expect("a metric").parse().expect("a number")
    }

    /// The processor time of the server's process so far.
    fn processor_time(&self) -> Duration {
        let path: PathBuf = format!("/proc/{}/stat", self.server.id()).into();
        let text = std::fs::read_to_string(path).expect("a process");
        let fields = text.rsplit(')').next().expect("fields").split_whitespace();
        // utime and stime, in hundredths of a second on every Linux.
        let ticks: u64 =
            fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = self.dir.path();
    }
}

fn request(ledger: &PublicKey, number: u64) -> Event {
    let mut body = claim(number);
    body.as_object_mut().expect("an object").remove("type");
    let text = json!({ "rpcName": "settlement.claim", "body": body }).to_string();
    let keys = keys(number % MACHINES);
    let sealed = nip44::encrypt(keys.secret_key(), ledger, text, Version::V2).expect("sealed");
    EventBuilder::new(Kind::from(21000), sealed)
        .tags([Tag::public_key(*ledger)])
        .sign_with_keys(&keys)
        .expect("signed")
}

/// Reads one answer, which has to say that a claim was accepted.
async fn accepted(stream: &mut TcpStream) {
    let mut read = Vec::with_capacity(2_048);
    loop {
        assert!(stream.read_buf(&mut read).await.expect("read") > 0, "the server hung up");
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&read[..end]).expect("text").to_ascii_lowercase();
        assert!(
            head.starts_with("http/1.1 201"),
            "{head}\n{}",
            String::from_utf8_lossy(&read[end..])
        );
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").trim().parse().expect("a number");
        if read.len() >= end + 4 + length {
            return;
        }
    }
}
