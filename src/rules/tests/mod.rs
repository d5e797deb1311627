//! Tests of the rules, by theme. Commands go in as JSON, as people and machines send them.
//!
//! Start at [`world`]: a small ledger in memory. [`words`] says common commands shortly.

mod books;
mod claims;
mod codes;
mod daily_limit;
mod deposits;
mod depth;
mod distribution;
mod fleet;
mod histories;
mod hostile;
mod intents;
mod laws;
mod legs;
mod reports;
mod settings;
mod settlements;
mod speed;
mod who;
mod whose;
mod words;
mod world;

pub(crate) use histories::random_logs;
