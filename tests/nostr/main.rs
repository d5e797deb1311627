//! The Nostr gateway, over real relays in this process, asked by a client made with nostr-sdk alone.

mod claims;
mod hostile;
mod orders;
mod relays;
mod reports;
mod world;
