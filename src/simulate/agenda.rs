//! What is to happen next, and shuffled cards from which chance is drawn evenly.

use std::collections::BTreeMap;

use spireledger_schema::identity::PaymentHash;

use super::random::Random;

/// One step of the story. Machines, LPs and operators are named by their number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// Fees, the fee wallet and the cap.
    Platform,
    Register(usize),
    /// When an operator's day begins, and its split rules.
    Splits(usize),
    /// A machine's own split rules.
    HostSplits(usize),
    Enroll(usize),
    /// Somebody is enrolled who never becomes an LP.
    Stranger,
    /// An LP says how it wants its sats.
    Onboard(usize),
    /// A machine that had none gets its key.
    Pair(usize),
    /// A machine reports, and is filled if it has to be.
    Morning(usize),
    Customer(usize),
    /// A processor begins with a settlement.
    Begin(PaymentHash),
    /// It pays the legs.
    Pay(PaymentHash),
    /// The customer of a partial dispense comes back.
    Refund(PaymentHash),
    Deposit(usize),
    /// A deposit is counted: right or not.
    DepositEnd {
        number: u64,
        confirmed: bool,
    },
    /// An LP leaves fixed mode.
    Flow(usize),
    /// An operator's weekly business.
    Office(u64),
    Unpause {
        lp: usize,
        enrolment: usize,
    },
}

/// Tasks in the order of their time, those of one second in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    tasks: BTreeMap<(i64, u64), Task>,
    added: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: i64, task: Task) {
        self.tasks.insert((at, self.added), task);
        self.added += 1;
    }

    /// Takes the next task out, if it is due until then.
    pub(super) fn next_until(&mut self, end: i64) -> Option<(i64, Task)> {
        let first = self.tasks.first_entry()?;
        let (at, _) = *first.key();
        (at <= end).then(|| (at, first.remove()))
    }
}

/// Cards that are drawn one by one and shuffled again when all were drawn: chance in which
/// everything comes up soon, and as often as it is there.
#[derive(Debug)]
pub(super) struct Deck<T> {
    cards: Vec<T>,
    drawn: usize,
}

impl<T: Copy> Deck<T> {
    pub(super) fn new(cards: Vec<T>) -> Self {
        let drawn = cards.len();
        Self { cards, drawn }
    }

    pub(super) fn draw(&mut self, random: &mut Random) -> Option<T> {
        if self.drawn >= self.cards.len() {
            random.shuffle(&mut self.cards);
            self.drawn = 0;
        }
        self.drawn += 1;
        self.cards.get(self.drawn - 1).copied()
    }
}
