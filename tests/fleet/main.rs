//! Two hundred machines report to one server, half of them over HTTP and half over Nostr, while
//! connections break, messages come twice and in any order, relays go away and the server is killed. In
//! the end every settlement is there exactly once, and every machine holds one receipt for each.

mod chaos;
mod http;
mod nostr;
mod server;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nostr_sdk::Keys;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::chaos::Proxy;
use crate::server::{Relays, Server};

const MACHINES: usize = 200;
const CLAIMS: usize = 5;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(4);

/// What a machine was told of one claim: seq and hash of the entry.
type Receipts = BTreeMap<String, (u64, String)>;

/// A machine and what it has to report.
struct Machine {
    number: usize,
    keys: Keys,
    claims: Vec<Value>,
}

impl Machine {
    fn new(number: usize) -> Self {
        let mut secret = [0x5a; 32];
        secret[..8].copy_from_slice(&number.to_be_bytes());
        let secret = nostr_sdk::SecretKey::from_slice(&secret).expect("a secret");
        let claims = (0..CLAIMS).map(|claim| claim_of(number, claim)).collect();
        Self { number, keys: Keys::new(secret), claims }
    }

    fn id(&self) -> String {
        format!("m{}", self.number)
    }
}

fn claim_of(machine: usize, claim: usize) -> Value {
    let hash = format!("{:064x}", machine * 1_000 + claim + 1);
    json!({ "payment_hash": hash, "machine_id": format!("m{machine}"), "tx_type": "cash_out",
        "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
        "fiat_amount": "2000.00", "fiat_code": "GTQ", "exchange_rate": "129.5145",
        "machine_seq": claim + 1 })
}

/// Answers that said that a claim was there already.
static REPLAYED: AtomicUsize = AtomicUsize::new(0);
/// Claims whose way or answer was lost.
static LOST: AtomicUsize = AtomicUsize::new(0);

/// Remembers a receipt; another one for the same claim has to be the same.
fn take(receipts: &mut Receipts, answer: &Value) -> bool {
    let (hash, seq) = (answer["payment_hash"].as_str(), answer["seq"].as_u64());
    let (Some(hash), Some(seq)) = (hash, seq) else { return false };
    if [&answer["status"], &answer["outcome"]].iter().any(|said| **said == "replayed") {
        REPLAYED.fetch_add(1, Ordering::Relaxed);
    }
    let entry = answer["entry_hash"].as_str().expect("a receipt").to_owned();
    let first = receipts.entry(hash.to_owned()).or_insert_with(|| (seq, entry.clone()));
    assert_eq!(*first, (seq, entry), "two receipts for {hash}");
    true
}

#[test]
fn every_settlement_is_there_exactly_once_whatever_happens_on_the_way() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        timeout(PATIENCE, report_all()).await.expect("all were told in time");
    });
}

async fn report_all() {
    let machines: Vec<Machine> = (0..MACHINES).map(Machine::new).collect();
    let mut relays = Relays::start(2).await;
    let proxy = Proxy::begin().await;
    let mut server = Server::new(&relays.urls, &proxy.origin());
    register(&server, &machines);
    server.start();
    proxy.leads_to(server.port);
    let ledger = server.nostr_key();
    let mut reporting = JoinSet::new();
    for machine in machines {
        let (origin, urls) = (proxy.origin(), relays.urls.clone());
        if machine.number % 2 == 0 {
            reporting.spawn_blocking(move || http::report(&machine, &origin));
        } else {
            reporting.spawn(async move { nostr::report(&machine, ledger, &urls).await });
        }
    }
    for round in 0..4 {
        sleep(Duration::from_millis(1_200)).await;
        server.kill();
        relays.restart(round % 2).await;
        server.start();
    }
    let mut receipts = Receipts::new();
    while let Some(told) = reporting.join_next().await {
        receipts.extend(told.expect("a machine that ends well"));
    }
    server.stop();
    check(&server, &receipts);
}

fn register(server: &Server, machines: &[Machine]) {
    let lines: Vec<String> = machines
        .iter()
        .map(|machine| {
            let command = json!({ "type": "machine.register", "id": machine.id(),
                "operator_user_id": "op", "wallet_id": format!("w{}", machine.number),
                "fiat_code": "GTQ", "machine_npub": machine.keys.public_key().to_hex() });
            format!("{command}\n")
        })
        .collect();
    server.run(&["submit"], &lines.concat());
}

/// What went wrong on the way is what this is about: it did. And what the machines were told, what the log holds, and what the tables say is the same.
fn check(server: &Server, receipts: &Receipts) {
    assert_eq!(receipts.len(), MACHINES * CLAIMS, "every claim has its receipt");
    let (replayed, lost) = (REPLAYED.load(Ordering::Relaxed), LOST.load(Ordering::Relaxed));
    assert!(replayed > 10 && lost > 10, "{replayed} replays, {lost} lost");
    let rows = server.run(
        &["sql", "--json", "SELECT payment_hash, COUNT(*) AS n FROM dca_settlements GROUP BY 1"],
        "",
    );
    let mut settled = 0;
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        let hash = row["payment_hash"].as_str().expect("a hash");
        assert!(receipts.contains_key(hash), "{hash} was never answered");
        assert_eq!(row["n"], 1, "{hash}");
        settled += 1;
    }
    assert_eq!(settled, MACHINES * CLAIMS);
    let stats: Value = serde_json::from_str(&server.run(&["log", "stats", "--json"], "")).unwrap();
    assert_eq!(stats["entries"], MACHINES + MACHINES * CLAIMS, "one entry each, and no more");
    for (hash, (seq, entry)) in receipts.iter().step_by(97) {
        let trace = server.run(&["trace", hash, "--json"], "");
        let trace: Value = serde_json::from_str(&trace).expect("JSON");
        let first = &trace["entries"][0];
        assert_eq!((first["seq"].as_u64(), first["hash"].as_str()), (Some(*seq), Some(&**entry)));
    }
    server.run(&["verify"], "");
}
