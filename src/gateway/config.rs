//! The configuration of `serve`: a TOML file, every key of which is described here and in `docs/serve.md`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Identity;

/// All of it. What is left out has the value that is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// HTTP.
    pub http: HttpConfig,
    /// Nostr.
    pub nostr: NostrConfig,
    /// Signed heads of the log.
    pub checkpoints: CheckpointsConfig,
    /// What is told on standard error.
    pub log: LogConfig,
    /// Keys that have a role. Machines are registered in the ledger and are not named here.
    pub identities: Vec<Identity>,
}

/// What HTTP listens on, and its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; `127.0.0.1:8080`. TLS is for a proxy in front of it.
    pub listen: SocketAddr,
    /// What clients call it, scheme and host: the URL that they sign begins with it. `http://` and the
    /// address, if it is left out.
    pub public_url: Option<String>,
    /// Longest body; 1 MiB.
    pub body_bytes_max: usize,
    /// Most commands in one array; 1,000.
    pub commands_max: usize,
    /// Most requests of one key a minute; 600.
    pub requests_per_minute: u32,
    /// Most connections at a time; 1,024.
    pub connections_max: usize,
    /// Seconds within which a request has to be sent; 10.
    pub patience_seconds: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            body_bytes_max: 1 << 20,
            commands_max: 1_000,
            requests_per_minute: 600,
            connections_max: 1_024,
            patience_seconds: 10,
        }
    }
}

/// How often the head of the log is signed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointsConfig {
    /// Seconds between two checkpoints of a log that grows; 600. 0: only when one is asked for.
    pub every_seconds: u64,
}

impl Default for CheckpointsConfig {
    fn default() -> Self {
        Self { every_seconds: 600 }
    }
}

/// What is told on standard error, and how.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The least important that is told; `info`.
    pub level: Level,
    /// `text` for people, `json` for programs: one object a line.
    pub format: Format,
}

/// How important something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something was not done.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Beginnings, ends and connections.
    #[default]
    Info,
    /// Every request.
    Debug,
    /// Everything.
    Trace,
}

/// In which form it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the ledger is on Nostr.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NostrConfig {
    /// Relays, `wss://…` or `ws://…`; none, and nobody is heard over Nostr.
    pub relays: Vec<String>,
    /// The file with the ledger's secret key, of mode 0600; `nostr.key` in the ledger's directory, which is
    /// made when it is not there.
    pub key_file: Option<PathBuf>,
    /// Most requests of one key a minute; 600.
    pub requests_per_minute: u32,
}

impl Default for NostrConfig {
    fn default() -> Self {
        Self { relays: Vec::new(), key_file: None, requests_per_minute: 600 }
    }
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is no such TOML; names the line and the key.
    #[error("{path}: {error}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: Box<toml::de::Error>,
    },
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Io { path: path.to_owned(), error })?;
        toml::from_str(&text)
            .map_err(|error| ConfigError::Toml { path: path.to_owned(), error: Box::new(error) })
    }
}

impl HttpConfig {
    /// The scheme and host that signed URLs begin with, without a slash at its end.
    pub fn origin(&self, bound: SocketAddr) -> String {
        let given = self.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| format!("http://{bound}"))
    }
}
