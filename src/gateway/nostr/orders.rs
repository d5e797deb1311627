//! What operators say of cassettes, as events to their machines: kind 30078, `d` =
//! `bitspire-cassettes:<machine pubkey>`, NIP-44 v2, until the machine's own word confirms it.
//!
//! A setting is one event, byte for byte, however often it is made: relays and machines take what comes
//! again for what it is, and a machine that counted on meanwhile is not set back.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nostr_sdk::nips::nip44::v2::{ConversationKey, encrypt_to_bytes_with_rng};
use nostr_sdk::secp256k1::rand::{self, RngCore};
use nostr_sdk::{Event, EventBuilder, Keys, Kind, Tag, Timestamp as Seconds};
use serde_json::json;
use spireledger_projections::Bays;
use spireledger_schema::event::Event as Said;
use spireledger_schema::identity::PublicKey;
use spireledger_schema::text::MachineId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Entry, EntryHash, streams};

use super::reports::{BEACON, CASSETTES};
use crate::ledger::{LedgerError, entry_at};
use crate::log::ReadLog;

/// Keeps the nonces of settings apart from whatever else is made of the ledger's key.
const NONCE_CONTEXT: &str = "spireledger 2026-11-25 nonce of a cassette setting v1";

/// Bays that an operator has set, at a machine that has a key.
pub struct Setting {
    /// The machine.
    pub machine: MachineId,
    /// Its key.
    pub key: PublicKey,
    /// What was set, and what the machine says.
    pub bays: Bays,
}

/// Settings that no machine has confirmed, as events.
#[derive(Default)]
pub struct Orders {
    /// The newest setting of each machine, and its event while it is not confirmed.
    newest: BTreeMap<MachineId, Order>,
}

struct Order {
    seq: u64,
    key: PublicKey,
    /// The second in which it was set.
    set_at: Timestamp,
    event: Option<Arc<Event>>,
}

impl Orders {
    /// What is to be published now, one event a machine at most.
    ///
    /// A setting of this very second waits: within a second the last one counts, and events tell seconds.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn open(
        &mut self,
        log: &dyn ReadLog,
        keys: &Keys,
        settings: &[Setting],
        now: Seconds,
    ) -> Result<Vec<Arc<Event>>, LedgerError> {
        let mut open = Vec::new();
        for setting in settings {
            self.learn(log, keys, setting, now)?;
            let Some(order) = self.newest.get_mut(&setting.machine) else { continue };
            if setting.bays.is_confirmed(order.set_at) {
                order.event = None;
            }
            open.extend(order.event.clone());
        }
        Ok(open)
    }

    /// Makes the event of a setting that is new.
    fn learn(
        &mut self,
        log: &dyn ReadLog,
        keys: &Keys,
        setting: &Setting,
        now: Seconds,
    ) -> Result<(), LedgerError> {
        let Some(seq) = log.last_of(&streams::cassettes(&setting.machine))? else { return Ok(()) };
        let known = self.newest.get(&setting.machine);
        if known.is_some_and(|known| known.seq == seq && known.key == setting.key) {
            return Ok(());
        }
        let (entry, hash) = entry_at(log, seq)?;
        let set_at = second(entry.circumstances.recorded_at);
        if i64::try_from(now.as_secs()).is_ok_and(|now| now > set_at.seconds()) {
            let event = make(keys, setting, &entry, hash).map(Arc::new);
            let order = Order { seq, key: setting.key, set_at, event };
            self.newest.insert(setting.machine.clone(), order);
        }
        Ok(())
    }
}

/// The beginning of a moment's second: reports tell seconds.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds()).unwrap_or(at)
}

/// The event. `None` if the machine's key is no point on the curve, so that nobody can read it.
fn make(keys: &Keys, setting: &Setting, entry: &Entry, hash: EntryHash) -> Option<Event> {
    let Said::CassettesSet(set) = &entry.event else { return None };
    let to = nostr_sdk::PublicKey::from_byte_array(*setting.key.as_bytes());
    let secret = ConversationKey::derive(keys.secret_key(), &to).ok()?;
    let text = json!({ "positions": set.positions }).to_string();
    let mut nonce = Nonce::of(keys, &setting.key, hash);
    let sealed = encrypt_to_bytes_with_rng(&mut nonce, &secret, text.as_bytes()).ok()?;
    let at = u64::try_from(entry.circumstances.recorded_at.seconds()).ok()?;
    EventBuilder::new(Kind::from(BEACON), STANDARD.encode(sealed))
        .tags([Tag::identifier(format!("{CASSETTES}:{}", to.to_hex())), Tag::public_key(to)])
        .custom_created_at(Seconds::from(at))
        .sign_with_keys(keys)
        .ok()
}

/// Random to everybody who has not the ledger's key, and the same for one setting and one reader: so one
/// nonce never seals two texts.
struct Nonce(blake3::OutputReader);

impl Nonce {
    fn of(keys: &Keys, reader: &PublicKey, setting: EntryHash) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(NONCE_CONTEXT);
        hasher.update(&keys.secret_key().to_secret_bytes());
        hasher.update(reader.as_bytes());
        hasher.update(setting.as_bytes());
        Self(hasher.finalize_xof())
    }
}

impl RngCore for Nonce {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}
