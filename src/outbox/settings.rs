//! What `atm.toml` says: whose outbox this is, and where the ledger is.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nostr_sdk::RelayUrl;
use serde::{Deserialize, Serialize};
use spireledger_schema::identity::PublicKey;
use spireledger_schema::text::MachineId;

use super::schedule::Pauses;
use super::store::sync_dir;
use crate::proofs::VerifierKey;

/// What a machine needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which machine this is.
    pub machine_id: MachineId,
    /// The ledger's key: it signs answers, and requests are encrypted to it.
    pub ledger_key: PublicKey,
    /// Where the ledger listens over Nostr.
    pub relays: Vec<RelayUrl>,
    /// Where it listens over HTTP: scheme and host, without a slash at the end.
    pub http: Option<String>,
    /// The public key of the ledger's checkpoints: with it, a receipt over HTTP has to prove that the claim
    /// is in the log, and counts whatever carried it.
    pub ledger_vkey: Option<VerifierKey>,
    /// The pauses between attempts.
    pub pauses: Pauses,
    /// The outbox is written anew when it has grown by so many bytes, and by as much as it had.
    pub compact_after_bytes: u64,
}

/// The file, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    machine_id: String,
    ledger_key: String,
    #[serde(default)]
    relays: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger_vkey: Option<String>,
    #[serde(default = "retry_min")]
    retry_min_ms: u64,
    #[serde(default = "retry_max")]
    retry_max_ms: u64,
    #[serde(default = "compact_after")]
    compact_after_bytes: u64,
}

fn retry_min() -> u64 {
    Pauses::default().min_ms
}

fn retry_max() -> u64 {
    Pauses::default().max_ms
}

const fn compact_after() -> u64 {
    Settings::COMPACT_AFTER_BYTES
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is not what it should be.
    #[error("{path}: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        why: String,
    },
}

/// Where the settings of a directory are.
fn path(dir: &Path) -> PathBuf {
    dir.join("atm.toml")
}

impl Settings {
    /// After how much growth the outbox is written anew, if nothing else is said: 1 MiB.
    pub const COMPACT_AFTER_BYTES: u64 = 1 << 20;

    /// Whether a directory has settings.
    pub fn exist(dir: &Path) -> bool {
        path(dir).exists()
    }

    /// Reads a directory's settings.
    pub fn read(dir: &Path) -> Result<Self, SettingsError> {
        let path = path(dir);
        let text = fs::read_to_string(&path)
            .map_err(|error| SettingsError::Io { path: path.clone(), error })?;
        let wrong = |why: String| SettingsError::Malformed { path: path.clone(), why };
        let written: Written = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Self::of(written).map_err(wrong)
    }

    fn of(written: Written) -> Result<Self, String> {
        let machine_id = MachineId::parse(&written.machine_id)
            .ok_or("`machine_id` is no id of 1 to 128 bytes")?;
        let ledger_key = PublicKey::parse(&written.ledger_key)
            .ok_or("`ledger_key` is an npub or 64 hex digits")?;
        let relays = written.relays.iter().map(|url| parse_relay(url)).collect::<Result<_, _>>()?;
        let http = written.http.as_deref().map(parse_http).transpose()?;
        let ledger_vkey = written.ledger_vkey.as_deref().map(parse_vkey).transpose()?;
        let pauses = Pauses { min_ms: written.retry_min_ms, max_ms: written.retry_max_ms };
        let settings = Self {
            machine_id,
            ledger_key,
            relays,
            http,
            ledger_vkey,
            pauses,
            compact_after_bytes: written.compact_after_bytes,
        };
        settings.lead_somewhere()?;
        Ok(settings)
    }

    /// Whether there is any way to the ledger.
    pub fn lead_somewhere(&self) -> Result<(), String> {
        if self.relays.is_empty() && self.http.is_none() {
            return Err("no way to the ledger is named: neither a relay nor HTTP".into());
        }
        if self.pauses.min_ms == 0 || self.pauses.max_ms < self.pauses.min_ms {
            return Err("`retry_min_ms` is at least 1 and at most `retry_max_ms`".into());
        }
        Ok(())
    }

