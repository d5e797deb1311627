//! The tables as databases: made in one pass or brought forward step by step, they are what the entries
//! say, one by one.
//!
//! Start reading at `world.rs`.

mod books;
mod forged;
mod goes_on;
mod imported;
mod laws;
mod live;
mod odd;
mod unruly;
mod world;
