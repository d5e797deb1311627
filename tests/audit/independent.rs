//! Others verify what we sign and prove: Cloudflare's readers of notes and tile logs, which its certificate
//! logs use, and Python packages (pymerkle, cryptography, blake3), where they can be installed.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, check_record, check_tree, record_hash};

use crate::world::World;
use crate::{fleet, key, line, save, submit};

/// The tree head in a note, as Cloudflare's reader verifies it.
fn opened(note: &str, vkey: &str) -> Checkpoint {
    let verifier = StandardVerifier::new(vkey).expect("a key");
    let note = Note::from_bytes(note.as_bytes()).expect("a note");
    let (verified, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("signed");
    assert_eq!(verified.len(), 1);
    Checkpoint::from_bytes(note.text()).expect("a checkpoint")
}

fn hashes(text: &str) -> Vec<Hash> {
    text.lines().map(|line| Hash::parse_hash(line).expect("a hash")).collect()
}

#[test]
fn cloudflare_s_reader_accepts_our_checkpoints_and_proofs() {
    let world = fleet(10);
    let public = key(&world);
    let old = opened(&save(&world, "a", &["checkpoint"]), &public);
    assert_eq!((old.origin(), old.size()), ("ledger.example/gt", 16));
    submit(&world, 10, 700);
    let grown = save(&world, "growth", &["checkpoint", "--since", "16"]);
    let (proof, note) = grown.split_once("\n\n").expect("two parts");
    let new = opened(note, &public);
    assert_eq!(new.size(), 706);
    let proof = hashes(proof.strip_prefix("old 16\n").expect("the old size"));
    check_tree(&proof, new.size(), *new.hash(), old.size(), *old.hash()).expect("it grew");
    assert!(check_tree(&proof, new.size(), *new.hash(), 17, *old.hash()).is_err());

    let shown =
        world.run(&["log", "show", "--json", "--from", "1", "--to", "706"]).succeeds().lines();
    for seq in [1, 16, 17, 256, 257, 700, 706] {
        let text = world.run(&["proof", "--seq", &seq.to_string()]).succeeds().out;
        let (proof, note) = text.split_once("\n\n").expect("two parts");
        let checkpoint = opened(note, &public);
        let index = format!("\nindex {}", seq - 1);
        let (_, path) = proof.split_once(&index).expect("the index");
        let entry = shown[seq - 1]["hash"].as_str().expect("a hash");
        let entry: [u8; 32] = spireledger_schema::hex::decode(entry).expect("64 digits");
        let path = hashes(path.trim_start());
        let (size, root, at) = (checkpoint.size(), *checkpoint.hash(), seq as u64 - 1);
        check_record(&path, size, root, at, record_hash(&entry)).expect("it is in the log");
        assert!(check_record(&path, size, root, at, record_hash(b"another")).is_err());
    }
}

/// A ledger with a cosigned proof, in the form that the script reads.
fn given(world: &World) -> Value {
    let first = save(world, "a", &["checkpoint"]);
    submit(world, 10, 300);
    let second = save(world, "b", &["checkpoint"]);
    let name = ["witness", "--state", "w", "key", "--name", "witness.example/w1"];
    let witness = line(world.run(&name));
    save(world, "s", &["witness", "--state", "w", "cosign", "b", "--log-key", &key(world)]);
    world.run(&["checkpoint", "cosign", "s", "--witness", &witness]).succeeds();
    let range = ["log", "show", "--json", "--from", "1", "--to", "306"];
    let entries = world.run(&range).succeeds().lines();
    let entries: Vec<&Value> = entries.iter().map(|entry| &entry["hash"]).collect();
    json!({
        "log": key(world),
        "witness": witness,
        "checkpoints": [first, second],
        "entries": entries,
        "proof": world.run(&["proof", "--seq", "200"]).succeeds().out,
    })
}

#[test]
fn packages_for_python_accept_our_proofs_and_refuse_changed_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit");
    let installed = Command::new(folder.join("install")).output().expect("there is a shell");
    if installed.status.code() == Some(3) {
        let why = String::from_utf8_lossy(&installed.stderr);
        // Straight to the terminal: what a test prints is caught.
        let told = format!("SKIPPED, proofs verified by Python packages: {}\n", why.trim());
        let _ = std::io::stderr().write_all(told.as_bytes());
        return;
    }
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let place = String::from_utf8(installed.stdout).expect("a path");
    let ask = |given: &Value| {
        let mut command = Command::new(Path::new(place.trim()).join("bin/python3"));
        command.arg(folder.join("verify.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("Python starts");
        child.stdin.take().expect("piped").write_all(given.to_string().as_bytes()).expect("read");
        child.wait_with_output().expect("it ends")
    };
    let world = fleet(10);
    let given = given(&world);
    let said = ask(&given);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(said["index"], 199);
    assert_eq!(said["size"], 306);
    assert_eq!(said["entry"], given["entries"][199]);
    for (what, from, to) in [
        ("proof", "index 199", "index 198"),
        ("proof", "extra A", "extra B"),
        ("proof", "\n306\n", "\n305\n"),
        ("proof", "ledger.example/gt\n306", "ledger.example/gu\n306"),
    ] {
        let mut changed = given.clone();
        let text = given[what].as_str().expect("a text");
        assert!(text.contains(from));
        changed[what] = text.replacen(from, to, 1).into();
        assert!(!ask(&changed).status.success(), "{to} was accepted");
    }
}

/// Where they cannot be installed, whoever runs the tests sees that nobody else was asked: what a test prints
/// is caught, this is not.
#[test]
fn a_skipped_test_says_so() {
    let nothing = tempfile::tempdir().expect("a temporary directory");
    let me = std::env::current_exe().expect("this test");
    let mut one = Command::new(me);
    let name = "independent::packages_for_python_accept_our_proofs_and_refuse_changed_ones";
    one.args(["--exact", name]).env("PATH", nothing.path());
    let output =
        one.env("SPIRELEDGER_VERIFIERS", nothing.path().join("none")).output().expect("it ran");
    assert!(output.status.success(), "{output:#?}");
    let told = String::from_utf8_lossy(&output.stderr);
    let expected =
        "SKIPPED, proofs verified by Python packages: no verifiers in Python: there is no";
    assert!(told.contains(expected), "{output:#?}");
}
