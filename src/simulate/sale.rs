//! One customer at a machine: cash one way, sats the other, and the claim that says so.

use spireledger_schema::command::{Body, SettlementClaim};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Bill, Dispensed, Line};
use spireledger_schema::text::{Currency, MachineId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::TxType;
use spireledger_schema::{Command, hex};

use super::json::{push_decimal8, push_hex, push_number};

/// What a machine puts into each of its claims.
#[derive(Debug, Clone)]
pub(super) struct Till {
    /// The machine's id.
    pub machine_id: String,
    /// Its currency.
    pub fiat_code: &'static str,
    /// Whether its software still says `gross_sats`, `net_sats` and `commission_sats`.
    pub old_names: bool,
}

/// Bills of one denomination that a cash-in took, or what one bay did in a cash-out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub position: u32,
    pub denomination: u32,
    /// Bills that were to move; a row of none is not there.
    pub asked: u32,
    /// Bills that did.
    pub moved: u32,
    /// Bills that went to the reject bin.
    pub rejected: u32,
}

/// At most four kinds of bills move at once, so a sale needs no allocation.
pub(super) type Rows = [Row; 4];

/// The worth of the bills that were to move.
pub(super) fn worth(rows: &Rows) -> u64 {
    rows.iter().map(|row| u64::from(row.denomination) * u64::from(row.asked)).sum()
}

/// One transaction, in plain numbers. Fiat is in whole units: nothing smaller has a bill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale {
    pub hash: [u8; 32],
    pub event_id: [u8; 32],
    pub tx_type: TxType,
    pub fiat: u64,
    pub wire: u64,
    pub principal: u64,
    pub fee: u64,
    /// Seconds since 1970.
    pub at: i64,
    /// The machine's count of its claims.
    pub number: u64,
    pub rows: Rows,
}

/// The fractions of principal that a machine asks as its fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fees {
    pub platform: Fraction,
    pub operator: Fraction,
}

impl Fees {
    fn of(self, principal: u64) -> u64 {
        let of =
            |fraction: Fraction| Sats::new(principal).map_or(0, |sats| fraction.of(sats).get());
        of(self.platform) + of(self.operator)
    }
}

/// A fraction of ten-thousandths that is known to be at most a whole.
pub(super) const fn fraction(ten_thousandths: u16) -> Fraction {
    match Fraction::from_ten_thousandths(ten_thousandths) {
        Some(fraction) => fraction,
        None => Fraction::ZERO,
    }
}

impl Sale {
    /// The sats of these bills at a quote (ten-thousandths of a sat a unit), rounded to the nearest.
    pub(super) fn priced(tx_type: TxType, rows: Rows, quote: u64, fees: Fees) -> Self {
        let fiat = worth(&rows);
        let principal = (fiat * quote + 5_000) / 10_000;
        let mut sale = Self {
            hash: [0; 32],
            event_id: [0; 32],
            tx_type,
            fiat,
            wire: 0,
            principal,
            fee: fees.of(principal),
            at: 0,
            number: 0,
            rows,
        };
        sale.balance();
        sale
    }

    /// Makes the wire what principal and fee make it.
    pub(super) fn balance(&mut self) {
        self.wire = match self.tx_type {
            TxType::CashOut => self.principal + self.fee,
            TxType::CashIn => self.principal - self.fee,
        };
    }

    /// Principal sats a unit in 10⁻⁸, rounded to the nearest: exact where eight places suffice.
    fn rate(&self) -> u64 {
        let fiat = u128::from(self.fiat.max(1));
        let rate = (u128::from(self.principal) * 100_000_000 + fiat / 2) / fiat;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    fn used(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.asked > 0)
    }

