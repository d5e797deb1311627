//! The limits of what one command may carry, all in one place. Each keeps an entry below
//! [`crate::front::ENTRY_BYTES_MAX`] or keeps hostile input cheap.
//!
//! A limit of what is stored (sats, ids) may be raised, never lowered: entries written under it are
//! read under it.

/// Longest command as JSON text, in bytes, with white space and escapes. Most have a few hundred.
pub const COMMAND_BYTES_MAX: usize = 1024 * 1024;
/// Longest row of a database, and longest set of split rules, that is brought in, in canonical bytes. What
/// is longer than an entry travels in pieces.
pub const ROW_BYTES_MAX: usize = crate::event::PIECES_BYTES_MAX;
/// Most sats there can ever be: 21 million bitcoin.
pub const SATS_MAX: u64 = 2_100_000_000_000_000;
/// Longest id, in bytes: a UUID has 36, a bech32 LNURL target is not an id.
pub const ID_BYTES_MAX: usize = 128;
/// Longest single line of text (labels, models, names), in bytes.
pub const LINE_BYTES_MAX: usize = 512;
/// Longest payment target (an LNURL has about 200 characters), in bytes.
pub const TARGET_BYTES_MAX: usize = 1_024;
/// Longest Lightning invoice (BOLT 11; with routing hints about 1,000 characters), in bytes.
pub const INVOICE_BYTES_MAX: usize = 2_048;
/// Longest note or error message, in bytes.
pub const NOTE_BYTES_MAX: usize = 4_096;
/// Longest free JSON (telemetry, fees, limits), in bytes, white space removed.
pub const JSON_BYTES_MAX: usize = 16_384;
/// Deepest nesting of free JSON.
pub const JSON_DEPTH_MAX: usize = 32;
/// Most fields of one object of free JSON.
pub const JSON_FIELDS_MAX: usize = 512;
/// Most rows of bills or bays in a command: machines have at most 11 cash units.
pub const BAYS_MAX: usize = 64;
/// Most rules in one rule set of splits.
pub const SPLITS_MAX: usize = 64;
/// Most legs of one settlement: all of them are planned in one entry.
pub const LEGS_MAX: usize = 200;
/// Most clients enrolled at one machine, so that a plan always fits [`LEGS_MAX`].
pub const CLIENTS_PER_MACHINE_MAX: usize = 120;
/// Most fields an object of the command language may have before it is refused unread.
pub const FIELDS_MAX: usize = 64;
/// Most places after the point of an exchange rate.
pub const RATE_PLACES_MAX: u32 = 18;
