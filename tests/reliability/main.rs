//! Does the ledger keep what it answered? These tests drive the real program: they kill it, crash it at
//! named points, fill its disk, damage its files, and look at what the next start makes of it.
//!
//! Start reading at `world.rs`, the harness that all of them share. What they find out about the ledger
//! is told in `docs/reliability.md`.
//!
//! | variable | what |
//! | --- | --- |
//! | `SPIRELEDGER_CRASH_ROUNDS` | rounds of kill -9, 50 unless told otherwise |
//! | `SPIRELEDGER_CRASH_SEED` | the seed of what is random; printed when a test fails |
//! | `SPIRELEDGER_DAMAGE_CASES` | damaged copies of a ledger for each kind of damage |

// Chance is cut to the size of what it chooses from.
#![allow(clippy::cast_possible_truncation)]

mod backups;
mod bugs;
mod chance;
mod damage;
mod exports;
mod fleet;
mod full;
mod import;
mod kill;
mod points;
mod power;
mod readers;
mod tables;
mod threads;
mod witness;
mod world;
