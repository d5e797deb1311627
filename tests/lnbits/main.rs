//! The payer against a real LNbits, whose Lightning node is a fake one: it is killed at every step, its
//! answers are lost and made up, and then the sats in the wallets are counted.
//!
//! Skipped, and said so, where LNbits cannot be installed: see `install`.

mod address;
mod crashes;
mod forward;
mod http;
mod looking;
mod proxy;
mod server;
mod world;

/// Where LNbits cannot be installed, whoever runs the tests sees that nothing was tested: what a test
/// prints is caught, this is not.
#[test]
fn a_skipped_test_says_so() {
    let nothing = tempfile::tempdir().expect("a temporary directory");
    let me = std::env::current_exe().expect("this test");
    let mut one = std::process::Command::new(me);
    one.args(["--exact", "crashes::a_dry_run_pays_nothing_and_writes_nothing"]);
    // No program can be found, and LNbits is not installed there yet.
    one.env("PATH", nothing.path()).env("SPIRELEDGER_LNBITS", nothing.path().join("lnbits"));
    let output = one.output().expect("it ran");
    assert!(output.status.success(), "{output:#?}");
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = "SKIPPED, paying over a real LNbits: no LNbits: there is no python3";
    assert!(told.contains(expected), "{output:#?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:#?}");
}
