//! Each kind of thing in a ledger is changed by hand, in a copy, and `verify` names it: what was changed, and
//! at which entry. What a backup file holds, of that file alone, too.
//!
//! Signed checkpoints and the tree have more of it in `damage.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use spireledger::log::{Block, Head, Sealer};
use spireledger_schema::identity::{Actor, Evidence, PublicKey, Role};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::TxType;
use spireledger_schema::{Entry, EntryKey, Event};

use crate::damage::found;
use crate::world::World;

/// A ledger of a small fleet that has everything: two checkpoints, a tree, tables and a backup.
struct Base {
    world: World,
    blocks: Vec<Block>,
    entries: Vec<Entry>,
}

impl Base {
    fn new() -> Self {
        let world = World::new();
        world.run(&["init", "--origin", "ledger.example/gt"]).succeeds();
        let options = ["--machines", "2", "--days", "6", "--customers", "4", "--noise", "0"];
        let lines = world.run(&[&["simulate"], &options[..]].concat()).succeeds().out;
        let lines: Vec<&str> = lines.lines().collect();
        for half in lines.chunks(lines.len().div_ceil(2)) {
            world.submit(&half.join("\n")).succeeds();
            world.run(&["checkpoint"]).succeeds();
        }
        world.run(&["sql", "SELECT 1"]).succeeds();
        world.run(&["backup", "copy"]).succeeds();
        world.run(&["verify"]).succeeds();
        let blocks = blocks_of(&world.read("copy"));
        assert!(blocks.len() >= 4, "{} blocks", blocks.len());
        let decode = |block: &Block| -> Vec<Entry> {
            block.entries().map(|e| Entry::decode(e.canonical).expect("an entry")).collect()
        };
        let entries = blocks.iter().flat_map(decode).collect();
        Self { world, blocks, entries }
    }

    /// A copy of the ledger in a world of its own.
    fn copy(&self) -> World {
        let world = World::new();
        copy_dir(&self.world.path("ledger"), &world.path("ledger"));
        world
    }

    /// A copy whose blocks were changed in sled.
    fn with_blocks(&self, change: impl Fn(&sled::Db)) -> World {
        let world = self.copy();
        let config = sled::Config::new().path(world.path("ledger/sled"));
        let config = config.mode(sled::Mode::HighThroughput).segment_size(8 << 20);
        let db = config.flush_every_ms(None).open().expect("opens");
        change(&db);
        db.flush().expect("flushed");
        drop(db);
        world
    }

    /// A world with nothing but a backup file of these blocks.
    fn with_backup(blocks: &[Vec<u8>]) -> World {
        let world = World::new();
        std::fs::write(world.path("copy"), backup_of(blocks)).expect("written");
        world
    }

    /// All blocks, one of them replaced.
    fn replaced(&self, at: usize, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = self.blocks.iter().map(|b| b.bytes().to_vec()).collect();
        all[at] = bytes;
        all
    }

    /// A ledger of the same entries with one changed, chained anew, as somebody makes it who has the files. The
    /// tree is made anew; the signed checkpoints are those of before, if they are kept.
    fn forged(&self, keep_checkpoints: bool, forge: impl Fn(&mut Vec<Entry>)) -> World {
        let mut entries = self.entries.clone();
        forge(&mut entries);
        let blocks = chained(&entries);
        let world = Self::with_backup(&blocks);
        world.run(&["restore", "copy"]);
        if keep_checkpoints {
            let from = self.world.path("ledger/checkpoints");
            std::fs::copy(from, world.path("ledger/checkpoints")).expect("copied");
        }
        world
    }

