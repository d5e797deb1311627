//! The tables of all versions: what is checked in, and the migrations tried with real SQL.

mod database;
mod fleet_moves;
mod migrations;
mod money_moves;
mod moves;
mod occurred;
mod printed;
mod rows;
mod square;
mod versions;
mod world;
