//! Tests of the payer against a fake of whoever moves the sats, which does all that a real one may do.

mod fake;
mod ledger;
mod model;
mod seeded;
mod steps;
