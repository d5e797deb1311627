//! Cases about what was brought in from a database.

use spireledger_schema::event::{ImportPiece, RowImported, RulesImported};
use spireledger_schema::imported::{Counted, CountsAs, Found, SourceRow, SourceTable};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, Text, UserId};
use spireledger_schema::{Event, streams};

use crate::{By, Case, SETTLEMENT, ok, plain, sealed};

pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SourceTable::ALL.iter().map(|table| every_cell(*table)).collect();
    all.extend([empty(), counts("unconfirmed", CountsAs::Unconfirmed, CountsAs::Confirmed)]);
    all.extend([counts("paid", CountsAs::Pending, CountsAs::Paid), rules(), no_rules()]);
    all
}

/// Pieces of a row whose note is longer than an entry. Apart from the others: their seqs go on behind all
/// of those.
pub fn pieces() -> Vec<Case> {
    let note = "Sololá, €: ".repeat(4_000);
    let mut cells = vec![Found::Null; SourceTable::Deposits.columns().len()];
    let place = ok(SourceTable::Deposits.place("notes"));
    if let Some(cell) = cells.get_mut(place) {
        *cell = Found::Personal(plain(&note));
    }
    let row = SourceRow { table: SourceTable::Deposits, version: 12, id: Text::new("d1"), cells };
    let Case { key, event, .. } = case("whole", row, false, None, None);
    let pieces = ImportPiece::cut(&event).expect("it is not too long");
    let named = ["first", "last"].into_iter().zip(pieces);
    let piece =
        |(name, piece)| Case { name, key, by: By::Import, event: Event::ImportPiece(piece) };
    named.map(piece).collect()
}

/// A row whose every column holds something: in turn each kind of thing.
fn every_cell(table: SourceTable) -> Case {
    let kinds = [
        Found::Text(Text::new("m1")),
        Found::Integer(-1_767_225_600),
        Found::Real(Text::new("1767225600.25")),
        Found::Null,
        Found::Personal(plain("Ana, Sololá")),
        Found::Bytes(vec![0, 255, 16]),
        Found::Absent,
        Found::Personal(sealed()),
        Found::Personal(Personal::Erased),
    ];
    let cells = kinds.iter().cycle().take(table.columns().len()).cloned().collect();
    let row = SourceRow { table, version: 12, id: Text::new("m1"), cells };
    case(table.as_str(), row, true, None, None)
}

fn empty() -> Case {
    let row =
        SourceRow { table: SourceTable::Legs, version: 1, id: Text::default(), cells: Vec::new() };
    case("empty", row, false, None, None)
}

fn counts(name: &'static str, before: CountsAs, after: CountsAs) -> Case {
    let counted = |counts_as| Counted {
        client_id: ok(ClientId::parse("c1")),
        counts_as,
        amount_fiat: ok(Fiat::from_minor(-50_025)),
        amount_sats: ok(Sats::new(64_757)),
    };
    let cells = vec![Found::Text(Text::new("d1"))];
    let row = SourceRow { table: SourceTable::Deposits, version: 5, id: Text::new("d1"), cells };
    case(name, row, true, Some(counted(before)), Some(counted(after)))
}

fn case(
    name: &'static str,
    row: SourceRow,
    is_live: bool,
    before: Option<Counted>,
    after: Option<Counted>,
) -> Case {
    let operator_user_id =
        (row.table == SourceTable::Settlements).then(|| ok(UserId::parse("op-1")));
    Case {
        name,
        key: streams::imported(&row, Some(&SETTLEMENT)),
        by: By::Import,
        event: Event::RowImported(RowImported { row, is_live, operator_user_id, before, after }),
    }
}

fn rules() -> Case {
    let row = |id, fraction| SourceRow {
        table: SourceTable::Splits,
        version: 3,
        id: Text::new(id),
        cells: vec![
            Found::Text(Text::new(id)),
            Found::Text(Text::new("m1")),
            Found::Text(Text::new("op-1")),
            Found::Personal(plain("ana@example.com")),
            Found::Null,
            Found::Real(Text::new(fraction)),
            Found::Integer(0),
            Found::Integer(1_767_225_600),
        ],
    };
    of_rules("full", Some("m1"), vec![row("s1", "0.75"), row("s2", "0.25")])
}

fn no_rules() -> Case {
    of_rules("empty", None, Vec::new())
}

fn of_rules(name: &'static str, machine: Option<&str>, rows: Vec<SourceRow>) -> Case {
    Case {
        name,
        key: streams::imported_rules("op-1", machine),
        by: By::Import,
        event: Event::RulesImported(RulesImported {
            operator_user_id: Text::new("op-1"),
            machine_id: machine.map(Text::new),
            rows,
            is_live: true,
        }),
    }
}
