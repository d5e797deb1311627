//! The side-by-side comparison: the ledger beside SQLite and the bare disk, in one run, as ratios. The
//! same that `spireledger bench` prints.
//!
//! `cargo bench --bench compare` measures a minute or two; with `-- --full`, what the budgets are
//! written for.

use std::path::Path;

use spireledger::bench::{Sizes, Stage, run};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let sizes = if has("--full") {
        Sizes::FULL
    } else if has("--bench") {
        Sizes::QUICK
    } else {
        // Run as a test: see that it works.
        Sizes::TINY
    };
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_spireledger"));
    match run(dir, program, &sizes, &Stage::ALL, |stage| eprintln!("{stage}")) {
        Ok(report) => println!("{report}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
