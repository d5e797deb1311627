//! Events about what was brought in from a spirekeeper database.

use super::payloads;
use crate::json::LeftOut;
use crate::imported::{Counted, SourceRow};
use crate::text::{Text, UserId};

payloads! {
    /// Tag 27. A row was brought in: it was not here, or says something else than before.
    RowImported {
        /// The row, as it was found.
        row: SourceRow,
        /// Whether the ledger goes on with it. Otherwise it is kept and shown, and that is all: it
        /// says something that the ledger cannot know the meaning of.
        is_live: bool,
        /// Of a settlement: the operator of its machine then.
        operator_user_id: Option<UserId>,
        /// What it counted for until now.
        before: Option<Counted>,
        /// What it counts for from now on.
        after: Option<Counted>,
    }
    /// Tag 28. All split rules of an operator, or of one machine, were brought in, in the place of
    /// those before.
    RulesImported {
        /// The operator, as found.
        operator_user_id: Text,
        /// The machine, as found; the operator's default without it.
        machine_id: Option<Text>,
        /// The rules, as they were found; none any more, if there are none.
        rows: Vec<SourceRow>,
        /// Whether the ledger splits fees by them: they say what they mean and add up to 1.
        is_live: bool,
    }
}

impl LeftOut for SourceRow {}
impl LeftOut for Vec<SourceRow> {}
