//! The laws of the words, one module a theme: what is written is read back, stored bytes never
//! change their meaning, and what is wrong is refused by name.

mod answers;
mod bytes;
mod commands;
mod golden;
mod hostile;
mod json_schema;
mod keys;
mod limits;
mod money;
mod pieces;
mod refusals;
mod robust;
mod strategies;
mod time;

/// Where this crate lies.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// One valid command of every type at least, one a line.
const COMMANDS: &str = include_str!("../commands.jsonl");
