//! A server with a ledger of its own, and people and machines with keys.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nostr_sdk::nips::nip98::{HttpData, HttpMethod};
use nostr_sdk::{EventBuilder, JsonUtil, Keys, Timestamp, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Whoever has a key.
pub struct Person {
    pub keys: Keys,
}

impl Person {
    pub fn new(number: u8) -> Self {
        let secret = nostr_sdk::SecretKey::from_slice(&[number; 32]).expect("a secret");
        Self { keys: Keys::new(secret) }
    }

    pub fn hex(&self) -> String {
        self.keys.public_key().to_hex()
    }
}

/// The server and who knows it.
pub struct World {
    pub dir: tempfile::TempDir,
    pub origin: String,
    pub child: Child,
    pub admin: Person,
    pub maya: Person,
    pub omar: Person,
    pub ana: Person,
    pub auditor: Person,
    pub machine: Person,
    agent: ureq::Agent,
}

/// What was answered.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// A problem of a kind, with a detail that says something.
    #[track_caller]
    pub fn problem(self, status: u16, says: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(says), "no `{says}` in {detail}");
        problem
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_spireledger"))
}

impl World {
    pub fn new() -> Self {
        Self::with("")
    }

    /// With more in its configuration, under `[http]`.
    pub fn with(http: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let ledger = dir.path().join("ledger");
        let made = program().arg("--ledger").arg(&ledger).arg("init").output().expect("run");
        assert!(made.status.success(), "{made:?}");
        let people: Vec<Person> = (11..=16).map(Person::new).collect();
        let Ok([admin, maya, omar, ana, auditor, machine]) = <[Person; 6]>::try_from(people) else {
            unreachable!("six were made")
        };
        let identity = |person: &Person, role: &str, user: Option<&str>| {
            let user = user.map_or(String::new(), |user| format!("user_id = \"{user}\"\n"));
            format!("[[identities]]\nkey = \"{}\"\nrole = \"{role}\"\n{user}", person.hex())
        };
        let config = [
            format!("[http]\n{http}\n"),
            identity(&admin, "super", None),
            identity(&maya, "operator", Some("op-maya")),
            identity(&omar, "operator", Some("op-omar")),
            identity(&ana, "lp", Some("ana")),
            identity(&auditor, "auditor", None),
        ];
        std::fs::write(dir.path().join("serve.toml"), config.concat()).expect("written");
        let (child, origin) = start(dir.path());
        let timeout = Some(Duration::from_secs(30));
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.timeout_global(timeout).build().new_agent();
        Self { dir, origin, child, admin, maya, omar, ana, auditor, machine, agent }
    }

    /// With a machine of each operator and an LP at one of them.
    pub fn with_fleet() -> Self {
        let world = Self::new();
        let (npub, maya, omar) = (world.machine.hex(), "op-maya", "op-omar");
        let commands = json!([
            { "type": "machine.register", "id": "m1", "operator_user_id": maya, "wallet_id": "w1",
              "fiat_code": "GTQ", "machine_npub": npub },
            { "type": "machine.register", "id": "m2", "operator_user_id": omar, "wallet_id": "w2",
              "fiat_code": "GTQ" },
            { "type": "lp.set", "user_id": "ana", "dca_wallet_id": "w-ana" },
            { "type": "client.enroll", "id": "ana-m1", "machine_id": "m1", "user_id": "ana" },
            { "type": "deposit.record", "id": "d1", "client_id": "ana-m1", "amount": "5000.00",
              "creator_user_id": maya },
            { "type": "deposit.confirm", "id": "d1" },
        ]);
        let answers = world.command(&world.admin, &commands).is(200);
        let all = answers.as_array().expect("answers");
        assert!(all.iter().all(|answer| answer["status"] == "accepted"), "{answers:#}");
        world
    }

    /// Runs a command beside the server, which has to succeed; what it printed.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> String {
        let mut command = program();
        command.arg("--ledger").arg(self.dir.path().join("ledger")).args(args);
        let done = command.output().expect("run");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    pub fn restart(&mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("ended");
        (self.child, self.origin) = start(self.dir.path());
    }

    pub fn command(&self, by: &Person, body: &Value) -> Said {
        self.send("POST", "/v1/commands", Some(body.to_string()), Some(by))
    }

    pub fn get(&self, by: &Person, path: &str) -> Said {
        self.send("GET", path, None, Some(by))
    }

    /// The `Authorization` header of a request.
    pub fn sign(&self, by: &Person, method: &str, path: &str, body: Option<&str>) -> String {
        let at = Timestamp::now();
        Self::sign_at(by, method, &format!("{}{path}", self.origin), body, at)
    }

    pub fn sign_at(
        by: &Person,
        method: &str,
        url: &str,
        body: Option<&str>,
        at: Timestamp,
    ) -> String {
        let method = if method == "POST" { HttpMethod::POST } else { HttpMethod::GET };
        let mut data = HttpData::new(Url::parse(url).expect("a URL"), method);
        if let Some(body) = body {
            let hash: [u8; 32] = Sha256::digest(body.as_bytes()).into();
            data = data.payload(nostr_sdk::hashes::sha256::Hash::from_bytes_ref(&hash).to_owned());
        }
        // One event a request: two of the same second would be the same event.
        let nonce = nostr_sdk::Tag::parse(["nonce", &next().to_string()]).expect("a tag");
        let event = EventBuilder::http_auth(data).tag(nonce).custom_created_at(at);
        let event = event.sign_with_keys(&by.keys).expect("signed");
        format!("Nostr {}", base64(event.as_json().as_bytes()))
    }

    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        by: Option<&Person>,
    ) -> Said {
        let signed = by.map(|by| self.sign(by, method, path, body.as_deref()));
        self.send_with(method, path, body, signed)
    }

    pub fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        authorization: Option<String>,
    ) -> Said {
        let url = format!("{}{path}", self.origin);
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answered = match body {
            Some(body) => self.agent.run(request.body(body).expect("a request")),
            None => self.agent.run(request.body(()).expect("a request")),
        };
        let mut answered = answered.expect("an answer");
        let headers = answered.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned()))
            .collect();
        let status = answered.status().as_u16();
        let mut text = String::new();
        answered.body_mut().as_reader().read_to_string(&mut text).expect("text");
        Said { status, headers, text }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(dir: &std::path::Path) -> (Child, String) {
    let mut command = program();
    command.arg("--ledger").arg(dir.join("ledger")).args(["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--config").arg(dir.join("serve.toml")).stdout(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let origin = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}"));
    (child, origin.to_owned())
}

fn next() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub fn base64(bytes: &[u8]) -> String {
    use nostr_sdk::prelude::base64::Engine as _;
    nostr_sdk::prelude::base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn hash(number: u64) -> String {
    format!("{number:064x}")
}

/// A cash-out of 2,000 at m1.
pub fn claim(number: u64) -> Value {
    json!({ "type": "settlement.claim", "payment_hash": hash(number), "machine_id": "m1",
        "tx_type": "cash_out", "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
        "fiat_amount": "2000.00", "fiat_code": "GTQ", "exchange_rate": "129.5145" })
}
