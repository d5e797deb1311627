//! Lines that are no commands: cut off, misspelt, of the wrong kind, out of range.

use spireledger_schema::Code;
use spireledger_schema::words::TxType;

use super::super::Simulator;

/// The ways in which a line can be spoilt. Each makes one of a good claim.
const WAYS: [fn(&str) -> String; 14] = [
    |claim| cut_off(claim).to_owned(),
    |claim| claim.replace("settlement.claim", "settlement.claimed"),
    |claim| without(claim, "machine_id"),
    |claim| claim.replace(r#""fiat_amount":""#, r#""fiat_amount":"1e"#),
    |claim| claim.replace(r#""fee_sats":"#, r#""fee_sats":-"#),
    |claim| claim.replace(r#""principal_sats":"#, r#""principal_sats":0."#),
    |claim| claim.replace(r#""payment_hash":""#, r#""payment_hash":"0x"#),
    |claim| claim.replace(r#"{"type""#, r#"{"customer":"a person with a hat","type""#),
    |claim| claim.replace(r#"{"type""#, r#"{"tx_type":"cash_out","type""#),
    |claim| claim.replace(r#""cash_in""#, r#""cash-in""#),
    |claim| claim.replace(r#"{"type""#, r#"{"gross_sats":1,"type""#),
    |_| "is this the ledger?".into(),
    |_| r#"{"type":"config.set"}"#.into(),
    |_| {
        r#"{"type":"cassettes.set","machine_id":"xx-nowhere-99","denominations":{"20":{"position":1,"count":9},"50":{"position":1,"count":9}}}"#.into()
    },
];

impl Simulator {
    pub(super) fn disturb_shape(&mut self) -> Option<()> {
        let number = self.any_station();
        let sale = self.priced(number, TxType::CashIn, None)?;
        let mut till = self.stations.get(number)?.till.clone();
        till.old_names = false;
        let way = WAYS.get(self.memory.malformed % WAYS.len())?;
        self.memory.malformed += 1;
        self.refused(way(&sale.json(&till)), Code::Malformed);
        Some(())
    }
}

/// A line whose connection broke.
fn cut_off(line: &str) -> &str {
    line.get(..line.len() * 2 / 3).unwrap_or_default()
}

/// A line without one of its string fields.
fn without(line: &str, field: &str) -> String {
    let name = format!("\"{field}\":\"");
    let Some((before, rest)) = line.split_once(&name) else { return String::from("[]") };
    let after = rest.split_once("\",").map_or("", |(_, after)| after);
    format!("{before}{after}")
}
