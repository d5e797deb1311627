//! The page that shows the table to people says what the code says.

use spireledger_schema::command::Body;

use super::super::super::who::{LINES, Rights, TableRight};

const PAGE: &str = include_str!("../../../../docs/who.md");

const HEAD: &str = "| command | super | operator | machine | lp | auditor |\n\
                    | --- | --- | --- | --- | --- | --- |\n";

const fn word(right: TableRight) -> &'static str {
    match right {
        TableRight::All => "all",
        TableRight::Own => "own",
        TableRight::No => "no",
    }
}

/// `machine.update` for `MachineUpdate`.
fn type_of(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('.');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn line((name, rights): &(&str, Rights)) -> String {
    let words = rights.map(word).join(" | ");
    format!("| `{}` | {words} |\n", type_of(name))
}

/// What the page says of a command, by role in the order of the columns.
pub(super) fn says(type_name: &str) -> [&'static str; 5] {
    let start = format!("| `{type_name}` | ");
    let line = PAGE.lines().find_map(|line| line.strip_prefix(&start)).expect("a line");
    let words: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
    words.try_into().expect("a word for each role")
}

#[test]
fn the_page_shows_the_table() {
    let table: String = LINES.iter().map(line).collect();
    let table = HEAD.to_owned() + &table;
    assert!(PAGE.contains(&format!("\n\n{table}\n")), "docs/who.md has to show:\n{table}");
}

#[test]
fn the_table_has_a_line_for_each_command_in_their_order() {
    let types: Vec<String> = LINES.iter().map(|(name, _)| type_of(name)).collect();
    assert_eq!(types, Body::TYPES);
}