    /// Appends the claim as one line of JSON.
    pub(super) fn write(&self, till: &Till, out: &mut String) {
        out.push_str(r#"{"type":"settlement.claim","payment_hash":""#);
        push_hex(out, &self.hash);
        out.push_str(r#"","machine_id":""#);
        out.push_str(&till.machine_id);
        out.push_str(r#"","tx_type":""#);
        out.push_str(self.tx_type.as_str());
        let names: [&str; 3] = if till.old_names {
            [r#"","gross_sats":"#, r#","net_sats":"#, r#","commission_sats":"#]
        } else {
            [r#"","wire_sats":"#, r#","principal_sats":"#, r#","fee_sats":"#]
        };
        for (name, sats) in names.into_iter().zip([self.wire, self.principal, self.fee]) {
            out.push_str(name);
            push_number(out, sats);
        }
        out.push_str(r#","fiat_amount":""#);
        push_number(out, self.fiat);
        out.push_str(r#".00","fiat_code":""#);
        out.push_str(till.fiat_code);
        out.push_str(r#"","exchange_rate":""#);
        push_decimal8(out, self.rate());
        out.push_str(r#"","occurred_at":"#);
        push_number(out, self.at.unsigned_abs());
        out.push_str(r#","bitspire_event_id":""#);
        push_hex(out, &self.event_id);
        out.push_str(r#"","bitspire_txid":""#);
        self.write_txid(till, out);
        out.push('"');
        match self.tx_type {
            TxType::CashIn => self.write_bills(out),
            TxType::CashOut => self.write_cassettes(out),
        }
        out.push_str(r#","machine_seq":"#);
        push_number(out, self.number);
        out.push('}');
    }

    fn write_txid(&self, till: &Till, out: &mut String) {
        out.push_str(&till.machine_id);
        out.push_str("-tx-");
        push_number(out, self.number);
    }

    fn write_bills(&self, out: &mut String) {
        let mut before = r#","bills":[{"denomination":"#;
        for row in self.used() {
            out.push_str(before);
            push_number(out, row.denomination.into());
            out.push_str(r#","count":"#);
            push_number(out, row.moved.into());
            before = r#"},{"denomination":"#;
        }
        out.push_str("}]");
    }

    fn write_cassettes(&self, out: &mut String) {
        let mut before = r#","cassettes":[{"position":"#;
        for row in self.used() {
            let numbers = [
                (before, row.position),
                (r#","denomination":"#, row.denomination),
                (r#","provisioned":"#, row.asked),
                (r#","dispensed":"#, row.moved),
                (r#","rejected":"#, row.rejected),
            ];
            for (name, number) in numbers {
                out.push_str(name);
                push_number(out, number.into());
            }
            before = r#"},{"position":"#;
        }
        out.push_str("}]");
    }

    /// The claim as one line of JSON.
    pub(super) fn json(&self, till: &Till) -> String {
        let mut out = String::with_capacity(640);
        self.write(till, &mut out);
        out
    }

    /// The claim as a command: what reading [`Self::json`] gives. `None` only for a machine or a
    /// currency that could not be in a claim.
    pub(super) fn command(&self, till: &Till) -> Option<Command> {
        let mut text = String::with_capacity(64);
        push_decimal8(&mut text, self.rate());
        let exchange_rate = ExchangeRate::parse(&text)?;
        text.clear();
        self.write_txid(till, &mut text);
        let mut command = Command::new(Body::SettlementClaim(SettlementClaim {
            payment_hash: PaymentHash::from_bytes(self.hash),
            machine_id: MachineId::parse(&till.machine_id)?,
            tx_type: self.tx_type,
            wire_sats: Sats::new(self.wire)?,
            principal_sats: Sats::new(self.principal)?,
            fee_sats: Sats::new(self.fee)?,
            fiat_amount: Fiat::from_minor(i64::try_from(self.fiat).ok()?.checked_mul(100)?)?,
            fiat_code: Currency::parse(till.fiat_code)?,
            exchange_rate,
            bitspire_event_id: Line::parse(&hex::encode(&self.event_id)),
            bitspire_txid: Line::parse(&text),
            bills: (self.tx_type == TxType::CashIn).then(|| self.bills()),
            cassettes: (self.tx_type == TxType::CashOut).then(|| self.cassettes()),
            machine_seq: Some(self.number),
        }));
        command.occurred_at = Some(Timestamp::from_seconds(self.at)?);
        Some(command)
    }

    fn bills(&self) -> Vec<Bill> {
        let bill = |row: &Row| Bill { denomination: row.denomination, count: row.moved };
        self.used().map(bill).collect()
    }

    fn cassettes(&self) -> Vec<Dispensed> {
        let bay = |row: &Row| Dispensed {
            position: row.position,
            denomination: row.denomination,
            provisioned: row.asked,
            dispensed: row.moved,
            rejected: row.rejected,
        };
        self.used().map(bay).collect()
    }
}
