//! The wallets file: where LNbits is, and the keys of the wallets. A secret, so nobody else may read it.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use spireledger_schema::text::WalletId;

/// The keys of one wallet.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Pays. A wallet that only receives needs none here.
    pub admin_key: Option<String>,
    /// Makes invoices and reads.
    pub invoice_key: String,
}

/// A key is never shown.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys")
    }
}

/// What the wallets file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallets {
    /// Where LNbits answers, without a slash at the end.
    pub lnbits: String,
    /// Keys by wallet.
    pub keys: BTreeMap<WalletId, Keys>,
    /// For how long an invoice that is made here can be paid.
    pub invoice_seconds: u32,
    /// How long after its expiry an invoice is taken to be expired for everybody.
    pub grace_seconds: u32,
}

/// Why a wallets file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletsError {
    /// It cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others may read it.
    #[error(
        "{path} has mode {mode:03o}, so others may read the keys in it; `chmod 600` it (and make new \
         keys, if anybody did)"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not what it should be.
    #[error("{path}: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong. Never a key.
        why: String,
    },
}

/// The file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lnbits: String,
    wallets: BTreeMap<String, Keys>,
    #[serde(default = "ten_minutes")]
    invoice_seconds: u32,
    #[serde(default = "one_minute")]
    grace_seconds: u32,
}

const fn ten_minutes() -> u32 {
    600
}

const fn one_minute() -> u32 {
    60
}

impl Wallets {
    /// Reads a wallets file.
    ///
    /// # Errors
    /// If others may read it, or it is not such a file.
    pub fn read(path: &Path) -> Result<Self, WalletsError> {
        let io = |error| WalletsError::Io { path: path.to_owned(), error };
        let mode = std::fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(WalletsError::Open { path: path.to_owned(), mode });
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        Self::parse(&text).map_err(|why| WalletsError::Malformed { path: path.to_owned(), why })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // What serde says of a wrong value can hold the value: only where it is, is told.
        let place = |error: &serde_json::Error| {
            format!(
                "not a wallets file, at line {} column {}; docs/paying.md has an example",
                error.line(),
                error.column()
            )
        };
        let file: File = serde_json::from_str(text).map_err(|error| place(&error))?;
        let lnbits = file.lnbits.trim_end_matches('/').to_owned();
        if !is_safe(&lnbits) {
            return Err("`lnbits` has to begin with https://, or with http:// and a name of this \
                        machine: keys are sent there"
                .into());
        }
        let mut keys = BTreeMap::new();
        for (id, of) in file.wallets {
            let id = WalletId::parse(&id).ok_or("a wallet's id is 1 to 128 bytes long")?;
            let is_wrong =
                |key: &String| key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic());
            if of.admin_key.iter().chain([&of.invoice_key]).any(is_wrong) {
                return Err(format!("a key of wallet {id} is empty or has a blank in it"));
            }
            keys.insert(id, of);
        }
        let (invoice_seconds, grace_seconds) = (file.invoice_seconds, file.grace_seconds);
        if invoice_seconds == 0 {
            return Err("`invoice_seconds` has to be above 0".into());
        }
        Ok(Self { lnbits, keys, invoice_seconds, grace_seconds })
    }
}

/// Whether what is sent there cannot be read on the way: over TLS, or to this machine itself.
pub(super) fn is_safe(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return url.starts_with("https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    });
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lnbits: &str, key: &str) -> String {
        format!(
            r#"{{"lnbits":"{lnbits}","wallets":{{"w1":{{"admin_key":"{key}","invoice_key":"i"}}}}}}"#
        )
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallets.json");
        std::fs::write(&path, file("https://ln.example.com/", "secret")).unwrap();
        for (mode, is_closed) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Wallets::read(&path).is_ok(), is_closed, "{mode:o}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let wallets = Wallets::parse(&file("https://ln.example.com/", "secret")).unwrap();
        assert_eq!(wallets.lnbits, "https://ln.example.com");
        assert!(!format!("{wallets:?}").contains("secret"));
        for wrong in ["sec ret", "", "secret\", \"x\": \""] {
            let why = Wallets::parse(&file("https://ln.example.com", wrong)).unwrap_err();
            assert!(!why.contains("sec"), "{why}");
        }
    }

    #[test]
    fn keys_go_over_tls_or_stay_on_the_machine() {
        for (url, expected) in [
            ("https://ln.example.com", true),
            ("http://127.0.0.1:5000", true),
            ("http://localhost/lnbits", true),
            ("http://ln.example.com", false),
            ("http://127.0.0.1:5000@evil.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost:x@evil.example.com/", false),
            ("ftp://127.0.0.1", false),
        ] {
            assert_eq!(is_safe(url), expected, "{url}");
        }
    }
}
