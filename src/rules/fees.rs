//! The fee split: who gets which part of a fee, fixed once, when a claim is accepted.

use spireledger_schema::money::{Fraction, Sats};

/// How a fee is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// The platform's part.
    pub platform_fee_sats: Sats,
    /// The operator's part: the rest.
    pub operator_fee_sats: Sats,
    /// Reported fee less the expected one. Recorded, never a reason to refuse.
    pub fee_mismatch_sats: i64,
}

/// Splits `fee`: the platform gets its fraction **of principal** (seed m009: not of the fee), rounded
/// half to even and at most the fee; the operator gets the rest, so both always add up to the fee.
pub fn split_fee(principal: Sats, fee: Sats, platform: Fraction, operator: Fraction) -> Split {
    let platform_share = platform.of(principal);
    let operator_share = operator.of(principal);
    let platform_fee = platform_share.min(fee);
    Split {
        platform_fee_sats: platform_fee,
        operator_fee_sats: fee.checked_sub(platform_fee).unwrap_or(Sats::ZERO),
        // Each is at most 21·10¹⁴: the sum of two and the difference fit i64 by far.
        fee_mismatch_sats: fee.signed() - (platform_share.signed() + operator_share.signed()),
    }
}
