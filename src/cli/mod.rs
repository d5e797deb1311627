//! The command line: reads arguments, calls the ledger, prints for a person or a program.
//!
//! Exit codes: 0 done; 1 the answer is no (some lines were refused, `verify` found a break); 2 usage or
//! environment. Answers go to standard output, everything else to standard error.
//!
//! *Never:* a rule of money. *Start at:* [`main`]; each command is a file.

mod atm;
mod backup;
mod balances;
mod bench;
mod cassettes;
mod checkpoint;
mod days;
mod export;
mod import;
mod init;
mod live;
mod log;
mod logging;
mod open;
mod output;
mod pay;
mod progress;
mod proof;
mod reconcile;
mod report;
mod serve;
mod simulate;
mod sql;
mod stop;
mod stuck;
mod submit;
mod tables;
mod trace;
mod verify;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use spireledger::gateway::{Format, Level};
use spireledger::ledger::AsOf;

/// An event-sourced settlement ledger for fleets of bitSpire Bitcoin ATMs.
#[derive(Debug, Parser)]
#[command(name = "spireledger", version, about, max_term_width = 100)]
struct Cli {
    /// The ledger's directory.
    #[arg(long, global = true, env = "SPIRELEDGER_DIR", default_value = "./ledger")]
    ledger: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    /// Look at the ledger as it was: at an entry's number, or at a time such as
    /// 2026-01-31T18:00:00Z, by when entries were recorded.
    #[arg(long, global = true, value_name = "SEQ|TIME")]
    as_of: Option<AsOf>,
    /// Say more on standard error; twice for more still.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new, empty ledger.
    Init(init::Args),
    /// Send commands, one JSON object a line, and print an answer a line, in order.
    Submit(submit::Args),
    /// Bring in a spirekeeper database, of any version: every row as it was found.
    Import(import::Args),
    /// Look at the log itself.
    #[command(subcommand)]
    Log(log::Command),
    /// Print one settlement's life: every entry, its legs, and where each sat went.
    Trace(trace::Args),
    /// The tables that follow from the log.
    #[command(subcommand)]
    Tables(tables::Command),
    /// Ask a question of the tables in SQL; it can only read.
    Sql(sql::Args),
    /// Write the books as a journal for other tools, or the tables as files.
    Export(export::Args),
    /// What each liquidity provider has put in, got out and has left, machine by machine.
    Balances(balances::Args),
    /// What operators believe is in the bays of machines, beside what the machines say.
    Cassettes(cassettes::Args),
    /// Pay the open legs of settlements over LNbits, each once.
    Pay(pay::Args),
    /// Hold what the ledger says moved against what the wallets say moved.
    Reconcile(reconcile::Args),
    /// What waits, since when, and the next safe step.
    Stuck(stuck::Args),
    /// Serve the ledger over HTTP until told to stop.
    Serve(serve::Args),
    /// A machine's side: keep claims durably, and send them until the ledger has them.
    Atm(atm::Args),
    /// Documents for accountants.
    #[command(subcommand)]
    Audit(report::Command),
    /// Compute everything again from the bytes and list every break.
    Verify(verify::Args),
    /// Sign the head of the log, or prove that a later log extends an earlier one.
    Checkpoint(checkpoint::Args),
    /// Prove that an entry is in the log, in one file; or verify such a file, without a ledger.
    Proof(proof::Args),
    /// Cosign the checkpoints of other ledgers, each only if it extends the last one.
    Witness(witness::Args),
    /// Bring a backup file up to date: a plain file that only grows and holds the whole ledger.
    Backup(backup::BackupArgs),
    /// Make a new ledger of a backup file, byte for byte.
    Restore(backup::RestoreArgs),
    /// Measure this machine and its disk, beside SQLite and the bare disk.
    Bench(bench::Args),
    /// Write what a fleet of machines would send, as command lines for `submit`.
    Simulate(simulate::Args),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What all commands share.
struct Context {
    ledger: PathBuf,
    json: bool,
    as_of: Option<AsOf>,
    verbose: u8,
}

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done.
    Yes,
    /// Done, and the answer is no.
    No,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let context =
        Context { ledger: cli.ledger, json: cli.json, as_of: cli.as_of, verbose: cli.verbose };
    // A server's configuration says how it logs.
    if !matches!(cli.command, Command::Serve(_)) {
        logging::start(logging::level(cli.verbose, Level::Warn), Format::Text);
    }
    match run(&context, cli.command) {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spireledger: {error:#}");
            ExitCode::from(if is_damage(&error) { 1 } else { 2 })
        }
    }
}

