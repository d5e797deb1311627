//! A small fleet whose wallets are real: a machine that took 266,800 sats of a customer, an LP, the
//! platform, and an operator who splits its fee.

use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::{Server, Wallet};

/// What came in over Lightning.
pub const WIRE: u64 = 266_800;
/// What everybody has in the end: machine (retained), LP, platform, operator.
pub const SHARES: [u64; 4] = [194_272, 64_757, 2_590, 5_181];
/// Legs that need a payment.
pub const LEGS: u64 = 3;

pub struct World {
    pub server: Arc<Server>,
    dir: tempfile::TempDir,
    /// Machine, LP, platform, operator.
    pub wallets: [Wallet; 4],
}

#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl World {
    /// A claimed cash-out, not begun. The operator's fee goes to this target, or to its wallet.
    pub fn new(server: &Arc<Server>, target: Option<&str>) -> Self {
        let wallets = [("machine", WIRE), ("lp", 0), ("platform", 0), ("operator", 0)];
        let wallets = wallets.map(|(name, sats)| server.wallet(name, sats));
        let dir = tempfile::tempdir().expect("a temporary directory");
        let world = Self { server: Arc::clone(server), dir, wallets };
        world.write_wallets(&server.url);
        world.run(&["init"]).ends_with(0);
        let [machine, lp, platform, operator] = world.wallets.each_ref().map(|wallet| &wallet.id);
        world.submit(&[
            json!({ "type": "config.set", "super_cash_out_fee_fraction": "0.01",
                "super_fee_wallet_id": platform }),
            json!({ "type": "machine.register", "id": "m1", "operator_user_id": "op",
                "wallet_id": machine, "fiat_code": "GTQ", "operator_cash_out_fee_fraction": "0.02" }),
            json!({ "type": "splits.set", "operator_user_id": "op",
                "splits": [{ "target": target.unwrap_or(operator), "fraction": "1" }] }),
            json!({ "type": "lp.set", "user_id": "ana", "dca_wallet_id": lp }),
            json!({ "type": "client.enroll", "id": "c1", "machine_id": "m1", "user_id": "ana" }),
            json!({ "type": "deposit.record", "id": "d1", "client_id": "c1", "amount": "500.00",
                "creator_user_id": "op" }),
            json!({ "type": "deposit.confirm", "id": "d1" }),
            json!({ "type": "settlement.claim", "payment_hash": hash(), "machine_id": "m1",
                "tx_type": "cash_out", "wire_sats": WIRE, "principal_sats": 259_029,
                "fee_sats": 7_771, "fiat_amount": "2000.00", "fiat_code": "GTQ",
                "exchange_rate": "129.5145", "occurred_at": 1_767_225_600 }),
        ]);
        world
    }

    /// Writes the wallets file, closed to others. Invoices expire soon, so that what was not sent is
    /// soon known not to have been.
    pub fn write_wallets(&self, url: &str) {
        use std::os::unix::fs::OpenOptionsExt as _;
        let keys = self.wallets.iter().map(|wallet| {
            let keys = json!({ "admin_key": wallet.admin_key, "invoice_key": wallet.invoice_key });
            (wallet.id.clone(), keys)
        });
        let keys: serde_json::Map<String, Value> = keys.collect();
        let file =
            json!({ "lnbits": url, "wallets": keys, "invoice_seconds": 3, "grace_seconds": 0 });
        let mut options = std::fs::OpenOptions::new();
        let open = options.write(true).create(true).truncate(true).mode(0o600);
        let mut to = open.open(self.dir.path().join("wallets.json")).expect("a file");
        std::io::Write::write_all(&mut to, file.to_string().as_bytes()).expect("written");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.current_dir(self.dir.path()).env_remove("SPIRELEDGER_DIR").args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(args))
    }

    /// Sends commands, which must all be accepted.
    pub fn submit(&self, commands: &[Value]) {
        let lines: Vec<String> = commands.iter().map(ToString::to_string).collect();
        let file = self.dir.path().join("commands");
        std::fs::write(&file, lines.join("\n")).expect("written");
        let run = self.run(&["submit", file.to_str().expect("plain")]).ends_with(0);
        assert_eq!(run.out.matches("accepted").count(), commands.len(), "{run:#?}");
    }

    /// A payer that may be killed.
    pub fn pay(&self, more: &[&str], crash: Option<&str>) -> Run {
        let args = [&["pay", "--wallets", "wallets.json", "--begin"], more].concat();
        let mut command = self.command(&args);
        if let Some(crash) = crash {
            command.env("SPIRELEDGER_CRASH", crash);
        }
        Run::of(&mut command)
    }

    /// What each wallet holds.
    pub fn sats(&self) -> [u64; 4] {
        self.wallets.each_ref().map(|wallet| self.server.sats(wallet))
    }

    /// All was paid, once: in the wallets, in the books, and both agree.
    pub fn is_paid_once(&self) {
        assert_eq!(self.sats(), SHARES);
        let trace = self.run(&["trace", &hash(), "--json"]).ends_with(0).json();
        assert_eq!(trace["status"], "processed");
        self.run(&["verify"]).ends_with(0);
        self.run(&["stuck"]).ends_with(0);
    }
}

impl Run {
    fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:#?}"))
    }
}

/// The settlement's payment hash.
pub fn hash() -> String {
    format!("9f{:062x}", 1)
}
