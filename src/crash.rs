//! Named points at which the crash tests kill the process, and seeded bugs that they must find.
//!
//! Compiled to nothing unless the feature `crash-points` is on. `SPIRELEDGER_CRASH=NAME[@SKIP]` kills
//! the process at the named point after it was passed SKIP times; `SPIRELEDGER_BUG=NAME` turns a bug on.

/// Every point, in the order in which a command passes them. The part before the colon says on which way:
/// `init`, `restore` and `backup` are commands, `open` is passed by all, `tables` by whoever brings tables
/// forward or makes them, `pay` by a payer, `atm` by a machine, the others by a writer. The tests go through
/// this list.
pub const POINTS: &[&str] = &[
    "init:directory-made",
    "init:begun",
    "init:key-file-begun",
    "init:before-format",
    "init:before-finished",
    "open:sled-opened",
    "open:caught-up",
    "log:before-write",
    "log:between-blocks",
    "log:after-write",
    "log:after-flush",
    "log:after-sync",
    "log:before-witness",
    "log:witness-half-written",
    "ledger:before-answer",
    "ledger:after-answer",
    "ledger:snapshot-half-written",
    "ledger:snapshot-before-rename",
    "keys:half-written",
    "backup:half-begun",
    "backup:block-half-written",
    "backup:before-sync",
    "restore:begun",
    "restore:between-groups",
    "restore:before-fold",
    "restore:before-finished",
    "tables:rows-written",
    "tables:before-commit",
    "tables:committed",
    "tables:before-indexes",
    "tables:before-swap",
    "tables:amid-swap",
    "tables:swapped",
    "tables:export-before-forget",
    "tables:export-before-rename",
    "tables:files-journal-half-written",
    "tables:files-position-saved",
    "tables:files-before-rename",
    "tables:files-in-place",
    "tables:files-table-done",
    "tables:files-all-done",
    "pay:invoice-made",
    "pay:intended",
    "pay:sent",
    "pay:known",
    "pay:recorded",
    "pay:forward-added",
    "atm:before-write",
    "atm:half-written",
    "atm:before-sync",
    "atm:after-sync",
    "atm:witness-half-written",
    "atm:before-answer",
    "atm:after-answer",
    "atm:before-send",
    "atm:sent",
    "atm:heard",
    "atm:noted",
    "atm:compaction-half-written",
    "atm:compaction-before-rename",
    "atm:compaction-renamed",
];

/// Every seeded bug:
/// - `early-answer`: a group is answered before it is written;
/// - `early-witness`: the witness is written before the group;
/// - `skipped-write`: some blocks are not written;
/// - `lost-index`: some keys are remembered as others;
/// - `answer-without-sync`: sled's flush is taken for a sync;
/// - `small-segments`: sled's segments are as small as it likes them, so that several go without a sync.
pub const BUGS: &[&str] = &[
    "early-answer",
    "early-witness",
    "skipped-write",
    "lost-index",
    "answer-without-sync",
    "small-segments",
];

/// Kills the process here after `half` did half of what comes next, if this point is armed.
#[cfg(feature = "crash-points")]
pub fn half_done(name: &str, half: impl FnOnce() -> std::io::Result<()>) {
    if is_due(name) {
        if let Err(error) = half() {
            eprintln!("{name}: {error}");
        }
        die(name);
    }
}

/// Kills the process here, if this point is armed and was passed often enough.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    if is_due(name) {
        die(name);
    }
}

#[cfg(feature = "crash-points")]
fn is_due(name: &str) -> bool {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    armed(name).is_some_and(|skip| PASSED.fetch_add(1, Ordering::SeqCst) == skip)
}

#[cfg(feature = "crash-points")]
fn die(name: &str) -> ! {
    eprintln!("crash point {name}");
    std::process::abort()
}

/// Keeps a copy of what has reached the disk: with `SPIRELEDGER_SYNCED_COPY=DIR`, DIR holds the ledger
/// as it was at the last sync. What a power cut leaves is some mixture of that and of what was written
/// since, and the tests make such mixtures.
#[cfg(feature = "crash-points")]
pub fn synced(ledger: &std::path::Path) {
    let Some(copy) = std::env::var_os("SPIRELEDGER_SYNCED_COPY") else { return };
    let new = std::path::PathBuf::from(&copy).with_extension("new");
    let made = copy_dir(ledger, &new).and_then(|()| {
        let old = new.with_extension("old");
        let _ = std::fs::rename(&copy, &old);
        std::fs::rename(&new, &copy)?;
        let _ = std::fs::remove_dir_all(&old);
        Ok(())
    });
    if let Err(error) = made {
        eprintln!("cannot copy what was synced: {error}");
        std::process::abort();
    }
}

#[cfg(feature = "crash-points")]
fn copy_dir(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    for item in std::fs::read_dir(from)? {
        let (item, path) = (item?, to);
        let (source, target) = (item.path(), path.join(item.file_name()));
        match item.file_type()? {
            kind if kind.is_dir() => copy_dir(&source, &target)?,
            kind if kind.is_file() => drop(std::fs::copy(&source, &target)?),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a seeded bug is on.
#[cfg(feature = "crash-points")]
pub fn seeded_bug(name: &str) -> bool {
    static BUG: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    BUG.get_or_init(|| std::env::var("SPIRELEDGER_BUG").ok()).as_deref() == Some(name)
}

#[cfg(feature = "crash-points")]
fn armed(name: &str) -> Option<u64> {
    static ARMED: std::sync::OnceLock<Option<(String, u64)>> = std::sync::OnceLock::new();
    let read = || {
        let said = std::env::var("SPIRELEDGER_CRASH").ok()?;
        match said.rsplit_once('@') {
            Some((name, skip)) => Some((name.to_owned(), skip.parse().ok()?)),
            None => Some((said, 0)),
        }
    };
    ARMED.get_or_init(read).as_ref().filter(|(armed, _)| armed == name).map(|(_, skip)| *skip)
}

/// Nothing, in a release.
#[cfg(not(feature = "crash-points"))]
pub const fn point(_name: &str) {}

/// Nothing, in a release.
#[cfg(not(feature = "crash-points"))]
pub fn half_done(_name: &str, _half: impl FnOnce() -> std::io::Result<()>) {}

/// Nothing, in a release.
#[cfg(not(feature = "crash-points"))]
pub const fn synced(_ledger: &std::path::Path) {}

/// Never, in a release.
#[cfg(not(feature = "crash-points"))]
pub const fn seeded_bug(_name: &str) -> bool {
    false
}
