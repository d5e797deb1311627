//! Prints the JSON Schema of the commands, as it is checked in.
//!
//! `cargo run -p spireledger-schema --example json-schema > schema/commands.schema.json`

fn main() -> serde_json::Result<()> {
    println!("{}", serde_json::to_string_pretty(&spireledger_schema::command::json_schema())?);
    Ok(())
}
