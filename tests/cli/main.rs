//! The command line, driven from outside: the real binary, real directories.

mod backup;
mod fleet;
#[path = "../lnbits/http.rs"]
mod http;
mod import;
mod live;
mod look;
mod parquet;
mod past;
mod pay;
mod reconcile;
mod simulate;
mod start;
mod submit;
mod world;
