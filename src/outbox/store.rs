//! The outbox on its disk. Every change is one frame, written and synced while no other process writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spireledger_schema::text::MachineId;
use spireledger_schema::time::Timestamp;

use super::claim::NewClaim;
use super::file::{Damage, FRAME_BYTES_MAX, Head, Witness, frame, scan};
use super::record::Record;
use super::state::{Content, State, WHOLE_RECEIPTS_MAX};
use super::told::{Keep, OutboxError, Repair};
use crate::crash;
use crate::lock::take_lock;

/// Most claims that may wait for their receipts.
pub const WAITING_MAX: usize = 100_000;
/// Claims of one durable write: together they are no longer than a frame.
pub const KEEP_MAX: usize = 100;
/// Notes of one durable write: each has an answer of a ledger, and its event.
const NOTES_PER_FRAME: usize = 32;
/// How long another process may have the outbox.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked for.
const LOCK_EVERY: Duration = Duration::from_millis(2);
/// Bytes of records in a frame of a file that is written anew, about.
const FRAME_BYTES_ABOUT: usize = FRAME_BYTES_MAX / 8;

/// An outbox that is open. Several processes may have it open; each change is made by one of them, and
/// the others read it when they make theirs, or are asked to [`refresh`](Outbox::refresh).
pub struct Outbox {
    pub(super) dir: PathBuf,
    machine_id: MachineId,
    /// The file is written anew when it has grown by so many bytes, and by as much as it had.
    compact_after: u64,
    pub(super) file: File,
    witness: File,
    pub(super) head: Head,
    /// Up to where it was read.
    pub(super) at: u64,
    /// Up to where it is known to be on the disk.
    durable: u64,
    state: State,
    repairs: Vec<Repair>,
    /// A write failed: what the disk holds is not known.
    is_broken: bool,
}

