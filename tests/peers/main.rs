//! Programs of other people talk to the real server: nostr-tools as a machine's client, nostr-rs-relay
//! between them, schemathesis as everybody who sends what was never thought of.
//!
//! Skipped, and said so, where they cannot be installed: see `install`.

mod client;
mod install;
mod relay;
mod schemathesis;
// Has more than is used here.
#[allow(dead_code)]
#[path = "../http/world.rs"]
mod world;
