//! Opening a ledger, and telling what had to be repaired.

use spireledger::ledger::{Clock, Ledger, LedgerError, Reader, past};
use spireledger::log::{Past, ReadLog, Repair};
use spireledger_schema::time::Timestamp;

use super::Context;

/// The system's clock. Outside 1970–9999 it is wrong anyway, and recorded times never decrease.
pub fn clock() -> Clock {
    Box::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.ok().and_then(|since| i64::try_from(since.as_micros()).ok());
        micros.and_then(Timestamp::from_micros).unwrap_or(Timestamp::EPOCH)
    })
}

/// Opens for writing.
pub fn writer(context: &Context) -> Result<Ledger, LedgerError> {
    let (ledger, repairs) = Ledger::open(&context.ledger, clock())?;
    tell(&repairs);
    Ok(ledger)
}

/// Opens for reading.
pub fn reader(context: &Context) -> Result<Reader, LedgerError> {
    let reader = Reader::open(&context.ledger)?;
    tell(reader.repairs());
    if reader.is_remote() {
        tracing::info!("another process has the ledger open and answers, up to its last group");
    }
    if let Some(note) = reader.note() {
        eprintln!("spireledger: {note}");
    }
    for damage in reader.damage() {
        eprintln!("spireledger: {damage}; run `verify`");
    }
    Ok(reader)
}

/// The ledger as of the moment that was asked for.
pub fn as_of<'a>(
    context: &Context,
    reader: &'a Reader,
) -> Result<Box<dyn ReadLog + 'a>, LedgerError> {
    Ok(match context.as_of {
        None => Box::new(Past::new(reader, reader.head().seq)?),
        Some(moment) => Box::new(past(reader, moment)?),
    })
}

fn tell(repairs: &[Repair]) {
    for repair in repairs {
        eprintln!("spireledger: repaired: {repair}");
    }
}
