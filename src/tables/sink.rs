//! Where rows go: straight into a database, or to a thread that writes them while more is folded.
//!
//! Both do the same in the same order. A thread costs more than it saves where the way is short.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use rusqlite::{CachedStatement, Connection, params_from_iter};
use spireledger_projections::facts::Subject;
use spireledger_projections::tables::{Cell, Row};
use spireledger_projections::touched::key_of;

use super::TablesError;
use super::plan::{Bound, Plan, Verb};

/// Rows that are handed over at a time.
const BATCH_ROWS: usize = 1_024;
/// Batches that may wait: some megabytes.
pub(super) const BATCHES_MAX: usize = 8;

/// Takes rows. Tables are told by their places among the plans.
pub(super) trait Sink {
    /// Does something to a table with these cells.
    fn cells(&mut self, plan: usize, verb: Verb, cells: Row<'_>) -> Result<(), TablesError>;

    /// Puts the row of a subject, or takes it away if this version cannot hold it any more. `is_there`:
    /// whether a row with its key may be there.
    fn subject(
        &mut self,
        plan: usize,
        subject: &Subject<'_>,
        is_there: bool,
    ) -> Result<(), TablesError>;

    /// A subject has no row in this version: one that may be there goes.
    fn without_row(
        &mut self,
        plan: usize,
        subject: &Subject<'_>,
        is_there: bool,
    ) -> Result<(), TablesError> {
        if is_there { self.cells(plan, Verb::DeleteKey, vec![key_of(subject)]) } else { Ok(()) }
    }

    /// Ids of deposits at a machine, behind one; in their order, not all of them at once.
    fn ids_at(
        &mut self,
        plan: usize,
        machine: &str,
        after: &str,
    ) -> Result<Vec<String>, TablesError>;
}

/// Writes at once. Statements are prepared when they are first needed.
pub(super) struct Direct<'c> {
    to: &'c Connection,
    plans: &'c [Plan],
    statements: Vec<[Option<CachedStatement<'c>>; 5]>,
}

impl<'c> Direct<'c> {
    pub(super) fn new(to: &'c Connection, plans: &'c [Plan]) -> Self {
        let statements = plans.iter().map(|_| [const { None }; 5]).collect();
        Self { to, plans, statements }
    }

    /// The statement of a verb. `None`: there is no such table.
    fn statement(
        &mut self,
        plan: usize,
        verb: Verb,
    ) -> rusqlite::Result<Option<(&'c Plan, &mut CachedStatement<'c>)>> {
        let (Some(of_plan), Some(plan)) = (self.statements.get_mut(plan), self.plans.get(plan))
        else {
            return Ok(None);
        };
        let [insert, upsert, delete, delete_all, delete_key] = of_plan;
        let place = match verb {
            Verb::Insert => insert,
            Verb::Upsert => upsert,
            Verb::Delete => delete,
            Verb::DeleteAll => delete_all,
            Verb::DeleteKey => delete_key,
        };
        let statement = match place {
            Some(statement) => statement,
            None => place.insert(self.to.prepare_cached(plan.statement(verb))?),
        };
        Ok(Some((plan, statement)))
    }

    /// Does what was handed over.
    fn run(&mut self, work: Work) -> Result<(), TablesError> {
        match work {
            Work::Cells(plan, verb, cells) => self.cells(usize::from(plan), verb, cells),
            Work::IdsAt { plan, machine, after, answer } => {
                let ids = self.ids_at(usize::from(plan), &machine, &after)?;
                // Whoever asked and is gone needs no answer.
                let _ = answer.send(ids);
                Ok(())
            }
        }
    }
}

impl Sink for Direct<'_> {
    fn cells(&mut self, plan: usize, verb: Verb, cells: Row<'_>) -> Result<(), TablesError> {
        if let Some((_, statement)) = self.statement(plan, verb)? {
            statement.execute(params_from_iter(cells.iter().map(Bound)))?;
        }
        Ok(())
    }

