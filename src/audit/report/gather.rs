//! Reading the log, once, from front to back.

use std::collections::BTreeMap;

use serde_json::Value;
use spireledger_projections::books::{Account, Before, Posting, Transaction, Unit};
use spireledger_projections::touched::has_rows;
use spireledger_projections::{Client, Fleet, Life};
use spireledger_schema::event::{ClaimRefused, RowImported};
use spireledger_schema::text::{ClientId, MachineId};
use spireledger_schema::{Entry, Event};

use super::facts::{
    Asked, Cited, Facts, Figure, Held, Irregular, Item, Listed, LpFacts, MachineFacts, Mismatch,
    Refused, Values,
};
use super::measures::{difference, of_life};
use super::pins::pin;
use super::sequence::Sequence;
use crate::ledger::{LedgerError, read, stream};
use crate::log::ReadLog;
use crate::tables::{Around, States};

/// Reads what a report needs from a log that ends where the period does. `tick` hears of every entry.
pub fn gather(
    log: &dyn ReadLog,
    asked: Asked,
    tick: &mut dyn FnMut(u64),
) -> Result<Facts, LedgerError> {
    let mut gathered = Gathered::new(log, asked)?;
    let (mut fleet, mut states) = (Fleet::default(), States::new());
    for block in log.blocks_from(1) {
        let block = block?;
        for stored in block.entries() {
            let entry = read(log, &stored)?;
            if !gathered.is_of_period && entry.circumstances.recorded_at >= gathered.asked().from {
                gathered.begin(log, stored.front.seq - 1, &fleet)?;
            }
            fleet.apply(&entry)?;
            if has_rows(&entry.event) {
                let mut seeing = Seeing { fleet: &fleet, gathered: &mut gathered };
                states.take(log, &stored, &entry, &mut seeing)?;
                states.forget_what_is_old();
            }
            gathered.take(log, &fleet, &entry)?;
        }
        tick(block.last_seq());
    }
    if !gathered.is_of_period {
        gathered.begin(log, log.head().seq, &fleet)?;
    }
    Ok(gathered.end(&fleet))
}

struct Gathered {
    facts: Facts,
    is_of_period: bool,
    /// What each figure is now.
    now: BTreeMap<Figure, Values>,
    /// What LPs have left by the books, whoever's they are.
    lps: BTreeMap<ClientId, i128>,
    /// What each LP had at the beginning: its machine can become the operator's later.
    openings: BTreeMap<ClientId, Held>,
    sequences: BTreeMap<MachineId, Sequence>,
}

/// Sees every life before and after each entry.
struct Seeing<'a> {
    fleet: &'a Fleet,
    gathered: &'a mut Gathered,
}

impl Around for Seeing<'_> {
    type Before = (Option<Before>, BTreeMap<Figure, Values>);

    fn before(&mut self, life: &Life, entry: &Entry) -> Self::Before {
        let measures = of_life(life, &self.gathered.asked().operator);
        (Before::of(self.fleet, life, &entry.event), measures)
    }

    fn after(&mut self, (before, measures): Self::Before, life: &Life, entry: &Entry) {
        let payment_hash = life.settlement.as_ref().map(|settlement| settlement.payment_hash);
        let cited = cited(entry, payment_hash);
        let moved = difference(&measures, of_life(life, &self.gathered.asked().operator));
        for (figure, values) in moved {
            self.gathered.moves(figure, values, &cited);
        }
        let made = before.and_then(|before| before.transaction(self.fleet, life, entry));
        if let Some(made) = made {
            self.gathered.books(&made, &cited);
        }
        self.gathered.mismatch(life, entry, &cited);
        if let Event::RowImported(e) = &entry.event {
            self.gathered.imported(self.fleet, life, e, &cited);
        }
    }
}

const fn cited(
    entry: &Entry,
    payment_hash: Option<spireledger_schema::identity::PaymentHash>,
) -> Cited {
    let (seq, at) = (entry.front.seq, entry.circumstances.recorded_at);
    Cited { seq, at, event: entry.event.name(), payment_hash }
}

impl Gathered {
    fn new(log: &dyn ReadLog, asked: Asked) -> Result<Self, LedgerError> {
        let pins = [pin(log, 0)?, pin(log, log.head().seq)?];
        let facts = Facts {
            asked,
            pins,
            flows: BTreeMap::new(),
            lps: BTreeMap::new(),
            machines: BTreeMap::new(),
            mismatches: Listed::default(),
            refused: Listed::default(),
            refusals: BTreeMap::new(),
            imported: 0,
            irregular: Listed::default(),
        };
        Ok(Self {
            facts,
            is_of_period: false,
            now: BTreeMap::new(),
            lps: BTreeMap::new(),
            openings: BTreeMap::new(),
            sequences: BTreeMap::new(),
        })
    }

