//! The state that every decision needs at hand. It grows with the fleet, not with the history.

use std::collections::{BTreeMap, BTreeSet};

use bincode::{BorrowDecode, Encode};
use spireledger_schema::Entry;
use spireledger_schema::event::{
    self, Event, GivenBack, Leg, LegEnded, MachineChanged, MachinePaired, MachineRegistered,
};
use spireledger_schema::identity::PublicKey;
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::text::{ClientId, MachineId, UserId, WalletId};
use spireledger_schema::time::{Timestamp, UtcOffset};
use spireledger_schema::words::{ClientStatus, DcaMode, LegType};

use crate::ApplyError;
use crate::imported::{ImportedRow, RowKey};
use crate::numbers::Numbers;
use crate::rows::{Bays, Beacon, Client, Config, Lp, Machine, Rules, Telemetry};

/// Configuration, machines, rules, LPs, clients with their balances, and the newest reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Fleet {
    pub(crate) config: Config,
    /// When the days of operators begin that have said so.
    pub(crate) offsets: BTreeMap<UserId, UtcOffset>,
    pub(crate) machines: BTreeMap<MachineId, Machine>,
    pub(crate) wallets: BTreeMap<WalletId, MachineId>,
    pub(crate) npubs: BTreeMap<PublicKey, MachineId>,
    pub(crate) rules: BTreeMap<(UserId, Option<MachineId>), Rules>,
    pub(crate) lps: BTreeMap<UserId, Lp>,
    pub(crate) clients: BTreeMap<ClientId, Client>,
    pub(crate) enrolled: BTreeMap<MachineId, BTreeSet<(UserId, ClientId)>>,
    pub(crate) enrolments: BTreeMap<UserId, BTreeSet<ClientId>>,
    pub(crate) beacons: BTreeMap<MachineId, Beacon>,
    pub(crate) telemetry: BTreeMap<MachineId, Telemetry>,
    pub(crate) bays: BTreeMap<MachineId, Bays>,
    /// Which numbers machines gave their claims.
    pub(crate) numbers: BTreeMap<MachineId, Numbers>,
    /// Rows that were brought in, but for those of deposits, settlements and legs.
    pub(crate) imported: BTreeMap<RowKey, ImportedRow>,
}

impl Fleet {
    /// What holds for the whole instance.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// When the day of an operator begins: in UTC unless it said otherwise.
    pub fn utc_offset(&self, operator: &UserId) -> UtcOffset {
        self.offsets.get(operator).copied().unwrap_or_default()
    }

    /// Whether an operator has said when its day begins.
    pub fn has_utc_offset(&self, operator: &UserId) -> bool {
        self.offsets.contains_key(operator)
    }

    /// The day of a moment at a machine: its operator's, or UTC's where there is no such machine.
    pub fn day_at(&self, machine: &MachineId, at: Timestamp) -> i64 {
        let operator = self.machine(machine).map(|machine| &machine.operator_user_id);
        at.day(operator.map_or(UtcOffset::default(), |operator| self.utc_offset(operator)))
    }

    /// One machine.
    pub fn machine(&self, id: &MachineId) -> Option<&Machine> {
        self.machines.get(id)
    }

