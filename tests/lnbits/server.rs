//! An LNbits of our own: installed, started, with wallets full of sats from nowhere.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long it may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running LNbits. It ends with the last test that holds it.
pub struct Server {
    child: Child,
    pub url: String,
    token: String,
    data: tempfile::TempDir,
}

/// A wallet and its keys.
#[derive(Clone)]
pub struct Wallet {
    pub id: String,
    pub admin_key: String,
    pub invoice_key: String,
}

/// The one that all tests share; none, and why, where it cannot be installed.
pub fn shared() -> Option<Arc<Server>> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().expect("no test died while it was starting");
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(Server::start(&installed()?));
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// Where LNbits is.
fn installed() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lnbits/install");
    let output = Command::new(script).output().expect("there is a shell");
    if output.status.code() == Some(3) {
        let why = String::from_utf8_lossy(&output.stderr);
        // Straight to the terminal: what a test prints is caught.
        let told = format!("SKIPPED, paying over a real LNbits: {}\n", why.trim());
        let _ = std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes());
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("a path").trim().into())
}

impl Server {
    fn start(place: &Path) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a free port").port();
        let log = std::fs::File::create(data.path().join("log")).expect("a file");
        let mut command = Command::new(place.join("bin/lnbits"));
        command
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            // It looks for its own files from there.
            .current_dir(site_packages(place))
            .env("LNBITS_DATA_FOLDER", data.path())
            .env("LNBITS_BACKEND_WALLET_CLASS", "FakeWallet")
            .env("LNBITS_RATE_LIMIT_NO", "1000000")
            .env("AUTH_SECRET_KEY", "a test has no secrets")
            .stdout(Stdio::from(log.try_clone().expect("a file")))
            .stderr(Stdio::from(log));
        let child = command.spawn().expect("LNbits starts");
        let url = format!("http://127.0.0.1:{port}");
        let mut server = Self { child, url, token: String::new(), data };
        server.wait();
        let name =
            json!({ "username": "admin", "password": "password", "password_repeat": "password" });
        server.send("PUT", "/api/v1/auth/first_install", &name);
        let token = server.send("POST", "/api/v1/auth", &name);
        server.token = token["access_token"].as_str().expect("a token").into();
        server
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while ureq::get(format!("{}/api/v1/health", self.url)).call().is_err() {
            let ended = self.child.try_wait().expect("its state");
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default();
                panic!("LNbits does not come up ({ended:?}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.url);
        let request = if method == "PUT" { ureq::put(url) } else { ureq::post(url) };
        let request = request
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        let mut answer = request.send(body.to_string()).expect("LNbits does it");
        serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON")
    }

    /// A new wallet with so many sats.
    pub fn wallet(&self, name: &str, sats: u64) -> Wallet {
        let made = self.send("POST", "/api/v1/wallet", &json!({ "name": name }));
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        let wallet =
            Wallet { id: text("id"), admin_key: text("adminkey"), invoice_key: text("inkey") };
        if sats > 0 {
            let more = json!({ "id": wallet.id, "amount": sats });
            self.send("PUT", "/users/api/v1/balance", &more);
        }
        wallet
    }

    /// What a wallet holds, in sats; there are no others.
    pub fn sats(&self, wallet: &Wallet) -> u64 {
        let url = format!("{}/api/v1/wallet", self.url);
        let mut answer =
            ureq::get(url).header("X-Api-Key", &wallet.invoice_key).call().expect("an answer");
        let text = answer.body_mut().read_to_string().expect("text");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let msat = json["balance"].as_u64().expect("a balance");
        assert_eq!(msat % 1_000, 0, "parts of a sat");
        msat / 1_000
    }

    /// An invoice over so many sats into a wallet.
    pub fn invoice(&self, wallet: &Wallet, mut body: Value) -> String {
        body["out"] = json!(false);
        let url = format!("{}/api/v1/payments", self.url);
        let request = ureq::post(url)
            .header("X-Api-Key", &wallet.invoice_key)
            .header("Content-Type", "application/json");
        let mut answer = request.send(body.to_string()).expect("an invoice");
        let text = answer.body_mut().read_to_string().expect("text");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        json["bolt11"].as_str().expect("an invoice").into()
    }

    /// Pays an invoice by hand.
    pub fn pay(&self, wallet: &Wallet, bolt11: &str) {
        let url = format!("{}/api/v1/payments", self.url);
        let request = ureq::post(url)
            .header("X-Api-Key", &wallet.admin_key)
            .header("Content-Type", "application/json");
        request.send(json!({ "out": true, "bolt11": bolt11 }).to_string()).expect("paid");
    }
}

fn site_packages(place: &Path) -> PathBuf {
    let lib = std::fs::read_dir(place.join("lib")).expect("an environment has a lib");
    let of_python = lib.flatten().map(|item| item.path().join("site-packages"));
    of_python.into_iter().find(|path| path.join("lnbits").is_dir()).expect("LNbits is there")
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