    /// The first claim of a cash-out, whose legs add up to it.
    fn claim(&self) -> (usize, EntryKey) {
        let begun = |key| {
            let mut of_key = self.entries.iter().filter(|entry| entry.front.key == key);
            of_key
                .any(|entry| matches!(&entry.event, Event::SettlementBegun(e) if e.legs.len() > 2))
        };
        let is_it = |entry: &Entry| {
            matches!(&entry.event, Event::SettlementClaimed(e) if e.tx_type == TxType::CashOut)
                && begun(entry.front.key)
        };
        let at = self.entries.iter().position(is_it).expect("a claim");
        (at, self.entries[at].front.key)
    }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for item in std::fs::read_dir(from).expect("a directory").flatten() {
        let (path, to) = (item.path(), to.join(item.file_name()));
        let kind = item.file_type().expect("a kind");
        if kind.is_dir() {
            copy_dir(&path, &to);
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path).expect("a link");
            std::os::unix::fs::symlink(target, to).expect("linked");
        } else if kind.is_file() {
            std::fs::copy(&path, to).expect("copied");
        }
    }
}

const BACKUP: &[u8; 8] = b"SPBACK1\0";

fn blocks_of(backup: &[u8]) -> Vec<Block> {
    let mut rest = backup.strip_prefix(BACKUP).expect("a backup");
    let mut blocks = Vec::new();
    while let Some((len, more)) = rest.split_first_chunk::<4>() {
        let (block, more) = more.split_at(u32::from_le_bytes(*len) as usize);
        blocks.push(Block::parse(block.into()).expect("a block"));
        rest = more;
    }
    blocks
}

fn backup_of(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = BACKUP.to_vec();
    for block in blocks {
        bytes.extend_from_slice(&u32::try_from(block.len()).expect("short").to_le_bytes());
        bytes.extend_from_slice(block);
    }
    bytes
}

fn chained(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut sealer = Sealer::new(Head::EMPTY);
    let mut newest: BTreeMap<EntryKey, u64> = BTreeMap::new();
    for entry in entries {
        let (front, mut bytes) = (entry.front, Vec::new());
        entry.encode(&mut bytes).expect("short enough");
        let mut link = |key| newest.insert(key, front.seq).unwrap_or(0);
        let (prev, prev_alias) = (link(front.key), front.alias.map_or(0, link));
        sealer.push(&front, &bytes, prev, prev_alias);
    }
    sealer.seal().iter().map(|block| block.bytes().to_vec()).collect()
}

/// The checksum over a block's bytes, made right again.
fn with_checksum(mut block: Vec<u8>) -> Vec<u8> {
    let covered = block.len() - 4;
    let crc = crc32fast::hash(&block[..covered]).to_le_bytes();
    block[covered..].copy_from_slice(&crc);
    block
}

/// A block with the last byte of one of its entries changed.
fn with_a_changed_byte(block: &Block, seq: u64) -> Vec<u8> {
    let canonical = block.get(seq).expect("in it").canonical;
    let mut bytes = block.bytes().to_vec();
    let at = bytes.windows(canonical.len()).position(|part| part == canonical).expect("in it");
    bytes[at + canonical.len() - 1] ^= 1;
    bytes
}

/// A block with an entry and the next one in each other's place, each with the seq of its place.
fn with_a_swapped_pair(block: &Block, seq: u64) -> Vec<u8> {
    let mut ends = Vec::new();
    let mut records = Vec::new();
    for at in block.first_seq()..=block.last_seq() {
        let from = if at == seq {
            seq + 1
        } else if at == seq + 1 {
            seq
        } else {
            at
        };
        let stored = block.get(from).expect("in it");
        let mut entry = Entry::decode(stored.canonical).expect("an entry");
        entry.front.seq = at;
        records.extend_from_slice(stored.hash.as_bytes());
        records.extend_from_slice(&stored.prev.to_le_bytes());
        entry.encode(&mut records).expect("short enough");
        if entry.front.alias.is_some() {
            records.extend_from_slice(&stored.prev_alias.to_le_bytes());
        }
        ends.extend_from_slice(&u16::try_from(records.len()).expect("short").to_le_bytes());
    }
    let front = block.bytes().get(..46).expect("a front");
    with_checksum([front, &ends, &records, &[0; 4]].concat())
}

/// Some break of this check names this entry.
#[track_caller]
fn names(world: &World, args: &[&str], check: &str, seq: u64, words: &str) {
    let found = found(world, args);
    let is_named =
        |(at, by, what): &(u64, String, String)| *at == seq && by == check && what.contains(words);
    assert!(found.iter().any(is_named), "no {check} at {seq} with `{words}` in {found:#?}");
}

