//! The real tools, and what they say of a journal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What accounts hold: by account and commodity, in thousandths of a sat or hundredths of a currency.
pub type Held = BTreeMap<(String, String), i128>;

/// Where a tool is; nothing, and it is said, where it cannot be had.
fn tool(name: &str) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/install");
    let mut install = Command::new(script);
    let output = install.args([env!("CARGO_TARGET_TMPDIR"), name]).output().expect("a shell");
    if output.status.code() == Some(3) {
        let why = String::from_utf8_lossy(&output.stderr);
        let why = why.trim().lines().last().unwrap_or_default();
        // Straight to the terminal: what a test prints is caught.
        let told = format!("SKIPPED, journals in the hands of a real {name}: {why}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes());
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("a path").trim().into())
}

fn text(output: Output) -> String {
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{err}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Digits without a point.
fn minor(number: &str, commodity: &str) -> i128 {
    let places = if commodity == "SAT" { 3 } else { 2 };
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    assert!(rest.len() <= places, "{number} {commodity}");
    format!("{whole}{rest:0<places$}").parse().expect("digits")
}

/// Beancount, as a library.
pub struct Beancount(PathBuf);

/// What it made of a file.
pub struct Loaded {
    pub errors: Vec<String>,
    /// What the ledger calls each account.
    pub opened: BTreeMap<String, String>,
    pub held: Held,
}

impl Beancount {
    pub fn find() -> Option<Self> {
        tool("beancount").map(Self)
    }

    /// `bean-check`: nothing is wrong with a file; else, what.
    pub fn check(&self, file: &Path) -> Result<(), String> {
        let output = Command::new(self.0.with_file_name("bean-check")).arg(file).output();
        let output = output.expect("it runs");
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        if output.status.success() { Ok(()) } else { Err(told) }
    }

    pub fn load(&self, file: &Path) -> Loaded {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/balances.py");
        let output = Command::new(&self.0).arg(script).arg(file).output().expect("it runs");
        let said: Value = serde_json::from_str(&text(output)).expect("JSON");
        let word = |value: &Value| value.as_str().expect("a text").to_owned();
        let all = |name: &str| said[name].as_array().expect("a list").clone();
        let opened = said["opened"].as_object().expect("an object").iter();
        let held = all("held").into_iter().map(|row| {
            let [account, commodity, number] = [0, 1, 2].map(|at| word(&row[at]));
            let number = minor(&number, &commodity);
            ((account, commodity), number)
        });
        Loaded {
            errors: all("errors").iter().map(word).collect(),
            opened: opened.map(|(name, account)| (name.clone(), word(account))).collect(),
            held: held.collect(),
        }
    }
}

/// hledger.
pub struct Hledger(PathBuf);

impl Hledger {
    pub fn find() -> Option<Self> {
        tool("hledger").map(Self)
    }

    fn run(&self, file: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(&self.0);
        // Ids can be any text.
        command.env("LC_ALL", "C.UTF-8").arg("-f").arg(file).args(args);
        command.output().expect("it runs")
    }

    /// All checks that there are of amounts, names and order.
    pub fn check(&self, file: &Path) -> Result<(), String> {
        for what in [&["--strict"][..], &["ordereddates"], &["payees"]] {
            let output = self.run(file, &[&["check"], what].concat());
            if !output.status.success() {
                return Err(String::from_utf8(output.stderr).expect("UTF-8"));
            }
        }
        Ok(())
    }

    pub fn held(&self, file: &Path) -> Held {
        let args = ["bal", "--no-total", "--flat", "--empty", "--layout=bare", "-O", "csv"];
        let out = text(self.run(file, &args));
        let rows = out.lines().skip(1).map(|line| {
            let cells: Vec<&str> = line.split(',').map(|cell| cell.trim_matches('"')).collect();
            let [account, commodity, number] = cells[..] else { panic!("{line}") };
            ((account.to_owned(), commodity.to_owned()), minor(number, commodity))
        });
        rows.collect()
    }
}

/// Where a tool cannot be had, whoever runs the tests sees that nothing was tested: what a test prints is
/// caught, this is not.
#[test]
fn a_skipped_test_says_so() {
    let nothing = tempfile::tempdir().expect("a temporary directory");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/install");
    for name in ["beancount", "hledger"] {
        let mut install = Command::new("/bin/sh");
        install.arg(&script).arg(nothing.path()).arg(name).env("PATH", nothing.path());
        let output = install.output().expect("a shell");
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.starts_with(&format!("no {name}: there is no mkdir")), "{told}");
    }
}
