//! The payer against a real LNbits, whose Lightning node is a fake one: it is killed at every step, its
//! answers are lost and made up, and then the sats in the wallets are counted.
//!
//! Skipped, and said so, where LNbits cannot be installed: see `install`.

mod address;
mod crashes;
mod forward;
mod http;
mod looking;
mod proxy;
mod server;
mod world;
