//! Tests of the payer.
