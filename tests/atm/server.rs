//! A ledger and the real program that serves it, which can be killed and started again.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use nostr_sdk::PublicKey;
use serde_json::{Value, json};

use crate::world::{Done, finish, joined};

pub struct Server {
    dir: tempfile::TempDir,
    pub port: u16,
    child: Option<Child>,
    key: Option<PublicKey>,
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("an address").port()
}

impl Server {
    /// With relays, and the address that clients call; its own, if that is left out. Not started yet.
    pub fn new(relays: &[String], public_url: Option<&str>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let own = format!("http://127.0.0.1:{port}");
        let config = format!(
            "[http]\npublic_url = {:?}\nrequests_per_minute = 100000\n\
             [nostr]\nrelays = {relays:?}\nrequests_per_minute = 100000\n",
            public_url.unwrap_or(&own),
        );
        std::fs::write(dir.path().join("serve.toml"), config).expect("written");
        let server = Self { dir, port, child: None, key: None };
        server.run(&["init"], "").expect(0);
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.arg("--ledger").arg(self.dir.path().join("ledger"));
        command
    }

    pub fn run(&self, args: &[&str], input: &str) -> Done {
        let mut command = self.command();
        command.args(args);
        finish(command, input)
    }

    /// Says commands on the command line, while it is not served.
    #[track_caller]
    pub fn submit(&self, commands: &[Value]) {
        assert!(self.child.is_none(), "who serves it, writes it");
        self.run(&["submit"], &joined(commands)).expect(0);
    }

    /// Registers a machine, while it is not served.
    pub fn register(&self, machine: &str, npub: &str) {
        self.submit(&[json!({ "type": "machine.register", "id": machine, "wallet_id": machine,
            "operator_user_id": "op", "fiat_code": "GTQ", "machine_npub": npub })]);
    }

    pub fn start(&mut self) {
        let mut command = self.command();
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--config"]);
        command.arg(self.dir.path().join("serve.toml"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("a line").expect("text");
        assert!(line.starts_with("listening on "), "{line}");
        let config = std::fs::read_to_string(self.dir.path().join("serve.toml")).expect("read");
        if !config.contains("relays = []") {
            let line = lines.next().expect("a line").expect("text");
            let npub = line.strip_prefix("on Nostr as ").expect("its key");
            self.key = Some(PublicKey::parse(npub).expect("an npub"));
        }
        self.child = Some(child);
    }

    pub fn nostr_key(&self) -> PublicKey {
        self.key.expect("it was started, with relays")
    }

    /// As a power cut would end it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("ended");
        }
    }

    /// The claims in the ledger: machine, number and payment hash, in the order of the log.
    pub fn claims(&self) -> Vec<(String, u64, String)> {
        let shown = self.run(&["--json", "log", "show", "--from", "1", "--to", "100000"], "");
        let entries = shown.expect(0).lines();
        let claims = entries.iter().filter(|entry| entry["event"]["type"] == "settlement.claimed");
        claims
            .map(|entry| {
                let event = &entry["event"];
                let text = |value: &Value| value.as_str().expect("text").to_owned();
                let number = event["machine_seq"].as_u64().expect("a number");
                (text(&event["machine_id"]), number, text(&entry["key"]))
            })
            .collect()
    }

    /// What `log stats` says of a machine's numbers.
    pub fn numbers(&self, machine: &str) -> Value {
        let stats = self.run(&["--json", "log", "stats"], "").expect(0).json();
        let all = stats["claim_numbers"].as_array().expect("a list").clone();
        all.into_iter().find(|numbers| numbers["machine_id"] == machine).expect("it counts")
    }

    /// Each of so many claims of a machine is there once, under its number, and none is missing.
    #[track_caller]
    pub fn has_each_once(&self, machine: &str, settlements: &[String]) {
        let mut claims = self.claims();
        claims.retain(|(of, ..)| of == machine);
        claims.sort_by_key(|(_, number, _)| *number);
        let numbers: Vec<u64> = claims.iter().map(|(_, number, _)| *number).collect();
        assert_eq!(numbers, (1..=settlements.len() as u64).collect::<Vec<_>>());
        let mut hashes: Vec<&String> = claims.iter().map(|(.., hash)| hash).collect();
        let mut expected: Vec<&String> = settlements.iter().collect();
        hashes.sort();
        expected.sort();
        assert_eq!(hashes, expected);
        let told = self.numbers(machine);
        let count = settlements.len();
        assert_eq!((&told["highest"], &told["missing"]), (&json!(count), &json!(0)), "{told}");
        assert_eq!(told["repeats"], json!(0), "{told}");
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