    fn subject(
        &mut self,
        at: usize,
        subject: &Subject<'_>,
        is_there: bool,
    ) -> Result<(), TablesError> {
        let verb = Verb::of_row(is_there);
        let Some((plan, statement)) = self.statement(at, verb)? else { return Ok(()) };
        debug_assert_eq!(subject.rows(), plan.rows(), "a subject goes to a table of its kind");
        for (place, column) in (1..).zip(plan.table().columns()) {
            let cell = column.source.read(subject);
            if column.not_null && matches!(cell, Cell::Null) {
                return self.without_row(at, subject, is_there);
            }
            statement.raw_bind_parameter(place, Bound(&cell))?;
        }
        statement.raw_execute()?;
        Ok(())
    }

    fn ids_at(
        &mut self,
        plan: usize,
        machine: &str,
        after: &str,
    ) -> Result<Vec<String>, TablesError> {
        let page = self.plans.get(plan).and_then(Plan::ids_at_machine);
        let Some(page) = page else { return Ok(Vec::new()) };
        let mut page = self.to.prepare_cached(&page)?;
        let ids = page.query_map((machine, after), |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

/// What is handed over.
pub(super) enum Work {
    /// See [`Sink::cells`].
    Cells(u8, Verb, Row<'static>),
    /// See [`Sink::ids_at`].
    IdsAt { plan: u8, machine: String, after: String, answer: Sender<Vec<String>> },
}

/// Hands over to [`write_all`] in another thread.
pub(super) struct Handed<'p> {
    plans: &'p [Plan],
    batch: Vec<Work>,
    to: SyncSender<Vec<Work>>,
}

/// The other thread is gone; it says why itself.
fn gone() -> TablesError {
    TablesError::Sqlite(rusqlite::Error::InvalidQuery)
}

impl<'p> Handed<'p> {
    pub(super) fn new(plans: &'p [Plan], to: SyncSender<Vec<Work>>) -> Self {
        Self { plans, batch: Vec::new(), to }
    }

    fn hand(&mut self, work: Work) -> Result<(), TablesError> {
        self.batch.push(work);
        if self.batch.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Hands over what waits.
    pub(super) fn flush(&mut self) -> Result<(), TablesError> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_ROWS));
        self.to.send(batch).map_err(|_| gone())
    }
}

/// There are far fewer tables than fit.
fn short(plan: usize) -> u8 {
    u8::try_from(plan).unwrap_or(u8::MAX)
}

impl Sink for Handed<'_> {
    fn cells(&mut self, plan: usize, verb: Verb, cells: Row<'_>) -> Result<(), TablesError> {
        let cells = cells.into_iter().map(Cell::into_owned).collect();
        self.hand(Work::Cells(short(plan), verb, cells))
    }

    fn subject(
        &mut self,
        at: usize,
        subject: &Subject<'_>,
        is_there: bool,
    ) -> Result<(), TablesError> {
        let Some(plan) = self.plans.get(at) else { return Ok(()) };
        let columns = plan.table().columns();
        let mut cells = Vec::with_capacity(columns.len());
        for column in columns {
            let cell = column.source.read(subject);
            if column.not_null && matches!(cell, Cell::Null) {
                return self.without_row(at, subject, is_there);
            }
            cells.push(cell.into_owned());
        }
        let verb = Verb::of_row(is_there);
        self.hand(Work::Cells(short(at), verb, cells))
    }

    fn ids_at(
        &mut self,
        plan: usize,
        machine: &str,
        after: &str,
    ) -> Result<Vec<String>, TablesError> {
        let (answer, ids) = channel();
        let (plan, machine, after) = (short(plan), machine.to_owned(), after.to_owned());
        self.batch.push(Work::IdsAt { plan, machine, after, answer });
        self.flush()?;
        ids.recv().map_err(|_| gone())
    }
}

/// Writes all that is handed over, until nothing more comes.
pub(super) fn write_all(
    to: &Connection,
    plans: &[Plan],
    work: &Receiver<Vec<Work>>,
) -> Result<(), TablesError> {
    let mut direct = Direct::new(to, plans);
    work.iter().flatten().try_for_each(|work| direct.run(work))
}