const LEDGER: [&str; 2] = ["verify", "--json"];
const BACKUP_ALONE: [&str; 4] = ["verify", "--json", "--backup", "copy"];

fn put(block: Vec<u8>, first: u64) -> impl Fn(&sled::Db) {
    move |db| drop(db.insert(first.to_be_bytes(), block.clone()).expect("written"))
}

#[test]
fn a_changed_byte_of_an_entry_is_named() {
    let base = Base::new();
    let block = &base.blocks[1];
    let (first, seq) = (block.first_seq(), block.first_seq() + 5);
    let torn = with_a_changed_byte(block, seq);
    let whole = with_checksum(torn.clone());
    names(&base.with_blocks(put(torn.clone(), first)), &LEDGER, "open", first, "checksum");
    names(&base.with_blocks(put(whole.clone(), first)), &LEDGER, "chain", seq, "expected hash");
    let alone = Base::with_backup(&base.replaced(1, torn));
    names(&alone, &BACKUP_ALONE, "backup", first, "checksum");
    let alone = Base::with_backup(&base.replaced(1, whole));
    names(&alone, &BACKUP_ALONE, "backup", first, &format!("entry {seq} breaks the chain"));
}

#[test]
fn a_swapped_pair_is_named() {
    let base = Base::new();
    let block = &base.blocks[1];
    let (first, seq) = (block.first_seq(), block.first_seq() + 3);
    let swapped = with_a_swapped_pair(block, seq);
    let world = base.with_blocks(put(swapped.clone(), first));
    names(&world, &LEDGER, "chain", seq, "expected hash");
    let alone = Base::with_backup(&base.replaced(1, swapped));
    names(&alone, &BACKUP_ALONE, "backup", first, &format!("entry {seq} breaks the chain"));
}

#[test]
fn a_block_that_was_taken_out_is_named() {
    let base = Base::new();
    let (first, last) = (base.blocks[1].first_seq(), base.blocks[1].last_seq());
    let world = base.with_blocks(|db| drop(db.remove(first.to_be_bytes()).expect("removed")));
    names(&world, &LEDGER, "open", first, &format!("it is chained to entry {last}"));
    let mut blocks = base.replaced(1, Vec::new());
    blocks.remove(1);
    names(&Base::with_backup(&blocks), &BACKUP_ALONE, "backup", first, "");
}

#[test]
fn a_tail_that_was_cut_off_is_named() {
    let base = Base::new();
    let first = base.blocks.last().expect("blocks").first_seq();
    let world = base.with_blocks(|db| drop(db.remove(first.to_be_bytes()).expect("removed")));
    let all = base.entries.len();
    names(&world, &LEDGER, "open", first, &format!("entries up to {all} were durable"));
}

#[test]
fn a_changed_row_is_named() {
    let base = Base::new();
    let world = base.copy();
    let tables = rusqlite::Connection::open(world.path("ledger/tables.sqlite")).expect("opens");
    let changed = tables.execute("UPDATE dca_deposits SET amount = amount + 1", []);
    assert!(changed.expect("changed") > 0);
    drop(tables);
    names(&world, &LEDGER, "tables", base.entries.len() as u64, "amount");
}

#[test]
fn a_changed_tree_and_a_changed_key_index_are_named() {
    let base = Base::new();
    let world = base.copy();
    let path = world.path("ledger/tree");
    let mut tree = std::fs::read(&path).expect("there");
    tree[20] ^= 1;
    std::fs::write(&path, tree).expect("written");
    names(&world, &LEDGER, "tree", 1, "record 0 of the tree file is damaged");

    let world = base.copy();
    let path = world.path("ledger/keys");
    let mut keys = std::fs::read(&path).expect("there");
    let (frame, front) = (28, 44);
    let count = u32::from_le_bytes(keys[frame + 8..frame + 12].try_into().expect("four")) as usize;
    let end = frame + front + count * 16;
    // The top byte of the first key's hash.
    keys[frame + front + 7] ^= 1;
    let crc = crc32fast::hash(&keys[frame..end]).to_le_bytes();
    keys[end..end + 4].copy_from_slice(&crc);
    std::fs::write(&path, keys).expect("written");
    names(&world, &LEDGER, "key index", 1, "does not hold what the blocks say");
}