/// The directory's lock, held until it is dropped.
pub(super) struct Guard(#[expect(dead_code, reason = "holds the lock")] File);

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> OutboxError + use<> {
    let path = path.to_owned();
    move |error| OutboxError::Io { path: path.clone(), error }
}

pub(super) fn outbox_path(dir: &Path) -> PathBuf {
    dir.join("outbox")
}

pub(super) fn lock(dir: &Path) -> Result<Guard, OutboxError> {
    let path = dir.join("outbox.lock");
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        let holder = format!("process {}", std::process::id());
        match take_lock(&path, &holder).map_err(at(&path))? {
            Ok(held) => return Ok(Guard(held)),
            Err(holder) if Instant::now() >= until => {
                return Err(OutboxError::Held { path, holder });
            }
            Err(_) => std::thread::sleep(LOCK_EVERY),
        }
    }
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Everything from some place on.
pub(super) fn read_from(file: &File, from: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len().saturating_sub(from);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// Writes a whole file beside the outbox and syncs it; it is not the outbox yet.
pub(super) fn write_beside(
    dir: &Path,
    generation: u64,
    machine_id: &str,
    records: &[Record],
) -> Result<PathBuf, OutboxError> {
    let path = dir.join("outbox.new");
    let mut frames = Vec::new();
    let mut waiting: Vec<Record> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let length = frame(std::slice::from_ref(record)).ok_or(OutboxError::TooLong("a record"))?;
        bytes += length.len();
        waiting.push(record.clone());
        if bytes >= FRAME_BYTES_ABOUT {
            frames.extend(frame(&waiting).ok_or(OutboxError::TooLong("a frame"))?);
            waiting.clear();
            bytes = 0;
        }
    }
    if !waiting.is_empty() {
        frames.extend(frame(&waiting).ok_or(OutboxError::TooLong("a frame"))?);
    }
    let head = Head { generation, base: frames.len() as u64, machine_id: machine_id.to_owned() };
    let whole = [head.encode(), frames].concat();
    let write = || {
        let mut file = private().create(true).truncate(true).open(&path)?;
        crash::half_done("atm:compaction-half-written", || {
            file.write_all(whole.get(..whole.len() / 2).unwrap_or_default())
        });
        file.write_all(&whole)?;
        file.sync_all()
    };
    write().map_err(at(&path))?;
    Ok(path)
}

impl Outbox {
    /// Makes the outbox of a machine in a directory that is there. `first` is the number that its
    /// first claim gets: 1, unless another outbox of this machine gave numbers before.
    pub fn create(dir: &Path, machine_id: &MachineId, first: u64) -> Result<(), OutboxError> {
        let _guard = lock(dir)?;
        let path = outbox_path(dir);
        if path.exists() {
            return Err(OutboxError::Exists(path));
        }
        let before = first.saturating_sub(1);
        let records = (before > 0).then_some(Record::Lost { first: 1, last: before });
        let new = write_beside(dir, 1, machine_id.as_str(), records.as_slice())?;
        fs::rename(&new, &path).and_then(|()| sync_dir(dir)).map_err(at(&path))
    }

    /// Opens the outbox of a machine. A torn tail is cut off; damage is an error, and changes nothing.
    pub fn open(
        dir: &Path,
        machine_id: &MachineId,
        compact_after: u64,
    ) -> Result<Self, OutboxError> {
        let _guard = lock(dir)?;
        let mut outbox = Self::begin(dir, machine_id, compact_after)?;
        let left_over = dir.join("outbox.new");
        match fs::remove_file(&left_over) {
            Ok(()) => outbox.repairs.push(Repair::LeftOver),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(&left_over)(error)),
        }
        outbox.catch_up()?;
        Ok(outbox)
    }

    /// Opens the file, of which nothing is read yet but its head.
    pub(super) fn begin(
        dir: &Path,
        machine_id: &MachineId,
        compact_after: u64,
    ) -> Result<Self, OutboxError> {
        let path = outbox_path(dir);
        let file = private().open(&path).map_err(at(&path))?;
        // The longest head is well below this.
        let mut bytes = vec![0; 1_024];
        let read = file.read_at(&mut bytes, 0).map_err(at(&path))?;
        bytes.truncate(read);
        let (head, length) =
            Head::decode(&bytes).map_err(|why| OutboxError::Head { path: path.clone(), why })?;
        if head.machine_id != machine_id.as_str() {
            let (found, expected) = (head.machine_id, machine_id.clone());
            return Err(OutboxError::OtherMachine { path, found, expected });
        }
        let witness_path = dir.join("outbox.witness");
        let witness = private().create(true).truncate(false).open(&witness_path);
        let witness = witness.map_err(at(&witness_path))?;
        Ok(Self {
            dir: dir.to_owned(),
            machine_id: machine_id.clone(),
            compact_after,
            file,
            witness,
            head,
            at: length as u64,
            durable: 0,
            state: State::default(),
            repairs: Vec::new(),
            is_broken: false,
        })
    }

    /// What was kept, as far as it was read.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What was put right since this was asked last.
    pub fn take_repairs(&mut self) -> Vec<Repair> {
        std::mem::take(&mut self.repairs)
    }

    /// Reads what other processes wrote.
    pub fn refresh(&mut self) -> Result<(), OutboxError> {
        let path = outbox_path(&self.dir);
        let there = fs::metadata(&path).map_err(at(&path))?;
        let ours = self.file.metadata().map_err(at(&path))?;
        if (there.dev(), there.ino(), there.len()) == (ours.dev(), ours.ino(), self.at) {
            return Ok(());
        }
        let _guard = lock(&self.dir)?;
        self.catch_up()
    }

    /// Keeps claims, one durable write for all of them; what became of each, in order. At most
    /// [`KEEP_MAX`].
    pub fn keep(&mut self, claims: &[NewClaim], now: Timestamp) -> Result<Vec<Keep>, OutboxError> {
        let _guard = lock(&self.dir)?;
        self.catch_up()?;
        let mut records = Vec::new();
        let mut kept = Vec::with_capacity(claims.len());
        for claim in claims {
            let known = self.keep_one(claim, now, &mut records)?;
            kept.push(known);
        }
        self.append(&records)?;
        Ok(kept)
    }

    fn keep_one(
        &mut self,
        claim: &NewClaim,
        now: Timestamp,
        records: &mut Vec<Record>,
    ) -> Result<Keep, OutboxError> {
        let payment_hash = *claim.payment_hash().as_bytes();
        if let Some(known) = self.state.claim_of(&payment_hash) {
            let fields = match &known.content {
                Content::Whole(content) => claim.differs_from(content),
                Content::Digest(digest) if *digest == claim.digest() => Vec::new(),
                Content::Digest(_) => {
                    return Ok(Keep::Conflict { number: known.number, fields: Vec::new() });
                }
            };
            let number = known.number;
            let is_same = fields.is_empty();
            return Ok(if is_same {
                Keep::Known(number)
            } else {
                Keep::Conflict { number, fields }
            });
        }
        if self.state.waiting().len() >= WAITING_MAX {
            return Ok(Keep::Full);
        }
        let number = self.state.highest().saturating_add(1);
        let content = claim.numbered(number);
        let record = Record::Kept { number, at: now.micros(), payment_hash, content };
        // Should the write fail, nothing is done with this state any more.
        self.apply(record.clone())?;
        records.push(record);
        Ok(Keep::Kept(number))
    }

    /// Notes what happened to claims, durably. What became meaningless by what another
    /// process noted meanwhile is left out.
    pub fn note(&mut self, records: Vec<Record>) -> Result<(), OutboxError> {
        let _guard = lock(&self.dir)?;
        self.catch_up()?;
        let mut noted = Vec::new();
        for record in records {
            // What is refused here was overtaken: a claim that is done stays done.
            if self.state.apply(record.clone()).is_ok() {
                noted.push(record);
            }
        }
        for some in noted.chunks(NOTES_PER_FRAME) {
            self.append(some)?;
        }
        self.compact_if_due()
    }

    /// Sends refused claims again. The numbers of those that were refused.
    pub fn again(&mut self, numbers: &[u64], now: Timestamp) -> Result<Vec<u64>, OutboxError> {
        self.refresh()?;
        let refused = |number: &&u64| self.state.refused().contains(*number);
        let numbers: Vec<u64> = numbers.iter().filter(refused).copied().collect();
        let again = |number: &u64| Record::Again { number: *number, at: now.micros() };
        self.note(numbers.iter().map(again).collect())?;
        Ok(numbers)
    }

    fn apply(&mut self, record: Record) -> Result<(), OutboxError> {
        let applied = self.state.apply(record);
        self.is_broken |= applied.is_err();
        Ok(applied?)
    }

    /// Reads what others wrote since, under the lock. Cuts off what nobody finished.
    fn catch_up(&mut self) -> Result<(), OutboxError> {
        if self.is_broken {
            return Err(OutboxError::Broken);
        }
        let path = outbox_path(&self.dir);
        let io = at(&path);
        let there = fs::metadata(&path).map_err(&io)?;
        let ours = self.file.metadata().map_err(&io)?;
        if (there.dev(), there.ino()) != (ours.dev(), ours.ino()) {
            let repairs = std::mem::take(&mut self.repairs);
            *self = Self::begin(&self.dir, &self.machine_id, self.compact_after)?;
            self.repairs = repairs;
        }
        let witness = self.read_witness()?;
        let vouched = witness.map_or(0, |witness| witness.length);
        let scan = scan(&read_from(&self.file, self.at).map_err(&io)?, self.at, vouched);
        if !scan.damage.is_empty() {
            return Err(OutboxError::Damaged { path, damage: scan.damage });
        }
        let mut end = self.file.metadata().map_err(&io)?.len();
        for (from, records) in scan.frames {
            for record in records {
                if let Err(why) = self.state.apply(record) {
                    self.is_broken = true;
                    let damage = Damage { from, to: end, why: why.to_string() };
                    return Err(OutboxError::Damaged { path, damage: vec![damage] });
                }
            }
        }
        if let Some(torn) = scan.torn {
            self.file.set_len(torn).and_then(|()| self.file.sync_all()).map_err(&io)?;
            self.repairs.push(Repair::CutTail { bytes: end - torn });
            end = torn;
        }
        self.at = end;
        self.durable = self.durable.max(vouched);
        if self.durable < end {
            // Whoever wrote it may have died before it reached the disk.
            self.file.sync_all().map_err(&io)?;
            self.vouch()?;
        }
        Ok(())
    }

    /// What the witness says of this file.
    pub(super) fn read_witness(&self) -> Result<Option<Witness>, OutboxError> {
        let bytes = read_from(&self.witness, 0).map_err(at(&self.dir.join("outbox.witness")))?;
        Ok(Witness::decode(&bytes).filter(|witness| witness.generation == self.head.generation))
    }

    /// Writes down that everything read and written so far is on the disk. This may itself be lost.
    fn vouch(&mut self) -> Result<(), OutboxError> {
        self.durable = self.at;
        let (generation, highest) = (self.head.generation, self.state.highest());
        let bytes = Witness { generation, length: self.at, highest }.encode();
        let io = at(&self.dir.join("outbox.witness"));
        crash::half_done("atm:witness-half-written", || {
            self.witness.write_all_at(bytes.get(..bytes.len() / 2).unwrap_or_default(), 0)
        });
        self.witness.write_all_at(&bytes, 0).map_err(io)
    }

    /// Writes a frame, waits for the disk, and vouches for it. Its records are in the state already.
    fn append(&mut self, records: &[Record]) -> Result<(), OutboxError> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes = frame(records).ok_or(OutboxError::TooLong("a write"));
        let written = bytes.and_then(|bytes| self.append_bytes(&bytes));
        self.is_broken |= written.is_err();
        written
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), OutboxError> {
        let io = at(&outbox_path(&self.dir));
        crash::point("atm:before-write");
        crash::half_done("atm:half-written", || {
            self.file.write_all_at(bytes.get(..bytes.len() / 2).unwrap_or_default(), self.at)
        });
        self.file.write_all_at(bytes, self.at).map_err(&io)?;
        crash::point("atm:before-sync");
        self.file.sync_data().map_err(&io)?;
        crash::point("atm:after-sync");
        self.at += bytes.len() as u64;
        self.vouch()
    }

    fn compact_if_due(&mut self) -> Result<(), OutboxError> {
        let grown = self.at.saturating_sub(self.head.encode().len() as u64 + self.head.base);
        if grown < self.compact_after.max(self.head.base) {
            return Ok(());
        }
        let records = self.state.records(WHOLE_RECEIPTS_MAX);
        let path = outbox_path(&self.dir);
        let generation = self.head.generation.saturating_add(1);
        let new = write_beside(&self.dir, generation, self.machine_id.as_str(), &records)?;
        crash::point("atm:compaction-before-rename");
        fs::rename(&new, &path).and_then(|()| sync_dir(&self.dir)).map_err(at(&path))?;
        crash::point("atm:compaction-renamed");
        tracing::info!(outbox = %path.display(), generation, "written anew");
        self.catch_up()
    }
}
