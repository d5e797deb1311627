//! Who takes part: our log, the bare disk, SQLite. Each makes a group durable before it says so.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Statement, params};
use spireledger_schema::event::SettlementClaimed;
use spireledger_schema::parts::Line;
use spireledger_schema::{Entry, Event};

use super::BenchError;
use crate::log::{Block, Directory, Log, ReadLog, Sealer, SledLog};
use crate::notary::{NotaryError, Tree};

/// A file that is appended to and synced: what a log costs at least.
pub struct Bare {
    file: File,
}

impl Bare {
    /// Makes a new file.
    pub fn create(path: &Path) -> Result<Self, BenchError> {
        let file = File::create_new(path).map_err(BenchError::io("make", path))?;
        Ok(Self { file })
    }

    /// Appends and syncs.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        let write = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        write.map_err(BenchError::io("append to", Path::new("the bare file")))
    }
}

/// The log alone: encode, chain, pack, make durable.
pub struct OurLog {
    log: SledLog,
    sealer: Sealer,
    bytes: Vec<u8>,
}

impl OurLog {
    /// Makes a new log.
    pub fn create(path: &Path) -> Result<Self, BenchError> {
        let log = SledLog::open(Directory::begin(path, "`bench`")?)?.log;
        Directory::finish(path)?;
        let sealer = Sealer::new(log.head());
        Ok(Self { log, sealer, bytes: Vec::new() })
    }

    /// Appends a group of entries that are the next ones, each the first of its key. Returns the
    /// blocks that they became.
    pub fn append(&mut self, entries: &[Entry]) -> Result<Vec<Block>, BenchError> {
        for entry in entries {
            self.bytes.clear();
            let too_long = |error| BenchError::Wrong(format!("entry {}: {error}", entry.front.seq));
            entry.encode(&mut self.bytes).map_err(too_long)?;
            self.sealer.push(&entry.front, &self.bytes, 0, 0);
        }
        let blocks = self.sealer.seal();
        self.log.append(self.log.head(), &blocks)?;
        Ok(blocks)
    }

    /// The tree over its entries, to be kept up as it grows.
    pub fn tree(&self) -> Result<Tree, NotaryError> {
        Tree::open(self.log.path(), &self.log)
    }

    /// How many entries it holds.
    pub fn count(&self) -> u64 {
        self.log.head().seq
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

/// A claim as a row of the settlements table, ready to be bound.
pub struct Row {
    payment_hash: String,
    claimed: SettlementClaimed,
    fiat_amount: f64,
    exchange_rate: f64,
    bills_json: Option<String>,
    cassettes_json: Option<String>,
    created_at: i64,
}

impl Row {
    /// The row of a claim's entry; `None` for any other entry.
    pub fn of(entry: &Entry) -> Option<Self> {
        let Event::SettlementClaimed(claimed) = &entry.event else { return None };
        let json = |text: Result<String, _>| text.ok();
        Some(Self {
            payment_hash: entry.front.key.to_string(),
            fiat_amount: claimed.fiat_amount.to_string().parse().ok()?,
            exchange_rate: claimed.exchange_rate.to_string().parse().ok()?,
            bills_json: claimed.bills.as_ref().map(serde_json::to_string).and_then(json),
            cassettes_json: claimed.cassettes.as_ref().map(serde_json::to_string).and_then(json),
            created_at: entry.circumstances.recorded_at.seconds(),
            claimed: claimed.clone(),
        })
    }
}

/// The seed's settlements table, leaned in the peer's favour: `id` is a row number instead of text, and
/// there is no index but that of the unique hash.
const TABLE: &str = "CREATE TABLE dca_settlements (
    id INTEGER PRIMARY KEY,
    machine_id TEXT NOT NULL,
    payment_hash TEXT NOT NULL UNIQUE,
    bitspire_event_id TEXT,
    bitspire_txid TEXT,
    wire_sats BIGINT NOT NULL,
    fiat_amount DECIMAL(10,2) NOT NULL,
    fiat_code TEXT NOT NULL,
    exchange_rate REAL NOT NULL,
    principal_sats BIGINT NOT NULL,
    fee_sats BIGINT NOT NULL,
    platform_fee_sats BIGINT NOT NULL,
    operator_fee_sats BIGINT NOT NULL,
    tx_type TEXT NOT NULL,
    bills_json TEXT,
    cassettes_json TEXT,
    status TEXT NOT NULL DEFAULT 'pending',
    error_message TEXT,
    processed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    notes TEXT,
    processing_claim TEXT
)";

const INSERT: &str = "INSERT INTO dca_settlements (machine_id, payment_hash, bitspire_event_id, \
    bitspire_txid, wire_sats, fiat_amount, fiat_code, exchange_rate, principal_sats, fee_sats, \
    platform_fee_sats, operator_fee_sats, tx_type, bills_json, cassettes_json, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

/// A new SQLite database: write-ahead log, synced at every commit, as much page cache as the log's.
pub fn sqlite(path: &Path) -> Result<Connection, BenchError> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;",
    )?;
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

/// SQLite with its statements prepared.
pub struct Sqlite<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    insert: Statement<'c>,
    commit: Statement<'c>,
}

impl<'c> Sqlite<'c> {
    /// Prepares the statements.
    pub fn prepare(connection: &'c Connection) -> Result<Self, BenchError> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN")?,
            insert: connection.prepare(INSERT)?,
            commit: connection.prepare("COMMIT")?,
        })
    }

    /// Inserts a group in one transaction.
    pub fn insert(&mut self, rows: &[Row]) -> Result<(), BenchError> {
        self.begin.execute([])?;
        for row in rows {
            let claim = &row.claimed;
            self.insert.execute(params![
                claim.machine_id.as_str(),
                row.payment_hash,
                claim.bitspire_event_id.as_ref().map(Line::as_str),
                claim.bitspire_txid.as_ref().map(Line::as_str),
                claim.wire_sats.signed(),
                row.fiat_amount,
                claim.fiat_code.as_str(),
                row.exchange_rate,
                claim.principal_sats.signed(),
                claim.fee_sats.signed(),
                claim.platform_fee_sats.signed(),
                claim.operator_fee_sats.signed(),
                claim.tx_type.as_str(),
                row.bills_json,
                row.cassettes_json,
                row.created_at,
            ])?;
        }
        self.commit.execute([])?;
        Ok(())
    }

    /// How many rows it holds.
    pub fn count(&self) -> Result<u64, BenchError> {
        let count = "SELECT count(*) FROM dca_settlements";
        let count: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

/// Bytes of a file or directory and all in it.
pub(super) fn bytes_on_disk(path: &Path) -> u64 {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    let items = std::fs::read_dir(path).into_iter().flatten().flatten();
    items.map(|item| bytes_on_disk(&item.path())).sum()
}

/// A directory of its own on the disk that is measured, removed at the end.
pub(super) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(super) fn make(dir: &Path) -> Result<Self, BenchError> {
        let made = tempfile::Builder::new().prefix("spireledger-bench-").tempdir_in(dir);
        made.map(Self).map_err(BenchError::io("make a directory in", dir))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
