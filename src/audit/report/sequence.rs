//! What a machine counts of its own claims (`machine_seq`), and which numbers are missing.

use std::collections::BTreeMap;

/// Stretches of numbers that are kept of a machine. A machine that counts without sense has more; what is
/// missing is not told of it then.
const STRETCHES_MAX: usize = 4_096;
/// Gaps that are named.
const GAPS_NAMED: usize = 20;

/// Numbers, as stretches from one to another, both of them in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Numbers {
    stretches: BTreeMap<u64, u64>,
}

impl Numbers {
    /// Adds a number; `false`: it was there.
    fn add(&mut self, number: u64) -> bool {
        let before = self.stretches.range(..=number).next_back().map(|(from, to)| (*from, *to));
        if before.is_some_and(|(_, to)| number <= to) {
            return false;
        }
        let joins = before.filter(|(_, to)| to.checked_add(1) == Some(number));
        let from = joins.map_or(number, |(from, _)| from);
        let next = number.checked_add(1).and_then(|next| self.stretches.remove(&next));
        self.stretches.insert(from, next.unwrap_or(number));
        true
    }
}

/// What a machine has counted up to a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    accepted: Numbers,
    refused: Numbers,
    /// The highest number before the period.
    before: Option<u64>,
    /// The lowest and the highest of the period.
    period: Option<[u64; 2]>,
    /// Claims of the period that bear a number.
    pub(super) numbered: u64,
    /// Claims of the period that bear none.
    pub(super) unnumbered: u64,
    /// Claims of the period with a number that another one had.
    pub(super) repeated: u64,
}

/// Numbers of the period that no accepted claim bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gaps {
    /// From which number on, and up to which.
    pub(super) expected: Option<[u64; 2]>,
    /// How many are missing without a trace.
    pub(super) missing: u64,
    /// How many are those of refused claims.
    pub(super) refused: u64,
    /// The first of the gaps, each from one number to another.
    pub(super) named: Vec<[u64; 2]>,
    /// Whether there are too many stretches to tell.
    pub(super) is_senseless: bool,
}

impl Sequence {
    /// An accepted claim.
    pub(super) fn accepted(&mut self, number: Option<u64>, is_of_period: bool) {
        let Some(number) = number else {
            self.unnumbered += u64::from(is_of_period);
            return;
        };
        let is_new = self.accepted.stretches.len() > STRETCHES_MAX || self.accepted.add(number);
        if !is_of_period {
            self.before = self.before.max(Some(number));
            return;
        }
        self.numbered += 1;
        self.repeated += u64::from(!is_new);
        let [low, high] = self.period.unwrap_or([number, number]);
        self.period = Some([low.min(number), high.max(number)]);
    }

    /// A claim that was refused.
    pub(super) fn refused(&mut self, number: u64) {
        if self.refused.stretches.len() <= STRETCHES_MAX {
            self.refused.add(number);
        }
    }

    /// What is missing between the last number before the period and the last one in it.
    pub(super) fn gaps(&self) -> Gaps {
        let begin = self.before.and_then(|before| before.checked_add(1));
        let expected = self.period.and_then(|[low, high]| {
            let from = begin.unwrap_or(low);
            (from <= high).then_some([from, high])
        });
        let is_senseless = self.accepted.stretches.len() > STRETCHES_MAX;
        let mut gaps = Gaps { expected, missing: 0, refused: 0, named: Vec::new(), is_senseless };
        let Some([from, last]) = expected.filter(|_| !is_senseless) else { return gaps };
        let mut next = from;
        for (begin, end) in &self.accepted.stretches {
            if *end < next {
                continue;
            }
            if *begin > last {
                break;
            }
            if *begin > next {
                self.gap(&mut gaps, next, begin - 1);
            }
            next = end.saturating_add(1);
        }
        gaps
    }

    fn gap(&self, gaps: &mut Gaps, from: u64, to: u64) {
        let refused = self.refused.stretches.iter().map(|(begin, end)| {
            let (begin, end) = ((*begin).max(from), (*end).min(to));
            if begin <= end { end - begin + 1 } else { 0 }
        });
        let refused: u64 = refused.sum();
        gaps.refused += refused;
        gaps.missing = gaps.missing.saturating_add((to - from).saturating_add(1) - refused);
        if gaps.named.len() < GAPS_NAMED {
            gaps.named.push([from, to]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: &[u64], period: &[u64], refused: &[u64]) -> (Sequence, Gaps) {
        let mut sequence = Sequence::default();
        for (numbers, is_of_period) in [(before, false), (period, true)] {
            for number in numbers {
                sequence.accepted(Some(*number), is_of_period);
            }
        }
        for number in refused {
            sequence.refused(*number);
        }
        let gaps = sequence.gaps();
        (sequence, gaps)
    }

    #[test]
    fn gaps_are_what_no_claim_bears() {
        for (before, period, refused, missing, of_refused, named) in [
            (&[1, 2][..], &[3, 4, 5][..], &[][..], 0, 0, vec![]),
            (&[1, 2], &[5, 4], &[], 1, 0, vec![[3, 3]]),
            (&[1, 2], &[5, 9], &[4, 7], 3, 2, vec![[3, 4], [6, 8]]),
            // What was missing before the period is not missing in it, and can still come.
            (&[1, 9], &[10, 4], &[], 0, 0, vec![]),
            (&[], &[7, 9], &[], 1, 0, vec![[8, 8]]),
            (&[], &[u64::MAX, 0], &[], u64::MAX - 1, 0, vec![[1, u64::MAX - 1]]),
            (&[5], &[], &[6], 0, 0, vec![]),
        ] {
            let (_, gaps) = of(before, period, refused);
            assert_eq!((gaps.missing, gaps.refused, gaps.named), (missing, of_refused, named));
        }
    }

    #[test]
    fn numbers_that_come_twice_are_counted() {
        let (sequence, gaps) = of(&[1], &[2, 2, 1, 3], &[]);
        assert_eq!((sequence.numbered, sequence.repeated, gaps.missing), (4, 2, 0));
    }
}
