//! `submit`: commands in, one JSON object a line; answers out, one a line, in order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context as _;
use spireledger::ledger::{BATCH_LEN_MAX, Item, Ledger};
use spireledger::rules::Request;
use spireledger_schema::json::Malformed;
use spireledger_schema::limits::COMMAND_BYTES_MAX;
use spireledger_schema::{Answer, Command, Refusal};

use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// Bytes read at a time: enough for a large group, little beside what a process needs anyway.
const CHUNK_BYTES: usize = 1 << 20;
/// Answered batches that may wait to be printed.
const ANSWERS_MAX: usize = 8;

/// What to send.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file of commands; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Print how many were accepted, replayed and refused, instead of every answer.
    #[arg(long)]
    summary: bool,
}

/// How many of each.
#[derive(Debug, Default, serde::Serialize)]
struct Counts {
    lines: u64,
    accepted: u64,
    replayed: u64,
    refused: u64,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let is_stdin = args.file.as_os_str() == "-";
    let (input, len): (Box<dyn Read + Send>, Option<u64>) = if is_stdin {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(&args.file).with_context(|| args.file.display().to_string())?;
        let len = file.metadata().ok().map(|meta| meta.len());
        (Box::new(file), len)
    };
    let ledger = open::writer(context)?;
    let progress = bar("submit", len, Unit::Bytes);
    let (sender, answers) = sync_channel::<Vec<Answer>>(ANSWERS_MAX);
    let (counts, read) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_all(input, &ledger, sender, |bytes| progress.inc(bytes)));
        let mut counts = Counts::default();
        let printed = answers.into_iter().try_for_each(|batch| print(&batch, args, &mut counts));
        let read = reader.join().map_err(|_| anyhow::anyhow!("the reading thread panicked: a bug"));
        (printed.map(|()| counts), read)
    });
    progress.finish_and_clear();
    let counts = counts?;
    read??;
    ledger.close()?;
    tell(context, args, &counts)?;
    Ok(if counts.refused == 0 { Outcome::Yes } else { Outcome::No })
}

fn print(answers: &[Answer], args: &Args, counts: &mut Counts) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(CHUNK_BYTES, io::stdout().lock());
    let mut line = Vec::new();
    for answer in answers {
        counts.lines += 1;
        match answer {
            Answer::Accepted(_) => counts.accepted += 1,
            Answer::Replayed(_) => counts.replayed += 1,
            Answer::Refused(_) => counts.refused += 1,
        }
        if !args.summary {
            line.clear();
            answer.write_json(&mut line);
            line.push(b'\n');
            out.write_all(&line)?;
        }
    }
    out.flush()
}

fn tell(context: &Context, args: &Args, counts: &Counts) -> anyhow::Result<()> {
    let text = format!(
        "{} lines: {} accepted, {} replayed, {} refused",
        output::grouped(counts.lines),
        output::grouped(counts.accepted),
        output::grouped(counts.replayed),
        output::grouped(counts.refused)
    );
    match (args.summary, context.json) {
        (true, true) => output::print_json(counts),
        (true, false) => Ok(output::print_line(&text)?),
        (false, _) => {
            if io::stderr().is_terminal() {
                eprintln!("{text}");
            }
            Ok(())
        }
    }
}

/// Reads lines, and sends those that came together as one batch.
fn read_all(
    input: impl Read,
    ledger: &Ledger,
    answers: SyncSender<Vec<Answer>>,
    mut tick: impl FnMut(u64),
) -> anyhow::Result<()> {
    let mut lines = Lines::new(input);
    loop {
        let mut items = Vec::new();
        let bytes = lines.batch(&mut items)?;
        if items.is_empty() && bytes == 0 {
            return Ok(());
        }
        tick(bytes);
        if !items.is_empty() {
            let answers = answers.clone();
            // A printer that is gone has said why itself.
            let reply = move |batch| drop(answers.send(batch));
            ledger.submit(items, Box::new(reply))?;
        }
    }
}

/// Cuts input into lines of bounded length, without ever holding more than a chunk and a line.
struct Lines<R> {
    reader: BufReader<R>,
    /// The beginning of a line whose end has not come yet.
    open: Vec<u8>,
    /// Whether the open line is longer than a line may be: its bytes are counted, not kept.
    too_long: Option<usize>,
    /// Whether the open line has begun.
    begun: bool,
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Self {
        let reader = BufReader::with_capacity(CHUNK_BYTES, input);
        Self { reader, open: Vec::new(), too_long: None, begun: false }
    }

    /// Takes whatever has come, waiting only if nothing has. Returns how many bytes that was; 0 at
    /// the end.
    fn batch(&mut self, items: &mut Vec<Item>) -> io::Result<u64> {
        let chunk = loop {
            match self.reader.fill_buf() {
                Ok(chunk) => break chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if chunk.is_empty() {
            if self.begun {
                items.push(close(&mut self.open, &mut self.too_long));
                self.begun = false;
            }
            return Ok(0);
        }
        let mut used = 0;
        while items.len() < BATCH_LEN_MAX {
            let rest = chunk.get(used..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', rest) else {
                keep(&mut self.open, &mut self.too_long, rest);
                self.begun |= !rest.is_empty();
                used = chunk.len();
                break;
            };
            let line = rest.get(..end).unwrap_or_default();
            used += end + 1;
            if self.begun {
                keep(&mut self.open, &mut self.too_long, line);
                items.push(close(&mut self.open, &mut self.too_long));
                self.begun = false;
            } else {
                items.push(if line.len() > COMMAND_BYTES_MAX {
                    too_long(line.len())
                } else {
                    parse(line)
                });
            }
        }
        self.reader.consume(used);
        Ok(used as u64)
    }
}

fn keep(open: &mut Vec<u8>, skipped: &mut Option<usize>, part: &[u8]) {
    if let Some(len) = skipped {
        *len += part.len();
    } else if open.len() + part.len() > COMMAND_BYTES_MAX {
        *skipped = Some(open.len() + part.len());
        open.clear();
    } else {
        open.extend_from_slice(part);
    }
}

fn close(open: &mut Vec<u8>, skipped: &mut Option<usize>) -> Item {
    let item = skipped.take().map_or_else(|| parse(open), too_long);
    open.clear();
    item
}

fn too_long(len: usize) -> Item {
    let expected = format!("a command of at most {COMMAND_BYTES_MAX} bytes");
    let refusal: Refusal = Malformed::new(&format!("a line of {len} bytes"), expected).into();
    Item::Refused(Box::new(refusal))
}

fn parse(line: &[u8]) -> Item {
    match Command::parse_bytes(line) {
        Ok(command) => Item::Request(Request::local(command)),
        Err(problem) => Item::Refused(Box::new(problem.into())),
    }
}
