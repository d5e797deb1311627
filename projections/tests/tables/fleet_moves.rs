//! Moves of the instance, machines, people and bays, as events.

use std::collections::BTreeMap;

use spireledger_schema::event::*;
use spireledger_schema::identity::PublicKey;
use spireledger_schema::json::{FromJson, Patch, RawJson};
use spireledger_schema::money::{Fiat, Fraction, Sats};
use spireledger_schema::parts::{Bay, Label, Line, Split, Target};
use spireledger_schema::personal::Personal;
use spireledger_schema::streams;
use spireledger_schema::text::{ClientId, Currency, MachineId, Text, UserId, WalletId};
use spireledger_schema::words::{ClientStatus, DcaMode};

use super::moves::Move;
use super::world::World;

pub fn fraction(parts: u16) -> Fraction {
    Fraction::from_ten_thousandths(parts).unwrap()
}

pub fn user(number: u8) -> UserId {
    UserId::parse(&format!("user-{number}")).unwrap()
}

pub fn wallet(name: &str, number: u8) -> WalletId {
    WalletId::parse(&format!("{name}-{number}")).unwrap()
}

pub fn currency(number: u8) -> Currency {
    Currency::parse(["GTQ", "EUR", "USD"][usize::from(number) % 3]).unwrap()
}

pub fn text(number: u8) -> Personal {
    match number % 8 {
        0 => Personal::Erased,
        1 => Personal::Sealed { key_id: [1; 16], nonce: [2; 24], sealed: vec![3; 20] },
        2 => Personal::Plain(Text::new("it's \"quoted\"; NULL,\n0042")),
        _ => Personal::Plain(Text::new(&format!("text {number}"))),
    }
}

fn line(number: u8) -> Line {
    Line::parse(&format!("line {number}")).unwrap()
}

fn fiat(minor: u32) -> Fiat {
    Fiat::from_minor(i64::from(minor)).unwrap()
}

pub fn map<T, U>(patch: &Patch<T>, f: impl Fn(&T) -> U) -> Patch<U> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => Patch::Set(f(value)),
    }
}

fn bays(list: &[(u8, u16)]) -> BTreeMap<u32, Bay> {
    let bay = |(denomination, count): &(u8, u16)| Bay {
        denomination: [20, 50, 100][usize::from(*denomination) % 3],
        count: u32::from(*count),
    };
    (1..).zip(list.iter().map(bay)).collect()
}

impl World {
    /// Takes one move.
    pub fn take(&mut self, happening: &Move) {
        match happening {
            Move::Config { cash_in, cash_out, wallet, cap } => {
                self.config(*cash_in, *cash_out, wallet, cap);
            }
            Move::Register { machine, operator, paired, currency, fees } => {
                self.register(*machine, *operator, *paired, *currency, *fees);
            }
            Move::Change { machine, operator, npub, name, active } => {
                self.change(*machine, *operator, npub, name, *active);
            }
            Move::Reprice { machine, currency, fees } => self.reprice(*machine, *currency, *fees),
            Move::Pair { machine } => self.pair(*machine),
            Move::Splits { operator, machine, rules } => self.splits(*operator, *machine, rules),
            Move::Lp { user, wallet, fixed, limit, forward } => {
                self.lp(*user, *wallet, *fixed, limit, forward);
            }
            Move::Enroll { machine, user, username } => self.enroll(*machine, *user, *username),
            Move::Client { client, username, status } => self.client(*client, username, *status),
            Move::Beacon { machine, said } => self.beacon(*machine, *said),
            Move::Telemetry { machine, said } => self.telemetry(*machine, *said),
            Move::Believe { machine, bays, by } => self.believe(*machine, bays, *by),
            Move::Report { machine, bays } => self.report(*machine, bays),
            money => self.take_money(money),
        }
    }

