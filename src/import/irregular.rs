//! What a database says that no rule would have allowed.

use serde::Serialize;
use spireledger_projections::imported::{self, decimal, moment, sats, status_of_leg, whole};
use spireledger_schema::identity::{PaymentHash, PublicKey};
use spireledger_schema::imported::{Found, SourceRow, SourceTable};
use spireledger_schema::text::{Currency, Text};
use spireledger_schema::words::{
    ClientStatus, DcaMode, DepositStatus, LegType, SettlementStatus, TxType,
};

use super::{ImportError, Source};

/// Something irregular about a row, which was brought in as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Irregular {
    /// The table.
    pub table: SourceTable,
    /// The row.
    pub id: Text,
    /// The column.
    pub column: &'static str,
    /// What is irregular about it.
    pub why: String,
}

/// Looks at one row, and at what it points to.
pub fn look(
    source: &Source,
    row: &SourceRow,
    mut tell: impl FnMut(Irregular),
) -> Result<(), ImportError> {
    let mut found = Look { source, row, all: Vec::new() };
    found.plain();
    match row.table {
        SourceTable::Machines => found.machine(),
        SourceTable::Clients => found.client()?,
        SourceTable::Lps => found.word("default_dca_mode", DcaMode::parse),
        SourceTable::Telemetry | SourceTable::Bays => found.points_to("machine_id", MACHINES)?,
        SourceTable::Deposits => found.deposit()?,
        SourceTable::Settlements => found.settlement()?,
        SourceTable::Legs => found.leg()?,
        SourceTable::Config | SourceTable::Splits => {}
    }
    found.all.into_iter().for_each(|(column, why)| {
        tell(Irregular { table: row.table, id: row.id.clone(), column, why });
    });
    Ok(())
}

/// Looks at a rule set: each rule, and whether all of them add up.
pub fn look_at_rules(
    operator: &Text,
    machine: Option<&Text>,
    rows: &[SourceRow],
    mut tell: impl FnMut(Irregular),
) {
    if imported::splits(rows).is_some() {
        return;
    }
    let whose = machine.map_or_else(|| "by default".into(), |machine| format!("at {machine}"));
    let why = format!(
        "the rules of operator {operator} {whose} cannot all be read or do not add up to 1; nothing \
         is split by them until splits.set sets them anew"
    );
    for row in rows {
        let why = why.clone();
        tell(Irregular { table: SourceTable::Splits, id: row.id.clone(), column: "fraction", why });
    }
}

const MACHINES: SourceTable = SourceTable::Machines;

struct Look<'a> {
    source: &'a Source,
    row: &'a SourceRow,
    all: Vec<(&'static str, String)>,
}

