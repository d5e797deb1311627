//! What has become of each claim. Pure: records go in one after the other, and what cannot follow is an
//! error.
//!
//! ```text
//! kept ─→ waiting, sent n times ─→ done (a receipt)
//!            ↑   └ set back: refused, and may be accepted later
//!            └───────────── refused for good
//!            again, by hand
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::claim::digest_of;
use super::record::{Receipt, Record, Refused};

/// Claims whose whole text and receipt are kept, after they are done. Of older ones enough is kept to
/// know them again.
pub const WHOLE_RECEIPTS_MAX: usize = 4_096;
/// Sends in one record.
const SENDS_PER_RECORD: usize = 4_096;

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its number, `machine_seq`.
    pub number: u64,
    /// When it was kept, in microseconds since 1970.
    pub kept_at: i64,
    /// The Lightning payment hash.
    pub payment_hash: [u8; 32],
    /// What it says.
    pub content: Content,
    /// How often it was sent.
    pub sends: u32,
    /// When it was sent last.
    pub sent_at: Option<i64>,
    /// What has become of it.
    pub standing: Standing,
}

/// What a claim says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The command as JSON, as it is sent.
    Whole(String),
    /// blake3 of it: it is done, and has been for long.
    Digest([u8; 32]),
}

/// What has become of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is sent until there is an answer that stands.
    Waiting {
        /// The last refusal, after which it may still be accepted.
        set_back: Option<Refused>,
    },
    /// The ledger has it.
    Done(Receipt),
    /// The ledger refused it for good.
    Refused(Refused),
}

/// All claims of an outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    claims: BTreeMap<u64, Claim>,
    hashes: BTreeMap<[u8; 32], u64>,
    waiting: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    lost: Vec<(u64, u64)>,
    highest: u64,
}

/// A record that cannot follow those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(String);

impl State {
    /// The highest number that was given; 0 if none was.
    pub const fn highest(&self) -> u64 {
        self.highest
    }

    /// One claim.
    pub fn claim(&self, number: u64) -> Option<&Claim> {
        self.claims.get(&number)
    }

    /// The claim of a settlement.
    pub fn claim_of(&self, payment_hash: &[u8; 32]) -> Option<&Claim> {
        self.claims.get(self.hashes.get(payment_hash)?)
    }

    /// All claims, by number.
    pub fn claims(&self) -> impl DoubleEndedIterator<Item = &Claim> {
        self.claims.values()
    }

    /// The numbers of those that wait for the ledger's word.
    pub const fn waiting(&self) -> &BTreeSet<u64> {
        &self.waiting
    }

    /// The numbers of those that were refused for good.
    pub const fn refused(&self) -> &BTreeSet<u64> {
        &self.refused
    }

    /// Numbers that have no claim here, from and to.
    pub fn lost(&self) -> &[(u64, u64)] {
        &self.lost
    }

    /// Takes a record in.
    pub fn apply(&mut self, record: Record) -> Result<(), Impossible> {
        match record {
            Record::Kept { number, at, payment_hash, content } => {
                let standing = Standing::Waiting { set_back: None };
                self.insert(number, at, payment_hash, Content::Whole(content), standing)?;
                self.waiting.insert(number);
            }
            Record::Short { number, at, payment_hash, digest, receipt } => {
                let (content, standing) = (Content::Digest(digest), Standing::Done(receipt));
                self.insert(number, at, payment_hash, content, standing)?;
            }
            Record::Lost { first, last } => {
                self.follows(first)?;
                if last < first {
                    return Err(Impossible(format!("numbers {first} to {last} are none")));
                }
                self.lost.push((first, last));
                self.highest = last;
            }
            Record::Sent { at, sends } => {
                for (number, sends) in sends {
                    let claim = self.claim_mut(number)?;
                    (claim.sends, claim.sent_at) = (sends, Some(at));
                }
            }
            Record::SetBack { number, refusal } => {
                let claim = self.claim_mut(number)?;
                let Standing::Waiting { set_back } = &mut claim.standing else {
                    return Err(Impossible(format!("claim {number} is set back, but not waiting")));
                };
                *set_back = Some(refusal);
            }
            Record::Done { number, receipt } => {
                self.claim_mut(number)?.standing = Standing::Done(receipt);
                self.waiting.remove(&number);
                self.refused.remove(&number);
            }
            Record::Refused { number, refusal } => {
                let claim = self.claim_mut(number)?;
                if matches!(claim.standing, Standing::Done(_)) {
                    return Err(Impossible(format!("claim {number} is refused, but was done")));
                }
                claim.standing = Standing::Refused(refusal);
                self.waiting.remove(&number);
                self.refused.insert(number);
            }
            Record::Again { number, .. } => self.again(number)?,
        }
        Ok(())
    }

