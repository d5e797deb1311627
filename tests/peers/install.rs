//! Where the programs are, or that they are not there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program is. None, and that is said, where it cannot be installed.
pub fn installed(what: &str) -> Option<PathBuf> {
    let output = Command::new(file("install")).arg(what).output().expect("there is a shell");
    if output.status.code() == Some(3) {
        let why = String::from_utf8_lossy(&output.stderr);
        // Straight to the terminal: what a test prints is caught.
        let told = format!("SKIPPED, talking to {what}: {}\n", why.trim());
        let _ = std::io::stderr().write_all(told.as_bytes());
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("a path").trim().into())
}

/// A file of these tests.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

#[test]
fn a_skipped_test_says_so() {
    let nothing = tempfile::tempdir().expect("a temporary directory");
    let mut one = Command::new(std::env::current_exe().expect("this test"));
    one.args(["--exact", "client::a_machine_with_nostr_tools_is_understood"]);
    // /bin/sh is found, but no node.
    one.env("PATH", nothing.path()).env("SPIRELEDGER_PEERS", nothing.path());
    let output = one.output().expect("it ran");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("SKIPPED, talking to nostr-tools"),
        "{output:#?}"
    );
}
