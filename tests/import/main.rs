//! Bringing databases in: nothing is lost, nothing is doubled, and what was found is what is shown.

#[path = "../../projections/tests/tables/migrations.rs"]
mod migrations;

mod database;
mod keys;
mod later;
mod long;
mod payer;
mod refused;
mod square;
mod then;
mod values;
mod whose;
mod world;
