//! `atm`: machines that keep claims and send them to a real server, whatever fails between the two.

#[cfg(feature = "crash-points")]
mod crashes;
mod disk;
mod http;
mod nostr;
mod proxy;
mod server;
mod world;
