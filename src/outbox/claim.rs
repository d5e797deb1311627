//! A claim on its way into the outbox: read strictly, so that what the ledger could not read is never kept.

use spireledger_schema::Command;
use spireledger_schema::command::{Body, SettlementClaim};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::json::Malformed;
use spireledger_schema::text::MachineId;

/// Longest claim, in bytes of JSON: with what is put around it, it fits one Nostr event.
pub const CLAIM_BYTES_MAX: usize = 60_000;

/// A claim without a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim {
    command: Command,
    payment_hash: PaymentHash,
}

/// Why a line is no claim that can be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// It is no command.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// It is another command.
    #[error("`type`: found {0}; an outbox keeps `settlement.claim` only")]
    NoClaim(&'static str),
    /// It is of another machine.
    #[error("`machine_id`: found {found}, but this outbox is machine {expected}'s")]
    OtherMachine {
        /// Whose it is.
        found: MachineId,
        /// Whose outbox this is.
        expected: MachineId,
    },
    /// It has a number.
    #[error("`machine_seq` is given by the outbox; leave it out")]
    Numbered,
    /// It would fit no event.
    #[error("the claim has {0} bytes; at most {CLAIM_BYTES_MAX} fit one event")]
    TooLong(usize),
}

impl NewClaim {
    /// Reads a line of JSON, `machine` being whose outbox this is.
    pub fn parse(line: &[u8], machine: &MachineId) -> Result<Self, ClaimError> {
        let command = Command::parse_bytes(line)?;
        let Body::SettlementClaim(claim) = &command.body else {
            return Err(ClaimError::NoClaim(command.body.type_name()));
        };
        if claim.machine_id != *machine {
            let (found, expected) = (claim.machine_id.clone(), machine.clone());
            return Err(ClaimError::OtherMachine { found, expected });
        }
        if claim.machine_seq.is_some() {
            return Err(ClaimError::Numbered);
        }
        let payment_hash = claim.payment_hash;
        let claim = Self { command, payment_hash };
        let length = claim.numbered(u64::MAX).len();
        if length > CLAIM_BYTES_MAX {
            return Err(ClaimError::TooLong(length));
        }
        Ok(claim)
    }

    /// The settlement that it is about.
    pub const fn payment_hash(&self) -> &PaymentHash {
        &self.payment_hash
    }

    /// The command as JSON, under a number.
    pub(super) fn numbered(&self, number: u64) -> String {
        let mut command = self.command.clone();
        if let Body::SettlementClaim(claim) = &mut command.body {
            claim.machine_seq = Some(number);
        }
        command.to_json()
    }

    /// blake3 of what it says.
    pub(super) fn digest(&self) -> [u8; 32] {
        digest(self.command.clone())
    }

    /// The names of the fields in which a kept claim is another one.
    pub(super) fn differs_from(&self, kept: &str) -> Vec<String> {
        let fields = |command: Command| {
            let said = serde_json::from_str(&without_attempt(command).to_json());
            said.unwrap_or_else(|_| serde_json::Map::new())
        };
        let Ok(kept) = Command::parse(kept) else { return Vec::new() };
        let (kept, new) = (fields(kept), fields(self.command.clone()));
        let names = kept.keys().chain(new.keys().filter(|name| !kept.contains_key(*name)));
        names.filter(|name| kept.get(*name) != new.get(*name)).cloned().collect()
    }
}

/// blake3 of what a claim says.
fn digest(command: Command) -> [u8; 32] {
    *blake3::hash(without_attempt(command).to_json().as_bytes()).as_bytes()
}

/// blake3 of what a kept claim says.
pub(super) fn digest_of(content: &str) -> Option<[u8; 32]> {
    Command::parse(content).ok().map(digest)
}

/// The claim in a content.
pub(super) fn claim_of(content: &str) -> Option<SettlementClaim> {
    match Command::parse(content).ok()?.body {
        Body::SettlementClaim(claim) => Some(claim),
        _ => None,
    }
}

/// Without what names only the attempt. The ledger compares no more than this either.
fn without_attempt(mut command: Command) -> Command {
    command.request_id = None;
    if let Body::SettlementClaim(claim) = &mut command.body {
        claim.machine_seq = None;
        claim.bitspire_event_id = None;
    }
    command
}
