//! Moves of deposits and settlements, as events.

use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::event::*;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::{ExchangeRate, Fiat, Sats};
use spireledger_schema::parts::{Bill, Dispensed, Line, Message};
use spireledger_schema::streams;
use spireledger_schema::text::{DepositId, LegId, NoteId, ProcessingClaim};
use spireledger_schema::words::{
    DepositStatus, LegStatus, LegType, Outcome, SettlementStatus, TxType,
};

use super::fleet_moves::{currency, fraction, text, user, wallet};
use super::moves::Move;
use super::world::World;

fn sats(number: u32) -> Sats {
    Sats::new(u64::from(number)).unwrap()
}

fn fiat(minor: u32) -> Fiat {
    Fiat::from_minor(i64::from(minor)).unwrap()
}

fn line(prefix: &str, number: u8) -> Line {
    Line::parse(&format!("{prefix}-{number}")).unwrap()
}

fn message(number: u8) -> Message {
    Message::from(text(number))
}

fn token(number: u8) -> ProcessingClaim {
    ProcessingClaim::parse(&format!("token-{number}")).unwrap()
}

impl World {
    /// Takes a move of money.
    pub fn take_money(&mut self, happening: &Move) {
        match happening {
            Move::Deposit { client, amount, currency, notes } => {
                self.deposit(*client, *amount, *currency, *notes);
            }
            Move::Decide { deposit, confirmed, notes } => {
                self.decide(*deposit, *confirmed, *notes);
            }
            Move::Claim { machine, cash_out, principal, fee, fiat, details } => {
                self.claim(*machine, *cash_out, (*principal, *fee, *fiat), *details);
            }
            Move::Begin { settlement, legs } => self.begin(*settlement, legs),
            Move::Leg { settlement, leg, outcome } => self.leg(*settlement, *leg, *outcome),
            Move::Note { settlement, note } => {
                let event = SettlementNoted {
                    id: NoteId::parse(&format!("note-{note}")).unwrap(),
                    note: text(*note),
                };
                self.follow(*settlement, |_| Some(Event::SettlementNoted(event)));
            }
            Move::End { settlement, how } => self.end(*settlement, *how),
            _ => {}
        }
    }

    fn deposit(&mut self, client: u8, amount: u32, code: u8, notes: Option<u8>) {
        let Some(client) = self.nth_client(client) else { return };
        let id = DepositId::parse(&format!("deposit-{}", self.deposits.len())).unwrap();
        let event = DepositRecorded {
            id: id.clone(),
            client_id: client.id,
            machine_id: client.machine_id,
            amount: fiat(amount),
            currency: currency(code),
            creator_user_id: user(code % 4),
            notes: notes.map(text),
        };
        let entry = self.record(streams::deposit(&id), Event::DepositRecorded(event));
        self.deposits.push(vec![entry]);
    }

    fn decide(&mut self, number: u8, confirmed: bool, notes: Option<u8>) {
        let deposits = self.folded_deposits();
        let Some(at) = usize::from(number).checked_rem(deposits.len()) else { return };
        let deposit = &deposits[at];
        if deposit.status != DepositStatus::Pending {
            return;
        }
        let (id, client_id) = (deposit.recorded.id.clone(), deposit.recorded.client_id.clone());
        let (amount, notes) = (deposit.recorded.amount, notes.map(text));
        let key = streams::deposit(&id);
        let event = if confirmed {
            Event::DepositConfirmed(DepositConfirmed { id, client_id, amount, notes })
        } else {
            Event::DepositRejected(DepositRejected { id, client_id, amount, notes })
        };
        let entry = self.record(key, event);
        self.deposits[at].push(entry);
    }

    fn claim(
        &mut self,
        number: u8,
        out: bool,
        (principal, fee, worth): (u32, u16, u32),
        details: u8,
    ) {
        let Some(machine_id) = self.machine(number) else { return };
        let count = u8::try_from(self.settlements.len()).unwrap();
        let (fee, platform) = (u32::from(fee), u32::from(fee / 3));
        let machine = self.fleet.machine(&machine_id).unwrap();
        let (code, operator_user_id) = (machine.fiat_code, machine.operator_user_id.clone());
        let event = SettlementClaimed {
            machine_id,
            operator_user_id,
            tx_type: if out { TxType::CashOut } else { TxType::CashIn },
            wire_sats: sats(if out { principal.saturating_add(fee) } else { principal }),
            principal_sats: sats(principal),
            fee_sats: sats(fee),
            platform_fee_sats: sats(platform),
            operator_fee_sats: sats(fee - platform),
            fee_mismatch_sats: i64::from(fee) - 300,
            super_fee_fraction: fraction(33),
            operator_fee_fraction: fraction(77),
            fiat_amount: fiat(worth),
            fiat_code: code,
            exchange_rate: ExchangeRate::parse(
                ["129.5145", "1000", "0.00000025"][usize::from(details % 3)],
            )
            .unwrap(),
            bitspire_event_id: (details & 1 != 0).then(|| line("event", details)),
            bitspire_txid: (details & 2 != 0).then(|| line("tx", details)),
            bills: (!out).then(|| vec![Bill { denomination: 20, count: u32::from(details) }]),
            cassettes: out.then(|| {
                vec![Dispensed {
                    position: 1,
                    denomination: 50,
                    provisioned: 2,
                    dispensed: 1,
                    rejected: 1,
                }]
            }),
            machine_seq: (details & 4 != 0).then_some(u64::from(details)),
        };
        let hash = PaymentHash::from_bytes([count.wrapping_add(1); 32]);
        let entry = self.record(hash.key(), Event::SettlementClaimed(event));
        self.settlements.push(vec![entry]);
    }

