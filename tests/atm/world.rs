//! A machine with its directory, and the real program that it runs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// No command of a test may take longer: what hangs, fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Done {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    /// Its output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:#?}"))
    }

    /// Its output as JSON lines; a last one without its end was cut off.
    pub fn lines(&self) -> Vec<Value> {
        let whole = self.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Runs a program to its end.
pub fn finish(mut command: Command, input: &str) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    // A program that dies reads no further.
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let id = child.id().to_string();
    let (tell, ended) = std::sync::mpsc::channel::<()>();
    let watching = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    });
    let done = child.wait_with_output().expect("ended");
    drop(tell);
    writing.join().expect("no panic");
    watching.join().expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Done { status: done.status, out: text(done.stdout), err: text(done.stderr) }
}

/// A machine.
pub struct Machine {
    dir: PathBuf,
    pub id: String,
    pub npub: String,
}

impl Machine {
    /// Makes its directory. `ways` are the arguments that say where the ledger is.
    pub fn new(within: &Path, id: &str, ledger_key: &str, ways: &[&str]) -> Self {
        let dir = within.join(id);
        let mut machine = Self { dir, id: id.to_owned(), npub: String::new() };
        let begin = ["init", "--machine-id", id, "--ledger-key", ledger_key];
        let made = machine.atm(&[&begin, ways].concat(), "").expect(0);
        made.out.trim().clone_into(&mut machine.npub);
        assert!(machine.npub.starts_with("npub1"), "{made:?}");
        // Quick enough for a test.
        machine.set("retry_min_ms", 200);
        machine.set("retry_max_ms", 1_000);
        machine
    }

    /// Changes a number of its settings.
    pub fn set(&self, key: &str, value: u64) {
        let path = self.dir.join("atm.toml");
        let text = std::fs::read_to_string(&path).expect("settings");
        let lines = text.lines().map(|line| {
            let is_it = line.split(" = ").next() == Some(key);
            if is_it { format!("{key} = {value}\n") } else { format!("{line}\n") }
        });
        let text: String = lines.collect();
        assert!(text.contains(&format!("{key} = {value}\n")), "{text}");
        std::fs::write(path, text).expect("written");
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.arg("atm").arg("--dir").arg(&self.dir).args(args);
        command.env_remove("SPIRELEDGER_CRASH");
        command
    }

    pub fn atm(&self, args: &[&str], input: &str) -> Done {
        finish(self.command(args), input)
    }

    /// Puts claims of settlements; the answers.
    pub fn put(&self, settlements: &[String]) -> Vec<Value> {
        self.atm(&["put"], &self.lines(settlements)).expect(0).lines()
    }

    pub fn lines(&self, settlements: &[String]) -> String {
        joined(&settlements.iter().map(|hash| self.claim(hash)).collect::<Vec<_>>())
    }

    /// A cash-out of 2,000.
    pub fn claim(&self, hash: &str) -> Value {
        json!({ "type": "settlement.claim", "payment_hash": hash, "machine_id": self.id,
            "tx_type": "cash_out", "wire_sats": 266_800, "principal_sats": 259_029,
            "fee_sats": 7_771, "fiat_amount": "2000.00", "fiat_code": "GTQ",
            "exchange_rate": "129.5145" })
    }

    /// Sends until nothing waits.
    pub fn run_once(&self) -> Done {
        self.atm(&["run", "--once", "--wait", "50", "--json"], "")
    }

    /// What has become of the claims.
    pub fn list(&self) -> Vec<Value> {
        self.atm(&["list", "--json"], "").expect(0).lines()
    }

    /// Sends in the background, until it is told to stop.
    pub fn running(&self) -> Running {
        let mut command = self.command(&["run"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        Running(child)
    }

    /// Waits until every claim has its receipt.
    #[track_caller]
    pub fn until_done(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        loop {
            let list = self.list();
            let done = list.iter().filter(|claim| claim["status"] == "done").count();
            if done == count {
                return;
            }
            assert!(Instant::now() < end, "{done} of {count} are done: {list:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A machine that is sending.
pub struct Running(Child);

impl Running {
    /// As systemd would.
    #[track_caller]
    pub fn stop(mut self) {
        let id = self.0.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("run");
        assert!(told.success());
        let ended = self.0.wait().expect("ended");
        assert_eq!(ended.code(), Some(0), "it ends well");
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// JSON lines.
pub fn joined(values: &[Value]) -> String {
    let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

/// So many payment hashes of a machine.
pub fn hashes(machine: u64, count: u64) -> Vec<String> {
    (1..=count).map(|number| format!("{machine:032x}{number:032x}")).collect()
}