#[test]
fn a_forged_checkpoint_is_named() {
    let base = Base::new();
    let world = base.copy();
    let path = world.path("ledger/checkpoints");
    let mut file = std::fs::read(&path).expect("there");
    let text: &[u8] = b"ledger.example/gt\n";
    // The text of a checkpoint stands behind its length, and before the checksum of its record.
    let is_note = |at: &usize| file[*at + text.len()].is_ascii_digit();
    let mut places = (0..file.len() - text.len() - 1).filter(|at| file[*at..].starts_with(text));
    let begin = places.find(is_note).expect("a checkpoint");
    let len = u32::from_le_bytes(file[begin - 4..begin].try_into().expect("four")) as usize;
    let root = begin
        + text.len()
        + file[begin + text.len()..].iter().position(|b| *b == b'\n').expect("a line")
        + 1;
    let size: u64 = std::str::from_utf8(&file[begin + text.len()..root - 1])
        .expect("digits")
        .parse()
        .expect("a number");
    file[root] = if file[root] == b'A' { b'B' } else { b'A' };
    let crc = crc32fast::hash(&file[begin - 17..begin + len]).to_le_bytes();
    file[begin + len..begin + len + 4].copy_from_slice(&crc);
    std::fs::write(&path, file).expect("written");
    names(&world, &LEDGER, "checkpoint", size, "the signature of ledger.example/gt does not fit");
    names(&world, &LEDGER, "checkpoint", size, "but they give");
}

#[test]
fn a_signature_that_is_not_the_actors_is_named() {
    let base = Base::new();
    let seq = 3;
    let forge = |entries: &mut Vec<Entry>| {
        let public_key = PublicKey::from_bytes([2; 32]);
        let circumstances = &mut entries[seq - 1].circumstances;
        circumstances.actor = Actor::Key { role: Role::Super, public_key };
        circumstances.evidence = Some(Evidence::NostrEvent {
            id: [3; 32],
            signature: [4; 64],
            kind: 27_235,
            created_at: Timestamp::EPOCH,
        });
    };
    let world = base.forged(false, forge);
    names(&world, &LEDGER, "evidence", seq as u64, "is not the actor's");
    names(&world, &BACKUP_ALONE, "evidence", seq as u64, "is not the actor's");
}

/// Whoever changes an amount and makes chain, links and tree anew is told by what was signed; without that, by
/// what the rules would have made of it.
#[test]
fn a_changed_amount_in_a_log_that_was_made_anew_is_named() {
    let base = Base::new();
    let (at, key) = base.claim();
    let forge = |entries: &mut Vec<Entry>| {
        let Event::SettlementClaimed(e) = &mut entries[at].event else { panic!("no claim") };
        e.fiat_amount = Fiat::from_minor(e.fiat_amount.minor() + 100).expect("fiat");
        e.wire_sats = Sats::new(e.wire_sats.get() + 10).expect("sats");
        e.principal_sats = Sats::new(e.principal_sats.get() + 10).expect("sats");
    };
    let is_begun =
        |entry: &Entry| entry.front.key == key && matches!(entry.event, Event::SettlementBegun(_));
    let begun = base.entries.iter().position(is_begun).expect("begun") as u64 + 1;
    let signed = base.forged(true, forge);
    names(&signed, &LEDGER, "checkpoint", base.entries.len() as u64, "but they give");
    names(&signed, &LEDGER, "rules", begun, "amount_sats: expected");
    let unsigned = base.forged(false, forge);
    let found = found(&unsigned, &LEDGER);
    assert!(
        found.iter().all(|(_, check, _)| check != "checkpoint" && check != "chain"),
        "{found:#?}"
    );
    names(&unsigned, &LEDGER, "rules", begun, "amount_sats: expected");
    names(&unsigned, &LEDGER, "conservation", begun, "");
    names(&unsigned, &BACKUP_ALONE, "rules", begun, "amount_sats: expected");
}