    /// One more event in the stream of a settlement that has not ended.
    fn follow(&mut self, number: u8, event: impl FnOnce(&Settlement) -> Option<Event>) {
        let settlements = self.folded_settlements();
        let Some(at) = usize::from(number).checked_rem(settlements.len()) else { return };
        if settlements[at].processed_at.is_some() {
            return;
        }
        if let Some(event) = event(&settlements[at]) {
            let entry = self.record(settlements[at].payment_hash.key(), event);
            self.settlements[at].push(entry);
        }
    }

    fn begin(&mut self, number: u8, legs: &[(u8, u8, u32, u32)]) {
        let plan = |(kind, client, amount, worth): &(u8, u8, u32, u32)| {
            let leg_type = LegType::ALL[usize::from(*kind) % LegType::ALL.len()];
            let client = self.nth_client(*client).filter(|_| leg_type == LegType::Dca);
            Leg {
                leg_type,
                destination_wallet_id: (kind.is_multiple_of(2)).then(|| wallet("leg", *kind)),
                destination_ln_address: (kind.is_multiple_of(3)).then(|| text(*kind)),
                target: None,
                amount_sats: sats(*amount),
                amount_fiat: client.is_some().then(|| fiat(*worth)),
                client_id: client.map(|client| client.id),
            }
        };
        let legs: Vec<Leg> = legs.iter().map(plan).collect();
        self.follow(number, |settlement| {
            let first_leg = u32::try_from(settlement.legs.len()).unwrap() + 1;
            let (processing_claim, taken_over) = (token(number), None);
            let event = SettlementBegun { processing_claim, taken_over, first_leg, legs };
            Some(Event::SettlementBegun(event))
        });
    }

    fn leg(&mut self, number: u8, leg: u8, outcome: u8) {
        let status = Outcome::ALL[usize::from(outcome) % Outcome::ALL.len()];
        self.follow(number, |settlement| {
            let at = usize::from(leg).checked_rem(settlement.legs.len())?;
            let row = &settlement.legs[at];
            if row.status.is_final() {
                return None;
            }
            let paid = status == Outcome::Completed;
            Some(Event::LegEnded(LegEnded {
                leg_id: LegId::parse(row.id.as_str()).unwrap(),
                status,
                from: row.status,
                leg_type: row.leg.leg_type,
                client_id: row.leg.client_id.clone(),
                amount_sats: row.leg.amount_sats,
                amount_fiat: row.leg.amount_fiat,
                external_payment_hash: paid.then(|| PaymentHash::from_bytes([outcome; 32])),
                routing_fee_msat: None,
                error_message: (!paid).then(|| message(outcome)),
            }))
        });
    }

    fn end(&mut self, number: u8, how: u8) {
        self.follow(number, |settlement| {
            let (processing_claim, error_message) =
                (None, (how.is_multiple_of(3)).then(|| message(how)));
            Some(match how % 5 {
                0 => Event::SettlementFailed(SettlementFailed { processing_claim, error_message }),
                1 => Event::SettlementFinished(SettlementFinished {
                    processing_claim,
                    status: SettlementStatus::Processed,
                    error_message,
                }),
                2 => Event::SettlementVoided(SettlementVoided {
                    processing_claim,
                    error_message,
                    given_back: given_back(&settlement.legs),
                }),
                3 => Event::SettlementReleased(SettlementReleased {
                    processing_claim: settlement.lock.as_ref()?.processing_claim.clone(),
                }),
                _ => Event::SettlementAdjusted(SettlementAdjusted {
                    fiat_amount: fiat(u32::from(how)),
                    principal_sats: sats(1_000),
                    fee_sats: sats(30),
                    platform_fee_sats: sats(10),
                    operator_fee_sats: sats(20),
                    fee_mismatch_sats: -7,
                    reason: message(how),
                    given_back: given_back(&settlement.legs),
                    first_leg: 0,
                    legs: Vec::new(),
                }),
            })
        });
    }
}

/// What LPs have again once all legs that can be are void.
fn given_back(legs: &[LegRow]) -> Vec<GivenBack> {
    let open = legs.iter().filter(|leg| leg.is_voidable() && leg.status != LegStatus::Completed);
    open.filter_map(|leg| {
        Some(GivenBack {
            client_id: leg.leg.client_id.clone()?,
            amount_sats: leg.leg.amount_sats,
            amount_fiat: leg.leg.amount_fiat?,
        })
    })
    .collect()
}