    fn config(
        &mut self,
        cash_in: Option<u16>,
        cash_out: Option<u16>,
        to: &Patch<u8>,
        cap: &Patch<u32>,
    ) {
        // Before version 9 there is one fraction for both directions.
        let cash_in = if self.before(9) { cash_out } else { cash_in };
        let cap = map(cap, |sats| Sats::new(u64::from(*sats)).unwrap());
        let event = ConfigChanged {
            super_cash_in_fee_fraction: cash_in.map(fraction),
            super_cash_out_fee_fraction: cash_out.map(fraction),
            super_fee_wallet_id: map(to, |number| wallet("platform", *number)),
            max_cash_in_sats: if self.before(12) { Patch::Keep } else { cap },
        };
        self.record(streams::config(), Event::ConfigChanged(event));
    }

    fn fees(&self, (cash_in, cash_out): (u16, u16)) -> (Option<Fraction>, Option<Fraction>) {
        if self.before(9) {
            return (None, None);
        }
        (Some(fraction(cash_in)), Some(fraction(cash_out)))
    }

    fn register(&mut self, number: u8, operator: u8, paired: bool, code: u8, fees: (u16, u16)) {
        if self.machine(number).is_some() {
            return;
        }
        let id = MachineId::parse(&format!("machine-{number}")).unwrap();
        let paired = paired || self.before(11);
        let (cash_in, cash_out) = self.fees(fees);
        let event = MachineRegistered {
            id: id.clone(),
            operator_user_id: user(operator),
            wallet_id: wallet("machine", number),
            fiat_code: currency(code),
            machine_npub: paired.then(|| PublicKey::from_bytes([number + 1; 32])),
            name: (code % 2 == 0).then(|| line(code)),
            location: (code % 5 == 0).then(|| text(code)),
            operator_cash_in_fee_fraction: cash_in,
            operator_cash_out_fee_fraction: cash_out,
        };
        self.record(streams::machine(&id), Event::MachineRegistered(event));
    }

    fn change(
        &mut self,
        number: u8,
        operator: Option<u8>,
        npub: &Patch<()>,
        name: &Patch<u8>,
        active: bool,
    ) {
        let Some(id) = self.machine(number) else { return };
        let npub = if self.before(11) { &Patch::Keep } else { npub };
        let event = MachineChanged {
            id: id.clone(),
            operator_user_id: operator.map(user),
            wallet_id: operator.map(|operator| wallet("machine", number + 10 * (operator + 1))),
            fiat_code: None,
            machine_npub: map(npub, |()| PublicKey::from_bytes([number + 1; 32])),
            name: map(name, |number| line(*number)),
            location: map(name, |number| text(*number)),
            operator_cash_in_fee_fraction: None,
            operator_cash_out_fee_fraction: None,
            is_active: Some(active),
        };
        self.record(streams::machine(&id), Event::MachineChanged(event));
    }

    fn reprice(&mut self, number: u8, code: u8, fees: (u16, u16)) {
        let Some(id) = self.machine(number) else { return };
        let (cash_in, cash_out) = self.fees(fees);
        let event = MachineChanged {
            id: id.clone(),
            operator_user_id: None,
            wallet_id: None,
            fiat_code: Some(currency(code)),
            machine_npub: Patch::Keep,
            name: Patch::Keep,
            location: Patch::Keep,
            operator_cash_in_fee_fraction: cash_in,
            operator_cash_out_fee_fraction: cash_out,
            is_active: None,
        };
        self.record(streams::machine(&id), Event::MachineChanged(event));
    }

    fn pair(&mut self, number: u8) {
        let Some(id) = self.machine(number) else { return };
        if self.before(10) {
            return;
        }
        let event = MachinePaired {
            id: id.clone(),
            machine_npub: PublicKey::from_bytes([number + 1; 32]),
            bunker_spire_key_name: line(number),
            paired_at: self.now(),
        };
        self.record(streams::machine(&id), Event::MachinePaired(event));
    }

