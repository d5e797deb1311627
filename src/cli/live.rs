//! Tables to ask questions of: the live ones, brought forward, or some that are made for the question.

use rusqlite::Connection;
use spireledger::ledger::Reader;
use spireledger::log::{Head, ReadLog};
use spireledger::tables::{Leftover, Live, TablesError, Unusable, passing};
use spireledger_projections::tables::Shape;
use spireledger_projections::versions::NEWEST;

use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// How often tables are brought forward for one question, if others are put in their place meanwhile.
const LOOKS_MAX: u32 = 8;

/// Tables as of one entry. Dropping it ends the look at them.
pub struct Tables {
    /// The tables, attached under the seed's schema name.
    pub connection: Connection,
    /// The entry that they are of.
    pub position: u64,
    /// Whoever holds the live file open keeps SQLite from tidying it up under a reader's eyes.
    _live: Option<Live>,
}

/// The tables of a version, as of the moment that was asked for.
pub fn tables(context: &Context, shape: &Shape, reader: Reader) -> anyhow::Result<Tables> {
    let is_now = context.as_of.is_none() && reader.damage().is_empty();
    let mut live = Live::new(&context.ledger, shape.clone());
    let mut looks =
        if is_now && (shape.version() == NEWEST || live.exists()) { LOOKS_MAX } else { 0 };
    while looks > 0 {
        looks -= 1;
        match follow(context, &mut live, &reader).and_then(|()| live.read()) {
            Ok((connection, Some(Head { seq: position, .. }))) if position >= reader.head().seq => {
                return Ok(Tables { connection, position, _live: Some(live) });
            }
            // A rebuild that began a while ago has put older tables in the place of those.
            Ok((_, Some(_))) => {}
            Ok((_, None)) => looks = 0,
            Err(error) if may_not_write(&error) => {
                looks = 0;
                tracing::info!(%error, "the live tables cannot be brought forward; others are made");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let log = open::as_of(context, &reader)?;
    let (connection, position) = (passing(&*log, shape)?, log.head().seq);
    Ok(Tables { connection, position, _live: None })
}

/// Brings the live tables to the log's head and says what was wrong with them.
fn follow(context: &Context, live: &mut Live, reader: &Reader) -> Result<(), TablesError> {
    let progress = bar("tables", Some(reader.head().seq), Unit::Entries);
    let mut tick = |seq| progress.set_position(seq);
    let mut followed = live.follow(reader, &mut tick);
    if let Err(TablesError::Ahead { position, .. }) = followed {
        // Another process may have brought them forward since our log was opened; who holds the log
        // itself knows that there was none.
        followed = if reader.is_remote() {
            let newer = Reader::open(&context.ledger)?;
            match live.follow(&newer, &mut tick) {
                Err(TablesError::Ahead { .. }) => anew(live, &newer, position, &mut tick),
                other => other,
            }
        } else {
            anew(live, reader, position, &mut tick)
        };
    }
    progress.finish_and_clear();
    if let (_, Some(why)) = followed? {
        eprintln!("spireledger: made the live tables anew: {why}");
    }
    Ok(())
}

/// The log has lost what the tables tell of.
fn anew(
    live: &mut Live,
    log: &dyn ReadLog,
    position: u64,
    tick: &mut dyn FnMut(u64),
) -> Result<(Head, Option<Unusable>), TablesError> {
    live.discard()?;
    let (head, _) = live.follow(log, tick)?;
    Ok((head, Some(Unusable::OtherHistory(position))))
}

/// Whether it is only that this process may not write there.
fn may_not_write(error: &TablesError) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    match error {
        TablesError::Io { .. } | TablesError::Busy(_) => true,
        TablesError::Sqlite(error) => {
            matches!(error.sqlite_error_code(), Some(CannotOpen | PermissionDenied | ReadOnly))
        }
        _ => false,
    }
}

/// `tables rebuild`.
pub fn rebuild(context: &Context, shape: Shape, is_from_scratch: bool) -> anyhow::Result<Outcome> {
    let reader = open::reader(context)?;
    anyhow::ensure!(
        context.as_of.is_none(),
        "live tables are of now; `tables export` makes those of the past"
    );
    let head = reader.head().seq;
    let progress = bar("rebuild", Some(head), Unit::Entries);
    let version = shape.version();
    let mut live = Live::new(&context.ledger, shape);
    live.rebuild(&reader, leftover(is_from_scratch), &mut |seq| progress.set_position(seq))?;
    progress.finish_and_clear();
    let path = live.path();
    if context.json {
        output::print_json(&serde_json::json!({
            "out": path, "version": version, "position": head,
        }))?;
    } else {
        let (path, head) = (path.display(), output::grouped(head));
        let line =
            format!("{path} holds version {version} of the tables, made anew as of entry {head}");
        output::print_line(&line)?;
    }
    Ok(Outcome::Yes)
}

/// What becomes of a file that an interrupted build has left.
pub const fn leftover(is_from_scratch: bool) -> Leftover {
    if is_from_scratch { Leftover::ThrowAway } else { Leftover::GoOn }
}
