//! schemathesis, which makes requests out of the description, right ones and wrong ones.

use std::process::Command;

use crate::install::{file, installed};
use crate::world::{World, claim};

#[test]
fn the_server_does_what_its_description_says() {
    let Some(place) = installed("schemathesis") else { return };
    let world = World::with("requests_per_minute = 1000000\n");
    let machine = serde_json::json!({ "type": "machine.register", "id": "m1",
        "operator_user_id": "op-maya", "wallet_id": "w1", "fiat_code": "GTQ" });
    world.command(&world.admin, &machine).is(201);
    world.command(&world.admin, &claim(1)).is(201);
    let mut command = Command::new(place.join("bin/schemathesis"));
    command
        .args(["run", &format!("{}/openapi.json", world.origin), "--no-color"])
        // The same requests in every run.
        .args(["--seed", "1", "--max-examples", "40", "--suppress-health-check", "all"])
        // The stream of the log does not end; a request with its whole life is not one to wait for.
        .args(["--exclude-path", "/v1/events"])
        // Rules refuse what no description can tell: unknown machines, places that no page has.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .env("SCHEMATHESIS_HOOKS", "signs")
        .env("PYTHONPATH", file(""))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SPIRELEDGER_SECRET", world.admin.keys.secret_key().to_secret_hex())
        // It leaves notes of what it found where it runs.
        .current_dir(world.dir.path());
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    // All operations but the stream, and not one that could not be tested.
    let after = |word: &str| {
        let line = told.lines().find_map(|line| line.trim().strip_prefix(word));
        line.unwrap_or_else(|| panic!("no `{word}` in {told}")).trim().to_owned()
    };
    let (selected, tested) = (after("Selected:"), after("Tested:"));
    let (some, all) = selected.split_once('/').expect("some of all");
    assert_eq!(
        (some, some.parse::<u32>().ok()),
        (&*tested, all.parse::<u32>().ok().map(|n| n - 1))
    );
}
