//! What sled is going to do to its file when it opens it, told before it is asked.
//!
//! sled 0.34 takes the first thing that it cannot read in the newest part of its file for the end of a
//! torn write, and zeroes what lies behind; and it zeroes each segment in which it then sees no page. One
//! flipped bit in one segment's header makes it zero *everything*, however often it was synced. So its
//! file is read first, as sled would read it, and if anything that was ever answered would not survive
//! that, sled is not asked at all: nothing is changed, and the log is read without it (see `carve.rs`).
//!
//! What is not in the newest part, sled only reads when it is asked for it; damage there costs nothing but
//! itself.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::carve::{self, Found};
use super::sled_file::{Deed, Page, SledFile, Slot, Spot, Summary, Walk};
use super::{Block, Head, LogError, damaged, disk};

/// Checks that sled, opening its file in `dir`, keeps everything up to the `witnessed` head. Returns where
/// there is damage that touches no entry.
///
/// # Errors
/// [`LogError::Damaged`] if it would not; [`LogError::Disk`] if the file cannot be read.
pub(super) fn check(
    dir: &Path,
    segment: u64,
    witnessed: Option<Head>,
) -> Result<Option<u64>, LogError> {
    let disk = disk("read sled's file");
    let file = SledFile::open(&dir.join("db"), segment).map_err(&disk)?;
    let summary = newest_summary(dir).map_err(&disk)?;
    let witnessed = witnessed.filter(|head| *head != Head::EMPTY);
    let forecast = Forecast::read(&file, summary, segment, witnessed).map_err(&disk)??;
    if forecast.is_plain(witnessed) {
        return Ok(None);
    }
    forecast.check_all(&file, witnessed).map_err(&disk)??;
    Ok(forecast.broken)
}

/// The summary that sled would use. Those that are not whole were removed before.
fn newest_summary(dir: &Path) -> io::Result<Option<Summary>> {
    let mut names = Vec::new();
    for item in std::fs::read_dir(dir)? {
        let name = item?.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") {
            names.push(name);
        }
    }
    let newest = names.into_iter().max();
    newest.map_or(Ok(None), |name| Ok(Summary::parse(&std::fs::read(dir.join(name))?)))
}

/// What sled would read.
struct Forecast {
    segment: u64,
    stable: u64,
    pages: Vec<Page>,
    /// The segments since the summary, by lsn.
    walks: BTreeMap<u64, Walk>,
    /// The lsn behind the last message of the newest segments that hang together; `None` if the first of
    /// them is missing, in which case sled keeps nothing at all.
    end: Option<u64>,
    /// Where the witnessed head is, if it was seen.
    witnessed_at: Option<u64>,
    /// A segment whose header is not readable.
    broken: Option<u64>,
    /// Where damage is most likely.
    suspect: u64,
}

impl Forecast {
    fn read(
        file: &SledFile,
        summary: Option<Summary>,
        segment: u64,
        witnessed: Option<Head>,
    ) -> io::Result<Result<Self, LogError>> {
        let (stable, pages) = summary.map_or((0, Vec::new()), |s| (s.stable, s.pages));
        let first = stable / segment * segment;
        let (slots, broken) = file.slots()?;
        let mut ordered: BTreeMap<u64, Slot> = BTreeMap::new();
        for slot in slots.into_iter().filter(|slot| slot.lsn >= first) {
            if let Some(twin) = ordered.insert(slot.lsn, slot) {
                let why = format!(
                    "the segments at bytes {} and {} of sled's file are the same one. {UNTOUCHED}",
                    twin.place, slot.place
                );
                return Ok(Err(damaged(1, &why)));
            }
        }
        let stable_at_most = ordered.values().map(|slot| slot.stable).max().unwrap_or(0);
        let newest = u64::try_from(stable_at_most).unwrap_or(0).max(first) / segment * segment;

        let (mut walks, mut buffer, mut witnessed_at) = (BTreeMap::new(), Vec::new(), None);
        for slot in ordered.into_values() {
            let walk = file.walk(slot, &mut buffer, |message, body| {
                if witnessed.is_some_and(|head| contains(body, head)) {
                    witnessed_at = Some(message.spot.lsn);
                }
            })?;
            walks.insert(walk.slot.lsn, walk);
        }
        let mut end = None;
        let mut lsn = newest;
        while let Some(walk) = walks.get(&lsn) {
            end = Some(lsn + walk.read);
            if !walk.is_full {
                break;
            }
            lsn += segment;
        }
        let torn = walks.values().find(|walk| !walk.is_full);
        let torn = torn.map_or(file.len(), |walk| walk.slot.place + walk.read);
        let broken = broken.first().copied();
        let suspect = broken.unwrap_or(torn);
        Ok(Ok(Self { segment, stable, pages, walks, end, witnessed_at, broken, suspect }))
    }

