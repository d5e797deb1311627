//! Rows that entries add one by one: postings, what was done to settlements, and the sums of wallets.
//!
//! Each needs the state of its stream before and after the entry, so they are taken while the log is
//! read from front to back. Nothing of them is ever written anew; sums are added to.

use std::collections::BTreeMap;

use spireledger_projections::books::{Before, Transaction, WalletSums};
use spireledger_projections::facts::{PostingInPlace, Rows, Subject, Wallet};
use spireledger_projections::tables::{Row, Seen, Shape, Table};
use spireledger_projections::touched::has_rows;
use spireledger_projections::{Audited, Fleet, Life};
use spireledger_schema::text::WalletId;
use spireledger_schema::{Entry, Event};

use super::plan::{Plan, Verb};
use super::sink::Sink;
use super::states::{Around, States};
use super::{TablesError, Told};
use crate::ledger::{LedgerError, read};
use crate::log::{ReadLog, Stored};

/// Rows that wait to be written, at most; about 10 MB of them.
const ROWS_MAX: usize = 16_384;

/// What entries have said since it was last written.
#[derive(Debug, Default)]
pub(super) struct Said {
    wants_money: bool,
    wants_audits: bool,
    transactions: Vec<Transaction>,
    audits: Vec<Audited>,
    wallets: BTreeMap<WalletId, WalletSums>,
    rows: usize,
}

impl Said {
    /// What the tables of a shape hold; nothing, where they hold none of it.
    pub(super) fn for_tables<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Self {
        let mut said = Self::default();
        for table in tables {
            said.wants_money |= matches!(table.rows(), Rows::Postings | Rows::Wallets);
            said.wants_audits |= table.rows() == Rows::Audits;
        }
        said
    }

    pub(super) fn for_shape(shape: &Shape) -> Self {
        Self::for_tables(shape.tables())
    }

    fn take(&mut self, transaction: Option<Transaction>, life: &Life, entry: &Entry) {
        if let Some(transaction) = transaction {
            transaction.add_to(&mut self.wallets);
            self.rows += transaction.postings.len();
            self.transactions.push(transaction);
        }
        if self.wants_audits
            && let Some(audited) = Audited::of(life, entry)
        {
            self.rows += 1;
            self.audits.push(audited);
        }
    }

    /// Takes an entry whose stream has no rows of its own.
    pub(super) fn take_alone(&mut self, entry: &Entry) {
        if matches!(entry.event, Event::ClaimRefused(_)) {
            self.take(None, &Life::default(), entry);
        }
    }

    /// Whether it is time to write.
    pub(super) const fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX
    }

    /// Writes all of it.
    pub(super) fn write(
        &mut self,
        sink: &mut impl Sink,
        plans: &[Plan],
    ) -> Result<(), TablesError> {
        for (at, plan) in plans.iter().enumerate() {
            match plan.rows() {
                Rows::Postings => {
                    let mut all = self.transactions.iter().flat_map(postings);
                    all.try_for_each(|posting| sink.subject(at, &posting, false))?;
                }
                Rows::Audits => {
                    let mut all = self.audits.iter().map(Subject::Audit);
                    all.try_for_each(|audited| sink.subject(at, &audited, false))?;
                }
                Rows::Wallets => {
                    for row in wallet_rows(plan.table(), &self.wallets) {
                        sink.cells(at, Verb::Upsert, row)?;
                    }
                }
                _ => {}
            }
        }
        self.transactions.clear();
        self.audits.clear();
        self.wallets.clear();
        self.rows = 0;
        Ok(())
    }

    /// Hands out the rows that a table has of it.
    fn hand_out<E>(
        &mut self,
        table: &Table,
        sink: &mut impl FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut each =
            |subject: Subject<'_>| table.row(&Seen::from(subject)).map_or(Ok(()), &mut *sink);
        for transaction in std::mem::take(&mut self.transactions) {
            if table.rows() == Rows::Postings {
                postings(&transaction).try_for_each(&mut each)?;
            }
        }
        for audited in std::mem::take(&mut self.audits) {
            each(Subject::Audit(&audited))?;
        }
        self.rows = 0;
        Ok(())
    }
}

/// Takes down what entries say; the fleet is that after each.
pub(super) struct Saying<'s> {
    pub(super) fleet: &'s Fleet,
    pub(super) said: &'s mut Said,
}

impl Around for Saying<'_> {
    type Before = Option<Before>;

    fn before(&mut self, life: &Life, entry: &Entry) -> Option<Before> {
        if self.said.wants_money { Before::of(self.fleet, life, &entry.event) } else { None }
    }

    fn after(&mut self, before: Option<Before>, life: &Life, entry: &Entry) {
        let transaction = before.and_then(|before| before.transaction(self.fleet, life, entry));
        self.said.take(transaction, life, entry);
    }
}

fn postings(transaction: &Transaction) -> impl Iterator<Item = Subject<'_>> {
    let places = 0..transaction.postings.len();
    places.map(move |place| Subject::Posting(PostingInPlace { transaction, place }))
}

fn wallet_rows<'a>(
    table: &Table,
    wallets: &'a BTreeMap<WalletId, WalletSums>,
) -> impl Iterator<Item = Row<'a>> {
    wallets
        .iter()
        .filter_map(|(id, sums)| table.row(&Seen::from(Subject::Wallet(Wallet { id, sums }))))
}

/// Tells of the rows of such a table that come behind an entry, in the order of the entries; of wallets of
/// all, by their ids, at the end.
pub(super) fn rows_after<E: From<LedgerError>>(
    log: &dyn ReadLog,
    table: &Table,
    after: u64,
    sink: &mut impl FnMut(Told<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut fleet, mut states) = (Fleet::default(), States::new());
    let mut said = Said::for_tables([table]);
    for block in log.blocks_from(1) {
        let block = block.map_err(LedgerError::from)?;
        for stored in block.entries() {
            take(log, &stored, &mut fleet, &mut states, &mut said)?;
            let is_new = stored.front.seq > after;
            said.hand_out(table, &mut |row| if is_new { sink(Told::Row(row)) } else { Ok(()) })?;
            states.forget_what_is_old();
        }
        if table.rows() != Rows::Wallets && block.last_seq() > after {
            sink(Told::Passed(block.last_seq()))?;
        }
    }
    if table.rows() == Rows::Wallets {
        wallet_rows(table, &said.wallets).try_for_each(|row| sink(Told::Row(row)))?;
    }
    Ok(())
}

fn take(
    log: &dyn ReadLog,
    stored: &Stored<'_>,
    fleet: &mut Fleet,
    states: &mut States,
    said: &mut Said,
) -> Result<(), LedgerError> {
    let entry = read(log, stored)?;
    fleet.apply(&entry)?;
    if has_rows(&entry.event) {
        states.take(log, stored, &entry, &mut Saying { fleet, said })
    } else {
        said.take_alone(&entry);
        Ok(())
    }
}
