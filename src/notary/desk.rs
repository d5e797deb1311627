//! The notary of one ledger: tree, key and checkpoints together.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use spireledger_schema::time::Timestamp;

use super::keys::{KEY_FILE, load_key, make_key};
use super::{NotaryError, Record, Store, Stored, Tree};
use crate::log::{Block, LogError, ReadLog};
use crate::proofs::{
    Algorithm, CheckpointError, Growth, KeyName, NoteKey, Proof, Signature, SignedCheckpoint,
    TreeHash, VerifierKey, extends,
};

/// Whether the tree file is kept up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By the ledger's one writer.
    Write,
    /// It is only read.
    Read,
}

/// Signs and proves for a ledger directory. Its threads share it: `tree` and `desk` are locked one after the
/// other, in this order, and never across a wait for another thread.
#[derive(Debug)]
pub struct Notary {
    dir: PathBuf,
    tree: Mutex<Tree>,
    /// Opened when something is signed or looked up first.
    desk: Mutex<Option<Desk>>,
}

/// What signing takes.
#[derive(Debug)]
struct Desk {
    key: NoteKey,
    store: Store,
    /// The checkpoint that was looked up last: all receipts of a group are of one.
    held: Option<([usize; 3], SignedCheckpoint)>,
}

impl Notary {
    /// Opens the notary of a ledger and brings the tree up to the log's head.
    pub fn open(dir: &Path, log: &dyn ReadLog, access: Access) -> Result<Self, NotaryError> {
        let tree = match access {
            Access::Write => Tree::open(dir, log)?,
            Access::Read => Tree::read(dir, log)?,
        };
        Ok(Self { dir: dir.to_owned(), tree: Mutex::new(tree), desk: Mutex::new(None) })
    }

    /// Gives a ledger its key, called `origin` if that is given. Its public key is what others need.
    ///
    /// # Errors
    /// If it has one.
    pub fn make_key(
        dir: &Path,
        origin: Option<KeyName>,
        at: Timestamp,
    ) -> Result<VerifierKey, NotaryError> {
        let path = dir.join(KEY_FILE);
        let key = make_key(&path, origin, "spireledger", Algorithm::Ed25519)?;
        let public = key.public().clone();
        register(&mut Store::open(dir)?, &public, at)?;
        Ok(public)
    }

    /// Takes in blocks that the log has made durable.
    pub fn take(&self, blocks: &[Block]) {
        self.tree.lock().take(blocks);
    }

    /// The public key. The ledger gets a key if it has none.
    pub fn key(&self, at: Timestamp) -> Result<VerifierKey, NotaryError> {
        self.at_desk(at, |desk| Ok(desk.key.public().clone()))
    }

    /// The checkpoint of the log's head: signed and stored, unless it was before.
    ///
    /// # Errors
    /// [`NotaryError::Contradicts`] if the log does not extend what was signed before: such a thing is never
    /// signed.
    pub fn checkpoint(
        &self,
        log: &dyn ReadLog,
        at: Timestamp,
    ) -> Result<SignedCheckpoint, NotaryError> {
        let size = log.head().seq;
        let mut tree = self.tree.lock();
        tree.catch_up(log)?;
        self.at_desk(at, |desk| desk.checkpoint(&mut tree, log, size, at))
    }

    /// The smallest checkpoint that holds an entry, and so pins all up to it. If there is none yet, one of the
    /// log's head is made.
    pub fn holding(
        &self,
        log: &dyn ReadLog,
        seq: u64,
        at: Timestamp,
    ) -> Result<SignedCheckpoint, NotaryError> {
        if seq == 0 || seq > log.head().seq {
            return Err(NotaryError::NoEntry(seq));
        }
        let covering = self.at_desk(at, |desk| {
            desk.store.reread()?;
            desk.covering(seq)
        })?;
        match covering {
            Some(checkpoint) => Ok(checkpoint),
            None => self.checkpoint(log, at),
        }
    }

    /// The proof of an entry, with the smallest checkpoint that holds it: so it is the same whenever it is
    /// asked for, but for what witnesses have added. If no checkpoint holds the entry yet, one of the log's
    /// head is made.
    pub fn proof(&self, log: &dyn ReadLog, seq: u64, at: Timestamp) -> Result<Proof, NotaryError> {
        let checkpoint = self.holding(log, seq, at)?;
        self.proof_at(log, seq, checkpoint)
    }