    /// Whether all that was ever read is whole up to its end, and the witnessed head in it: the case of
    /// every file that is not damaged.
    fn is_plain(&self, witnessed: Option<Head>) -> bool {
        let Some(end) = self.end else { return self.walks.is_empty() && witnessed.is_none() };
        let last = self.walks.keys().next_back().copied().unwrap_or(0);
        let whole = self.walks.values().all(|walk| walk.is_full || walk.slot.lsn == last);
        let reached = last + self.segment >= end && end > last && end >= self.stable;
        let seen = witnessed.is_none() || self.witnessed_at.is_some_and(|at| at < end);
        whole && reached && seen && self.broken.is_none()
    }

    /// Follows sled to the end: what is on its pages then, and whether that is everything.
    fn check_all(
        &self,
        file: &SledFile,
        witnessed: Option<Head>,
    ) -> io::Result<Result<(), LogError>> {
        let lost = |seq: u64, what: &str| {
            let why = format!(
                "sled's file is damaged at byte {} or near it: {what}. {UNTOUCHED}",
                self.suspect
            );
            Err(damaged(seq, &why))
        };
        let Some(end) = self.end else {
            return Ok(lost(1, "opened with sled, all of it would be lost"));
        };
        let Some(witnessed) = witnessed else { return Ok(Ok(())) };
        if end < self.stable {
            return Ok(lost(1, "it ends before what was there already when it was last opened"));
        }
        let mut blocks = BTreeMap::new();
        let mut keep = |found: Found, block: &Block| {
            let is_witnessed = block.get(witnessed.seq).is_some_and(|e| e.hash == witnessed.hash);
            let start = (found.before.seq, *found.before.hash.as_bytes());
            blocks.insert(start, (found.after, is_witnessed));
        };
        let pages = self.pages_after(end, file.len() / PAGE_BYTES_MIN);
        for page in &pages {
            match page {
                Page::Present(spots) => {
                    for spot in spots {
                        let until = (spot.place + spot.len).min(file.len());
                        carve::find(file.file(), spot.place, until, &mut keep)?;
                    }
                }
                Page::Free => {}
                Page::Unknown => return Ok(lost(1, "sled would not open it")),
            }
        }
        let mut head = Head::EMPTY;
        while let Some((after, is_witnessed)) = blocks.get(&(head.seq, *head.hash.as_bytes())) {
            if *is_witnessed {
                return Ok(Ok(()));
            }
            head = *after;
        }
        let seq = head.seq + 1;
        let what = format!(
            "opened with sled, entries from {seq} on would be lost, of which {} were answered",
            witnessed.seq.saturating_sub(head.seq)
        );
        Ok(lost(seq, &what))
    }

    /// The pages as sled will see them.
    fn pages_after(&self, end: u64, pages_max: u64) -> Vec<Page> {
        let mut pages = self.pages.clone();
        let kept = self.walks.values().filter(|walk| walk.slot.lsn < end);
        for message in kept.flat_map(|walk| &walk.messages) {
            let is_new = (self.stable..end).contains(&message.spot.lsn);
            if !is_new || message.page > pages_max {
                continue;
            }
            let at = usize::try_from(message.page).unwrap_or(usize::MAX);
            match message.deed {
                Deed::Skip => {}
                Deed::Free | Deed::Replace => {
                    if at >= pages.len() {
                        pages.resize(at + 1, Page::Unknown);
                    }
                    if let Some(page) = pages.get_mut(at) {
                        *page = match message.deed {
                            Deed::Free => Page::Free,
                            _ => Page::Present(vec![message.spot]),
                        };
                    }
                }
                Deed::Link => {
                    if let Some(Page::Present(spots)) = pages.get_mut(at) {
                        link(spots, message.spot);
                    }
                }
            }
        }
        pages
    }
}

fn link(spots: &mut Vec<Spot>, spot: Spot) {
    if spots.last().is_none_or(|last| last.lsn < spot.lsn) {
        spots.push(spot);
    }
}

/// Whether one of the blocks in a message's body holds the head.
fn contains(body: &[u8], head: Head) -> bool {
    let mut at = 0;
    while let Some(next) = super::block::find_magic(body, at) {
        at = next + 1;
        let bytes = body.get(next..).unwrap_or_default();
        if !super::block::may_hold(bytes, head.seq) {
            continue;
        }
        let whole = super::block::len_of(bytes).and_then(|len| bytes.get(..len));
        let block = whole.and_then(|bytes| Block::parse(bytes.into()).ok());
        if block.and_then(|b| b.get(head.seq).map(|e| e.hash)) == Some(head.hash) {
            return true;
        }
    }
    false
}

/// No page takes less room: a number beyond what fits the file is no page's.
const PAGE_BYTES_MIN: u64 = 8;
const UNTOUCHED: &str = "Nothing was changed: what can be read is read without sled";