impl Look<'_> {
    fn cell(&self, column: &str) -> &Found {
        self.row.cell(column)
    }

    fn tell(&mut self, column: &'static str, why: impl Into<String>) {
        self.all.push((column, why.into()));
    }

    /// What every column of a kind has to be.
    fn plain(&mut self) {
        for column in self.row.table.columns().iter().copied() {
            let found = self.cell(column).clone();
            if !found.is_something() {
                continue;
            }
            let is_time = column.ends_with("_at") || column == "transaction_time";
            let is_bool = matches!(
                column,
                "is_active" | "autoforward_enabled" | "beacon_cash_in" | "beacon_cash_out"
            );
            if is_time && !matches!((&found, moment(&found)), (Found::Integer(_), Some(_))) {
                self.tell(column, format!("{} is no whole number of seconds", shown(&found)));
            } else if column.ends_with("_sats") && column != "fee_mismatch_sats" {
                if sats(&found).is_none() {
                    self.tell(column, format!("{} is no number of sats", shown(&found)));
                }
            } else if is_bool && !matches!(whole(&found), Some(0 | 1)) {
                self.tell(column, format!("{} is neither 0 nor 1", shown(&found)));
            } else if matches!(column, "amount" | "fiat_amount" | "amount_fiat") {
                self.fiat(column, &found);
            } else if column.ends_with("fraction") && !is_fraction(&found) {
                self.tell(column, format!("{} is no fraction of 4 places", shown(&found)));
            } else if column == "fiat_code" && found.as_str().and_then(Currency::parse).is_none() {
                self.tell(column, format!("{} is no currency code", shown(&found)));
            } else if column == "exchange_rate"
                && !decimal(&found).is_some_and(|rate| rate.is_sign_positive() && !rate.is_zero())
            {
                self.tell(column, format!("{} is no rate", shown(&found)));
            }
        }
        if self.cell("id") == &Found::Null {
            self.tell("id", "it has none");
        }
    }

    fn fiat(&mut self, column: &'static str, found: &Found) {
        match decimal(found) {
            None => self.tell(column, format!("{} is no amount", shown(found))),
            Some(amount) if amount.is_sign_negative() && !amount.is_zero() => {
                self.tell(column, format!("{amount} is less than nothing"));
            }
            Some(amount) if amount.normalize().scale() > 2 => {
                let counts =
                    imported::fiat(found).map_or_else(String::new, |fiat| fiat.to_string());
                let why = format!("{amount} has more than two places; balances count {counts}");
                self.tell(column, why);
            }
            Some(_) => {}
        }
    }

    fn word<T>(&mut self, column: &'static str, parse: impl Fn(&str) -> Option<T>) {
        let found = self.cell(column);
        if *found != Found::Absent && found.as_str().and_then(parse).is_none() {
            let why = format!("{} is no {column} that is known", shown(found));
            self.tell(column, why);
        }
    }

    fn points_to(&mut self, column: &'static str, table: SourceTable) -> Result<(), ImportError> {
        let Some(id) = self.cell(column).as_str().map(str::to_owned) else { return Ok(()) };
        if !self.source.exists(table, "id", &id)? {
            self.tell(column, format!("there is no `{id}` in {table}"));
        }
        Ok(())
    }

    fn machine(&mut self) {
        let npub = self.cell("machine_npub");
        if npub.is_something() && npub.as_str().and_then(PublicKey::parse).is_none() {
            let why = format!("{} is no public key; the machine counts as unpaired", shown(npub));
            self.tell("machine_npub", why);
        }
    }

    fn client(&mut self) -> Result<(), ImportError> {
        self.word("status", ClientStatus::parse);
        if *self.cell("dca_mode") != Found::Absent {
            self.word("dca_mode", DcaMode::parse);
        }
        self.points_to("machine_id", MACHINES)
    }

    fn deposit(&mut self) -> Result<(), ImportError> {
        self.word("status", DepositStatus::parse);
        self.points_to("client_id", SourceTable::Clients)?;
        self.points_to("machine_id", MACHINES)?;
        let machine = self.cell("machine_id").as_str().unwrap_or_default().to_owned();
        let code = self.source.text(MACHINES, "fiat_code", &machine)?;
        let found = self.cell("currency");
        if let Some(code) = code.filter(|code| found.as_str() != Some(code)) {
            let why = format!("{} at a machine for {code}; balances count {code}", shown(found));
            self.tell("currency", why);
        }
        Ok(())
    }

    fn settlement(&mut self) -> Result<(), ImportError> {
        self.word("status", SettlementStatus::parse);
        self.word("tx_type", TxType::parse);
        self.points_to("machine_id", MACHINES)?;
        let hash = self.cell("payment_hash");
        if hash.as_str().and_then(PaymentHash::parse_hex).is_none() {
            let why = format!("{} is no payment hash; it is kept and shown, no more", shown(hash));
            self.tell("payment_hash", why);
        }
        let amount = |column| sats(self.cell(column)).map(|sats| i128::from(sats.get()));
        let (wire, principal, fee) =
            (amount("wire_sats"), amount("principal_sats"), amount("fee_sats"));
        let parts = amount("platform_fee_sats").zip(amount("operator_fee_sats"));
        if let (Some(wire), Some(principal), Some(fee)) = (wire, principal, fee) {
            let is_in = self.cell("tx_type").as_str() == Some(TxType::CashIn.as_str());
            let right = if is_in { principal - fee } else { principal + fee };
            if wire != right {
                let why = format!("{wire}, but principal and fee make {right}");
                let is_part = !is_in && wire > right;
                let owed = if is_part { "; the rest is owed to the customer" } else { "" };
                self.tell("wire_sats", format!("{why}{owed}"));
            }
            if let Some((platform, operator)) = parts.filter(|(p, o)| p + o != fee) {
                let why = format!("{fee}, but its parts are {platform} and {operator}");
                self.tell("fee_sats", why);
            }
        }
        Ok(())
    }

    fn leg(&mut self) -> Result<(), ImportError> {
        if status_of_leg(self.row).is_none() {
            let why = format!("{} is no status that is known", shown(self.cell("status")));
            self.tell("status", why);
        }
        self.word("leg_type", LegType::parse);
        self.points_to("settlement_id", SourceTable::Settlements)?;
        if !self.cell("settlement_id").is_something() {
            self.tell("settlement_id", "it is of no settlement");
        }
        self.points_to("client_id", SourceTable::Clients)?;
        self.points_to("machine_id", MACHINES)
    }
}

fn is_fraction(found: &Found) -> bool {
    decimal(found).is_some_and(|number| {
        let number = number.normalize();
        !number.is_sign_negative() && number.scale() <= 4 && number <= 1.into()
    })
}

/// A cell in a message.
fn shown(found: &Found) -> String {
    let text = serde_json::to_string(found).unwrap_or_default();
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
