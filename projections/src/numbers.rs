//! The numbers that machines give their claims (`machine_seq`): which came, and which are missing.

use std::collections::BTreeMap;

use bincode::{BorrowDecode, Encode};

/// Most gaps of one machine that are told apart.
pub const GAPS_MAX: usize = 256;
/// Most repeated numbers of one machine that are named.
pub const REPEATED_MAX: usize = 16;

/// What came of one machine's numbers. Its size is bounded, whatever a machine counts.
///
/// When another gap would be one too many, the lowest is closed: what was missing in it stays counted,
/// but is not named any more, and a number that low that comes later changes nothing. A machine that makes
/// gaps on purpose blurs its own account and nobody else's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Numbers {
    highest: u64,
    /// Numbers below the highest that have not come, from and to.
    gaps: BTreeMap<u64, u64>,
    /// Numbers up to here are not told apart any more.
    closed_up_to: u64,
    /// How many of those were missing then.
    closed_missing: u64,
    /// How many claims bore a number that another had borne.
    repeats: u64,
    /// The first numbers that did, in the order in which they came again.
    repeated: Vec<u64>,
}

impl Numbers {
    /// Takes the number of a new claim in. 0 is no number: machines count from 1.
    pub(crate) fn take(&mut self, number: u64) {
        if number == 0 || number <= self.closed_up_to {
            return;
        }
        if number > self.highest {
            let first = self.highest.saturating_add(1);
            if first < number {
                self.gaps.insert(first, number - 1);
            }
            self.highest = number;
        } else if !self.fill(number) {
            self.repeats = self.repeats.saturating_add(1);
            if self.repeated.len() < REPEATED_MAX && !self.repeated.contains(&number) {
                self.repeated.push(number);
            }
        }
        while self.gaps.len() > GAPS_MAX {
            self.close_lowest();
        }
    }

    /// Takes a number out of the gap that it is missing in; `false` if it is in none.
    fn fill(&mut self, number: u64) -> bool {
        let gap = self.gaps.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let Some((first, last)) = gap.filter(|(_, last)| number <= *last) else { return false };
        self.gaps.remove(&first);
        if first < number {
            self.gaps.insert(first, number - 1);
        }
        if number < last {
            self.gaps.insert(number + 1, last);
        }
        true
    }

    fn close_lowest(&mut self) {
        if let Some((first, last)) = self.gaps.pop_first() {
            self.closed_missing = self.closed_missing.saturating_add(last - first + 1);
            self.closed_up_to = last;
        }
    }

    /// The highest number that came; 0 if none did.
    pub const fn highest(&self) -> u64 {
        self.highest
    }

    /// How many numbers below the highest have not come.
    pub fn missing(&self) -> u64 {
        let gaps = self.gaps.iter().map(|(first, last)| last - first + 1);
        gaps.fold(self.closed_missing, u64::saturating_add)
    }

    /// The missing numbers, from and to, as far as they are told apart.
    pub fn gaps(&self) -> impl Iterator<Item = (u64, u64)> {
        self.gaps.iter().map(|(first, last)| (*first, *last))
    }

    /// Numbers up to here are not told apart any more; 0 as long as all are.
    pub const fn closed_up_to(&self) -> u64 {
        self.closed_up_to
    }

    /// How many claims bore a number that another claim of the machine had borne.
    pub const fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Such numbers, the first of them.
    pub fn repeated(&self) -> &[u64] {
        &self.repeated
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn taken(numbers: &[u64]) -> Numbers {
        let mut all = Numbers::default();
        for number in numbers {
            all.take(*number);
        }
        all
    }

    fn gaps(numbers: &Numbers) -> Vec<(u64, u64)> {
        numbers.gaps().collect()
    }

    #[test]
    fn numbers_in_any_order_leave_the_gaps_that_are_there() {
        let numbers = taken(&[1, 2, 7, 5, 10]);
        assert_eq!((numbers.highest(), numbers.missing()), (10, 5));
        assert_eq!(gaps(&numbers), [(3, 4), (6, 6), (8, 9)]);
        let whole = taken(&[3, 1, 2]);
        assert_eq!((whole.missing(), gaps(&whole)), (0, vec![]));
        assert_eq!(gaps(&taken(&[4])), [(1, 3)]);
    }

    #[test]
    fn a_number_that_comes_again_is_named_once_and_counted_each_time() {
        let numbers = taken(&[1, 2, 2, 2, 1, 4]);
        assert_eq!((numbers.repeats(), numbers.repeated()), (3, &[2, 1][..]));
        assert_eq!(gaps(&numbers), [(3, 3)]);
    }

    #[test]
    fn nothing_overflows_and_zero_is_no_number() {
        let numbers = taken(&[0, u64::MAX, 0, u64::MAX]);
        assert_eq!((numbers.highest(), numbers.missing()), (u64::MAX, u64::MAX - 1));
        assert_eq!(numbers.repeats(), 1);
        assert_eq!(taken(&[0]), Numbers::default());
    }

    #[test]
    fn thousands_of_gaps_take_no_more_memory_and_stay_counted() {
        let odd: Vec<u64> = (1..=10_000).map(|n| n * 2).collect();
        let mut numbers = taken(&odd);
        assert_eq!(numbers.gaps().count(), GAPS_MAX);
        assert_eq!(numbers.missing(), 10_000);
        let closed = numbers.closed_up_to();
        assert_eq!(closed, (10_000 - GAPS_MAX as u64) * 2 - 1);
        // Too low to be told apart: neither filled nor repeated.
        let before = numbers.clone();
        numbers.take(closed);
        numbers.take(2);
        assert_eq!(numbers, before);
        numbers.take(closed + 2);
        assert_eq!((numbers.missing(), numbers.repeats()), (9_999, 0));
        let many: Vec<u64> = (1..=100).flat_map(|n| [n, n]).collect();
        let repeated = taken(&many);
        assert_eq!((repeated.repeats(), repeated.repeated().len()), (100, REPEATED_MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_missing_is_what_did_not_come(
            numbers in prop::collection::vec(1..60u64, 0..80),
        ) {
            let folded = taken(&numbers);
            let came: BTreeSet<u64> = numbers.iter().copied().collect();
            let highest = came.last().copied().unwrap_or(0);
            let missing: Vec<u64> = (1..=highest).filter(|n| !came.contains(n)).collect();
            let told: Vec<u64> = folded.gaps().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(&told, &missing);
            prop_assert_eq!(folded.missing(), missing.len() as u64);
            prop_assert_eq!(folded.repeats(), (numbers.len() - came.len()) as u64);
            // Gaps never touch: each is as long as it can be.
            let mut pairs = folded.gaps().zip(folded.gaps().skip(1));
            prop_assert!(pairs.all(|((_, last), (next, _))| last + 1 < next));
        }
    }
}
