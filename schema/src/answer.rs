//! Answers: a receipt that says what is in the log, or a refusal.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::entry::Entry;
use crate::event::{Event, Leg};
use crate::hash::EntryHash;
use crate::identity::PaymentHash;
use crate::imported::SourceTable;
use crate::money::Sats;
use crate::refusal::Refusal;
use crate::streams;
use crate::text::{LegId, Text};
use crate::time::Timestamp;

/// What the ledger says to a command. An answer that is no refusal is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is in the log now.
    Accepted(Receipt),
    /// It was in the log already: the first receipt again.
    Replayed(Receipt),
    /// The books did not change.
    Refused(Box<Refusal>),
}

/// Where in the log something stands, and what it says there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The settlement it belongs to.
    pub payment_hash: Option<PaymentHash>,
    /// The id of the machine, client, deposit, LP, note or leg that it is about.
    pub id: Option<Text>,
    /// Its place in the log.
    pub seq: u64,
    /// Its hash in the chain.
    pub entry_hash: EntryHash,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// How the sats of a claim were split.
    pub settlement: Option<FeeSplit>,
    /// The legs that were planned.
    pub legs: Vec<PlannedLeg>,
    /// The proof that it is in the log, if the command asked for one.
    pub proof: Option<Proof>,
}

/// The proof that was asked for with `"receipt": true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A C2SP tlog-proof, with the entry in it.
    Here(Box<str>),
    /// It could not be made, and why. What was answered stands all the same.
    Missing(Box<str>),
}

/// How the sats of a settlement are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FeeSplit {
    /// What moved over Lightning.
    pub wire_sats: Sats,
    /// The part exchanged for fiat.
    pub principal_sats: Sats,
    /// The whole fee.
    pub fee_sats: Sats,
    /// The platform's part of it.
    pub platform_fee_sats: Sats,
    /// The operator's part of it.
    pub operator_fee_sats: Sats,
    /// Reported fee less the expected one.
    pub fee_mismatch_sats: i64,
}

/// A planned leg with its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedLeg {
    /// Its id.
    pub leg_id: LegId,
    /// What it pays.
    #[serde(flatten)]
    pub leg: Leg,
}

impl Receipt {
    /// The receipt of an entry: the same whenever it is asked for.
    pub fn of(entry: &Entry, entry_hash: EntryHash) -> Self {
        let payment_hash = PaymentHash::from_bytes(*entry.front.key.as_bytes());
        let mut receipt = Self {
            payment_hash: None,
            id: None,
            seq: entry.front.seq,
            entry_hash,
            recorded_at: entry.circumstances.recorded_at,
            settlement: None,
            legs: Vec::new(),
            proof: None,
        };
        let id = |text: &str| Some(Text::new(text));
        match &entry.event {
            Event::ConfigChanged(_) | Event::ImportPiece(_) => {}
            Event::OperatorChanged(e) => receipt.id = id(e.operator_user_id.as_str()),
            Event::MachineRegistered(e) => receipt.id = id(e.id.as_str()),
            Event::MachineChanged(e) => receipt.id = id(e.id.as_str()),
            Event::MachinePaired(e) => receipt.id = id(e.id.as_str()),
            Event::SplitsReplaced(e) => receipt.id = id(e.operator_user_id.as_str()),
            Event::LpChanged(e) => receipt.id = id(e.user_id.as_str()),
            Event::ClientEnrolled(e) => receipt.id = id(e.id.as_str()),
            Event::ClientChanged(e) => receipt.id = id(e.id.as_str()),
            Event::DepositRecorded(e) => receipt.id = id(e.id.as_str()),
            Event::DepositConfirmed(e) => receipt.id = id(e.id.as_str()),
            Event::DepositRejected(e) => receipt.id = id(e.id.as_str()),
            Event::BeaconReported(e) => receipt.id = id(e.machine_id.as_str()),
            Event::TelemetryReported(e) => receipt.id = id(e.machine_id.as_str()),
            Event::CassettesSet(e) => receipt.id = id(e.machine_id.as_str()),
            Event::CassettesReported(e) => receipt.id = id(e.machine_id.as_str()),
            Event::RowImported(e) => {
                receipt.id = Some(e.row.id.clone());
                // Its claim is replayed with this receipt, and whoever claimed it looks for the hash.
                let alone = streams::imported_alone(e.row.table, e.row.id.as_str());
                if e.row.table == SourceTable::Settlements && alone != entry.front.key {
                    receipt.payment_hash = Some(payment_hash);
                }
            }
            Event::RulesImported(e) => receipt.id = Some(e.operator_user_id.clone()),
            Event::ClaimRefused(e) => receipt.payment_hash = Some(e.payment_hash),
            Event::SettlementReleased(_)
            | Event::SettlementFinished(_)
            | Event::SettlementFailed(_)
            | Event::SettlementVoided(_) => receipt.payment_hash = Some(payment_hash),
            Event::SettlementNoted(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.id = id(e.id.as_str());
            }
            Event::LegIntended(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.id = id(e.leg_id.as_str());
            }
            Event::LegEnded(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.id = id(e.leg_id.as_str());
            }
            Event::LegAdded(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.id = id(e.leg_id.as_str());
            }
            Event::SettlementClaimed(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.settlement = Some(FeeSplit {
                    wire_sats: e.wire_sats,
                    principal_sats: e.principal_sats,
                    fee_sats: e.fee_sats,
                    platform_fee_sats: e.platform_fee_sats,
                    operator_fee_sats: e.operator_fee_sats,
                    fee_mismatch_sats: e.fee_mismatch_sats,
                });
            }
            Event::SettlementBegun(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.legs = with_ids(&payment_hash, e.first_leg, &e.legs);
            }
            Event::SettlementAdjusted(e) => {
                receipt.payment_hash = Some(payment_hash);
                receipt.legs = with_ids(&payment_hash, e.first_leg, &e.legs);
            }
        }
        receipt
    }
}