    fn splits(&mut self, operator: u8, machine: Option<u8>, rules: &[(u8, u16, Option<u32>)]) {
        let machine_id = machine.and_then(|number| self.machine(number));
        let split = |(name, share, order): &(u8, u16, Option<u32>)| Split {
            target: Target::from(text(*name)),
            label: (name % 2 == 0).then(|| Label::from(text(*name / 2))),
            fraction: fraction(*share),
            sort_order: *order,
        };
        let operator_user_id = user(operator);
        let key = streams::splits(&operator_user_id, machine_id.as_ref());
        let splits = rules.iter().map(split).collect();
        let event = SplitsReplaced { operator_user_id, machine_id, splits };
        self.record(key, Event::SplitsReplaced(event));
    }

    fn lp(
        &mut self,
        number: u8,
        to: u8,
        fixed: Option<bool>,
        limit: &Patch<u32>,
        forward: &Patch<u8>,
    ) {
        let user_id = user(number);
        if self.before(4) {
            // Before version 4 an LP is known by its enrolments: one of them changes with it.
            let Some(id) = self.fleet.clients_of(&user_id).map(|c| c.id.clone()).next() else {
                return;
            };
            self.touch(&id);
        }
        let event = LpChanged {
            user_id: user_id.clone(),
            dca_wallet_id: wallet("lp", to),
            default_dca_mode: fixed.map(|fixed| if fixed { DcaMode::Fixed } else { DcaMode::Flow }),
            fixed_mode_daily_limit: map(limit, |minor| fiat(*minor)),
            autoforward_ln_address: map(forward, |number| text(*number)),
            autoforward_enabled: fixed,
        };
        self.record(streams::lp(&user_id), Event::LpChanged(event));
    }

    fn enroll(&mut self, at: u8, number: u8, username: Option<u8>) {
        let user_id = user(number);
        let mut machines = vec![at];
        if self.before(4) {
            if self.fleet.clients_of(&user_id).next().is_some() {
                return;
            }
            // All of an LP's enrolments come with it, at one moment.
            machines.push(at + 1);
            machines.retain(|number| self.machine(*number).is_some());
        }
        let mut enrolled = false;
        for at in machines {
            let Some(machine_id) = self.machine(at) else { continue };
            let id = ClientId::parse(&format!("client-{at}-{number}")).unwrap();
            if self.fleet.client(&id).is_some() {
                continue;
            }
            let event = ClientEnrolled {
                id: id.clone(),
                machine_id,
                user_id: user_id.clone(),
                username: username.map(text),
            };
            self.record(streams::client(&id), Event::ClientEnrolled(event));
            enrolled = true;
        }
        if enrolled && self.before(4) {
            self.arrive(number);
        }
    }

    /// An LP that comes, or stays as it is.
    fn arrive(&mut self, number: u8) {
        let user_id = user(number);
        let to = self.fleet.lp(&user_id).map(|lp| lp.dca_wallet_id.clone());
        let event = LpChanged {
            user_id: user_id.clone(),
            dca_wallet_id: to.unwrap_or_else(|| wallet("lp", number)),
            default_dca_mode: None,
            fixed_mode_daily_limit: Patch::Keep,
            autoforward_ln_address: Patch::Keep,
            autoforward_enabled: None,
        };
        self.record(streams::lp(&user_id), Event::LpChanged(event));
    }

    fn touch(&mut self, id: &ClientId) {
        let event = ClientChanged { id: id.clone(), username: Patch::Keep, status: None };
        self.record(streams::client(id), Event::ClientChanged(event));
    }

    /// The client of a number, if there are any.
    pub fn nth_client(&self, number: u8) -> Option<spireledger_projections::Client> {
        let count = self.fleet.clients().count();
        self.fleet.clients().nth(usize::from(number).checked_rem(count)?).cloned()
    }

