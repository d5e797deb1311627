//! Mistakes that a payer could make. The tests turn them on one by one, and the model that a right payer
//! passes must find each of them (`tests/seeded.rs`). Compiled to nothing outside tests.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// A payment that is pending is taken to have failed.
    PendingIsFailure,
    /// No answer is taken for a failure.
    SilenceIsFailure,
    /// A payment that the paying wallet does not know is taken to have failed, whatever the receiver says.
    NotFoundIsFailure,
    /// A payment that is said to have failed is made anew while its invoice can still be paid.
    FailureBeforeExpiry,
    /// A no to the payment is taken for its outcome.
    RefusalIsFailure,
    /// A yes to the payment is taken for its outcome.
    AcceptanceIsPaid,
    /// The intent is written after the payment was asked for.
    IntentAfterPayment,
    /// An intent that the ledger refused is paid all the same.
    PaysThoughRefused,
    /// A leg whose payment may be under way is treated like any other.
    IgnoresIntent,
    /// The intent does not say under which claim the settlement was read.
    IntentWithoutClaim,
    /// What another processor holds is paid without being asked to.
    PaysForOthers,
    /// An invoice over any amount is paid.
    AnyInvoice,
    /// A payment of any amount completes the leg.
    AnyAmountPaid,
    /// What became of another leg's payment is taken for this one's.
    OtherOutcome,
    /// What an LP wants to have forwarded is left in its wallet.
    ForgetsToForward,
    /// It is forwarded out of the machine's wallet.
    ForwardsFromMachine,
}

#[cfg(test)]
thread_local! {
    static ON: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

impl Bug {
    /// Whether this mistake is to be made.
    #[cfg(test)]
    pub(super) fn is_on(self) -> bool {
        ON.get() == Some(self)
    }

    /// Never, outside tests.
    #[cfg(not(test))]
    pub(super) const fn is_on(self) -> bool {
        let _ = self;
        false
    }
}

#[cfg(test)]
impl Bug {
    pub(super) const ALL: [Self; 16] = [
        Self::PendingIsFailure,
        Self::SilenceIsFailure,
        Self::NotFoundIsFailure,
        Self::FailureBeforeExpiry,
        Self::RefusalIsFailure,
        Self::AcceptanceIsPaid,
        Self::IntentAfterPayment,
        Self::PaysThoughRefused,
        Self::IgnoresIntent,
        Self::IntentWithoutClaim,
        Self::PaysForOthers,
        Self::AnyInvoice,
        Self::AnyAmountPaid,
        Self::OtherOutcome,
        Self::ForgetsToForward,
        Self::ForwardsFromMachine,
    ];

    /// Makes this mistake in this thread while `test` runs.
    pub(super) fn during<T>(self, test: impl FnOnce() -> T) -> T {
        ON.set(Some(self));
        let result = test();
        ON.set(None);
        result
    }
}
