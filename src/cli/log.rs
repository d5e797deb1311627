//! `log`: the entries themselves.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write, stdout};

use spireledger::ledger::{entry_json, fleet_of, history, read};
use spireledger_projections::Fleet;
use spireledger_schema::identity::Actor;
use spireledger_schema::{Entry, EntryHash, EntryKey, Event};

use super::{Context, Outcome, open, output};

/// Entries that a person wants to see at once.
const ENTRIES_SHOWN: u64 = 20;

/// What to look at.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print entries, the newest ones unless told otherwise.
    Show {
        /// The first entry.
        #[arg(long)]
        from: Option<u64>,
        /// The last entry.
        #[arg(long)]
        to: Option<u64>,
        /// Only entries under this key: a payment hash, or a derived key, as 64 hex digits.
        #[arg(long, value_parser = parse_key, conflicts_with_all = ["from", "to"])]
        key: Option<EntryKey>,
    },
    /// Print how much there is, and of what.
    Stats,
}

fn parse_key(text: &str) -> Result<EntryKey, String> {
    EntryKey::parse_hex(text).ok_or_else(|| "a key has 64 hex digits".into())
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Show { key: Some(key), .. } => show_key(context, key)?,
        Command::Show { from, to, key: None } => show_range(context, *from, *to)?,
        Command::Stats => stats(context)?,
    }
    Ok(Outcome::Yes)
}

fn show_key(context: &Context, key: &EntryKey) -> anyhow::Result<()> {
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let entries = history(&*log, key)?;
    let mut shown = Shown::begin(context);
    entries.iter().try_for_each(|(entry, hash)| shown.add(entry, *hash))?;
    shown.finish()
}

fn show_range(context: &Context, from: Option<u64>, to: Option<u64>) -> anyhow::Result<()> {
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let head = log.head().seq;
    let to = to.unwrap_or_else(|| from.map_or(head, |from| from + ENTRIES_SHOWN - 1)).min(head);
    let from = from.unwrap_or_else(|| (to + 1).saturating_sub(ENTRIES_SHOWN)).max(1);
    let mut shown = Shown::begin(context);
    for block in log.blocks_from(from) {
        let block = block?;
        for stored in block.entries() {
            if (from..=to).contains(&stored.front.seq) {
                shown.add(&read(&*log, &stored)?, stored.hash)?;
            }
        }
        if block.last_seq() >= to {
            break;
        }
    }
    shown.finish()
}

/// Entries on their way out: JSON at once, a table at the end.
enum Shown {
    Lines(BufWriter<std::io::StdoutLock<'static>>),
    Table(comfy_table::Table),
}

impl Shown {
    fn begin(context: &Context) -> Self {
        if context.json {
            Self::Lines(BufWriter::new(stdout().lock()))
        } else {
            let header = ["entry", "recorded at", "by", "what happened", "to what", "hash"];
            Self::Table(output::table(&header, &[0]))
        }
    }

