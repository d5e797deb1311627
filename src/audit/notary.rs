//! `verify` of what was signed: the tree is made from the entries again, every stored checkpoint is held
//! against it, and so is the tree file.

use std::collections::BTreeMap;
use std::fs::File;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use spireledger_schema::time::Timestamp;

use super::verify::Report;
use crate::log::ReadLog;
use crate::notary::{CHECKPOINTS_FILE, Damage, Record, Records, TreeFile, position_of};
use crate::proofs::{
    Frontier, Node, NoteError, Signature, SignedCheckpoint, TreeHash, VerifierKey,
};

/// Differences of the tree file that are named: it is derived, and one is as good as all.
const TREE_BREAKS_MAX: u64 = 16;

/// What was signed, as it stood before the log was read, so that the log has come at least as far.
pub struct Signed {
    dir: PathBuf,
    /// What is wrong with a checkpoint by itself, with the entries that it is about.
    breaks: Vec<(u64, String)>,
    /// Sizes and roots, by size.
    heads: Vec<(u64, TreeHash)>,
}

impl Signed {
    /// Reads all checkpoints of a ledger directory, and checks their signatures.
    pub fn open(dir: &Path) -> Self {
        let mut signed = Self { dir: dir.to_owned(), breaks: Vec::new(), heads: Vec::new() };
        if let Err(error) = signed.read() {
            signed.breaks.push((1, format!("`{CHECKPOINTS_FILE}` cannot be read: {error}")));
        }
        signed.heads.sort_by_key(|(size, _)| *size);
        signed
    }

    fn read(&mut self) -> std::io::Result<()> {
        let file = match File::open(self.dir.join(CHECKPOINTS_FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let (mut keys, mut witnesses) = <(Vec<VerifierKey>, Vec<VerifierKey>)>::default();
        let mut places = BTreeMap::new();
        let mut last = 0;
        for read in Records::from(&file, 0)? {
            match read? {
                Ok((_, _, Record::Key(key))) => keys.push(key),
                Ok((_, _, Record::Witness(key))) => witnesses.push(key),
                Ok((place, _, Record::Checkpoint(checkpoint))) => {
                    self.checkpoint(&checkpoint, &keys);
                    last = checkpoint.head().size;
                    places.insert(last, place);
                }
                Ok((_, _, Record::Cosignature(size, signature))) => {
                    let place = places.get(&size).copied();
                    let signed = place.map(|place| Records::from(&file, place)).transpose()?;
                    let signed = signed.and_then(|mut records| records.next()).transpose()?;
                    self.cosignature(size, signed, signature, &witnesses);
                }
                Err(damage) => {
                    let what =
                        format!("`{CHECKPOINTS_FILE}`, byte {}: {}", damage.offset, damage.why);
                    self.breaks.push((last.max(1), what));
                }
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &SignedCheckpoint, keys: &[VerifierKey]) {
        let (size, root) = checkpoint.tree();
        self.heads.push((size, root));
        let mut why = "no key is written down that could have signed it".to_owned();
        for key in keys.iter().rev() {
            match checkpoint.verify(key) {
                Ok(()) => return,
                Err(error) => why = error.to_string(),
            }
        }
        self.breaks.push((size.max(1), format!("the checkpoint of {size} entries: {why}")));
    }

    /// A witness's signature is over the checkpoint of that size that stands before it in the file.
    fn cosignature(
        &mut self,
        size: u64,
        signed: Option<Result<(u64, Timestamp, Record), Damage>>,
        signature: Signature,
        witnesses: &[VerifierKey],
    ) {
        let mut wrong = |why: String| {
            let what = format!("the checkpoint of {size} entries: {why}");
            self.breaks.push((size.max(1), what));
        };
        let name = signature.name().clone();
        let Some(Ok((_, _, Record::Checkpoint(checkpoint)))) = signed else {
            return wrong(format!("{name} has signed it, but it is not there"));
        };
        let checkpoint = checkpoint.with(signature);
        let named = witnesses.iter().filter(|key| *key.name() == name);
        let checked: Vec<_> = named.map(|key| checkpoint.cosigned_by(key)).collect();
        if !checked.iter().any(Result::is_ok) {
            let error = checked.into_iter().find_map(Result::err);
            let unknown = || NoteError::NotSigned(name).to_string();
            wrong(error.map_or_else(unknown, |error| error.to_string()));
        }
    }

    /// Holds all of it against a log that was opened later, and adds what is wrong to the report.
    pub fn verify(self, log: &dyn ReadLog, report: &mut Report, tick: &mut dyn FnMut(u64)) {
        for (seq, what) in self.breaks {
            report.note(seq, "checkpoint", what);
        }
        let mut tree = match TreeFile::read(&self.dir) {
            Ok(file) => Comparison { file: Some(file), breaks: 0 },
            Err(error) => {
                report.note(1, "tree", format!("{error}; {REBUILD}"));
                Comparison { file: None, breaks: 0 }
            }
        };
        let mut heads = self.heads.into_iter().peekable();
        let mut frontier = Frontier::default();
        check(&mut heads, &frontier, report);
        'log: for block in log.blocks_from(1) {
            // The log's own breaks are told already.
            let Ok(block) = block else { break };
            for stored in block.entries() {
                if stored.front.seq != frontier.size() + 1 {
                    break 'log;
                }
                let leaf = TreeHash::leaf(&stored.hash);
                frontier.push(leaf, |node, hash| tree.compare(node, hash, report));
                check(&mut heads, &frontier, report);
            }
            tick(frontier.size());
        }
        for (size, _) in heads {
            let held = frontier.size();
            let what = format!("{size} entries were signed, but only {held} can be read");
            report.note(held + 1, "checkpoint", what);
        }
    }
}

/// Holds all checkpoints of a tree's size against it: several can be, and each must be right.
fn check(
    heads: &mut Peekable<impl Iterator<Item = (u64, TreeHash)>>,
    tree: &Frontier,
    report: &mut Report,
) {
    while let Some((size, root)) = heads.next_if(|(size, _)| *size == tree.size()) {
        report.checkpoints += 1;
        let expected = tree.root();
        if root != expected {
            let what = format!(
                "the checkpoint of {size} entries has the root {root}, but they give {expected}"
            );
            report.note(size.max(1), "checkpoint", what);
        }
    }
}

const REBUILD: &str = "delete the file `tree`, it is made anew";

/// The tree file beside the nodes that entries give.
struct Comparison {
    file: Option<TreeFile>,
    breaks: u64,
}

impl Comparison {
    fn compare(&mut self, node: Node, expected: TreeHash, report: &mut Report) {
        let Some((file, record)) = self.file.as_ref().zip(position_of(node)) else { return };
        if record >= file.len() || self.breaks >= TREE_BREAKS_MAX {
            return;
        }
        let what = match file.get(record) {
            Ok(found) if found == expected => return,
            // Lost with the power, like the end of the file: whoever writes next makes it anew.
            Err(_) if file.was_never_written(record) => return,
            Ok(found) => format!("record {record} is {found}, but the entries give {expected}"),
            Err(error) => error.to_string(),
        };
        self.breaks += 1;
        report.note((node.index << node.level) + 1, "tree", format!("{what}; {REBUILD}"));
    }
}