    /// The proof of an entry in a checkpoint that holds it.
    pub fn proof_at(
        &self,
        log: &dyn ReadLog,
        seq: u64,
        checkpoint: SignedCheckpoint,
    ) -> Result<Proof, NotaryError> {
        let missing = || LogError::Damaged { seq, why: "it is not there".into() };
        let block = log.block_at(seq)?.ok_or(NotaryError::NoEntry(seq))?;
        let stored = block.get(seq).ok_or_else(missing)?;
        let before = match seq.checked_sub(1).and_then(|seq| block.get(seq)) {
            Some(before) => before.hash,
            None => block.before().hash,
        };
        let (size, root) = checkpoint.tree();
        let mut tree = self.tree.lock();
        tree.catch_up(log)?;
        let leaf = TreeHash::leaf(&stored.hash);
        let path = healing(&mut tree, log, |tree| {
            let path = tree.inclusion(log, seq, size)?;
            // A proof that does not prove must not leave: the tree file was changed.
            if crate::proofs::includes(&root, size, leaf, seq - 1, &path) {
                Ok(path)
            } else {
                Err(NotaryError::Contradicts { signed: size })
            }
        })?;
        Ok(Proof { before, canonical: stored.canonical.to_vec(), index: seq - 1, path, checkpoint })
    }

    /// The proof that the log of a checkpoint begins with its first `old` entries: what a witness is asked
    /// with.
    pub fn growth(
        &self,
        log: &dyn ReadLog,
        old: u64,
        new: SignedCheckpoint,
    ) -> Result<Growth, NotaryError> {
        let mut tree = self.tree.lock();
        tree.catch_up(log)?;
        let size = new.head().size;
        let proof = healing(&mut tree, log, |tree| {
            let proof = tree.consistency(log, old, size)?;
            let root = tree.root(log, old)?;
            if extends((old, root), new.tree(), &proof) {
                Ok(proof)
            } else {
                Err(NotaryError::Contradicts { signed: size })
            }
        })?;
        Ok(Growth { old, proof, new })
    }

    /// The stored checkpoint of a size.
    pub fn stored(&self, size: u64, at: Timestamp) -> Result<Stored, NotaryError> {
        let found = self.at_desk(at, |desk| {
            desk.store.reread()?;
            desk.store.of_size(size)
        });
        found?.ok_or(NotaryError::NoCheckpoint(size))
    }

    /// Stores a witness's signature of the checkpoint of a size, after checking it.
    pub fn add_cosignature(
        &self,
        size: u64,
        signature: Signature,
        witness: &VerifierKey,
        at: Timestamp,
    ) -> Result<SignedCheckpoint, NotaryError> {
        self.at_desk(at, |desk| {
            desk.store.reread()?;
            let stored = desk.store.of_size(size)?.ok_or(NotaryError::NoCheckpoint(size))?;
            let alone = SignedCheckpoint::parse(&stored.checkpoint.to_string())?;
            let cosigned = alone.with(signature.clone());
            cosigned.cosigned_by(witness)?;
            if signature.name() != witness.name() {
                return Err(CheckpointError::Key(witness.name().clone()).into());
            }
            let known = Record::Witness(witness.clone());
            desk.store.add(at, &known, |store| Ok(store.witnesses().contains(witness)))?;
            let record = Record::Cosignature(size, signature.clone());
            desk.store.add(at, &record, |store| {
                let stored = store.of_size(size)?;
                let mut lines = stored.iter().flat_map(|s| s.checkpoint.note().signatures());
                Ok(lines.any(|line| *line == signature))
            })?;
            Ok(cosigned)
        })
    }

    fn at_desk<T>(
        &self,
        at: Timestamp,
        act: impl FnOnce(&mut Desk) -> Result<T, NotaryError>,
    ) -> Result<T, NotaryError> {
        let mut desk = self.desk.lock();
        match &mut *desk {
            Some(desk) => act(desk),
            None => act(desk.insert(Desk::open(&self.dir, at)?)),
        }
    }
}

