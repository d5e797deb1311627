//! What an outbox's file says, record by record. The order of variants and fields is the format: a
//! changed shape is a new version of the file.

use bincode::{Decode, Encode};
use serde::Serialize;

/// One thing that happened. Moments are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Record {
    /// A claim came, and got the next number.
    Kept {
        /// Its number, `machine_seq`.
        number: u64,
        /// When.
        at: i64,
        /// The Lightning payment hash.
        payment_hash: [u8; 32],
        /// The command as JSON, with its number: what is sent, byte for byte.
        content: String,
    },
    /// Claims were sent, each for the so-many-eth time.
    Sent {
        /// When.
        at: i64,
        /// Numbers, and how often each was sent by now.
        sends: Vec<(u64, u32)>,
    },
    /// The ledger refused a claim, and may accept it later.
    SetBack {
        /// The claim.
        number: u64,
        /// What the ledger said.
        refusal: Refused,
    },
    /// The ledger has the claim.
    Done {
        /// The claim.
        number: u64,
        /// What the ledger said.
        receipt: Receipt,
    },
    /// The ledger refused a claim for good.
    Refused {
        /// The claim.
        number: u64,
        /// What the ledger said.
        refusal: Refused,
    },
    /// A person wants a refused claim to be sent again.
    Again {
        /// The claim.
        number: u64,
        /// When.
        at: i64,
    },
    /// A claim that the ledger has had for long: enough to know it again.
    Short {
        /// Its number.
        number: u64,
        /// When it was kept.
        at: i64,
        /// The Lightning payment hash.
        payment_hash: [u8; 32],
        /// blake3 of what it said.
        digest: [u8; 32],
        /// Its receipt, without the answer's text.
        receipt: Receipt,
    },
    /// Numbers that are gone and are not given again: damage took their claims, or another outbox
    /// gave them.
    Lost {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
}

/// A no of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Refused {
    /// When it was heard.
    #[serde(serialize_with = "moment")]
    pub at: i64,
    /// The code of the refusal.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// The whole answer.
    #[serde(skip)]
    pub answer: String,
}

/// A yes of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Receipt {
    /// When it was heard.
    #[serde(serialize_with = "moment")]
    pub at: i64,
    /// The place of the claim in the ledger's log.
    pub seq: u64,
    /// Its hash in the ledger's chain.
    #[serde(serialize_with = "hex")]
    pub entry_hash: [u8; 32],
    /// By which way it came.
    pub via: Via,
    /// The whole answer, while it is kept.
    #[serde(skip)]
    pub answer: Option<String>,
    /// What proves it: over Nostr the event, as JSON, that the ledger signed.
    #[serde(skip)]
    pub proof: Option<String>,
}

/// The way of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// An event that the ledger signed.
    Nostr,
    /// The answer to a request, over TLS or on the same machine.
    Http,
}

// serde hands fields over by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn moment<S: serde::Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let at = spireledger_schema::time::Timestamp::from_micros(*at).unwrap_or(
        // Nothing else is ever written: moments come from a `Timestamp`.
        spireledger_schema::time::Timestamp::EPOCH,
    );
    serde::Serialize::serialize(&at, serializer)
}

fn hex<S: serde::Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&spireledger_schema::hex::encode(bytes))
}
