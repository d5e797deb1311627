//! The gateways: machines, operators, LPs and auditors come in over HTTP and Nostr. They are told by their keys,
//! their commands go to the single writer, and its answers go back the way they came.
//!
//! *Never:* decide anything about money, or answer before it is durable. *Start at:* [`serve`].

mod checkpoints;
mod config;
mod desk;
pub mod http;
mod identities;
mod machines;
mod nip98;
mod nostr;
mod rate;
mod serve;
mod shelf;

pub use checkpoints::Newest;
pub use config::{
    CheckpointsConfig, Config, ConfigError, Format, HttpConfig, Level, LogConfig, NostrConfig,
};
pub use desk::{Desk, DeskError};
pub use identities::{Identities, Identity, Who};
pub use machines::Machines;
pub use nip98::{AGE_MAX_SECONDS, HEADER_BYTES_MAX, Nip98, Nip98Error, Signed};
pub use nostr::{Counter, Counters, Nostr, NostrError};
pub use serve::{ServeError, serve};