    fn client(&mut self, number: u8, username: &Patch<u8>, status: u8) {
        let Some(client) = self.nth_client(number) else { return };
        let status = ClientStatus::ALL[usize::from(status) % ClientStatus::ALL.len()];
        let event = ClientChanged {
            id: client.id.clone(),
            username: map(username, |number| text(*number)),
            status: Some(status),
        };
        self.record(streams::client(&client.id), Event::ClientChanged(event));
        if self.before(4) {
            let number = client.user_id.as_str().trim_start_matches("user-").parse().unwrap();
            self.arrive(number);
        }
    }

    fn beacon(&mut self, number: u8, said: u8) {
        let Some(machine_id) = self.machine(number) else { return };
        let json = |bit: u8| (said & bit != 0).then(|| raw(&format!("{{\"n\":[{said},0.10]}}")));
        let event = BeaconReported {
            machine_id: machine_id.clone(),
            cash_in: (said & 1 != 0).then_some(said & 2 != 0),
            cash_out: (said & 2 != 0).then_some(said & 1 != 0),
            cash_level: (said & 4 != 0).then(|| line(said)),
            fiat: (said & 8 != 0).then(|| line(said / 2)),
            model: (said & 16 != 0).then(|| line(said / 3)),
            name: (said & 32 != 0).then(|| line(said / 4)),
            location: (said & 64 != 0).then(|| text(said)),
            geo: (said & 128 != 0).then(|| text(said / 2)),
            fees_json: json(1),
            limits_json: json(4),
            denominations_json: json(16),
            version: (said & 8 != 0).then(|| line(said / 5)),
            received_at: self.now(),
        };
        let key = streams::beacon(&machine_id, event.received_at);
        self.record(key, Event::BeaconReported(event));
    }

    fn telemetry(&mut self, number: u8, said: u8) {
        let Some(machine_id) = self.machine(number) else { return };
        let telemetry = raw(&format!("{{\"temperature\":{said}}}"));
        let event = TelemetryReported { machine_id, telemetry, received_at: self.now() };
        let key = streams::telemetry(&event.machine_id, event.received_at);
        self.record(key, Event::TelemetryReported(event));
    }

    fn believe(&mut self, number: u8, list: &[(u8, u16)], by: Option<u8>) {
        let Some(machine_id) = self.machine(number) else { return };
        if self.before(7) {
            return;
        }
        let list = self.holdable(list);
        let event = CassettesSet {
            machine_id: machine_id.clone(),
            positions: bays(&list),
            updated_by: by.map(user),
        };
        self.record(streams::cassettes(&machine_id), Event::CassettesSet(event));
        if self.before(8) {
            // The machine names the denominations: there is no belief beside its report.
            let counted: Vec<_> = list.iter().map(|(bills, count)| (*bills, count / 2)).collect();
            self.reported(machine_id, &counted);
        }
    }

    fn report(&mut self, number: u8, list: &[(u8, u16)]) {
        let Some(machine_id) = self.machine(number) else { return };
        if !self.before(8) {
            self.reported(machine_id, list);
        }
    }

    fn reported(&mut self, machine_id: MachineId, list: &[(u8, u16)]) {
        let event = CassettesReported {
            machine_id: machine_id.clone(),
            positions: bays(list),
            state_at: (list.len() % 2 == 0).then(|| self.now()),
            state_event_id: list.first().map(|(_, count)| line(count.to_le_bytes()[0])),
        };
        let key = streams::cassettes_state(&machine_id, event.state_at);
        self.record(key, Event::CassettesReported(event));
    }

    /// Bays that the tables can hold: before version 8 no two with the same bills.
    fn holdable(&self, list: &[(u8, u16)]) -> Vec<(u8, u16)> {
        let mut held: Vec<(u8, u16)> = Vec::new();
        for bay in list {
            if !self.before(8) || held.iter().all(|(bills, _)| bills != &bay.0) {
                held.push(*bay);
            }
        }
        held
    }
}

fn raw(json: &str) -> RawJson {
    RawJson::from_json(serde_json::from_str(json).unwrap()).unwrap()
}
