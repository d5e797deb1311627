//! A small world for the tests: a directory, the binary, and what it said.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A place of its own for one test.
pub struct World {
    dir: tempfile::TempDir,
}

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// An empty place.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A place with an empty ledger.
    pub fn with_ledger() -> Self {
        let world = Self::new();
        world.run(&["init"]).succeeds();
        world
    }

    /// A place with a ledger of a small fleet: one machine, one LP with a balance.
    pub fn with_fleet() -> Self {
        let world = Self::with_ledger();
        world.submit(FLEET).succeeds();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.current_dir(self.dir.path()).env_remove("SPIRELEDGER_DIR").args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, "")
    }

    pub fn submit(&self, lines: &str) -> Run {
        self.run_with(&["submit", "-"], lines)
    }

    pub fn run_with(&self, args: &[&str], input: &str) -> Run {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // A command that reads no input may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        });
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("written");
        let run = Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("readable")
    }
}

impl Run {
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    pub fn succeeds(self) -> Self {
        self.ends_with(0)
    }

    /// Standard error says all of this.
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in {:?}", self.err);
        }
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("one JSON document")
    }

    /// One JSON value a line.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    /// The status of each answer.
    pub fn statuses(&self) -> Vec<String> {
        let status = |line: &Value| line["status"].as_str().expect("a status").to_owned();
        self.lines().iter().map(status).collect()
    }
}

/// All files of a directory with their bytes, by name.
pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for item in std::fs::read_dir(dir).expect("a directory").flatten() {
        if item.path().is_file() {
            let name = item.file_name().to_string_lossy().into_owned();
            files.push((name, std::fs::read(item.path()).expect("readable")));
        }
    }
    files.sort();
    files
}

/// One machine, one LP with a balance of 500.00.
pub const FLEET: &str = r#"{"type":"config.set","super_cash_in_fee_fraction":"0.01","super_cash_out_fee_fraction":"0.0100","super_fee_wallet_id":"wallet-super","request_id":"r1"}
{"type":"machine.register","id":"m1","operator_user_id":"op","wallet_id":"wallet-m1","fiat_code":"GTQ","operator_cash_out_fee_fraction":"0.02"}
{"type":"lp.set","user_id":"ana","dca_wallet_id":"wallet-ana"}
{"type":"client.enroll","id":"c1","machine_id":"m1","user_id":"ana"}
{"type":"deposit.record","id":"d1","client_id":"c1","amount":"500.00","creator_user_id":"op"}
{"type":"deposit.confirm","id":"d1"}
"#;

/// A payment hash that tells which one it is.
pub fn hash(n: u32) -> String {
    format!("{n:064x}")
}

/// A cash-out of 2000.00 for 266,800 sats, as one line.
pub fn claim(n: u32) -> String {
    format!(
        "{{\"type\":\"settlement.claim\",\"payment_hash\":\"{}\",\"machine_id\":\"m1\",\
         \"tx_type\":\"cash_out\",\"wire_sats\":266800,\"principal_sats\":259029,\
         \"fee_sats\":7771,\"fiat_amount\":\"2000.00\",\"fiat_code\":\"GTQ\",\
         \"exchange_rate\":\"129.5145\",\"occurred_at\":1767225600}}\n",
        hash(n)
    )
}
