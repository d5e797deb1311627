//! A log that another process has open, read over its socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use spireledger_schema::{EntryHash, EntryKey};

use super::block::BLOCK_BYTES_MAX;
use super::share::{connect, read};
use super::{Block, Blocks, Head, LogError, ReadLog};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest error text that is read.
const ERROR_BYTES_MAX: u32 = 4_096;

/// As fresh as the process that has the ledger open, when it was connected to: the head stands still,
/// so that one reader sees one log.
pub struct RemoteLog {
    stream: Mutex<UnixStream>,
    head: Head,
}

impl RemoteLog {
    /// Connects to whoever has the ledger in `dir` open.
    pub fn connect(dir: &Path) -> io::Result<Self> {
        let stream = connect(dir)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut log = Self { stream: Mutex::new(stream), head: Head::EMPTY };
        log.head = log.ask(b"H", |stream| {
            let seq = u64::from_le_bytes(read(stream)?);
            Ok(Head { seq, hash: EntryHash::from_bytes(read(stream)?) })
        })?;
        Ok(log)
    }

    fn ask<T>(
        &self,
        request: &[u8],
        answer: impl FnOnce(&UnixStream) -> io::Result<T>,
    ) -> io::Result<T> {
        let stream = self.stream.lock();
        (&*stream).write_all(request)?;
        match read::<1>(&stream)? {
            [0] => answer(&stream),
            _ => Err(io::Error::other(error_text(&stream)?)),
        }
    }
}

fn error_text(stream: &UnixStream) -> io::Result<String> {
    let len = u32::from_le_bytes(read(stream)?).min(ERROR_BYTES_MAX);
    let mut text = String::new();
    stream.take(u64::from(len)).read_to_string(&mut text)?;
    Ok(text)
}

fn failed(error: io::Error) -> LogError {
    LogError::Disk { what: "ask the process that has the ledger open", why: error.to_string() }
}

impl ReadLog for RemoteLog {
    fn head(&self) -> Head {
        self.head
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        if seq == 0 || seq > self.head.seq {
            return Ok(None);
        }
        let mut request = vec![b'B'];
        request.extend_from_slice(&seq.to_le_bytes());
        let bytes = self.ask(&request, |mut stream| {
            let len = u32::from_le_bytes(read(stream)?) as usize;
            if len > BLOCK_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = vec![0u8; len];
            stream.read_exact(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = bytes.map_err(failed)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let damaged = |why: super::BlockError| LogError::Damaged { seq, why: why.to_string() };
        Block::parse(Arc::from(bytes)).map(Some).map_err(damaged)
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        let mut request = vec![b'K'];
        request.extend_from_slice(key.as_bytes());
        request.extend_from_slice(&self.head.seq.to_le_bytes());
        let seq = self.ask(&request, |stream| Ok(u64::from_le_bytes(read(stream)?)));
        Ok(Some(seq.map_err(failed)?).filter(|seq| *seq != 0))
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        let mut next = seq.max(1);
        Box::new(std::iter::from_fn(move || {
            if next > self.head.seq {
                return None;
            }
            let block = self.block_at(next).transpose();
            next = match &block {
                Some(Ok(block)) => block.last_seq() + 1,
                // The blocks behind a broken one still come.
                Some(Err(LogError::Damaged { .. })) => next + 1,
                _ => u64::MAX,
            };
            block
        }))
    }
}
