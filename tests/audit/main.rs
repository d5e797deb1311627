//! What an auditor does with proofs and checkpoints, with the real binary; and what programs say to them
//! that are not ours.

mod checkpoints;
mod corrupt;
mod damage;
mod independent;
mod receipts;
mod witnesses;
// The world of the tests of the command line: not all of it is needed here.
#[allow(dead_code)]
#[path = "../cli/world.rs"]
mod world;

use world::{Run, World, claim};

/// A fleet with so many claims.
fn fleet(claims: u32) -> World {
    let world = World::new();
    world.run(&["init", "--origin", "ledger.example/gt"]).succeeds();
    world.submit(world::FLEET).succeeds();
    submit(&world, 0, claims);
    world
}

fn submit(world: &World, from: u32, to: u32) {
    world.submit(&(from..to).map(claim).collect::<String>()).succeeds();
}

/// What a command prints, in a file of that name.
fn save(world: &World, name: &str, args: &[&str]) -> String {
    let said = world.run(args).succeeds().out;
    std::fs::write(world.path(name), &said).expect("written");
    said
}

fn line(run: Run) -> String {
    run.succeeds().out.trim_end().to_owned()
}

fn key(world: &World) -> String {
    line(world.run(&["checkpoint", "--key"]))
}
