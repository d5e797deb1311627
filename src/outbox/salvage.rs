//! What can be read of a damaged outbox, and going on with that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use spireledger_schema::text::MachineId;

use super::file::{Damage, scan};
use super::record::Record;
use super::state::State;
use super::store::{Outbox, at, lock, outbox_path, read_from, sync_dir, write_beside};
use super::told::OutboxError;

/// What a salvage brought.
#[derive(Debug)]
pub struct Salvaged {
    /// Where the damaged file is now.
    pub kept_as: PathBuf,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// Numbers that have no claim now.
    pub lost: Vec<(u64, u64)>,
    /// What was said of claims that are lost.
    pub orphans: usize,
}

impl Outbox {
    /// What can be read of an outbox, damaged or not, without changing anything.
    pub fn look(dir: &Path, machine_id: &MachineId) -> Result<(State, Vec<Damage>), OutboxError> {
        let _guard = lock(dir)?;
        let (state, damage, _) = Self::begin(dir, machine_id, u64::MAX)?.read_leniently()?;
        Ok((state, damage))
    }

    /// Reads what can be read. Also tells how much was said of claims that are not there.
    fn read_leniently(&self) -> Result<(State, Vec<Damage>, usize), OutboxError> {
        let witness = self.read_witness()?.unwrap_or_default();
        let bytes = read_from(&self.file, self.at).map_err(at(&outbox_path(&self.dir)))?;
        let scan = scan(&bytes, self.at, witness.length);
        let (mut state, mut orphans) = (State::default(), 0);
        for record in scan.frames.into_iter().flat_map(|(_, records)| records) {
            if let Record::Kept { number, .. } | Record::Short { number, .. } = &record {
                skip_to(&mut state, number.saturating_sub(1))?;
            }
            orphans += usize::from(state.apply(record).is_err());
        }
        skip_to(&mut state, witness.highest)?;
        Ok((state, scan.damage, orphans))
    }

    /// Goes on with what can be read of a damaged outbox. The damaged file is kept beside it; numbers
    /// whose claims are gone are never given again. `None` if nothing is damaged.
    pub fn salvage(dir: &Path, machine_id: &MachineId) -> Result<Option<Salvaged>, OutboxError> {
        let _guard = lock(dir)?;
        let damaged = Self::begin(dir, machine_id, u64::MAX)?;
        let (state, damage, orphans) = damaged.read_leniently()?;
        if damage.is_empty() && orphans == 0 {
            return Ok(None);
        }
        let generation = damaged.head.generation;
        let kept_as = dir.join(format!("outbox.damaged-{generation}"));
        let path = outbox_path(dir);
        let records = state.records(usize::MAX);
        let new = write_beside(dir, generation.saturating_add(1), machine_id.as_str(), &records)?;
        match fs::hard_link(&path, &kept_as) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(at(&kept_as)(error));
            }
            // An earlier salvage was interrupted here.
            _ => {}
        }
        fs::rename(&new, &path).and_then(|()| sync_dir(dir)).map_err(at(&path))?;
        Ok(Some(Salvaged { kept_as, damage, lost: state.lost().to_vec(), orphans }))
    }
}

/// Gives the numbers up to some number to nobody.
fn skip_to(state: &mut State, highest: u64) -> Result<(), OutboxError> {
    let first = state.highest().saturating_add(1);
    if highest >= first {
        state.apply(Record::Lost { first, last: highest })?;
    }
    Ok(())
}
