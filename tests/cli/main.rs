//! The command line, driven from outside: the real binary, real directories.

mod backup;
mod fleet;
mod look;
mod parquet;
mod past;
mod start;
mod submit;
mod world;