    /// All machines, by id.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values()
    }

    /// The machine that has this wallet.
    pub fn machine_with_wallet(&self, wallet: &WalletId) -> Option<&MachineId> {
        self.wallets.get(wallet)
    }

    /// The machine that has this public key.
    pub fn machine_with_npub(&self, npub: &PublicKey) -> Option<&MachineId> {
        self.npubs.get(npub)
    }

    /// One rule set, exactly as asked.
    pub fn rules(&self, operator: &UserId, machine: Option<&MachineId>) -> Option<&Rules> {
        self.rules.get(&(operator.clone(), machine.cloned()))
    }

    /// All rule sets.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rules> {
        self.rules.values()
    }

    /// The rules by which an operator splits what a machine earns: for that machine, or else for all.
    pub fn rules_at(&self, operator: &UserId, machine: &MachineId) -> Option<&Rules> {
        self.rules(operator, Some(machine)).or_else(|| self.rules(operator, None))
    }

    /// One LP.
    pub fn lp(&self, user: &UserId) -> Option<&Lp> {
        self.lps.get(user)
    }

    /// All LPs, by user.
    pub fn lps(&self) -> impl Iterator<Item = &Lp> {
        self.lps.values()
    }

    /// One enrolment.
    pub fn client(&self, id: &ClientId) -> Option<&Client> {
        self.clients.get(id)
    }

    /// All enrolments, by id.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.values()
    }

    /// The enrolments at a machine, by user.
    pub fn clients_at(&self, machine: &MachineId) -> impl Iterator<Item = &Client> {
        let ids = self.enrolled.get(machine).into_iter().flatten();
        ids.filter_map(|(_, id)| self.clients.get(id))
    }

    /// The enrolments of an LP, at all machines.
    pub fn clients_of(&self, user: &UserId) -> impl Iterator<Item = &Client> {
        let ids = self.enrolments.get(user).into_iter().flatten();
        ids.filter_map(|id| self.clients.get(id))
    }

    /// The newest beacon of a machine.
    pub fn beacon(&self, machine: &MachineId) -> Option<&Beacon> {
        self.beacons.get(machine)
    }

    /// The newest telemetry of a machine.
    pub fn telemetry(&self, machine: &MachineId) -> Option<&Telemetry> {
        self.telemetry.get(machine)
    }

    /// The bays of a machine.
    pub fn bays(&self, machine: &MachineId) -> Option<&Bays> {
        self.bays.get(machine)
    }

    /// The numbers of the claims of each machine that counts them.
    pub fn numbers(&self) -> impl Iterator<Item = (&MachineId, &Numbers)> {
        self.numbers.iter()
    }

    /// Folds one entry in. Deterministic; on an error the history is not one that was decided.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        let before = self.facts_before(&entry.event);
        self.apply_event(entry)?;
        self.supersede(before);
        Ok(())
    }

    fn apply_event(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        let at = entry.circumstances.recorded_at;
        let seq = entry.front.seq;
        match &entry.event {
            Event::ConfigChanged(e) => self.config_changed(e, at),
            Event::OperatorChanged(e) => {
                self.offsets.insert(e.operator_user_id.clone(), e.utc_offset);
            }
            Event::MachineRegistered(e) => self.machine_registered(e, at),
            Event::MachineChanged(e) => self.machine_changed(e, at, seq)?,
            Event::MachinePaired(e) => self.machine_paired(e, at, seq)?,
            Event::SplitsReplaced(e) => self.splits_replaced(e, at, seq),
            Event::LpChanged(e) => self.lp_changed(e, at),
            Event::ClientEnrolled(e) => self.client_enrolled(e, at),
            Event::ClientChanged(e) => self.client_changed(e, at, seq)?,
            Event::DepositRecorded(e) => self.deposit_recorded(e, seq)?,
            Event::DepositConfirmed(e) => {
                self.client_mut(&e.client_id, seq)?.deposit_confirmed(e.amount, seq)?;
            }
            Event::DepositRejected(e) => {
                self.client_mut(&e.client_id, seq)?.deposit_rejected(e.amount, seq)?;
            }
            Event::SettlementClaimed(e) => self.settlement_claimed(e, seq)?,
            Event::SettlementBegun(e) => self.legs_planned(&e.legs, seq)?,
            Event::SettlementAdjusted(e) => {
                self.given_back(&e.given_back, seq)?;
                self.legs_planned(&e.legs, seq)?;
            }
            Event::SettlementVoided(e) => self.given_back(&e.given_back, seq)?,
            Event::LegEnded(e) => self.leg_ended(e, at, seq)?,
            Event::BeaconReported(e) => self.beacon_reported(e, at),
            Event::TelemetryReported(e) => self.telemetry_reported(e, at),
            Event::CassettesSet(e) => self.cassettes_set(e, at),
            Event::CassettesReported(e) => self.cassettes_reported(e, at),
            Event::RowImported(e) => self.row_imported(e, at, seq)?,
            Event::RulesImported(e) => self.rules_imported(e, at, seq),
            Event::ImportPiece(e) => crate::whole(e, seq)?,
            // Added legs are never dca legs; the others change no balance.
            Event::LegAdded(_)
            | Event::LegIntended(_)
            | Event::SettlementReleased(_)
            | Event::SettlementNoted(_)
            | Event::SettlementFinished(_)
            | Event::SettlementFailed(_)
            | Event::ClaimRefused(_) => {}
        }
        Ok(())
    }

    fn config_changed(&mut self, e: &event::ConfigChanged, at: Timestamp) {
        let config = &mut self.config;
        set(&mut config.super_cash_in_fee_fraction, e.super_cash_in_fee_fraction.as_ref());
        set(&mut config.super_cash_out_fee_fraction, e.super_cash_out_fee_fraction.as_ref());
        config.super_fee_wallet_id = e.super_fee_wallet_id.apply(config.super_fee_wallet_id.take());
        config.max_cash_in_sats = e.max_cash_in_sats.apply(config.max_cash_in_sats);
        config.updated_at = Some(at);
    }

    fn machine_registered(&mut self, e: &MachineRegistered, at: Timestamp) {
        self.wallets.insert(e.wallet_id.clone(), e.id.clone());
        if let Some(npub) = e.machine_npub {
            self.npubs.insert(npub, e.id.clone());
        }
        self.machines.insert(
            e.id.clone(),
            Machine {
                id: e.id.clone(),
                operator_user_id: e.operator_user_id.clone(),
                machine_npub: e.machine_npub,
                wallet_id: e.wallet_id.clone(),
                name: e.name.clone(),
                location: e.location.clone(),
                fiat_code: e.fiat_code,
                is_active: true,
                operator_cash_in_fee_fraction: e.operator_cash_in_fee_fraction.unwrap_or_default(),
                operator_cash_out_fee_fraction: e
                    .operator_cash_out_fee_fraction
                    .unwrap_or_default(),
                bunker_spire_key_name: None,
                paired_at: None,
                created_at: at,
                updated_at: at,
                settlements: 0,
                deposits: 0,
            },
        );
    }

    fn machine_changed(
        &mut self,
        e: &MachineChanged,
        at: Timestamp,
        seq: u64,
    ) -> Result<(), ApplyError> {
        let machine = self.machine_mut(&e.id, seq)?;
        set(&mut machine.operator_user_id, e.operator_user_id.as_ref());
        set(&mut machine.fiat_code, e.fiat_code.as_ref());
        set(&mut machine.is_active, e.is_active.as_ref());
        set(&mut machine.operator_cash_in_fee_fraction, e.operator_cash_in_fee_fraction.as_ref());
        set(&mut machine.operator_cash_out_fee_fraction, e.operator_cash_out_fee_fraction.as_ref());
        machine.name = e.name.apply(machine.name.take());
        machine.location = e.location.apply(machine.location.take());
        machine.updated_at = at;
        let old_wallet = machine.wallet_id.clone();
        set(&mut machine.wallet_id, e.wallet_id.as_ref());
        let new_wallet = machine.wallet_id.clone();
        let old_npub = machine.machine_npub;
        machine.machine_npub = e.machine_npub.apply(old_npub);
        let new_npub = machine.machine_npub;
        self.wallets.remove(&old_wallet);
        self.wallets.insert(new_wallet, e.id.clone());
        self.npub_moved(&e.id, old_npub, new_npub);
        Ok(())
    }

    fn machine_paired(
        &mut self,
        e: &MachinePaired,
        at: Timestamp,
        seq: u64,
    ) -> Result<(), ApplyError> {
        let machine = self.machine_mut(&e.id, seq)?;
        let old = machine.machine_npub.replace(e.machine_npub);
        machine.bunker_spire_key_name = Some(e.bunker_spire_key_name.clone());
        machine.paired_at = Some(e.paired_at);
        machine.updated_at = at;
        self.npub_moved(&e.id, old, Some(e.machine_npub));
        Ok(())
    }

    fn npub_moved(&mut self, id: &MachineId, old: Option<PublicKey>, new: Option<PublicKey>) {
        if let Some(old) = old {
            self.npubs.remove(&old);
        }
        if let Some(new) = new {
            self.npubs.insert(new, id.clone());
        }
    }

    fn splits_replaced(&mut self, e: &event::SplitsReplaced, at: Timestamp, seq: u64) {
        let rules = Rules {
            operator_user_id: e.operator_user_id.clone(),
            machine_id: e.machine_id.clone(),
            splits: e.splits.clone(),
            created_at: at,
            seq,
            imported: Vec::new(),
        };
        self.rules.insert((e.operator_user_id.clone(), e.machine_id.clone()), rules);
    }

    fn lp_changed(&mut self, e: &event::LpChanged, at: Timestamp) {
        let lp = self.lps.entry(e.user_id.clone()).or_insert_with(|| Lp {
            user_id: e.user_id.clone(),
            dca_wallet_id: e.dca_wallet_id.clone(),
            default_dca_mode: DcaMode::Flow,
            fixed_mode_daily_limit: None,
            autoforward_ln_address: None,
            autoforward_enabled: false,
            created_at: at,
            updated_at: at,
        });
        lp.dca_wallet_id = e.dca_wallet_id.clone();
        set(&mut lp.default_dca_mode, e.default_dca_mode.as_ref());
        lp.fixed_mode_daily_limit = e.fixed_mode_daily_limit.apply(lp.fixed_mode_daily_limit);
        lp.autoforward_ln_address =
            e.autoforward_ln_address.apply(lp.autoforward_ln_address.take());
        set(&mut lp.autoforward_enabled, e.autoforward_enabled.as_ref());
        lp.updated_at = at;
    }

    fn client_enrolled(&mut self, e: &event::ClientEnrolled, at: Timestamp) {
        let at_machine = self.enrolled.entry(e.machine_id.clone()).or_default();
        at_machine.insert((e.user_id.clone(), e.id.clone()));
        self.enrolments.entry(e.user_id.clone()).or_default().insert(e.id.clone());
        self.clients.insert(
            e.id.clone(),
            Client {
                id: e.id.clone(),
                machine_id: e.machine_id.clone(),
                user_id: e.user_id.clone(),
                username: e.username.clone(),
                status: ClientStatus::Active,
                created_at: at,
                updated_at: at,
                confirmed_fiat: Fiat::ZERO,
                unconfirmed_fiat: Fiat::ZERO,
                paid_fiat: Fiat::ZERO,
                pending_fiat: Fiat::ZERO,
                paid_sats: Sats::ZERO,
                pending_sats: Sats::ZERO,
                day: 0,
                day_fiat: Fiat::ZERO,
            },
        );
    }

    fn client_changed(
        &mut self,
        e: &event::ClientChanged,
        at: Timestamp,
        seq: u64,
    ) -> Result<(), ApplyError> {
        let client = self.client_mut(&e.id, seq)?;
        client.username = e.username.apply(client.username.take());
        set(&mut client.status, e.status.as_ref());
        client.updated_at = at;
        Ok(())
    }

    fn deposit_recorded(&mut self, e: &event::DepositRecorded, seq: u64) -> Result<(), ApplyError> {
        self.machine_mut(&e.machine_id, seq)?.deposits += 1;
        self.client_mut(&e.client_id, seq)?.deposit_recorded(e.amount, seq)
    }

    fn settlement_claimed(
        &mut self,
        e: &event::SettlementClaimed,
        seq: u64,
    ) -> Result<(), ApplyError> {
        self.machine_mut(&e.machine_id, seq)?.settlements += 1;
        // Entries older than the rule against it may say 0, which is no number.
        if let Some(number) = e.machine_seq.filter(|number| *number > 0) {
            self.numbers.entry(e.machine_id.clone()).or_default().take(number);
        }
        Ok(())
    }

    fn legs_planned(&mut self, legs: &[Leg], seq: u64) -> Result<(), ApplyError> {
        for leg in legs {
            if let (LegType::Dca, Some(id)) = (leg.leg_type, &leg.client_id) {
                self.client_mut(id, seq)?.leg_planned(leg, seq)?;
            }
        }
        Ok(())
    }

    fn given_back(&mut self, all: &[GivenBack], seq: u64) -> Result<(), ApplyError> {
        all.iter().try_for_each(|back| self.client_mut(&back.client_id, seq)?.given_back(back, seq))
    }

    fn leg_ended(&mut self, e: &LegEnded, at: Timestamp, seq: u64) -> Result<(), ApplyError> {
        match (e.leg_type, &e.client_id) {
            (LegType::Dca, Some(id)) => {
                let machine = self.client_mut(id, seq)?.machine_id.clone();
                let day = self.day_at(&machine, at);
                self.client_mut(id, seq)?.leg_ended(e, day, seq)
            }
            _ => Ok(()),
        }
    }

    // A report from the future counts as of now: else a wrong clock would silence all that follow.
    fn beacon_reported(&mut self, e: &event::BeaconReported, at: Timestamp) {
        let counted_at = e.received_at.min(at);
        let newest = self.beacons.get(&e.machine_id);
        if newest.is_none_or(|newest| newest.counted_at <= counted_at) {
            let row = Beacon { report: e.clone(), counted_at };
            self.beacons.insert(e.machine_id.clone(), row);
        }
    }

    fn telemetry_reported(&mut self, e: &event::TelemetryReported, at: Timestamp) {
        let counted_at = e.received_at.min(at);
        let newest = self.telemetry.get(&e.machine_id);
        if newest.is_none_or(|newest| newest.counted_at <= counted_at) {
            let (telemetry, received_at) = (e.telemetry.clone(), e.received_at);
            let row = Telemetry { telemetry, received_at, counted_at };
            self.telemetry.insert(e.machine_id.clone(), row);
        }
    }

    fn cassettes_set(&mut self, e: &event::CassettesSet, at: Timestamp) {
        let bays = self.bays.entry(e.machine_id.clone()).or_default();
        bays.believed.clone_from(&e.positions);
        bays.updated_by.clone_from(&e.updated_by);
        bays.updated_at = Some(at);
    }

    fn cassettes_reported(&mut self, e: &event::CassettesReported, at: Timestamp) {
        let bays = self.bays.entry(e.machine_id.clone()).or_default();
        let state_at = e.state_at.unwrap_or(at);
        let counted_at = state_at.min(at);
        if bays.counted_at.is_none_or(|newest| newest <= counted_at) {
            bays.reported.clone_from(&e.positions);
            bays.state_event_id.clone_from(&e.state_event_id);
            bays.state_at = Some(state_at);
            bays.counted_at = Some(counted_at);
        }
    }

    pub(crate) fn machine_mut(
        &mut self,
        id: &MachineId,
        seq: u64,
    ) -> Result<&mut Machine, ApplyError> {
        let unknown = || ApplyError::Unknown { seq, what: format!("machine {id}") };
        self.machines.get_mut(id).ok_or_else(unknown)
    }

    pub(crate) fn client_mut(
        &mut self,
        id: &ClientId,
        seq: u64,
    ) -> Result<&mut Client, ApplyError> {
        let unknown = || ApplyError::Unknown { seq, what: format!("client {id}") };
        self.clients.get_mut(id).ok_or_else(unknown)
    }
}

fn set<T: Clone>(place: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        place.clone_from(new);
    }
}