    /// Writes them into a directory, durably: they are there whole, or not at all.
    pub fn write(&self, dir: &Path) -> Result<(), SettingsError> {
        let written = Written {
            machine_id: self.machine_id.as_str().to_owned(),
            ledger_key: self.ledger_key.to_string(),
            relays: self.relays.iter().map(ToString::to_string).collect(),
            http: self.http.clone(),
            ledger_vkey: self.ledger_vkey.as_ref().map(ToString::to_string),
            retry_min_ms: self.pauses.min_ms,
            retry_max_ms: self.pauses.max_ms,
            compact_after_bytes: self.compact_after_bytes,
        };
        let path = path(dir);
        let text = toml::to_string(&written).map_err(|error| SettingsError::Malformed {
            path: path.clone(),
            why: error.to_string(),
        })?;
        let new = dir.join("atm.toml.new");
        write_synced(&new, text.as_bytes())
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| sync_dir(dir))
            .map_err(|error| SettingsError::Io { path, error })
    }
}

/// Writes a file that only its owner may read, and waits for the disk.
pub fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The public key of a ledger's checkpoints.
pub fn parse_vkey(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text)
        .map_err(|why| format!("{text} is no vkey, as `checkpoint --key` prints it: {why}"))
}

/// The address of a relay.
pub fn parse_relay(text: &str) -> Result<RelayUrl, String> {
    RelayUrl::parse(text).map_err(|why| format!("{text} is no address of a relay: {why}"))
}

/// Scheme and host of a ledger: over TLS, or on this very machine, since answers over HTTP are not signed.
pub fn parse_http(text: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("{text} cannot be used: {why}");
    let url = nostr_sdk::Url::parse(text).map_err(|why| wrong(&why.to_string()))?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it has more than a scheme, a host and a port"));
    }
    let host = url.host_str().unwrap_or_default();
    let is_here = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _ => {
            return Err(wrong(
                "it has to begin with https://, or to be this machine (http://127.0.0.1:…)",
            ));
        }
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_nobody_signed_come_over_tls_or_from_this_machine() {
        for (text, read) in [
            ("https://ledger.example", "https://ledger.example"),
            ("https://ledger.example:8443/", "https://ledger.example:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(parse_http(text).as_deref(), Ok(read));
        }
        for text in [
            "http://ledger.example",
            "http://10.0.0.1:8080",
            "http://127.0.0.1.example",
            "https://user@ledger.example",
            "https://ledger.example/v1",
            "https://ledger.example?x",
            "ftp://127.0.0.1",
            "ledger.example",
        ] {
            assert!(parse_http(text).is_err(), "{text}");
        }
    }

    const VKEY: &str = include_str!("../../fixtures/proofs/log.vkey");

    #[test]
    fn settings_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            machine_id: MachineId::parse("m\"1").unwrap(),
            ledger_key: PublicKey::from_bytes([7; 32]),
            relays: vec![parse_relay("wss://relay.example").unwrap()],
            http: Some("https://ledger.example".into()),
            ledger_vkey: Some(parse_vkey(VKEY.trim()).unwrap()),
            pauses: Pauses { min_ms: 5, max_ms: 50 },
            compact_after_bytes: 9,
        };
        settings.write(dir.path()).unwrap();
        assert_eq!(Settings::read(dir.path()).unwrap(), settings);
    }

    #[test]
    fn settings_that_lead_nowhere_or_say_something_unknown_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let key = PublicKey::from_bytes([7; 32]);
        let begin = format!("machine_id = \"m1\"\nledger_key = \"{key}\"\n");
        for (more, says) in [
            ("", "no way to the ledger"),
            ("http = \"http://example.com\"", "https://"),
            ("relays = [\"nothing\"]", "relay"),
            ("relays = [\"ws://127.0.0.1\"]\nretry_min_ms = 0", "retry_min_ms"),
            ("relays = [\"ws://127.0.0.1\"]\nrelay = 1", "unknown field"),
        ] {
            fs::write(path(dir.path()), format!("{begin}{more}")).unwrap();
            let error = Settings::read(dir.path()).unwrap_err().to_string();
            assert!(error.contains(says), "{more}: {error}");
        }
    }
}
