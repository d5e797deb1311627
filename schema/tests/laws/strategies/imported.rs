//! Arbitrary rows of databases.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use spireledger_schema::event::{ImportPiece, RowImported, RulesImported};
use spireledger_schema::imported::{Counted, CountsAs, Found, SourceRow, SourceTable};
use spireledger_schema::text::{ClientId, Text, UserId};

use super::{drawn, fiat, id, personal, sats, text};

fn found() -> BoxedStrategy<Found> {
    prop_oneof![
        Just(Found::Absent),
        Just(Found::Null),
        any::<i64>().prop_map(Found::Integer),
        any::<f64>().prop_map(|number| Found::Real(Text::new(&format!("{number:?}")))),
        text().prop_map(|text| Found::Text(Text::new(&text))),
        personal().prop_map(Found::Personal),
        vec(any::<u8>(), 0..20).prop_map(Found::Bytes),
    ]
    .boxed()
}

fn row() -> BoxedStrategy<SourceRow> {
    drawn!(SourceRow {
        table: proptest::sample::select(SourceTable::ALL),
        version: 1..=12u16,
        id: text().prop_map(|text| Text::new(&text)),
        cells: vec(found(), 0..24),
    })
}

fn counted() -> BoxedStrategy<Counted> {
    use CountsAs::{Confirmed, Paid, Pending, Unconfirmed};
    drawn!(Counted {
        client_id: id(ClientId::parse),
        counts_as: proptest::sample::select(vec![Unconfirmed, Confirmed, Pending, Paid]),
        amount_fiat: fiat(),
        amount_sats: sats(),
    })
}

pub fn row_imported() -> BoxedStrategy<RowImported> {
    drawn!(RowImported {
        row: row(),
        is_live: any::<bool>(),
        operator_user_id: option::of(id(UserId::parse)),
        before: option::of(counted()),
        after: option::of(counted()),
    })
}

pub fn import_piece() -> BoxedStrategy<ImportPiece> {
    drawn!(ImportPiece {
        number: any::<u32>(),
        count: any::<u32>(),
        bytes: vec(any::<u8>(), 0..40),
    })
}

pub fn rules_imported() -> BoxedStrategy<RulesImported> {
    drawn!(RulesImported {
        operator_user_id: text().prop_map(|text| Text::new(&text)),
        machine_id: option::of(text().prop_map(|text| Text::new(&text))),
        rows: vec(row(), 0..4),
        is_live: any::<bool>(),
    })
}
