//! `reconcile`, against wallets whose payments are made up: each way in which ledger and wallet can differ.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http::listen;
use crate::world::{World, claim, hash};

/// The payments of the platform's fee and of the LP.
const FEE: u32 = 100;
const LP: u32 = 101;
/// Of something else.
const OTHER: u32 = 102;

/// A payment in a wallet's own books: which wallet and hash, millisats, status.
type Row = (&'static str, u32, i64, &'static str);

/// All that the ledger expects.
const AGREED: [Row; 5] = [
    ("wallet-m1", 1, 266_800_000, "success"),
    ("wallet-m1", FEE, -2_590_000, "success"),
    ("wallet-super", FEE, 2_590_000, "success"),
    ("wallet-m1", LP, -64_757_000, "success"),
    ("wallet-ana", LP, 64_757_000, "success"),
];

/// A ledger of one cash-out that was paid, and the wallets of an LNbits whose payments can be changed.
struct Wallets {
    world: World,
    rows: Arc<Mutex<Vec<Row>>>,
}

impl Wallets {
    /// `last` is the outcome of the LP's leg.
    fn new(last: &str) -> Self {
        let world = World::with_fleet();
        world.submit(&claim(1)).succeeds();
        let outcome = |leg: u32, status: &str, paid: Option<u32>| {
            json!({ "type": "leg.outcome", "payment_hash": hash(1), "status": status,
                "leg_id": format!("{}:{leg}", hash(1)), "external_payment_hash": paid.map(hash) })
        };
        let lines = [
            json!({ "type": "settlement.begin", "payment_hash": hash(1), "processing_claim": "w" }),
            outcome(1, "completed", Some(FEE)),
            outcome(2, "completed", None),
            json!({ "type": "leg.intend", "payment_hash": hash(1), "amount_sats": 64_757,
                "leg_id": format!("{}:3", hash(1)), "external_payment_hash": hash(LP),
                "bolt11": "lnbc1", "from_wallet_id": "wallet-m1", "expires_at": 1_795_000_000 }),
            outcome(3, last, Some(LP)),
        ];
        let lines = if last == "intended" { &lines[..4] } else { &lines[..] };
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        world.submit(&lines.join("\n")).succeeds();
        let rows: Arc<Mutex<Vec<Row>>> = Arc::default();
        let shown = Arc::clone(&rows);
        let lnbits = listen(move |request| {
            let is_question = request.path().starts_with("/api/v1/payments?");
            assert!(is_question && request.body.is_empty(), "{} {}", request.line, request.body);
            let head = request.head.to_lowercase();
            let key = head.lines().find_map(|line| line.strip_prefix("x-api-key:"));
            let wallet = key.expect("a key").trim().strip_prefix("key-of-").expect("of a wallet");
            let rows = shown.lock().expect("whole");
            let rows = rows.iter().filter(|(of, ..)| *of == wallet);
            let row = |(_, number, amount, status): &Row| {
                json!({ "payment_hash": hash(*number), "amount": amount, "fee": -7,
                    "status": status, "memo": "made up" })
            };
            Some((200, Value::Array(rows.map(row).collect()).to_string()))
        });
        let keys: BTreeMap<&str, Value> = ["wallet-m1", "wallet-super", "wallet-ana"]
            .into_iter()
            .map(|wallet| (wallet, json!({ "invoice_key": format!("key-of-{wallet}") })))
            .collect();
        let file = json!({ "lnbits": format!("http://{lnbits}"), "wallets": keys });
        let path = world.path("wallets.json");
        std::fs::write(&path, file.to_string()).expect("written");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
        Self { world, rows }
    }

    /// What is found where the wallets show this: kind, wallet, number of the hash, way; and how many
    /// payments agree. The exit code says whether anything is open, and so does the table.
    fn check(&self, what: &str, rows: Vec<Row>, open: &[(&str, &str, u32, &str)], agreed: u64) {
        *self.rows.lock().expect("whole") = rows;
        let args = ["reconcile", "--wallets", "wallets.json"];
        let code = i32::from(!open.is_empty());
        let report = self.world.run(&[&args[..], &["--json"]].concat()).ends_with(code).json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let found: Vec<[String; 4]> = report["open"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|open| ["kind", "wallet_id", "payment_hash", "side"].map(|name| text(&open[name])))
            .collect();
        let open: Vec<[String; 4]> = open
            .iter()
            .map(|(kind, wallet, number, side)| {
                [(*kind).into(), (*wallet).into(), hash(*number), (*side).into()]
            })
            .collect();
        assert_eq!(found, open, "{what}");
        assert_eq!(report["agreed"], agreed, "{what}");
        let table = self.world.run(&args).ends_with(code).out;
        assert!(
            table.contains(&format!("{agreed} payments agree, {} open", open.len())),
            "{table}"
        );
        for [kind, ..] in &open {
            assert!(table.contains(&kind.replace('_', " ")), "{what}: {table}");
        }
    }
}

