//! `serve`: the ledger for those who come from outside.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::path::PathBuf;

use nostr_sdk::ToBech32 as _;
use spireledger::gateway::{Config, Format, serve};
use spireledger_schema::time::Timestamp;

use super::{Context, Outcome, logging, open, stop};

/// What to listen on, and for whom.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A TOML file; every key of it is described in docs/serve.md.
    #[arg(long, env = "SPIRELEDGER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port, instead of the file's.
    #[arg(long, env = "SPIRELEDGER_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Scheme and host that clients sign, instead of the file's: where a proxy stands before it.
    #[arg(long, env = "SPIRELEDGER_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// A relay to be heard at, instead of the file's; can be given more than once.
    #[arg(long = "relay", env = "SPIRELEDGER_RELAYS", value_name = "URL", value_delimiter = ',')]
    relays: Vec<String>,
    /// The file with the ledger's Nostr key, instead of the file's.
    #[arg(long, env = "SPIRELEDGER_NOSTR_KEY_FILE", value_name = "FILE")]
    nostr_key_file: Option<PathBuf>,
    /// How to tell what happens on standard error, instead of the file's.
    #[arg(long, env = "SPIRELEDGER_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// See [`Format`].
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The configuration file, and what was said beside it.
fn configured(args: &Args) -> anyhow::Result<Config> {
    let mut config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    config.http.listen = args.listen.unwrap_or(config.http.listen);
    config.http.public_url = args.public_url.clone().or(config.http.public_url);
    if !args.relays.is_empty() {
        config.nostr.relays.clone_from(&args.relays);
    }
    config.nostr.key_file = args.nostr_key_file.clone().or(config.nostr.key_file);
    config.log.format = match args.log_format {
        Some(LogFormat::Text) => Format::Text,
        Some(LogFormat::Json) => Format::Json,
        None => config.log.format,
    };
    Ok(config)
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let config = configured(args)?;
    logging::start(logging::level(context.verbose, config.log.level), config.log.format);
    let ledger = open::writer(context)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stopped = stop::when_told(|| tell_systemd("STOPPING=1"))?;
        let ready = |address: SocketAddr, key: Option<&nostr_sdk::PublicKey>| {
            let mut out = std::io::stdout();
            // Whoever started it may want to know the port; that nobody reads it is no reason to stop.
            let _ = writeln!(out, "listening on http://{address}");
            if let Some(npub) = key.and_then(|key| key.to_bech32().ok()) {
                let _ = writeln!(out, "on Nostr as {npub}");
            }
            tracing::info!(%address, nostr = key.map(nostr_sdk::PublicKey::to_hex), "ready");
            tell_systemd("READY=1");
        };
        anyhow::Ok(serve(ledger, &context.ledger, config, now, stopped, ready).await?)
    })?;
    Ok(Outcome::Yes)
}

fn now() -> Timestamp {
    open::clock()()
}

/// Tells systemd, if it was systemd that started us (sd_notify).
fn tell_systemd(what: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let bytes = path.as_encoded_bytes();
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => UnixAddr::from_abstract_name(name),
        None => UnixAddr::from_pathname(&path),
    };
    let told = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(what.as_bytes(), &address));
    if let Err(error) = told {
        tracing::warn!(%error, "systemd cannot be told `{what}`");
    }
}
