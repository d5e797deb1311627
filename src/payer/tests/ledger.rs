//! A ledger in memory around the real rules. It can stop before or after it has written something.

use std::cell::{Cell, RefCell};

use serde_json::{Value, json};
use spireledger_projections::{Fleet, Settlement};
use spireledger_schema::answer::Receipt;
use spireledger_schema::command::Body;
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, MachineId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{
    Answer, Circumstances, Command, Entry, EntryHash, EntryKey, Event, Front,
};

use crate::ledger::LedgerError;
use crate::payer::Books;
use crate::payer::books::{forward_address, objection};
use crate::rules::{Decision, Found, Request, decide, needs};

/// When the ledger stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Never,
    Before,
    After,
}

pub struct Memory {
    log: RefCell<Vec<Entry>>,
    fleet: RefCell<Fleet>,
    /// Seconds since 1970.
    pub now: Cell<i64>,
    /// Asked at each thing that is said.
    pub stop: RefCell<Box<dyn FnMut() -> Stop>>,
}

impl Memory {
    pub fn new() -> Self {
        Self {
            log: RefCell::default(),
            fleet: RefCell::default(),
            now: Cell::new(1_767_225_600),
            stop: RefCell::new(Box::new(|| Stop::Never)),
        }
    }

    pub fn time(&self) -> Timestamp {
        Timestamp::from_seconds(self.now.get()).unwrap()
    }

    pub fn log(&self) -> Vec<Entry> {
        self.log.borrow().clone()
    }

    pub fn answer(&self, command: Value) -> Answer {
        self.decided(Command::parse(&command.to_string()).unwrap())
    }

    pub fn accept(&self, command: Value) {
        let answer = self.answer(command);
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }

    fn decided(&self, command: Command) -> Answer {
        let request = Request::local(command);
        let wanted = needs(&self.fleet.borrow(), &request);
        let stream: Vec<Entry> =
            { self.log() }.into_iter().filter(|entry| entry.front.key == wanted.stream).collect();
        let found = Found { stream: stream.clone(), aliased: None };
        let receipt = |entry: &Entry| Receipt::of(entry, EntryHash::GENESIS);
        let decision = decide(&self.fleet.borrow(), &found, &request, self.time()).unwrap();
        match decision {
            Decision::Append(event) => {
                let entry = self.entry(event, &wanted.stream);
                self.fleet.borrow_mut().apply(&entry).unwrap();
                self.log.borrow_mut().push(entry.clone());
                Answer::Accepted(receipt(&entry))
            }
            Decision::Replay(seq) => {
                let entry = stream.iter().find(|entry| entry.front.seq == seq).unwrap();
                Answer::Replayed(receipt(entry))
            }
            Decision::Refuse { refusal, .. } => Answer::Refused(refusal),
        }
    }

    fn entry(&self, event: Event, key: &EntryKey) -> Entry {
        let seq = self.log.borrow().len() as u64 + 1;
        let circumstances = Circumstances {
            recorded_at: self.time(),
            occurred_at: None,
            actor: Actor::Local,
            request_id: None,
            evidence: None,
        };
        Entry { front: Front { seq, key: *key, alias: None }, circumstances, event }
    }
}

impl Books for Memory {
    fn open(&self) -> Result<Vec<PaymentHash>, LedgerError> {
        Ok(vec![hash()])
    }

    fn settlement(&self, hash: &PaymentHash) -> Result<Option<Settlement>, LedgerError> {
        let log = self.log();
        Ok(Settlement::fold(log.iter().filter(|entry| entry.front.key == hash.key()))?)
    }

    fn wallet_of(&self, machine: &MachineId) -> Option<WalletId> {
        self.fleet.borrow().machine(machine).map(|machine| machine.wallet_id.clone())
    }

    fn forward_address(&self, client: &ClientId) -> Option<Personal> {
        forward_address(&self.fleet.borrow(), client)
    }

    fn against(&self, body: Body) -> Result<Option<String>, LedgerError> {
        let stream = |key: &EntryKey| {
            let log = self.log().into_iter();
            Ok(log.filter(|entry| entry.front.key == *key).collect())
        };
        objection(&self.fleet.borrow(), body, self.time(), stream)
    }

    fn say(&self, body: Body) -> Result<Answer, LedgerError> {
        let stop = (self.stop.borrow_mut())();
        let stopped = || LedgerError::Stopped { why: "it was killed".into() };
        if stop == Stop::Before {
            return Err(stopped());
        }
        let answer = self.decided(Command::new(body));
        if stop == Stop::After { Err(stopped()) } else { Ok(answer) }
    }
}

/// The settlement.
pub fn hash() -> PaymentHash {
    PaymentHash::from_bytes([0x9f; 32])
}

/// The same, whose LP wants its sats at its own address.
pub fn begun_with_forward() -> Memory {
    let memory = begun();
    memory.accept(json!({ "type": "lp.set", "user_id": "ana", "dca_wallet_id": "lp",
        "autoforward_enabled": true, "autoforward_ln_address": "ana@example.com" }));
    memory
}

/// A begun cash-out of 266,800 sats: the platform's fee, two splits (one to a wallet, one to a Lightning
/// address), an LP, and what is retained.
pub fn begun() -> Memory {
    let memory = Memory::new();
    for command in [
        json!({ "type": "config.set", "super_cash_out_fee_fraction": "0.01",
            "super_fee_wallet_id": "platform" }),
        json!({ "type": "machine.register", "id": "m1", "operator_user_id": "op",
            "wallet_id": "machine", "fiat_code": "GTQ", "operator_cash_out_fee_fraction": "0.02" }),
        json!({ "type": "splits.set", "operator_user_id": "op", "splits": [
            { "target": "operator", "fraction": "0.5" },
            { "target": "op@example.com", "fraction": "0.5" } ] }),
        json!({ "type": "lp.set", "user_id": "ana", "dca_wallet_id": "lp" }),
        json!({ "type": "client.enroll", "id": "c1", "machine_id": "m1", "user_id": "ana" }),
        json!({ "type": "deposit.record", "id": "d1", "client_id": "c1", "amount": "500.00",
            "creator_user_id": "op" }),
        json!({ "type": "deposit.confirm", "id": "d1" }),
        json!({ "type": "settlement.claim", "payment_hash": hash(), "machine_id": "m1",
            "tx_type": "cash_out", "wire_sats": 266_800, "principal_sats": 259_029,
            "fee_sats": 7_771, "fiat_amount": "2000.00", "fiat_code": "GTQ",
            "exchange_rate": "129.5145" }),
        json!({ "type": "settlement.begin", "payment_hash": hash(), "processing_claim": "pay:1" }),
    ] {
        memory.accept(command);
    }
    memory
}
