//! `atm put`: claims are kept, and a line is answered for each once it is on the disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use spireledger::crash;
use spireledger::outbox::{ClaimError, KEEP_MAX, Keep, NewClaim, Outbox};
use spireledger_schema::text::MachineId;

use super::{Outcome, open, opened, output, settings};

/// Longest line that is read.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Where the claims are.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file of JSON lines; standard input by default.
    file: Option<PathBuf>,
}

pub fn run(dir: &Path, args: &Args) -> anyhow::Result<Outcome> {
    let settings = settings(dir)?;
    let mut outbox = opened(dir, &settings)?;
    let input: Box<dyn Read> = match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => {
            Box::new(File::open(path).with_context(|| format!("open {}", path.display()))?)
        }
        None => Box::new(io::stdin()),
    };
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut lines, mut outcome) = (Vec::new(), Outcome::Yes);
    while read_some(&mut input, &mut lines)? {
        let answers = keep(&mut outbox, &settings.machine_id, &lines)?;
        crash::point("atm:before-answer");
        if answers.iter().any(|answer| answer["status"] == "refused") {
            outcome = Outcome::No;
        }
        let text = answers.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        if !text.is_empty() {
            output::print_line(&text)?;
        }
        crash::point("atm:after-answer");
    }
    Ok(outcome)
}

/// Reads a line, and those behind it that are there already: they share one write. Whether there
/// was one.
fn read_some(input: &mut BufReader<Box<dyn Read>>, lines: &mut Vec<Vec<u8>>) -> io::Result<bool> {
    lines.clear();
    while lines.len() < KEEP_MAX && (lines.is_empty() || input.buffer().contains(&b'\n')) {
        let mut line = Vec::new();
        if input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.ends_with(b"\n") && line.len() as u64 == LINE_BYTES_MAX {
            return Err(io::Error::other("a line is longer than 1 MiB"));
        }
        lines.push(line);
    }
    Ok(!lines.is_empty())
}

/// Keeps what can be kept of some lines; an answer a line, in order. An empty line has none.
fn keep(outbox: &mut Outbox, machine: &MachineId, lines: &[Vec<u8>]) -> anyhow::Result<Vec<Value>> {
    let lines = lines.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty());
    let parsed: Vec<Result<NewClaim, ClaimError>> =
        lines.map(|line| NewClaim::parse(line, machine)).collect();
    let claims: Vec<NewClaim> = parsed.iter().filter_map(|parsed| parsed.clone().ok()).collect();
    let kept = outbox.keep(&claims, open::clock()())?;
    super::tell_repairs(outbox);
    let mut kept = claims.iter().zip(kept);
    let answers = parsed.iter().filter_map(|parsed| match parsed {
        Err(error) => {
            Some(json!({ "status": "refused", "code": "malformed", "message": error.to_string() }))
        }
        Ok(_) => kept.next().map(|(claim, keep)| answer(claim, keep)),
    });
    Ok(answers.collect())
}

fn answer(claim: &NewClaim, keep: Keep) -> Value {
    let payment_hash = claim.payment_hash();
    match keep {
        Keep::Kept(number) => {
            json!({ "status": "kept", "payment_hash": payment_hash, "machine_seq": number })
        }
        Keep::Known(number) => {
            json!({ "status": "known", "payment_hash": payment_hash, "machine_seq": number })
        }
        Keep::Conflict { number, fields } => {
            let differ =
                if fields.is_empty() { "what it says".to_owned() } else { fields.join(", ") };
            let message = format!(
                "another claim of this settlement is kept under number {number}; these differ: {differ}"
            );
            json!({ "status": "refused", "code": "conflict", "payment_hash": payment_hash,
                "message": message, "fields": fields, "machine_seq": number })
        }
        Keep::Full => {
            let message = "too many claims wait for the ledger already; put this again later";
            json!({ "status": "refused", "code": "full", "payment_hash": payment_hash,
                "message": message })
        }
    }
}
