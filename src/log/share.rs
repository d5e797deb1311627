//! Answers readers of other processes over a socket in the ledger directory.
//!
//! sled lets one process open its file, so whoever has it open, writer or reader, answers the others.
//! What they see is as fresh as what this process sees: up to the last durable group. Requests are one
//! byte and its argument, little-endian; answers begin with 0, or with 1 and an error's length (4) and
//! text:
//!
//! | request | answer |
//! | --- | --- |
//! | `H` | seq (8) and hash (32) of the head |
//! | `B` seq (8) | length (4, 0 for none) and bytes of the block that holds it |
//! | `K` key (32), limit (8) | seq (8, 0 for none) of the newest entry under the key up to the limit |

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use spireledger_schema::EntryKey;

use super::{LogError, ReadLog, last_up_to};

pub(super) const SOCKET: &str = "reader.sock";
/// Readers that are answered at a time; one more waits for its turn in the listener's queue.
const READERS_MAX: usize = 16;
/// A reader that says nothing for so long is let go.
const IDLE: Duration = Duration::from_mins(1);

/// The socket, open until dropped.
pub struct Share {
    dir: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Share {
    /// Opens the socket in the ledger directory, which the caller holds, and answers in the background.
    pub fn open(dir: &Path, log: Arc<dyn ReadLog + Send + Sync>) -> io::Result<Self> {
        let _ = std::fs::remove_file(dir.join(SOCKET));
        let listener = on_short_path(dir, |path| UnixListener::bind(path))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let builder = std::thread::Builder::new().name("readers".into());
        let thread = builder.spawn(move || listen(&listener, &log, &stopped))?;
        Ok(Self { dir: dir.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A last visitor, so that the listener looks up. Where somebody has removed the socket nobody
        // can visit: the thread then ends with the process.
        let visited = connect(&self.dir).is_ok();
        let _ = std::fs::remove_file(self.dir.join(SOCKET));
        if let (true, Some(thread)) = (visited, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Connects to whoever has the ledger open.
pub(super) fn connect(dir: &Path) -> io::Result<UnixStream> {
    on_short_path(dir, |path| UnixStream::connect(path))
}

/// A socket's path has at most 107 bytes: reach it through a descriptor of its directory.
fn on_short_path<T>(dir: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let held = File::open(dir)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", held.as_raw_fd())))
}

fn listen(listener: &UnixListener, log: &Arc<dyn ReadLog + Send + Sync>, stop: &Arc<AtomicBool>) {
    let readers = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        while readers.load(Ordering::SeqCst) >= READERS_MAX && !stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let Ok(stream) = stream else { continue };
        let (log, count) = (Arc::clone(log), Arc::clone(&readers));
        count.fetch_add(1, Ordering::SeqCst);
        let serve = move || {
            // A reader that hangs up, or talks nonsense, is nobody else's trouble.
            let _ = answer_all(&stream, &*log);
            count.fetch_sub(1, Ordering::SeqCst);
        };
        if std::thread::Builder::new().name("reader".into()).spawn(serve).is_err() {
            readers.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn answer_all(mut stream: &UnixStream, log: &dyn ReadLog) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut out = Vec::new();
    loop {
        let mut request = [0u8; 1];
        if stream.read(&mut request)? == 0 {
            return Ok(());
        }
        out.clear();
        out.push(0);
        let done = match request {
            [b'H'] => {
                let head = log.head();
                out.extend_from_slice(&head.seq.to_le_bytes());
                out.extend_from_slice(head.hash.as_bytes());
                Ok(())
            }
            [b'B'] => block(log, u64::from_le_bytes(read(stream)?), &mut out),
            [b'K'] => {
                let key = EntryKey::from_bytes(read(stream)?);
                last(log, &key, u64::from_le_bytes(read(stream)?), &mut out)
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        if let Err(error) = done {
            let text = error.to_string();
            out.clear();
            out.push(1);
            out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        stream.write_all(&out)?;
    }
}

fn block(log: &dyn ReadLog, seq: u64, out: &mut Vec<u8>) -> Result<(), LogError> {
    let block = log.block_at(seq)?;
    let bytes: &[u8] = block.as_ref().map_or(&[], |block| block.bytes());
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn last(log: &dyn ReadLog, key: &EntryKey, limit: u64, out: &mut Vec<u8>) -> Result<(), LogError> {
    out.extend_from_slice(&last_up_to(log, key, limit)?.unwrap_or(0).to_le_bytes());
    Ok(())
}

pub(super) fn read<const N: usize>(mut stream: &UnixStream) -> io::Result<[u8; N]> {
    let mut bytes = [0u8; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