impl Desk {
    fn open(dir: &Path, at: Timestamp) -> Result<Self, NotaryError> {
        let path = dir.join(KEY_FILE);
        let mut store = Store::open(dir)?;
        let key = match (load_key(&path)?, store.keys().last()) {
            (Some(key), _) => key,
            (None, Some(lost)) => {
                return Err(NotaryError::KeyLost { path, vkey: lost.to_string() });
            }
            (None, None) => match make_key(&path, None, "spireledger", Algorithm::Ed25519) {
                Err(NotaryError::KeyExists(path)) => {
                    load_key(&path)?.ok_or(NotaryError::KeyExists(path))?
                }
                made => made?,
            },
        };
        register(&mut store, key.public(), at)?;
        Ok(Self { key, store, held: None })
    }

    fn checkpoint(
        &mut self,
        tree: &mut Tree,
        log: &dyn ReadLog,
        size: u64,
        at: Timestamp,
    ) -> Result<SignedCheckpoint, NotaryError> {
        self.store.reread()?;
        let signed = self.signed(size)?;
        let latest = self.store.latest()?.map(|stored| stored.checkpoint.tree());
        let earlier = signed.as_ref().map(SignedCheckpoint::tree).or(latest);
        let root = healing(tree, log, |tree| {
            let root = tree.root(log, size)?;
            match earlier {
                Some(earlier) if !fits(tree, log, earlier, (size, root))? => {
                    Err(NotaryError::Contradicts { signed: earlier.0 })
                }
                _ => Ok(root),
            }
        })?;
        if let Some(signed) = signed {
            return Ok(signed);
        }
        let signed = SignedCheckpoint::sign(size, root, &self.key);
        let public = self.key.public().clone();
        self.store.add(at, &Record::Checkpoint(signed.clone()), |store| {
            // Somebody else may have signed it meanwhile: the same, for there is one way to sign.
            let stored = store.of_size(size)?;
            Ok(stored.is_some_and(|stored| stored.checkpoint.verify(&public).is_ok()))
        })?;
        Ok(signed)
    }

    /// The checkpoint of a size, if it was signed with the key of today.
    fn signed(&self, size: u64) -> Result<Option<SignedCheckpoint>, NotaryError> {
        Ok(self.store.of_size(size)?.map(|stored| stored.checkpoint).filter(|c| self.is_ours(c)))
    }

    /// The checkpoint that a receipt of an entry is of, if it was signed with the key of today.
    fn covering(&mut self, seq: u64) -> Result<Option<SignedCheckpoint>, NotaryError> {
        let which = self.store.covering_is(seq);
        if let Some((held, checkpoint)) = &self.held
            && *held == which
        {
            return Ok(Some(checkpoint.clone()));
        }
        let stored = self.store.covering(seq)?.map(|stored| stored.checkpoint);
        let ours = stored.filter(|checkpoint| self.is_ours(checkpoint));
        self.held = ours.clone().map(|checkpoint| (which, checkpoint));
        Ok(ours)
    }

    fn is_ours(&self, checkpoint: &SignedCheckpoint) -> bool {
        checkpoint.verify(self.key.public()).is_ok()
    }
}

/// Writes down which key signs from here on.
fn register(store: &mut Store, key: &VerifierKey, at: Timestamp) -> Result<(), NotaryError> {
    store.add(at, &Record::Key(key.clone()), |store| Ok(store.keys().last() == Some(key)))
}

/// Whether two trees of this log are one, whichever is larger.
fn fits(
    tree: &mut Tree,
    log: &dyn ReadLog,
    one: (u64, TreeHash),
    other: (u64, TreeHash),
) -> Result<bool, NotaryError> {
    let (old, new) = if one.0 <= other.0 { (one, other) } else { (other, one) };
    match tree.consistency(log, old.0, new.0) {
        Ok(proof) => Ok(extends(old, new, &proof)),
        // The log is shorter than what was signed.
        Err(NotaryError::NoEntry(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Does something with the tree; if what the file says does not fit, once more with a tree made anew from
/// the log, which is what counts.
fn healing<T>(
    tree: &mut Tree,
    log: &dyn ReadLog,
    act: impl Fn(&mut Tree) -> Result<T, NotaryError>,
) -> Result<T, NotaryError> {
    match act(tree) {
        Err(NotaryError::TreeDamaged { .. } | NotaryError::Contradicts { .. }) => {
            tree.rebuild(log)?;
            act(tree)
        }
        done => done,
    }
}
