//! Opening sled: what can be put right is put right and told, what cannot be is found out before sled
//! touches its file.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::sled_file::{Summary, are_settings_whole};
use super::{Head, LogError, Repair, crash, damaged, disk, forecast};

/// sled writes its file in segments of this size, and gives one that holds nothing of worth any more to
/// new entries as soon as two more are full. It believes them durable by then, which they are not before
/// our sync (see `store.rs`): so less than one segment may ever be written without one, or a power cut
/// finds old entries overwritten and their new place empty. Segments are also so large that 17 blocks,
/// which is a full page, fit into a quarter of one: sled would write a larger page to a file of its own,
/// which nobody syncs.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
const _: () = assert!(17 * (super::block::BLOCK_BYTES_MAX + 32) < SEGMENT_BYTES / 4 - 1_024);
/// sled's page cache. Memory stays flat however long the log is.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// What must be free before sled is opened: it writes the rest of a segment, and a summary.
const ROOM_BYTES: u64 = SEGMENT_BYTES as u64 + 2 * 1024 * 1024;
/// What sled says when its file is locked.
const LOCKED: &str = "could not acquire lock";
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Opens sled in `path`, if it will keep everything up to the `witnessed` head.
///
/// sled's summaries of its own file (`snap.*`) are not needed: one that is half-written (spacejam/sled
/// #1527, #1533, #1166) or unreadable is removed, and sled reads its file instead. So are its settings,
/// which are always the same.
///
/// # Errors
/// [`LogError::Damaged`] if entries would be lost or sled cannot read its file: it was not changed, or no
/// more than sled had to.
pub(super) fn open_sled(
    path: &Path,
    witnessed: Option<Head>,
    repairs: &mut Vec<Repair>,
) -> Result<sled::Db, LogError> {
    remove_unreadable(path, repairs)?;
    if let Some(byte) = forecast::check(path, segment_bytes() as u64, witnessed)? {
        repairs.push(Repair::DamagedRoom { byte });
    }
    let free = free_bytes(path).map_err(disk("ask for free room"))?;
    if free < ROOM_BYTES {
        return Err(LogError::NoRoom { free, needed: ROOM_BYTES });
    }
    let begun = Instant::now();
    loop {
        match caught(|| config(path).open()) {
            Ok(db) => return Ok(db),
            // sled lets go of its file a moment after it was dropped. The directory is ours, so nobody
            // else has it.
            Err(Failure::Io(why)) if why.contains(LOCKED) && begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(Failure::Io(why)) => return Err(LogError::Disk { what: "open sled", why }),
            Err(Failure::Other(why)) => {
                return Err(damaged(1, &format!("sled cannot open its file: {why}")));
            }
        }
    }
}

fn config(path: &Path) -> sled::Config {
    sled::Config::new()
        .path(path)
        .mode(sled::Mode::HighThroughput)
        .cache_capacity(CACHE_BYTES)
        .segment_size(segment_bytes())
        .flush_every_ms(None)
}

fn segment_bytes() -> usize {
    if crash::seeded_bug("small-segments") { 512 * 1024 } else { SEGMENT_BYTES }
}

fn remove_unreadable(path: &Path, repairs: &mut Vec<Repair>) -> Result<(), LogError> {
    let list = disk("list sled's directory");
    for item in std::fs::read_dir(path).map_err(&list)? {
        let name = item.map_err(&list)?.file_name();
        let file = name.to_string_lossy().into_owned();
        let read = || std::fs::read(path.join(&name)).map_err(disk("read sled's summary"));
        let why = if file.starts_with("snap.") && file.ends_with(".generating") {
            "it was half-written"
        } else if file.starts_with("snap.") && Summary::parse(&read()?).is_none()
            || file == "conf" && !are_settings_whole(&read()?)
        {
            "its checksum does not fit"
        } else {
            continue;
        };
        std::fs::remove_file(path.join(&name)).map_err(disk("remove sled's summary"))?;
        let why = why.to_owned();
        repairs.push(if file == "conf" {
            Repair::SettingsRemoved { why }
        } else {
            Repair::SummaryRemoved { file, why }
        });
    }
    Ok(())
}

/// How a call of sled failed.
enum Failure {
    /// The system said no.
    Io(String),
    /// sled cannot make sense of what it reads, or panicked over it.
    Other(String),
}

/// Calls sled. sled 0.34 panics on some damage that it could have reported; here that is an error, too.
fn caught<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    let quiet = super::quiet::Quiet::begin();
    let result = catch_unwind(AssertUnwindSafe(call));
    drop(quiet);
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => Err(Failure::Io(error.to_string())),
        Ok(Err(error)) => Err(Failure::Other(error.to_string())),
        Err(panic) => Err(Failure::Other(format!("sled gave up: {}", said(&*panic)))),
    }
}

/// Calls sled, and says what was being done when that failed.
pub(super) fn guarded<T>(
    what: &'static str,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, LogError> {
    caught(call).map_err(|failure| match failure {
        Failure::Io(why) | Failure::Other(why) => LogError::Disk { what, why },
    })
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason").to_owned()
}

/// Free bytes of the disk that holds a path.
pub(super) fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