    fn add(&mut self, entry: &Entry, hash: EntryHash) -> anyhow::Result<()> {
        match self {
            Self::Lines(out) => {
                serde_json::to_writer(&mut *out, &entry_json(entry, hash))?;
                out.write_all(b"\n")?;
            }
            Self::Table(table) => {
                table.add_row([
                    output::grouped(entry.front.seq),
                    output::time(entry.circumstances.recorded_at),
                    actor(&entry.circumstances.actor),
                    entry.event.name().to_owned(),
                    subject(entry, hash),
                    shorten(&hash.to_string()),
                ]);
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Lines(mut out) => Ok(out.flush()?),
            Self::Table(table) => Ok(output::print_line(&table.to_string())?),
        }
    }
}

/// What an entry is about: the id or payment hash that its receipt names.
fn subject(entry: &Entry, hash: EntryHash) -> String {
    if let Event::ImportPiece(piece) = &entry.event {
        return format!("piece {} of {}", piece.number, piece.count);
    }
    let receipt = spireledger_schema::Receipt::of(entry, hash);
    let settlement = receipt.payment_hash.map(|hash| shorten(&hash.to_string()));
    let id = receipt.id.map(|id| match (&settlement, id.as_str().rsplit_once(':')) {
        // A planned leg's id begins with the hash that stands there already.
        (Some(_), Some((_, number))) if id.as_str().len() > 64 => format!("leg {number}"),
        _ => id.to_string(),
    });
    [settlement, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Who did it, for a person.
pub fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Local => "local".into(),
        Actor::Ledger => "the ledger".into(),
        Actor::Key { role, public_key } => {
            format!("{role:?} {}", shorten(&public_key.to_string())).to_lowercase()
        }
        Actor::Import { file, version } => format!("import of {file}, version {version}"),
    }
}

/// The beginning of a hash or key: enough to tell it from others on a screen.
pub fn shorten(text: &str) -> String {
    match text.get(..12) {
        Some(start) if text.len() > 16 => format!("{start}…"),
        _ => text.to_owned(),
    }
}

fn stats(context: &Context) -> anyhow::Result<()> {
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let (head, bytes) = (log.head(), directory_bytes(&context.ledger));
    let mut events: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut blocks, mut times) = (0u64, None);
    let fleet = fleet_of(&*log, &context.ledger)?;
    for block in log.blocks_from(1) {
        blocks += 1;
        for stored in block?.entries() {
            let entry = read(&*log, &stored)?;
            *events.entry(entry.event.name()).or_default() += 1;
            let at = entry.circumstances.recorded_at;
            times = Some((times.map_or(at, |(first, _)| first), at));
        }
    }
    if context.json {
        return output::print_json(&serde_json::json!({
            "entries": head.seq,
            "head": { "seq": head.seq, "hash": head.hash },
            "blocks": blocks,
            "bytes_on_disk": bytes,
            "first_recorded_at": times.map(|(first, _)| first),
            "last_recorded_at": times.map(|(_, last)| last),
            "events": events,
            "claim_numbers": claim_numbers_json(&fleet),
        }));
    }
    let mut out = output::table(&["", ""], &[1]);
    out.add_row(["entries".to_owned(), output::grouped(head.seq)]);
    out.add_row(["blocks".to_owned(), output::grouped(blocks)]);
    out.add_row(["bytes on disk".to_owned(), output::grouped(bytes)]);
    if let Some((first, last)) = times {
        out.add_row(["first recorded at".to_owned(), output::time(first)]);
        out.add_row(["last recorded at".to_owned(), output::time(last)]);
    }
    for (name, count) in events {
        out.add_row([name.to_owned(), output::grouped(count)]);
    }
    output::print_line(&format!("head {}\n{out}", head.hash))?;
    if fleet.numbers().next().is_some() {
        output::print_line(&format!("\n{}", claim_numbers(&fleet)))?;
    }
    Ok(())
}

/// Gaps that are shown of a machine: the first of them.
const GAPS_SHOWN: usize = 8;

/// The numbers that machines gave their claims, for a person.
fn claim_numbers(fleet: &Fleet) -> comfy_table::Table {
    let header = ["machine", "last number", "missing", "first of them", "repeated"];
    let mut out = output::table(&header, &[1, 2]);
    for (machine, numbers) in fleet.numbers() {
        let mut gaps: Vec<String> = numbers.gaps().take(GAPS_SHOWN).map(range).collect();
        if numbers.closed_up_to() > 0 {
            gaps.insert(0, format!("some up to {}", numbers.closed_up_to()));
        }
        if numbers.gaps().count() > GAPS_SHOWN {
            gaps.push("…".to_owned());
        }
        let repeated: Vec<String> = numbers.repeated().iter().map(ToString::to_string).collect();
        out.add_row([
            machine.to_string(),
            output::grouped(numbers.highest()),
            output::grouped(numbers.missing()),
            gaps.join(", "),
            repeated.join(", "),
        ]);
    }
    out
}

fn range((first, last): (u64, u64)) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// The same for a program.
fn claim_numbers_json(fleet: &Fleet) -> serde_json::Value {
    let machines = fleet.numbers().map(|(machine, numbers)| {
        let gaps: Vec<(u64, u64)> = numbers.gaps().take(GAPS_SHOWN).collect();
        serde_json::json!({
            "machine_id": machine,
            "highest": numbers.highest(),
            "missing": numbers.missing(),
            "first_missing": gaps,
            "not_told_apart_up_to": numbers.closed_up_to(),
            "repeats": numbers.repeats(),
            "repeated": numbers.repeated(),
        })
    });
    machines.collect()
}

/// Bytes of all files of the ledger directory.
fn directory_bytes(path: &std::path::Path) -> u64 {
    let items = std::fs::read_dir(path).into_iter().flatten().flatten();
    items
        .map(|item| match item.metadata() {
            Ok(meta) if meta.is_dir() => directory_bytes(&item.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