    const fn asked(&self) -> &Asked {
        &self.facts.asked
    }

    /// Exceptions that are listed: a person looks at each of them.
    const fn exceptions(&self) -> usize {
        self.facts.asked.listed.saturating_mul(10)
    }

    /// The period begins behind an entry; `fleet` is as of that.
    fn begin(&mut self, log: &dyn ReadLog, seq: u64, fleet: &Fleet) -> Result<(), LedgerError> {
        self.is_of_period = true;
        self.facts.pins[0] = pin(log, seq)?;
        for (figure, values) in &self.now {
            self.facts.flows.entry(figure.clone()).or_default().opening = *values;
        }
        let all = fleet.clients().map(|client| (client.id.clone(), self.held(client)));
        self.openings = all.collect();
        self.lps_of(fleet);
        Ok(())
    }

    /// Notes the enrolments at the operator's machines of this moment, and what those that are known have.
    fn lps_of(&mut self, fleet: &Fleet) {
        let operator = &self.facts.asked.operator;
        let machines = fleet.machines().filter(|machine| machine.operator_user_id == *operator);
        let clients = machines.flat_map(|machine| fleet.clients_at(&machine.id));
        let known = clients.chain(self.facts.lps.keys().filter_map(|id| fleet.client(id)));
        let all = known.map(|client| {
            let facts = LpFacts {
                user_id: client.user_id.clone(),
                machine_id: client.machine_id.clone(),
                currency: fleet.machine(&client.machine_id).map(|machine| machine.fiat_code),
                opening: self.openings.get(&client.id).copied().unwrap_or_default(),
                closing: self.held(client),
            };
            (client.id.clone(), facts)
        });
        self.facts.lps = all.collect();
    }

    fn held(&self, client: &Client) -> Held {
        let [confirmed, paid, pending] =
            [client.confirmed_fiat, client.paid_fiat, client.pending_fiat]
                .map(|fiat| i128::from(fiat.minor()));
        let left = confirmed - paid - pending;
        let by_the_books = self.lps.get(&client.id).copied().unwrap_or(0);
        Held { fiat: [confirmed, paid, pending, left], by_the_books }
    }

    /// An entry has moved a figure.
    fn moves(&mut self, figure: Figure, moved: Values, cited: &Cited) {
        let add = |to: &mut Values| to.iter_mut().zip(moved).for_each(|(to, by)| *to += by);
        add(self.now.entry(figure.clone()).or_default());
        if !self.is_of_period {
            return;
        }
        let listed = self.facts.asked.listed;
        let flow = self.facts.flows.entry(figure).or_default();
        add(&mut flow.moved);
        flow.added += moved.first().copied().unwrap_or(0).max(0);
        if !flow.entries.push(Item { cited: cited.clone(), moved }, listed) {
            add(&mut flow.rest);
        }
    }

    fn books(&mut self, made: &Transaction, cited: &Cited) {
        for Posting { account, unit, amount } in &made.postings {
            if let (Account::Lp(client), Unit::Fiat(_)) = (account, unit) {
                // What is owed stands below zero.
                *self.lps.entry(client.clone()).or_default() -= amount;
            }
            if made.operator_user_id.as_ref() == Some(&self.facts.asked.operator) {
                let mut moved = Values::default();
                moved[0] = *amount;
                self.moves(Figure::Account(account.clone(), *unit), moved, cited);
            }
        }
        let is_odd = made.suspense().is_some() && self.is_of_period;
        if is_odd && made.operator_user_id.as_ref() == Some(&self.facts.asked.operator) {
            let id =
                made.settlement_id.clone().or_else(|| Some(made.deposit_id.as_ref()?.to_string()));
            let row = [made.event.to_owned(), id.unwrap_or_default()];
            let why = "does not add up; the difference is in suspense";
            let listed = self.exceptions();
            self.facts.irregular.push(Irregular { cited: cited.clone(), row, why }, listed);
        }
    }