fn run(context: &Context, command: Command) -> anyhow::Result<Outcome> {
    let looks = matches!(
        command,
        Command::Log(_)
            | Command::Trace(_)
            | Command::Tables(_)
            | Command::Sql(_)
            | Command::Balances(_)
            | Command::Cassettes(_)
            | Command::Export(_)
    );
    if context.as_of.is_some() && !looks {
        anyhow::bail!(
            "--as-of is for looking at the past: log, trace, tables, sql, balances, cassettes, \
             export"
        );
    }
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::Submit(args) => submit::run(context, &args),
        Command::Import(args) => import::run(context, &args),
        Command::Log(command) => log::run(context, &command),
        Command::Trace(args) => trace::run(context, &args),
        Command::Tables(command) => tables::run(context, &command),
        Command::Sql(args) => sql::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Balances(args) => balances::run(context, &args),
        Command::Cassettes(args) => cassettes::run(context, &args),
        Command::Pay(args) => pay::run(context, &args),
        Command::Reconcile(args) => reconcile::run(context, &args),
        Command::Stuck(args) => stuck::run(context, &args),
        Command::Serve(args) => serve::run(context, &args),
        Command::Atm(args) => atm::run(context, &args),
        Command::Audit(command) => report::run(context, &command),
        Command::Verify(args) => verify::run(context, &args),
        Command::Checkpoint(args) => checkpoint::run(context, &args),
        Command::Proof(args) => proof::run(context, &args),
        Command::Witness(args) => witness::run(context, &args),
        Command::Backup(args) => backup::back_up(context, &args),
        Command::Restore(args) => backup::restore(context, &args),
        Command::Bench(args) => bench::run(context, &args),
        Command::Simulate(args) => simulate::run(context, &args),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "spireledger", &mut out);
            output::print_bytes(&out)?;
            Ok(Outcome::Yes)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        io.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind())
    };
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

/// Whether the answer is that stored bytes are damaged: that is a no, not a wrong use.
fn is_damage(error: &anyhow::Error) -> bool {
    use spireledger::ledger::LedgerError;
    use spireledger::log::{BackupError, LogError};
    use spireledger::notary::NotaryError;
    use spireledger::outbox::OutboxError;
    let ledger = error.chain().filter_map(|cause| cause.downcast_ref::<LedgerError>());
    let log = error.chain().filter_map(|cause| cause.downcast_ref::<LogError>());
    let backup = error.chain().filter_map(|cause| cause.downcast_ref::<BackupError>());
    let outbox = error.chain().filter_map(|cause| cause.downcast_ref::<OutboxError>());
    let notary = error.chain().filter_map(|cause| cause.downcast_ref::<NotaryError>());
    let is_notary_damage = |error: &NotaryError| {
        matches!(
            error,
            NotaryError::Log(LogError::Damaged { .. })
                | NotaryError::Contradicts { .. }
                | NotaryError::Damaged { .. }
        )
    };
    { ledger }.any(|error| match error {
        LedgerError::Damaged(_) | LedgerError::Unreadable { .. } | LedgerError::Unfoldable(_) => {
            true
        }
        LedgerError::Log(error) => matches!(error, LogError::Damaged { .. }),
        LedgerError::Notary(error) => is_notary_damage(error),
        _ => false,
    }) || { log }.any(|error| matches!(error, LogError::Damaged { .. }))
        || { backup }.any(|error| matches!(error, BackupError::Damaged { .. }))
        || { outbox }.any(|error| matches!(error, OutboxError::Damaged { .. }))
        || { notary }.any(is_notary_damage)
}
