//! Laws of the proofs: against a tree made naively, against published values, and against forgery.

mod forged;
mod golden;
mod notes;
mod tree;
mod world;
