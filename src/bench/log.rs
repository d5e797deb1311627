//! The disk, and the log alone: entries made durable without rules, beside SQLite and the bare disk.

use super::contenders::{Bare, OurLog, Row, Scratch, Sqlite, bytes_on_disk, sqlite};
use super::input::Decided;
use super::report::{Figure, Unit};
use super::timing::{Begun, Timing, number};
use super::{BARE, BenchError, LOG, SQLITE, Sizes, rounds, same};
use crate::log::Block;
use crate::notary::Tree;

/// What the sync floor appends: one page.
const PAGE_BYTES: usize = 4_096;

/// What the disk takes for one page that is appended and synced: no answer can come sooner.
pub(super) fn sync_floor(sizes: &Sizes, scratch: &Scratch) -> Result<Figure, BenchError> {
    let mut bare = Bare::create(&scratch.path("floor"))?;
    let page = [0x5a; PAGE_BYTES];
    let mut timing = Timing::default();
    for _ in 0..sizes.syncs {
        timing.group(1, Begun::here(), || bare.append(&page))?;
    }
    Ok(Figure::rate("disk: append 4 KiB, fdatasync", &timing))
}

/// The three contenders in turns on the same rows in the same groups.
pub(super) fn alone(
    sizes: &Sizes,
    scratch: &Scratch,
    group: usize,
) -> Result<Vec<Figure>, BenchError> {
    let path = |name: &str| scratch.path(&format!("{name}-{group}"));
    let mut input = Decided::default();
    let mut ours = OurLog::create(&path("log"))?;
    let mut bare = Bare::create(&path("bare"))?;
    let connection = sqlite(&path("sqlite"))?;
    let mut peer = Sqlite::prepare(&connection)?;
    let (mut our_time, mut bare_time, mut peer_time) = <(Timing, Timing, Timing)>::default();
    let mut tree_time = Timing::default();
    let first = input.fleet()?;
    ours.append(&first)?;
    let mut tree = ours.tree()?;
    for count in rounds(sizes.claims) {
        let entries = input.claims(count)?;
        let rows: Vec<Row> = entries.iter().filter_map(Row::of).collect();
        let mut written = Vec::new();
        for entries in entries.chunks(group) {
            let count = entries.len() as u64;
            let blocks = our_time.group(count, Begun::here(), || ours.append(entries))?;
            tree_time.stretch(count, &take(&mut tree, &blocks));
            let bytes: Vec<u8> = blocks.iter().flat_map(|block| block.bytes().to_vec()).collect();
            written.push((entries.len() as u64, bytes));
        }
        for (count, bytes) in written {
            bare_time.group(count, Begun::here(), || bare.append(&bytes))?;
        }
        for rows in rows.chunks(group) {
            peer_time.group(rows.len() as u64, Begun::here(), || peer.insert(rows))?;
        }
    }
    same("entries of the log", ours.count(), sizes.claims + first.len() as u64)?;
    same("rows of SQLite", peer.count()?, sizes.claims)?;
    same("entries of the tree", tree.size(), ours.count())?;
    let figures = figures(group, &our_time, &bare_time, &peer_time);
    let behind = Figure::rate("  the tree over the same entries", &tree_time);
    let behind = behind.beside(LOG, our_time.rate());
    drop((ours, peer));
    drop(connection);
    let each = |name: &str| number(bytes_on_disk(&path(name))) / number(sizes.claims);
    let disk = Figure::new(format!("{}, bytes on disk", of(group)), each("log"), Unit::BytesEach);
    let disk = disk.beside(SQLITE, each("sqlite"));
    Ok(figures.into_iter().chain([behind, disk]).collect())
}

/// Takes blocks into the tree. What comes back began before.
fn take(tree: &mut Tree, blocks: &[Block]) -> Begun {
    let begun = Begun::here();
    tree.take(blocks);
    begun
}

fn of(group: usize) -> String {
    format!("log alone, groups of {group}")
}

fn figures(group: usize, ours: &Timing, bare: &Timing, peer: &Timing) -> [Figure; 3] {
    let mut figure =
        Figure::rate(of(group), ours).beside(BARE, bare.rate()).beside(SQLITE, peer.rate());
    if group == 1_000 {
        let (sqlite, disk) = (figure.ratio(SQLITE) >= 10.0, figure.ratio(BARE) >= 0.6);
        figure = figure.budget("≥ 0.6 × bare disk", disk).budget("≥ 10 × SQLite", sqlite);
    }
    let bare = Figure::rate(format!("  {BARE}, the same bytes"), bare);
    [figure, bare, Figure::rate(format!("  {SQLITE}, the same rows"), peer)]
}
