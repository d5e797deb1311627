//! LPs and operators: enrolments, deposits, and what they change their minds about.

use super::agenda::Task;
use super::json::{Json, command};
use super::noise::{SaidDeposit, SaidEnd};
use super::sale::fraction;
use super::setup::splits_line;
use super::station::Station;
use super::{DAY, Simulator, places};

/// How an LP wants its sats, or when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// As cash-outs come.
    Flow,
    /// As they come, and on to a Lightning address.
    Forward,
    /// At most a little a day. It takes part once, is paused, and then goes over to flow: so no plan
    /// depends on the day on which the ledger records it.
    Fixed,
    /// As they come, but it says so only on the third day.
    Late,
}

/// An LP at a machine.
#[derive(Debug, Clone)]
pub(super) struct Enrolment {
    pub client_id: String,
    pub machine_id: String,
    pub station: usize,
    /// Paused by the operator.
    pub paused: bool,
}

/// A liquidity provider.
#[derive(Debug)]
pub(super) struct Lp {
    pub name: String,
    pub wish: Wish,
    pub enrolments: Vec<Enrolment>,
    /// Most fiat a day, in whole units of the currency of its only machine.
    pub limit: u64,
    /// Whether it was in fixed mode and is no more.
    pub left_fixed: bool,
    pub enrolled: bool,
    pub onboarded: bool,
}

/// An LP that is enrolled at the first machine and never says where its sats go.
pub(super) const STRANGER: &str = "lp-zoe";

/// Most enrolments at a machine here: all legs of a settlement, planned twice, stay within bounds.
const ENROLMENTS_MAX: usize = 40;
/// The largest sum of deposits of an enrolment, in whole units: far below what the ledger takes.
const DEPOSITED_MAX: i64 = 50_000_000;

/// The LPs of a fleet, each at one to three machines.
pub(super) fn lps(count: usize, stations: &[Station]) -> Vec<Lp> {
    let mut taken = vec![0usize; stations.len()];
    let wishes = [Wish::Flow, Wish::Forward, Wish::Fixed, Wish::Flow, Wish::Flow, Wish::Late];
    (0..count)
        .map(|number| {
            let wish = wishes[number % wishes.len()];
            let apart: &[usize] = match (wish, number % 4) {
                (Wish::Fixed, _) => &[0],
                (_, 0) => &[0, 2, 3],
                (_, _) => &[0, 2],
            };
            let name = places::lp(number);
            let mut enrolments: Vec<Enrolment> = Vec::new();
            for step in apart {
                let at = (number + step) % stations.len().max(1);
                let (Some(station), Some(taken)) = (stations.get(at), taken.get_mut(at)) else {
                    continue;
                };
                if *taken >= ENROLMENTS_MAX || enrolments.iter().any(|other| other.station == at) {
                    continue;
                }
                *taken += 1;
                enrolments.push(Enrolment {
                    client_id: format!("{}.lp-{name}", station.id()),
                    machine_id: station.id().to_owned(),
                    station: at,
                    paused: false,
                });
            }
            let cash = enrolments.first().and_then(|first| stations.get(first.station));
            let limit = cash.map_or(1, |station| station.cash.deposit / 10);
            Lp {
                name,
                wish,
                enrolments,
                limit,
                left_fixed: false,
                enrolled: false,
                onboarded: false,
            }
        })
        .collect()
}

impl Lp {
    pub(super) fn user(&self) -> String {
        format!("lp-{}", self.name)
    }

    /// Where its sats are forwarded to, if it wants that.
    pub(super) fn address(&self) -> Option<String> {
        (self.wish == Wish::Forward).then(|| format!("{}@wallet.example", self.name))
    }

    /// `client.enroll` of one of its enrolments.
    pub(super) fn enroll_line(&self, client_id: &str, machine_id: &str) -> String {
        command("client.enroll")
            .text("id", client_id)
            .text("machine_id", machine_id)
            .text("user_id", &self.user())
            .text("username", &self.name)
            .end()
    }

    /// `lp.set` of what it wants now.
    fn wish(&self) -> Json {
        let line = command("lp.set")
            .text("user_id", &self.user())
            .text("dca_wallet_id", &format!("wallet-lp-{}", self.name));
        match (self.wish, self.address()) {
            (Wish::Fixed, _) if !self.left_fixed => {
                line.text("default_dca_mode", "fixed").fiat("fixed_mode_daily_limit", self.limit)
            }
            (Wish::Fixed, _) => {
                line.text("default_dca_mode", "flow").raw("fixed_mode_daily_limit", "null")
            }
            (_, Some(address)) => line
                .text("default_dca_mode", "flow")
                .text("autoforward_ln_address", &address)
                .raw("autoforward_enabled", "true"),
            (_, None) => line.text("default_dca_mode", "flow"),
        }
    }

    /// The same, as one request that can be repeated even when it wants something else by then.
    pub(super) fn line(&self) -> String {
        let change = if self.left_fixed { 2 } else { 1 };
        self.wish().text("request_id", &format!("wish-{}-{change}", self.name)).end()
    }

    /// The same without a name for the request, if what it wants never changes.
    pub(super) fn repeated_line(&self) -> String {
        if self.wish == Wish::Fixed { self.line() } else { self.wish().end() }
    }
}

