//! A small log with keys that are always the same.

use spireledger_schema::{EntryHash, EntryKey};

use crate::proofs::{
    Algorithm, KeyName, Node, Nodes, NoteKey, Proof, SignedCheckpoint, TreeHash, inclusion, root,
};

pub fn log_key() -> NoteKey {
    key("ledger.example/gt", Algorithm::Ed25519, 7)
}

pub fn witness_key() -> NoteKey {
    key("witness.example/w1", Algorithm::Cosignature, 8)
}

pub fn key(name: &str, algorithm: Algorithm, seed: u8) -> NoteKey {
    NoteKey::from_seed(KeyName::new(name).expect("a name"), algorithm, &[seed; 32])
}

/// Leaves in memory: any full subtree is computed from them.
pub struct Leaves(pub Vec<TreeHash>);

impl Leaves {
    pub fn numbered(count: u64) -> Self {
        Self((0..count).map(|n| TreeHash::leaf_of(&n.to_le_bytes())).collect())
    }
}

impl Nodes for Leaves {
    type Error = std::convert::Infallible;

    fn node(&mut self, node: Node) -> Result<TreeHash, Self::Error> {
        let first = usize::try_from(node.index << node.level).expect("small");
        Ok(naive(&self.0[first..first + (1 << node.level)]))
    }
}

/// RFC 6962, section 2.1, word for word.
pub fn naive(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::empty(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            TreeHash::above(&naive(left), &naive(right))
        }
    }
}

/// Entries of a log, chained: the hash before each, and its canonical bytes.
pub fn entries(count: u64) -> Vec<(EntryHash, Vec<u8>)> {
    let mut before = EntryHash::GENESIS;
    let entry = |seq: u64| {
        let bytes = golden_entry(seq);
        let this = before;
        before = before.chain(&bytes);
        (this, bytes)
    };
    (1..=count).map(entry).collect()
}

/// A deposit that is confirmed, again and again.
fn golden_entry(seq: u64) -> Vec<u8> {
    use spireledger_schema::event::DepositConfirmed;
    use spireledger_schema::identity::Actor;
    use spireledger_schema::money::Fiat;
    use spireledger_schema::text::{ClientId, DepositId};
    use spireledger_schema::time::Timestamp;
    use spireledger_schema::{Circumstances, Entry, Event, Front};
    let id = DepositId::parse(&format!("d{seq}")).expect("an id");
    let client_id = ClientId::parse("c1").expect("an id");
    let amount = Fiat::parse("500.00").expect("an amount");
    let at = Timestamp::from_seconds(1_767_225_600).expect("a time");
    let entry = Entry {
        front: Front { seq, key: EntryKey::derive("test", &[&seq.to_le_bytes()]), alias: None },
        circumstances: Circumstances {
            recorded_at: at,
            occurred_at: None,
            actor: Actor::Local,
            request_id: None,
            evidence: None,
        },
        event: Event::DepositConfirmed(DepositConfirmed { id, client_id, amount, notes: None }),
    };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes).expect("short");
    bytes
}

/// The receipt of one of so many entries, cosigned.
pub fn receipt(index: u64, count: u64) -> Proof {
    let entries = entries(count);
    let leaf = |(before, bytes): &(EntryHash, Vec<u8>)| TreeHash::leaf(&before.chain(bytes));
    let mut leaves = Leaves(entries.iter().map(leaf).collect());
    let Ok(root) = root(&mut leaves, count);
    let Ok(path) = inclusion(&mut leaves, index, count);
    let checkpoint = SignedCheckpoint::sign(count, root, &log_key());
    let signature = checkpoint.cosign(&witness_key(), 1_767_225_700).expect("a witness's key");
    let (before, canonical) = entries.into_iter().nth(index as usize).expect("one of them");
    Proof { before, canonical, index, path, checkpoint: checkpoint.with(signature) }
}
