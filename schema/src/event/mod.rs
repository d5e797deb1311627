//! What happened: the events, and their canonical bytes behind stable tags.
//!
//! A tag names one byte shape for ever. A changed shape gets a new tag and a new line in the list
//! below; the old shape's struct stays, with a `From` that makes today's event of it when it is read
//! (the upcast). Golden bytes of every tag are in `fixtures/bytes/`.

mod fleet;
mod imported;
mod money;
mod pieces;
mod settlement;

pub use fleet::{
    BeaconReported, CassettesReported, CassettesSet, ClientChanged, ClientEnrolled, ConfigChanged,
    MachineChanged, MachinePaired, MachineRegistered, OperatorChanged, TelemetryReported,
};
pub use imported::{RowImported, RulesImported};
pub use money::{DepositConfirmed, DepositRecorded, DepositRejected, LpChanged, SplitsReplaced};
pub use pieces::{ImportPiece, PIECE_BYTES, PIECES_BYTES_MAX, PIECES_MAX, TooLongForPieces};
pub use settlement::{
    ClaimRefused, GivenBack, Leg, LegAdded, LegEnded, LegIntended, SettlementAdjusted,
    SettlementBegun, SettlementClaimed, SettlementFailed, SettlementFinished, SettlementNoted,
    SettlementReleased, SettlementVoided, TakenOver,
};

use serde::Serialize;

use crate::bytes;

/// Why stored bytes are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a later version, or not by Spireledger.
    #[error("event tag {0} is not known to this version; a newer one wrote it")]
    UnknownTag(u16),
    /// The tag is known, its payload is not readable.
    #[error("the bytes are no {what}: {why}")]
    Payload {
        /// What was being read.
        what: &'static str,
        /// What bincode says.
        why: String,
    },
    /// More bytes than the shape has.
    #[error("{0} bytes are left over behind the event")]
    Trailing(usize),
}

pub(crate) fn payload_error(
    what: &'static str,
) -> impl Fn(bincode::error::DecodeError) -> DecodeError {
    move |error| DecodeError::Payload { what, why: error.to_string() }
}

macro_rules! events {
    (
        $(#[$meta:meta])* enum $Event:ident {
            $($Variant:ident($Payload:ty) = $word:literal,)*
        }
        written { $($write_tag:literal => $Written:ident,)* }
        read { $($tag:literal => $Shape:ty as $Target:ident,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(tag = "type")]
        // Claims are the largest and by far the most frequent; boxing them would cost every one.
        #[allow(clippy::large_enum_variant)]
        pub enum $Event {
            $(
                #[doc = concat!("`", $word, "`")]
                #[serde(rename = $word)]
                $Variant($Payload),
            )*
        }

        impl $Event {
            /// The event's name.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$Variant(_) => $word),* }
            }

            /// The tag this event is written with.
            pub const fn tag(&self) -> u16 {
                match self { $(Self::$Written(_) => $write_tag),* }
            }

            /// Every tag that can be read, with the name of the event it becomes.
            pub fn readable_tags() -> Vec<(u16, &'static str)> {
                vec![$(($tag, stringify!($Target))),*]
            }

            /// Appends tag and payload to `out`.
            pub(crate) fn encode(
                &self,
                out: &mut Vec<u8>,
            ) -> Result<(), bincode::error::EncodeError> {
                bytes::write(&self.tag(), out)?;
                match self { $(Self::$Variant(payload) => bytes::write(payload, out)),* }
            }

            /// Reads tag and payload, of today's shape or an older one, with the bytes behind them.
            pub(crate) fn decode(input: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
                let (tag, input) = bytes::read::<u16>(input).map_err(payload_error("event tag"))?;
                match tag {
                    $($tag => {
                        let (shape, rest) =
                            bytes::read::<$Shape>(input).map_err(payload_error(stringify!($Shape)))?;
                        Ok((Self::$Target(shape.into()), rest))
                    })*
                    unknown => Err(DecodeError::UnknownTag(unknown)),
                }
            }
        }
    };
}