    fn mismatch(&mut self, life: &Life, entry: &Entry, cited: &Cited) {
        let says_fee = matches!(
            entry.event,
            Event::SettlementClaimed(_) | Event::SettlementAdjusted(_) | Event::RowImported(_)
        );
        let Some(settlement) = life.settlement.as_ref().filter(|_| says_fee) else { return };
        let found = settlement.fee_mismatch_sats.unwrap_or(0);
        let is_ours = settlement.claimed.operator_user_id == self.facts.asked.operator;
        if found != 0 && is_ours && self.is_of_period {
            let mismatch = Mismatch {
                cited: cited.clone(),
                machine_id: settlement.claimed.machine_id.clone(),
                tx_type: settlement.claimed.tx_type,
                fee: [i128::from(settlement.fee_sats.get()), i128::from(found)],
            };
            let listed = self.exceptions();
            self.facts.mismatches.push(mismatch, listed);
        }
    }

    fn imported(&mut self, fleet: &Fleet, life: &Life, e: &RowImported, cited: &Cited) {
        let machine = e.row.cell("machine_id").as_str().and_then(MachineId::parse);
        let by_row = machine.and_then(|id| fleet.machine(&id)).map(|at| &at.operator_user_id);
        let by_life = life.settlement.as_ref().map(|of| &of.claimed.operator_user_id);
        let operator = e.operator_user_id.as_ref().or(by_row).or(by_life);
        if !self.is_of_period || operator != Some(&self.facts.asked.operator) {
            return;
        }
        self.facts.imported += 1;
        if !e.is_live {
            let row = [e.row.table.to_string(), e.row.id.to_string()];
            let why = "kept as it was found; nothing can be made of it";
            let irregular = Irregular { cited: cited.clone(), row, why };
            let listed = self.exceptions();
            self.facts.irregular.push(irregular, listed);
        }
    }

    /// What an entry says beside the life that it is of.
    fn take(&mut self, log: &dyn ReadLog, fleet: &Fleet, entry: &Entry) -> Result<(), LedgerError> {
        match &entry.event {
            Event::SettlementClaimed(e) => {
                let sequence = self.sequences.entry(e.machine_id.clone()).or_default();
                sequence.accepted(e.machine_seq, self.is_of_period);
                Ok(())
            }
            Event::ClaimRefused(e) => self.refused(log, fleet, e, entry),
            _ => Ok(()),
        }
    }

    fn refused(
        &mut self,
        log: &dyn ReadLog,
        fleet: &Fleet,
        e: &ClaimRefused,
        entry: &Entry,
    ) -> Result<(), LedgerError> {
        // It was written by the ledger, but what it says is somebody's claim.
        let claim: Value = serde_json::from_str(e.claim.as_str()).unwrap_or_default();
        let id = claim["machine_id"].as_str().unwrap_or_default();
        let machine = MachineId::parse(id).and_then(|id| fleet.machine(&id));
        if let (Some(machine), Some(number)) = (machine, claim["machine_seq"].as_u64()) {
            self.sequences.entry(machine.id.clone()).or_default().refused(number);
        }
        if !self.is_of_period {
            return Ok(());
        }
        let operator = &self.facts.asked.operator;
        let is_ours = machine.is_some_and(|machine| machine.operator_user_id == *operator) || {
            // It contradicts a settlement of theirs, whatever machine it names.
            let accepted = Life::fold(&stream(log, &e.payment_hash.key())?)?.settlement;
            accepted.is_some_and(|accepted| accepted.claimed.operator_user_id == *operator)
        };
        if is_ours {
            *self.facts.refusals.entry(e.code.to_string()).or_default() += 1;
            let fields: Vec<&str> =
                e.fields.iter().map(spireledger_schema::text::Text::as_str).collect();
            let refused = Refused {
                cited: cited(entry, Some(e.payment_hash)),
                machine_id: id.to_owned(),
                code: e.code.to_string(),
                fields: fields.join(", "),
                wire_sats: claim["wire_sats"].as_u64().map(i128::from),
            };
            let listed = self.exceptions();
            self.facts.refused.push(refused, listed);
        }
        Ok(())
    }

    fn end(mut self, fleet: &Fleet) -> Facts {
        for (figure, values) in &self.now {
            self.facts.flows.entry(figure.clone()).or_default().closing = *values;
        }
        self.lps_of(fleet);
        let operator = &self.facts.asked.operator;
        for machine in fleet.machines().filter(|machine| machine.operator_user_id == *operator) {
            let facts = MachineFacts {
                name: machine.name.as_ref().map(|name| name.as_str().to_owned()),
                currency: machine.fiat_code,
                wallet_id: machine.wallet_id.clone(),
                sequence: self.sequences.remove(&machine.id).unwrap_or_default(),
            };
            self.facts.machines.insert(machine.id.clone(), facts);
        }
        self.facts
    }
}