fn with(row: Row) -> Vec<Row> {
    [&AGREED[..], &[row]].concat()
}

/// All but what the machine's wallet shows of the fee, and this instead.
fn fee_is(rows: &[Row]) -> Vec<Row> {
    let others =
        AGREED.iter().filter(|(wallet, number, ..)| (*wallet, *number) != ("wallet-m1", FEE));
    others.chain(rows).copied().collect()
}

#[test]
fn every_way_in_which_ledger_and_wallets_differ_is_named() {
    let wallets = Wallets::new("completed");
    let out = |kind| (kind, "wallet-m1", FEE, "out");
    wallets.check("both have the same", AGREED.to_vec(), &[], 5);
    wallets.check("the wallet lacks it", fee_is(&[]), &[out("missing_there")], 4);
    for (msat, status, kind) in [
        (-2_590_001, "success", "other_amount"),
        (-2_589_000, "success", "other_amount"),
        (-2_590_000, "pending", "still_pending"),
        (-2_590_000, "failed", "missing_there"),
    ] {
        let rows = fee_is(&[("wallet-m1", FEE, msat, status)]);
        wallets.check(&format!("{msat} {status}"), rows, &[out(kind)], 4);
    }
    let twice = [("wallet-m1", FEE, -2_590_000, "success"); 2];
    wallets.check("paid twice", fee_is(&twice), &[out("two_rows")], 4);
    let again = ("wallet-m1", FEE, -2_590_000, "failed");
    wallets.check("an attempt that failed moved nothing", with(again), &[], 5);
    let again = ("wallet-m1", FEE, -2_590_000, "pending");
    wallets.check("a second attempt is under way", with(again), &[out("still_pending")], 4);
    // The other side of a payment is compared, too.
    let rows = AGREED.iter().filter(|(wallet, ..)| *wallet != "wallet-ana").copied().collect();
    wallets.check("it never arrived", rows, &[("missing_there", "wallet-ana", LP, "in")], 4);
    let all = [
        ("missing_there", "wallet-ana", LP, "in"),
        ("missing_there", "wallet-m1", 1, "in"),
        ("missing_there", "wallet-m1", FEE, "out"),
        ("missing_there", "wallet-m1", LP, "out"),
        ("missing_there", "wallet-super", FEE, "in"),
    ];
    wallets.check("nothing is there", Vec::new(), &all, 0);
}

#[test]
fn what_only_a_machine_s_wallet_knows_is_named_and_what_others_do_is_their_own() {
    let wallets = Wallets::new("completed");
    for (msat, status, kind) in [
        (7_000, "success", Some(("missing_here", "in"))),
        (-7_000, "success", Some(("missing_here", "out"))),
        (-7_000, "pending", Some(("still_pending", "out"))),
        // Nobody has paid it yet, or ever will.
        (7_000, "pending", None),
        (-7_000, "failed", None),
    ] {
        let open = kind.map(|(kind, side)| (kind, "wallet-m1", OTHER, side));
        let rows = with(("wallet-m1", OTHER, msat, status));
        wallets.check(&format!("{msat} {status}"), rows, open.as_slice(), 5);
        wallets.check("an LP's own", with(("wallet-ana", OTHER, msat, status)), &[], 5);
    }
    let twice = [with(("wallet-m1", OTHER, 7_000, "success")), vec![AGREED[0]]].concat();
    let open = [("missing_here", "wallet-m1", OTHER, "in"), ("two_rows", "wallet-m1", 1, "in")];
    wallets.check("the customer paid twice", twice, &open, 4);
}

#[test]
fn what_is_under_way_here_is_pending_until_its_outcome_is_written() {
    let wallets = Wallets::new("intended");
    let open = [("still_pending", "wallet-m1", LP, "out")];
    for status in ["pending", "success", "failed"] {
        let mut rows = AGREED.to_vec();
        rows[3].3 = status;
        // Whether it arrived is not asked before it is known to have been paid.
        wallets.check(status, rows, &open, 3);
    }
    let failed = Wallets::new("failed");
    let mut rows = AGREED[..4].to_vec();
    rows[3].3 = "failed";
    failed.check("both say that it failed", rows.clone(), &[], 3);
    rows[3].3 = "success";
    let open = [("missing_here", "wallet-m1", LP, "out")];
    failed.check("only the ledger says so", rows, &open, 3);
}
