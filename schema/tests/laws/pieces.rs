//! What is longer than an entry: cut, and put together again, or not at all.

use proptest::prelude::*;
use spireledger_schema::event::{
    ImportPiece, PIECE_BYTES, PIECES_BYTES_MAX, PIECES_MAX, RowImported, RulesImported,
};
use spireledger_schema::imported::{Found, SourceRow, SourceTable};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::Text;
use spireledger_schema::{Entry, Event};

use crate::bytes::{bare, bytes_of};

/// A row whose notes and error message are these.
fn row(note: &str, message: &[u8]) -> Event {
    let table = SourceTable::Settlements;
    let mut cells = vec![Found::Null; table.columns().len()];
    cells[table.place("notes").unwrap()] = Found::Personal(Personal::Plain(Text::new(note)));
    cells[table.place("error_message").unwrap()] = Found::Bytes(message.to_vec());
    let row = SourceRow { table, version: 7, id: Text::new("s1"), cells };
    let (is_live, before, after) = (true, None, None);
    Event::RowImported(RowImported { row, is_live, operator_user_id: None, before, after })
}

fn rules(count: usize, label: &str) -> Event {
    let rule = |number: usize| {
        let mut cells = vec![Found::Null; SourceTable::Splits.columns().len()];
        cells[4] = Found::Personal(Personal::Plain(Text::new(label)));
        let id = Text::new(&format!("rule {number}"));
        SourceRow { table: SourceTable::Splits, version: 3, id, cells }
    };
    let (operator_user_id, machine_id) = (Text::new("op"), None);
    let rows = (0..count).map(rule).collect();
    Event::RulesImported(RulesImported { operator_user_id, machine_id, rows, is_live: false })
}

/// Each piece as an entry and back, and all of them together.
fn comes_back(event: &Event) {
    let pieces = ImportPiece::cut(event).unwrap();
    let read = pieces.iter().map(|piece| {
        let entry = bare(Event::ImportPiece(piece.clone()));
        match Entry::decode(&bytes_of(&entry)).unwrap().event {
            Event::ImportPiece(piece) => piece,
            other => panic!("{other:?}"),
        }
    });
    let read: Vec<ImportPiece> = read.collect();
    assert_eq!(read, pieces);
    assert_eq!(ImportPiece::join(&read).as_ref(), Ok(event));
    let last = u32::try_from(read.len()).unwrap();
    let before = (2..).contains(&last).then_some(last - 1);
    assert_eq!(read.last().unwrap().before(), before);
    assert!(read[..read.len() - 1].iter().all(|piece| piece.before().is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Wherever a piece ends, in the middle of a character or of a length.
    #[test]
    fn what_is_cut_into_pieces_comes_back(
        start in "[a-zé€🏧]{0,9}", repeated in "[a-zé€🏧]{1,5}", times in 0..60_000usize,
        message in 0..3 * PIECE_BYTES,
    ) {
        comes_back(&row(&(start + &repeated.repeat(times)), &vec![0xff; message]));
    }

    #[test]
    fn rule_sets_that_are_cut_come_back(count in 0..6_000usize, label in "[a-zé€🏧]{0,40}") {
        comes_back(&rules(count, &label));
    }
}

#[test]
fn the_longest_comes_back_and_what_is_longer_is_not_cut() {
    let pieces = ImportPiece::cut(&row("", b"")).unwrap();
    let (rest, head) = (pieces[0].bytes.len(), "x".repeat(PIECES_BYTES_MAX / 2));
    // Lengths beyond 65,535 take five bytes instead of one.
    let room = PIECES_BYTES_MAX - rest - head.len() - 8;
    let longest = row(&head, &vec![0; room]);
    comes_back(&longest);
    assert_eq!(ImportPiece::cut(&longest).unwrap().len(), PIECES_MAX as usize);
    let error = ImportPiece::cut(&row(&head, &vec![0; room + 1])).unwrap_err();
    assert_eq!(error.bytes, PIECES_BYTES_MAX + 1);
}

#[test]
fn pieces_that_are_not_all_of_one_event_in_order_are_none() {
    let pieces = ImportPiece::cut(&row(&"é".repeat(PIECE_BYTES), b"m")).unwrap();
    assert_eq!(pieces.len(), 3);
    let of = |places: &[usize]| -> Vec<ImportPiece> {
        places.iter().map(|place| pieces[*place].clone()).collect()
    };
    let refused = |pieces: &[ImportPiece], why: &str| {
        let error = ImportPiece::join(pieces).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&[], "last piece is missing");
    refused(&of(&[0, 1]), "last piece is missing");
    refused(&of(&[1, 2]), "piece 1 ");
    refused(&of(&[0, 2]), "piece 2 ");
    refused(&of(&[0, 0, 1, 2]), "piece 2 ");
    let mut short = of(&[0, 1, 2]);
    short[1].bytes.pop();
    refused(&short, "piece 2 ");
    let mut empty = of(&[0, 1, 2]);
    empty[2].bytes.clear();
    refused(&empty, "piece 3 ");
    let mut cut = of(&[0, 1, 2]);
    cut[2].bytes.pop();
    assert!(ImportPiece::join(&cut).is_err());
    let mut more = of(&[0, 1, 2]);
    more[2].bytes.push(0);
    refused(&more, "left over");
    // No other event comes in pieces.
    let mut other = of(&[0, 1, 2]);
    other[0].bytes[0] = 12;
    refused(&other, "tag 12");
    let mut forged = pieces[2].clone();
    forged.count = PIECES_MAX + 1;
    forged.number = forged.count;
    assert_eq!(forged.before(), None);
}

#[test]
fn golden_pieces_are_the_row_that_they_were() {
    let piece = |name: &str| {
        let file = crate::golden::files().find(|file| file.name.ends_with(name)).unwrap();
        match Entry::decode(&file.bytes).unwrap().event {
            Event::ImportPiece(piece) => piece,
            other => panic!("{other:?}"),
        }
    };
    let pieces = [piece("import-piece-first"), piece("import-piece-last")];
    let Ok(Event::RowImported(e)) = ImportPiece::join(&pieces) else { panic!("no row") };
    assert_eq!((e.row.table, e.row.id.as_str()), (SourceTable::Deposits, "d1"));
    assert_eq!(e.row.cell("notes").as_str(), Some("Sololá, €: ".repeat(4_000).as_str()));
    assert_eq!(ImportPiece::cut(&Event::RowImported(e)).as_deref(), Ok(&pieces[..]));
}
