//! The input of all measurements: a fleet of 50 machines and its claims, the same in every run.
//!
//! A claim is a pure function of its number. Payment hashes are blake3 of that number: spread like real
//! ones. Seven of ten claims are cash-outs with one to three bays, the others cash-ins with bills.

use spireledger_projections::Fleet;
use spireledger_schema::command::{Body, Command, ConfigSet, MachineRegister, SettlementClaim};
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::json::Patch;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Bill, Dispensed, Line};
use spireledger_schema::text::{Currency, MachineId, UserId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::TxType;
use spireledger_schema::{Circumstances, Entry, Front};

use super::BenchError;
use crate::ledger::Clock;
use crate::rules::{self, Decision, Found, Request};

/// Machines of the fleet.
pub const MACHINES: u64 = 50;
/// 2026-01-01T00:00:00Z in microseconds.
const BEGIN_MICROS: i64 = 1_767_225_600_000_000;

/// A clock that goes on by a millisecond whenever it is asked, so that every run writes the same
/// bytes.
pub fn clock() -> Clock {
    let asked = std::sync::atomic::AtomicI64::new(0);
    Box::new(move || {
        let millis = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        valid(Timestamp::from_micros(BEGIN_MICROS + millis * 1_000))
    })
}

/// What has to be said before the first claim: fees and machines.
pub fn fleet() -> Vec<Command> {
    let config = ConfigSet {
        super_cash_in_fee_fraction: Fraction::from_ten_thousandths(50),
        super_cash_out_fee_fraction: Fraction::from_ten_thousandths(100),
        super_fee_wallet_id: Patch::Keep,
        max_cash_in_sats: Patch::Keep,
    };
    let machines = (0..MACHINES).map(|number| {
        Body::MachineRegister(MachineRegister {
            id: machine(number),
            operator_user_id: valid(UserId::parse(&format!("operator-{}", number % 7))),
            wallet_id: valid(WalletId::parse(&format!("wallet-{number:02}"))),
            fiat_code: quetzal(),
            machine_npub: None,
            name: None,
            location: None,
            operator_cash_in_fee_fraction: Fraction::from_ten_thousandths(150),
            operator_cash_out_fee_fraction: Fraction::from_ten_thousandths(200),
        })
    });
    { std::iter::once(Body::ConfigSet(config)).chain(machines) }.map(Command::new).collect()
}

/// The claim of a number.
pub fn claim(number: u64) -> Command {
    let hash = *blake3::hash(&number.to_le_bytes()).as_bytes();
    let dice = |at: usize, sides: u64| u64::from(hash.get(at).copied().unwrap_or(0)) % sides;
    let is_out = dice(0, 10) < 7;
    let units = 1 + dice(1, 40);
    let fiat_minor = units * 50_00;
    // Sats for a quetzal, in ten-thousandths, about 129.
    let rate = 1_290_000 + dice(2, 250) * 37;
    let principal = fiat_minor * rate / 1_000_000;
    let fee = principal * 3 / 100;
    let wire = if is_out { principal + fee } else { principal - fee };
    let claim = SettlementClaim {
        payment_hash: PaymentHash::from_bytes(hash),
        machine_id: machine(number % MACHINES),
        tx_type: if is_out { TxType::CashOut } else { TxType::CashIn },
        wire_sats: valid(Sats::new(wire)),
        principal_sats: valid(Sats::new(principal)),
        fee_sats: valid(Sats::new(fee)),
        fiat_amount: valid(i64::try_from(fiat_minor).ok().and_then(Fiat::from_minor)),
        fiat_code: quetzal(),
        exchange_rate: valid(ExchangeRate::parse(&format!(
            "{}.{:04}",
            rate / 10_000,
            rate % 10_000
        ))),
        bitspire_event_id: None,
        bitspire_txid: Line::parse(&format!("tx-{number}")),
        bills: (!is_out).then(|| bills(units, 1 + dice(3, 3))),
        cassettes: is_out.then(|| bays(units, 1 + dice(3, 3))),
        machine_seq: Some(number / MACHINES + 1),
    };
    let mut command = Command::new(Body::SettlementClaim(claim));
    let seconds = i64::try_from(number).unwrap_or(0) / 20;
    command.occurred_at = Timestamp::from_seconds(BEGIN_MICROS / 1_000_000 + seconds);
    command
}

/// The claims of a range of numbers, as they reach the ledger.
pub fn claims(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Request> {
    numbers.map(|number| Request::local(claim(number)))
}

/// What the rules make of the input: entries, without a ledger.
#[derive(Default)]
pub struct Decided {
    fleet: Fleet,
    seq: u64,
    claimed: u64,
}

impl Decided {
    /// The entries of the fleet itself, which come first.
    pub fn fleet(&mut self) -> Result<Vec<Entry>, BenchError> {
        fleet().into_iter().map(|command| self.decide(Request::local(command))).collect()
    }

    /// The entries of the next claims.
    pub fn claims(&mut self, count: u64) -> Result<Vec<Entry>, BenchError> {
        let numbers = self.claimed..self.claimed + count;
        self.claimed += count;
        claims(numbers).map(|request| self.decide(request)).collect()
    }

    fn decide(&mut self, request: Request) -> Result<Entry, BenchError> {
        let refused = |what: String| BenchError::Wrong(format!("the input was refused: {what}"));
        let now = valid(Timestamp::from_micros(BEGIN_MICROS));
        let key = rules::needs(&self.fleet, &request).stream;
        let decided = rules::decide(&self.fleet, &Found::default(), &request, now)
            .map_err(|error| refused(error.to_string()))?;
        let Decision::Append(event) = decided else { return Err(refused(format!("{decided:?}"))) };
        self.seq += 1;
        let entry = Entry {
            front: Front { seq: self.seq, key, alias: None },
            circumstances: Circumstances {
                recorded_at: now,
                occurred_at: request.command.occurred_at,
                actor: Actor::Local,
                request_id: None,
                evidence: None,
            },
            event,
        };
        self.fleet.apply(&entry).map_err(|error| refused(error.to_string()))?;
        Ok(entry)
    }
}

fn machine(number: u64) -> MachineId {
    valid(MachineId::parse(&format!("machine-{number:02}")))
}

fn quetzal() -> Currency {
    valid(Currency::parse("GTQ"))
}

fn bills(units: u64, kinds: u64) -> Vec<Bill> {
    let count = |kind| u32::try_from(1 + (units + kind) % 9).unwrap_or(1);
    (0..kinds).map(|kind| Bill { denomination: denomination(kind), count: count(kind) }).collect()
}

fn bays(units: u64, bays: u64) -> Vec<Dispensed> {
    let bay = |at: u64| {
        let count = u32::try_from(1 + (units + at) % 20).unwrap_or(1);
        Dispensed {
            position: u32::try_from(at + 1).unwrap_or(1),
            denomination: denomination(at),
            provisioned: count,
            dispensed: count,
            rejected: 0,
        }
    };
    (0..bays).map(bay).collect()
}

fn denomination(kind: u64) -> u32 {
    match kind {
        0 => 100,
        1 => 50,
        _ => 20,
    }
}

/// The generator keeps far within every bound.
fn valid<T>(made: Option<T>) -> T {
    made.unwrap_or_else(|| unreachable!("the input of the measurements is always valid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_a_claim_is_that_claim() {
        for number in 0..200 {
            let command = claim(number);
            assert_eq!(Command::parse(&command.to_json()), Ok(command));
        }
    }

    #[test]
    fn claims_are_of_both_kinds_and_spread_over_the_machines() {
        let claims: Vec<_> = (0..1_000).map(claim).collect();
        let of = |test: &dyn Fn(&SettlementClaim) -> bool| {
            let bodies = claims.iter().map(|command| &command.body);
            bodies.filter(|body| matches!(body, Body::SettlementClaim(c) if test(c))).count()
        };
        let outs = of(&|c| c.tx_type == TxType::CashOut);
        assert!((600..800).contains(&outs), "{outs}");
        assert_eq!(of(&|c| c.machine_id == machine(7)), 20);
        assert_eq!(of(&|c| c.bills.is_some() == c.cassettes.is_none()), 1_000);
    }
}