fn client_update(client_id: &str, status: &str, at: i64) -> String {
    command("client.update")
        .text("id", client_id)
        .text("status", status)
        .moment("occurred_at", at)
        .text("request_id", &format!("{status}-{client_id}-{at}"))
        .end()
}

/// A deposit's id.
pub(super) fn deposit_id(number: u64) -> String {
    format!("deposit-{number:05}")
}

impl Simulator {
    /// An LP brings fiat, and comes again in a few days.
    pub(super) fn deposit(&mut self, lp: usize) {
        let random = &mut self.random;
        let Some(who) = self.lps.get(lp) else { return };
        let Some(enrolment) = who.enrolments.get(random.place(who.enrolments.len())) else {
            return;
        };
        let Some(station) = self.stations.get(enrolment.station) else { return };
        if self.shadow.deposited(&enrolment.client_id) > DEPOSITED_MAX {
            return;
        }
        self.counts.deposits += 1;
        let number = self.counts.deposits;
        let said = SaidDeposit {
            number,
            client_id: enrolment.client_id.clone(),
            amount: station.cash.deposit * random.between(1, 4),
            creator: station.operator.clone(),
            currency: random.chance(500).then_some(station.till.fiat_code),
            notes: random.chance(150).then_some("Counted twice, at the machine."),
            at: self.now,
        };
        let (line, confirmed) = (said.line(), random.chance(900));
        let (wait, again) = (random.between(3_600, 18 * 3_600), random.between(3, 6));
        self.memory.deposit = Some(said);
        self.accepted(line);
        self.later(wait, Task::DepositEnd { number, confirmed });
        self.later(again * DAY + wait, Task::Deposit(lp));
    }

    /// The operator has counted a deposit.
    pub(super) fn deposit_end(&mut self, number: u64, confirmed: bool) {
        let said = SaidEnd { number, confirmed, at: self.now };
        let line = said.line();
        self.memory.deposit_end = Some(said);
        self.accepted(line);
    }

    /// An LP in fixed mode that takes part is paused at once, and goes over to flow in two days.
    pub(super) fn pause_fixed(&mut self, client_ids: &[String]) {
        for client_id in client_ids {
            let Some(lp) = self.enrolled.get(client_id).copied() else { continue };
            let Some(who) = self.lps.get_mut(lp) else { continue };
            let Some(only) = who.enrolments.first_mut() else { continue };
            if who.wish == Wish::Fixed && !who.left_fixed && !only.paused {
                only.paused = true;
                let line = client_update(client_id, "paused", self.now);
                self.accepted(line);
                self.later(2 * DAY, Task::Flow(lp));
            }
        }
    }

    pub(super) fn flow(&mut self, lp: usize) {
        let Some(who) = self.lps.get_mut(lp) else { return };
        who.left_fixed = true;
        let line = who.line();
        self.accepted(line);
        self.unpause(lp, 0);
    }

    /// Once a week, fees, rules and enrolments change.
    pub(super) fn office(&mut self, week: u64) {
        self.platform_cash_out = if week.is_multiple_of(2) { 125 } else { 150 };
        let line = command("config.set")
            .text("super_cash_out_fee_fraction", &fraction(self.platform_cash_out).to_string())
            .moment("occurred_at", self.now)
            .text("request_id", &format!("config-{}", week + 1))
            .end();
        self.accepted(line);
        self.change_a_machine(week);
        self.pause_somebody();
        self.later(7 * DAY, Task::Office(week + 1));
    }

    fn change_a_machine(&mut self, week: u64) {
        let number = self.random.place(self.stations.len());
        let Some(station) = self.stations.get_mut(number) else { return };
        station.operator_cash_out = if station.operator_cash_out == 550 { 500 } else { 550 };
        let fee = fraction(station.operator_cash_out).to_string();
        let update = command("machine.update")
            .text("id", station.id())
            .text("operator_cash_out_fee_fraction", &fee)
            .moment("occurred_at", self.now)
            .text("request_id", &format!("fee-{}-{week}", station.id()))
            .end();
        let splits = splits_line(&places::operator(0), week + 1);
        self.accepted(update);
        self.accepted(splits);
    }

    /// An operator pauses an LP for two days.
    fn pause_somebody(&mut self) {
        let lp = self.random.place(self.lps.len());
        let Some(who) = self.lps.get_mut(lp) else { return };
        let enrolment = self.random.place(who.enrolments.len());
        let Some(place) = who.enrolments.get_mut(enrolment) else { return };
        if who.wish == Wish::Fixed || place.paused {
            return;
        }
        place.paused = true;
        let line = client_update(&place.client_id, "paused", self.now);
        self.accepted(line);
        self.later(2 * DAY, Task::Unpause { lp, enrolment });
    }

    pub(super) fn unpause(&mut self, lp: usize, enrolment: usize) {
        let place = self.lps.get_mut(lp).and_then(|who| who.enrolments.get_mut(enrolment));
        let Some(place) = place else { return };
        place.paused = false;
        let line = client_update(&place.client_id, "active", self.now);
        self.accepted(line);
    }
}
