//! The witness: what was answered, written down in a place of its own before anything else is read.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::fleet;
use crate::world::{Told, expect_no_claim_twice};

/// The receipt of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub seq: u64,
    pub hash: String,
    pub payment_hash: Option<String>,
}

/// A file of receipts, in another directory than the ledger.
pub struct Witness {
    _dir: TempDir,
    path: PathBuf,
    file: File,
    receipts: BTreeMap<u64, Receipt>,
}

impl Witness {
    pub fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("answered");
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&path).expect("a file");
        Self { _dir: dir, path, file, receipts: BTreeMap::new() }
    }

    /// Writes an answer to command `n` down, and holds it against an earlier one.
    pub fn note(&mut self, n: u64, answer: &Value) -> Result<(), String> {
        let status = answer["status"].as_str().unwrap_or_default();
        let seq = answer["seq"].as_u64();
        let (Some(seq), Some(hash)) = (seq, answer["entry_hash"].as_str()) else {
            return Err(format!("command {n} was answered {answer}"));
        };
        let payment_hash = answer["payment_hash"].as_str().map(str::to_owned);
        let receipt = Receipt { seq, hash: hash.to_owned(), payment_hash };
        match self.receipts.get(&n) {
            Some(first) if *first != receipt || status != "replayed" => {
                return Err(format!(
                    "command {n} had the receipt {first:?}, and was now answered {answer}"
                ));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let claimed = fleet::payment_hash(n);
        if claimed.is_some() && claimed != receipt.payment_hash {
            return Err(format!("the claim {n} was answered {answer}"));
        }
        writeln!(self.file, "{n} {seq} {hash}").expect("written");
        self.receipts.insert(n, receipt);
        Ok(())
    }

    /// How many commands from the first on are answered, without a gap.
    pub fn answered(&self) -> u64 {
        self.receipts.len() as u64
    }

    /// Every answer that was written down is in the history, as it was given, and no command has two
    /// entries.
    pub fn check(&self, history: &[Told]) -> Result<(), String> {
        let text = std::fs::read_to_string(&self.path).expect("the witness file");
        let mut seqs = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("three words");
            let (n, seq, hash) = (word(), word(), word());
            let seq: u64 = seq.parse().expect("a seq");
            let at = usize::try_from(seq - 1).expect("a seq");
            match history.get(at) {
                Some(told) if told.seq == seq && told.hash == hash => {}
                found => {
                    return Err(format!("command {n}: entry {seq} {hash} is {found:?}"));
                }
            }
            if let Some(other) = seqs.insert(seq, n) {
                return Err(format!("commands {other} and {n} both have entry {seq}"));
            }
        }
        expect_no_claim_twice(history)
    }
}