events! {
    /// What happened.
    enum Event {
        ConfigChanged(ConfigChanged) = "config.changed",
        MachineRegistered(MachineRegistered) = "machine.registered",
        MachineChanged(MachineChanged) = "machine.changed",
        MachinePaired(MachinePaired) = "machine.paired",
        SplitsReplaced(SplitsReplaced) = "splits.replaced",
        LpChanged(LpChanged) = "lp.changed",
        ClientEnrolled(ClientEnrolled) = "client.enrolled",
        ClientChanged(ClientChanged) = "client.changed",
        DepositRecorded(DepositRecorded) = "deposit.recorded",
        DepositConfirmed(DepositConfirmed) = "deposit.confirmed",
        DepositRejected(DepositRejected) = "deposit.rejected",
        SettlementClaimed(SettlementClaimed) = "settlement.claimed",
        SettlementBegun(SettlementBegun) = "settlement.begun",
        SettlementReleased(SettlementReleased) = "settlement.released",
        SettlementAdjusted(SettlementAdjusted) = "settlement.adjusted",
        SettlementNoted(SettlementNoted) = "settlement.noted",
        SettlementFinished(SettlementFinished) = "settlement.finished",
        SettlementFailed(SettlementFailed) = "settlement.failed",
        SettlementVoided(SettlementVoided) = "settlement.voided",
        LegEnded(LegEnded) = "leg.ended",
        LegAdded(LegAdded) = "leg.added",
        BeaconReported(BeaconReported) = "beacon.reported",
        TelemetryReported(TelemetryReported) = "telemetry.reported",
        CassettesSet(CassettesSet) = "cassettes.set",
        CassettesReported(CassettesReported) = "cassettes.reported",
        ClaimRefused(ClaimRefused) = "claim.refused",
        RowImported(RowImported) = "row.imported",
        RulesImported(RulesImported) = "rules.imported",
        LegIntended(LegIntended) = "leg.intended",
        ImportPiece(ImportPiece) = "import.piece",
        OperatorChanged(OperatorChanged) = "operator.changed",
    }
    written {
        1 => ConfigChanged,
        2 => MachineRegistered,
        3 => MachineChanged,
        4 => MachinePaired,
        5 => SplitsReplaced,
        6 => LpChanged,
        7 => ClientEnrolled,
        8 => ClientChanged,
        9 => DepositRecorded,
        10 => DepositConfirmed,
        11 => DepositRejected,
        12 => SettlementClaimed,
        13 => SettlementBegun,
        14 => SettlementReleased,
        15 => SettlementAdjusted,
        16 => SettlementNoted,
        17 => SettlementFinished,
        18 => SettlementFailed,
        19 => SettlementVoided,
        20 => LegEnded,
        21 => LegAdded,
        22 => BeaconReported,
        23 => TelemetryReported,
        24 => CassettesSet,
        25 => CassettesReported,
        26 => ClaimRefused,
        27 => RowImported,
        28 => RulesImported,
        29 => LegIntended,
        30 => ImportPiece,
        31 => OperatorChanged,
    }
    read {
        1 => ConfigChanged as ConfigChanged,
        2 => MachineRegistered as MachineRegistered,
        3 => MachineChanged as MachineChanged,
        4 => MachinePaired as MachinePaired,
        5 => SplitsReplaced as SplitsReplaced,
        6 => LpChanged as LpChanged,
        7 => ClientEnrolled as ClientEnrolled,
        8 => ClientChanged as ClientChanged,
        9 => DepositRecorded as DepositRecorded,
        10 => DepositConfirmed as DepositConfirmed,
        11 => DepositRejected as DepositRejected,
        12 => SettlementClaimed as SettlementClaimed,
        13 => SettlementBegun as SettlementBegun,
        14 => SettlementReleased as SettlementReleased,
        15 => SettlementAdjusted as SettlementAdjusted,
        16 => SettlementNoted as SettlementNoted,
        17 => SettlementFinished as SettlementFinished,
        18 => SettlementFailed as SettlementFailed,
        19 => SettlementVoided as SettlementVoided,
        20 => LegEnded as LegEnded,
        21 => LegAdded as LegAdded,
        22 => BeaconReported as BeaconReported,
        23 => TelemetryReported as TelemetryReported,
        24 => CassettesSet as CassettesSet,
        25 => CassettesReported as CassettesReported,
        26 => ClaimRefused as ClaimRefused,
        27 => RowImported as RowImported,
        28 => RulesImported as RulesImported,
        29 => LegIntended as LegIntended,
        30 => ImportPiece as ImportPiece,
        31 => OperatorChanged as OperatorChanged,
    }
}

/// Declares the payload of a tag. The order of the fields is the byte format.
macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$fdoc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, bincode::Encode, bincode::BorrowDecode, serde::Serialize)]
        pub struct $name {$(
            $(#[$fdoc])*
            #[serde(skip_serializing_if = "crate::json::is_left_out")]
            pub $field: $type,
        )*}
    )*};
}
pub(crate) use payloads;
