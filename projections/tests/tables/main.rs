//! The tables of all versions: what is checked in, and the migrations tried with real SQL.

mod printed;