fn with_ids(payment_hash: &PaymentHash, first: u32, legs: &[Leg]) -> Vec<PlannedLeg> {
    let numbered = (first..).zip(legs);
    numbered
        .map(|(number, leg)| PlannedLeg {
            leg_id: LegId::planned(payment_hash, number),
            leg: leg.clone(),
        })
        .collect()
}

impl Answer {
    /// The receipt, unless refused.
    pub const fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Accepted(receipt) | Self::Replayed(receipt) => Some(receipt),
            Self::Refused(_) => None,
        }
    }

    /// The receipt, unless refused, to be completed.
    pub const fn receipt_mut(&mut self) -> Option<&mut Receipt> {
        match self {
            Self::Accepted(receipt) | Self::Replayed(receipt) => Some(receipt),
            Self::Refused(_) => None,
        }
    }

    /// `accepted`, `replayed` or `refused`.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Replayed(_) => "replayed",
            Self::Refused(_) => "refused",
        }
    }

    /// Appends the answer as one line of JSON, without the line end.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        // Writing to memory cannot fail, and every field has a JSON form.
        let _ = serde_json::to_writer(out, self);
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// Flat, `status` first; what a receipt does not have is left out. By hand: derived flattening would
/// send every field of the most frequent answer through a buffer.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let receipt = match self {
            Self::Accepted(receipt) | Self::Replayed(receipt) => receipt,
            Self::Refused(refusal) => return refusal.serialize(serializer),
        };
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("status", self.status())?;
        if let Some(payment_hash) = &receipt.payment_hash {
            out.serialize_entry("payment_hash", payment_hash)?;
        }
        if let Some(id) = &receipt.id {
            out.serialize_entry("id", id)?;
        }
        out.serialize_entry("seq", &receipt.seq)?;
        out.serialize_entry("entry_hash", &receipt.entry_hash)?;
        out.serialize_entry("recorded_at", &receipt.recorded_at)?;
        if let Some(settlement) = &receipt.settlement {
            out.serialize_entry("settlement", settlement)?;
        }
        if !receipt.legs.is_empty() {
            out.serialize_entry("legs", &receipt.legs)?;
        }
        match &receipt.proof {
            None => {}
            Some(Proof::Here(text)) => out.serialize_entry("receipt", text)?,
            Some(Proof::Missing(why)) => out.serialize_entry("receipt_missing", why)?,
        }
        out.end()
    }
}
