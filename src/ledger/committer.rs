//! The committer: makes groups durable, one after the other, and answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use spireledger_schema::Answer;
use spireledger_schema::answer::Proof;
use spireledger_schema::time::Timestamp;

use super::{Reply, Why, snapshot};
use crate::log::{Block, Head, Log, SledLog, crash};
use crate::notary::Notary;

/// A batch that is decided, and is answered when its group is durable.
pub(super) struct Decided {
    pub reply: Reply,
    pub answers: Vec<Answer>,
    /// Which of the answers shall carry a proof.
    pub to_prove: Vec<usize>,
}

/// A sealed group and what to say when it is durable.
pub(super) struct Group {
    /// The head that the first block is chained to.
    pub expected: Head,
    /// Sealed blocks; none if every command was replayed or refused.
    pub blocks: Vec<Block>,
    /// Batches that are complete with this group.
    pub replies: Vec<Decided>,
    /// The time at which the last of them was decided.
    pub at: Timestamp,
    /// The decision state after this group, to be saved.
    pub snapshot: Option<Vec<u8>>,
}

impl Group {
    pub(super) const fn at(expected: Head) -> Self {
        let at = Timestamp::EPOCH;
        Self { expected, blocks: Vec::new(), replies: Vec::new(), at, snapshot: None }
    }
}

pub(super) struct Committer {
    log: Arc<SledLog>,
    notary: Arc<Notary>,
    snapshot_path: PathBuf,
    why: Why,
}

impl Committer {
    pub(super) const fn new(
        log: Arc<SledLog>,
        notary: Arc<Notary>,
        snapshot_path: PathBuf,
        why: Why,
    ) -> Self {
        Self { log, notary, snapshot_path, why }
    }

    /// Works until the decider is done or the disk fails. Groups come in order, so an answer to a
    /// later group is never sent before an earlier one is durable.
    pub(super) fn run(self, groups: Receiver<Group>) {
        for group in groups {
            let Group { expected, blocks, mut replies, at, snapshot } = group;
            if crash::seeded_bug("early-answer") {
                answer(std::mem::take(&mut replies));
                // Time enough for the answer to get out.
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            if !blocks.is_empty()
                && let Err(error) = self.log.append(expected, &blocks)
            {
                // Whether the group is durable is unknown: no answer at all, not even a refusal.
                let _ = self.why.set(error.to_string());
                return;
            }
            if replies.iter().any(|decided| !decided.to_prove.is_empty()) {
                self.notary.take(&blocks);
                self.prove(&mut replies, at);
            }
            crash::point("ledger:before-answer");
            answer(replies);
            crash::point("ledger:after-answer");
            // Behind the answers, so that nobody waits for it who has not asked for a proof. What is in the
            // tree already is passed over.
            self.notary.take(&blocks);
            if let Some(bytes) = snapshot {
                // Only saves time: the state can always be folded again from the log.
                if let Err(error) = snapshot::write(&self.snapshot_path, &bytes) {
                    tracing::warn!(%error, "the decision state was not saved; the next start folds it");
                }
            }
        }
    }
}

impl Committer {
    /// Puts the proofs into the answers that shall carry one. The group is durable, so whatever goes wrong
    /// here takes nothing back: it is told in the place of the proof.
    fn prove(&self, replies: &mut [Decided], at: Timestamp) {
        for Decided { answers, to_prove, .. } in replies {
            for place in to_prove {
                let receipt = answers.get_mut(*place).and_then(Answer::receipt_mut);
                let Some(receipt) = receipt else { continue };
                receipt.proof = Some(match self.notary.proof(&*self.log, receipt.seq, at) {
                    Ok(proof) => Proof::Here(proof.to_string().into()),
                    Err(error) => Proof::Missing(error.to_string().into()),
                });
            }
        }
    }
}

fn answer(replies: Vec<Decided>) {
    for Decided { reply, answers, .. } in replies {
        reply(answers);
    }
}
