//! The committer: makes groups durable, one after the other, and answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use spireledger_schema::Answer;

use super::{Reply, Why, snapshot};
use crate::log::{Block, Head, Log, SledLog, crash};

/// A sealed group and what to say when it is durable.
pub(super) struct Group {
    /// The head that the first block is chained to.
    pub expected: Head,
    /// Sealed blocks; none if every command was replayed or refused.
    pub blocks: Vec<Block>,
    /// Batches that are complete with this group.
    pub replies: Vec<(Reply, Vec<Answer>)>,
    /// The decision state after this group, to be saved.
    pub snapshot: Option<Vec<u8>>,
}

impl Group {
    pub(super) const fn at(expected: Head) -> Self {
        Self { expected, blocks: Vec::new(), replies: Vec::new(), snapshot: None }
    }
}

pub(super) struct Committer {
    log: Arc<SledLog>,
    snapshot_path: PathBuf,
    why: Why,
}

impl Committer {
    pub(super) const fn new(log: Arc<SledLog>, snapshot_path: PathBuf, why: Why) -> Self {
        Self { log, snapshot_path, why }
    }

    /// Works until the decider is done or the disk fails. Groups come in order, so an answer to a
    /// later group is never sent before an earlier one is durable.
    pub(super) fn run(self, groups: Receiver<Group>) {
        for group in groups {
            let Group { expected, blocks, mut replies, snapshot } = group;
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
            crash::point("ledger:before-answer");
            answer(replies);
            crash::point("ledger:after-answer");
            if let Some(bytes) = snapshot {
                // Only saves time: the state can always be folded again from the log.
                if let Err(error) = snapshot::write(&self.snapshot_path, &bytes) {
                    tracing::warn!(%error, "the decision state was not saved; the next start folds it");
                }
            }
        }
    }
}

fn answer(replies: Vec<(Reply, Vec<Answer>)>) {
    for (reply, answers) in replies {
        reply(answers);
    }
}
