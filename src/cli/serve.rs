//! `serve`: the ledger for those who come from outside.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::path::PathBuf;

use spireledger::gateway::{Config, serve};
use spireledger_schema::time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Context, Outcome, open};

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
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let mut config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    config.http.listen = args.listen.unwrap_or(config.http.listen);
    config.http.public_url = args.public_url.clone().or(config.http.public_url);
    let ledger = open::writer(context)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let mut ends = signal(SignalKind::terminate())?;
        let mut breaks = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = ends.recv() => {}
                _ = breaks.recv() => {}
            }
            tell_systemd("STOPPING=1");
            let _ = stop.send(true);
        });
        let ready = |address: SocketAddr| {
            // Whoever started it may want to know the port; that nobody reads it is no reason to stop.
            let _ = writeln!(std::io::stdout(), "listening on http://{address}");
            tracing::info!(%address, "ready");
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
