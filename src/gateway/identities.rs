//! Who a key is: what the configuration says of it; any other key may be a machine's, which the ledger
//! knows.

use std::collections::BTreeMap;

use serde::Deserialize;
use spireledger_schema::identity::{Actor, PublicKey, Role};
use spireledger_schema::text::UserId;

/// What a configuration says of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The key, as npub or 64 hex digits.
    pub key: String,
    /// Its role.
    pub role: Who,
    /// The user that it stands for: of an operator or an LP.
    pub user_id: Option<String>,
}

/// The roles that a configuration can give. Machines are registered in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The administrator of the instance.
    Super,
    /// Sees and changes its own machines.
    Operator,
    /// Its own preferences and balance.
    Lp,
    /// Reads all, changes nothing.
    Auditor,
}

/// All keys that have a role.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    known: BTreeMap<[u8; 32], (Role, Option<UserId>)>,
}

impl Identities {
    /// Takes what a configuration says.
    ///
    /// # Errors
    /// What is wrong, by the number of the identity, from 1.
    pub fn new(all: &[Identity]) -> Result<Self, String> {
        let mut known = BTreeMap::new();
        for (number, identity) in (1..).zip(all) {
            let wrong = |what: &str| format!("identity {number}: {what}");
            let key = PublicKey::parse(&identity.key)
                .ok_or_else(|| wrong("`key` is an npub or 64 hex digits"))?;
            let (role, needs_user) = match identity.role {
                Who::Super => (Role::Super, false),
                Who::Operator => (Role::Operator, true),
                Who::Lp => (Role::Lp, true),
                Who::Auditor => (Role::Auditor, false),
            };
            let user = match (&identity.user_id, needs_user) {
                (None, false) => None,
                (Some(id), true) => {
                    let user =
                        UserId::parse(id).ok_or_else(|| wrong("`user_id` is no user's id"))?;
                    Some(user)
                }
                (None, true) => return Err(wrong("an operator or LP needs its `user_id`")),
                (Some(_), false) => return Err(wrong("only an operator or LP has a `user_id`")),
            };
            if known.insert(*key.as_bytes(), (role, user)).is_some() {
                return Err(wrong("this key has a role already"));
            }
        }
        Ok(Self { known })
    }

    /// Who signs with a key. A key of which nothing is known is taken for a machine's: what the machines'
    /// keys may do, the rules look up.
    pub fn of(&self, key: PublicKey) -> (Actor, Option<UserId>) {
        let known = self.known.get(key.as_bytes());
        let (role, user) = known.cloned().unwrap_or((Role::Machine, None));
        (Actor::Key { role, public_key: key }, user)
    }
}
