//! `cassettes`: what operators believe is in the bays of their machines, beside what the machines say.

use std::collections::BTreeSet;

use serde::Serialize;
use spireledger::ledger::fleet_of;
use spireledger_projections::{Bays, Fleet};
use spireledger_schema::parts::Bay;
use spireledger_schema::text::MachineId;
use spireledger_schema::time::Timestamp;

use super::{Context, Outcome, open, output};

/// Which bays.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this machine.
    #[arg(long)]
    machine: Option<String>,
    /// Only those where belief and state differ.
    #[arg(long)]
    differing: bool,
}

/// One bay.
#[derive(Debug, Serialize)]
struct Cassette<'a> {
    machine_id: &'a MachineId,
    position: u32,
    /// What the operator set.
    believed: Option<&'a Bay>,
    /// What the machine says.
    state: Option<&'a Bay>,
    differs: bool,
    updated_at: Option<Timestamp>,
    state_at: Option<Timestamp>,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let fleet = fleet_of(&*log, &context.ledger)?;
    let all: Vec<Cassette<'_>> = positions(&fleet)
        .filter(|bay| args.machine.as_ref().is_none_or(|id| bay.machine_id.as_str() == id))
        .filter(|bay| bay.differs || !args.differing)
        .collect();
    let position = log.head().seq;
    if context.json {
        let answer = serde_json::json!({ "position": position, "cassettes": all });
        output::print_json(&answer)?;
        return Ok(Outcome::Yes);
    }
    let head = ["machine", "bay", "believed", "set", "the machine says", "at", ""];
    let mut out = output::table(&head, &[1, 2, 4]);
    let bay = |bay: Option<&Bay>| {
        bay.map_or_else(String::new, |bay| format!("{} × {}", bay.count, bay.denomination))
    };
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    for row in &all {
        out.add_row([
            row.machine_id.to_string(),
            row.position.to_string(),
            bay(row.believed),
            time(row.updated_at),
            bay(row.state),
            time(row.state_at),
            if row.differs { "differs".to_owned() } else { String::new() },
        ]);
    }
    let position = output::grouped(position);
    output::print_line(&format!("cassettes as of entry {position}\n{out}"))?;
    Ok(Outcome::Yes)
}

/// All bays of all machines. Where only one side has said anything, nothing differs yet.
fn positions(fleet: &Fleet) -> impl Iterator<Item = Cassette<'_>> {
    let known =
        fleet.machines().filter_map(|machine| Some((&machine.id, fleet.bays(&machine.id)?)));
    known.flat_map(|(machine_id, bays)| {
        let all: BTreeSet<u32> =
            bays.believed.keys().chain(bays.reported.keys()).copied().collect();
        all.into_iter().map(move |position| row(machine_id, bays, position))
    })
}

fn row<'a>(machine_id: &'a MachineId, bays: &'a Bays, position: u32) -> Cassette<'a> {
    let (believed, state) = (bays.believed.get(&position), bays.reported.get(&position));
    let both_spoke = bays.updated_at.is_some() && bays.state_at.is_some();
    Cassette {
        machine_id,
        position,
        believed,
        state,
        differs: both_spoke && believed != state,
        updated_at: bays.updated_at,
        state_at: bays.state_at,
    }
}
