//! Exports in the hands of the tools that they are for, and the report for accountants.
//!
//! Beancount and hledger are fetched where they can be (see `install`); where not, it is said that their
//! tests were skipped.

mod columns;
mod journals;
mod report;
mod tools;
mod world;
