//! The server over HTTP: the real program, driven from outside with requests that are signed as any
//! client signs them.
//!
//! Start reading at `world.rs`.

mod commands;
mod limits;
mod proofs;
mod reads;
mod signing;
mod stops;
mod world;
