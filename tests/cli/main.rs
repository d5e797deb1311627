//! The command line, driven from outside: the real binary, real directories.

mod backup;
mod fleet;
mod live;
mod look;
mod past;
mod start;
mod submit;
mod world;