    fn follows(&self, number: u64) -> Result<(), Impossible> {
        let next = self.highest.checked_add(1);
        if next == Some(number) {
            return Ok(());
        }
        Err(Impossible(format!("number {number} was given after {}", self.highest)))
    }

    fn insert(
        &mut self,
        number: u64,
        kept_at: i64,
        payment_hash: [u8; 32],
        content: Content,
        standing: Standing,
    ) -> Result<(), Impossible> {
        self.follows(number)?;
        if let Some(first) = self.hashes.get(&payment_hash) {
            return Err(Impossible(format!("claims {first} and {number} are of one settlement")));
        }
        self.hashes.insert(payment_hash, number);
        self.highest = number;
        let (sends, sent_at) = (0, None);
        let claim = Claim { number, kept_at, payment_hash, content, sends, sent_at, standing };
        self.claims.insert(number, claim);
        Ok(())
    }

    fn claim_mut(&mut self, number: u64) -> Result<&mut Claim, Impossible> {
        let unknown =
            || Impossible(format!("something is said of claim {number}, which is not there"));
        self.claims.get_mut(&number).ok_or_else(unknown)
    }

    fn again(&mut self, number: u64) -> Result<(), Impossible> {
        let claim = self.claim_mut(number)?;
        let Standing::Refused(refusal) = &claim.standing else {
            return Err(Impossible(format!("claim {number} is sent again, but was not refused")));
        };
        claim.standing = Standing::Waiting { set_back: Some(refusal.clone()) };
        self.refused.remove(&number);
        self.waiting.insert(number);
        Ok(())
    }

    /// The records that make this state, as short as they can be: claims that are done and older than
    /// the last `whole_max` of them lose their texts.
    pub fn records(&self, whole_max: usize) -> Vec<Record> {
        let is_done = |claim: &&Claim| matches!(claim.standing, Standing::Done(_));
        let oldest_whole = self.claims.values().rev().filter(is_done).take(whole_max).last();
        let oldest_whole = oldest_whole.map_or(u64::MAX, |claim| claim.number);
        let mut records = Vec::new();
        let mut lost = self.lost.iter().peekable();
        for claim in self.claims.values() {
            while let Some((first, last)) = lost.next_if(|(first, _)| *first < claim.number) {
                records.push(Record::Lost { first: *first, last: *last });
            }
            claim.write(claim.number >= oldest_whole, &mut records);
        }
        records.extend(lost.map(|(first, last)| Record::Lost { first: *first, last: *last }));
        self.write_sends(&mut records);
        records
    }

    fn write_sends(&self, records: &mut Vec<Record>) {
        let mut by_moment: BTreeMap<i64, Vec<(u64, u32)>> = BTreeMap::new();
        for claim in self.claims.values().filter(|claim| matches!(claim.content, Content::Whole(_)))
        {
            if let Some(at) = claim.sent_at {
                by_moment.entry(at).or_default().push((claim.number, claim.sends));
            }
        }
        for (at, sends) in by_moment {
            let parts = sends.chunks(SENDS_PER_RECORD);
            records.extend(parts.map(|sends| Record::Sent { at, sends: sends.to_vec() }));
        }
    }
}

impl Claim {
    fn write(&self, may_be_whole: bool, records: &mut Vec<Record>) {
        let Self { number, kept_at: at, payment_hash, .. } = *self;
        let (content, receipt) = match (&self.content, &self.standing) {
            (Content::Digest(digest), Standing::Done(receipt)) => {
                let (digest, receipt) = (*digest, receipt.clone());
                records.push(Record::Short { number, at, payment_hash, digest, receipt });
                return;
            }
            (Content::Whole(content), Standing::Done(receipt)) => (content, Some(receipt)),
            (Content::Whole(content), _) => (content, None),
            // Only what is done is ever shortened.
            (Content::Digest(_), _) => return,
        };
        if let (false, Some(receipt), Some(digest)) = (may_be_whole, receipt, digest_of(content)) {
            let receipt = Receipt { answer: None, proof: None, ..receipt.clone() };
            records.push(Record::Short { number, at, payment_hash, digest, receipt });
            return;
        }
        records.push(Record::Kept { number, at, payment_hash, content: content.clone() });
        match &self.standing {
            Standing::Done(receipt) => {
                records.push(Record::Done { number, receipt: receipt.clone() });
            }
            Standing::Refused(refusal) => {
                records.push(Record::Refused { number, refusal: refusal.clone() });
            }
            Standing::Waiting { set_back: Some(refusal) } => {
                records.push(Record::SetBack { number, refusal: refusal.clone() });
            }
            Standing::Waiting { set_back: None } => {}
        }
    }
}
